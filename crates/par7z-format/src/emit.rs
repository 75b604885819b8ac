//! Model → header bytes, laid out as 7-Zip lays them out.
//!
//! Numbers are as short as can be, tables without content are left out, and what a reader derives (the last size in a
//! folder, the CRC of an only substream whose folder has one) is not stored. So reading the bytes back gives the same
//! model, provided that the model keeps the invariants that its types document.

use crate::number::{push_bits, push_number};
use crate::{Coder, Entry, EntryKind, FileTime, Folder, FolderStreams, Header, Streams, property};

/// The Windows attribute of directories.
const ATTRIBUTE_DIRECTORY: u32 = 0x10;

/// The bytes of a plain header.
///
/// A NUL in a name, which the format cannot hold, is written as U+FFFD. Names are written if any entry has one; the
/// others then get an empty one.
pub fn emit_header(header: &Header) -> Vec<u8> {
    let mut out = vec![property::HEADER as u8];
    let streams = &header.streams;
    if !streams.folders.is_empty() || !streams.pack_streams.is_empty() || streams.pack_position != 0 {
        push_number(&mut out, property::MAIN_STREAMS_INFO);
        push_pack_info(&mut out, streams);
        if !streams.folders.is_empty() {
            push_unpack_info(&mut out, &streams.folders);
            push_substreams_info(&mut out, &streams.folders);
        }
        push_number(&mut out, property::END);
    }
    if !header.entries.is_empty() {
        push_entries(&mut out, &header.entries);
    }
    push_number(&mut out, property::END);
    out
}

/// The bytes of an encoded header: where and how the plain one is packed.
///
/// The folder's CRC is stored with it; its substreams are left out, since a reader takes its whole content.
pub fn emit_encoded_header(streams: &Streams) -> Vec<u8> {
    let mut out = vec![property::ENCODED_HEADER as u8];
    push_pack_info(&mut out, streams);
    push_unpack_info(&mut out, &streams.folders);
    push_number(&mut out, property::END);
    out
}

fn push_pack_info(out: &mut Vec<u8>, streams: &Streams) {
    push_number(out, property::PACK_INFO);
    push_number(out, streams.pack_position);
    push_number(out, streams.pack_streams.len() as u64);
    push_number(out, property::SIZE);
    for stream in &streams.pack_streams {
        push_number(out, stream.size);
    }
    push_digests(out, &streams.pack_streams, |stream| stream.crc);
    push_number(out, property::END);
}

fn push_unpack_info(out: &mut Vec<u8>, folders: &[FolderStreams]) {
    push_number(out, property::UNPACK_INFO);
    push_number(out, property::FOLDER);
    push_number(out, folders.len() as u64);
    out.push(0); // not external
    for folder in folders {
        push_folder(out, &folder.folder);
    }
    push_number(out, property::CODERS_UNPACK_SIZE);
    for size in folders.iter().flat_map(|folder| &folder.unpack_sizes) {
        push_number(out, *size);
    }
    push_digests(out, folders, |folder| folder.crc);
    push_number(out, property::END);
}

fn push_folder(out: &mut Vec<u8>, folder: &Folder) {
    push_number(out, folder.coders().len() as u64);
    for coder in folder.coders() {
        push_coder(out, coder);
    }
    for bond in folder.bonds() {
        push_number(out, u64::from(bond.input));
        push_number(out, u64::from(bond.coder));
    }
    if folder.pack_stream_count() != 1 {
        for input in folder.packed_inputs() {
            push_number(out, u64::from(*input));
        }
    }
}

fn push_coder(out: &mut Vec<u8>, coder: &Coder) {
    let id_bytes = coder.method.0.to_be_bytes();
    // Copy, whose id is 0, has an id of one byte.
    let first = id_bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
    let is_complex = coder.inputs != 1;
    let has_properties = !coder.properties.is_empty();
    out.push((8 - first) as u8 | u8::from(is_complex) << 4 | u8::from(has_properties) << 5);
    out.extend_from_slice(&id_bytes[first..]);
    if is_complex {
        push_number(out, u64::from(coder.inputs));
        push_number(out, 1);
    }
    if has_properties {
        push_number(out, coder.properties.len() as u64);
        out.extend_from_slice(&coder.properties);
    }
}

fn push_substreams_info(out: &mut Vec<u8>, folders: &[FolderStreams]) {
    push_number(out, property::SUB_STREAMS_INFO);
    if folders.iter().any(|folder| folder.substreams.len() != 1) {
        push_number(out, property::NUM_UNPACK_STREAM);
        for folder in folders {
            push_number(out, folder.substreams.len() as u64);
        }
    }
    if folders.iter().any(|folder| folder.substreams.len() > 1) {
        push_number(out, property::SIZE);
        for folder in folders {
            if let Some((_last, others)) = folder.substreams.split_last() {
                others.iter().for_each(|substream| push_number(out, substream.size));
            }
        }
    }
    let has_own_crcs = |folder: &&FolderStreams| folder.substreams.len() != 1 || folder.crc.is_none();
    let substreams: Vec<_> = folders.iter().filter(has_own_crcs).flat_map(|folder| &folder.substreams).collect();
    push_digests(out, &substreams, |substream| substream.crc);
    push_number(out, property::END);
}

/// Nothing if no item has a CRC.
fn push_digests<T>(out: &mut Vec<u8>, items: &[T], crc: impl Fn(&T) -> Option<u32>) {
    if items.iter().any(|item| crc(item).is_some()) {
        push_number(out, property::CRC);
        push_defined(out, items, |item| crc(item).is_some());
        items.iter().filter_map(crc).for_each(|crc| out.extend_from_slice(&crc.to_le_bytes()));
    }
}

/// Which items have a value; one byte if all have.
fn push_defined<T>(out: &mut Vec<u8>, items: &[T], is_defined: impl Fn(&T) -> bool) {
    if items.iter().all(&is_defined) {
        out.push(1);
    } else {
        out.push(0);
        push_bits(out, items.iter().map(is_defined));
    }
}

fn push_entries(out: &mut Vec<u8>, entries: &[Entry]) {
    push_number(out, property::FILES_INFO);
    push_number(out, entries.len() as u64);
    let mut part = Vec::new();
    if entries.iter().any(|entry| !entry.has_stream) {
        push_bits(&mut part, entries.iter().map(|entry| !entry.has_stream));
        push_part(out, property::EMPTY_STREAM, &mut part);
        let empty_entries = || entries.iter().filter(|entry| !entry.has_stream);
        push_bits_if_any(out, property::EMPTY_FILE, empty_entries().map(is_empty_file));
        push_bits_if_any(out, property::ANTI, empty_entries().map(|entry| entry.kind == EntryKind::Anti));
    }
    push_names(out, entries);
    push_times(out, property::CREATION_TIME, entries, |entry| entry.created);
    push_times(out, property::ACCESS_TIME, entries, |entry| entry.accessed);
    push_times(out, property::MODIFICATION_TIME, entries, |entry| entry.modified);
    push_attributes(out, entries);
    push_number(out, property::END);
}

/// Whether an entry without a stream is no directory. Of an anti-item its attributes tell.
fn is_empty_file(entry: &Entry) -> bool {
    match entry.kind {
        EntryKind::File => true,
        EntryKind::Directory => false,
        EntryKind::Anti => entry.attributes.unwrap_or(0) & ATTRIBUTE_DIRECTORY == 0,
    }
}

/// Moves the data of a property to the header, behind its id and size.
fn push_part(out: &mut Vec<u8>, id: u64, part: &mut Vec<u8>) {
    push_number(out, id);
    push_number(out, part.len() as u64);
    out.append(part);
}

fn push_bits_if_any(out: &mut Vec<u8>, id: u64, bits: impl Iterator<Item = bool> + Clone) {
    if bits.clone().any(|bit| bit) {
        let mut part = Vec::new();
        push_bits(&mut part, bits);
        push_part(out, id, &mut part);
    }
}

fn push_names(out: &mut Vec<u8>, entries: &[Entry]) {
    if entries.iter().all(|entry| entry.name.is_none()) {
        return;
    }
    let mut part = vec![0]; // not external
    for entry in entries {
        // A NUL is a unit of its own in UTF-16, never half of another character.
        let units = entry.name.as_deref().unwrap_or_default().encode_utf16();
        let storable = units.map(|unit| if unit == 0 { char::REPLACEMENT_CHARACTER as u16 } else { unit });
        for unit in storable.chain([0]) {
            part.extend_from_slice(&unit.to_le_bytes());
        }
    }
    push_part(out, property::NAMES, &mut part);
}

fn push_times(out: &mut Vec<u8>, id: u64, entries: &[Entry], time: impl Fn(&Entry) -> Option<FileTime>) {
    if entries.iter().all(|entry| time(entry).is_none()) {
        return;
    }
    let mut part = Vec::new();
    push_defined(&mut part, entries, |entry| time(entry).is_some());
    part.push(0); // not external
    entries.iter().filter_map(time).for_each(|time| part.extend_from_slice(&time.0.to_le_bytes()));
    push_part(out, id, &mut part);
}

fn push_attributes(out: &mut Vec<u8>, entries: &[Entry]) {
    if entries.iter().all(|entry| entry.attributes.is_none()) {
        return;
    }
    let mut part = Vec::new();
    push_defined(&mut part, entries, |entry| entry.attributes.is_some());
    part.push(0); // not external
    let values = entries.iter().filter_map(|entry| entry.attributes);
    values.for_each(|attributes| part.extend_from_slice(&attributes.to_le_bytes()));
    push_part(out, property::ATTRIBUTES, &mut part);
}
