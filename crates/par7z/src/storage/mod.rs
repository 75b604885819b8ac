//! Where archives are written to and read from.
//!
//! Storage is positional and synchronous. A [`Sink`] gets the archive's bytes in order and the 32-byte start header last
//! of all; a [`ReadAt`] gives bytes from any place.

mod read_at;

pub(crate) use read_at::read_exact_at;
pub use read_at::{FileSource, MemorySource, VolumeSet};

use crate::Result;
use std::io;

/// Where an archive is written to.
///
/// The first 32 bytes belong to the start header, which is known last: a sink leaves room for them itself, and
/// position 0 of [`append`](Self::append) is byte 32 of the archive.
pub trait Sink: Send {
    /// Appends packed bytes.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Takes back everything from `position` on (counted in appended bytes), if the sink can. `Ok(false)`: it cannot.
    fn truncate(&mut self, position: u64) -> io::Result<bool>;
    /// Completes the archive: writes the start header and makes the result visible and durable.
    fn finish(self: Box<Self>, start_header: &[u8; 32]) -> Result<()>;
    /// Gives up: leaves nothing behind, and what was there before untouched.
    fn abort(self: Box<Self>);
}

/// Bytes that can be read at any position, from many threads.
pub trait ReadAt: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> u64;
    /// Reads up to `buf.len()` bytes from `position`; 0 only at the end (or for an empty `buf`).
    fn read_at(&self, buf: &mut [u8], position: u64) -> io::Result<usize>;
    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
