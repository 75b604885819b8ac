//! An archive in memory.

use super::{START_HEADER_BYTES, Sink};
use crate::Result;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a [`VecSink`] leaves the archive.
#[derive(Debug, Clone, Default)]
pub struct WrittenBytes(Arc<Mutex<Option<Vec<u8>>>>);

impl WrittenBytes {
    /// Takes the archive: `None` before the run has finished, and after it was taken.
    pub fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Memory.
#[derive(Debug)]
pub struct VecSink {
    bytes: Vec<u8>,
    written: WrittenBytes,
}

impl VecSink {
    /// A sink, and the place where the archive is found once the run has finished.
    pub fn new() -> (Self, WrittenBytes) {
        let written = WrittenBytes::default();
        (Self { bytes: vec![0; START_HEADER_BYTES as usize], written: written.clone() }, written)
    }
}

impl Sink for VecSink {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.try_reserve(bytes.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, position: u64) -> io::Result<bool> {
        self.bytes.truncate((START_HEADER_BYTES + position) as usize);
        Ok(true)
    }

    fn finish(mut self: Box<Self>, start_header: &[u8; 32]) -> Result<()> {
        self.bytes[..START_HEADER_BYTES as usize].copy_from_slice(start_header);
        *self.written.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.bytes);
        Ok(())
    }

    fn abort(self: Box<Self>) {}
}
