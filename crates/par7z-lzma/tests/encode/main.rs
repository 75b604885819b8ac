//! What the encoder packs comes back through this crate's decoder and through `xz`, whose decoder is the strictest about
//! resets; and it does not depend on what was packed before.

use par7z_lzma::{
    EncodeProgress, Encoder, EncoderOptions, Lzma2Decoder, LzmaDecoder, LzmaEnd, LzmaStreamEncoder, MatchFinder,
    Parser, Properties, Stopped, unwatched,
};
use std::io::Write;
use std::ops::ControlFlow;
use std::process::{Command, Stdio};

/// Each finder with each parser that it works with.
const WAYS: [(MatchFinder, Parser); 6] = [
    (MatchFinder::IntervalTree, Parser::Fast),
    (MatchFinder::BinaryTree { cycles: 24 }, Parser::Optimal),
    (MatchFinder::IntervalTree, Parser::Optimal),
    (MatchFinder::HashBuckets { buckets_log2: 16, thorough: true }, Parser::Optimal),
    (MatchFinder::HashBuckets { buckets_log2: 12, thorough: false }, Parser::Fast),
    (MatchFinder::HashBuckets { buckets_log2: 16, thorough: true }, Parser::Fast),
];
/// The fast levels' way.
const FAST: EncoderOptions = EncoderOptions {
    properties: Properties { lc: 3, lp: 0, pb: 2 },
    dictionary_bytes: 1 << 20,
    nice_length: 32,
    finder: MatchFinder::HashBuckets { buckets_log2: 17, thorough: false },
    parser: Parser::Fast,
};

/// Numbers that are the same every time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % below
    }
}

/// Texts of a length, of all kinds.
fn texts(len: usize) -> Vec<(String, Vec<u8>)> {
    let mut numbers = Numbers(0x9E37_79B9 + len as u64);
    let words: Vec<Vec<u8>> =
        (0..200).map(|_| (0..numbers.next(9) + 2).map(|_| b'a' + numbers.next(26) as u8).collect()).collect();
    let mut text = Vec::new();
    while text.len() < len {
        text.extend_from_slice(&words[(numbers.next(15) * numbers.next(14)) as usize]);
        text.push(b' ');
    }
    text.truncate(len);
    let noise: Vec<u8> = (0..len).map(|_| numbers.next(256) as u8).collect();
    let mut program = std::fs::read(std::env::current_exe().expect("a test is a program")).expect("readable");
    program.truncate(len);
    let half = [&noise[..len / 2], &text[len / 2..]].concat();
    let mut texts = vec![("text", text), ("noise", noise), ("a program", program), ("half and half", half)];
    texts.push(("Thue-Morse", (0..len).map(|n| (n.count_ones() % 2) as u8).collect()));
    let mut texts: Vec<_> = texts.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    for period in [1, 2, 3, 9] {
        texts.push((format!("period {period}"), (0..len).map(|n| (n % period * 29) as u8).collect()));
    }
    texts
}

fn encode(options: EncoderOptions, text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    Encoder::new(options).expect("valid options").encode_lzma2(text, &mut packed, &mut unwatched).expect("not stopped");
    packed.push(0);
    packed
}

fn comes_back(options: EncoderOptions, packed: &[u8], text: &[u8], what: &str) {
    let mut unpacked = vec![0; text.len()];
    let mut decoder = Lzma2Decoder::new(options.dictionary_bytes, Some(text.len() as u64));
    let progress = decoder.decode_whole(packed, &mut unpacked).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(progress.produced, text.len(), "{what}");
    assert!(unpacked == text, "{what}: other bytes came back");
}

/// Unpacks with xz.
fn xz(packed: &[u8], dictionary_bytes: u32) -> Vec<u8> {
    let mut child = Command::new("xz")
        .args(["--format=raw", &format!("--lzma2=dict={dictionary_bytes}"), "-dc"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("xz runs; scripts/install-test-deps.sh installs it");
    let mut stdin = child.stdin.take().expect("piped");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(packed));
        child.wait_with_output().expect("it was started")
    });
    assert!(output.status.success(), "xz refuses the stream");
    output.stdout
}

#[test]
fn every_small_length_comes_back() {
    for len in (0..70).chain([127, 128, 255, 256, 300, 4095, 4096, 4097]) {
        for (name, text) in texts(len) {
            for (finder, parser) in WAYS {
                let options = EncoderOptions { finder, parser, ..EncoderOptions::default() };
                comes_back(
                    options,
                    &encode(options, &text),
                    &text,
                    &format!("{name}, {len} bytes, {finder:?}, {parser:?}"),
                );
            }
        }
    }
}

#[test]
fn lengths_around_chunks_come_back() {
    for len in [(1 << 16) - 1, 1 << 16, (1 << 16) + 1, (1 << 21) - 1, (1 << 21) + 4500] {
        for (name, text) in texts(len) {
            for options in [EncoderOptions::default(), FAST] {
                comes_back(options, &encode(options, &text), &text, &format!("{name}, {len} bytes, {options:?}"));
            }
        }
    }
}

#[test]
fn every_parameter_comes_back_through_xz() {
    let text: Vec<u8> = texts(60_000).into_iter().flat_map(|(_, text)| text).collect();
    for properties in [(3, 0, 2), (0, 0, 0), (4, 0, 0), (0, 4, 4), (1, 3, 1), (2, 2, 3)] {
        let (lc, lp, pb) = properties;
        for (dictionary_bytes, nice_length) in [(1 << 12, 5), (1 << 16, 273), (1 << 20, 64)] {
            for (finder, parser) in WAYS {
                let properties = Properties { lc, lp, pb };
                let options = EncoderOptions { properties, dictionary_bytes, nice_length, finder, parser };
                let packed = encode(options, &text);
                assert!(xz(&packed, dictionary_bytes) == text, "{options:?}");
                comes_back(options, &packed, &text, &format!("{options:?}"));
            }
        }
    }
}

#[test]
fn an_encoder_remembers_nothing() {
    for (finder, parser) in WAYS {
        let options = EncoderOptions { finder, parser, ..EncoderOptions::default() };
        let mut encoder = Encoder::new(options).expect("valid options");
        let all: Vec<Vec<u8>> =
            [90_000, 3_000, 200_000, 50].into_iter().map(|len| texts(len).swap_remove(0).1).collect();
        for text in all.iter().chain(all.iter().rev()) {
            let mut packed = Vec::new();
            encoder.encode_lzma2(text, &mut packed, &mut unwatched).expect("not stopped");
            packed.push(0);
            assert!(packed == encode(options, text), "{finder:?}, {parser:?}, {} bytes", text.len());
        }
    }
}

#[test]
fn texts_after_one_another_are_one_stream() {
    let (one, other) = (&texts(30_000)[0].1, &texts(40_000)[2].1);
    let options = EncoderOptions::default();
    let mut packed = Vec::new();
    let mut encoder = Encoder::new(options).expect("valid options");
    encoder.encode_lzma2(one, &mut packed, &mut unwatched).expect("not stopped");
    encoder.encode_lzma2(other, &mut packed, &mut unwatched).expect("not stopped");
    packed.push(0);
    assert!(xz(&packed, options.dictionary_bytes) == [&one[..], other].concat());
}

#[test]
fn noise_grows_by_its_chunk_headers_alone() {
    let noise = texts(1 << 20).swap_remove(1).1;
    for options in [EncoderOptions::default(), FAST] {
        let packed = encode(options, &noise);
        assert!(packed.len() <= noise.len() + noise.len() / 10_000 + 64, "{} bytes", packed.len());
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    let good = EncoderOptions::default();
    let bad = [
        EncoderOptions { properties: Properties { lc: 9, lp: 0, pb: 0 }, ..good },
        EncoderOptions { properties: Properties { lc: 0, lp: 0, pb: 5 }, ..good },
        EncoderOptions { dictionary_bytes: 4095, ..good },
        EncoderOptions { nice_length: 4, ..good },
        EncoderOptions { nice_length: 274, ..good },
        EncoderOptions { finder: MatchFinder::BinaryTree { cycles: 0 }, ..good },
        EncoderOptions { finder: MatchFinder::HashBuckets { buckets_log2: 25, thorough: true }, ..good },
    ];
    assert!(bad.into_iter().all(|options| Encoder::new(options).is_err()));
}

fn lzma_comes_back(packed: &[u8], options: EncoderOptions, end: LzmaEnd, text: &[u8]) {
    let mut decoder = LzmaDecoder::new(options.properties, options.dictionary_bytes, end).expect("enough memory");
    let mut unpacked = vec![0; text.len() + 1];
    let progress = decoder.decode(packed, &mut unpacked).expect("no damage");
    assert!(progress.finished && progress.consumed == packed.len(), "{progress:?} of {}", packed.len());
    assert!(&unpacked[..progress.produced] == text);
}

#[test]
fn lzma_ends_by_its_marker_or_by_its_size() {
    for (_, text) in [0, 1, 2, 300, 70_000].into_iter().flat_map(texts) {
        for (finder, parser) in WAYS {
            let properties = Properties { lc: 8, lp: 4, pb: 4 };
            let options = EncoderOptions { finder, parser, properties, ..EncoderOptions::default() };
            let mut encoder = Encoder::new(options).expect("valid options");
            for (end_marker, end) in [(true, LzmaEnd::Marker), (false, LzmaEnd::Size(text.len() as u64))] {
                let mut packed = Vec::new();
                encoder.encode_lzma(&text, end_marker, &mut packed, &mut unwatched).expect("not stopped");
                lzma_comes_back(&packed, options, end, &text);
            }
        }
    }
}

#[test]
fn lzma_in_pieces_slides_its_window() {
    let text: Vec<u8> = (0..4).flat_map(|_| texts(1 << 20).into_iter().take(3)).flat_map(|(_, text)| text).collect();
    for dictionary_bytes in [1 << 12, 1 << 20, 3 << 20] {
        let options = EncoderOptions { dictionary_bytes, ..EncoderOptions::default() };
        let mut encoder = LzmaStreamEncoder::new(options).expect("valid options");
        let mut by_cut = Vec::new();
        for cut in [1 << 30, 1_000_003] {
            let mut packed = Vec::new();
            encoder.begin();
            for piece in text.chunks(cut) {
                encoder.write(piece, &mut packed, &mut unwatched).expect("not stopped");
            }
            encoder.finish(false, &mut packed, &mut unwatched).expect("not stopped");
            lzma_comes_back(&packed, options, LzmaEnd::Size(text.len() as u64), &text);
            by_cut.push(packed);
        }
        assert!(by_cut[0] == by_cut[1], "how it is cut does not matter");
        if dictionary_bytes > 1 << 20 {
            // All but the first of the four rounds is found again, the noise too.
            assert!(by_cut[0].len() < text.len() / 4, "{} of {}", by_cut[0].len(), text.len());
        }
    }
}

#[test]
fn an_encoding_can_be_stopped() {
    let text = texts(1 << 20).swap_remove(0).1;
    let mut encoder = Encoder::new(EncoderOptions::default()).expect("valid options");
    let mut calls = 0;
    let mut stop_soon = |progress: EncodeProgress| {
        calls += 1;
        if progress.unpacked_bytes > 300_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    assert_eq!(encoder.encode_lzma2(&text, &mut Vec::new(), &mut stop_soon), Err(Stopped));
    assert!((4..20).contains(&calls), "{calls} calls");
    // It is as good as new.
    let mut packed = Vec::new();
    encoder.encode_lzma2(&text, &mut packed, &mut unwatched).expect("not stopped");
    packed.push(0);
    assert!(packed == encode(EncoderOptions::default(), &text));
}

#[test]
fn flat_stretches_are_stored_among_others() {
    let all = texts(400_000);
    let (text, noise) = (&all[0].1, &all[1].1);
    // Noise, text, other noise, the first noise again, text.
    let other: Vec<u8> = noise.iter().map(|byte| byte ^ 0x55).collect();
    let whole = [noise, text, &other, &noise[5..], text].concat();
    for (finder, parser) in WAYS {
        let options = EncoderOptions { finder, parser, ..EncoderOptions::default() };
        let packed = encode(options, &whole);
        assert!(packed.len() < noise.len() * 2 + text.len(), "{finder:?}: repeated noise is found");
        comes_back(options, &packed, &whole, "mixed");
        assert!(xz(&packed, options.dictionary_bytes) == whole);
    }
}
