//! Data to pack, other programs to pack it, and ways to cut it.

use crate::common::{Numbers, run};
use par7z_lzma::{
    DecodeError, Encoder, EncoderOptions, Lzma2Decoder, LzmaDecoder, LzmaEnd, MatchFinder, Parser, Progress,
    Properties, lzma2_dictionary_bytes, scan_lzma2, unwatched,
};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Contents of all kinds, by name.
pub(crate) fn contents() -> Vec<(&'static str, Vec<u8>)> {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let noise = numbers.bytes(70_000);
    let words: Vec<Vec<u8>> = (0..300).map(|n| noise[n * 11..n * 11 + n % 9 + 2].to_vec()).collect();
    let text: Vec<u8> = (0..60_000).flat_map(|_| words[numbers.next(17) * numbers.next(17)].clone()).collect();
    let mut program = std::fs::read(std::env::current_exe().expect("a test is a program")).expect("readable");
    program.truncate(500_000);
    let mixed = [&text[..50_000], &noise, &vec![0; 100_000], &noise, &program[..200_000], &text[..150_000]].concat();
    let periodic = (0..100_000).map(|n| (n % 7 * 31) as u8).collect();
    vec![
        ("nothing", Vec::new()),
        ("one byte", vec![7]),
        ("a line", b"hello hello hello, said the parrot".to_vec()),
        ("zeros", vec![0; 700_000]),
        ("period of 7", periodic),
        ("noise", noise),
        ("text", text),
        ("a program", program),
        ("some of each", mixed),
    ]
}

/// `xz --format=raw` with a filter such as `--lzma1=lc=4`. Under Miri, which starts no programs, this crate's encoder.
pub(crate) fn xz(filter: &str, content: &[u8]) -> Vec<u8> {
    if cfg!(miri) {
        return packed_here(filter, content);
    }
    run(Command::new("xz").args(["--format=raw", "--stdout", "-T1", filter]), content)
}

/// What this crate's encoder packs with a filter for xz, in the cheapest way.
fn packed_here(filter: &str, content: &[u8]) -> Vec<u8> {
    let parameter = |name: &str| -> Option<u32> {
        let (_, rest) = filter.split_once(&format!("{name}="))?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        let unit = if rest[digits.len()..].starts_with("KiB") { 1 << 10 } else { 1 };
        Some(digits.parse::<u32>().ok()? * unit)
    };
    let usual = Properties::default();
    let properties = Properties {
        lc: parameter("lc").unwrap_or(usual.lc),
        lp: parameter("lp").unwrap_or(usual.lp),
        pb: parameter("pb").unwrap_or(usual.pb),
    };
    let finder = MatchFinder::HashBuckets { buckets_log2: 9, thorough: false };
    let dictionary_bytes = parameter("dict").unwrap_or(1 << 16);
    let options =
        EncoderOptions { properties, dictionary_bytes, finder, parser: Parser::Fast, ..EncoderOptions::default() };
    let mut encoder = Encoder::new(options).expect("valid options");
    let mut packed = Vec::new();
    if filter.starts_with("--lzma2") {
        encoder.encode_lzma2(content, &mut packed, &mut unwatched).expect("not stopped");
        packed.push(0);
    } else {
        encoder.encode_lzma(content, true, &mut packed, &mut unwatched).expect("not stopped");
    }
    packed
}

/// Whether 7-Zip may be used: its absence is a failure unless `PAR7Z_NO_7ZZ` is set.
pub(crate) fn has_7zz() -> bool {
    if cfg!(miri) {
        return false;
    }
    let skipped = std::env::var_os("PAR7Z_NO_7ZZ").is_some() && Command::new("7zz").arg("i").output().is_err();
    if skipped {
        eprintln!("SKIPPED: stock 7-Zip is not installed and PAR7Z_NO_7ZZ is set");
    }
    !skipped
}

/// The packed stream of a `.7z` archive of one item. The method is in `switches`.
pub(crate) fn packed_in_7z(switches: &[&str], content: &[u8]) -> Vec<u8> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder: PathBuf =
        [env!("CARGO_TARGET_TMPDIR"), &format!("decode-{}-{number}", std::process::id())].iter().collect();
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    std::fs::write(folder.join("content"), content).expect("writable");
    let common = ["a", "-mhc=off", "-mf=off", "out.7z", "content"];
    run(Command::new("7zz").current_dir(&folder).args(common).args(switches), &[]);
    let archive = std::fs::read(folder.join("out.7z")).expect("made just now");
    std::fs::remove_dir_all(folder).expect("removable");
    let offset = u64::from_le_bytes(archive[12..20].try_into().expect("8 bytes"));
    archive[32..32 + offset as usize].to_vec()
}

/// A stream and how to decode it.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) name: String,
    pub(crate) packed: Vec<u8>,
    pub(crate) unpacked: Vec<u8>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Lzma { properties: Properties, dictionary_bytes: u32, end: LzmaEnd },
    Lzma2 { dictionary_bytes: u32 },
}

/// Streams by xz: LZMA with an end marker, LZMA2; several properties and dictionaries.
pub(crate) fn streams_by_xz(name: &str, content: &[u8]) -> Vec<Stream> {
    let mut streams = Vec::new();
    let parameters = [(3, 0, 2, 1 << 20), (0, 2, 0, 1 << 16), (8, 4, 4, 1 << 17), (4, 0, 1, 4096), (0, 4, 4, 4096 * 3)];
    // One set of them is enough under Miri, which is slow.
    let step = if cfg!(miri) { parameters.len() } else { 1 };
    for (lc, lp, pb, dictionary_bytes) in parameters.into_iter().step_by(step) {
        let text = format!("lc={lc},lp={lp},pb={pb},dict={dictionary_bytes},nice=64");
        if lc + lp <= 4 {
            let kind = Kind::Lzma2 { dictionary_bytes };
            let packed = xz(&format!("--lzma2={text}"), content);
            streams.push(Stream { name: format!("{name}, LZMA2 {text}"), packed, unpacked: content.to_vec(), kind });
        }
        if lc + lp <= 4 {
            let properties = Properties { lc, lp, pb };
            let packed = xz(&format!("--lzma1={text}"), content);
            for end in [LzmaEnd::Marker, LzmaEnd::Size(content.len() as u64)] {
                let kind = Kind::Lzma { properties, dictionary_bytes, end };
                let name = format!("{name}, LZMA {text} {end:?}");
                streams.push(Stream { name, packed: packed.clone(), unpacked: content.to_vec(), kind });
            }
        }
    }
    streams
}

/// Streams by 7-Zip: LZMA with and without an end marker, also with wide properties; LZMA2, also with resets.
pub(crate) fn streams_by_7zz(name: &str, content: &[u8]) -> Vec<Stream> {
    if content.is_empty() {
        // There is no packed stream then.
        return Vec::new();
    }
    let mut streams = Vec::new();
    let lzma = [
        ("-mx=5", (3, 0, 2), 1 << 16, false),
        ("-mx=9", (8, 4, 4), 1 << 12, false),
        ("-mx=1", (0, 0, 0), 1 << 20, false),
        ("-mx=5", (1, 3, 3), 1 << 20, true),
    ];
    for (level, (lc, lp, pb), dictionary_bytes, marker) in lzma {
        let end_marker = if marker { ":eos" } else { "" };
        let method = format!("-m0=lzma:lc={lc}:lp={lp}:pb={pb}:d={dictionary_bytes}b{end_marker}");
        let packed = packed_in_7z(&[level, &method], content);
        let end = if marker { LzmaEnd::Marker } else { LzmaEnd::Size(content.len() as u64) };
        let kind = Kind::Lzma { properties: Properties { lc, lp, pb }, dictionary_bytes, end };
        streams.push(Stream { name: format!("{name}, {level} {method}"), packed, unpacked: content.to_vec(), kind });
    }
    // 7-Zip's parts are as large as `c`.
    for (method, threads, dictionary_bytes) in
        [("-m0=lzma2:d=64k:c=256k", "-mmt=2", 1 << 16), ("-m0=lzma2:d=1m:lc=2:lp=2:pb=0", "-mmt=1", 1 << 20)]
    {
        let packed = packed_in_7z(&[method, threads], content);
        let kind = Kind::Lzma2 { dictionary_bytes };
        streams.push(Stream { name: format!("{name}, {method}"), packed, unpacked: content.to_vec(), kind });
    }
    streams
}

/// Either decoder.
pub(crate) enum Decoder {
    Lzma(LzmaDecoder),
    Lzma2(Lzma2Decoder),
}

impl Decoder {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Lzma { properties, dictionary_bytes, end } => {
                Self::Lzma(LzmaDecoder::new(properties, dictionary_bytes, end).expect("sound properties"))
            }
            Kind::Lzma2 { dictionary_bytes } => Self::Lzma2(Lzma2Decoder::new(dictionary_bytes, None)),
        }
    }

    pub(crate) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, DecodeError> {
        match self {
            Self::Lzma(decoder) => decoder.decode(input, output),
            Self::Lzma2(decoder) => decoder.decode(input, output),
        }
    }

    pub(crate) fn decode_whole(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, DecodeError> {
        match self {
            Self::Lzma(decoder) => decoder.decode_whole(input, output),
            Self::Lzma2(decoder) => decoder.decode_whole(input, output),
        }
    }
}

/// What comes of a stream: its output and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) output: Vec<u8>,
    /// Whether it is complete; `Ok(false)` if the input is cut off or the output came to `most` bytes.
    pub(crate) finished: Result<bool, DecodeError>,
    /// Bytes of input, where it is complete.
    pub(crate) consumed: Option<usize>,
}

/// Decodes with inputs and outputs of lengths that `cut` gives: 0 lets the rest through. Stops at `most` bytes of output.
pub(crate) fn decode_in_pieces(
    decoder: &mut Decoder,
    packed: &[u8],
    most: usize,
    mut cut: impl FnMut() -> (usize, usize),
) -> Outcome {
    let mut output = Vec::new();
    let mut at = 0;
    let (mut idle, mut consumed) = (0, None);
    let finished = loop {
        let (input_bytes, output_bytes) = cut();
        let (input, piece_bytes) = match input_bytes {
            0 => (&packed[at..], if output_bytes == 0 { 1 << 16 } else { output_bytes }),
            count => {
                (&packed[at..packed.len().min(at + count)], if output_bytes == 0 { 1 << 16 } else { output_bytes })
            }
        };
        let piece_bytes = piece_bytes.min(most - output.len());
        let begin = output.len();
        output.resize(begin + piece_bytes, 0xA5);
        let progress = match decoder.decode(input, &mut output[begin..]) {
            Ok(progress) => progress,
            Err(error) => {
                output.truncate(begin);
                assert_eq!(decoder.decode(&packed[at..], &mut [0; 9]), Err(error), "an error stays");
                break Err(error);
            }
        };
        assert!(progress.consumed <= input.len() && progress.produced <= piece_bytes);
        output.truncate(begin + progress.produced);
        at += progress.consumed;
        if progress.finished {
            consumed = Some(at);
            break Ok(true);
        }
        if progress.consumed == 0 && progress.produced == 0 {
            // Nothing to be had; not with another cut either, if this goes on.
            idle += 1;
            if idle > 4 && (at == packed.len() || output.len() == most) {
                break Ok(false);
            }
            assert!(idle < 1000, "no progress with {} bytes of input left", packed.len() - at);
        } else {
            idle = 0;
        }
    };
    Outcome { output, finished, consumed }
}

/// Decodes in one piece.
pub(crate) fn decode(kind: Kind, packed: &[u8], most: usize) -> Outcome {
    decode_in_pieces(&mut Decoder::new(kind), packed, most, || (0, 0))
}

/// Decodes a stream in every way there is.
pub(crate) fn check(stream: &Stream) {
    let Stream { name, packed, unpacked, kind } = stream;
    let with_rest = [packed, &b"what follows"[..]].concat();
    let most = unpacked.len() + 1000;
    let complete = Outcome { output: unpacked.clone(), finished: Ok(true), consumed: Some(packed.len()) };
    assert!(decode(*kind, &with_rest, most) == complete, "{name}");

    let mut numbers = Numbers(packed.len() as u64 + 1);
    let mut decoder = Decoder::new(*kind);
    let outcome = decode_in_pieces(&mut decoder, &with_rest, most, || (numbers.next(300), numbers.next(500)));
    assert!(outcome == complete, "{name}, cut at random");
    let mut decoder = Decoder::new(*kind);
    let outcome = decode_in_pieces(&mut decoder, &with_rest, most, || (1, 1));
    assert!(outcome == complete, "{name}, byte by byte");

    let mut output = vec![0; unpacked.len()];
    let progress = Decoder::new(*kind).decode_whole(&with_rest, &mut output);
    let expected = Progress { consumed: packed.len(), produced: unpacked.len(), finished: true };
    assert_eq!(progress, Ok(expected), "{name}, as a whole");
    assert!(output == *unpacked, "{name}, as a whole");

    if let Kind::Lzma2 { dictionary_bytes } = *kind {
        let scan = scan_lzma2(&with_rest).expect("sound headers");
        assert_eq!(scan.packed_bytes, Some(packed.len() as u64));
        output.fill(0);
        let mut end = (0, 0);
        for part in &scan.parts {
            assert_eq!((part.packed.start, part.unpacked.start), end, "no gaps");
            end = (part.packed.end, part.unpacked.end);
            let piece = &mut output[part.unpacked.start as usize..part.unpacked.end as usize];
            let input = &packed[part.packed.start as usize..part.packed.end as usize];
            let expected = Progress { consumed: input.len(), produced: piece.len(), finished: false };
            assert_eq!(Lzma2Decoder::new(dictionary_bytes, None).decode_whole(input, piece), Ok(expected), "{name}");
        }
        assert_eq!(end, (packed.len() as u64 - 1, unpacked.len() as u64));
        assert!(output == *unpacked, "{name}, in {} parts", scan.parts.len());
    }
}

/// The dictionary of a property byte, which is sound.
pub(crate) fn dictionary(property: u8) -> u32 {
    lzma2_dictionary_bytes(property).expect("up to 40")
}
