//! The dictionary: the last bytes of output, in a buffer that is written round and round.
//!
//! Memory grows with what is written, so that a header that asks for 4 GiB costs nothing by itself.
//!
//! Invariants: the dictionary's last bytes are in the buffer, with [`SLACK_BYTES`] beside them that a copy may write over; a
//! distance beyond what was written is an error, never a read.

use super::DecodeError;
use super::target::{SLACK_BYTES, Target};
use alloc::vec::Vec;

/// The first allocation, unless the dictionary is smaller. Miri takes seconds to fill as much.
const FIRST_BYTES: usize = if cfg!(miri) { 1 << 8 } else { 1 << 16 };

/// A dictionary whose memory grows with what is written into it.
#[derive(Debug)]
pub(crate) struct Window {
    buffer: Vec<u8>,
    /// Its length when it is grown up: the dictionary and [`SLACK_BYTES`], a multiple of 16.
    full_bytes: usize,
    dictionary_bytes: usize,
    /// Where the next byte goes; at most `buffer.len()`, which is less than `full_bytes` only while not `wrapped`.
    position: usize,
    wrapped: bool,
}

impl Window {
    pub(crate) fn new(dictionary_bytes: usize) -> Self {
        let full_bytes = Self::full_bytes(dictionary_bytes);
        Self { buffer: Vec::new(), full_bytes, dictionary_bytes, position: 0, wrapped: false }
    }

    /// The length of the buffer for a dictionary.
    pub(crate) fn full_bytes(dictionary_bytes: usize) -> usize {
        dictionary_bytes.saturating_add(SLACK_BYTES + 15) & !15
    }

    /// Forgets what was written, and keeps the memory, or as much of it as the dictionary needs.
    pub(crate) fn reset(&mut self, dictionary_bytes: usize) {
        self.dictionary_bytes = dictionary_bytes;
        self.full_bytes = Self::full_bytes(dictionary_bytes);
        self.buffer.truncate(self.full_bytes);
        self.forget();
    }

    /// Forgets what was written.
    pub(crate) fn forget(&mut self) {
        self.position = 0;
        self.wrapped = false;
    }

    /// A target with room for up to `wanted` bytes; for one at least, unless none is wanted.
    pub(crate) fn target(&mut self, wanted: usize) -> Result<Target<'_>, DecodeError> {
        if self.position == self.full_bytes {
            self.position = 0;
            self.wrapped = true;
        }
        if self.position == self.buffer.len() && wanted > 0 {
            self.grow()?;
        }
        let end = self.position.saturating_add(wanted).min(self.buffer.len());
        let Self { buffer, position, wrapped, dictionary_bytes, .. } = self;
        Ok(Target { buffer, position: *position, limit: end, wrapped: *wrapped, dictionary_bytes: *dictionary_bytes })
    }

    /// Takes over where a target has come to.
    pub(crate) fn advance_to(&mut self, position: usize) {
        self.position = position;
    }

    #[cfg(test)]
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn dictionary_bytes(&self) -> usize {
        self.dictionary_bytes
    }

    /// What was written last, from a position on.
    pub(crate) fn since(&self, begin: usize) -> &[u8] {
        &self.buffer[begin..self.position]
    }

    /// Grows to twice the length, if that is not too much.
    #[cold]
    fn grow(&mut self) -> Result<(), DecodeError> {
        let length = (self.buffer.len() * 2).max(FIRST_BYTES).min(self.full_bytes);
        let more = length - self.buffer.len();
        self.buffer.try_reserve_exact(more).map_err(|_| DecodeError::OutOfMemory { bytes: length })?;
        self.buffer.resize(length, 0);
        Ok(())
    }
}
