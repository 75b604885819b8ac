//! Where archives are written to and read from.
//!
//! Storage is positional and synchronous. A [`Sink`] gets the archive's bytes in order and the 32-byte start header last
//! of all; a [`ReadAt`] gives bytes from any place.
//!
//! | sink | for | can take bytes back | until [`finish`](Sink::finish) |
//! |---|---|---|---|
//! | [`PathSink`] | a file | yes | a temporary file beside it |
//! | [`VolumeSink`] | `name.7z.001`, `.002`, … | yes | temporary files beside them |
//! | [`SegmentSink`] | volumes that a function takes as they are made | what it still holds | memory, then unnamed temporary files |
//! | [`VecSink`] | memory | yes | – |
//! | [`SeekSink`] | any `Write + Seek` | no | the target itself, without a start header |
//! | [`StreamSink`] | any `Write` (pipe, socket) | yes | memory, then an unnamed temporary file |
//!
//! A [`CheckedSink`] puts a condition before the end of another one.

mod checked_sink;
mod path_sink;
mod segment_sink;
mod spool;
mod stream_sink;
mod vec_sink;
mod volume_sink;
mod volume_sizes;
mod volume_swap;

pub use checked_sink::CheckedSink;
pub use path_sink::PathSink;
pub use segment_sink::{Segment, SegmentConsumer, SegmentSink};
pub use stream_sink::{SeekSink, StreamSink};
pub use vec_sink::{VecSink, WrittenBytes};
pub use volume_sink::VolumeSink;

mod read_at;

pub(crate) use read_at::read_exact_at;
pub use read_at::{FileSource, MemorySource, VolumeSet};

use crate::Result;
use std::io;
use std::sync::Arc;

/// Bytes of the start header, for which a sink leaves room.
pub(crate) const START_HEADER_BYTES: u64 = 32;

/// Where an archive is written to.
///
/// The first 32 bytes belong to the start header, which is known last: a sink leaves room for them itself, and
/// position 0 of [`append`](Self::append) is byte 32 of the archive.
pub trait Sink: Send {
    /// Appends packed bytes.
    ///
    /// # Errors
    /// Whatever the target says; the run then ends and calls [`abort`](Self::abort).
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Takes back everything from `position` on (counted in appended bytes), if the sink can. `Ok(false)`: it cannot.
    ///
    /// # Errors
    /// Whatever the target says; the run then ends.
    fn truncate(&mut self, position: u64) -> io::Result<bool>;
    /// Completes the archive: writes the start header and makes the result visible and durable.
    ///
    /// # Errors
    /// Whatever the target says; nothing half-written is left under the archive's name.
    fn finish(self: Box<Self>, start_header: &[u8; 32]) -> Result<()>;
    /// Gives up: leaves nothing behind, and what was there before untouched.
    fn abort(self: Box<Self>);
}

/// Bytes that can be read at any position, from many threads.
pub trait ReadAt: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> u64;
    /// Reads up to `buf.len()` bytes from `position`; 0 only at the end (or for an empty `buf`).
    ///
    /// # Errors
    /// Whatever the source says.
    fn read_at(&self, buf: &mut [u8], position: u64) -> io::Result<usize>;
    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, buf: &mut [u8], position: u64) -> io::Result<usize> {
        (**self).read_at(buf, position)
    }
}
