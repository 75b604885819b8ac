//! How much memory a tree needs.
//!
//! For each byte of the text: 4 for its leaf, 4 for its place among the sorted suffixes, 8 for each node. A text of n bytes has at most
//! n - 1 nodes; sources have 0.35 n to 0.42 n, programs 0.25 n to 0.4 n, noise 0.5 n. Room for n / 2 is reserved, which costs
//! nothing before it is used, and doubled when it is not enough. Sorting takes 8 bytes for each suffix of a part, and as many
//! for the largest pair of bytes; nodes are made when that is over, and large leftovers of it are freed before.

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
    TreeBytes { typical: 8 * (len * 42 / 100 + 1), most: 8 * (len + 2) }
}
