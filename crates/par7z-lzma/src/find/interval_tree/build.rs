//! From the suffixes in order to their tree.

use super::{LCP_SHIFT, MAX_LIMIT, load};
use crate::kernel::prefetch::prefetch;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Suffixes ahead whose text is fetched.
const FETCH_AHEAD: usize = 24;

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

    /// Takes all suffixes.
    pub(super) fn build(&mut self, sorted: &[AtomicU32]) {
        let Some(first) = sorted.first() else { return };
        let mut previous = first.load(Relaxed) as usize;
        for index in 1..sorted.len() {
            if let Some(ahead) = sorted.get(index + FETCH_AHEAD) {
                prefetch(self.text, ahead.load(Relaxed) as usize);
            }
            let position = sorted[index].load(Relaxed) as usize;
            let shared = self.shared(previous, position);
            self.take(previous, shared);
            previous = position;
        }
        self.take(previous, 0);
    }

    /// How many bytes two suffixes share, at most `limit`.
    #[inline(always)]
    fn shared(&self, one: usize, other: usize) -> u32 {
        let mut shared = 0;
        while shared < self.limit {
            let differing = load(self.text, one + shared as usize) ^ load(self.text, other + shared as usize);
            if differing != 0 {
                shared += differing.leading_zeros() / 8;
                break;
            }
            shared += 8;
        }
        // What lies beyond the text's end is not shared.
        let available = self.text.len() - one.max(other);
        let shared = shared.min(self.limit).min(available as u32);
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
