//! The decoder: LZMA and LZMA2, resumable at any byte of input and output.
//!
//! Three layers: `lzma` and `lzma2` know streams and chunks; `feed` knows inputs that are cut; `symbol` and the fast loop
//! in `kernel/` know symbols. What is between two symbols is a `Coder`, where bytes go is a `Target`.

pub(crate) mod coder;
mod error;
mod feed;
mod lzma;
mod lzma2;
mod output;
mod parts;
mod symbol;
pub(crate) mod target;
pub(crate) mod window;

pub use error::DecodeError;
pub use lzma::{LzmaDecoder, LzmaEnd};
pub use lzma2::{Lzma2Decoder, lzma2_dictionary_bytes};
pub use parts::{Lzma2Header, Lzma2Part, Lzma2Scan, scan_lzma2};

/// How far a call of a decoder has come.
///
/// If a stream is not `finished`, either `output` is full or all of the input is consumed: then more is needed. If there
/// is no more, the input is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of input that were used. What comes behind a stream is never taken.
    pub consumed: usize,
    /// Bytes of output that were filled.
    pub produced: usize,
    /// Whether the stream is complete.
    pub finished: bool,
}

/// The smallest dictionary that the format has.
const DICTIONARY_MIN: u32 = 1 << 12;

/// The dictionary that is needed of one: no match reaches further back than the stream begins.
fn window_bytes(dictionary_bytes: u32, size: Option<u64>) -> usize {
    let asked = u64::from(dictionary_bytes.max(DICTIONARY_MIN));
    let needed = size.map_or(asked, |size| asked.min(size));
    usize::try_from(needed).unwrap_or(usize::MAX)
}

/// The memory that its window takes.
fn dictionary_memory_bytes(dictionary_bytes: u32, size: Option<u64>) -> u64 {
    window::Window::full_bytes(window_bytes(dictionary_bytes, size)) as u64
}
