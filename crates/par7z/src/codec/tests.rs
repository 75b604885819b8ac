//! Every encoder against its decoder, slices, filters, the graph's fences, and hostile bytes.

use super::*;
use crate::crypto::KeyRing;
use crate::{
    Bzip2Params, DeflateParams, Filter, LzmaMatchFinder, LzmaMode, LzmaParams, Method, PpmdParams, ReadLimits,
};
use par7z_format::{Bond, Folder, FolderStreams, Substream};
use proptest::prelude::*;
use std::io::Cursor;
use std::sync::Arc;

const METHODS: [Method; 6] = [
    Method::Copy,
    Method::Lzma(NO_LZMA),
    Method::Lzma2(NO_LZMA),
    Method::Ppmd(PpmdParams { order: None, memory_bytes: None }),
    Method::Bzip2(Bzip2Params { block_100k: None }),
    Method::Deflate(DeflateParams { zlib_level: None }),
];
const NO_LZMA: LzmaParams = LzmaParams {
    dictionary_bytes: None,
    nice_length: None,
    cycles: None,
    match_finder: None,
    mode: None,
    lc: None,
    lp: None,
    pb: None,
};
const FILTERS: [Filter; 13] = [
    Filter::Delta { distance: 1 },
    Filter::Delta { distance: 4 },
    Filter::Delta { distance: 256 },
    Filter::BcjX86,
    Filter::Arm,
    Filter::ArmThumb,
    Filter::Arm64,
    Filter::PowerPc,
    Filter::Sparc,
    Filter::Ia64,
    Filter::RiscV,
    Filter::Swap2,
    Filter::Swap4,
];

/// Bytes that no method makes smaller; the same every time.
pub(super) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(step).collect()
}

pub(super) fn text(len: usize) -> Vec<u8> {
    let words = ["archive ", "folder ", "stream\n", "of ", "a ", "coder ", "the ", "packed "];
    let mut out = Vec::with_capacity(len + 8);
    for byte in noise(len / 2 + 1) {
        out.extend_from_slice(words[usize::from(byte % 8)].as_bytes());
    }
    out.truncate(len);
    out
}

/// Bytes that look like code to each branch filter: noise with branches sown in.
fn code(len: usize) -> Vec<u8> {
    let mut out = noise(len);
    let branches: [&[u8]; 6] = [
        &[0xE8, 1, 2, 3, 0],
        &[0, 0, 0, 0xEB],
        &[0x48, 0, 0, 1],
        &[0x40, 0, 0, 7],
        &[0x12, 0, 0, 0x94],
        &[0xF0, 1, 0xF8, 2],
    ];
    for (index, at) in (0..len.saturating_sub(8)).step_by(12).enumerate() {
        let branch = branches[index % branches.len()];
        out[at..at + branch.len()].copy_from_slice(branch);
    }
    out
}

fn encode(method: &ResolvedMethod, size: Option<u64>, data: &[u8], piece: usize) -> (Coder, Vec<u8>) {
    encode_with(&mut *method.encoder(), size, data, piece)
}

fn encode_with(encoder: &mut dyn Encoder, size: Option<u64>, data: &[u8], piece: usize) -> (Coder, Vec<u8>) {
    let mut packed = Vec::new();
    let coder = encoder.begin(size).unwrap();
    for part in data.chunks(piece) {
        encoder.write(part, &mut packed).unwrap();
    }
    encoder.finish(&mut packed).unwrap();
    (coder, packed)
}

/// A folder of a simple chain, every coder with the same unpack size.
pub(super) fn folder(coders: Vec<Coder>, size: u64) -> FolderStreams {
    let unpack_sizes = vec![size; coders.len()].into();
    let substreams = Box::new([Substream { size, crc: None }]);
    FolderStreams { folder: Arc::new(Folder::chain(coders)), unpack_sizes, crc: None, substreams }
}

fn boxed(bytes: &[u8]) -> BoxRead {
    Box::new(Cursor::new(bytes.to_vec()))
}

fn open(folder: &FolderStreams, packed: &[u8]) -> Result<BoxRead> {
    open_folder(folder, vec![boxed(packed)], &KeyRing::new(None), &ReadLimits::default(), None)
}

fn decode(coders: Vec<Coder>, packed: &[u8], size: u64) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut reader = open(&folder(coders, size), packed)?;
    reader.read_to_end(&mut out).map_err(|e| Error::io("decoding", e))?;
    Ok(out)
}

fn read_in_pieces(mut reader: impl Read, sizes: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut buffer = vec![0; sizes.iter().copied().max().unwrap()];
    for &size in sizes.iter().cycle() {
        match reader.read(&mut buffer[..size]).unwrap() {
            0 => break,
            count => out.extend_from_slice(&buffer[..count]),
        }
    }
    out
}

#[test]
fn every_method_gives_back_what_it_got() {
    let contents: [fn(usize) -> Vec<u8>; 3] = [text, noise, |len| vec![0; len]];
    for method in METHODS {
        let mut encoder = ResolvedMethod::new(&method, 5).encoder();
        for size in [0, 1, 4095, 65_535, 65_536, 65_537, 200_000] {
            for content in contents {
                let data = content(size);
                for known in [Some(size as u64), None] {
                    // One encoder for all of them: it is re-armed.
                    let (coder, packed) = encode_with(&mut *encoder, known, &data, 65_536);
                    let back = decode(vec![coder], &packed, size as u64).unwrap();
                    assert!(back == data, "{method:?}, {size} bytes, size known: {known:?}");
                }
            }
        }
    }
}

#[test]
fn every_level_gives_back_what_it_got() {
    let data = [text(400_000), noise(100_000), vec![7; 50_000]].concat();
    for level in 0..=9 {
        for method in METHODS {
            let (coder, packed) = encode(&ResolvedMethod::new(&method, level), Some(data.len() as u64), &data, 60_000);
            assert!(decode(vec![coder], &packed, data.len() as u64).unwrap() == data, "{method:?}, level {level}");
        }
    }
}

#[test]
fn large_streams_give_back_what_they_got() {
    let data = [text(1 << 20), noise(1 << 20), vec![0; 1 << 20]].concat();
    for method in METHODS {
        let (coder, packed) = encode(&ResolvedMethod::new(&method, 5), None, &data, 65_536);
        assert!(decode(vec![coder], &packed, data.len() as u64).unwrap() == data, "{method:?}");
    }
}

#[test]
fn the_extremes_of_lzma_give_back_what_they_got() {
    let data = [noise(200_000), text(150_000), noise(250_000)].concat();
    for mode in [LzmaMode::Fast, LzmaMode::Optimal] {
        for match_finder in [LzmaMatchFinder::HashBuckets, LzmaMatchFinder::BinaryTree, LzmaMatchFinder::IntervalTree] {
            for nice_length in [5, 8, 273] {
                for dictionary in [4096, 65_536, 100_001] {
                    let params = LzmaParams {
                        mode: Some(mode),
                        match_finder: Some(match_finder),
                        nice_length: Some(nice_length),
                        dictionary_bytes: Some(dictionary),
                        ..NO_LZMA
                    };
                    for method in [Method::Lzma(params), Method::Lzma2(params)] {
                        let (coder, packed) = encode(&ResolvedMethod::new(&method, 5), None, &data, 65_536);
                        assert!(decode(vec![coder], &packed, data.len() as u64).unwrap() == data, "{method:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn literal_and_position_bits_are_kept() {
    let data = text(100_000);
    for (lc, lp, pb) in [(0, 0, 0), (4, 0, 4), (0, 4, 0), (8, 4, 4), (1, 2, 3)] {
        let params = LzmaParams { lc: Some(lc), lp: Some(lp), pb: Some(pb), ..NO_LZMA };
        let mut methods = vec![Method::Lzma(params)];
        if lc + lp <= 4 {
            methods.push(Method::Lzma2(params));
        }
        for method in methods {
            let (coder, packed) = encode(&ResolvedMethod::new(&method, 1), None, &data, 65_536);
            assert!(decode(vec![coder], &packed, data.len() as u64).unwrap() == data, "{method:?}");
        }
    }
}

#[test]
fn slices_are_one_stream() {
    let history = text(100_000);
    let data = [text(9 << 20), noise(3 << 20), vec![1; 5 << 20], text(9 << 20)].concat();
    for level in [1, 5] {
        let method = ResolvedMethod::new(&Method::Lzma2(NO_LZMA), level);
        assert!(method.has_slices() && method.is_sliced(data.len()) && !method.is_sliced(1 << 20));
        let mut encoder = method.encoder();
        let coder = encoder.begin(None).unwrap();
        let mut joined = Vec::new();
        let window = [&history[..96_000], &data].concat();
        for (window, history_bytes) in [(&history[..96_000], 0), (&window[..], 96_000)] {
            let mut sliced = method.sliced_text(window, history_bytes);
            let mut scratch = TaskScratch::default();
            while sliced.tasks() > 0 {
                let results: Vec<_> =
                    (0..sliced.tasks()).map(|task| sliced.run_task(window, task, &mut scratch)).collect();
                sliced.next_round(window, results);
            }
            let mut state = SliceState::default();
            for index in 0..sliced.slices() {
                let mut packed = Vec::new();
                encoder.pack_slice(&sliced, &mut state, window, index, &mut packed, &mut |_, _| Ok(())).unwrap();
                joined.extend(packed);
            }
        }
        joined.extend(method.end_of_slices());
        assert!(decode(vec![coder], &joined, window.len() as u64).unwrap() == window, "level {level}");
    }
}

#[test]
fn dictionaries_shrink_to_the_stream() {
    let method = |method: Method| ResolvedMethod::new(&method, 5);
    let stored = |m: Method, size| method(m).encoder().begin(size).unwrap().properties;
    let lzma2 = Method::Lzma2(NO_LZMA);
    assert_eq!(*stored(lzma2, Some(100)), [0], "4 KiB");
    assert_eq!(*stored(lzma2, Some(4097)), [1], "6 KiB");
    assert_eq!(*stored(lzma2, Some(1 << 20)), [16]);
    assert_eq!(*stored(lzma2, None), [26], "32 MiB");
    assert_eq!(*stored(Method::Lzma(NO_LZMA), Some(100)), [0x5D, 0, 0x10, 0, 0]);
    assert_eq!(*stored(Method::Lzma(NO_LZMA), Some((5 << 20) + 1)), [0x5D, 0, 0, 0x60, 0], "whole MiB");
    assert_eq!(*stored(METHODS[3], Some(100)), [6, 0, 0, 1, 0], "64 KiB");
    assert!(method(lzma2).encoder_memory_bytes(Some(100)) < 2 << 20);
    assert!(method(lzma2).encoder_memory_bytes(Some(1 << 20)) <= 16 << 20);
    assert!(method(lzma2).encoder_memory_bytes(None) > 300 << 20);
}

#[test]
fn levels_are_near_7zips() {
    let dictionary = |level| ResolvedMethod::new(&Method::Lzma2(NO_LZMA), level).dictionary_bytes().ilog2();
    let dictionaries: Vec<_> = (1..=9).map(dictionary).collect();
    assert_eq!(dictionaries, [20, 21, 23, 24, 25, 26, 27, 28, 28]);
    assert!(ResolvedMethod::new(&Method::Lzma2(NO_LZMA), 0).stores());
    let nice = |params: LzmaParams| match ResolvedMethod::new(&Method::Lzma2(params), 7) {
        ResolvedMethod::Lzma2(setup) => setup.encoder().options().nice_length,
        other => panic!("{other:?}"),
    };
    assert_eq!(nice(NO_LZMA), 104);
    assert_eq!(nice(LzmaParams { nice_length: Some(100), ..NO_LZMA }), 100, "what the caller sets holds");
}

#[test]
fn filters_give_back_what_they_got() {
    for filter in FILTERS {
        for size in [0, 1, 3, 4, 15, 16, 17, 4095, 4096, 4097, 70_001] {
            let data = code(size);
            let mut whole = Vec::new();
            let mut encoder = filter_encoder(&filter);
            encoder.write(&data, &mut whole).unwrap();
            encoder.finish(&mut whole).unwrap();
            assert_eq!(whole.len(), size, "{filter:?}");
            for piece in [1, 3, 7, 4096, 5000] {
                let mut filtered = Vec::new();
                let mut encoder = filter_encoder(&filter);
                for part in data.chunks(piece) {
                    encoder.write(part, &mut filtered).unwrap();
                }
                encoder.finish(&mut filtered).unwrap();
                assert!(filtered == whole, "{filter:?} of {size} bytes in pieces of {piece}");
            }
            let reader = open(&folder(vec![filter_coder(&filter)], size as u64), &whole).unwrap();
            assert!(read_in_pieces(reader, &[1, 13, 2, 4097]) == data, "{filter:?} of {size} bytes");
            assert!(size < 4095 || whole != data, "{filter:?} does something");
        }
    }
}

#[test]
fn a_chain_of_filter_and_method_is_read() {
    let data = code(100_000);
    let mut filtered = Vec::new();
    let mut filter = filter_encoder(&Filter::Arm64);
    filter.write(&data, &mut filtered).unwrap();
    filter.finish(&mut filtered).unwrap();
    let (coder, packed) = encode(&ResolvedMethod::new(&METHODS[2], 5), None, &filtered, 65_536);
    // As 7-Zip stores it: what reads the packed stream first.
    let coders = vec![coder, filter_coder(&Filter::Arm64)];
    assert_eq!(method_names(&folder(coders.clone(), data.len() as u64)), "ARM64 LZMA2:25");
    assert!(decode(coders, &packed, data.len() as u64).unwrap() == data);
}

fn kind_of(result: Result<Vec<u8>>) -> ErrorKind {
    result.expect_err("an error").kind()
}

#[test]
fn damage_is_an_error() {
    let data = text(50_000);
    for method in &METHODS[1..] {
        let (coder, packed) = encode(&ResolvedMethod::new(method, 5), None, &data, 65_536);
        let size = data.len() as u64;
        let short = decode(vec![coder.clone()], &packed[..packed.len() / 2], size);
        assert_eq!(kind_of(short), ErrorKind::CorruptData, "{method:?} cut");
        assert_eq!(kind_of(decode(vec![coder.clone()], &[], size)), ErrorKind::CorruptData, "{method:?} empty");
        assert_eq!(decode(vec![coder], &[], 0).unwrap(), [0u8; 0], "{method:?}: nothing is nothing");
    }
}

#[test]
fn errors_below_come_through() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the network is gone"))
        }
    }
    for method in METHODS {
        let (coder, _) = encode(&ResolvedMethod::new(&method, 5), None, b"x", 1);
        let folder = folder(vec![coder, filter_coder(&Filter::BcjX86)], 100);
        let limits = ReadLimits::default();
        let error = open_folder(&folder, vec![Box::new(Broken)], &KeyRing::new(None), &limits, None)
            .and_then(|mut reader| reader.read_to_end(&mut Vec::new()).map_err(|e| Error::io("reading", e)))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{method:?}: {error}");
        assert!(error.to_string().contains("the network is gone"), "{error}");
    }
}

fn one(method: u64, properties: &[u8]) -> FolderStreams {
    folder(vec![coder(method, properties)], 1000)
}

#[test]
fn unknown_methods_are_named() {
    let error = open(&one(0x04F7_1101, &[1, 5, 3]), &[]).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("04F71101 (ZSTD)"), "{error}");
    assert_eq!(method_names(&one(0x7F1234, &[])), "7F1234");
}

#[test]
fn properties_are_checked() {
    let bad: [(u64, &[u8]); 17] = [
        (registry::id::COPY, &[0]),
        (registry::id::LZMA, &[0x5D, 0, 0, 1]),
        (registry::id::LZMA, &[225, 0, 0, 1, 0]),
        (registry::id::LZMA2, &[]),
        (registry::id::LZMA2, &[41]),
        (registry::id::PPMD, &[1, 0, 0, 1, 0]),
        (registry::id::PPMD, &[65, 0, 0, 1, 0]),
        (registry::id::PPMD, &[6, 0, 0, 0, 0]),
        (registry::id::PPMD, &[6, 255, 255, 255, 255]),
        (registry::id::BZIP2, &[0]),
        (registry::id::DEFLATE, &[0]),
        (registry::id::DELTA, &[]),
        (registry::id::BCJ_X86, &[0, 0, 0, 0]),
        (registry::id::ARM64, &[1, 0, 0, 0]),
        (registry::id::ARM64, &[0]),
        (registry::id::SWAP4, &[0]),
        (registry::id::AES, &[0x53, 0x0F, 1]),
    ];
    for (method, properties) in bad {
        let error = open(&one(method, properties), &[0; 100]).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{method:X} {properties:?}: {error}");
    }
}

#[test]
fn memory_is_checked_before_it_is_taken() {
    let model = one(registry::id::PPMD, &[6, 0, 0, 0, 0x80]);
    let limits = ReadLimits { decoder_memory_bytes: 1 << 30, ..ReadLimits::default() };
    let error = open_folder(&model, vec![boxed(&[])], &KeyRing::new(None), &limits, None).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    // A forged dictionary costs no more than the content that is there.
    for forged in [one(registry::id::LZMA, &[0x5D, 255, 255, 255, 255]), one(registry::id::LZMA2, &[40])] {
        assert!(decoder_memory_bytes(&forged).unwrap() < 1 << 20);
    }
    let mut huge = one(registry::id::LZMA, &[0x5D, 255, 255, 255, 255]);
    huge.unpack_sizes = Box::new([u64::MAX]);
    let mut reader = open_folder(
        &huge,
        vec![boxed(&[0; 100])],
        &KeyRing::new(None),
        &ReadLimits { decoder_memory_bytes: u64::MAX, ..ReadLimits::default() },
        None,
    )
    .unwrap();
    assert!(reader.read_to_end(&mut Vec::new()).is_err(), "it ends early, without 4 GiB");
}

#[test]
fn names_are_7zips() {
    let cases: [(u64, &[u8], &str); 16] = [
        (0, &[], "Copy"),
        (0x21, &[24], "LZMA2:24"),
        (0x21, &[25], "LZMA2:24m"),
        (0x21, &[11], "LZMA2:192k"),
        (0x21, &[40], "LZMA2:32"),
        (0x21, &[], "LZMA2"),
        (0x03_0101, &[0x5D, 0, 0, 1, 0], "LZMA:16"),
        (0x03_0101, &[0x5E, 0, 0, 0, 1], "LZMA:24:lc4"),
        (0x03_0101, &[0x5D, 255, 255, 255, 255], "LZMA:4294967295b"),
        (0x03_0401, &[6, 0, 0, 16, 0], "PPMD:o6:mem20"),
        (0x03_0401, &[32, 0, 0, 0, 12], "PPMD:o32:mem192m"),
        (3, &[3], "Delta:4"),
        (3, &[], "Delta"),
        (0x0303_0103, &[], "BCJ"),
        (0x0A, &[0, 1, 0, 0], "ARM64:256"),
        (0x06F1_0701, &[0x53, 0x0F], "7zAES:19"),
    ];
    for (method, properties, name) in cases {
        assert_eq!(method_names(&one(method, properties)), name);
    }
    assert_eq!(codecs().len(), 20);
}

#[test]
fn bcj2_reads_its_four_streams() {
    // No branch in the content: main is the content, the two address streams are empty, the range coder has its start.
    let main = b"no branch here".to_vec();
    let bcj2 = Coder { method: MethodId(registry::id::BCJ2), inputs: 4, properties: Box::default() };
    let copy = coder(registry::id::COPY, &[]);
    let graph = Folder::new(vec![bcj2, copy], vec![Bond { input: 0, coder: 1 }], vec![4, 1, 2, 3]).unwrap();
    let size = main.len() as u64;
    let streams = FolderStreams {
        folder: Arc::new(graph),
        unpack_sizes: Box::new([size, size]),
        crc: None,
        substreams: Box::new([Substream { size, crc: None }]),
    };
    assert_eq!(method_names(&streams), "Copy BCJ2");
    let packed = vec![boxed(&main), boxed(&[]), boxed(&[]), boxed(&[0; 5])];
    let mut reader = open_folder(&streams, packed, &KeyRing::new(None), &ReadLimits::default(), None).unwrap();
    let mut out = Vec::new();
    reader.read_to_end(&mut out).unwrap();
    assert_eq!(out, main);
}

#[test]
fn a_graph_that_is_no_tree_is_refused() {
    // Two coders, but only one packed stream given where two are wanted.
    let streams = one(registry::id::COPY, &[]);
    let error = open_folder(&streams, vec![], &KeyRing::new(None), &ReadLimits::default(), None).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CorruptHeader);
}

fn pe(machine: u16) -> Vec<u8> {
    let mut head = vec![0; 1024];
    head[..2].copy_from_slice(b"MZ");
    head[0x3C] = 0x80;
    head[0x80..0x84].copy_from_slice(b"PE\0\0");
    head[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
    head
}

fn elf(machine: u16, big_endian: bool) -> Vec<u8> {
    let mut head = vec![0; 64];
    head[..4].copy_from_slice(b"\x7FELF");
    head[4] = 2;
    head[5] = 1 + u8::from(big_endian);
    head[18..20].copy_from_slice(&if big_endian { machine.to_be_bytes() } else { machine.to_le_bytes() });
    head
}

fn wav(channels: u8, bits: u8) -> Vec<u8> {
    let mut head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
    head.extend([channels, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, bits, 0]);
    head.extend(b"data\0\0\0\0");
    head
}

#[test]
fn executables_get_their_filter() {
    let cases = [
        (pe(0x014C), Some(Filter::BcjX86)),
        (pe(0x8664), Some(Filter::BcjX86)),
        (pe(0xAA64), Some(Filter::Arm64)),
        (pe(0x01C4), Some(Filter::ArmThumb)),
        (pe(0x0200), Some(Filter::Ia64)),
        (pe(0x1234), None),
        (elf(3, false), Some(Filter::BcjX86)),
        (elf(62, false), Some(Filter::BcjX86)),
        (elf(183, false), Some(Filter::Arm64)),
        (elf(40, false), Some(Filter::Arm)),
        (elf(21, true), Some(Filter::PowerPc)),
        (elf(21, false), None),
        (elf(43, true), Some(Filter::Sparc)),
        (elf(50, false), Some(Filter::Ia64)),
        (elf(243, false), Some(Filter::RiscV)),
        (b"\xCF\xFA\xED\xFE\x07\0\0\x01".to_vec(), Some(Filter::BcjX86)),
        (b"\xCF\xFA\xED\xFE\x0C\0\0\x01".to_vec(), Some(Filter::Arm64)),
        (wav(2, 16), Some(Filter::Delta { distance: 4 })),
        (wav(1, 8), Some(Filter::Delta { distance: 1 })),
        (wav(0, 16), None),
        (text(4096), None),
    ];
    for (head, filter) in cases {
        assert_eq!(detect_filter(&head), filter, "{:02X?}", &head[..8]);
        for len in 0..head.len().min(256) {
            // Whatever is cut off: no panic.
            let _ = detect_filter(&head[..len]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_head_is_safe(head in proptest::collection::vec(any::<u8>(), 0..600), magic in 0..5usize) {
        let magics: [&[u8]; 5] = [b"MZ", b"\x7FELF", b"\xCF\xFA\xED\xFE", b"RIFF", b""];
        let _ = detect_filter(&[magics[magic], &head].concat());
    }

    #[test]
    fn garbage_never_panics(
        garbage in proptest::collection::vec(any::<u8>(), 0..3000),
        properties in proptest::collection::vec(any::<u8>(), 0..6),
        size in 0..100_000u64,
    ) {
        for info in codecs() {
            for properties in [properties.clone(), usual_properties(info.id)] {
                let inputs = if info.id == registry::id::BCJ2 { 4 } else { 1 };
                let coder = Coder { method: MethodId(info.id), inputs, properties: properties.into() };
                let graph = Folder::new(vec![coder], vec![], (0..inputs).collect()).unwrap();
                let substreams = Box::new([Substream { size, crc: None }]);
                let streams =
                    FolderStreams { folder: Arc::new(graph), unpack_sizes: Box::new([size]), crc: None, substreams };
                let packed = (0..inputs).map(|_| boxed(&garbage)).collect();
                let limits = ReadLimits { decoder_memory_bytes: 64 << 20, ..ReadLimits::default() };
                if let Ok(mut reader) = open_folder(&streams, packed, &KeyRing::new(None), &limits, None) {
                    let mut out = Vec::new();
                    if let Err(error) = reader.read_to_end(&mut out) {
                        let error = Error::io("garbage", error);
                        prop_assert_eq!(error.kind(), ErrorKind::CorruptData, "{}", error);
                        prop_assert!(!error.to_string().contains("its decoder failed"), "a panic in {}", info.name);
                    } else {
                        prop_assert_eq!(out.len() as u64, size);
                    }
                }
            }
        }
    }

    #[test]
    fn damaged_streams_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), method in 1..6usize) {
        let data = [text(3000), noise(300), text(3000)].concat();
        let (coder, mut packed) = encode(&ResolvedMethod::new(&METHODS[method], 5), None, &data, 999);
        let at = at.index(packed.len());
        packed[at] = byte;
        if let Err(error) = decode(vec![coder], &packed, data.len() as u64) {
            prop_assert!(!error.to_string().contains("its decoder failed"), "a panic: {}", error);
        }
    }
}

fn usual_properties(method: u64) -> Vec<u8> {
    match method {
        registry::id::LZMA => vec![0x5D, 0, 0, 1, 0],
        registry::id::LZMA2 => vec![8],
        registry::id::PPMD => vec![6, 0, 0, 16, 0],
        registry::id::DELTA => vec![3],
        _ => vec![],
    }
}
