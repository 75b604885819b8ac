//! What the encoder packs comes back through this crate's decoder and through `xz`, whose decoder is the strictest about
//! resets; and it does not depend on what was packed before.

use par7z_lzma::{EncoderOptions, Lzma2Decoder, Lzma2Encoder, MatchFinder, Properties};
use std::io::Write;
use std::process::{Command, Stdio};

const TREES: [MatchFinder; 2] = [MatchFinder::BinaryTree { cycles: 24 }, MatchFinder::IntervalTree];

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
    Lzma2Encoder::new(options).expect("valid options").encode(text, &mut packed);
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
            for finder in TREES {
                let options = EncoderOptions { finder, ..EncoderOptions::default() };
                comes_back(options, &encode(options, &text), &text, &format!("{name}, {len} bytes, {finder:?}"));
            }
        }
    }
}

#[test]
fn lengths_around_chunks_come_back() {
    for len in [20_000, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, (1 << 21) - 1, (1 << 21) + 4500] {
        for (name, text) in texts(len) {
            let options = EncoderOptions::default();
            comes_back(options, &encode(options, &text), &text, &format!("{name}, {len} bytes"));
        }
    }
}

#[test]
fn every_parameter_comes_back_through_xz() {
    let text: Vec<u8> = texts(60_000).into_iter().flat_map(|(_, text)| text).collect();
    for properties in [(3, 0, 2), (0, 0, 0), (4, 0, 0), (0, 4, 4), (1, 3, 1), (2, 2, 3)] {
        let (lc, lp, pb) = properties;
        for (dictionary_bytes, nice_length) in [(1 << 12, 5), (1 << 16, 273), (1 << 20, 64)] {
            for finder in TREES {
                let properties = Properties { lc, lp, pb };
                let options = EncoderOptions { properties, dictionary_bytes, nice_length, finder };
                let packed = encode(options, &text);
                assert!(xz(&packed, dictionary_bytes) == text, "{options:?}");
                comes_back(options, &packed, &text, &format!("{options:?}"));
            }
        }
    }
}

#[test]
fn an_encoder_remembers_nothing() {
    for finder in TREES {
        let options = EncoderOptions { finder, ..EncoderOptions::default() };
        let mut encoder = Lzma2Encoder::new(options).expect("valid options");
        let all: Vec<Vec<u8>> = [90_000, 3_000, 200_000, 50, 65_535, 65_536, 1_000]
            .into_iter()
            .map(|len| texts(len).swap_remove(0).1)
            .collect();
        for text in all.iter().chain(all.iter().rev()) {
            let mut packed = Vec::new();
            encoder.encode(text, &mut packed);
            packed.push(0);
            assert!(packed == encode(options, text), "{finder:?}, {} bytes", text.len());
        }
    }
}

#[test]
fn texts_after_one_another_are_one_stream() {
    let (one, other) = (&texts(30_000)[0].1, &texts(40_000)[2].1);
    let options = EncoderOptions::default();
    let mut packed = Vec::new();
    let mut encoder = Lzma2Encoder::new(options).expect("valid options");
    encoder.encode(one, &mut packed);
    encoder.encode(other, &mut packed);
    packed.push(0);
    assert!(xz(&packed, options.dictionary_bytes) == [&one[..], other].concat());
}

#[test]
fn noise_grows_by_its_chunk_headers_alone() {
    let noise = texts(1 << 20).swap_remove(1).1;
    let packed = encode(EncoderOptions::default(), &noise);
    assert!(packed.len() <= noise.len() + noise.len() / 10_000 + 64, "{} bytes", packed.len());
}

#[test]
fn parameters_out_of_range_are_refused() {
    let good = EncoderOptions::default();
    let bad = [
        EncoderOptions { properties: Properties { lc: 4, lp: 1, pb: 0 }, ..good },
        EncoderOptions { properties: Properties { lc: 0, lp: 0, pb: 5 }, ..good },
        EncoderOptions { dictionary_bytes: 4095, ..good },
        EncoderOptions { nice_length: 4, ..good },
        EncoderOptions { nice_length: 274, ..good },
        EncoderOptions { finder: MatchFinder::BinaryTree { cycles: 0 }, ..good },
    ];
    assert!(bad.into_iter().all(|options| Lzma2Encoder::new(options).is_err()));
}
