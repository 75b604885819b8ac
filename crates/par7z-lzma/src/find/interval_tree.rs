//! The interval tree: all matches of a text from one sort of its suffixes.
//!
//! **What it is.** Sort the suffixes by their first `limit` bytes. Neighbours share prefixes; the maximal runs that share at
//! least `l` bytes are intervals, and they nest: a tree, whose root shares nothing. Each suffix hangs at the deepest interval it
//! is in. For a position, the intervals on the way to the root hold exactly the positions that share so many bytes with it.
//! If each interval knows the `latest` position that was passed while going through the text from left to right, the way
//! up from a position's leaf gives every length with its nearest distance; passing writes the position itself on the way.
//!
//! **Why it wins.** A binary tree descends through cache misses, one after another: which node comes next is known when the
//! last one has been compared. Here the way is known beforehand, nothing is compared, and the ways of the next dozens
//! of positions are fetched while this one is looked at. The sort is regular work, which caches and prefetchers like.
//! On inputs that lie in the caches anyway (some KB) the sort is more work than it saves.
//!
//! **Invariants.** Nodes are numbered from 1; 0 is the root, which is no node. A node packs `lcp:8 | latest:28 | parent:28`;
//! `latest` counts positions from 1. `leaf` and nodes are written before they are read: nothing is cleared between texts.
//! A text has less than 2^28 bytes. Ties of the sort (equal to `limit` bytes) are in any order: they share one interval.
//!
//! Sources: Abouelhoda, Kurtz, Ohlebusch, "Replacing suffix trees with enhanced suffix arrays", 2004 (intervals); Kasai et
//! al., 2001 (the stack). The climb with overwriting is an idea of fast LZ77 factorization (Crochemore, Ilie, 2008).

use super::{Finder, Match, Matches};
use crate::kernel::huge_pages;
use crate::kernel::prefetch::prefetch;
use alloc::vec::Vec;

const FIELD_BITS: u32 = 28;
const FIELD_MASK: u64 = (1 << FIELD_BITS) - 1;
const LCP_SHIFT: u32 = 2 * FIELD_BITS;
/// The longest prefix that is told apart.
pub(crate) const MAX_LIMIT: usize = 250;
/// The longest text.
pub(crate) const MAX_TEXT: usize = (1 << FIELD_BITS) - 2;

/// Up to here suffixes are sorted without buckets, by keys of six bytes beside a position of 16 bits.
const SMALL_TEXT: usize = 1 << 16;
/// Groups up to this size are sorted by insertion.
const SMALL_GROUP: usize = 16;

/// Of matches that are neither the longest nor the second longest, those nearer than this are worth a look: a nearer
/// distance is cheaper by more than a shorter length costs.
const NEAR_BYTES: u32 = 4 << 10;

/// Levels of the way up that are fetched ahead, and how many positions lie between two of them.
const STAGES: usize = 6;
const STAGE_STEP: usize = 4;
const AHEAD: usize = (STAGES + 1) * STAGE_STEP;

/// The finder.
pub(crate) struct IntervalTree {
    /// The deepest node of each position.
    leaf: Vec<u32>,
    nodes: Vec<u64>,
    /// Positions by their first two bytes.
    positions: Vec<u32>,
    counts: Vec<u32>,
    keys: Vec<u64>,
    position: usize,
    end: usize,
    dictionary_bytes: usize,
    /// The nodes that are being fetched, by position modulo `STAGE_STEP` and stage.
    fetching: [[u32; STAGES]; STAGE_STEP],
}

impl IntervalTree {
    pub(crate) fn new() -> Self {
        Self {
            leaf: Vec::new(),
            nodes: Vec::new(),
            positions: Vec::new(),
            counts: Vec::new(),
            keys: Vec::new(),
            position: 0,
            end: 0,
            dictionary_bytes: 0,
            fetching: [[0; STAGES]; STAGE_STEP],
        }
    }

    /// Begins a text: sorts its suffixes to a depth of `limit` bytes. Matches are at most `dictionary_bytes` back.
    pub(crate) fn begin(&mut self, text: &[u8], limit: usize, dictionary_bytes: usize) {
        let len = text.len().min(MAX_TEXT);
        (self.position, self.end, self.dictionary_bytes) = (0, len, dictionary_bytes);
        self.fetching = [[0; STAGES]; STAGE_STEP];
        self.nodes.clear();
        if self.nodes.capacity() < len / 2 + 1 {
            self.nodes.reserve_exact(len / 2 + 1);
            huge_pages::advise(&self.nodes);
        }
        self.nodes.push(0);
        grow(&mut self.leaf, len + AHEAD);
        self.leaf[len..len + AHEAD].fill(0);
        let limit = limit.min(MAX_LIMIT) as u32;
        let mut builder = Builder {
            text: &text[..len],
            limit,
            leaf: &mut self.leaf[..len],
            nodes: &mut self.nodes,
            stack: [(0, 0); MAX_LIMIT + 2],
            depth: 0,
            previous: None,
        };
        if len <= SMALL_TEXT {
            self.keys.clear();
            self.keys.extend(0..len as u64);
            builder.group::<6>(&mut self.keys, 0, 0);
        } else {
            sort_by_pairs(builder.text, &mut self.positions, &mut self.counts);
            let mut start = 0;
            for &end in &self.counts[..1 << 16] {
                let bucket = &self.positions[start..end as usize];
                start = end as usize;
                builder.bucket(bucket, &mut self.keys);
            }
        }
        builder.finish();
    }

    /// Fetches the ways of the next positions, a level each.
    #[inline(always)]
    fn fetch_ahead(&mut self, position: usize) {
        let stages = &mut self.fetching[position % STAGE_STEP];
        for stage in 0..STAGES - 1 {
            let parent = (self.nodes[stages[stage + 1] as usize] & FIELD_MASK) as u32;
            stages[stage] = parent;
            prefetch(&self.nodes, parent as usize);
        }
        let leaf = self.leaf.get(position + AHEAD).copied().unwrap_or(0);
        stages[STAGES - 1] = leaf;
        prefetch(&self.nodes, leaf as usize);
    }

    /// Goes up from the next position.
    #[inline(always)]
    fn climb(&mut self, mut visit: impl FnMut(u32, u32)) {
        let position = self.position;
        self.position += 1;
        self.fetch_ahead(position);
        let now = (position as u64 + 1) << FIELD_BITS;
        let mut node = self.leaf[position] as usize;
        while node != 0 {
            let value = self.nodes[node];
            self.nodes[node] = value & !(FIELD_MASK << FIELD_BITS) | now;
            visit((value >> LCP_SHIFT) as u32, (value >> FIELD_BITS & FIELD_MASK) as u32);
            node = (value & FIELD_MASK) as usize;
        }
    }
}

impl Finder for IntervalTree {
    const FAR: bool = true;

    #[inline]
    fn matches(&mut self, _text: &[u8], found: &mut Matches) {
        found.clear();
        let position = self.position;
        let available = (self.end - position) as u32;
        // `latest` must be nearer than what is known for a longer match, and in the dictionary.
        let mut nearest = position.saturating_sub(self.dictionary_bytes) as u32;
        self.climb(|length, latest| {
            if latest > nearest {
                nearest = latest;
                found.push(length.min(available), position as u32 - latest);
            }
        });
        found.turn_and_keep(|rank, &Match { length, distance }| {
            let too_far = match length {
                2 => distance > 512,
                3 => distance > 1 << 16,
                _ => false,
            };
            (rank < 2 || distance < NEAR_BYTES) && !too_far
        });
    }

    fn skip(&mut self, _text: &[u8], count: usize) {
        for _ in 0..count {
            self.climb(|_, _| {});
        }
    }
}

/// Makes a vector at least so long.
fn grow(values: &mut Vec<u32>, len: usize) {
    if values.len() < len {
        values.reserve_exact(len - values.len());
        huge_pages::advise(values);
        values.resize(len, 0);
    }
}

/// Positions in the order of their first two bytes; `counts[pair]` is then the end of the pair's bucket.
fn sort_by_pairs(text: &[u8], positions: &mut Vec<u32>, counts: &mut Vec<u32>) {
    let len = text.len();
    counts.clear();
    counts.resize((1 << 16) + 1, 0);
    let pair = |position: usize| {
        let second = text.get(position + 1).copied().unwrap_or(0);
        usize::from(u16::from_be_bytes([text[position], second]))
    };
    for position in 0..len {
        counts[pair(position) + 1] += 1;
    }
    for index in 0..1 << 16 {
        counts[index + 1] += counts[index];
    }
    grow(positions, len);
    for position in 0..len {
        let place = &mut counts[pair(position)];
        positions[*place as usize] = position as u32;
        *place += 1;
    }
}

/// Eight bytes as a number that sorts as they do; beyond the end there are zeros.
#[inline(always)]
fn load(text: &[u8], position: usize) -> u64 {
    match text.get(position..position + 8) {
        Some(bytes) => u64::from_be_bytes(bytes.try_into().expect("8 bytes")),
        None => {
            let mut bytes = [0; 8];
            let rest = text.get(position..).unwrap_or_default();
            bytes[..rest.len()].copy_from_slice(rest);
            u64::from_be_bytes(bytes)
        }
    }
}

/// Takes suffixes in order, with the length that each shares with the one before, and makes the tree.
struct Builder<'a> {
    text: &'a [u8],
    limit: u32,
    leaf: &'a mut [u32],
    nodes: &'a mut Vec<u64>,
    /// The open intervals: shared length and node, the root first.
    stack: [(u32, u32); MAX_LIMIT + 2],
    depth: usize,
    previous: Option<u32>,
}

impl Builder<'_> {
    /// The next suffix, and what it shares with the one before.
    #[inline(always)]
    fn take(&mut self, position: u32, shared: u32) {
        let previous = self.previous.replace(position);
        let Some(previous) = previous else { return };
        // What lies beyond the text's end is not shared.
        let available = self.text.len() as u32 - position.max(previous);
        let shared = shared.min(self.limit).min(available);
        let shared = if shared < 2 { 0 } else { shared };
        let (mut length, mut node) = self.stack[self.depth];
        if shared > length {
            let id = self.new_node(shared);
            self.depth += 1;
            self.stack[self.depth] = (shared, id);
            self.leaf[previous as usize] = id;
            return;
        }
        self.leaf[previous as usize] = node;
        while length > shared {
            self.depth -= 1;
            let (outer_length, outer) = self.stack[self.depth];
            if outer_length < shared {
                let id = self.new_node(shared);
                self.nodes[node as usize] |= u64::from(id);
                self.depth += 1;
                self.stack[self.depth] = (shared, id);
                return;
            }
            self.nodes[node as usize] |= u64::from(outer);
            (length, node) = (outer_length, outer);
        }
    }

    /// Suffixes that are the same as far as it counts.
    fn take_equal(&mut self, positions: impl Iterator<Item = u32>, first: u32) {
        let mut shared = first;
        for position in positions {
            self.take(position, shared);
            shared = self.limit;
        }
    }

    #[inline(always)]
    fn new_node(&mut self, shared: u32) -> u32 {
        self.nodes.push(u64::from(shared) << LCP_SHIFT);
        (self.nodes.len() - 1) as u32
    }

    /// Closes what is open.
    fn finish(&mut self) {
        if let Some(previous) = self.previous {
            self.take(previous, 0);
        }
    }

    /// The suffixes of one pair of first bytes.
    fn bucket(&mut self, positions: &[u32], keys: &mut Vec<u64>) {
        match *positions {
            [] => {}
            [only] => self.take(only, 0),
            _ => {
                keys.clear();
                keys.extend(positions.iter().map(|&position| u64::from(position)));
                self.group::<4>(keys, 2, 0);
            }
        }
    }

    /// Suffixes that share `depth` bytes, each in the low bits of its key: sorts and takes them. The first shares `first` with
    /// the one taken before. A key has `KEY_BYTES` bytes of text above the position.
    fn group<const KEY_BYTES: u32>(&mut self, keys: &mut [u64], depth: u32, first: u32) {
        let shift = 64 - 8 * KEY_BYTES;
        let mask = (1u64 << shift) - 1;
        if keys.len() <= SMALL_GROUP {
            let mut positions = [0; SMALL_GROUP];
            for (position, key) in positions.iter_mut().zip(keys.iter()) {
                *position = (key & mask) as u32;
            }
            return self.small_group(&mut positions[..keys.len()], depth, first);
        }
        for index in 0..keys.len() {
            if let Some(ahead) = keys.get(index + 16) {
                prefetch(self.text, (ahead & mask) as usize + depth as usize);
            }
            let position = keys[index] & mask;
            keys[index] = load(self.text, position as usize + depth as usize) & !mask | position;
        }
        keys.sort_unstable();
        let mut start = 0;
        let mut first = first;
        while start < keys.len() {
            let key = keys[start] & !mask;
            let count = keys[start..].iter().take_while(|other| **other & !mask == key).count();
            let end = start + count;
            let next = keys.get(end).map_or(0, |other| depth + ((key ^ other & !mask).leading_zeros() >> 3));
            if count == 1 {
                self.take((keys[start] & mask) as u32, first);
            } else if depth + KEY_BYTES >= self.limit {
                self.take_equal(keys[start..end].iter().map(|key| (key & mask) as u32), first);
            } else {
                self.group::<KEY_BYTES>(&mut keys[start..end], depth + KEY_BYTES, first);
            }
            first = next;
            start = end;
        }
    }

    /// The same for few suffixes: eight bytes at a time, by insertion.
    fn small_group(&mut self, positions: &mut [u32], depth: u32, first: u32) {
        if let [one, other] = *positions {
            return self.pair(one, other, depth, first);
        }
        let mut keys = [0u64; SMALL_GROUP];
        let len = positions.len();
        for index in 0..len {
            let position = positions[index];
            let key = load(self.text, (position + depth) as usize);
            let mut place = index;
            while place > 0 && keys[place - 1] > key {
                keys[place] = keys[place - 1];
                positions[place] = positions[place - 1];
                place -= 1;
            }
            keys[place] = key;
            positions[place] = position;
        }
        let mut start = 0;
        let mut first = first;
        while start < len {
            let key = keys[start];
            let mut end = start + 1;
            while end < len && keys[end] == key {
                end += 1;
            }
            let next = if end < len { depth + ((key ^ keys[end]).leading_zeros() >> 3) } else { 0 };
            if end - start == 1 {
                self.take(positions[start], first);
            } else if depth + 8 >= self.limit {
                self.take_equal(positions[start..end].iter().copied(), first);
            } else {
                self.small_group(&mut positions[start..end], depth + 8, first);
            }
            first = next;
            start = end;
        }
    }

    /// The same for two.
    #[inline]
    fn pair(&mut self, one: u32, other: u32, depth: u32, first: u32) {
        let mut shared = depth;
        while shared < self.limit {
            let (a, b) = (load(self.text, (one + shared) as usize), load(self.text, (other + shared) as usize));
            if a != b {
                shared += (a ^ b).leading_zeros() >> 3;
                let (before, after) = if a < b { (one, other) } else { (other, one) };
                self.take(before, first);
                self.take(after, shared);
                return;
            }
            shared += 8;
        }
        self.take(one, first);
        self.take(other, self.limit);
    }
}
