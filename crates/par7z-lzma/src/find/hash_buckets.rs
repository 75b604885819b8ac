//! Hash buckets: for each word of eight bytes, the four newest positions that have it; and the same for shorter words.
//!
//! **What it is.** A table of buckets, indexed by a hash. A bucket holds the newest positions whose words have that hash,
//! newest first, and a new one pushes the oldest out. The long table is of words of eight bytes, the short one of
//! `SHORT_BYTES` bytes; with `HAS_TRIPLES` a third holds the newest position of each three bytes. A position's candidates are what its
//! buckets held before it came: shorter words first, which is from near to far.
//!
//! **Why it wins.** A hash chain reads a link to learn where the next one is, and each is a cache miss; a bucket is read at
//! once. And of long words few tries are enough: on sources, four among words of eight bytes pack as small as a chain of five bytes
//! with twelve or so. Programs have more of their matches in short words, which the other tables are for. Positions are entered
//! in batches, ahead of the parser: there the misses of many overlap, and passing over a match costs nothing. It loses to trees
//! where prices choose among many matches, and where the longest of many candidates is wanted.
//!
//! **Invariants.** Entries are `base + position`. `base` grows by each text's length, so what an earlier text left is below
//! it and looks like a position before the text: nothing is cleared, and a text costs in proportion to its own length. The
//! positions below `filled` are in the tables, none else; `*_before` are of the last `BATCH` of them, by position
//! modulo `BATCH`.
//! Memory is that of the tables, however long the text and the dictionary.

use super::{Best, Finder, Matches, extend};
use crate::kernel::huge_pages;
use crate::kernel::prefetch::prefetch;
use crate::model::MAX_MATCH;
use alloc::vec::Vec;

/// Positions entered at once.
const BATCH: usize = 256;
/// How many positions ahead of its entry a position's buckets are fetched.
const AHEAD: usize = 16;
const LONG_BYTES: u32 = 8;
const LONG_WAYS: usize = 4;
const MIN_LOG2: u32 = 8;
const TRIPLES_LOG2: u32 = 14;
/// Of the long table; the short one has half as many buckets.
pub(crate) const BUCKETS_LOG2: core::ops::RangeInclusive<u32> = MIN_LOG2 + 1..=24;

/// The fastest: short words of four bytes, the newest position of each.
pub(crate) type LeanBuckets = HashBuckets<4, 1, false>;
/// Short words of five bytes, the two newest of each, and of three.
pub(crate) type ThoroughBuckets = HashBuckets<5, 2, true>;

pub(crate) struct HashBuckets<const SHORT_BYTES: u32, const SHORT_WAYS: usize, const HAS_TRIPLES: bool> {
    long: Vec<[u32; LONG_WAYS]>,
    short: Vec<[u32; SHORT_WAYS]>,
    triples: Vec<u32>,
    long_log2: u32,
    short_log2: u32,
    triples_log2: u32,
    long_before: [[u32; LONG_WAYS]; BATCH],
    short_before: [[u32; SHORT_WAYS]; BATCH],
    triples_before: [u32; BATCH],
    base: u32,
    position: usize,
    filled: usize,
    end: usize,
    nice_length: usize,
    dictionary_bytes: usize,
}

impl<const SHORT_BYTES: u32, const SHORT_WAYS: usize, const HAS_TRIPLES: bool>
    HashBuckets<SHORT_BYTES, SHORT_WAYS, HAS_TRIPLES>
{
    pub(crate) fn new() -> Self {
        Self {
            long: Vec::new(),
            short: Vec::new(),
            triples: Vec::new(),
            long_log2: MIN_LOG2,
            short_log2: MIN_LOG2,
            triples_log2: MIN_LOG2,
            long_before: [[0; LONG_WAYS]; BATCH],
            short_before: [[0; SHORT_WAYS]; BATCH],
            triples_before: [0; BATCH],
            base: 1,
            position: 0,
            filled: 0,
            end: 0,
            nice_length: 0,
            dictionary_bytes: 0,
        }
    }

    /// Begins a text of `len` bytes, less than 2^32 - 1. A match of `nice_length` ends a search, matches are at most
    /// `dictionary_bytes` back, and there are at most 2^`buckets_log2` long buckets.
    pub(crate) fn begin(&mut self, len: usize, nice_length: usize, buckets_log2: u32, dictionary_bytes: usize) {
        // What the text before entered is below the base now.
        let base = self.base.checked_add(self.end as u32);
        self.base = base.filter(|base| base.checked_add(len as u32).is_some()).unwrap_or_else(|| {
            self.long.fill([0; LONG_WAYS]);
            self.short.fill([0; SHORT_WAYS]);
            self.triples.fill(0);
            1
        });
        let len_log2 = len.next_power_of_two().trailing_zeros();
        self.long_log2 = len_log2.clamp(MIN_LOG2, buckets_log2);
        self.short_log2 = len_log2.clamp(MIN_LOG2, buckets_log2 - 1);
        self.triples_log2 = len_log2.clamp(MIN_LOG2, TRIPLES_LOG2);
        grow(&mut self.long, 1 << self.long_log2, [0; LONG_WAYS]);
        grow(&mut self.short, 1 << self.short_log2, [0; SHORT_WAYS]);
        if HAS_TRIPLES {
            grow(&mut self.triples, 1 << self.triples_log2, 0);
        }
        (self.position, self.filled, self.end) = (0, 0, len);
        (self.nice_length, self.dictionary_bytes) = (nice_length, dictionary_bytes);
    }

    /// The memory of the tables for texts of at most `len` bytes.
    pub(crate) fn memory_bytes(len: usize, buckets_log2: u32) -> usize {
        let len_log2 = len.checked_next_power_of_two().map_or(usize::BITS, usize::trailing_zeros);
        let table =
            |most_log2: u32, entries: usize| (entries * size_of::<u32>()) << len_log2.clamp(MIN_LOG2, most_log2);
        table(buckets_log2, LONG_WAYS)
            + table(buckets_log2 - 1, SHORT_WAYS)
            + if HAS_TRIPLES { table(TRIPLES_LOG2, 1) } else { 0 }
    }

    /// Enters the next batch.
    #[inline(never)]
    fn fill(&mut self, text: &[u8]) {
        let positions = self.filled..text.len().min(self.filled + BATCH);
        self.filled = positions.end;
        let long = &mut self.long[..1 << self.long_log2];
        let short = &mut self.short[..1 << self.short_log2];
        for position in positions {
            let ahead = word_at(text, position + AHEAD);
            prefetch(long, hash(ahead, LONG_BYTES, self.long_log2));
            prefetch(short, hash(ahead, SHORT_BYTES, self.short_log2));
            let word = word_at(text, position);
            let entry = self.base + position as u32;
            let slot = position % BATCH;
            self.long_before[slot] = enter(&mut long[hash(word, LONG_BYTES, self.long_log2)], entry);
            self.short_before[slot] = enter(&mut short[hash(word, SHORT_BYTES, self.short_log2)], entry);
            if HAS_TRIPLES {
                let triple = &mut self.triples[hash(word, 3, self.triples_log2)];
                self.triples_before[slot] = core::mem::replace(triple, entry);
            }
        }
    }

    /// Goes to the next position and tries its candidates. `take` is told of each match longer than all before.
    #[inline(always)]
    fn search(&mut self, text: &[u8], mut take: impl FnMut(usize, u32)) {
        let position = self.position;
        if position >= self.filled {
            self.fill(text);
        }
        self.position += 1;
        let limit = MAX_MATCH.min(text.len() - position);
        if limit < 4 {
            return;
        }
        let reach = self.dictionary_bytes.min(position);
        let nice_length = self.nice_length.min(limit);
        let entry = self.base + position as u32;
        let mut longest = 3;
        if HAS_TRIPLES {
            let back = entry.wrapping_sub(self.triples_before[position % BATCH]) as usize;
            if back <= reach && (word_at(text, position) ^ word_at(text, position - back)) << 40 == 0 {
                longest = extend(text, position, position - back, 3, limit);
                take(longest, back as u32 - 1);
                if longest >= nice_length {
                    return;
                }
            }
        }
        macro_rules! try_bucket {
            ($bucket:expr) => {
                for candidate in $bucket {
                    let back = entry.wrapping_sub(candidate) as usize;
                    if back > reach {
                        break;
                    }
                    let other = position - back;
                    // A longer match agrees in the byte behind the longest one, and the three before it.
                    if last_four(text, other + longest) != last_four(text, position + longest) {
                        continue;
                    }
                    let length = extend(text, position, other, 0, limit);
                    if length > longest {
                        longest = length;
                        take(length, back as u32 - 1);
                        if length >= nice_length {
                            return;
                        }
                    }
                }
            };
        }
        try_bucket!(self.short_before[position % BATCH]);
        try_bucket!(self.long_before[position % BATCH]);
    }
}

/// Puts an entry into a bucket; gives the bucket as it was.
#[inline(always)]
fn enter<const WAYS: usize>(bucket: &mut [u32; WAYS], entry: u32) -> [u32; WAYS] {
    let before = *bucket;
    bucket[1..].copy_from_slice(&before[..WAYS - 1]);
    bucket[0] = entry;
    before
}

fn grow<T: Copy>(table: &mut Vec<T>, len: usize, empty: T) {
    if table.len() < len {
        // Not enlarged: what is there is of no use, and the new memory is to come in large pages.
        *table = Vec::new();
        table.reserve_exact(len);
        huge_pages::advise(table);
        table.resize(len, empty);
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

/// The four bytes that end with the one at a position.
#[inline(always)]
fn last_four(text: &[u8], position: usize) -> u32 {
    u32::from_le_bytes(text[position - 3..=position].try_into().expect("4 bytes"))
}

/// A hash of the first `bytes` bytes, which are the low ones.
#[inline(always)]
fn hash(word: u64, bytes: u32, bits: u32) -> usize {
    ((word << (64 - 8 * bytes)).wrapping_mul(0x9E37_79B1_85EB_CA87) >> (64 - bits)) as usize
}

impl<const SHORT_BYTES: u32, const SHORT_WAYS: usize, const HAS_TRIPLES: bool> Finder
    for HashBuckets<SHORT_BYTES, SHORT_WAYS, HAS_TRIPLES>
{
    #[inline]
    fn matches(&mut self, text: &[u8], found: &mut Matches) {
        found.clear();
        let limit = self.nice_length;
        self.search(text, |length, distance| found.push(length.min(limit) as u32, distance));
    }

    #[inline(always)]
    fn best(&mut self, text: &[u8], _found: &mut Matches) -> Best {
        let mut best = Best::NONE;
        self.search(text, |length, distance| best = best.or(Best::of(length, distance)));
        best
    }

    #[inline(always)]
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

    /// All that is found in a text.
    fn all(finder: &mut ThoroughBuckets, text: &[u8]) -> Vec<Best> {
        finder.begin(text.len(), 32, 16, 1 << 20);
        let mut found = Matches::new();
        text.iter().map(|_| finder.best(text, &mut found)).collect()
    }

    #[test]
    fn what_was_before_does_not_matter_even_where_entries_wrap() {
        let (times, skipped) = if cfg!(miri) { (1, 4) } else { (30, 0) };
        let one = b"abracadabra, said the magician, abracadabra ".repeat(times);
        let other = b"hocus pocus, abracadabra, simsalabim ".repeat(times * 7 / 3);
        let (in_one, in_other) = (all(&mut ThoroughBuckets::new(), &one), all(&mut ThoroughBuckets::new(), &other));
        assert!(in_one.iter().any(|best| best.length > 7));
        let bases = [1, 1000, u32::MAX - 5000, u32::MAX - 2000, u32::MAX - one.len() as u32, u32::MAX - 1];
        for base in bases.into_iter().skip(skipped) {
            let mut finder = ThoroughBuckets::new();
            finder.base = base;
            for _ in 0..3 {
                assert!(all(&mut finder, &one) == in_one && all(&mut finder, &other) == in_other, "from {base}");
            }
        }
    }
}
