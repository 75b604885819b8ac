//! Bytes that wait to be sent: in memory up to a bound, beyond it in an unnamed temporary file.
//!
//! The file lies in the system's folder for these and has no name there, so nothing is left of it after a crash. Once it
//! is needed it stays: emptying a spool empties the file.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use tempfile::SpooledTempFile;

/// A spool. It stands at its end, except while it is read.
pub(super) struct Spool {
    file: SpooledTempFile,
    len_bytes: u64,
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("len_bytes", &self.len_bytes).finish_non_exhaustive()
    }
}

impl Spool {
    /// An empty spool that holds at most `memory_bytes` in memory.
    pub(super) fn new(memory_bytes: usize) -> Self {
        Self { file: SpooledTempFile::new(memory_bytes), len_bytes: 0 }
    }

    pub(super) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.len_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Cuts off what is behind `len_bytes`, which is at most its length.
    pub(super) fn truncate(&mut self, len_bytes: u64) -> io::Result<()> {
        self.file.set_len(len_bytes)?;
        self.file.seek(SeekFrom::Start(len_bytes))?;
        self.len_bytes = len_bytes;
        Ok(())
    }

    /// Writes over its first bytes, which are there already.
    pub(super) fn patch(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(bytes)?;
        self.file.seek(SeekFrom::Start(self.len_bytes))?;
        Ok(())
    }

    /// Its bytes from `start_bytes` on. Appending goes on behind a [`truncate`](Self::truncate) only.
    pub(super) fn read_from(&mut self, start_bytes: u64) -> io::Result<&mut (dyn Read + Send)> {
        self.file.seek(SeekFrom::Start(start_bytes))?;
        Ok(&mut self.file)
    }
}
