//! Stretches of a text that repeat themselves every few bytes: zeros, tables, patterns.
//!
//! **What it is.** Where the text is the same as `period` bytes further on, for long enough, a suffix is the same as the one
//! `period` further on as far as anyone looks. Such suffixes need no sorting: they hang where the other hangs.
//!
//! **Why it wins.** These suffixes are the dearest to sort: they are told apart only at the greatest depth. A look at every
//! 64th place finds the stretches for a fraction of a nanosecond a byte.
//!
//! Flat stretches (see [`super::super::flat`]) are left out in the same way. They share nothing with anything, and hang nowhere.
//!
//! **Invariant.** A position in a stretch that is not flat shares `limit` bytes with two later positions, `period` and `2 * period` behind it.
//! So of all suffixes that are the same, at least two are in no stretch, and make the node at which all hang.

use super::super::extend;
use super::super::flat::FlatStretches;
use alloc::vec::Vec;

/// Positions from `start` to before `end` are each the same as the one `period` behind; or flat, with period 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) period: u32,
}

impl Stretch {
    pub(super) fn is_flat(self) -> bool {
        self.period == 0
    }

    /// The first position behind that is the same as the stretch's first; none in a flat one.
    pub(super) fn same_as_start(self) -> Option<u32> {
        let rest = (self.end - self.start).checked_rem(self.period)?;
        Some(if rest == 0 { self.end } else { self.end + self.period - rest })
    }
}

const MAX_PERIOD: usize = 16;
/// Places that are looked at are so far apart.
const STEP: usize = 64;
/// Stretches below this are not worth it.
const MIN_POSITIONS: usize = 1024;

/// Finds the stretches of a text, from left to right.
pub(super) fn find_stretches(text: &[u8], limit: usize, stretches: &mut Vec<Stretch>) {
    stretches.clear();
    let mut at = 0;
    // The next stretch begins here or behind: the last one's `2 * period` positions are not in it.
    let mut free = 0;
    while at + MAX_PERIOD + 8 <= text.len() {
        let Some(period) = period_at(text, at) else {
            at += STEP;
            continue;
        };
        let mut start = at;
        while start > free && text[start - 1] == text[start - 1 + period] {
            start -= 1;
        }
        let equal_end = at + extend(text, at + period, at, 0, text.len() - at - period);
        let end = (equal_end + 1).saturating_sub(limit + period);
        if end >= start + MIN_POSITIONS {
            stretches.push(Stretch { start: start as u32, end: end as u32, period: period as u32 });
            free = end + 2 * MAX_PERIOD;
        }
        at = equal_end.max(at + STEP);
    }
}

/// How many bytes of a text are in stretches.
pub(crate) fn repeated_bytes(text: &[u8], limit: usize) -> usize {
    let mut stretches = Vec::new();
    find_stretches(text, limit, &mut stretches);
    stretches.iter().map(|stretch| (stretch.end - stretch.start) as usize).sum()
}

/// Adds the flat stretches of a text of `len` bytes, but for those that a repetition is in or near.
pub(super) fn add_flat(stretches: &mut Vec<Stretch>, flat: &FlatStretches, len: usize) {
    /// What a repetition needs to be in no stretch lies so near.
    const MARGIN: usize = 2 * MAX_PERIOD + 1;
    let repeated = stretches.len();
    let mut position = 0;
    // The last suffix is always there: the order of others begins with it.
    while let Some(range) = flat.next(position, len - 1) {
        position = range.end;
        let is_near = |stretch: &Stretch| {
            (stretch.start as usize) < range.end + MARGIN && range.start < stretch.end as usize + MARGIN
        };
        if !stretches[..repeated].iter().any(is_near) {
            stretches.push(Stretch { start: range.start as u32, end: range.end as u32, period: 0 });
        }
    }
    stretches.sort_unstable_by_key(|stretch| stretch.start);
}

/// After how many bytes eight bytes come again.
#[inline(always)]
fn period_at(text: &[u8], at: usize) -> Option<usize> {
    let bytes: &[u8; MAX_PERIOD + 8] = text[at..at + MAX_PERIOD + 8].try_into().expect("so many bytes");
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    let first = word(0);
    let mut repeats = 0u32;
    for period in 1..=MAX_PERIOD {
        repeats |= u32::from(word(period) == first) << period;
    }
    (repeats != 0).then(|| repeats.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "stretches are long")]
    fn positions_of_stretches_repeat_twice() {
        let limit = 20;
        for period in 1..=17 {
            let noise = |n: usize| (n * n % 251) as u8;
            let mut text: Vec<u8> = (0..3000).map(noise).collect();
            text.extend((0..4000).map(|n| noise(n % period)));
            text.extend((0..100).map(noise));
            text.extend([7; 1080]);
            let mut stretches = Vec::new();
            find_stretches(&text, limit, &mut stretches);
            let positions: usize = stretches.iter().map(|stretch| (stretch.end - stretch.start) as usize).sum();
            assert!(positions >= if period <= MAX_PERIOD { 4900 } else { 1000 }, "{period}: {stretches:?}");
            assert!(stretches.windows(2).all(|pair| pair[0].end <= pair[1].start));
            for stretch in stretches {
                for position in stretch.start as usize..stretch.end as usize {
                    let period = stretch.period as usize;
                    assert_eq!(text[position..position + limit], text[position + period..position + period + limit]);
                    assert_eq!(
                        text[position..position + limit],
                        text[position + 2 * period..position + 2 * period + limit]
                    );
                }
            }
        }
    }
}
