//! The range coder: bits with their probabilities in, bytes out.
//!
//! `low` has 33 bits: a carry out of the low 32 is added to bytes that wait in `cache` and the 0xFF bytes after it.
//! Source: the LZMA specification; the carry scheme is Subbotin's as in the 7-Zip SDK.

use crate::model::{MOVE_BITS, PROB_BITS, Prob};
use alloc::vec::Vec;

const TOP: u32 = 1 << 24;

pub(crate) struct RangeEncoder {
    low: u64,
    range: u32,
    cache: u8,
    /// Bytes that wait for a carry: the cache and the 0xFF after it.
    waiting: usize,
    out: Vec<u8>,
}

impl RangeEncoder {
    pub(crate) fn new() -> Self {
        Self { low: 0, range: u32::MAX, cache: 0, waiting: 1, out: Vec::new() }
    }

    /// Begins a new stream; what was not taken is gone.
    pub(crate) fn reset(&mut self) {
        (self.low, self.range, self.cache, self.waiting) = (0, u32::MAX, 0, 1);
        self.out.clear();
    }

    /// Bytes of the stream if it were ended now.
    pub(crate) fn len_if_ended(&self) -> usize {
        self.out.len() + self.waiting + 4
    }

    /// Bytes that are certain.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Moves the certain bytes to `out`; gives their number.
    pub(crate) fn drain_into(&mut self, out: &mut Vec<u8>) -> usize {
        let count = self.out.len();
        out.append(&mut self.out);
        count
    }

    /// Ends the stream; all bytes are certain then.
    pub(crate) fn finish(&mut self) {
        for _ in 0..5 {
            self.shift_low();
        }
    }

    #[inline(never)]
    fn shift_low(&mut self) {
        if self.low < 0xFF00_0000 || self.low > 0xFFFF_FFFF {
            let carry = (self.low >> 32) as u8;
            self.out.push(self.cache.wrapping_add(carry));
            for _ in 1..self.waiting {
                self.out.push(0xFF_u8.wrapping_add(carry));
            }
            self.waiting = 0;
            self.cache = (self.low >> 24) as u8;
        }
        self.waiting += 1;
        self.low = u64::from((self.low as u32) << 8);
    }

    #[inline(always)]
    fn normalize(&mut self) {
        if self.range < TOP {
            self.range <<= 8;
            self.shift_low();
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
    #[inline]
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
