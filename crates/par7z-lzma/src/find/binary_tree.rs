//! Binary trees of positions, one for each hash of four bytes: 7-Zip's BT4.
//!
//! Each tree is sorted by the text that follows its positions, and by age from the root down: the newest position is the
//! root. Going down compares with ever older positions, and splits the tree around the new one on the way. It wins on small
//! inputs, which lie in the caches, and where memory is tight (8 bytes a position); on large ones each step is a cache miss.
//!
//! Invariant: `sons[2 * p]` and `sons[2 * p + 1]` are the roots of what is below and above position p's text, both older.
//! Positions whose place depends on bytes behind the end of the part of the text that is given are in no tree.

use super::{Finder, Matches, extend};
use alloc::vec::Vec;

/// No position. Stored positions are counted from 1.
const NONE: u32 = 0;
const HASH2_BITS: u32 = 10;
const HASH3_BITS: u32 = 16;

pub(crate) struct BinaryTree {
    hash2: Vec<u32>,
    hash3: Vec<u32>,
    hash4: Vec<u32>,
    hash4_bits: u32,
    sons: Vec<u32>,
    position: usize,
    end: usize,
    limit: usize,
    cycles: u32,
    dictionary_bytes: usize,
}

impl BinaryTree {
    pub(crate) fn new() -> Self {
        Self {
            hash2: Vec::new(),
            hash3: Vec::new(),
            hash4: Vec::new(),
            hash4_bits: 0,
            sons: Vec::new(),
            position: 0,
            end: 0,
            limit: 0,
            cycles: 0,
            dictionary_bytes: 0,
        }
    }

    /// Begins a text of `len` bytes. Matches are at most `limit` long and `dictionary_bytes` back; `cycles` steps down a
    /// tree at the most.
    pub(crate) fn begin(&mut self, len: usize, limit: usize, cycles: u32, dictionary_bytes: usize) {
        let bits = hash4_bits(len);
        self.hash4_bits = bits;
        let fresh = |table: &mut Vec<u32>, bits: u32| {
            table.clear();
            table.resize(1 << bits, NONE);
        };
        fresh(&mut self.hash2, HASH2_BITS);
        fresh(&mut self.hash3, HASH3_BITS.min(bits));
        fresh(&mut self.hash4, bits);
        if self.sons.len() < 2 * len + 2 {
            self.sons.resize(2 * len + 2, NONE);
        }
        (self.position, self.end, self.limit) = (0, len, limit);
        (self.cycles, self.dictionary_bytes) = (cycles, dictionary_bytes);
    }

    /// Gives all memory back.
    pub(crate) fn free(&mut self) {
        *self = Self::new();
    }

    /// The memory for texts of at most `len` bytes.
    pub(crate) fn memory_bytes(len: usize) -> usize {
        let bits = hash4_bits(len);
        let heads = (1 << HASH2_BITS) + (1 << HASH3_BITS.min(bits)) + (1 << bits);
        size_of::<u32>() * heads + (2 * size_of::<u32>()).saturating_mul(len.saturating_add(1))
    }

    /// Puts the next position into its tree. `found`: matches longer than `longest` are added.
    #[inline(always)]
    fn insert<const LOOK: bool>(&mut self, text: &[u8], found: &mut Matches) {
        let position = self.position;
        self.position += 1;
        let limit = self.limit.min(text.len() - position);
        if limit < 4 {
            if LOOK && limit >= 2 {
                // The last few bytes are in no tree; the shorter hashes still know them.
                self.short_matches(text, position, limit, found);
            }
            return;
        }
        let word = u32::from_le_bytes(text[position..position + 4].try_into().expect("4 bytes"));
        let hash4 = (word.wrapping_mul(0x9E37_79B1) >> (32 - self.hash4_bits)) as usize;
        let mut longest = 3;
        if LOOK {
            self.short_matches(text, position, limit, found);
            longest = (found.longest() as usize).max(3);
        } else {
            self.remember_short(text, position);
        }
        if limit < self.limit && text.len() < self.end {
            if LOOK {
                self.look(text, position, hash4, limit, longest, found);
            }
            return;
        }
        let now = position as u32 + 1;
        let mut candidate = core::mem::replace(&mut self.hash4[hash4], now);
        let (mut below, mut above) = (2 * position, 2 * position + 1);
        let (mut length_below, mut length_above) = (0, 0);
        let oldest = position.saturating_sub(self.dictionary_bytes);
        let mut cycles = self.cycles;
        if LOOK && longest >= limit {
            // A match as long as matches get: the tree is still to be split.
            longest = limit;
        }
        loop {
            let other = (candidate as usize).wrapping_sub(1);
            if candidate == NONE || other < oldest || cycles == 0 {
                self.sons[below] = NONE;
                self.sons[above] = NONE;
                return;
            }
            cycles -= 1;
            let length = extend(text, position, other, length_below.min(length_above), limit);
            if LOOK && length > longest {
                longest = length;
                found.push(length as u32, (position - other - 1) as u32);
            }
            if length == limit {
                self.sons[below] = self.sons[2 * other];
                self.sons[above] = self.sons[2 * other + 1];
                return;
            }
            if text[other + length] < text[position + length] {
                self.sons[below] = candidate;
                below = 2 * other + 1;
                candidate = self.sons[below];
                length_below = length;
            } else {
                self.sons[above] = candidate;
                above = 2 * other;
                candidate = self.sons[above];
                length_above = length;
            }
        }
    }

    /// Goes down a tree and leaves it as it is. Matches longer than `longest` are added.
    #[cold]
    fn look(&self, text: &[u8], position: usize, hash4: usize, limit: usize, mut longest: usize, found: &mut Matches) {
        let oldest = position.saturating_sub(self.dictionary_bytes);
        let mut candidate = self.hash4[hash4];
        let (mut length_below, mut length_above) = (0, 0);
        for _ in 0..self.cycles {
            let other = (candidate as usize).wrapping_sub(1);
            if candidate == NONE || other < oldest {
                return;
            }
            let length = extend(text, position, other, length_below.min(length_above), limit);
            if length > longest {
                longest = length;
                found.push(length as u32, (position - other - 1) as u32);
            }
            if length == limit {
                return;
            }
            if text[other + length] < text[position + length] {
                candidate = self.sons[2 * other + 1];
                length_below = length;
            } else {
                candidate = self.sons[2 * other];
                length_above = length;
            }
        }
    }

    fn hashes(&self, text: &[u8], position: usize) -> (usize, Option<usize>) {
        let bits3 = HASH3_BITS.min(self.hash4_bits);
        let pair = u32::from(u16::from_le_bytes([text[position], text[position + 1]]));
        let hash2 = (pair.wrapping_mul(0x9E37_79B1) >> (32 - HASH2_BITS)) as usize;
        let hash3 = text.get(position + 2).map(|third| {
            let triple = pair | u32::from(*third) << 16;
            (triple.wrapping_mul(0x9E37_79B1) >> (32 - bits3)) as usize
        });
        (hash2, hash3)
    }

    fn remember_short(&mut self, text: &[u8], position: usize) {
        let (hash2, hash3) = self.hashes(text, position);
        self.hash2[hash2] = position as u32 + 1;
        if let Some(hash3) = hash3 {
            self.hash3[hash3] = position as u32 + 1;
        }
    }

    /// Matches of two and three bytes, which no tree has, and what grows out of them.
    fn short_matches(&mut self, text: &[u8], position: usize, limit: usize, found: &mut Matches) {
        let (hash2, hash3) = self.hashes(text, position);
        let old2 = core::mem::replace(&mut self.hash2[hash2], position as u32 + 1);
        let old3 = hash3.map_or(NONE, |hash3| core::mem::replace(&mut self.hash3[hash3], position as u32 + 1));
        let oldest = position.saturating_sub(self.dictionary_bytes);
        let mut longest = 1;
        for old in [old2, old3] {
            let Some(other) = (old as usize).checked_sub(1).filter(|&other| other >= oldest) else { continue };
            let length = extend(text, position, other, 0, limit);
            if length > longest {
                longest = length;
                found.push(length as u32, (position - other - 1) as u32);
            }
        }
    }
}

/// Heads for a text: about as many as it has positions.
fn hash4_bits(len: usize) -> u32 {
    len.checked_next_power_of_two().map_or(usize::BITS, usize::trailing_zeros).clamp(10, 24)
}

impl Finder for BinaryTree {
    #[inline]
    fn matches(&mut self, text: &[u8], found: &mut Matches) {
        found.clear();
        self.insert::<true>(text, found);
    }

    fn skip(&mut self, text: &[u8], count: usize) {
        let mut none = Matches::new();
        for _ in 0..count {
            self.insert::<false>(text, &mut none);
        }
    }

    fn leave_out(&mut self, _text: &[u8], count: usize) {
        self.position += count;
    }
}
