//! Where things are in an open archive: packed streams in the file, entries in the folders.
//!
//! Invariants of [`Layout`]: every entry with content names a folder and a substream that exist, and the entries of a
//! folder are those of its substreams, in order. All sums were checked for overflow when it was built.

use crate::EntryInfo;
use crate::{Error, ErrorKind, Result, codec};
use par7z_format::{EntryKind, FolderStreams, Header, Streams};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Positions of packed streams in the source.
#[derive(Debug, Default)]
pub(super) struct PackPlaces {
    /// (begin, end) of each packed stream.
    streams: Vec<Range<u64>>,
    /// Index of each folder's first packed stream, and one more for the end.
    first: Vec<usize>,
}

impl PackPlaces {
    /// The packed streams of a folder.
    pub(super) fn of_folder(&self, folder: usize) -> &[Range<u64>] {
        &self.streams[self.first[folder]..self.first[folder + 1]]
    }

    /// Packed bytes of a folder.
    pub(super) fn packed_size(&self, folder: usize) -> u64 {
        self.of_folder(folder).iter().fold(0, |sum, place| sum.saturating_add(place.end - place.start))
    }
}

/// Finds the packed streams. `packed_begin` is the position behind the start header.
pub(super) fn pack_places(streams: &Streams, packed_begin: u64) -> Result<PackPlaces> {
    let mut position = packed_begin.checked_add(streams.pack_position).ok_or_else(overflow)?;
    let mut places = PackPlaces::default();
    for stream in &streams.pack_streams {
        let end = position.checked_add(stream.size).ok_or_else(overflow)?;
        places.streams.push(position..end);
        position = end;
    }
    let mut first = 0;
    places.first.push(0);
    for folder in &streams.folders {
        first += folder.folder.pack_stream_count();
        if first > places.streams.len() {
            return Err(corrupt("its folders need more packed streams than there are"));
        }
        places.first.push(first);
    }
    Ok(places)
}

/// Unpacked bytes of a folder.
pub(super) fn content_size(folder: &FolderStreams) -> u64 {
    folder.unpack_sizes.get(folder.folder.main_coder()).copied().unwrap_or(0)
}

/// Which entries lie in which folder.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) places: PackPlaces,
    pub(super) folders: Vec<FolderStreams>,
    /// Entry of each substream, over all folders in order.
    stream_entries: Vec<usize>,
    /// Index of each folder's first substream, and one more for the end.
    first_stream: Vec<usize>,
}

impl Layout {
    /// The entries in a folder, in order; the n-th one is the n-th substream.
    pub(super) fn entries_of(&self, folder: usize) -> &[usize] {
        &self.stream_entries[self.first_stream[folder]..self.first_stream[folder + 1]]
    }

    /// Whether a folder's content is encrypted.
    pub(super) fn is_encrypted(&self, folder: usize) -> bool {
        has_cipher(&self.folders[folder])
    }

    /// CRC of an entry's content. An archive may store it with the folder if the folder holds that entry alone.
    pub(super) fn crc(&self, folder: usize, substream: usize) -> Option<u32> {
        let streams = &self.folders[folder];
        let whole = if streams.substreams.len() == 1 { streams.crc } else { None };
        streams.substreams[substream].crc.or(whole)
    }
}

/// Whether one of the folder's coders decrypts.
pub(super) fn has_cipher(folder: &FolderStreams) -> bool {
    folder.folder.coders().iter().any(|coder| codec::is_cipher(coder.method))
}

/// Joins entries and folders. `default_name` is for archives without names.
pub(super) fn lay_out(header: Header, places: PackPlaces, default_name: &str) -> Result<(Layout, Vec<EntryInfo>)> {
    let mut layout = Layout { places, ..Layout::default() };
    let mut infos: Vec<EntryInfo> = Vec::with_capacity(header.entries.len());
    for entry in &header.entries {
        infos.push(EntryInfo {
            index: infos.len() as u64,
            name: entry.name.as_deref().unwrap_or(default_name).to_owned(),
            kind: entry.kind,
            size: 0,
            packed_size: Some(0),
            crc: None,
            created: entry.created,
            accessed: entry.accessed,
            modified: entry.modified,
            attributes: entry.attributes,
            encrypted: false,
            method: Arc::default(),
            folder: None,
        });
    }
    layout.folders = header.streams.folders;
    let mut with_content = header.entries.iter().enumerate().filter(|(_, entry)| entry.has_stream);
    let mut methods = MethodNames::default();
    for folder in 0..layout.folders.len() {
        layout.first_stream.push(layout.stream_entries.len());
        let method = methods.of(&layout.folders[folder]);
        let encrypted = layout.is_encrypted(folder);
        for substream in 0..layout.folders[folder].substreams.len() {
            let Some((index, _)) = with_content.next() else {
                return Err(corrupt("its folders hold more streams than it has entries"));
            };
            let info = &mut infos[index];
            info.size = layout.folders[folder].substreams[substream].size;
            info.packed_size = (substream == 0).then(|| layout.places.packed_size(folder));
            info.crc = layout.crc(folder, substream);
            info.encrypted = encrypted;
            info.method = Arc::clone(&method);
            info.folder = Some(folder as u64);
            layout.stream_entries.push(index);
        }
    }
    layout.first_stream.push(layout.stream_entries.len());
    if with_content.next().is_some() {
        return Err(corrupt("it has more entries with content than its folders hold"));
    }
    Ok((layout, infos))
}

/// Names of methods, each text kept once: a hundred thousand folders usually have the same one.
#[derive(Default)]
struct MethodNames(HashMap<String, Arc<str>>);

impl MethodNames {
    fn of(&mut self, folder: &FolderStreams) -> Arc<str> {
        let name = codec::method_names(folder);
        if let Some(known) = self.0.get(&name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = name.as_str().into();
        self.0.insert(name, Arc::clone(&shared));
        shared
    }
}

/// Whether an entry has neither content nor is a directory or anti-item.
pub(super) fn is_empty_file(entry: &EntryInfo) -> bool {
    entry.folder.is_none() && entry.kind == EntryKind::File
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::CorruptHeader, format!("invalid header: {what}"))
}

fn overflow() -> Error {
    corrupt("the sizes of its packed streams add up to more than 2^64 bytes")
}
