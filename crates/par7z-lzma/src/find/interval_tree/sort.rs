//! Sorting of suffixes, by keys: numbers with some bytes of text above a position.
//!
//! **What it is.** Many keys are distributed by one byte after another, from the last to the first (LSD radix sort), which
//! costs a few nanoseconds each and no foretold branch; very many are distributed by their first byte beforehand, so that the
//! rest happens in the caches. Few are sorted by networks: a fixed sequence of minimum and maximum, again without branches.
//! In between, the library's sort is as fast. Suffixes with the same key are sorted by their next bytes.
//!
//! **Why it wins.** Comparing suffixes means a jump into far memory for each comparison; here four bytes of each are fetched once
//! and compared in order, and few suffixes share more. The tree needs no deeper order than its limit, where linear-time
//! constructions (SA-IS) make a whole one, with several passes through far memory.
//!
//! **Invariants.** A key has the complement of its position below: of two suffixes of which one is the other's beginning,
//! the one nearer to the text's end is the shorter one, and comes first, as if the end were less than any byte. Positions
//! differ, so keys do: there is one sorted order, and all ways lead to it. Keys come with their positions in order, so
//! distributing need not look at them.

use super::load;
use crate::kernel::prefetch::prefetch;

/// The most keys that [`sort_few`] takes.
const FEW: usize = 16;
/// Below this the library's sort is faster than counting 256 digits for each byte.
const MIN_RADIX: usize = 320;
/// Keys of which two copies lie in the second cache.
const CACHED: usize = 1 << 15;
/// Keys ahead whose text is fetched.
const FETCH_AHEAD: usize = 24;

/// The position in a key whose upper half is text.
#[inline(always)]
pub(super) fn position_of(key: u64) -> usize {
    !(key as u32) as usize
}

/// A key with the top four bytes of `word`.
#[inline(always)]
pub(super) fn key_of(word: u64, position: usize) -> u64 {
    word & !0xffff_ffff | u64::from(!(position as u32))
}

/// A text whose suffixes are sorted by their first `limit` bytes, or somewhat more.
#[derive(Clone, Copy)]
pub(super) struct Sorter<'a> {
    pub(super) text: &'a [u8],
    pub(super) limit: usize,
}

impl Sorter<'_> {
    /// Sorts suffixes that share `depth` bytes and are sorted by the four that follow, which are in their keys.
    pub(super) fn refine(self, keys: &mut [u64], spare: &mut [u64], depth: usize) {
        let deeper = depth + 4;
        if deeper >= self.limit {
            return;
        }
        let mut start = 0;
        while start < keys.len() {
            let key = keys[start] >> 32;
            let mut end = start;
            while end < keys.len() && keys[end] >> 32 == key {
                if let Some(&ahead) = keys.get(end + FETCH_AHEAD) {
                    prefetch(self.text, position_of(ahead) + deeper);
                }
                end += 1;
            }
            if end > start + 1 {
                self.sort(&mut keys[start..end], spare, deeper);
            }
            start = end;
        }
    }

    /// Sorts suffixes of a text of at most 64 KiB, which are sorted by six bytes that are in their keys.
    pub(super) fn refine_small(self, keys: &mut [u64], spare: &mut [u64]) {
        if self.limit <= 6 {
            return;
        }
        let mut start = 0;
        while start < keys.len() {
            let key = keys[start] >> 16;
            let mut end = start + 1;
            while end < keys.len() && keys[end] >> 16 == key {
                end += 1;
            }
            if end > start + 1 {
                let group = &mut keys[start..end];
                for key in group.iter_mut() {
                    *key |= 0xffff_0000;
                }
                self.sort(group, spare, 6);
            }
            start = end;
        }
    }

    /// Sorts suffixes that share `depth` bytes. The upper halves of their keys are of no account.
    #[inline(always)]
    pub(super) fn sort(self, keys: &mut [u64], spare: &mut [u64], depth: usize) {
        match keys {
            [_, _] => self.sort_two(keys, depth),
            _ if keys.len() <= FEW => self.sort_some(keys, depth),
            _ => self.sort_group(keys, spare, depth),
        }
    }

    fn sort_group(self, keys: &mut [u64], spare: &mut [u64], mut depth: usize) {
        let words = &mut spare[..keys.len()];
        loop {
            if depth >= self.limit {
                return;
            }
            let mut differing = 0;
            let reference = load(self.text, position_of(keys[0]) + depth);
            for (index, (key, word)) in keys.iter().zip(words.iter_mut()).enumerate() {
                if let Some(&ahead) = keys.get(index + FETCH_AHEAD) {
                    prefetch(self.text, position_of(ahead) + depth);
                }
                *word = load(self.text, position_of(*key) + depth);
                differing |= *word ^ reference;
            }
            if differing == 0 {
                depth += 8;
                continue;
            }
            // The key begins where the texts begin to differ, if four bytes are left.
            let same_bytes = (differing.leading_zeros() / 8).min(4);
            for (key, word) in keys.iter_mut().zip(words) {
                *key = key_of(*word << (8 * same_bytes), position_of(*key));
            }
            depth += same_bytes as usize;
            break;
        }
        sort_keys::<4>(keys, &mut spare[..keys.len()]);
        self.refine(keys, spare, depth);
    }

    /// The same for at most [`FEW`]: seven bytes at a time, beside the index of the key.
    fn sort_some(self, keys: &mut [u64], depth: usize) {
        let len = keys.len();
        let mut positions = [0; FEW];
        let mut words = [0u64; FEW];
        for (index, (key, word)) in keys.iter().zip(&mut words).enumerate() {
            positions[index] = *key;
            *word = load(self.text, position_of(*key) + depth) & !0xff | index as u64;
        }
        sort_few(&mut words, len);
        let mut equals = 0u32;
        for index in 0..len {
            keys[index] = positions[words[index] as usize % FEW];
        }
        for index in 1..len {
            equals |= u32::from((words[index - 1] ^ words[index]) >> 8 == 0) << index;
        }
        if depth + 7 >= self.limit {
            return;
        }
        while equals != 0 {
            let second = equals.trailing_zeros();
            let more = (equals >> second).trailing_ones();
            equals &= !(((1 << more) - 1) << second);
            let group = &mut keys[second as usize - 1..(second + more) as usize];
            match group {
                [_, _] => self.sort_two(group, depth + 7),
                _ => self.sort_some(group, depth + 7),
            }
        }
    }

    /// The same for two.
    #[inline(always)]
    fn sort_two(self, keys: &mut [u64], mut depth: usize) {
        let [one, other] = keys else { return };
        let (first, second) = (position_of(*one), position_of(*other));
        while depth < self.limit {
            let (a, b) = (load(self.text, first + depth), load(self.text, second + depth));
            if a != b {
                let swapped = a > b;
                (*one, *other) = if swapped { (*other, *one) } else { (*one, *other) };
                return;
            }
            depth += 8;
        }
    }
}

/// Sorts by the top `BYTES` bytes, when keys are in the order of the bits below. `spare` has the keys' length.
pub(super) fn sort_keys<const BYTES: usize>(keys: &mut [u64], spare: &mut [u64]) {
    if keys.len() < MIN_RADIX {
        keys.sort_unstable();
    } else if keys.len() <= CACHED {
        if distribute::<BYTES>(keys, spare) {
            keys.copy_from_slice(spare);
        }
    } else {
        sort_many::<BYTES>(keys, spare);
    }
}

/// The same for keys that do not fit the caches.
fn sort_many<const BYTES: usize>(keys: &mut [u64], spare: &mut [u64]) {
    let mut ends = [0u32; 256];
    for key in keys.iter() {
        ends[(key >> 56) as usize] += 1;
    }
    to_starts(&mut ends);
    for &key in keys.iter() {
        let place = &mut ends[(key >> 56) as usize];
        spare[*place as usize] = key;
        *place += 1;
    }
    let mut start = 0;
    for end in ends {
        let end = end as usize;
        let (from, to) = (&mut spare[start..end], &mut keys[start..end]);
        start = end;
        if from.len() < MIN_RADIX {
            to.copy_from_slice(from);
            to.sort_unstable();
        } else if !distribute::<BYTES>(from, to) {
            to.copy_from_slice(from);
        }
    }
}

/// Distributes by the top `BYTES` bytes, to and fro. Says whether the result is in `spare`.
fn distribute<const BYTES: usize>(keys: &mut [u64], spare: &mut [u64]) -> bool {
    let mut counts = [[0u32; 256]; BYTES];
    for key in keys.iter() {
        for (byte, counts) in counts.iter_mut().enumerate() {
            counts[(key >> (56 - 8 * byte)) as usize & 255] += 1;
        }
    }
    let (mut from, mut to) = (keys, spare);
    let len = from.len() as u32;
    let mut is_in_spare = false;
    for (byte, counts) in counts.iter_mut().enumerate().rev() {
        let shift = 56 - 8 * byte;
        let Some(first) = from.first() else { break };
        if counts[(first >> shift) as usize & 255] == len {
            continue; // All are the same here.
        }
        to_starts(counts);
        for &key in from.iter() {
            let place = &mut counts[(key >> shift) as usize & 255];
            to[*place as usize] = key;
            *place += 1;
        }
        core::mem::swap(&mut from, &mut to);
        is_in_spare = !is_in_spare;
    }
    is_in_spare
}

fn to_starts(counts: &mut [u32; 256]) {
    let mut start = 0;
    for count in counts {
        start += core::mem::replace(count, start);
    }
}

/// Sorts the first `len` of the keys.
#[inline(always)]
fn sort_few(keys: &mut [u64; FEW], len: usize) {
    keys[len..].fill(u64::MAX);
    match len {
        0..=4 => sort_network(keys, &NETWORK_4),
        5..=8 => sort_network(keys, &NETWORK_8),
        _ => sort_network(keys, &NETWORK_16),
    }
}

#[inline(always)]
fn sort_network<const COMPARISONS: usize>(keys: &mut [u64; FEW], network: &[(u8, u8); COMPARISONS]) {
    for &(one, other) in network {
        let (a, b) = (keys[one as usize], keys[other as usize]);
        keys[one as usize] = a.min(b);
        keys[other as usize] = a.max(b);
    }
}

const NETWORK_4: [(u8, u8); 5] = [(0, 2), (1, 3), (0, 1), (2, 3), (1, 2)];
#[rustfmt::skip]
const NETWORK_8: [(u8, u8); 19] = [
    (0, 2), (1, 3), (4, 6), (5, 7), (0, 4), (1, 5), (2, 6), (3, 7), (0, 1), (2, 3), (4, 5), (6, 7), (2, 4), (3, 5),
    (1, 4), (3, 6), (1, 2), (3, 4), (5, 6),
];
/// Green's network.
#[rustfmt::skip]
const NETWORK_16: [(u8, u8); 60] = [
    (0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11), (12, 13), (14, 15),
    (0, 2), (1, 3), (4, 6), (5, 7), (8, 10), (9, 11), (12, 14), (13, 15),
    (0, 4), (1, 5), (2, 6), (3, 7), (8, 12), (9, 13), (10, 14), (11, 15),
    (0, 8), (1, 9), (2, 10), (3, 11), (4, 12), (5, 13), (6, 14), (7, 15),
    (5, 10), (6, 9), (3, 12), (13, 14), (4, 8), (7, 11), (1, 2),
    (1, 4), (7, 13), (2, 8), (11, 14),
    (2, 4), (5, 6), (9, 10), (11, 13), (3, 8), (7, 12),
    (6, 8), (10, 12), (3, 5), (7, 9),
    (3, 4), (5, 6), (7, 8), (9, 10), (11, 12),
    (6, 7), (8, 9),
];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn networks_sort_all_zeros_and_ones() {
        // A network that sorts these sorts everything.
        for bits in (0u32..1 << FEW).step_by(if cfg!(miri) { 4001 } else { 1 }) {
            for len in [4, 8, 16] {
                let mut keys = [0; FEW];
                for (index, key) in keys.iter_mut().enumerate() {
                    *key = u64::from(bits >> index & 1);
                }
                sort_few(&mut keys, len);
                assert!(keys[..len].is_sorted(), "{bits:b} of {len}");
            }
        }
    }

    #[test]
    fn all_ways_to_sort_agree() {
        let mut number = 1u64;
        let kinds = [(10, 256), (400, 3), (5000, 1), (5000, 256), (40_000, 2), (100_000, 40)];
        // Under Miri no more than what is sorted by radix.
        for (len, letters) in kinds.into_iter().take(if cfg!(miri) { 2 } else { 6 }) {
            let mut keys: Vec<u64> = Vec::new();
            for position in 0..len {
                let mut key = 0;
                for _ in 0..6 {
                    number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    key = (key << 8) | ((number >> 40) % letters);
                }
                keys.push((key << 16) | (position % (1 << 16)));
            }
            // Below the bytes that are sorted by everything is ascending.
            keys.sort_unstable_by_key(|key| key & 0xffff_ffff);
            let (mut four, mut spare) = (keys.clone(), vec![0; keys.len()]);
            sort_keys::<4>(&mut four, &mut spare);
            keys.sort_unstable();
            assert_eq!(four, keys, "{len} {letters}");
        }
    }
}
