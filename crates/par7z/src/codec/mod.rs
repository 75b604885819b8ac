//! Compression methods: one file and one registry row each; filters beside them; the graph that joins them for reading.
//!
//! Encoders push: they are given input and append what is ready to a `Vec`. One worker owns one [`Encoder`] and re-arms
//! it from stream to stream. Decoders pull: [`open_folder`] joins a folder's coders into one [`Read`].

use crate::crypto::KeyRing;
use crate::{Filter, Method, ReadLimits, Result};
use par7z_format::{Coder, FolderStreams, MethodId};
use std::io::Read;

/// A boxed stream of bytes.
pub(crate) type BoxRead = Box<dyn Read + Send>;

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// It is complete.
    Final,
    /// Another slice is joined to it (methods with [`Encoder::joins_slices`] alone).
    Joined,
}

/// An encoder that is re-armed for stream after stream.
pub(crate) trait Encoder: Send {
    /// Begins a stream and says how it is stored. `size` is the unpacked size if known: the dictionary need not be larger.
    fn begin(&mut self, size: Option<u64>) -> Result<Coder>;
    /// Takes input and appends what is packed so far to `out`.
    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()>;
    /// Ends the stream and appends its rest.
    fn finish(&mut self, end: StreamEnd, out: &mut Vec<u8>) -> Result<()>;
}

/// A filter that is applied before compression. It keeps the length; it may hold back a few bytes until `finish`.
pub(crate) trait FilterEncoder: Send {
    /// Takes input and appends what is filtered to `out`.
    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()>;
    /// Appends the bytes held back.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()>;
}

// ---- signatures that the rest relies on; the bodies come with the codecs ----

/// What a codec row says about itself; see [`codecs`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CodecInfo {
    /// 7z's method id.
    pub id: u64,
    /// 7-Zip's name for it.
    pub name: &'static str,
    /// Whether archives with it can be read.
    pub reads: bool,
    /// Whether archives with it can be written.
    pub writes: bool,
}

/// The methods, filters and ciphers of this build.
pub fn codecs() -> Vec<CodecInfo> {
    Vec::new()
}

/// A [`Method`] with every parameter decided: the level's row of the table under what the caller set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResolvedMethod(pub(crate) Method);

impl ResolvedMethod {
    /// Fills in what `method` leaves open from `level`'s row. Level 0 gives Copy.
    pub(crate) fn new(method: &Method, level: u32) -> Self {
        let _ = level;
        Self(*method)
    }
    /// The dictionary (or block, or model) in bytes.
    pub(crate) fn dictionary_bytes(&self) -> u64 {
        0
    }
    /// Whether slices, each encoded from a fresh `begin`, join to one stream (LZMA2).
    pub(crate) fn joins_slices(&self) -> bool {
        false
    }
    /// Memory of one encoder in bytes, for streams of at most `size` bytes.
    pub(crate) fn encoder_memory_bytes(&self, size: Option<u64>) -> u64 {
        let _ = size;
        0
    }
    /// A new encoder.
    pub(crate) fn encoder(&self) -> Box<dyn Encoder> {
        unimplemented!()
    }
}

/// The stored form of a filter.
pub(crate) fn filter_coder(filter: &Filter) -> Coder {
    let _ = filter;
    unimplemented!()
}

/// A new encoder for a filter.
pub(crate) fn filter_encoder(filter: &Filter) -> Box<dyn FilterEncoder> {
    let _ = filter;
    unimplemented!()
}

/// The filter that 7-Zip would give a file that begins so (`head`: its first 4 KiB or all), if it is an executable.
pub(crate) fn detect_filter(head: &[u8]) -> Option<Filter> {
    let _ = head;
    None
}

/// Memory that decoding the folder takes, in bytes. An error if a coder is unknown or its properties are malformed.
pub(crate) fn decoder_memory_bytes(folder: &FolderStreams) -> Result<u64> {
    let _ = folder;
    Ok(0)
}

/// Joins a folder's coders into a reader of its content. `packed` are its packed streams, each limited to its length.
pub(crate) fn open_folder(
    folder: &FolderStreams,
    packed: Vec<BoxRead>,
    keys: &KeyRing,
    limits: &ReadLimits,
) -> Result<BoxRead> {
    let _ = (folder, packed, keys, limits);
    unimplemented!()
}

/// The methods of a folder as 7-Zip lists them: `LZMA2:25 BCJ 7zAES:19`.
pub(crate) fn method_names(folder: &FolderStreams) -> String {
    let _ = folder;
    String::new()
}

/// Whether a coder of this method decrypts.
pub(crate) fn is_cipher(method: MethodId) -> bool {
    method.0 == 0x06F1_0701
}
