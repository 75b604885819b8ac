//! Match finders: where did the bytes at this position stand before?
//!
//! A finder goes through a text from left to right. At each position it either gives the matches worth looking at, or
//! skips it; either way the position is known to it afterwards. Finders, parsers and the range coder do not know one another.

pub(crate) mod binary_tree;
pub(crate) mod flat;
pub(crate) mod hash_buckets;
pub(crate) mod interval_tree;
pub(crate) mod long_chain;
pub(crate) mod short_chain;

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

/// The one match of a position that a parser without prices takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Best {
    /// 0 if there is none.
    pub(crate) length: usize,
    /// From 0.
    pub(crate) distance: u32,
    /// What it saves against literals, in bits and but roughly: bytes saved are worth five, and the distance costs its bits.
    pub(crate) value: i32,
}

impl Best {
    /// No match; and the value that a match must exceed, which pays for its length.
    pub(crate) const NONE: Self = Self { length: 0, distance: 0, value: 4 };
    /// Bits that a byte of a match saves.
    pub(crate) const BYTE_BITS: i32 = 5;

    #[inline(always)]
    pub(crate) fn of(length: usize, distance: u32) -> Self {
        let distance_bits = (u32::BITS - distance.leading_zeros()) as i32;
        Self { length, distance, value: length as i32 * Self::BYTE_BITS - distance_bits }
    }

    /// The other one if it is worth more.
    #[inline(always)]
    pub(crate) fn or(self, other: Self) -> Self {
        if other.value > self.value { other } else { self }
    }
}

/// A match finder over one text at a time. The text that its methods are given is the one that it began with, or a part of it
/// from its beginning: matches do not reach beyond its end.
pub(crate) trait Finder {
    /// Whether matches may be so far away that nobody has touched their bytes: the parser then asks a position ahead and has
    /// them fetched.
    const FAR: bool = false;

    /// The matches at the next position, which is then known. Lengths are at most the finder's limit.
    fn matches(&mut self, text: &[u8], found: &mut Matches);
    /// Makes the next `count` positions known.
    fn skip(&mut self, text: &[u8], count: usize);
    /// The most valuable match at the next position, which is then known. `found` is room to work in.
    fn best(&mut self, text: &[u8], found: &mut Matches) -> Best {
        self.matches(text, found);
        found.as_slice().iter().fold(Best::NONE, |best, found| best.or(Best::of(found.length as usize, found.distance)))
    }
    /// Steps over the next `count` positions, which need not become known.
    fn leave_out(&mut self, text: &[u8], count: usize);
}

/// How many bytes at `first` and `second` (before it) are the same, at most `limit`. Both may run to `text`'s end.
#[inline(always)]
pub(crate) fn common_length(text: &[u8], first: usize, second: usize, limit: usize) -> usize {
    extend(text, first, second, 0, limit)
}

/// As [`common_length`], when `length` bytes are known to be the same.
#[inline(always)]
pub(crate) fn extend(text: &[u8], first: usize, second: usize, mut length: usize, limit: usize) -> usize {
    debug_assert!(second <= first, "room behind the second is not looked at");
    // Where there is room behind, whole words are compared and what is too much is cut off.
    if first + limit + 8 <= text.len() {
        while length < limit {
            let difference = word(text, first + length) ^ word(text, second + length);
            if difference != 0 {
                return limit.min(length + (difference.trailing_zeros() / 8) as usize);
            }
            length += 8;
        }
        return limit;
    }
    extend_bytewise(text, first, second, length, limit)
}

/// As [`extend`], up to the text's end.
#[cold]
fn extend_bytewise(text: &[u8], first: usize, second: usize, mut length: usize, limit: usize) -> usize {
    while length < limit && text[first + length] == text[second + length] {
        length += 1;
    }
    length
}

#[inline(always)]
fn word(text: &[u8], position: usize) -> u64 {
    u64::from_le_bytes(text[position..position + 8].try_into().expect("8 bytes"))
}

#[cfg(test)]
mod tests {
    use super::binary_tree::BinaryTree;
    use super::flat::FlatStretches;
    use super::hash_buckets::{LeanBuckets, ThoroughBuckets};
    use super::interval_tree::{IntervalTree, Wanted};
    use super::long_chain::LongChain;
    use super::short_chain::ShortChain;
    use super::*;
    use alloc::vec::Vec;
    use core::ops::Range;

    const LIMIT: usize = 32;

    fn wanted(dictionary_bytes: usize) -> Wanted {
        Wanted { dictionary_bytes, longest: 2 }
    }

    /// The longest match of each position with the nearest distance that has it, by looking at all.
    fn brute_force(text: &[u8], position: usize) -> Match {
        let limit = LIMIT.min(text.len() - position);
        let mut best = Match::default();
        for other in (0..position).rev() {
            let length = common_length(text, position, other, limit) as u32;
            if length > best.length {
                best = Match { length, distance: (position - other - 1) as u32 };
            }
        }
        best
    }

    fn texts() -> Vec<Vec<u8>> {
        let mut number = 1u32;
        let mut random = |below: u32| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (number >> 16) % below
        };
        // Miri is slow: fewer texts, and a small share of each.
        let (step, share) = if cfg!(miri) { (2, 30) } else { (1, 1) };
        let mut texts: Vec<Vec<u8>> =
            (0..20).step_by(5 * step - 4).map(|len| (0..len).map(|n| n % 3).collect()).collect();
        for letters in [1, 2, 3, 26, 256].into_iter().step_by(step) {
            texts.push((0..1500 / share).map(|_| random(letters) as u8).collect());
        }
        for period in (1..10).step_by(5 * step - 4) {
            texts.push((0..500 / share).map(|n| (n % period) as u8).collect());
        }
        let thue_morse = (0..1024 / share as u32).map(|n| (n.count_ones() % 2) as u8).collect();
        texts.push(thue_morse);
        texts.push(b"abracadabra, said the magician, abracadabra ".repeat(30 / share));
        texts
    }

    /// Goes through a text with looks and skips, checks that what is found is there, and gives it to `then` with its position.
    fn check(text: &[u8], finder: &mut impl Finder, name: &str, mut then: impl FnMut(usize, &[Match])) {
        let mut found = Matches::new();
        let mut position = 0;
        while position < text.len() {
            finder.matches(text, &mut found);
            let list = found.as_slice();
            assert!(list.windows(2).all(|w| w[0].length < w[1].length && w[0].distance < w[1].distance), "{name}");
            for found in list {
                let other = position - found.distance as usize - 1;
                let length = common_length(text, position, other, LIMIT.min(text.len() - position));
                assert!(length >= found.length as usize, "{name}: {found:?} at {position}");
            }
            then(position, list);
            position += 1;
            let skipped = (position * 7 % 11).saturating_sub(6).min(text.len() - position);
            finder.skip(text, skipped);
            position += skipped;
        }
    }

    /// As [`check`]; of four bytes and more, the longest match is found, and its nearest distance.
    fn check_longest(text: &[u8], finder: &mut impl Finder, name: &str) {
        check(text, finder, name, |position, list| {
            let expected = brute_force(text, position);
            if expected.length >= 4 {
                assert_eq!(list.last(), Some(&expected), "{name} at {position} of {}", text.len());
            }
        });
    }

    /// As [`check`]; of four bytes and more, each length's nearest match is found.
    fn check_all(text: &[u8], finder: &mut impl Finder, name: &str) {
        check(text, finder, name, |position, list| {
            let limit = LIMIT.min(text.len() - position);
            let mut expected: Vec<Match> = Vec::new();
            for other in (0..position).rev() {
                let length = common_length(text, position, other, limit) as u32;
                if length >= 4 && expected.last().is_none_or(|found| found.length < length) {
                    expected.push(Match { length, distance: (position - other - 1) as u32 });
                }
            }
            let found: Vec<Match> = list.iter().copied().filter(|found| found.length >= 4).collect();
            assert_eq!(found, expected, "{name} at {position} of {}", text.len());
        });
    }

    /// As [`check`]; the longest match at one of the four newest positions with the same eight bytes is found, or a longer one.
    /// Not always: several words may share a bucket.
    fn check_newest(text: &[u8], finder: &mut impl Finder, name: &str) {
        let mut missed = 0;
        check(text, finder, name, |position, list| {
            let limit = LIMIT.min(text.len() - position);
            let lengths = (0..position).rev().map(|other| common_length(text, position, other, limit));
            let expected = lengths.filter(|&length| length >= 8).take(4).max().unwrap_or(0);
            missed += usize::from((list.last().map_or(0, |found| found.length as usize)) < expected);
        });
        assert!(missed <= text.len() / 25, "{name}: {missed} of {} missed", text.len());
    }

    #[test]
    fn trees_and_chains_find_the_longest_and_nearest() {
        // Used for text after text.
        let (mut short_chain, mut long_chain) = (ShortChain::new(), LongChain::new());
        for text in texts() {
            short_chain.begin(text.len(), LIMIT, 1 << 20);
            short_chain = short_chain.with_steps(10_000);
            check_all(&text, &mut short_chain, "short chain");
            long_chain.begin(LIMIT, 1 << 20);
            long_chain = long_chain.with_steps(10_000);
            check_all(&text, &mut long_chain, "long chain");
            let mut tree = IntervalTree::new();
            tree.begin(&text, &FlatStretches::default(), LIMIT, wanted(1 << 20));
            check_longest(&text, &mut tree, "interval tree");
            let mut tree = BinaryTree::new();
            tree.begin(text.len(), LIMIT, 10_000, 1 << 20);
            check_all(&text, &mut tree, "binary tree");
        }
    }

    #[test]
    fn buckets_find_the_longest_of_the_newest() {
        // Used for text after text.
        let (mut lean, mut thorough) = (LeanBuckets::new(), ThoroughBuckets::new());
        for text in texts() {
            lean.begin(text.len(), LIMIT, 16, 1 << 20);
            check_newest(&text, &mut lean, "lean buckets");
            thorough.begin(text.len(), LIMIT, 16, 1 << 20);
            check_newest(&text, &mut thorough, "thorough buckets");
        }
    }

    #[test]
    fn distances_stay_in_the_dictionary() {
        let (mut lean, mut thorough) = (LeanBuckets::new(), ThoroughBuckets::new());
        for text in texts() {
            let near = |_, list: &[Match]| assert!(list.iter().all(|found| found.distance < 100));
            lean.begin(text.len(), LIMIT, 16, 100);
            check(&text, &mut lean, "lean buckets", near);
            thorough.begin(text.len(), LIMIT, 16, 100);
            check(&text, &mut thorough, "thorough buckets", near);
        }
    }

    /// Goes through a text of which a part is left out. Up to there the text is cut off, as the coder cuts it before what it stores.
    fn check_around_what_is_left_out(text: &[u8], left_out: Range<usize>, finder: &mut impl Finder, name: &str) {
        let mut found = Matches::new();
        for position in 0..text.len() {
            if left_out.contains(&position) {
                if position == left_out.start {
                    finder.leave_out(text, left_out.len());
                }
                continue;
            }
            let known = if position < left_out.start { &text[..left_out.start] } else { text };
            if position % 5 == 0 {
                finder.skip(known, 1);
                continue;
            }
            finder.matches(known, &mut found);
            for found in found.as_slice() {
                let Some(other) = position.checked_sub(found.distance as usize + 1) else {
                    panic!("{name}: {found:?}")
                };
                assert!(position + found.length as usize <= known.len(), "{name}: {found:?} at {position}");
                let length = common_length(text, position, other, found.length as usize);
                assert!(length == found.length as usize, "{name}: {found:?} at {position}, {left_out:?} left out");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "the text must be long")]
    fn matches_are_true_around_what_is_left_out() {
        let mut hash_buckets = ThoroughBuckets::new();
        let (mut short_chain, mut long_chain) = (ShortChain::new(), LongChain::new());
        let mut binary_tree = BinaryTree::new();
        let mut interval_tree = IntervalTree::new();
        let mut number = 3u32;
        let mut random = |below: usize| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (number >> 16) as usize % below
        };
        for round in 0..200 {
            let letters = 2 + round % 3;
            let text: Vec<u8> = (0..1000 + random(1000)).map(|_| random(letters) as u8).collect();
            let start = random(900);
            let left_out = start..start + random(text.len() - start - 150);
            let dictionary_bytes = if round % 2 == 0 { 1 << 20 } else { 1 + random(500) };
            hash_buckets.begin(text.len(), LIMIT, 16, dictionary_bytes);
            check_around_what_is_left_out(&text, left_out.clone(), &mut hash_buckets, "hash buckets");
            short_chain.begin(text.len(), LIMIT, dictionary_bytes);
            check_around_what_is_left_out(&text, left_out.clone(), &mut short_chain, "short chain");
            long_chain.begin(LIMIT, dictionary_bytes);
            check_around_what_is_left_out(&text, left_out.clone(), &mut long_chain, "long chain");
            binary_tree.begin(text.len(), LIMIT, 50, dictionary_bytes);
            check_around_what_is_left_out(&text, left_out.clone(), &mut binary_tree, "binary tree");
            interval_tree.begin(&text, &FlatStretches::default(), LIMIT, wanted(dictionary_bytes));
            check_around_what_is_left_out(&text, left_out, &mut interval_tree, "interval tree");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "the text must be long")]
    fn a_text_beyond_the_small_sort_is_found_in_too() {
        let mut number = 7u32;
        let text: Vec<u8> = (0..70_000)
            .map(|_| {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (number >> 24) as u8 % 5
            })
            .collect();
        let (mut interval, mut binary) = (IntervalTree::new(), BinaryTree::new());
        interval.begin(&text, &FlatStretches::default(), LIMIT, wanted(1 << 20));
        binary.begin(text.len(), LIMIT, 1_000_000, 1 << 20);
        let (mut one, mut other) = (Matches::new(), Matches::new());
        for position in 0..text.len() {
            interval.matches(&text, &mut one);
            binary.matches(&text, &mut other);
            assert_eq!(one.as_slice().last(), other.as_slice().last(), "at {position}");
        }
    }
}
