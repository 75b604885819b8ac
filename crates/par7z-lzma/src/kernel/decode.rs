//! The decoder's hot loop: symbol after symbol while there is plenty of input.
//!
//! It does what `take` in `decode/symbol.rs` does, and a test compares the two. What makes it fast, measured on sources
//! and programs:
//!
//! - Everything between two symbols is in local variables. Input is looked at once for a symbol: see [`INPUT_SLACK`].
//! - Bits that say what kind of symbol comes are branches: what follows is foretold by the processor. Bits of literals,
//!   lengths and distances are not foretold well, so they are computed without a branch ([`Range::even_bit`]), and while one
//!   is computed, the probabilities of both bits that may follow are loaded ([`Range::even_tree`]; 6 % faster).
//! - Matches are copied 16 bytes at a time, beyond their end; the target says where that is allowed.
//!
//! What did not help: unchecked indices and raw pointers for input, probabilities and output (0 ± 2 %: the checks are
//! foretold, and most are proved away), loading ahead in the tree of literals with a known byte, a prefetch of a match's
//! bytes before the last bits of its distance. So there is no `unsafe` here. A quarter of the time on programs is
//! waiting for the first bytes of far matches.

use crate::decode::DecodeError;
use crate::decode::coder::{Coder, LengthProbs, LiteralProbs, Probabilities, RANGE_MIN, SYMBOL_BYTES_MAX};
use crate::decode::target::Target;
use crate::model::{
    ALIGN_BITS, END_DISTANCE, FIRST_ALIGNED_SLOT, HIGH_LENGTHS, LOW_LENGTHS, MIN_MATCH, MOVE_BITS, PROB_BITS, Prob,
    SLOTS, length_class,
};
use core::hint::select_unpredictable;

/// Input that must be there for a symbol, so that no byte of it is missing.
const INPUT_SLACK: usize = SYMBOL_BYTES_MAX;
/// Bytes that are copied at a time.
const WIDE: usize = 16;

/// How the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Bytes of input that were used.
    pub(crate) used: usize,
    pub(crate) end_marker: bool,
}

/// The range coder over the input.
struct Range<'a> {
    range: u32,
    code: u32,
    input: &'a [u8],
    used: usize,
}

impl Range<'_> {
    #[inline(always)]
    fn normalize(&mut self) {
        if self.range < RANGE_MIN {
            self.range <<= 8;
            self.code = self.code << 8 | u32::from(self.input[self.used]);
            self.used += 1;
        }
    }

    /// A bit that decides what comes next.
    #[inline(always)]
    fn bit(&mut self, prob: &mut Prob) -> bool {
        let old = u32::from(*prob);
        self.normalize();
        let bound = (self.range >> PROB_BITS) * old;
        if self.code < bound {
            self.range = bound;
            *prob = (old + (((1 << PROB_BITS) - old) >> MOVE_BITS)) as Prob;
            false
        } else {
            self.range -= bound;
            self.code -= bound;
            *prob = (old - (old >> MOVE_BITS)) as Prob;
            true
        }
    }

    /// A bit without a branch, and the probability after it.
    #[inline(always)]
    fn even_bit_of(&mut self, old: Prob) -> (bool, Prob) {
        let old = i32::from(old);
        self.normalize();
        let bound = (self.range >> PROB_BITS) * old as u32;
        let (rest, is_0) = self.code.overflowing_sub(bound);
        self.range = select_unpredictable(is_0, bound, self.range - bound);
        self.code = select_unpredictable(is_0, self.code, rest);
        // `old + ((2048 - old) >> 5)` or `old - (old >> 5)`.
        let offset = select_unpredictable(is_0, (1 << MOVE_BITS) - 1 - (1 << PROB_BITS), 0);
        (!is_0, (old - ((old + offset) >> MOVE_BITS)) as Prob)
    }

    /// A bit without a branch.
    #[inline(always)]
    fn even_bit(&mut self, prob: &mut Prob) -> usize {
        let (bit, new) = self.even_bit_of(*prob);
        *prob = new;
        usize::from(bit)
    }

    /// `BITS` bits, the high one first, behind a one. `probs` are at least 2 to the power of that.
    #[inline(always)]
    fn even_tree<const BITS: u32, const N: usize>(&mut self, probs: &mut [Prob; N]) -> usize {
        let mut node = 1;
        let mut prob = probs[1];
        for _ in 1..BITS {
            let behind_0 = probs[node << 1];
            let behind_1 = probs[node << 1 | 1];
            let (bit, new) = self.even_bit_of(prob);
            probs[node] = new;
            node = node << 1 | usize::from(bit);
            prob = select_unpredictable(bit, behind_1, behind_0);
        }
        let (bit, new) = self.even_bit_of(prob);
        probs[node] = new;
        node << 1 | usize::from(bit)
    }

    /// `count` bits, the low one first.
    #[inline(always)]
    fn even_reverse_tree(&mut self, probs: &mut [Prob], count: u32) -> u32 {
        let (mut node, mut value) = (1, 0);
        for at in 0..count {
            let bit = self.even_bit(&mut probs[node]);
            node = node << 1 | bit;
            value |= (bit as u32) << at;
        }
        value
    }

    /// `count` bits of one half each.
    #[inline(always)]
    fn direct(&mut self, count: u32) -> u32 {
        let mut value = 0;
        for _ in 0..count {
            self.normalize();
            self.range >>= 1;
            let (rest, is_0) = self.code.overflowing_sub(self.range);
            self.code = select_unpredictable(is_0, self.code, rest);
            value = value << 1 | u32::from(!is_0);
        }
        value
    }

    #[inline(always)]
    fn length(&mut self, probs: &mut LengthProbs, pos_state: usize) -> u32 {
        let above = if !self.bit(&mut probs.above_low) {
            self.even_tree::<3, LOW_LENGTHS>(&mut probs.low[pos_state]) - LOW_LENGTHS
        } else if !self.bit(&mut probs.above_mid) {
            self.even_tree::<3, LOW_LENGTHS>(&mut probs.mid[pos_state])
        } else {
            self.even_tree::<8, HIGH_LENGTHS>(&mut probs.high) - HIGH_LENGTHS + 2 * LOW_LENGTHS
        };
        (above + MIN_MATCH) as u32
    }

    /// A distance, from 0, of a match of this length.
    #[inline(always)]
    fn distance(&mut self, probs: &mut Probabilities, length: u32) -> u32 {
        let tree = &mut probs.slot[length_class(length as usize)];
        let slot = (self.even_tree::<6, SLOTS>(tree) - SLOTS) as u32;
        if slot < 4 {
            return slot;
        }
        let low_bits = (slot >> 1) - 1;
        let base = (2 | slot & 1) << low_bits;
        if slot < FIRST_ALIGNED_SLOT as u32 {
            return base + self.even_reverse_tree(&mut probs.special[(base - slot) as usize..], low_bits);
        }
        let middle = self.direct(low_bits - ALIGN_BITS) << ALIGN_BITS;
        base.wrapping_add(middle).wrapping_add(self.even_reverse_tree(&mut probs.align, ALIGN_BITS))
    }

    #[inline(always)]
    fn literal_beside(&mut self, probs: &mut LiteralProbs, known: u8) -> u8 {
        let mut known = usize::from(known);
        let (mut node, mut agreed) = (1, 0x100);
        for _ in 0..8 {
            known <<= 1;
            let expected = known & agreed;
            let bit = self.even_bit(&mut probs[agreed + expected + node]);
            node = node << 1 | bit;
            // 0 from the first bit on that is another one.
            agreed &= !(expected ^ 0usize.wrapping_sub(bit));
        }
        node as u8
    }
}

/// Decodes until the target is full or fewer than [`INPUT_SLACK`] bytes of input are left, or to the end marker.
pub(crate) fn run(coder: &mut Coder, target: &mut Target<'_>, input: &[u8]) -> Result<Run, DecodeError> {
    let mut local = Target { buffer: &mut *target.buffer, ..*target };
    let result = run_local(coder, &mut local, input);
    target.position = local.position;
    result
}

#[inline(always)]
fn run_local(coder: &mut Coder, target: &mut Target<'_>, input: &[u8]) -> Result<Run, DecodeError> {
    let mut range = Range { range: coder.range, code: coder.code, input, used: 0 };
    let [mut rep0, mut rep1, mut rep2, mut rep3] = coder.reps;
    let mut state = coder.state;
    let mut before = target.byte_back(0);
    let (lc, lp_mask) = (coder.properties.lc, (1usize << coder.properties.lp) - 1);
    let pb_mask = (1usize << coder.properties.pb) - 1;
    let probs = &mut *coder.probs;
    let literals = &mut coder.literals[..];

    let mut end_marker = false;
    let mut outcome = Ok(coder.pending);
    while target.position < target.limit && range.used + INPUT_SLACK <= input.len() {
        let pos_state = target.position & pb_mask;
        let at = state.index();
        if !range.bit(&mut probs.is_match[at][pos_state]) {
            let context = ((target.position & lp_mask) << lc) + (usize::from(before) >> (8 - lc));
            let tree = &mut literals[context];
            before = if state.is_after_literal() {
                range.even_tree::<8, _>(tree) as u8
            } else {
                range.literal_beside(tree, target.byte_back(rep0))
            };
            state = state.literal();
            target.push(before);
            continue;
        }
        let length;
        if range.bit(&mut probs.is_rep[at]) {
            if !range.bit(&mut probs.is_rep_above_0[at]) {
                if !range.bit(&mut probs.is_rep_0_long[at][pos_state]) {
                    state = state.short_repeated();
                    if rep0 as usize >= target.reach() {
                        outcome = Err(DecodeError::Distance);
                        break;
                    }
                    before = target.byte_back(rep0);
                    target.push(before);
                    continue;
                }
            } else if !range.bit(&mut probs.is_rep_above_1[at]) {
                (rep0, rep1) = (rep1, rep0);
            } else if !range.bit(&mut probs.is_rep_above_2[at]) {
                (rep0, rep1, rep2) = (rep2, rep0, rep1);
            } else {
                (rep0, rep1, rep2, rep3) = (rep3, rep0, rep1, rep2);
            }
            state = state.repeated();
            length = range.length(&mut probs.rep_length, pos_state);
        } else {
            (rep1, rep2, rep3) = (rep0, rep1, rep2);
            state = state.matched();
            length = range.length(&mut probs.match_length, pos_state);
            rep0 = range.distance(probs, length);
            if rep0 == END_DISTANCE {
                end_marker = true;
                break;
            }
        }
        if rep0 as usize >= target.reach() {
            outcome = Err(DecodeError::Distance);
            break;
        }
        let left = copy(target, rep0, length);
        if left > 0 {
            outcome = Ok(left);
            break;
        }
        before = target.buffer[target.position - 1];
    }
    coder.range = range.range;
    coder.code = range.code;
    coder.state = state;
    coder.reps = [rep0, rep1, rep2, rep3];
    coder.pending = outcome?;
    Ok(Run { used: range.used, end_marker })
}

/// [`Target::copy_back`], fast where it can be.
#[inline(always)]
fn copy(target: &mut Target<'_>, distance: u32, length: u32) -> u32 {
    let back = distance as usize + 1;
    let begin = target.position;
    let end = begin + length as usize;
    if back < WIDE || back > begin || end > target.limit || end + WIDE > target.buffer.len() {
        return target.copy_back(distance, length);
    }
    let mut at = begin;
    loop {
        target.buffer.copy_within(at - back..at - back + WIDE, at);
        at += WIDE;
        if at >= end {
            break;
        }
    }
    target.position = end;
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Properties;
    use crate::decode::window::Window;

    /// What `run` does, symbol by symbol.
    fn plainly(coder: &mut Coder, target: &mut Target<'_>, input: &[u8]) -> Result<Run, DecodeError> {
        let mut run = Run { used: 0, end_marker: false };
        while target.room() > 0 && run.used + INPUT_SLACK <= input.len() && coder.pending == 0 && !run.end_marker {
            let taken = coder.take(target, &input[run.used..])?.expect("there is enough");
            run = Run { used: run.used + taken.used, end_marker: taken.end_marker };
        }
        Ok(run)
    }

    /// The range coder takes any bytes for symbols, until a distance is too long.
    #[test]
    fn the_loop_does_what_is_done_symbol_by_symbol() {
        let mut seed = 1u64;
        let mut number = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let (mut bytes, mut runs) = (0, 0);
        // Miri is slow: less of everything, but still more history than dictionary.
        let (rounds, most_dictionary, most_history, input_bytes) =
            if cfg!(miri) { (8, 300, 400, 200) } else { (2000, 70_000, 100_000, 1000) };
        for round in 0..rounds {
            let lc = number(5) as u32;
            let properties = Properties { lc, lp: number(5 - u64::from(lc)) as u32, pb: number(5) as u32 };
            let dictionary_bytes = number(most_dictionary) as usize + 1;
            let history: Vec<u8> = (0..number(most_history)).map(|at| ((at * 0x9E37_79B9) >> 16) as u8).collect();
            // Few literals, or few matches, or anything.
            let bias = [0, 0x7F, 0xFF][number(3) as usize];
            let input: Vec<u8> = (0..input_bytes).map(|_| (number(256) & (number(256) | !bias)) as u8).collect();
            let mut sides = [(); 2].map(|()| {
                let mut coder = Coder::new();
                coder.set_properties(properties).expect("memory");
                coder.start([0, input[0] >> 1, input[1], input[2], input[3]]).expect("a zero first");
                let mut window = Window::new(dictionary_bytes);
                let mut rest = &history[..];
                while !rest.is_empty() {
                    let mut target = window.target(rest.len()).expect("memory");
                    rest = &rest[target.extend(rest)..];
                    let position = target.position;
                    window.advance_to(position);
                }
                (coder, window)
            });
            let mut used = 4;
            loop {
                let wanted = number(400) as usize + 1;
                let mut results = [Ok(Run { used: 0, end_marker: false }); 2];
                for (index, (coder, window)) in sides.iter_mut().enumerate() {
                    let mut target = window.target(wanted).expect("memory");
                    coder.pending = target.copy_back(coder.reps[0], coder.pending);
                    let decode = if index == 0 { run } else { plainly };
                    results[index] = decode(coder, &mut target, &input[used..]);
                    let position = target.position;
                    window.advance_to(position);
                }
                let [(fast, fast_window), (plain, plain_window)] = &sides;
                assert_eq!(results[0], results[1], "round {round}");
                let position = fast_window.position();
                assert_eq!(position, plain_window.position());
                assert_eq!(
                    fast_window.since(position.saturating_sub(wanted)),
                    plain_window.since(position.saturating_sub(wanted))
                );
                let Ok(run) = results[0] else {
                    // A distance. Both go on behind it.
                    used += number(16) as usize;
                    let [a, b, c, d] = *input[used..].first_chunk().expect("the loop leaves more");
                    for (coder, _) in &mut sides {
                        coder.start([0, a >> 1, b, c, d]).expect("a zero first");
                        coder.reps = [0; 4];
                    }
                    if used + INPUT_SLACK > input.len() { break } else { continue }
                };
                assert_eq!(
                    (fast.range, fast.code, fast.state, fast.reps, fast.pending),
                    (plain.range, plain.code, plain.state, plain.reps, plain.pending)
                );
                used += run.used;
                runs += 1;
                bytes += run.used;
                if run.end_marker || (used + INPUT_SLACK > input.len() && fast.pending == 0) {
                    break;
                }
            }
        }
        assert!(
            cfg!(miri) || (runs > 10_000 && bytes > 200_000),
            "{runs} runs of {bytes} bytes are too few to see anything"
        );
    }
}
