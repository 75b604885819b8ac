//! A sink that asks before it completes the archive.

use super::Sink;
use crate::Result;
use std::fmt;
use std::io;

/// Another sink, whose archive is completed only if a function agrees once all items are done; otherwise it gives up. For
/// callers to whom some archives are worse than none: an empty one is no replacement for a good one.
pub struct CheckedSink<F> {
    inner: Box<dyn Sink>,
    check: F,
}

impl<F> fmt::Debug for CheckedSink<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedSink").finish_non_exhaustive()
    }
}

impl<F: FnOnce() -> Result<()> + Send> CheckedSink<F> {
    /// `check`'s error is what the run ends with. It is called when every event of an item has been told.
    pub fn new(inner: Box<dyn Sink>, check: F) -> Self {
        Self { inner, check }
    }
}

impl<F: FnOnce() -> Result<()> + Send> Sink for CheckedSink<F> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.append(bytes)
    }

    fn truncate(&mut self, position: u64) -> io::Result<bool> {
        self.inner.truncate(position)
    }

    fn finish(self: Box<Self>, start_header: &[u8; 32]) -> Result<()> {
        let Self { inner, check } = *self;
        match check() {
            Ok(()) => inner.finish(start_header),
            Err(error) => {
                inner.abort();
                Err(error)
            }
        }
    }

    fn abort(self: Box<Self>) {
        self.inner.abort();
    }
}
