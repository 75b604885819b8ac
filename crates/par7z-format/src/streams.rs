//! Where the bytes are: packed streams, the folders they belong to, and the items inside each folder.
//!
//! Plain data that mirrors the header. The parser keeps the invariants that the fields name; who makes a model by hand
//! has to keep them for the emitter.

use crate::{Entry, Folder};
use std::sync::Arc;

/// One packed stream. Its position follows from the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackStream {
    /// Bytes in the archive.
    pub size: u64,
    /// CRC-32 of the packed bytes, where the archive stores one (7-Zip does so for encoded headers alone).
    pub crc: Option<u32>,
}

/// One entry's content inside a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Substream {
    /// Unpacked bytes.
    pub size: u64,
    /// CRC-32 of the unpacked bytes, where the archive stores one.
    pub crc: Option<u32>,
}

/// A folder with its sizes and its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderStreams {
    /// The coder graph; shared, since thousands of folders usually have the same one.
    pub folder: Arc<Folder>,
    /// Output size of each coder in bytes, in the order of the coders.
    pub unpack_sizes: Box<[u64]>,
    /// CRC-32 of the whole content, where the archive stores one: writers do for an encoded header, else they give each
    /// substream its own. Where both are here and there is one substream, the two are equal, and stored once.
    pub crc: Option<u32>,
    /// The contents of the folder's entries, in order. Their sizes add up to the content's size, unless there are none:
    /// then the folder's bytes belong to no entry.
    pub substreams: Box<[Substream]>,
}

/// All packed streams and folders of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Streams {
    /// Where the first packed stream begins, in bytes behind the start header.
    pub pack_position: u64,
    /// Packed streams in the order of their bytes; each folder takes as many as it has packed inputs. More
    /// than the folders take may be here, never fewer.
    pub pack_streams: Vec<PackStream>,
    /// Folders in the order of their packed streams.
    pub folders: Vec<FolderStreams>,
}

/// The plain header: where the bytes are, and the entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// Packed streams and folders.
    pub streams: Streams,
    /// Entries. Those with `has_stream` take the folders' substreams in order.
    pub entries: Vec<Entry>,
}
