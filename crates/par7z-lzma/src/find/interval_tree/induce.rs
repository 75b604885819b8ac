//! All suffixes of a text in order, of which a third is sorted and the others follow.
//!
//! **What it is.** Bytes are ranked. A suffix goes up if its first byte ranks before its second one; only these are sorted,
//! pair of bytes by pair. Then the suffixes with the byte of rank 0 are complete, and each of them, in order, tells the place
//! of the suffix one byte longer: the next one among those with that first byte. So rank after rank is completed.
//!
//! **Why it wins.** Sorting is unforeseen branches and several looks at far memory for each suffix; to follow takes one look,
//! at the byte before, which is fetched ahead, and no branch. Two-stage sorting is known for whole suffix arrays; here it is
//! cheaper still, since the order need not be that of an alphabet: a tree has no left and right. See [`super::order`].
//!
//! **Invariants.** Suffixes that share a prefix, as far as `limit` bytes, are neighbours: as in a tree whose branches are
//! in any order. The text's end is different from any byte. `sorted` has for each first byte, in turn: those that go down
//! (as they come), those that go up (by second byte), and those with the same byte twice (as they come).
//!
//! Sources: Itoh, Tanaka, "An efficient method for in memory construction of suffix arrays", 1999; Seward, "On the
//! performance of BWT sorting algorithms", 2000 (the byte twice).

use super::memory::TreeBytes;
use super::order::{Ranks, USUAL, find_order};
use super::periods::Stretch;
use super::sort::{Sorter, key_of, position_of, sort_keys};
use super::vectors::{grow, grow_shared};
use super::{SMALL_TEXT, load, part_len};
use crate::kernel::huge_pages;
use crate::kernel::prefetch::prefetch;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

pub(super) const PAIRS: usize = 1 << 16;
/// From here on an order of the bytes is made for the text.
const MIN_ORDER: usize = 1 << 18;
/// Positions that are chosen at once.
const CHOSEN: usize = 1 << 10;
/// Suffixes ahead whose text is fetched.
const FETCH_AHEAD: usize = 24;
/// Positions that share a bit of [`Suffixes::special`].
const SPECIAL_LOG2: u32 = 6;

/// The suffixes of a text.
pub(super) struct Suffixes {
    /// In order; then one more place, for what is not to be kept.
    sorted: Vec<AtomicU32>,
    ranks: Ranks,
    /// Where the suffixes of each first byte begin; and the end.
    starts: [u32; 257],
    /// Where the next suffix that follows from another goes.
    heads: [u32; 257],
    /// Where those that go up begin, and those with the same byte twice.
    ups: [u32; 256],
    twice: [u32; 256],
    /// Of large texts: suffixes of each pair of first bytes; where those that go up begin; the part that sorts them, or
    /// `NO_PART`.
    counts: Vec<u32>,
    places: Vec<u32>,
    part_of_pair: Vec<u8>,
    parts: Vec<Part>,
    /// Whether something is to be seen to in each 64 positions: where a stretch begins or ends.
    special: Vec<u64>,
}

const NO_PART: u8 = u8::MAX;

/// Suffixes that are sorted together.
struct Part {
    pairs: Range<u32>,
    suffixes: usize,
    largest: usize,
}

/// What sorting a part needs on the way.
#[derive(Default)]
pub(crate) struct Scratch {
    keys: Vec<u64>,
    spare: Vec<u64>,
    /// Where the next suffix of a pair goes; then where the pair's suffixes end.
    ends: Vec<u32>,
}

impl Scratch {
    /// The memory to sort a text in parts of `part_len` suffixes.
    pub(super) fn memory_bytes(len: usize, part_len: usize) -> TreeBytes {
        if len <= SMALL_TEXT {
            return TreeBytes { typical: 16 * len, most: 16 * len };
        }
        // No order of the bytes that is made for a text lets more than half of the pairs go up; nor is a pair more often.
        let ups = if len < MIN_ORDER { len } else { len / 2 };
        let ends = 4 * PAIRS;
        let typical = 8 * part_len.min(len * 36 / 100) + 8 * len / 25 + ends;
        TreeBytes { typical, most: 8 * ups + 8 * len / 2 + ends }
    }

    /// What is kept from text to text, and enough for most texts.
    pub(super) fn lean_bytes(len: usize) -> usize {
        8 * Self::lean_room(len) + 4 * PAIRS
    }

    /// The keys among it.
    pub(super) fn lean_room(len: usize) -> usize {
        part_len(len) + part_len(len) / 4
    }

    #[cfg(test)]
    pub(super) fn capacity_bytes(&self) -> usize {
        8 * (self.keys.capacity() + self.spare.capacity()) + 4 * self.ends.capacity()
    }

    /// Whether so many keys and spare ones go into `room` together; frees the keys kept from another text if they are in the way.
    pub(super) fn has_room(&mut self, (keys, spare): (usize, usize), room: usize) -> bool {
        if self.keys.len().max(keys) + self.spare.len().max(spare) > room {
            *self = Self { ends: core::mem::take(&mut self.ends), ..Self::default() };
        }
        keys + spare <= room
    }

    /// Frees what is more than a usual part takes.
    pub(super) fn trim(&mut self, part_len: usize) {
        if self.keys.len() > part_len {
            self.keys = Vec::new();
        }
        if self.spare.len() > part_len / 4 {
            self.spare = Vec::new();
        }
    }
}

impl Suffixes {
    /// The memory for a text.
    pub(super) fn memory_bytes(len: usize) -> usize {
        let pairs = if len <= SMALL_TEXT { 0 } else { (4 + 4 + 1) * PAIRS };
        4 * (len + 1) + pairs + len / 512
    }

    #[cfg(test)]
    pub(super) fn capacity_bytes(&self) -> usize {
        let pairs = 4 * (self.counts.capacity() + self.places.capacity()) + self.part_of_pair.capacity();
        4 * self.sorted.capacity() + 8 * self.special.capacity() + pairs
    }

    pub(super) fn new() -> Self {
        Self {
            sorted: Vec::new(),
            ranks: USUAL,
            starts: [0; 257],
            heads: [0; 257],
            ups: [0; 256],
            twice: [0; 256],
            counts: Vec::new(),
            places: Vec::new(),
            part_of_pair: Vec::new(),
            parts: Vec::new(),
            special: Vec::new(),
        }
    }

    /// The suffixes in order, when all is done.
    pub(super) fn sorted(&self) -> &[AtomicU32] {
        &self.sorted[..self.starts[256] as usize]
    }

    /// Sorts a text of at most 64 KiB.
    pub(super) fn sort_small(&mut self, sorter: Sorter, stretches: &[Stretch], scratch: &mut Scratch) {
        let text = sorter.text;
        self.ranks = USUAL;
        // Of each first byte: those that go down, up, or neither.
        let mut counts = [[0u32; 3]; 256];
        grow(&mut scratch.keys, text.len());
        grow(&mut scratch.spare, text.len());
        let mut count = 0;
        for range in between(text.len() - 1, stretches).rev() {
            for position in range.rev() {
                let word = load(text, position);
                let (first, second) = ((word >> 56) as usize, (word >> 48) as usize & 255);
                let is_up = self.ranks[first] < self.ranks[second];
                counts[first][usize::from(is_up) + 2 * usize::from(first == second)] += 1;
                // The next one takes its place unless it goes up.
                scratch.keys[count] = word & !0xffff | u64::from(!(position as u16));
                count += usize::from(is_up);
            }
        }
        let (keys, spare) = (&mut scratch.keys[..count], &mut scratch.spare[..count]);
        self.set_regions(text, &counts);
        sort_keys::<6>(keys, spare);
        sorter.refine_small(keys, spare);
        let mut places = self.ups;
        for &key in keys.iter() {
            let position = !(key as u16);
            let place = &mut places[usize::from(text[usize::from(position)])];
            self.sorted[*place as usize].store(u32::from(position), Relaxed);
            *place += 1;
        }
        self.follow(text, stretches);
    }

    fn set_regions(&mut self, text: &[u8], counts: &[[u32; 3]; 256]) {
        let last = text.last().copied();
        let mut start = 0;
        for byte in 0..=255u8 {
            let [down, up, twice] = counts[usize::from(byte)];
            // The last suffix, of one byte, comes first.
            let down = down + u32::from(last == Some(byte));
            let index = usize::from(byte);
            (self.starts[index], self.heads[index]) = (start, start);
            (self.ups[index], self.twice[index]) = (start + down, start + down + up);
            start += down + up + twice;
        }
        self.starts[256] = start;
        self.heads[256] = start;
        let len = start as usize + 1;
        grow_shared(&mut self.sorted, len);
    }

    /// Begins a larger text: finds what is to be sorted, in parts of about `part_len` suffixes (one pair is not cut). They are
    /// smaller if a pair is so often that sorting would take more than `room` keys otherwise.
    pub(super) fn plan(&mut self, text: &[u8], stretches: &mut [Stretch], part_len: usize, room: usize) {
        huge_pages::gather(text);
        self.counts.clear();
        self.counts.resize(PAIRS, 0);
        for range in between(text.len() - 1, stretches) {
            let end = range.end;
            for pair in text[range.start..=end].windows(2) {
                self.counts[usize::from(u16::from_be_bytes([pair[0], pair[1]]))] += 1;
            }
        }
        self.ranks = if text.len() < MIN_ORDER { USUAL } else { find_order(&self.counts) };
        self.cut_flat(text, stretches);
        let mut kinds = [[0u32; 3]; 256];
        for (pair, &count) in self.counts.iter().enumerate() {
            let (first, second) = (pair >> 8, pair & 255);
            let is_up = self.ranks[first] < self.ranks[second];
            kinds[first][usize::from(is_up) + 2 * usize::from(first == second)] += count;
        }
        self.set_regions(text, &kinds);
        self.plan_parts(part_len, room);
    }

    /// What is before a flat stretch follows from its first suffix that goes up, which is sorted: the stretch begins behind it.
    fn cut_flat(&mut self, text: &[u8], stretches: &mut [Stretch]) {
        for stretch in stretches.iter_mut().filter(|stretch| stretch.is_flat()) {
            while stretch.start < stretch.end {
                let pair = &text[stretch.start as usize..stretch.start as usize + 2];
                let (first, second) = (pair[0], pair[1]);
                self.counts[usize::from(u16::from_be_bytes([first, second]))] += 1;
                stretch.start += 1;
                if self.ranks[usize::from(first)] < self.ranks[usize::from(second)] {
                    break;
                }
            }
        }
    }

    fn plan_parts(&mut self, part_len: usize, room: usize) {
        let goes_up = |pair: usize| self.ranks[pair >> 8] < self.ranks[pair & 255];
        let counts = self.counts.iter().enumerate().filter(|&(pair, _)| goes_up(pair)).map(|(_, &count)| count);
        // Beside a part's keys there is room for those of its largest pair.
        let part_len = part_len.min(room.saturating_sub(counts.max().unwrap_or(0) as usize));
        self.places.clear();
        self.part_of_pair.clear();
        self.parts.clear();
        let mut part = Part { pairs: 0..0, suffixes: 0, largest: 0 };
        let mut place = 0;
        for (pair, &count) in (0u32..).zip(&self.counts) {
            let (first, second) = ((pair >> 8) as usize, (pair & 255) as usize);
            if second == 0 {
                place = self.ups[first];
            }
            self.places.push(place);
            if count == 0 || self.ranks[first] >= self.ranks[second] {
                self.part_of_pair.push(NO_PART);
                continue;
            }
            place += count;
            let count = count as usize;
            if part.suffixes > 0 && part.suffixes + count > part_len && self.parts.len() + 2 < usize::from(NO_PART) {
                part.pairs.end = pair;
                self.parts.push(part);
                part = Part { pairs: pair..pair, suffixes: 0, largest: 0 };
            }
            part.suffixes += count;
            part.largest = part.largest.max(count);
            self.part_of_pair.push(self.parts.len() as u8);
        }
        part.pairs.end = PAIRS as u32;
        self.parts.push(part);
    }

    /// The keys that sorting the parts takes of a [`Scratch`], and the spare ones.
    pub(super) fn scratch_keys(&self) -> (usize, usize) {
        let keys = self.parts.iter().map(|part| part.suffixes).max().unwrap_or(0);
        let spare = self.parts.iter().map(|part| part.largest).max().unwrap_or(0);
        (keys, spare)
    }

    pub(super) fn part_count(&self) -> usize {
        self.parts.len()
    }

    /// Sorts a part. Parts may be sorted at the same time.
    pub(super) fn sort_part(&self, index: usize, sorter: Sorter, stretches: &[Stretch], scratch: &mut Scratch) {
        let part = &self.parts[index];
        grow(&mut scratch.keys, part.suffixes);
        grow(&mut scratch.spare, part.largest);
        let pairs = part.pairs.start as usize..part.pairs.end as usize;
        let is_here = |pair: usize| self.part_of_pair[pair] == index as u8;
        scratch.ends.clear();
        if scratch.ends.capacity() < PAIRS {
            scratch.ends = Vec::with_capacity(PAIRS);
        }
        let mut start = 0;
        scratch.ends.extend(pairs.clone().map(|pair| {
            start += if is_here(pair) { self.counts[pair] } else { 0 };
            start - if is_here(pair) { self.counts[pair] } else { 0 }
        }));
        self.collect(index, sorter.text, stretches, scratch);
        let mut start = 0;
        for (pair, &end) in pairs.zip(&scratch.ends) {
            let keys = &mut scratch.keys[start..end as usize];
            start = end as usize;
            if keys.is_empty() {
                continue;
            }
            let spare = &mut scratch.spare[..keys.len()];
            sort_keys::<4>(keys, spare);
            sorter.refine(keys, spare, 2);
            let place = self.places[pair] as usize;
            for (place, key) in self.sorted[place..place + keys.len()].iter().zip(keys) {
                place.store(position_of(*key) as u32, Relaxed);
            }
        }
    }

    /// Puts the suffixes of a part into its keys, pair by pair.
    #[inline(never)]
    fn collect(&self, index: usize, text: &[u8], stretches: &[Stretch], scratch: &mut Scratch) {
        let first_pair = self.parts[index].pairs.start as usize;
        let mut chosen = [0u32; CHOSEN];
        for range in between(text.len() - 1, stretches).rev() {
            let mut end = range.end;
            while end > range.start {
                let start = range.start.max(end.saturating_sub(CHOSEN));
                let mut count = 0;
                for (position, pair) in (start as u32..end as u32).zip(text[start..=end].windows(2)).rev() {
                    chosen[count % CHOSEN] = position;
                    let pair = u16::from_be_bytes([pair[0], pair[1]]);
                    count += usize::from(self.part_of_pair[usize::from(pair)] == index as u8);
                }
                for &position in &chosen[..count] {
                    let word = load(text, position as usize);
                    let end = &mut scratch.ends[(word >> 48) as usize - first_pair];
                    scratch.keys[*end as usize] = key_of(word << 16, position as usize);
                    *end += 1;
                }
                end = start;
            }
        }
    }

    /// Puts all others into their places, when those that go up are sorted.
    pub(super) fn follow(&mut self, text: &[u8], stretches: &[Stretch]) {
        let trash = self.starts[256];
        self.heads[256] = trash;
        let last = text.len() - 1;
        let head = &mut self.heads[usize::from(text[last])];
        self.sorted[*head as usize].store(last as u32, Relaxed);
        *head += 1;
        let mut order = [0; 256];
        for (byte, &rank) in self.ranks.iter().enumerate() {
            order[usize::from(rank)] = byte;
        }
        self.mark_special(text.len(), stretches);
        for first in order {
            debug_assert_eq!(self.heads[first], self.ups[first]);
            self.heads[first] = self.twice[first];
            if stretches.is_empty() {
                self.follow_byte::<false>(first, text, stretches);
            } else {
                self.follow_byte::<true>(first, text, stretches);
            }
        }
    }

    fn follow_byte<const SPECIAL: bool>(&mut self, first: usize, text: &[u8], stretches: &[Stretch]) {
        let rank = self.ranks[first];
        for index in self.starts[first] as usize..self.starts[first + 1] as usize {
            if let Some(ahead) = self.sorted.get(index + FETCH_AHEAD) {
                prefetch(text, (ahead.load(Relaxed) as usize).wrapping_sub(1));
            }
            let position = self.sorted[index].load(Relaxed) as usize;
            if SPECIAL && self.special[position >> (SPECIAL_LOG2 + 6)] >> (position >> SPECIAL_LOG2 & 63) & 1 != 0 {
                self.follow_special(position, rank, text, stretches);
                continue;
            }
            if position == 0 {
                continue;
            }
            self.put(position - 1, rank, text);
        }
    }

    /// The next suffix of its first byte, unless that ranks before `rank`.
    #[inline(always)]
    fn put(&mut self, position: usize, rank: u8, text: &[u8]) {
        let byte = usize::from(text[position]);
        let follows = self.ranks[byte] >= rank;
        let head = &mut self.heads[if follows { byte } else { 256 }];
        self.sorted[*head as usize].store(position as u32, Relaxed);
        *head += u32::from(follows);
    }

    fn mark_special(&mut self, len: usize, stretches: &[Stretch]) {
        self.special.clear();
        if stretches.is_empty() {
            return;
        }
        self.special.resize((len >> (SPECIAL_LOG2 + 6)) + 1, 0);
        for stretch in stretches {
            for position in [Some(stretch.end), stretch.same_as_start()].into_iter().flatten() {
                self.special[position as usize >> (SPECIAL_LOG2 + 6)] |= 1 << (position >> SPECIAL_LOG2 & 63);
            }
        }
    }

    /// Where a stretch is near: the suffixes in it do not follow, and the one before it follows from one that is the same as
    /// the stretch's first.
    #[cold]
    fn follow_special(&mut self, position: usize, rank: u8, text: &[u8], stretches: &[Stretch]) {
        let behind = stretches.partition_point(|stretch| stretch.end as usize <= position);
        let before = behind.checked_sub(1).map(|index| stretches[index]);
        if position > 0 && before.is_none_or(|stretch| stretch.end as usize != position) {
            self.put(position - 1, rank, text);
        }
        if let Some(stretch) = before
            && stretch.same_as_start() == Some(position as u32)
            && stretch.start > 0
        {
            self.put(stretch.start as usize - 1, rank, text);
        }
    }
}

/// The positions that are in no stretch.
fn between(len: usize, stretches: &[Stretch]) -> impl DoubleEndedIterator<Item = Range<usize>> {
    (0..=stretches.len()).map(move |index| {
        let start = index.checked_sub(1).map_or(0, |before| stretches[before].end as usize);
        let end = stretches.get(index).map_or(len, |stretch| stretch.start as usize);
        start..end
    })
}
