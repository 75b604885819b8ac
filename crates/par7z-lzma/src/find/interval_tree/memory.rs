//! How much memory a tree needs.
//!
//! For each byte of the text: 4 for its leaf, 4 for its place among the sorted suffixes, 8 for each node. A text of n bytes has
//! less than n nodes; sources were measured to have 0.53 n to 0.59 n (limits of 36 and 64), programs 0.33 n to 0.37 n, noise of
//! 16 MB 0.24 n. Room for 0.62 n is reserved, which costs nothing before it is used; where it is not enough, there is room for
//! all that can come. Sorting takes 8 bytes for each suffix of a part, and as many for the largest pair of bytes; nodes are
//! made when that is over, and large leftovers of it are freed before.

use super::build::BLOCK;
use super::climb::AHEAD;

/// Bytes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TreeBytes {
    /// For sources and programs.
    pub(crate) typical: usize,
    /// For any text.
    pub(crate) most: usize,
}

/// The leaves of a text.
pub(super) fn leaf_bytes(len: usize) -> usize {
    4 * (len + AHEAD)
}

/// The nodes of a text, once.
pub(super) fn node_bytes(len: usize) -> TreeBytes {
    // Each part has a few blocks of nodes more than it needs.
    TreeBytes { typical: 8 * (len * 6 / 10 + 1), most: 8 * (len + len / 4096 + 4 * BLOCK) }
}

/// Room for the nodes of so many suffixes that is most often enough.
pub(super) fn usual_nodes(suffixes: usize) -> usize {
    suffixes * 5 / 8 + 2 * BLOCK
}
