//! Swap2 and Swap4: the bytes of each unit in reverse order. Their own inverse; a shorter tail passes unchanged.

use super::super::registry::{Opening, id, no_properties};
use super::super::{BoxRead, FilterEncoder};
use crate::Result;
use std::io::{self, Read};

fn swap(units: &mut [u8], unit: usize) {
    for bytes in units.chunks_exact_mut(unit) {
        bytes.reverse();
    }
}

/// Swaps on the way into the archive.
pub(in crate::codec) struct SwapEncoder {
    unit: usize,
    /// The beginning of a unit, shorter than one.
    held: Vec<u8>,
}

impl SwapEncoder {
    pub(super) fn new(unit: usize) -> Self {
        Self { unit, held: Vec::with_capacity(unit) }
    }
}

impl FilterEncoder for SwapEncoder {
    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let begin = out.len();
        out.append(&mut self.held);
        out.extend_from_slice(input);
        let whole = out.len() - (out.len() - begin) % self.unit;
        self.held.extend_from_slice(&out[whole..]);
        out.truncate(whole);
        swap(&mut out[begin..], self.unit);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.append(&mut self.held);
        Ok(())
    }
}

const BUFFER: usize = 16 << 10;

/// Swaps on the way out.
struct SwapReader {
    source: BoxRead,
    unit: usize,
    buffer: Box<[u8]>,
    /// `buffer[given..ready]` is swapped and not yet given out, `buffer[ready..filled]` begins a unit.
    given: usize,
    ready: usize,
    filled: usize,
}

impl SwapReader {
    /// Gets more; nothing is ready when it is called. `false` at the end.
    fn refill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.ready..self.filled, 0);
        self.filled -= self.ready;
        (self.given, self.ready) = (0, 0);
        while self.filled < self.unit {
            let count = self.source.read(&mut self.buffer[self.filled..])?;
            if count == 0 {
                self.ready = self.filled;
                return Ok(self.ready > 0);
            }
            self.filled += count;
        }
        self.ready = self.filled - self.filled % self.unit;
        swap(&mut self.buffer[..self.ready], self.unit);
        Ok(true)
    }
}

impl Read for SwapReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || (self.given == self.ready && !self.refill()?) {
            return Ok(0);
        }
        let count = buf.len().min(self.ready - self.given);
        buf[..count].copy_from_slice(&self.buffer[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

/// The buffer.
pub(in crate::codec) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    no_properties("Swap", properties)?;
    Ok(BUFFER as u64)
}

pub(in crate::codec) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    no_properties("Swap", opening.properties)?;
    let unit = if opening.method == id::SWAP2 { 2 } else { 4 };
    let buffer = vec![0; BUFFER].into();
    Ok(Box::new(SwapReader { source: opening.input()?, unit, buffer, given: 0, ready: 0, filled: 0 }))
}
