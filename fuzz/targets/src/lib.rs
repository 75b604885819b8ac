//! What is fuzzed: one function per target, each fed arbitrary bytes. None may panic, hang or take much memory; a
//! target that knows more than that asserts it. libFuzzer (`fuzz_targets/`) and the stable-Rust runner (`smoke/`) call
//! the same functions. Only public API is used.
#![forbid(unsafe_code)]

mod encode;

use par7z::{
    Archive, Bzip2Params, Compressor, DeflateParams, Encryption, ErrorKind, ExtractOptions, Filter, FilterChoice, Item,
    Key, LzmaParams, Method, OpenOptions, PpmdParams, ReadLimits, Secret, Solid, Threads, WriteOptions,
};
use par7z_format::{
    Coder, Entry, Folder, FolderStreams, Header, Limits, MethodId, NextHeader, PackStream, START_HEADER_BYTES,
    StartHeader, Streams, Substream, emit_encoded_header, emit_header, parse_next_header,
};
use par7z_lzma::{DecodeError, Lzma2Decoder, LzmaDecoder, LzmaEnd, Progress, Properties, scan_lzma2};
use std::io::Read;
use std::sync::Arc;

pub use encode::encode_lzma;

/// A target: its name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 6] = [
    ("parse_header", parse_header),
    ("open_archive", open_archive),
    ("decode_folder", decode_folder),
    ("decode_lzma", decode_lzma),
    ("encode_lzma", encode_lzma),
    ("roundtrip", roundtrip),
];

/// A header as it is stored. What parses can be written, and what was written parses and is written the same again.
pub fn parse_header(data: &[u8]) {
    let mut limits = Limits::default();
    limits.header_bytes = 1 << 20;
    limits.entries = 10_000;
    limits.folders = 10_000;
    let Ok(header) = parse_next_header(data, &limits) else { return };
    let written = emit(&header);
    // A header may lawfully grow when it is written anew, so the tight limits do not hold here.
    let again = parse_next_header(&written, &Limits::default()).expect("what is written parses");
    assert!(emit(&again) == written, "writing changes what was written: {header:?}");
}

fn emit(header: &NextHeader) -> Vec<u8> {
    match header {
        NextHeader::Plain(header) => emit_header(header),
        NextHeader::Encoded(streams) => emit_encoded_header(streams),
    }
}

/// A whole archive: opened as it is, and, if a checksum stops that, once more with the checksums mended.
pub fn open_archive(data: &[u8]) {
    if open_and_test(data.to_vec()) == Err(ErrorKind::CorruptHeader) {
        let mut mended = data.to_vec();
        if mend_checksums(&mut mended) {
            let _ = open_and_test(mended);
        }
    }
}

fn tight_limits() -> ReadLimits {
    let mut limits = ReadLimits::default();
    limits.decoder_memory_bytes = 32 << 20;
    limits.header_bytes = 1 << 20;
    limits.entries = 10_000;
    limits.output_bytes = 4 << 20;
    limits.key_rounds_log2 = 8;
    limits
}

fn open_options() -> OpenOptions {
    OpenOptions::new().secret(Some(Secret::Password("password".into()))).limits(tight_limits())
}

fn one_thread() -> ExtractOptions {
    ExtractOptions::new().threads(Threads::new(1).expect("1 is in range"))
}

fn open_and_test(data: Vec<u8>) -> Result<(), ErrorKind> {
    let archive = Archive::from_bytes(data, open_options()).map_err(|error| error.kind())?;
    for entry in archive.entries() {
        assert_eq!(archive.entries()[entry.index as usize].index, entry.index);
    }
    let report = archive.test(one_thread()).map_err(|error| error.kind())?;
    assert!(report.items_done <= archive.entries().len() as u64);
    Ok(())
}

/// Makes the header's checksum and the start header's one right. `false` if the archive is too short for that.
fn mend_checksums(archive: &mut [u8]) -> bool {
    if archive.len() < START_HEADER_BYTES {
        return false;
    }
    let field = |at: usize| u64::from_le_bytes(archive[at..at + 8].try_into().expect("8 bytes"));
    let begin = field(12).saturating_add(START_HEADER_BYTES as u64);
    let end = begin.saturating_add(field(20));
    let next_crc = match (usize::try_from(begin), usize::try_from(end)) {
        (Ok(begin), Ok(end)) if end <= archive.len() => crc32fast::hash(&archive[begin..end]),
        _ => return false,
    };
    archive[28..32].copy_from_slice(&next_crc.to_le_bytes());
    let start_crc = crc32fast::hash(&archive[12..32]);
    archive[8..12].copy_from_slice(&start_crc.to_le_bytes());
    true
}

/// The methods that `decode_folder` picks from, by the id that 7-Zip gives them.
const METHODS: [u64; 18] = [
    0x00, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x21, 0x30101, 0x303_0103, 0x30401, 0x40108, 0x40109,
    0x40202, 0x6F1_0701,
];

/// Packed bytes behind a chain of 1 to 4 coders with arbitrary properties, in an otherwise sound archive.
///
/// The input is read as: number of coders; for each a method, the length of its properties, and these; the unpacked
/// size in 2 bytes; the packed bytes.
pub fn decode_folder(data: &[u8]) {
    let mut data = Bytes(data);
    let count = data.byte() % 4 + 1;
    let coders: Vec<Coder> = (0..count)
        .map(|_| {
            let method = MethodId(METHODS[data.byte() as usize % METHODS.len()]);
            let properties = usize::from(data.byte() % 20);
            Coder { method, inputs: 1, properties: data.take(properties).into() }
        })
        .collect();
    let size = u64::from(u16::from_le_bytes([data.byte(), data.byte()]));
    let packed = data.0;

    let folder = FolderStreams {
        unpack_sizes: vec![size; coders.len()].into(),
        folder: Arc::new(Folder::chain(coders)),
        crc: None,
        substreams: vec![Substream { size, crc: None }].into(),
    };
    let streams = Streams {
        pack_position: 0,
        pack_streams: vec![PackStream { size: packed.len() as u64, crc: None }],
        folders: vec![folder],
    };
    let entry = Entry { name: Some("entry".into()), has_stream: true, ..Entry::default() };
    let archive = seal(packed, &emit_header(&Header { streams, entries: vec![entry] }));
    let Ok(archive) = Archive::from_bytes(archive, open_options()) else { return };
    let report = archive.test(one_thread());
    if let Ok(mut content) = archive.read_entry(0) {
        let mut unpacked = Vec::new();
        let complete = content.read_to_end(&mut unpacked).is_ok();
        assert!(unpacked.len() as u64 <= size, "no more than the header says");
        let tested = report.is_ok_and(|report| report.is_complete());
        assert_eq!(complete, tested, "testing and reading agree");
    }
}

/// The input that makes `decode_folder` build this folder; `None` if it cannot.
pub fn folder_input(folder: &FolderStreams, packed: &[u8]) -> Option<Vec<u8>> {
    let coders = folder.folder.coders();
    let mut input = vec![u8::try_from(coders.len()).ok().filter(|count| (1..=4).contains(count))? - 1];
    for coder in coders {
        let method = METHODS.iter().position(|id| *id == coder.method.0)?;
        let properties = u8::try_from(coder.properties.len()).ok().filter(|length| *length < 20)?;
        input.extend([method as u8, properties]);
        input.extend(&coder.properties);
    }
    input.extend(u16::try_from(*folder.unpack_sizes.first()?).ok()?.to_le_bytes());
    input.extend(packed);
    Some(input)
}

/// The archive of some packed bytes and a header.
fn seal(packed: &[u8], header: &[u8]) -> Vec<u8> {
    let start = StartHeader {
        next_header_offset: packed.len() as u64,
        next_header_size: header.len() as u64,
        next_header_crc: crc32fast::hash(header),
    };
    [&start.emit(), packed, header].concat()
}

/// What is decoded of a stream at the most.
const LZMA_OUTPUT: usize = 1 << 17;

/// A raw LZMA or LZMA2 stream: decoded as a whole, and cut where the input says, which must give the same.
///
/// The input is read as: 0 for LZMA2, 1 for LZMA with a size, else LZMA with a marker; the properties; the dictionary in
/// 256 bytes; the size in 2 bytes; lengths of pieces of input and of output; the stream.
pub fn decode_lzma(data: &[u8]) {
    let mut data = Bytes(data);
    let (kind, properties) = (data.byte() % 3, Properties::from_byte(data.byte()));
    let dictionary_bytes = u32::from(data.byte()) << 8;
    let size = u64::from(u16::from_le_bytes([data.byte(), data.byte()]));
    let (input_bytes, output_bytes) = (usize::from(data.byte()) + 1, usize::from(data.byte()) + 1);
    let Ok(properties) = properties else { return };
    let end = if kind == 1 { LzmaEnd::Size(size) } else { LzmaEnd::Marker };
    let lzma = || LzmaDecoder::new(properties, dictionary_bytes, end).expect("properties in range");
    let lzma2 = || Lzma2Decoder::new(dictionary_bytes, None);

    let mut whole = vec![0; LZMA_OUTPUT];
    let (at_once, in_pieces) = if kind == 0 {
        let mut decoder = lzma2();
        let cut = cut_stream(data.0, input_bytes, output_bytes, |input, output| decoder.decode(input, output));
        (lzma2().decode_whole(data.0, &mut whole), cut)
    } else {
        let mut decoder = lzma();
        let cut = cut_stream(data.0, input_bytes, output_bytes, |input, output| decoder.decode(input, output));
        (lzma().decode_whole(data.0, &mut whole), cut)
    };
    let (output, ended) = in_pieces;
    match (at_once, ended) {
        (Ok(progress), Ok(finished)) => {
            assert_eq!(progress.finished, finished);
            assert!(output == whole[..progress.produced], "cut or not, the output is the same");
        }
        (Err(error), Err(cut)) => assert_eq!(error, cut),
        other => panic!("at once and in pieces: {other:?}"),
    }
    if let Ok(scan) = scan_lzma2(data.0) {
        assert!(scan.packed_bytes.is_none_or(|bytes| bytes <= data.0.len() as u64));
    }
}

/// Decodes in pieces, as far as input and [`LZMA_OUTPUT`] go. The output, and whether that was all.
fn cut_stream(
    packed: &[u8],
    input_bytes: usize,
    output_bytes: usize,
    mut decode: impl FnMut(&[u8], &mut [u8]) -> Result<Progress, DecodeError>,
) -> (Vec<u8>, Result<bool, DecodeError>) {
    let (mut unpacked, mut at) = (Vec::new(), 0);
    loop {
        let input = &packed[at..packed.len().min(at + input_bytes)];
        let begin = unpacked.len();
        unpacked.resize(LZMA_OUTPUT.min(begin + output_bytes), 0);
        let progress = match decode(input, &mut unpacked[begin..]) {
            Ok(progress) => progress,
            Err(error) => return (unpacked, Err(error)),
        };
        unpacked.truncate(begin + progress.produced);
        at += progress.consumed;
        if progress.finished || (progress.consumed, progress.produced) == (0, 0) {
            return (unpacked, Ok(progress.finished));
        }
    }
}

/// The input that makes `decode_lzma` decode an archive's only coder's stream; `None` if it is another method's.
pub fn lzma_input(folder: &FolderStreams, packed: &[u8]) -> Option<Vec<u8>> {
    let [coder] = folder.folder.coders() else { return None };
    let size = u16::try_from(*folder.unpack_sizes.first()?).ok()?.to_le_bytes();
    let (kind, properties) = match coder.method.0 {
        0x21 => (0, 0),
        0x30101 => (1, *coder.properties.first()?),
        _ => return None,
    };
    Some([&[kind, properties, 0xFF, size[0], size[1], 40, 200], packed].concat())
}

/// Items made of the input, written with options made of the input: what comes back is what went in.
pub fn roundtrip(data: &[u8]) {
    let mut data = Bytes(data);
    let options = write_options(&mut data);
    let secret = encryption(&mut data);
    let contents = contents(&mut data);

    let compressor = Compressor::new(options.encryption(secret.clone())).expect("the options fit together");
    let items = contents.iter().enumerate().map(|(n, content)| Item::from_bytes(format!("{n}.bin"), content.clone()));
    let (archive, report) = compressor.compress_to_vec(items).expect("memory cannot fail");
    assert!(report.is_complete());

    let open = OpenOptions::new().secret(secret.map(|encryption| encryption.secret));
    let archive = Archive::from_bytes(archive, open).expect("an archive of ours opens");
    let mut entries: Vec<_> = archive.entries().iter().collect();
    assert_eq!(entries.len(), contents.len());
    entries.sort_by_key(|entry| number_of(&entry.name));
    for (entry, content) in entries.iter().zip(&contents) {
        let mut unpacked = Vec::new();
        archive.read_entry(entry.index).expect("an entry").read_to_end(&mut unpacked).expect("content");
        assert!(unpacked == *content, "the content of {} came back changed", entry.name);
    }
}

fn number_of(name: &str) -> usize {
    name.strip_suffix(".bin").and_then(|number| number.parse().ok()).expect("a name of ours")
}

fn write_options(data: &mut Bytes<'_>) -> WriteOptions {
    // A small dictionary: what is fuzzed is the joints, not the allocator.
    let lzma = LzmaParams { dictionary_bytes: Some(1 << 16), ..LzmaParams::default() };
    let method = match data.byte() % 8 {
        0 => Method::Copy,
        1 => Method::Lzma(lzma),
        2 => Method::Ppmd(PpmdParams { memory_bytes: Some(1 << 16), order: None }),
        3 => Method::Bzip2(Bzip2Params { block_100k: Some(1) }),
        4 => Method::Deflate(DeflateParams::default()),
        _ => Method::Lzma2(lzma),
    };
    let flags = data.byte();
    let level = u32::from(flags) % 10;
    let filter = match data.byte() % 8 {
        // Nothing to filter for: such options are refused.
        _ if level == 0 || method == Method::Copy => FilterChoice::Off,
        0 => FilterChoice::Chain(vec![Filter::Delta { distance: u32::from(data.byte()) + 1 }]),
        1 => FilterChoice::Chain(vec![Filter::BcjX86]),
        2 => FilterChoice::Chain(vec![Filter::Arm64, Filter::Delta { distance: 4 }]),
        3 => FilterChoice::Chain(vec![Filter::Swap4, Filter::RiscV, Filter::Ia64]),
        4 => FilterChoice::Off,
        _ => FilterChoice::Auto,
    };
    let solid = match data.byte() % 4 {
        0 => Solid::ON,
        1 => Solid { max_items: 2, ..Solid::ON },
        2 => Solid { by_extension: true, ..Solid::ON },
        _ => Solid::OFF,
    };
    let build = || -> par7z::Result<WriteOptions> {
        WriteOptions::new()
            .level(level)?
            .method(method)?
            .filters(filter)?
            .solid(solid)?
            .compress_header(flags & 0x40 == 0)
            .memory_budget(WriteOptions::MIN_MEMORY_BUDGET_BYTES)
            .map(|options| options.threads(Threads::new(u32::from(flags >> 7) + 1).expect("1 or 2")))
    };
    build().expect("options in range")
}

fn encryption(data: &mut Bytes<'_>) -> Option<Encryption> {
    // A raw key: deriving one from a password would be all that this target does.
    let flags = data.byte();
    (flags & 3 == 0).then(|| Encryption::key(Key::new([flags; 32])).hide_names(flags & 4 == 0))
}

/// Up to 8 contents, cut from the rest of the input at lengths that it names.
fn contents(data: &mut Bytes<'_>) -> Vec<Vec<u8>> {
    let count = usize::from(data.byte() % 9);
    let lengths: Vec<usize> = (0..count).map(|_| usize::from(data.byte()) * usize::from(data.byte())).collect();
    let mut contents: Vec<Vec<u8>> = lengths.into_iter().map(|length| data.take(length).to_vec()).collect();
    if let Some(last) = contents.last_mut() {
        last.extend_from_slice(data.0);
    }
    contents
}

/// Input that is used up from the front; behind its end come zeros.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
