//! Round trips, hand-made damage and random bytes.

use super::*;
use crate::{
    Bond, Coder, Entry, EntryKind, FileTime, Folder, FolderStreams, MethodId, PackStream, Substream,
    emit_encoded_header, emit_header,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::sync::Arc;

fn parse(bytes: &[u8]) -> Result<NextHeader, FormatError> {
    parse_next_header(bytes, &Limits::default())
}

fn invalid(bytes: &[u8]) -> (u64, &'static str) {
    match parse(bytes) {
        Err(FormatError { offset, kind: FormatErrorKind::Invalid(what) }) => (offset, what),
        other => panic!("{other:?}"),
    }
}

fn coder(inputs: u32) -> impl Strategy<Value = Coder> {
    let method = prop_oneof![Just(MethodId::COPY), Just(MethodId::LZMA2), any::<u64>().prop_map(MethodId)];
    (method, vec(any::<u8>(), 0..20)).prop_map(move |(method, properties)| Coder {
        method,
        inputs,
        properties: properties.into(),
    })
}

fn folder() -> impl Strategy<Value = Arc<Folder>> {
    let bcj2 = (coder(4), coder(1), coder(1), coder(1)).prop_map(|(bcj2, first, second, third)| {
        let bonds = (0..3).map(|input| Bond { input, coder: input + 1 }).collect();
        Folder::new(vec![bcj2, first, second, third], bonds, vec![4, 5, 6, 3]).unwrap()
    });
    // As old writers order a chain: the packed stream goes into the first coder.
    let reversed = (coder(1), coder(1))
        .prop_map(|(first, last)| Folder::new(vec![first, last], vec![Bond { input: 1, coder: 0 }], vec![0]).unwrap());
    prop_oneof![4 => vec(coder(1), 1..5).prop_map(Folder::chain), 1 => bcj2, 1 => reversed].prop_map(Arc::new)
}

fn folder_streams() -> impl Strategy<Value = FolderStreams> {
    let substreams = vec((0..1_u64 << 50, option::of(any::<u32>())), 0..5);
    (folder(), option::of(any::<u32>()), any::<u64>(), substreams).prop_map(|(folder, crc, other_size, substreams)| {
        let mut substreams: Box<[_]> = substreams.into_iter().map(|(size, crc)| Substream { size, crc }).collect();
        if let ([only], Some(crc)) = (&mut *substreams, crc) {
            only.crc = Some(crc);
        }
        let mut unpack_sizes: Box<[u64]> = vec![other_size; folder.coders().len()].into();
        if !substreams.is_empty() {
            unpack_sizes[folder.main_coder()] = substreams.iter().map(|substream| substream.size).sum();
        }
        FolderStreams { folder, unpack_sizes, crc, substreams }
    })
}

fn streams() -> impl Strategy<Value = Streams> {
    let pack_stream = (0..1_u64 << 50, option::of(any::<u32>())).prop_map(|(size, crc)| PackStream { size, crc });
    (0..1_u64 << 60, vec((folder_streams(), 1..4_usize), 0..5), vec(pack_stream, 40)).prop_map(
        |(pack_position, runs, mut pack_streams)| {
            let folders: Vec<_> =
                runs.into_iter().flat_map(|(folder, times)| std::iter::repeat_n(folder, times)).collect();
            let used: usize = folders.iter().map(|folder| folder.folder.pack_stream_count()).sum();
            pack_streams.resize(used, PackStream { size: 0, crc: None });
            Streams { pack_position, pack_streams, folders }
        },
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![Just(EntryKind::File), Just(EntryKind::Directory), Just(EntryKind::Anti)];
    let time = || option::of(any::<u64>().prop_map(FileTime));
    (kind, "[^\0]{0,12}", time(), time(), time(), option::of(any::<u32>())).prop_map(
        |(kind, name, created, accessed, modified, attributes)| Entry {
            name: Some(name.into()),
            kind,
            has_stream: false,
            created,
            accessed,
            modified,
            attributes,
        },
    )
}

fn header() -> impl Strategy<Value = Header> {
    (streams(), vec(entry(), 0..8), any::<bool>(), any::<u64>()).prop_map(|(streams, empty, has_names, seed)| {
        let substream_count: usize = streams.folders.iter().map(|folder| folder.substreams.len()).sum();
        let mut entries = empty;
        for index in 0..substream_count as u64 {
            let at = seed.wrapping_mul(index + 1) as usize % (entries.len() + 1);
            let name = Some(format!("dir/{index} \u{1F600}").into());
            entries.insert(at, Entry { name, has_stream: true, ..Entry::default() });
        }
        if !has_names {
            // Too many entries that nothing tells of are refused: keep those with content.
            entries.retain(|entry| entry.has_stream);
            entries.iter_mut().for_each(|entry| entry.name = None);
        }
        Header { streams, entries }
    })
}

proptest! {
    #[test]
    fn a_header_comes_back(header in header()) {
        prop_assert_eq!(parse(&emit_header(&header)), Ok(NextHeader::Plain(header)));
    }

    #[test]
    fn an_encoded_header_comes_back(mut streams in streams()) {
        streams.folders.truncate(1);
        for folder in &mut streams.folders {
            let size = folder.unpack_sizes[folder.folder.main_coder()];
            folder.substreams = Box::new([Substream { size, crc: folder.crc }]);
        }
        prop_assert_eq!(parse(&emit_encoded_header(&streams)), Ok(NextHeader::Encoded(streams)));
    }

    #[test]
    fn random_bytes_do_no_harm(mut bytes in vec(any::<u8>(), 1..200), encoded: bool) {
        bytes[0] = if encoded { 0x17 } else { 1 };
        let _ = parse(&bytes);
    }

    #[test]
    fn changed_headers_do_no_harm(header in header(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = emit_header(&header);
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(NextHeader::Plain(changed)) = parse(&bytes) {
            // What was accepted can be written and is the same again.
            prop_assert_eq!(parse(&emit_header(&changed)), Ok(NextHeader::Plain(changed)));
        } else if let Err(error) = parse(&bytes) {
            prop_assert!(error.offset <= bytes.len() as u64);
        }
    }

    #[test]
    fn every_cut_is_an_error(header in header(), cut: prop::sample::Index) {
        let bytes = emit_header(&header);
        prop_assert!(parse(&bytes[..cut.index(bytes.len())]).is_err());
    }
}

/// A Copy folder with one file of 5 bytes, as 7-Zip writes it but for the times.
const SIMPLE: [u8; 35] = [
    1, 4, // header, main streams
    6, 0, 1, 9, 5, 0, // pack info
    7, 0x0B, 1, 0, 1, 1, 0, 0x0C, 5, 0, // folders
    8, 0x0A, 1, 1, 2, 3, 4, 0, // CRC 0x04030201
    0, // end of the streams
    5, 1, 0x11, 3, 0, b'a', 0, 0, // one name, whose end is missing
];

#[test]
fn hand_made_headers() {
    assert_eq!(invalid(&SIMPLE), (32, "a name without an end"));
    let named = [&SIMPLE[..30], &[5, 0, b'a', 0, 0, 0, 0, 0]].concat();
    let Ok(NextHeader::Plain(header)) = parse(&named) else { panic!("{:?}", parse(&named)) };
    assert_eq!(header.entries[0].name.as_deref(), Some("a"));
    assert_eq!(header.streams.folders[0].substreams[..], [Substream { size: 5, crc: Some(0x0403_0201) }]);
    assert_eq!(emit_header(&header), named);
    let longer = [&named[..], &[0]].concat();
    assert_eq!(parse(&longer).unwrap_err().kind, FormatErrorKind::Unsupported("data behind the entries"));
    let external = [&SIMPLE[..30], &[5, 1, b'a', 0, 0, 0, 0, 0]].concat();
    assert_eq!(parse(&external).unwrap_err().offset, 31);
}

#[test]
fn an_empty_header() {
    assert_eq!(parse(&[1, 0]), Ok(NextHeader::Plain(Header::default())));
    assert_eq!(emit_header(&Header::default()), [1, 0]);
    assert_eq!(invalid(&[2]), (0, "neither a header nor an encoded header"));
}

#[test]
fn streams_without_entries_are_refused() {
    let bytes = [&SIMPLE[..27], &[0]].concat();
    assert_eq!(invalid(&bytes), (27, "not as many entries with content as substreams"));
}

#[test]
fn a_folder_without_substreams_is_kept() {
    let folder = Arc::new(Folder::chain(vec![Coder { method: MethodId::COPY, inputs: 1, properties: Box::default() }]));
    let dead = FolderStreams { folder, unpack_sizes: Box::new([9]), crc: None, substreams: Box::default() };
    let pack_streams = vec![PackStream { size: 9, crc: None }];
    let header =
        Header { streams: Streams { pack_position: 0, pack_streams, folders: vec![dead] }, entries: Vec::new() };
    assert_eq!(parse(&emit_header(&header)), Ok(NextHeader::Plain(header)));
}

#[test]
fn huge_counts_cost_nothing() {
    let huge = [0xFF, 0, 0, 0, 0, 0, 1, 0, 0]; // 2^40
    let with = |before: &[u8]| parse(&[before, &huge, &[0; 30]].concat()).unwrap_err().kind;
    assert!(matches!(with(&[1, 5]), FormatErrorKind::LimitExceeded { what: "entries", .. }));
    assert!(matches!(with(&[1, 4, 6, 0]), FormatErrorKind::UnexpectedEnd));
    assert!(matches!(with(&[1, 4, 7, 0x0B]), FormatErrorKind::UnexpectedEnd));
    assert!(matches!(with(&[1, 4, 7, 0x0B, 1, 0]), FormatErrorKind::LimitExceeded { what: "coders in a folder", .. }));
    // Properties of a coder, then substreams.
    assert_eq!(with(&[1, 4, 6, 0, 1, 9, 5, 0, 7, 0x0B, 1, 0, 1, 0x21, 0]), FormatErrorKind::UnexpectedEnd);
    assert_eq!(
        with(&[1, 4, 6, 0, 1, 9, 5, 0, 7, 0x0B, 1, 0, 1, 1, 0, 0x0C, 5, 0, 8, 0x0D]),
        FormatErrorKind::Invalid("several substreams without sizes")
    );
    let limits = Limits { header_bytes: 1, ..Limits::default() };
    assert!(matches!(
        parse_next_header(&[1, 0], &limits).unwrap_err().kind,
        FormatErrorKind::LimitExceeded { what: "header bytes", value: 2, limit: 1 }
    ));
    // A million entries that nothing tells of, within the limits.
    assert_eq!(invalid(&[1, 5, 0xE0, 0x40, 0x42, 0x0F, 0, 0]).1, "more entries than the header has room for");
}

#[test]
fn old_complex_coders_are_unsupported() {
    // One coder with one input and two outputs.
    let bytes = [1, 4, 6, 0, 1, 9, 5, 0, 7, 0x0B, 1, 0, 1, 0x11, 0, 1, 2, 0];
    let error = parse(&bytes).unwrap_err();
    assert_eq!(error, error_at(13, FormatErrorKind::Unsupported("a coder with not exactly one output")));
}

#[test]
fn equal_folders_share_their_graph() {
    let folder =
        Arc::new(Folder::chain(vec![Coder { method: MethodId::LZMA2, inputs: 1, properties: Box::new([24]) }]));
    let one = |_| FolderStreams {
        folder: Arc::clone(&folder),
        unpack_sizes: Box::new([7]),
        crc: None,
        substreams: Box::new([Substream { size: 7, crc: Some(1) }]),
    };
    let count = 1000;
    let header = Header {
        streams: Streams {
            pack_position: 0,
            pack_streams: vec![PackStream { size: 3, crc: None }; count],
            folders: (0..count).map(one).collect(),
        },
        entries: vec![Entry { has_stream: true, ..Entry::default() }; count],
    };
    let Ok(NextHeader::Plain(parsed)) = parse(&emit_header(&header)) else { panic!() };
    assert_eq!(parsed, header);
    assert_eq!(Arc::strong_count(&parsed.streams.folders[0].folder), count);
}

#[test]
fn names_that_are_no_unicode_are_replaced() {
    // An unpaired surrogate between two letters; a backslash stays.
    let name = [b'\\', 0, 0x00, 0xD8, b'b', 0, 0, 0];
    let bytes = [&[1, 5, 1, 0x0E, 1, 0x80, 0x11, 9, 0], &name[..], &[0, 0]].concat();
    let Ok(NextHeader::Plain(header)) = parse(&bytes) else { panic!("{:?}", parse(&bytes)) };
    assert_eq!(header.entries[0].name.as_deref(), Some("\\\u{FFFD}b"));
    assert_eq!(header.entries[0].kind, EntryKind::Directory);
}

#[test]
fn unknown_properties_are_skipped() {
    let bytes = [1, 2, 77, 2, 1, 1, 0, 5, 1, 0x0E, 1, 0x80, 78, 3, 1, 2, 3, 0x19, 2, 0, 0, 0, 0];
    let Ok(NextHeader::Plain(header)) = parse(&bytes) else { panic!("{:?}", parse(&bytes)) };
    assert_eq!(header.entries.len(), 1);
    assert_eq!(header.entries[0].name, None);
}
