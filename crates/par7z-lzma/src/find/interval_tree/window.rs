//! A tree that several threads build, and several encoders use for slices of its text.
//!
//! **What it is.** The build is in steps, of which two are in parts that may run at the same time, on any threads; this crate
//! starts none:
//!
//! 1. [`WindowTree::begin`] counts.
//! 2. [`WindowTree::sort_part`] sorts the suffixes of a part of the pairs of first bytes.
//! 3. [`WindowTree::follow`] puts the others into their places.
//! 4. [`WindowTree::build_part`] makes the nodes of a part of the sorted suffixes.
//! 5. [`WindowTree::finish`] takes the nodes of all parts.
//!
//! Leaves, shared lengths and parents are then the same for everyone. What differs is the latest position in each node, so
//! each encoder has nodes of its own: a [`SliceFinder`]. It takes a slice when all positions before are made known to it.
//!
//! **Why it wins.** Encoders that share a window find the matches that one alone finds. To make a position known beforehand
//! is cheap: going backwards, a way up ends at the first node that a later position has visited.
//!
//! **Invariants.** Parts depend on the text alone, never on threads. The nodes of a part are numbered from the number of
//! suffixes before it, plus one; so numbers are known before the nodes are, with gaps. Which order parts are made in, and who
//! makes them, changes nothing.

use super::super::flat::FlatStretches;
use super::super::{Finder, Matches};
use super::build::Builder;
use super::climb::{AHEAD, Climb, Wanted};
use super::induce::{Scratch, Suffixes};
use super::memory::{TreeBytes, leaf_bytes, node_bytes, usual_nodes};
use super::periods::{Stretch, add_flat, find_stretches};
use super::sort::Sorter;
use super::vectors::{grow, grow_shared};
use super::{MAX_LIMIT, MAX_TEXT, fill_stretches};
use alloc::vec::Vec;
use core::ops::{Deref, Range};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Suffixes of a part: some dozens of parts in a large window.
const PART: usize = 2 << 20;

/// A tree over a window, which encoders share.
pub(crate) struct WindowTree {
    limit: usize,
    len: usize,
    /// Suffixes of a part, about.
    part_len: usize,
    stretches: Vec<Stretch>,
    suffixes: Suffixes,
    /// The deepest node of each position.
    leaf: Vec<AtomicU32>,
    /// Ranges of the sorted suffixes.
    ranges: Vec<Range<usize>>,
    parts: Vec<BuiltPart>,
}

/// The nodes of a part.
pub(crate) struct BuiltPart {
    /// The first one's number.
    base: u32,
    nodes: Vec<u64>,
}

impl WindowTree {
    pub(crate) fn new() -> Self {
        Self {
            limit: 0,
            len: 0,
            part_len: PART,
            stretches: Vec::new(),
            suffixes: Suffixes::new(),
            leaf: Vec::new(),
            ranges: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// Begins a window of less than 2^28 bytes, whose suffixes are told apart to a depth of `limit` bytes. Memory is kept from
    /// window to window. All steps take the same text. Suffixes in flat stretches are left out.
    pub(crate) fn begin(&mut self, text: &[u8], flat: &FlatStretches, limit: usize) {
        assert!(text.len() <= MAX_TEXT, "a window is shorter than 256 MiB");
        (self.limit, self.len) = (limit.min(MAX_LIMIT), text.len());
        self.ranges.clear();
        self.parts.clear();
        grow_shared(&mut self.leaf, self.len + AHEAD);
        for leaf in &self.leaf[self.len..self.len + AHEAD] {
            leaf.store(0, Relaxed);
        }
        find_stretches(text, self.limit, &mut self.stretches);
        add_flat(&mut self.stretches, flat, self.len);
        self.suffixes.plan(text, &mut self.stretches, self.part_len, usize::MAX);
    }

    pub(crate) fn sort_part_count(&self) -> usize {
        self.suffixes.part_count()
    }

    /// Sorts a part. `scratch` may be used for part after part.
    pub(crate) fn sort_part(&self, text: &[u8], index: usize, scratch: &mut Scratch) {
        let sorter = Sorter { text, limit: self.limit };
        self.suffixes.sort_part(index, sorter, &self.stretches, scratch);
    }

    /// Goes on when all parts are sorted.
    pub(crate) fn follow(&mut self, text: &[u8]) {
        self.suffixes.follow(text, &self.stretches);
        self.cut(text);
    }

    /// Cuts what is sorted into parts.
    fn cut(&mut self, text: &[u8]) {
        let sorted = self.suffixes.sorted();
        let pair = |suffix: &AtomicU32| {
            let position = suffix.load(Relaxed) as usize;
            &text[position..self.len.min(position + 2)]
        };
        let mut start = 0;
        while start < sorted.len() {
            let target = (start + self.part_len).min(sorted.len());
            // A part ends where the first two bytes change: nothing is shared there.
            let last = pair(&sorted[target - 1]);
            let end = target + sorted[target..].partition_point(|suffix| pair(suffix) == last);
            self.ranges.push(start..end);
            start = end;
        }
    }

    pub(crate) fn build_part_count(&self) -> usize {
        self.ranges.len()
    }

    /// Makes the nodes of a part.
    pub(crate) fn build_part(&self, text: &[u8], index: usize) -> BuiltPart {
        let range = self.ranges[index].clone();
        let base = range.start as u32 + 1;
        let mut nodes = Vec::with_capacity(usual_nodes(range.len()));
        let leaf = &self.leaf[..self.len];
        let is_built = Builder::new(text, self.limit as u32, leaf, &mut nodes, base)
            .build(&self.suffixes.sorted()[range], usize::MAX);
        debug_assert!(is_built, "any number of nodes is allowed");
        BuiltPart { base, nodes }
    }

    /// Takes all parts, in any order. The tree may then be shared.
    pub(crate) fn finish(&mut self, parts: impl IntoIterator<Item = BuiltPart>) {
        self.parts.extend(parts);
        debug_assert_eq!(self.parts.len(), self.ranges.len());
        fill_stretches(&self.leaf, &self.stretches);
    }

    /// Frees what is needed for the build alone, 4 bytes for each of the window.
    pub(crate) fn free_suffixes(&mut self) {
        self.suffixes = Suffixes::new();
    }

    /// The memory of a built tree over a window of `len` bytes, without the finders. While it is built,
    /// [`sort_bytes`](Self::sort_bytes) come on top for each thread that sorts.
    pub(crate) fn memory_bytes(len: usize) -> TreeBytes {
        let nodes = node_bytes(len);
        let rest = leaf_bytes(len) + Suffixes::memory_bytes(len);
        TreeBytes { typical: rest + nodes.typical, most: rest + nodes.most }
    }

    /// The memory of a `Scratch`.
    pub(crate) fn sort_bytes(len: usize) -> TreeBytes {
        Scratch::memory_bytes(len, PART)
    }

    /// The memory of a finder.
    pub(crate) fn finder_bytes(len: usize) -> TreeBytes {
        node_bytes(len)
    }

    /// Nodes for an encoder: what is in none of the parts is not touched.
    fn copy_nodes(&self, nodes: &mut Vec<u64>) {
        let end = self.parts.iter().map(|part| part.base as usize + part.nodes.len()).max().unwrap_or(1);
        grow(nodes, end);
        nodes[0] = 0;
        for part in &self.parts {
            let start = part.base as usize;
            nodes[start..start + part.nodes.len()].copy_from_slice(&part.nodes);
        }
    }
}

/// A finder over slices of a window; `T` is an `Arc` of the tree, or a reference to it.
pub(crate) struct SliceFinder<T> {
    tree: T,
    nodes: Vec<u64>,
    climb: Climb,
    wanted: Wanted,
}

impl<T: Deref<Target = WindowTree>> SliceFinder<T> {
    /// A finder to which no position is known.
    pub(crate) fn new(tree: T, wanted: Wanted) -> Self {
        let mut nodes = Vec::new();
        tree.copy_nodes(&mut nodes);
        let mut climb = Climb::new();
        climb.begin(0, wanted);
        Self { tree, nodes, climb, wanted }
    }

    /// Goes to where a slice starts: all positions before it are known. Slices in ascending order cost least; to go back costs
    /// a copy of all nodes.
    pub(crate) fn begin_slice(&mut self, start: usize) {
        if start < self.climb.position {
            self.tree.copy_nodes(&mut self.nodes);
            self.climb.begin(0, self.wanted);
        }
        self.climb.advance_to(&self.tree.leaf, &mut self.nodes, start);
    }
}

impl<T: Deref<Target = WindowTree>> Finder for SliceFinder<T> {
    const FAR: bool = true;

    #[inline]
    fn matches(&mut self, text: &[u8], found: &mut Matches) {
        self.climb.matches(&self.tree.leaf, &mut self.nodes, text.len(), found);
    }

    fn skip(&mut self, _text: &[u8], count: usize) {
        self.climb.skip(&self.tree.leaf, &mut self.nodes, &self.tree.stretches, count);
    }

    fn leave_out(&mut self, text: &[u8], count: usize) {
        self.skip(text, count);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Match;
    use super::super::IntervalTree;
    use super::super::tests::large_texts;
    use super::*;
    use alloc::vec;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    const LIMIT: usize = 40;
    const WANTED: Wanted = Wanted { dictionary_bytes: 100_000, longest: 2 };

    /// Builds with threads that take parts as they come.
    fn build_with_threads(text: &[u8], threads: usize, part_len: usize) -> WindowTree {
        let mut tree = WindowTree { part_len, ..WindowTree::new() };
        tree.begin(text, &FlatStretches::default(), LIMIT);
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut scratch = Scratch::default();
                    loop {
                        let index = next.fetch_add(1, Relaxed);
                        if index >= tree.sort_part_count() {
                            break;
                        }
                        tree.sort_part(text, index, &mut scratch);
                    }
                });
            }
        });
        tree.follow(text);
        build_parts(&mut tree, text);
        tree
    }

    /// A thread for each part.
    fn build_parts(tree: &mut WindowTree, text: &[u8]) {
        let mut parts: Vec<BuiltPart> = thread::scope(|scope| {
            let tree = &*tree;
            let handles: Vec<_> =
                (0..tree.build_part_count()).map(|index| scope.spawn(move || tree.build_part(text, index))).collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).collect()
        });
        parts.reverse();
        tree.finish(parts);
    }

    /// The matches of a range, with skips between.
    fn found_in(finder: &mut impl Finder, text: &[u8], slice: Range<usize>) -> Vec<(usize, Vec<Match>)> {
        let mut found = Matches::new();
        let mut position = slice.start;
        let mut all = Vec::new();
        while position < slice.end {
            finder.matches(&text[..slice.end], &mut found);
            all.push((position, found.as_slice().to_vec()));
            position += 1;
            let skipped = (position % 5 * position % 31).saturating_sub(16).min(slice.end - position);
            finder.skip(text, skipped);
            position += skipped;
        }
        all
    }

    /// What one finder through the whole text finds, cut at a slice's end.
    fn expected_in(text: &[u8], looked_at: &[(usize, Vec<Match>)], end: usize) -> Vec<(usize, Vec<Match>)> {
        let mut one = IntervalTree::new();
        one.begin(text, &FlatStretches::default(), LIMIT, WANTED);
        let mut found = Matches::new();
        let mut position = 0;
        let mut all = Vec::new();
        for &(at, _) in looked_at {
            one.skip(text, at - position);
            one.matches(&text[..end], &mut found);
            position = at + 1;
            all.push((at, found.as_slice().to_vec()));
        }
        all
    }

    #[test]
    #[cfg_attr(miri, ignore = "the text must be long")]
    fn memory_is_as_foretold() {
        for text in large_texts() {
            let mut scratch = Scratch::default();
            let mut tree = WindowTree::new();
            tree.begin(&text, &FlatStretches::default(), LIMIT);
            (0..tree.sort_part_count()).for_each(|index| tree.sort_part(&text, index, &mut scratch));
            assert!(scratch.capacity_bytes() <= WindowTree::sort_bytes(text.len()).most);
            tree.follow(&text);
            let parts: Vec<_> = (0..tree.build_part_count()).map(|index| tree.build_part(&text, index)).collect();
            tree.finish(parts);
            let nodes: usize = tree.parts.iter().map(|part| 8 * part.nodes.capacity()).sum();
            let bytes = 4 * tree.leaf.capacity() + tree.suffixes.capacity_bytes() + nodes;
            assert!(bytes <= WindowTree::memory_bytes(text.len()).most);
            let memory = SliceFinder::new(&tree, WANTED);
            assert!(8 * memory.nodes.capacity() <= WindowTree::finder_bytes(text.len()).most);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "the text must be long")]
    fn slices_find_what_one_finder_finds() {
        for text in large_texts() {
            let len = text.len();
            for (threads, part_len) in [(1, PART), (3, 7000), (2, 1)] {
                let mut tree = build_with_threads(&text, threads, part_len);
                assert_eq!(tree.build_part_count() > 1, part_len < PART);
                tree.free_suffixes();
                let tree = Arc::new(tree);
                for ends in [vec![len], vec![len / 3, len / 2, len], vec![5000, 5001, 60_000, len - 1, len]] {
                    let mut finder = SliceFinder::new(Arc::clone(&tree), WANTED);
                    let mut start = len / 10;
                    // The first slice has history; of the rest, each second one is left out.
                    for (index, &end) in ends.iter().enumerate() {
                        let slice = start.min(end)..end;
                        start = end;
                        if index % 2 == 1 && end < len {
                            continue;
                        }
                        finder.begin_slice(slice.start);
                        let found = found_in(&mut finder, &text, slice);
                        assert!(found == expected_in(&text, &found, end), "{ends:?} at {end}");
                    }
                    // And back.
                    finder.begin_slice(100);
                    let found = found_in(&mut finder, &text, 100..2000);
                    assert!(found == expected_in(&text, &found, 2000));
                }
            }
        }
    }

    /// Cheap enough for Miri, which looks for data races: the sort is the one for small texts, which does not go through all
    /// pairs of bytes.
    #[test]
    fn threads_share_a_tree() {
        let text: Vec<u8> = (0..80u32).map(|n| (n * n / 7 % 5) as u8).collect();
        let mut tree = WindowTree { part_len: 30, limit: LIMIT, len: text.len(), ..WindowTree::new() };
        grow_shared(&mut tree.leaf, text.len() + AHEAD);
        tree.suffixes.sort_small(Sorter { text: &text, limit: LIMIT }, &[], &mut Scratch::default());
        tree.cut(&text);
        assert!(tree.build_part_count() > 1);
        build_parts(&mut tree, &text);
        let (tree, slices) = (&tree, [20..50, 50..text.len()]);
        let found = thread::scope(|scope| {
            let threads = slices.clone().map(|slice| {
                scope.spawn(|| {
                    let mut finder = SliceFinder::new(tree, WANTED);
                    finder.begin_slice(slice.start);
                    found_in(&mut finder, &text, slice)
                })
            });
            threads.map(|thread| thread.join().unwrap())
        });
        for (found, slice) in found.iter().zip(slices) {
            assert!(*found == expected_in(&text, found, slice.end), "{slice:?}");
        }
    }
}
