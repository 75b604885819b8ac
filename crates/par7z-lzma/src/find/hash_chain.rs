//! Hash chains: for each position, the one before it with the same hash of five bytes; and the newest of three bytes.
//!
//! **What it is.** `heads` holds the newest position of each hash, `links` the position before each position: a ring as large
//! as the dictionary. The candidates of a position are the chain of links, near to far, of which only so many are tried.
//! A chain of five bytes has few false candidates; shorter matches pay only when they are near, and the newest position with
//! the same three bytes is the nearest, so that takes a single entry for each hash.
//!
//! **Why it wins.** Nothing is sorted and nothing is balanced: a position costs two entries written, whether it is looked
//! at or not. Entries are written for many positions at once, ahead of the parser. There the misses of many positions
//! overlap, and the parser passes over a match at no cost at all. Chains lose to trees once many candidates share
//! their first bytes: a tree finds the longest of n in log n steps, a chain looks at `cycles` of them.
//!
//! **Invariants.** Entries are `base + position`. `base` grows by each text's length, so what an earlier text left is below
//! it and looks like a position before the text: nothing is cleared, and a text costs in proportion to its own length. Positions
//! below `filled` are in the tables, none else. A link may be followed while its position is less than `links.len()`
//! behind `filled`: farther ones have been overwritten, and `reach` keeps candidates nearer than that.

use super::{Finder, Match, Matches, extend, is_far_beyond};
use crate::kernel::huge_pages;
use crate::kernel::prefetch::prefetch;
use crate::model::MAX_MATCH;
use alloc::vec::Vec;

/// Positions entered at once.
const BATCH: usize = 256;
/// How many positions ahead of its entry a position's heads are fetched.
const HEADS_AHEAD: usize = 16;
const MIN_BITS: u32 = 8;
const MAX_HEAD_BITS: u32 = 20;
const MAX_HEAD3_BITS: u32 = 15;

pub(crate) struct HashChain {
    /// The newest position of each hash of five bytes.
    heads: Vec<u32>,
    head_bits: u32,
    /// The newest position of each hash of three bytes.
    heads3: Vec<u32>,
    head3_bits: u32,
    /// The position before each, by position modulo the length, which is a power of two.
    links: Vec<u32>,
    link_mask: usize,
    /// For the last positions, modulo `BATCH`: the one before with the same three bytes.
    before3: [u32; BATCH],
    base: u32,
    position: usize,
    filled: usize,
    end: usize,
    limit: usize,
    cycles: u32,
    /// The farthest that candidates may be.
    reach: usize,
}

impl HashChain {
    pub(crate) fn new() -> Self {
        Self {
            heads: Vec::new(),
            head_bits: MIN_BITS,
            heads3: Vec::new(),
            head3_bits: MIN_BITS,
            links: Vec::new(),
            link_mask: 0,
            before3: [0; BATCH],
            base: 1,
            position: 0,
            filled: 0,
            end: 0,
            limit: 0,
            cycles: 0,
            reach: 0,
        }
    }

    /// Begins a text of `len` bytes, less than 2^32 - 1. Matches are at most `dictionary_bytes` back; one of `limit` bytes or more
    /// ends a search; `cycles` candidates of a chain are tried at the most.
    pub(crate) fn begin(&mut self, len: usize, limit: usize, cycles: u32, dictionary_bytes: usize) {
        // What the text before used is behind the base now.
        self.base = match self.base.checked_add(self.end as u32).filter(|base| base.checked_add(len as u32).is_some()) {
            Some(base) => base,
            None => {
                self.heads.fill(0);
                self.heads3.fill(0);
                1
            }
        };
        let bits = len.next_power_of_two().trailing_zeros();
        self.head_bits = bits.clamp(MIN_BITS, MAX_HEAD_BITS);
        self.head3_bits = bits.clamp(MIN_BITS, MAX_HEAD3_BITS);
        let ring = len.min(dictionary_bytes.saturating_add(BATCH)).next_power_of_two();
        self.link_mask = ring - 1;
        grow(&mut self.heads, 1 << self.head_bits);
        grow(&mut self.heads3, 1 << self.head3_bits);
        grow(&mut self.links, ring);
        self.reach = if ring >= len { dictionary_bytes } else { dictionary_bytes.min(ring - BATCH) };
        (self.position, self.filled, self.end) = (0, 0, len);
        (self.limit, self.cycles) = (limit, cycles);
    }

    /// Enters the next batch.
    #[inline(never)]
    fn fill(&mut self, text: &[u8]) {
        let start = self.filled;
        let count = BATCH.min(text.len() - start);
        let heads = &mut self.heads[..1 << self.head_bits];
        let heads3 = &mut self.heads3[..1 << self.head3_bits];
        let links = &mut self.links[..=self.link_mask];
        for position in start..start + count {
            prefetch(heads, hash5(word_at(text, position + HEADS_AHEAD), self.head_bits));
            let word = word_at(text, position);
            let entry = self.base + position as u32;
            self.before3[position % BATCH] = core::mem::replace(&mut heads3[hash3(word, self.head3_bits)], entry);
            let before = core::mem::replace(&mut heads[hash5(word, self.head_bits)], entry);
            links[position & self.link_mask] = before;
        }
        self.filled = start + count;
    }

    /// Goes to the next position and tries its candidates from near to far. `take` is told of those longer than all before, and
    /// gives the length that another one must exceed.
    #[inline(always)]
    fn search(&mut self, text: &[u8], mut take: impl FnMut(usize, u32) -> usize) {
        let position = self.position;
        if position >= self.filled {
            self.fill(text);
        }
        self.position += 1;
        let limit = MAX_MATCH.min(text.len() - position);
        if limit < 3 {
            return;
        }
        let reach = self.reach.min(position);
        let entry = self.base + position as u32;
        let nice = self.limit.min(limit);
        let mut longest = 3;
        let back = entry.wrapping_sub(self.before3[position % BATCH]) as usize;
        let near = back;
        if back <= reach && (word_at(text, position) ^ word_at(text, position - back)) << 40 == 0 {
            let length = extend(text, position, position - back, 3, limit);
            longest = take(length, back as u32 - 1);
            if length >= nice {
                return;
            }
        }
        let links = &self.links[..=self.link_mask];
        let mut candidate = links[position & self.link_mask];
        for _ in 0..self.cycles {
            let back = entry.wrapping_sub(candidate) as usize;
            if back > reach || longest >= limit {
                return;
            }
            let other = position - back;
            candidate = links[other & self.link_mask];
            if tail_at(text, other + longest) != tail_at(text, position + longest) || back == near {
                continue;
            }
            let length = extend(text, position, other, 0, limit);
            if length > longest {
                longest = take(length, back as u32 - 1);
                if length >= nice {
                    return;
                }
            }
        }
    }
}

fn grow(table: &mut Vec<u32>, len: usize) {
    if table.len() < len {
        // Not `resize`: what is there is of no use, and the new memory is wanted as it comes, in large pages.
        *table = Vec::new();
        table.reserve_exact(len);
        huge_pages::advise(table);
        table.resize(len, 0);
    }
}

/// Eight bytes at a position; behind the end there are zeros.
#[inline(always)]
fn word_at(text: &[u8], position: usize) -> u64 {
    match text.get(position..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => last_word(text, position),
    }
}

#[cold]
fn last_word(text: &[u8], position: usize) -> u64 {
    let rest = text.get(position..).unwrap_or_default();
    rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// The four bytes that end at a position, that one among them.
#[inline(always)]
fn tail_at(text: &[u8], position: usize) -> u32 {
    u32::from_le_bytes(text[position - 3..=position].try_into().expect("4 bytes"))
}

#[inline(always)]
fn hash5(word: u64, bits: u32) -> usize {
    ((word << 24).wrapping_mul(0x9E37_79B1_85EB_CA87) >> (64 - bits)) as usize
}

#[inline(always)]
fn hash3(word: u64, bits: u32) -> usize {
    ((word as u32) << 8).wrapping_mul(0x9E37_79B1) as usize >> (32 - bits)
}

impl Finder for HashChain {
    #[inline]
    fn matches(&mut self, text: &[u8], found: &mut Matches) {
        found.clear();
        let limit = self.limit;
        self.search(text, |length, distance| {
            found.push(length.min(limit) as u32, distance);
            length.max(3)
        });
    }

    #[inline]
    fn best(&mut self, text: &[u8], _found: &mut Matches) -> Match {
        let mut best = Match::default();
        self.search(text, |length, distance| {
            if length as u32 != best.length + 1 || !is_far_beyond(distance, best.distance) {
                best = Match { length: length as u32, distance };
                length.max(3)
            } else {
                length
            }
        });
        best
    }

    #[inline]
    fn skip(&mut self, text: &[u8], count: usize) {
        self.position += count;
        while self.position > self.filled {
            self.fill(text);
        }
    }

    fn leave_out(&mut self, _text: &[u8], count: usize) {
        self.position += count;
        // A batch may have been entered beyond the position.
        self.filled = self.filled.max(self.position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize, seed: u32) -> Vec<u8> {
        let mut number = seed;
        let next = || {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (number >> 24) as u8 % 3
        };
        core::iter::repeat_with(next).take(len).collect()
    }

    fn all_matches(finder: &mut HashChain, text: &[u8]) -> Vec<Match> {
        finder.begin(text.len(), 32, 8, 1 << 16);
        let mut found = Matches::new();
        let mut all = Vec::new();
        for _ in 0..text.len() {
            finder.matches(text, &mut found);
            all.extend_from_slice(found.as_slice());
        }
        all
    }

    /// Entries are counted on from text to text, until there are no more numbers of 32 bits.
    #[test]
    fn entries_begin_anew_before_they_overflow() {
        for before_the_end in [0, 1, 999, 1000, 1001, 2500, 100_000] {
            let mut finder = HashChain::new();
            // Small numbers are in the tables, too.
            all_matches(&mut finder, &text(3000, 1));
            finder.base = u32::MAX - before_the_end;
            finder.end = 0;
            for (round, len) in [1000, 1, 2000, 1000, 50_000, 1000].into_iter().enumerate() {
                let text = text(len, round as u32 + 5);
                let expected = all_matches(&mut HashChain::new(), &text);
                assert!(all_matches(&mut finder, &text) == expected, "round {round}, {before_the_end} before the end");
            }
            assert!(finder.base < 100_000 || before_the_end == 100_000, "it has begun anew");
        }
    }

    #[test]
    fn what_follows_a_part_left_out_is_entered() {
        let text = text(3000, 1).repeat(2);
        let mut finder = HashChain::new();
        finder.begin(text.len(), 32, 3000, 1 << 16);
        // The first batch is entered, and reaches into what is left out.
        finder.skip(&text, 10);
        finder.leave_out(&text, 1000);
        let mut found = Matches::new();
        let mut longest = 0;
        for _ in 0..BATCH {
            finder.matches(&text, &mut found);
            longest = longest.max(found.longest());
        }
        assert!(longest >= 5, "three letters repeat themselves within {BATCH} bytes");
        finder.skip(&text, 3000 - BATCH);
        finder.matches(&text, &mut found);
        assert_eq!(found.as_slice().last(), Some(&Match { length: 32, distance: 2999 }));
    }
}
