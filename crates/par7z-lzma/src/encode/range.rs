//! The range coder: bits with their probabilities in, bytes out.
//!
//! `low` is the interval's start: its low 32 bits are still being added to; above them are up to two bytes that wait, and
//! above those a carry may come. Three bytes are written at a time; a carry into what is written already is added there.
//! So a bit costs no look at what waits, and the numbers stay in registers from the first bit of a symbol to the last:
//! [`RangeEncoder::code`] lends them.
//!
//! Invariants: between two bits `range` is at least 2^24 once normalized; `waiting` is below three; `low` is below 2^(33 + 8 *
//! waiting): one carry at the most. The stream's first byte is 0, so a carry always finds a byte to end in.
//!
//! Source: the LZMA specification; the carry into written bytes is Martin's, 1979.

use crate::model::{MOVE_BITS, PROB_BITS, Prob};
use alloc::vec::Vec;

const TOP: u32 = 1 << 24;
/// Bytes written at a time.
const FLUSH_BYTES: u32 = 3;

pub(crate) struct RangeEncoder {
    low: u64,
    range: u32,
    /// Bytes that wait in `low`, fewer than [`FLUSH_BYTES`].
    waiting: u32,
    out: Vec<u8>,
}

impl RangeEncoder {
    pub(crate) fn new() -> Self {
        // The first byte is always 0.
        Self { low: 0, range: u32::MAX, waiting: 1, out: Vec::new() }
    }

    /// Begins a new stream; what was not taken is gone.
    pub(crate) fn reset(&mut self) {
        (self.low, self.range, self.waiting) = (0, u32::MAX, 1);
        self.out.clear();
    }

    /// Bytes of the stream if it were ended now.
    pub(crate) fn len_if_ended(&self) -> usize {
        self.out.len() + self.waiting as usize + 4
    }

    /// What is coded so far, in bits and fractions of them.
    #[cfg(test)]
    pub(crate) fn bits(&self) -> f64 {
        (self.out.len() + self.waiting as usize) as f64 * 8.0 + 32.0 - f64::from(self.range).log2()
    }

    /// Bytes that are written.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Moves to `out` the bytes that are certain: a carry reaches the last one that is not 0xFF, and none before it. Gives their
    /// number.
    pub(crate) fn drain_certain(&mut self, out: &mut Vec<u8>) -> usize {
        let certain = self.out.iter().rposition(|&byte| byte != 0xFF).unwrap_or(0);
        out.extend(self.out.drain(..certain));
        certain
    }

    /// Ends the stream; all bytes are written then.
    pub(crate) fn finish(&mut self) {
        write(&mut self.out, self.low, self.waiting);
        self.out.extend_from_slice(&(self.low as u32).to_be_bytes());
    }

    /// Codes bits.
    #[inline(always)]
    pub(crate) fn code<R>(&mut self, bits: impl FnOnce(&mut Bits) -> R) -> R {
        let mut coder = Bits { low: self.low, range: self.range, waiting: self.waiting, out: &mut self.out };
        let result = bits(&mut coder);
        (self.low, self.range, self.waiting) = (coder.low, coder.range, coder.waiting);
        result
    }
}

/// Writes the `count` bytes of `low` that wait.
#[inline(never)]
fn write(out: &mut Vec<u8>, low: u64, count: u32) {
    let low = low << (8 * (FLUSH_BYTES - count));
    if low >> (32 + 8 * FLUSH_BYTES) != 0 {
        for byte in out.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }
    out.extend_from_slice(&((low >> (8 * FLUSH_BYTES)) as u32).to_be_bytes()[..count as usize]);
}

/// A range coder at work.
pub(crate) struct Bits<'a> {
    low: u64,
    range: u32,
    waiting: u32,
    out: &'a mut Vec<u8>,
}

impl Bits<'_> {
    #[inline(always)]
    fn normalize(&mut self) {
        if self.range < TOP {
            self.range <<= 8;
            self.low <<= 8;
            self.waiting += 1;
            if self.waiting == FLUSH_BYTES {
                write(self.out, self.low, FLUSH_BYTES);
                self.low = u64::from(self.low as u32);
                self.waiting = 0;
            }
        }
    }

    /// A bit (0 or 1) with its probability.
    #[inline(always)]
    pub(crate) fn bit(&mut self, prob: &mut Prob, bit: u32) {
        let p = u32::from(*prob);
        let bound = (self.range >> PROB_BITS) * p;
        // Without a branch: the bits worth a branch are those that compress well, and they are few.
        let mask = 0u32.wrapping_sub(bit);
        self.low += u64::from(bound & mask);
        self.range = (bound & !mask) | (self.range.wrapping_sub(bound) & mask);
        // Towards 0 by p/32, or towards 2048 by (2048 - p)/32.
        let up = ((1 << PROB_BITS) - p) >> MOVE_BITS;
        let down = p >> MOVE_BITS;
        *prob = (p + (up & !mask) - (down & mask)) as Prob;
        self.normalize();
    }

    /// `count` bits of `value` without probabilities, the highest first.
    #[inline(always)]
    pub(crate) fn direct(&mut self, value: u32, count: u32) {
        for index in (0..count).rev() {
            self.range >>= 1;
            let mask = 0u32.wrapping_sub(value >> index & 1);
            self.low += u64::from(self.range & mask);
            self.normalize();
        }
    }

    /// The low `bits` of `symbol` as a tree, the highest first.
    #[inline(always)]
    pub(crate) fn tree(&mut self, probs: &mut [Prob], symbol: u32, bits: u32) {
        let mut node = 1usize;
        for index in (0..bits).rev() {
            let bit = symbol >> index & 1;
            self.bit(&mut probs[node], bit);
            node = node << 1 | bit as usize;
        }
    }

    /// The low `bits` of `symbol` as a tree, the lowest first.
    #[inline(always)]
    pub(crate) fn reverse_tree(&mut self, probs: &mut [Prob], symbol: u32, bits: u32) {
        let mut node = 1usize;
        for index in 0..bits {
            let bit = symbol >> index & 1;
            self.bit(&mut probs[node], bit);
            node = node << 1 | bit as usize;
        }
    }
}
