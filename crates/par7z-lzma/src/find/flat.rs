//! Stretches of a text that nothing here can shrink (photos, films, archives, ciphertext): they are stored, and not searched.
//!
//! A stretch of 64 KiB is *flat* if its bytes are as good as equally frequent, also when the top bits of the byte before
//! are known (that is what a literal's probabilities are chosen by), and if no part of it repeats anything. Frequencies are
//! compared by chi-square, which for small deviations is the bits that a perfect coder would save. Repeats are looked for at
//! about every 256th place, chosen by the content itself so that copies choose the same places: 8 bytes there are compared
//! with the last ones that had the same hash.
//!
//! Why this and not a try: parsing costs a hundred times as much as counting. A stretch that is called flat by mistake costs
//! less than half a percent of its size.
//!
//! Invariant: both ends of a repeat are not flat, so what can be referred to is in the match finder.

use alloc::vec::Vec;
use core::ops::Range;

/// Bytes of a stretch. The rest at a text's end is never flat.
pub(crate) const STRETCH_BYTES: usize = 1 << 16;

/// Bits saved in a stretch below which it is not worth coding: 0.2 % of it, and 0.3 % with contexts, which must be learned first.
const WORTH_BITS: u64 = STRETCH_BYTES as u64 * 8 * 2 / 1000;
const WORTH_BITS_IN_CONTEXT: u64 = STRETCH_BYTES as u64 * 8 * 3 / 1000;
/// Contexts: the top three bits of the byte before, as with lc = 3.
const CONTEXT_BITS: u32 = 3;
const CONTEXTS: usize = 1 << CONTEXT_BITS;

/// One place in 2^8 is compared.
const PLACE_BITS: u32 = 8;
/// Odd and without a pattern (the golden ratio of 2^64): multiplying by it mixes all bytes into the top bits.
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// The flat stretches of a text.
#[derive(Debug, Default)]
pub(crate) struct FlatStretches {
    /// By stretch. Empty if none is flat, the usual case.
    is_flat: Vec<bool>,
}

impl FlatStretches {
    pub(crate) fn find(text: &[u8]) -> Self {
        let stretches = text.chunks_exact(STRETCH_BYTES);
        let mut is_flat = Vec::new();
        for (index, stretch) in stretches.enumerate() {
            if has_flat_frequencies(stretch) {
                is_flat.resize(text.len() / STRETCH_BYTES, false);
                is_flat[index] = true;
            }
        }
        if !is_flat.is_empty() {
            unmark_repeats(text, &mut is_flat);
        }
        if !is_flat.contains(&true) {
            is_flat.clear();
        }
        Self { is_flat }
    }

    /// Those of the text from `start` on, which is a multiple of a stretch.
    pub(crate) fn from(&self, start: usize) -> Self {
        Self { is_flat: self.is_flat.get(start / STRETCH_BYTES..).unwrap_or_default().to_vec() }
    }

    /// The next flat part at or behind `position` that begins before `end`, as far as it is between them.
    pub(crate) fn next(&self, position: usize, end: usize) -> Option<Range<usize>> {
        let first = position / STRETCH_BYTES;
        let start = first + self.is_flat.get(first..)?.iter().position(|&flat| flat)?;
        let count = self.is_flat[start..].iter().take_while(|&&flat| flat).count();
        let range = (start * STRETCH_BYTES).max(position)..((start + count) * STRETCH_BYTES).min(end);
        (range.start < end).then_some(range)
    }
}

fn has_flat_frequencies(stretch: &[u8]) -> bool {
    // Nearly all there is, is told by a part of it.
    if !is_flat_sample(&stretch[..STRETCH_BYTES / 16]) {
        return false;
    }
    let mut counts = [[0u32; 256]; CONTEXTS];
    let mut before = 0u8;
    for &byte in stretch {
        counts[usize::from(before >> (8 - CONTEXT_BITS))][usize::from(byte)] += 1;
        before = byte;
    }
    let total = core::array::from_fn(|byte| counts.iter().map(|context| context[byte]).sum());
    let in_context: u64 = counts.iter().map(saved_bits).sum();
    saved_bits(&total) < WORTH_BITS && in_context < WORTH_BITS_IN_CONTEXT
}

/// Whether the 32 most frequent bytes make up less than a fifth; if all are equally frequent, they are an eighth.
fn is_flat_sample(sample: &[u8]) -> bool {
    let mut counts = [0u32; 256];
    for &byte in sample {
        counts[usize::from(byte)] += 1;
    }
    counts.select_nth_unstable_by(31, |a, b| b.cmp(a));
    counts[..32].iter().sum::<u32>() as usize <= sample.len() / 5
}

/// Bits that a code of these frequencies saves against eight bits for each byte; what chance alone makes is taken off.
fn saved_bits(counts: &[u32; 256]) -> u64 {
    let total: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    if total == 0 {
        return 0;
    }
    // The sum of (count - mean)^2 / mean, where mean = total / 256.
    let squares: u64 = counts.iter().map(|&count| (256 * u64::from(count)).abs_diff(total).pow(2)).sum();
    let chi_square = squares / (256 * total);
    // Half of it by ln 2, and ln 2 is 9/13 or so.
    chi_square.saturating_sub(255) * 13 / 18
}

/// What repeats, and what is repeated, is not flat.
fn unmark_repeats(text: &[u8], is_flat: &mut [bool]) {
    let table_bits = (text.len() >> PLACE_BITS).next_power_of_two().trailing_zeros().clamp(8, 18);
    let mut seen = alloc::vec![(0u64, 0u32); 1 << table_bits];
    let mut window = 0u64;
    for (position, &byte) in text.iter().enumerate() {
        window = window << 8 | u64::from(byte);
        let mixed = window.wrapping_mul(MIX);
        if mixed >> (64 - PLACE_BITS) != 0 {
            continue;
        }
        let place = &mut seen[(mixed >> (64 - PLACE_BITS - table_bits)) as usize];
        let stretch = (position / STRETCH_BYTES) as u32;
        if place.0 == window {
            for stretch in [place.1, stretch] {
                if let Some(flat) = is_flat.get_mut(stretch as usize) {
                    *flat = false;
                }
            }
        }
        *place = (window, stretch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize, mut state: u64) -> Vec<u8> {
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        core::iter::repeat_with(next).take(len).collect()
    }

    /// Begin and end of each flat part.
    fn flat(text: &[u8]) -> Vec<(usize, usize)> {
        let flat = FlatStretches::find(text);
        let mut ranges = Vec::new();
        let mut position = 0;
        while let Some(range) = flat.next(position, text.len()) {
            position = range.end;
            ranges.push((range.start, range.end));
        }
        ranges
    }

    #[test]
    #[cfg_attr(miri, ignore = "stretches are long")]
    fn noise_between_texts_is_flat() {
        let words = b"all work and no play ".repeat(10_000);
        let text = [&words[..3 << 16], &noise(5 << 16, 1), &words[..2 << 16]].concat();
        assert_eq!(flat(&text), [(3 << 16, 8 << 16)]);
        assert_eq!(flat(&noise(3 * STRETCH_BYTES + 100, 2)), [(0, 3 << 16)], "the rest is too short to tell");
    }

    #[test]
    #[cfg_attr(miri, ignore = "stretches are long")]
    fn what_shrinks_is_not_flat() {
        assert!(flat(&[0; 1 << 20]).is_empty());
        // Each byte has 7.95 bits.
        let skewed: Vec<u8> = noise(1 << 20, 1).into_iter().map(|byte| byte.saturating_sub(6)).collect();
        assert!(flat(&skewed).is_empty());
        // All bytes are equally frequent, but each is near the one before.
        let walk: Vec<u8> = noise(1 << 20, 1)
            .iter()
            .scan(0u8, |at, step| {
                *at = at.wrapping_add(step / 3);
                Some(*at)
            })
            .collect();
        assert!(flat(&walk).is_empty());
    }

    #[test]
    #[cfg_attr(miri, ignore = "stretches are long")]
    fn repeated_noise_is_not_flat_at_either_end() {
        let once = noise(4 << 16, 3);
        let text = [&once[..], &noise(4 << 16, 4), &once[77..]].concat();
        assert_eq!(flat(&text), [(4 << 16, 8 << 16)]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "stretches are long")]
    fn a_part_that_begins_inside_is_cut() {
        let flat = FlatStretches::find(&noise(4 << 16, 5));
        assert_eq!(flat.next(100, 1 << 20), Some(100..4 << 16));
        assert_eq!(flat.next(100, 5000), Some(100..5000));
        assert_eq!(flat.next(4 << 16, 1 << 20), None);
        assert_eq!(FlatStretches::default().next(0, 100), None);
    }
}
