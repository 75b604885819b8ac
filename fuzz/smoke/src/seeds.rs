//! What the changes start from: archives made by others, archives made here, and the headers of both.

use par7z::{
    Compressor, Encryption, Filter, FilterChoice, Item, Key, LzmaParams, Method, PpmdParams, Solid, WriteOptions,
};
use par7z_format::{FolderStreams, Limits, NextHeader, START_HEADER_BYTES, StartHeader, parse_next_header};
use par7z_fuzz_targets::{folder_input, lzma_input};
use std::path::Path;

/// Larger files make slow seeds.
const MAX_BYTES: u64 = 1 << 16;

/// The small archives below `folder` and those that par7z writes.
pub fn archives(folder: &Path) -> Vec<Vec<u8>> {
    let mut archives = written();
    collect(folder, &mut archives);
    archives
}

fn collect(folder: &Path, archives: &mut Vec<Vec<u8>>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, archives);
        } else if path.extension().is_some_and(|extension| extension == "7z")
            && path.metadata().is_ok_and(|metadata| metadata.len() <= MAX_BYTES)
            && let Ok(bytes) = std::fs::read(&path)
        {
            archives.push(bytes);
        }
    }
}

/// Archives over methods, filters, solid, encryption, with plain headers and packed ones.
fn written() -> Vec<Vec<u8>> {
    let small = LzmaParams { dictionary_bytes: Some(1 << 16), ..LzmaParams::default() };
    let methods = [
        Method::Copy,
        Method::Lzma(small),
        Method::Lzma2(small),
        Method::Ppmd(PpmdParams { order: Some(4), memory_bytes: Some(1 << 16) }),
        Method::Bzip2(Default::default()),
        Method::Deflate(Default::default()),
    ];
    let filters = [
        FilterChoice::Off,
        FilterChoice::Chain(vec![Filter::BcjX86]),
        FilterChoice::Chain(vec![Filter::Delta { distance: 4 }]),
    ];
    let mut archives = Vec::new();
    for method in methods {
        for filter in &filters {
            for plain_header in [true, false] {
                let options = WriteOptions::new()
                    .method(method)
                    .and_then(|options| {
                        options.filters(if method == Method::Copy { FilterChoice::Off } else { filter.clone() })
                    })
                    .and_then(|options| options.solid(if plain_header { Solid::OFF } else { Solid::ON }))
                    .expect("options in range")
                    .compress_header(!plain_header);
                archives.push(archive(options.clone()));
                let key = Encryption::key(Key::new([7; 32])).hide_names(!plain_header);
                archives.push(archive(options.encryption(Some(key))));
            }
        }
    }
    archives
}

fn archive(options: WriteOptions) -> Vec<u8> {
    let text = "the quick brown fox jumps over the lazy dog. ".repeat(20);
    let items = [
        Item::from_bytes("text.txt", text.clone().into_bytes()),
        Item::from_bytes("deep/down/half.txt", text.as_bytes()[..text.len() / 2].to_vec()),
        Item::from_bytes("empty", Vec::new()),
        Item::directory("folder"),
        Item::symlink("link", "text.txt"),
    ];
    let compressor = Compressor::new(options).expect("the options fit together");
    compressor.compress_to_vec(items).expect("memory cannot fail").0
}

/// The seeds of one target.
pub fn for_target(name: &str, archives: &[Vec<u8>]) -> Vec<Vec<u8>> {
    match name {
        "parse_header" => archives.iter().filter_map(|archive| header(archive)).collect(),
        "open_archive" => archives.to_vec(),
        "decode_folder" => archives.iter().filter_map(|archive| folder(archive, folder_input)).collect(),
        "decode_lzma" => archives.iter().filter_map(|archive| folder(archive, lzma_input)).collect(),
        "encode_lzma" => (0..=255).map(text).collect(),
        _ => (0..=255).map(round_trip).collect(),
    }
}

/// The next header as it is stored.
fn header(archive: &[u8]) -> Option<Vec<u8>> {
    let start = StartHeader::parse(archive.first_chunk::<START_HEADER_BYTES>()?).ok()?;
    let begin = START_HEADER_BYTES.checked_add(usize::try_from(start.next_header_offset).ok()?)?;
    let end = begin.checked_add(usize::try_from(start.next_header_size).ok()?)?;
    Some(archive.get(begin..end)?.to_vec())
}

/// Input made of the first folder of an archive whose header is plain, and of its packed stream.
fn folder(archive: &[u8], input: fn(&FolderStreams, &[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let NextHeader::Plain(header) = parse_next_header(&header(archive)?, &Limits::default()).ok()? else { return None };
    let begin = START_HEADER_BYTES + usize::try_from(header.streams.pack_position).ok()?;
    let size = usize::try_from(header.streams.pack_streams.first()?.size).ok()?;
    let packed = archive.get(begin..begin.checked_add(size)?)?;
    input(header.streams.folders.first()?, packed)
}

/// Input of `encode_lzma`: options, sizes, and texts with repeats and noise in them.
fn text(number: u8) -> Vec<u8> {
    let step = |factor: u8| number.wrapping_mul(factor);
    // lc = 3, lp = 0, pb = 2 for most; every finder and parser.
    let properties = if number.is_multiple_of(3) { step(7) } else { 93 };
    let mut input = vec![properties, step(37), step(29), number, step(11), number >> 2];
    input.extend([step(13), step(3) / 4, step(5), step(17) / 2, step(19), number % 3 * 20]);
    let words = b"the quick brown fox jumps over the lazy dog, said nobody";
    for round in 0..number % 7 {
        input.extend(&words[usize::from(round) * 5..][..15]);
        // A repeat, and noise: sometimes exactly as much as is stored together.
        match (number / 7 + round) % 5 {
            0 => input.extend([0xFF, step(23), 1, step(31) / 4, 0]),
            1 => input.extend([0xFF, step(41), number, 0, 0]),
            2 if number.is_multiple_of(16) => input.extend([0xFE, 64 + round % 2, round]),
            3 if number % 16 == 1 => input.extend([0xFE, 130, 7]),
            _ => input.extend([number, step(3) & 0x7F, 0xFF, 40, 0, 16, 0]),
        }
    }
    input
}

/// Input of `roundtrip`: 6 bytes of options, then lengths and contents, more or less compressible.
fn round_trip(number: u8) -> Vec<u8> {
    let options = [1u8, 3, 7, 11, 19, 43].map(|step| number.wrapping_mul(step) >> 1);
    let content = (0..64 + usize::from(number) * 40).map(|at| (at as u8 / 3).wrapping_mul(number));
    options.into_iter().chain(content).collect()
}
