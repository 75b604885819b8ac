//! Hash chains for short texts: every position is linked with the one before it that has the same four bytes (as far as a
//! hash tells).
//!
//! A walk along the chain meets the positions from the nearest on, and gives each that matches longer than all nearer ones:
//! what a binary tree gives. A tree's walk is shorter, but each of its steps waits for a comparison and a jump that
//! nobody can foretell; here a step is two loads from a cache, and to make a position known costs two stores where a tree is
//! walked and split. So it wins where chains are short because the text is: the number of positions with the same four
//! bytes grows with the text, and from some ten KB on trees win.
//!
//! Invariants: positions are counted from 1 and have 16 bits; 0 is none. `links[p]` is nearer to the start than p. Tables have
//! about as many entries as the text has bytes, so that clearing them costs nothing beside the text.

use super::{Finder, Matches, extend};
use alloc::boxed::Box;
use alloc::vec;

/// The longest text.
pub(crate) const MAX_TEXT: usize = (1 << 16) - 1;

const MIN_HASH_BITS: u32 = 8;
const MAX_HASH_BITS: u32 = 15;
const HASH2_BITS: u32 = 10;

/// The last positions, by hash of so many bytes.
type Heads<const COUNT: usize> = Box<[u16; COUNT]>;

pub(crate) struct ShortChain {
    heads2: Heads<{ 1 << HASH2_BITS }>,
    heads3: Heads<{ 1 << MAX_HASH_BITS }>,
    heads4: Heads<{ 1 << MAX_HASH_BITS }>,
    /// The position before, by position.
    links: Heads<{ 1 << 16 }>,
    hash_shift: u32,
    position: usize,
    limit: usize,
    /// Along a chain, at the most.
    steps: u32,
    dictionary_bytes: usize,
}

/// An empty table.
pub(super) fn zeros<T: Clone + Default, const COUNT: usize>() -> Box<[T; COUNT]> {
    vec![T::default(); COUNT].into_boxed_slice().try_into().ok().expect("the length is that of the array")
}

impl ShortChain {
    pub(crate) fn new() -> Self {
        Self {
            heads2: zeros(),
            heads3: zeros(),
            heads4: zeros(),
            links: zeros(),
            hash_shift: 0,
            position: 0,
            limit: 0,
            steps: 0,
            dictionary_bytes: 0,
        }
    }

    /// Begins a text of `len` bytes, at most [`MAX_TEXT`]. Matches are at most `limit` long and `dictionary_bytes` back.
    pub(crate) fn begin(&mut self, len: usize, limit: usize, dictionary_bytes: usize) {
        let bits = len.next_power_of_two().trailing_zeros().clamp(MIN_HASH_BITS, MAX_HASH_BITS);
        self.hash_shift = 32 - bits;
        self.heads2.fill(0);
        self.heads3[..1 << bits].fill(0);
        self.heads4[..1 << bits].fill(0);
        (self.position, self.limit) = (0, limit);
        // Few chains are longer; what they would find costs more time than it is worth.
        (self.steps, self.dictionary_bytes) = (32 + len as u32 / 512, dictionary_bytes);
    }

    /// With so many steps at the most.
    #[cfg(test)]
    pub(crate) fn with_steps(mut self, steps: u32) -> Self {
        self.steps = steps;
        self
    }

    /// The last positions with the same two, three and four bytes as `word`'s first; `now` takes their place.
    #[inline(always)]
    fn exchange(&mut self, word: u32, now: u16) -> [u16; 3] {
        const MULTIPLIER: u32 = 0x9E37_79B1;
        let hash2 = ((word << 16).wrapping_mul(MULTIPLIER) >> (32 - HASH2_BITS)) as usize;
        let hash3 = ((word << 8).wrapping_mul(MULTIPLIER) >> self.hash_shift) as usize;
        let hash4 = (word.wrapping_mul(MULTIPLIER) >> self.hash_shift) as usize;
        let head2 = core::mem::replace(&mut self.heads2[hash2 % (1 << HASH2_BITS)], now);
        let head3 = core::mem::replace(&mut self.heads3[hash3 % (1 << MAX_HASH_BITS)], now);
        let head4 = core::mem::replace(&mut self.heads4[hash4 % (1 << MAX_HASH_BITS)], now);
        self.links[usize::from(now)] = head4;
        [head2, head3, head4]
    }

    /// Matches of two and three bytes. Those of four and more are in the chain.
    #[inline(always)]
    fn short_matches(&self, text: &[u8], word: u32, [head2, head3, _]: [u16; 3], found: &mut Matches) {
        let position = self.position;
        let oldest = position.saturating_sub(self.dictionary_bytes);
        let mut longest = 1;
        for head in [head2, head3] {
            let Some(other) = usize::from(head).checked_sub(1).filter(|&other| other >= oldest) else { continue };
            let same = ((word ^ load(text, other)) | 0x8000_0000).trailing_zeros() / 8;
            // Two bytes from afar are not worth their distance.
            let distance = (position - other - 1) as u32;
            if same > longest && (same > 2 || distance < 512) && word != load(text, other) {
                longest = same;
                found.push(same, distance);
            }
        }
    }
}

/// Of a position too near to the end for four bytes; nothing is found there after it.
#[cold]
pub(super) fn last_matches(text: &[u8], position: usize, dictionary_bytes: usize, found: &mut Matches) {
    let limit = text.len() - position;
    let oldest = position.saturating_sub(dictionary_bytes.min(512));
    let mut longest = 1;
    for other in (oldest..position).rev() {
        let length = extend(text, position, other, 0, limit);
        if length > longest {
            longest = length;
            found.push(length as u32, (position - other - 1) as u32);
        }
    }
}

/// Four bytes as a number.
#[inline(always)]
pub(super) fn load(text: &[u8], position: usize) -> u32 {
    u32::from_le_bytes(text[position..position + 4].try_into().expect("4 bytes"))
}

impl Finder for ShortChain {
    #[inline(always)]
    fn matches(&mut self, text: &[u8], found: &mut Matches) {
        found.clear();
        let position = self.position;
        let limit = self.limit.min(text.len() - position);
        if limit < 4 {
            last_matches(text, position, self.dictionary_bytes, found);
            self.position += 1;
            return;
        }
        let word = load(text, position);
        let heads = self.exchange(word, position as u16 + 1);
        self.short_matches(text, word, heads, found);
        let oldest = position.saturating_sub(self.dictionary_bytes);
        let mut candidate = heads[2];
        let mut longest = 3;
        // What a longer match has at its end.
        let mut tail = word;
        let mut steps = self.steps;
        while candidate != 0 && steps > 0 {
            let other = usize::from(candidate) - 1;
            if other < oldest {
                break;
            }
            candidate = self.links[usize::from(candidate)];
            steps -= 1;
            if load(text, other + longest - 3) != tail {
                continue;
            }
            let length = extend(text, position, other, 0, limit);
            if length > longest {
                longest = length;
                found.push(length as u32, (position - other - 1) as u32);
                if length == limit {
                    break;
                }
                tail = load(text, position + length - 3);
            }
        }
        self.position += 1;
    }

    fn skip(&mut self, text: &[u8], count: usize) {
        for _ in 0..count {
            if self.position + 4 <= text.len() {
                let word = load(text, self.position);
                self.exchange(word, self.position as u16 + 1);
            }
            self.position += 1;
        }
    }

    fn leave_out(&mut self, _text: &[u8], count: usize) {
        self.position += count;
    }
}
