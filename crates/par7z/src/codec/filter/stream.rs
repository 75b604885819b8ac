//! The way of the bytes through a filter, in both directions.
//!
//! A filter itself is a [`Conversion`]: it changes bytes where they lie and knows nothing of streams. Here it becomes
//! what workers push into ([`FilterWriter`]) and what content is pulled from ([`FilterReader`]). Both convert in the
//! caller's memory; what a conversion leaves is put in front of the bytes that follow, so the result does not depend on
//! how the bytes were cut.

use super::super::{BoxRead, FilterEncoder};
use crate::Result;
use std::io::{self, Read};

/// A change of bytes in place that goes on from call to call.
pub(super) trait Conversion: Send {
    /// Converts the front of `bytes` and returns how many are done. The others, at most [`MAX_TAIL_BYTES`], are for the
    /// next call to begin with; where no more bytes follow, they stay as they are.
    fn convert(&mut self, bytes: &mut [u8]) -> usize;
}

/// The largest unit of any filter, a bundle of IA-64, less one byte.
pub(super) const MAX_TAIL_BYTES: usize = 15;

/// What is converted at once, so that it is in the cache still.
const PIECE_BYTES: usize = 64 << 10;

/// A conversion on the way into the archive.
pub(super) struct FilterWriter<C> {
    conversion: C,
    /// What the conversion left.
    tail: Vec<u8>,
}

impl<C: Conversion> FilterWriter<C> {
    pub(super) fn new(conversion: C) -> Self {
        Self { conversion, tail: Vec::with_capacity(MAX_TAIL_BYTES) }
    }
}

impl<C: Conversion> FilterEncoder for FilterWriter<C> {
    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut done = out.len();
        out.append(&mut self.tail);
        for piece in input.chunks(PIECE_BYTES) {
            out.extend_from_slice(piece);
            done += self.conversion.convert(&mut out[done..]);
        }
        self.tail.extend_from_slice(&out[done..]);
        out.truncate(done);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.append(&mut self.tail);
        Ok(())
    }
}

/// The buffer for reads that are smaller than it.
const BUFFER_BYTES: usize = 4 << 10;

/// Memory of a [`FilterReader`] and its conversion, in bytes.
pub(super) const READER_MEMORY_BYTES: u64 = BUFFER_BYTES as u64 + (1 << 10);

/// A conversion on the way out.
pub(super) struct FilterReader<C> {
    source: BoxRead,
    conversion: C,
    /// What the conversion left.
    tail: Vec<u8>,
    /// `buffer[given..ready]` is converted and not given out. Large reads do without: they are converted where they go.
    buffer: Vec<u8>,
    given: usize,
    ready: usize,
}

impl<C: Conversion> FilterReader<C> {
    pub(super) fn new(source: BoxRead, conversion: C) -> Self {
        let tail = Vec::with_capacity(MAX_TAIL_BYTES);
        Self { source, conversion, tail, buffer: vec![0; BUFFER_BYTES], given: 0, ready: 0 }
    }

    /// Reads and converts into `target`, which has room for a tail and more. 0 at the end.
    fn fill(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let mut filled = self.tail.len();
        target[..filled].copy_from_slice(&self.tail);
        self.tail.clear();
        loop {
            let done = match self.source.read(&mut target[filled..]) {
                Ok(0) => return Ok(filled),
                Ok(count) => {
                    filled += count;
                    self.conversion.convert(&mut target[..filled])
                }
                Err(error) => {
                    // An interrupted read may be tried again.
                    self.tail.extend_from_slice(&target[..filled]);
                    return Err(error);
                }
            };
            if done > 0 {
                self.tail.extend_from_slice(&target[done..filled]);
                return Ok(done);
            }
        }
    }
}

impl<C: Conversion> Read for FilterReader<C> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.given == self.ready {
            if buf.len() >= BUFFER_BYTES {
                let room = buf.len().min(PIECE_BYTES);
                return self.fill(&mut buf[..room]);
            }
            let mut buffer = std::mem::take(&mut self.buffer);
            let filled = self.fill(&mut buffer);
            self.buffer = buffer;
            (self.given, self.ready) = (0, 0);
            self.ready = filled?;
        }
        let count = buf.len().min(self.ready - self.given);
        buf[..count].copy_from_slice(&self.buffer[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}
