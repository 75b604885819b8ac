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

mod build;
mod climb;
mod induce;
mod order;
mod periods;
mod sort;
mod vectors;

use super::{Finder, Matches};
use crate::kernel::huge_pages;
use alloc::vec::Vec;
use build::Builder;
use climb::{AHEAD, Climb};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use induce::{Scratch, Suffixes};
use periods::{Stretch, find_stretches};
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
/// Suffixes that are sorted at once.
const PART: usize = 4 << 20;

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

    /// Begins a text: sorts its suffixes to a depth of `limit` bytes. Matches are at most `dictionary_bytes` back.
    pub(crate) fn begin(&mut self, text: &[u8], limit: usize, dictionary_bytes: usize) {
        let len = text.len().min(MAX_TEXT);
        self.climb.begin(0, len, dictionary_bytes);
        self.nodes.clear();
        if self.nodes.capacity() < len / 2 + 1 {
            self.nodes.reserve_exact(len / 2 + 1);
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
            return;
        }
        let sorter = Sorter { text, limit };
        if len <= SMALL_TEXT {
            self.suffixes.sort_small(sorter, &self.stretches, &mut self.scratch);
        } else {
            self.suffixes.plan(text, &self.stretches, PART);
            for part in 0..self.suffixes.part_count() {
                self.suffixes.sort_part(part, sorter, &self.stretches, &mut self.scratch);
            }
            self.suffixes.follow(text, &self.stretches);
        }
        Builder::new(text, limit as u32, &self.leaf[..len], &mut self.nodes, 0).build(self.suffixes.sorted());
        for stretch in self.stretches.iter().rev() {
            for position in (stretch.start..stretch.end).rev() {
                let same = self.leaf[(position + stretch.period) as usize].load(Relaxed);
                self.leaf[position as usize].store(same, Relaxed);
            }
        }
    }
}

impl Finder for IntervalTree {
    #[inline]
    fn matches(&mut self, _text: &[u8], found: &mut Matches) {
        self.climb.matches(&self.leaf, &mut self.nodes, found);
    }

    fn skip(&mut self, _text: &[u8], count: usize) {
        self.climb.skip(&self.leaf, &mut self.nodes, &self.stretches, count);
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
