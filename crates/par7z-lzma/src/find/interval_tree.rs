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
//! **How it is made.** [`periods`] finds stretches that need no sorting, [`order`] and [`induce`] put the suffixes in order, of
//! which [`sort`] sorts a third, [`build`] makes the nodes, and [`climb`] goes up. [`window`] does this with threads and for
//! encoders that share a text; [`memory`] says what it takes.
//!
//! **Invariants.** Nodes are numbered from 1; 0 is the root, which is no node. A node packs `lcp:8 | latest:28 | parent:28`;
//! `latest` counts positions from 1. `leaf` and nodes are written before they are read: nothing is cleared between texts.
//! A text has less than 2^28 bytes. Ties of the sort (equal to `limit` bytes) are in any order: they share one interval.
//!
//! Sources: Abouelhoda, Kurtz, Ohlebusch, "Replacing suffix trees with enhanced suffix arrays", 2004 (intervals); Kasai et
//! al., 2001 (the stack). The climb with overwriting is an idea of fast LZ77 factorization (Crochemore, Ilie, 2008).

mod build;
mod climb;
pub(crate) mod induce;
mod memory;
mod order;
pub(crate) mod periods;
mod sort;
mod vectors;
pub(crate) mod window;

use super::flat::FlatStretches;
use super::{Finder, Matches};
use crate::kernel::huge_pages;
use alloc::vec::Vec;
use build::{BLOCK, Builder};
pub(crate) use climb::Wanted;
use climb::{AHEAD, Climb};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use induce::{Scratch, Suffixes};
use memory::{TreeBytes, leaf_bytes, node_bytes, usual_nodes};
use periods::{Stretch, add_flat, find_stretches};
use sort::Sorter;
use vectors::grow_shared;

const FIELD_BITS: u32 = 28;
const FIELD_MASK: u64 = (1 << FIELD_BITS) - 1;
const LCP_SHIFT: u32 = 2 * FIELD_BITS;
/// The longest prefix that is told apart.
pub(crate) const MAX_LIMIT: usize = 250;
/// The longest text.
pub(crate) const MAX_TEXT: usize = (1 << FIELD_BITS) - 2;

/// Up to here suffixes are sorted without buckets, by keys of six bytes beside a position of 16 bits.
const SMALL_TEXT: usize = 1 << 16;
/// Up to here memory is bounded tightly, for thousands of such texts on many threads: a text that would need more (one of few
/// different bytes: five nodes for eight bytes, or a pair of bytes too often) is refused.
pub(crate) const LEAN_TEXT: usize = 1 << 20;

/// Suffixes that are sorted at once, about. The text is looked through for each part, so they are few.
const fn part_len(len: usize) -> usize {
    match len / 16 {
        _ if len <= LEAN_TEXT => 1 << 17,
        0..=0x3_FFFF => 1 << 18,
        few if few < 4 << 20 => few,
        _ => 4 << 20,
    }
}

/// The most nodes of a lean tree: what there is room for, but for those of a block.
fn node_limit(len: usize) -> usize {
    usual_nodes(len) - BLOCK
}

/// The finder.
pub(crate) struct IntervalTree {
    /// The deepest node of each position.
    leaf: Vec<AtomicU32>,
    nodes: Vec<u64>,
    stretches: Vec<Stretch>,
    suffixes: Suffixes,
    scratch: Scratch,
    climb: Climb,
}

impl IntervalTree {
    pub(crate) fn new() -> Self {
        Self {
            leaf: Vec::new(),
            nodes: Vec::new(),
            stretches: Vec::new(),
            suffixes: Suffixes::new(),
            scratch: Scratch::default(),
            climb: Climb::new(),
        }
    }

    /// Begins a text: sorts its suffixes to a depth of `limit` bytes, but for those in its flat stretches, which have no matches
    /// and are none. `false` if a text of at most [`LEAN_TEXT`] bytes is refused.
    #[must_use]
    pub(crate) fn try_begin(&mut self, text: &[u8], flat: &FlatStretches, limit: usize, wanted: Wanted) -> bool {
        self.begin_within(text, flat, limit, wanted, text.len() <= LEAN_TEXT)
    }

    /// The same for any text, however much memory it takes.
    #[cfg(test)]
    pub(crate) fn begin(&mut self, text: &[u8], flat: &FlatStretches, limit: usize, wanted: Wanted) {
        assert!(self.begin_within(text, flat, limit, wanted, false), "no bound");
    }

    fn begin_within(&mut self, text: &[u8], flat: &FlatStretches, limit: usize, wanted: Wanted, is_lean: bool) -> bool {
        let len = text.len().min(MAX_TEXT);
        self.climb.begin(0, wanted);
        self.nodes.clear();
        if self.nodes.capacity() < usual_nodes(len) {
            self.nodes.reserve_exact(usual_nodes(len));
            huge_pages::advise(&self.nodes);
        }
        self.nodes.push(0);
        grow_shared(&mut self.leaf, len + AHEAD);
        for leaf in &self.leaf[len..len + AHEAD] {
            leaf.store(0, Relaxed);
        }
        let text = &text[..len];
        let limit = limit.min(MAX_LIMIT);
        find_stretches(text, limit, &mut self.stretches);
        if len == 0 {
            return true;
        }
        let sorter = Sorter { text, limit };
        if len <= SMALL_TEXT {
            self.scratch.has_room((len, len), Scratch::lean_room(len));
            self.suffixes.sort_small(sorter, &self.stretches, &mut self.scratch);
        } else {
            add_flat(&mut self.stretches, flat, len);
            let room = if is_lean { Scratch::lean_room(len) } else { usize::MAX };
            self.suffixes.plan(text, &mut self.stretches, part_len(len), room);
            if is_lean && !self.scratch.has_room(self.suffixes.scratch_keys(), room) {
                return false;
            }
            for part in 0..self.suffixes.part_count() {
                self.suffixes.sort_part(part, sorter, &self.stretches, &mut self.scratch);
            }
            self.suffixes.follow(text, &self.stretches);
            self.scratch.trim(part_len(len));
        }
        let mut builder = Builder::new(text, limit as u32, &self.leaf[..len], &mut self.nodes, 0);
        let is_built = builder.build(self.suffixes.sorted(), if is_lean { node_limit(len) } else { usize::MAX });
        fill_stretches(&self.leaf, &self.stretches);
        is_built
    }

    /// Gives all memory back.
    pub(crate) fn free(&mut self) {
        *self = Self::new();
    }

    /// The memory for texts of at most `len` bytes.
    pub(crate) fn memory_bytes(len: usize) -> TreeBytes {
        let (nodes, scratch) = (node_bytes(len), Scratch::memory_bytes(len, part_len(len)));
        let rest = leaf_bytes(len) + Suffixes::memory_bytes(len);
        // What is kept of a large scratch is little beside the nodes.
        let most = rest + scratch.most.max(nodes.most + Scratch::lean_bytes(len));
        let lean = leaf_bytes(len.min(LEAN_TEXT)) + Suffixes::memory_bytes(len.min(LEAN_TEXT));
        let lean = lean + 8 * usual_nodes(len.min(LEAN_TEXT)) + Scratch::lean_bytes(len.min(LEAN_TEXT));
        TreeBytes {
            typical: rest + nodes.typical + scratch.typical,
            most: if len <= LEAN_TEXT { lean } else { most.max(lean) },
        }
    }
}

impl Finder for IntervalTree {
    const FAR: bool = true;

    #[inline]
    fn matches(&mut self, text: &[u8], found: &mut Matches) {
        self.climb.matches(&self.leaf, &mut self.nodes, text.len(), found);
    }

    fn skip(&mut self, _text: &[u8], count: usize) {
        self.climb.skip(&self.leaf, &mut self.nodes, &self.stretches, count);
    }

    fn leave_out(&mut self, text: &[u8], count: usize) {
        self.skip(text, count);
    }
}

/// Hangs the positions in stretches where others of their kind hang; those in flat ones nowhere.
fn fill_stretches(leaf: &[AtomicU32], stretches: &[Stretch]) {
    for stretch in stretches.iter().rev() {
        if stretch.is_flat() {
            leaf[stretch.start as usize..stretch.end as usize].iter().for_each(|leaf| leaf.store(0, Relaxed));
            continue;
        }
        for position in (stretch.start..stretch.end).rev() {
            let same = leaf[(position + stretch.period) as usize].load(Relaxed);
            leaf[position as usize].store(same, Relaxed);
        }
    }
}

/// Eight bytes as a number that sorts as they do; beyond the end there are zeros.
#[inline(always)]
fn load(text: &[u8], position: usize) -> u64 {
    match text.get(position..position + 8) {
        Some(bytes) => u64::from_be_bytes(bytes.try_into().expect("8 bytes")),
        None => load_end(text, position),
    }
}

#[cold]
#[inline(never)]
fn load_end(text: &[u8], position: usize) -> u64 {
    let mut bytes = [0; 8];
    let rest = text.get(position..).unwrap_or_default();
    bytes[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::common_length;
    use super::*;
    use alloc::vec;

    /// Texts beyond the small sort: noise of few letters, words, repetitions with and without a rest, zeros at the end.
    pub(super) fn large_texts() -> Vec<Vec<u8>> {
        let mut number = 7u32;
        let mut random = |below: u32| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (number >> 16) % below
        };
        let noise: Vec<u8> = (0..70_000).map(|_| random(5) as u8).collect();
        let words: Vec<Vec<u8>> = (0..300).map(|_| (0..random(12)).map(|_| random(256) as u8).collect()).collect();
        let mut prose = Vec::new();
        while prose.len() < 150_000 {
            prose.extend_from_slice(&words[(random(300) * random(300) / 300) as usize]);
        }
        let mut repeated = noise[..20_000].to_vec();
        for period in [1, 2, 7, 16, 17, 1000] {
            repeated.extend((0..9000).map(|n| noise[n % period + period]));
            repeated.extend_from_slice(&noise[period..period + 3000]);
        }
        let mut zeros = prose[..40_000].to_vec();
        zeros.extend(vec![0; 60_000]);
        let mut zeros_and_end = zeros.clone();
        zeros_and_end.extend_from_slice(&prose[1000..5000]);
        zeros_and_end.extend([0; 20]);
        vec![noise, prose, repeated, zeros, zeros_and_end]
    }

    #[test]
    #[cfg_attr(miri, ignore = "the text must be long")]
    fn memory_is_as_foretold() {
        for text in large_texts().into_iter().chain([vec![7; 300], vec![1; 50_000], b"ab".repeat(40_000)]) {
            let mut tree = IntervalTree::new();
            let wanted = Wanted { dictionary_bytes: text.len(), longest: 2 };
            let _ = tree.try_begin(&text, &FlatStretches::default(), 30, wanted);
            let bytes = 4 * tree.leaf.capacity()
                + 8 * tree.nodes.capacity()
                + tree.suffixes.capacity_bytes()
                + tree.scratch.capacity_bytes();
            assert!(bytes <= IntervalTree::memory_bytes(text.len()).most, "{bytes} for {}", text.len());
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "the text must be long")]
    fn what_takes_too_much_memory_is_refused() {
        let mut number = 7u32;
        let mut random = || {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (number >> 16) as u8
        };
        let wanted = Wanted { dictionary_bytes: 1 << 20, longest: 2 };
        let few: Vec<u8> = (0..400_000).map(|_| random() % 2).collect();
        let many: Vec<u8> = (0..400_000).map(|_| random()).collect();
        let long: Vec<u8> = few.iter().cycle().take(LEAN_TEXT + 1).copied().collect();
        // Parts get smaller so that a pair that is often has room.
        let pair: Vec<u8> =
            (0..400_000).map(|at| if at % 7 < 2 { b'a' + (at % 7) as u8 } else { random() | 1 }).collect();
        for (text, expected) in [(few, false), (many, true), (long, true), (pair, true)] {
            assert_eq!(IntervalTree::new().try_begin(&text, &FlatStretches::default(), 40, wanted), expected);
        }
    }

    /// The longest match of each position and how near it is, by a table of where each hash was, and looking at all.
    #[test]
    #[cfg_attr(miri, ignore = "the text must be long")]
    fn large_texts_are_found_in_completely() {
        const LIMIT: usize = 24;
        for text in large_texts() {
            let mut tree = IntervalTree::new();
            tree.begin(&text, &FlatStretches::default(), LIMIT, Wanted { dictionary_bytes: text.len(), longest: 2 });
            let mut found = Matches::new();
            let mut latest = vec![0; 1 << 16];
            let mut before = vec![0; text.len()];
            for position in 0..text.len() - 3 {
                tree.matches(&text, &mut found);
                let limit = LIMIT.min(text.len() - position);
                let hash = usize::from(u16::from_be_bytes([text[position], text[position + 1]]));
                let (mut longest, mut distance) = (3, 0);
                let mut candidate = latest[hash];
                let mut steps = 0;
                while candidate > 0 && longest < limit && steps < 5000 {
                    let length = common_length(&text, position, candidate - 1, limit);
                    if length > longest {
                        (longest, distance) = (length, position - candidate);
                    }
                    candidate = before[candidate - 1];
                    steps += 1;
                }
                before[position] = latest[hash];
                latest[hash] = position + 1;
                let best = found.as_slice().last().filter(|best| best.length > 3);
                let best = best.map_or((3, 0), |best| (best.length as usize, best.distance as usize));
                if steps < 5000 {
                    assert_eq!(best, (longest, distance), "at {position} of {}", text.len());
                } else {
                    assert!(best.0 > longest || best == (longest, distance), "at {position} of {}", text.len());
                }
            }
        }
    }
}
