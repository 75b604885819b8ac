//! Match finders: where did the bytes at this position stand before?
//!
//! A finder goes through a text from left to right. At each position it either gives the matches worth looking at, or
//! skips it; either way the position is known to it afterwards. Finders, parsers and the range coder do not know one another.

pub(crate) mod binary_tree;
pub(crate) mod interval_tree;

use crate::model::MAX_MATCH;

/// A match: `length` bytes from here are as those `distance + 1` before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Match {
    pub(crate) length: u32,
    /// From 0.
    pub(crate) distance: u32,
}

/// The matches of one position: lengths grow, and with them distances; no match is both shorter and farther than another.
pub(crate) struct Matches {
    list: [Match; MAX_MATCH + 1],
    count: usize,
}

impl Matches {
    pub(crate) fn new() -> Self {
        Self { list: [Match::default(); MAX_MATCH + 1], count: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, length: u32, distance: u32) {
        if let Some(place) = self.list.get_mut(self.count) {
            *place = Match { length, distance };
            self.count += 1;
        }
    }

    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[Match] {
        &self.list[..self.count.min(self.list.len())]
    }

    /// The longest one's length; 0 without any.
    #[inline(always)]
    pub(crate) fn longest(&self) -> u32 {
        self.as_slice().last().map_or(0, |longest| longest.length)
    }

    /// Makes the longest one longer.
    #[inline(always)]
    pub(crate) fn set_longest(&mut self, length: u32) {
        if let Some(longest) = self.list[..self.count.min(MAX_MATCH + 1)].last_mut() {
            longest.length = length;
        }
    }

    /// Cuts all to at most so many bytes, and keeps one of that length.
    #[inline]
    pub(crate) fn cap(&mut self, length: u32) {
        let at = self.as_slice().iter().position(|found| found.length >= length);
        if let Some(at) = at {
            self.list[at].length = length;
            self.count = at + 1;
        }
    }
}

/// A match finder over one text at a time.
pub(crate) trait Finder {
    /// The matches at the next position, which is then known. Lengths are at most the finder's limit.
    fn matches(&mut self, text: &[u8], found: &mut Matches);
    /// Makes the next `count` positions known.
    fn skip(&mut self, text: &[u8], count: usize);
}

/// How many bytes at `first` and `second` (before it) are the same, at most `limit`. Both may run to `text`'s end.
#[inline(always)]
pub(crate) fn common_length(text: &[u8], first: usize, second: usize, limit: usize) -> usize {
    extend(text, first, second, 0, limit)
}

/// As [`common_length`], when `length` bytes are known to be the same.
#[inline(always)]
pub(crate) fn extend(text: &[u8], first: usize, second: usize, mut length: usize, limit: usize) -> usize {
    let (a, b) = (&text[first..first + limit], &text[second..second + limit]);
    while length + 8 <= limit {
        let x = u64::from_le_bytes(a[length..length + 8].try_into().expect("8 bytes"));
        let y = u64::from_le_bytes(b[length..length + 8].try_into().expect("8 bytes"));
        if x != y {
            return length + ((x ^ y).trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    while length < limit && a[length] == b[length] {
        length += 1;
    }
    length
}
