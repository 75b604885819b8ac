//! Compression methods: one file and one registry row each; filters beside them; the graph that joins them for reading.
//!
//! Encoders push: they are given input and append what is ready to a `Vec`. One worker owns one [`Encoder`] and re-arms
//! it from stream to stream. Decoders pull: [`open_folder`] joins a folder's coders into one [`Read`].

mod aes;
mod bzip2;
mod copy;
mod deflate;
mod deflate64;
mod filter;
mod graph;
mod level;
mod lzma;
mod lzma2;
mod lzma2_parts;
mod ppmd;
mod probe;
mod registry;
#[cfg(test)]
mod tests;

pub(crate) use filter::{detect_filter, filter_coder, filter_encoder};
pub(crate) use graph::{decoder_memory_bytes, may_have_parts, method_names, open_folder};
pub(crate) use level::ResolvedMethod;
pub(crate) use par7z_lzma::{SliceState, SlicedText, TaskResult, TaskScratch};
pub(crate) use probe::is_incompressible;

use crate::{Error, ErrorKind, Result};
use par7z_format::{Coder, MethodId};
use std::fmt::Display;
use std::io::Read;

/// A boxed stream of bytes.
pub(crate) type BoxRead = Box<dyn Read + Send>;

/// What a decoder may use besides its own thread: threads that have nothing to do, and memory.
pub(crate) trait Helpers: Send + Sync {
    /// Threads that are free for the decoder that asks, more or less.
    fn spare_threads(&self) -> usize;
    /// Gives a task to the first one that is free. It must not wait for another task; it may be dropped.
    fn share(&self, task: Box<dyn FnOnce() + Send>);
    /// Reserves memory for bytes, without waiting. What is reserved must be released.
    fn try_reserve(&self, bytes: u64) -> bool;
    /// Releases reserved bytes.
    fn release(&self, bytes: u64);
    /// Whether the run was stopped: nothing is worth going on.
    fn is_stopped(&self) -> bool;
}

/// An encoder that is re-armed for stream after stream.
pub(crate) trait Encoder: Send {
    /// Begins a stream and says how it is stored. `size` is the unpacked size if known: the dictionary need not be
    /// larger.
    fn begin(&mut self, size: Option<u64>) -> Result<Coder>;
    /// Takes input and appends what is packed so far to `out`.
    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()>;
    /// Ends the stream and appends its rest.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()>;
    /// Takes a stream's whole input and ends the stream. `watch` is told now and then of bytes taken and bytes appended since
    /// it was told last; its error stops the encoder. The last bytes appended may come after it was told last.
    fn pack(&mut self, input: &[u8], out: &mut Vec<u8>, watch: Watch<'_>) -> Result<()> {
        for piece in input.chunks(PIECE_BYTES) {
            let packed_before = out.len();
            self.write(piece, out)?;
            watch(piece.len(), out.len() - packed_before)?;
        }
        self.finish(out)
    }
    /// Packs a slice of a block `window` that was prepared as `text`; for methods that [have slices](ResolvedMethod::has_slices).
    fn pack_slice(
        &mut self,
        _text: &SlicedText,
        _state: &mut SliceState,
        _window: &[u8],
        _index: usize,
        _out: &mut Vec<u8>,
        _watch: Watch<'_>,
    ) -> Result<()> {
        Err(bug("stream", "it has no slices"))
    }
}

/// Bytes between two calls of a [`Watch`]: a few milliseconds at the slowest level.
pub(crate) const PIECE_BYTES: usize = 64 << 10;

/// Told of bytes taken and bytes packed; an error stops the encoder.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(usize, usize) -> Result<()>;

/// A filter that is applied before compression. It keeps the length; it may hold back a few bytes until `finish`.
pub(crate) trait FilterEncoder: Send {
    /// Takes input and appends what is filtered to `out`.
    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()>;
    /// Appends the bytes held back.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()>;
}

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
    registry::infos()
}

/// Whether a coder of this method decrypts.
pub(crate) fn is_cipher(method: MethodId) -> bool {
    method.0 == registry::id::AES
}

/// A coder with one input.
fn coder(method: u64, properties: &[u8]) -> Coder {
    Coder { method: MethodId(method), inputs: 1, properties: properties.into() }
}

/// Encoders write to memory and cannot fail but by a bug.
fn bug(name: &str, what: impl Display) -> Error {
    Error::new(ErrorKind::Internal, format!("{name} encoder: {what}"))
}

/// A decoder's complaint about its first bytes.
fn corrupt(name: &str, error: impl Display) -> Error {
    Error::new(ErrorKind::CorruptData, format!("damaged {name} data: {error}"))
}
