//! From the suffixes in order to their tree.
//!
//! **What it is.** Neighbours in the order share their first bytes, and all suffixes that share so many form an interval. The
//! intervals that the last suffix is in lie in each other; they are a stack. The next suffix closes those that share more than it
//! does with the last one, each of which then learns its parent, and opens one at the most. A suffix's leaf is the
//! innermost interval that it is in.
//!
//! **Why it wins.** The suffixes are gone through once, and shared lengths are computed where they are used: no array of them is
//! kept. A block's lengths come first, without branches, so that the text of many suffixes is fetched at the same time;
//! a tree made node by node from the root would wait for each.
//!
//! **Invariants.** Shared lengths grow up the stack, from the root (0 bytes) on; below two bytes nothing is shared. A node gets
//! its number when it is opened and its parent when it is closed; with numbers from `base` on, parts of a text can be
//! built at the same time. Each suffix makes one node at the most.

use super::super::extend;
use super::{LCP_SHIFT, MAX_LIMIT};
use crate::kernel::prefetch::prefetch;
use alloc::vec::Vec;
use core::hint::select_unpredictable;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Suffixes ahead whose text is fetched.
const FETCH_AHEAD: usize = 24;
/// Suffixes that are compared at a time.
pub(super) const BLOCK: usize = 64;
/// Words that are compared without a branch.
const WORDS: usize = 5;

/// Takes suffixes in order, each with the length that it shares with the one before, and makes the tree.
pub(super) struct Builder<'a> {
    pub(super) text: &'a [u8],
    pub(super) limit: u32,
    /// Leaves by position.
    pub(super) leaf: &'a [AtomicU32],
    /// The nodes from number `base` on.
    pub(super) nodes: &'a mut Vec<u64>,
    pub(super) base: u32,
    /// The open intervals: shared length and node, the root first.
    stack: [(u32, u32); MAX_LIMIT + 2],
    depth: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a [u8], limit: u32, leaf: &'a [AtomicU32], nodes: &'a mut Vec<u64>, base: u32) -> Self {
        Self { text, limit, leaf, nodes, base, stack: [(0, 0); MAX_LIMIT + 2], depth: 0 }
    }

    /// Takes all suffixes. `false` if that would be more nodes than `node_limit`.
    #[must_use]
    #[inline(never)]
    pub(super) fn build(&mut self, sorted: &[AtomicU32], node_limit: usize) -> bool {
        let mut shared = [0u32; BLOCK];
        for start in (0..sorted.len()).step_by(BLOCK) {
            let block = &sorted[start..sorted.len().min(start + BLOCK)];
            let next = sorted.get(start + BLOCK);
            if self.nodes.capacity() - self.nodes.len() < BLOCK {
                // Each suffix makes at most one node.
                self.nodes.reserve_exact(sorted.len() - start + BLOCK);
            }
            // Lengths first: while one is computed, the text of the next ones comes.
            for (index, shared) in shared[..block.len()].iter_mut().enumerate() {
                if let Some(ahead) = sorted.get(start + index + FETCH_AHEAD) {
                    let ahead = ahead.load(Relaxed) as usize;
                    prefetch(self.text, ahead);
                    prefetch(self.text, ahead + 24);
                    prefetch(self.leaf, ahead);
                }
                let position = block[index].load(Relaxed) as usize;
                let other = block.get(index + 1).or(next);
                *shared = other.map_or(0, |other| self.shared(position, other.load(Relaxed) as usize));
            }
            for (position, &shared) in block.iter().zip(&shared) {
                self.take(position.load(Relaxed) as usize, shared);
            }
            if self.nodes.len() > node_limit {
                return false;
            }
        }
        true
    }

    /// How many bytes two suffixes share, at most `limit`.
    #[inline(always)]
    fn shared(&self, one: usize, other: usize) -> u32 {
        let first = self.text.get(one..one + 8 * WORDS).and_then(|bytes| bytes.first_chunk::<{ 8 * WORDS }>());
        let second = self.text.get(other..other + 8 * WORDS).and_then(|bytes| bytes.first_chunk::<{ 8 * WORDS }>());
        let (Some(first), Some(second)) = (first, second) else { return self.shared_at_end(one, other) };
        let mut shared = 8 * WORDS as u32;
        for word in (0..WORDS).rev() {
            let bytes =
                |text: &[u8; 8 * WORDS]| u64::from_le_bytes(text[8 * word..8 * word + 8].try_into().expect("8 bytes"));
            let differing = bytes(first) ^ bytes(second);
            let here = 8 * word as u32 + differing.trailing_zeros() / 8;
            shared = select_unpredictable(differing != 0, here, shared);
        }
        if shared == 8 * WORDS as u32 && shared < self.limit {
            return self.shared_at_end(one, other);
        }
        let shared = shared.min(self.limit);
        if shared < 2 { 0 } else { shared }
    }

    #[cold]
    #[inline(never)]
    fn shared_at_end(&self, one: usize, other: usize) -> u32 {
        let limit = (self.limit as usize).min(self.text.len() - one.max(other));
        let shared = extend(self.text, one.max(other), one.min(other), 0, limit) as u32;
        if shared < 2 { 0 } else { shared }
    }

    /// The next suffix, and what it shares with the one behind it.
    #[inline(always)]
    fn take(&mut self, position: usize, shared: u32) {
        let (mut length, mut node) = self.stack[self.depth];
        if shared > length {
            let id = self.new_node(shared);
            self.depth += 1;
            self.stack[self.depth] = (shared, id);
            self.leaf[position].store(id, Relaxed);
            return;
        }
        self.leaf[position].store(node, Relaxed);
        while length > shared {
            self.depth -= 1;
            let (outer_length, outer) = self.stack[self.depth];
            if outer_length < shared {
                let id = self.new_node(shared);
                self.nodes[(node - self.base) as usize] |= u64::from(id);
                self.depth += 1;
                self.stack[self.depth] = (shared, id);
                return;
            }
            self.nodes[(node - self.base) as usize] |= u64::from(outer);
            (length, node) = (outer_length, outer);
        }
    }

    #[inline(always)]
    fn new_node(&mut self, shared: u32) -> u32 {
        self.nodes.push(u64::from(shared) << LCP_SHIFT);
        self.base + (self.nodes.len() - 1) as u32
    }
}
