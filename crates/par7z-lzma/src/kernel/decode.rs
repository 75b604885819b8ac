//! The decoder's hot loop.

use crate::decode::DecodeError;
use crate::decode::coder::{Coder, LengthProbs, RANGE_MIN};
use crate::decode::target::Target;
use crate::model::{
    ALIGN_BITS, END_DISTANCE, FIRST_ALIGNED_SLOT, MIN_MATCH, MOVE_BITS, PROB_BITS, Prob, State, length_class,
};
use core::hint::select_unpredictable;

/// Input that must be left for a symbol.
pub(crate) const INPUT_SLACK: usize = crate::decode::coder::SYMBOL_BYTES_MAX;

/// How the loop ended.
pub(crate) struct Run {
    pub(crate) used: usize,
    pub(crate) end_marker: bool,
}

macro_rules! normalize {
    ($r:ident) => {
        if $r.range < RANGE_MIN {
            $r.range <<= 8;
            $r.code = $r.code << 8 | u32::from($r.input[$r.used]);
            $r.used += 1;
        }
    };
}

struct Range<'a> {
    range: u32,
    code: u32,
    input: &'a [u8],
    used: usize,
}

impl Range<'_> {
    #[inline(always)]
    fn bit(&mut self, prob: &mut Prob) -> bool {
        let p = u32::from(*prob);
        normalize!(self);
        let bound = (self.range >> PROB_BITS) * p;
        if self.code < bound {
            self.range = bound;
            *prob = (p + (((1 << PROB_BITS) - p) >> MOVE_BITS)) as Prob;
            false
        } else {
            self.range -= bound;
            self.code -= bound;
            *prob = (p - (p >> MOVE_BITS)) as Prob;
            true
        }
    }

    /// Without a branch: for bits that cannot be foretold.
    #[inline(always)]
    fn even_bit(&mut self, prob: &mut Prob) -> u32 {
        let p = u32::from(*prob);
        normalize!(self);
        let bound = (self.range >> PROB_BITS) * p;
        let (rest, zero) = self.code.overflowing_sub(bound);
        self.range = select_unpredictable(zero, bound, self.range - bound);
        self.code = select_unpredictable(zero, self.code, rest);
        let offset = select_unpredictable(zero, (1 << MOVE_BITS) - 1 - (1 << PROB_BITS), 0i32);
        *prob = (p as i32 - ((p as i32 + offset) >> MOVE_BITS)) as Prob;
        u32::from(!zero)
    }

    #[inline(always)]
    fn tree<const N: usize>(&mut self, probs: &mut [Prob; N]) -> u32 {
        let mut node = 1usize;
        for _ in 0..N.trailing_zeros() {
            node = node << 1 | self.even_bit(&mut probs[node & (N - 1)]) as usize;
        }
        node as u32 - N as u32
    }

    #[inline(always)]
    fn length(&mut self, probs: &mut LengthProbs, pos_state: usize) -> u32 {
        MIN_MATCH as u32
            + if !self.bit(&mut probs.above_low) {
                self.tree(&mut probs.low[pos_state & 15])
            } else if !self.bit(&mut probs.above_mid) {
                8 + self.tree(&mut probs.mid[pos_state & 15])
            } else {
                16 + self.tree(&mut probs.high)
            }
    }
}

/// Decodes until the target is full or the input nearly so.
pub(crate) fn run(coder: &mut Coder, target: &mut Target<'_>, input: &[u8]) -> Result<Run, DecodeError> {
    let mut r = Range { range: coder.range, code: coder.code, input, used: 0 };
    let [mut rep0, mut rep1, mut rep2, mut rep3] = coder.reps;
    let mut state = coder.state;
    let mut end_marker = false;
    let mut failed = false;
    let (lc, lp_mask) = (coder.properties.lc, (1usize << coder.properties.lp) - 1);
    let pb_mask = (1usize << coder.properties.pb) - 1;
    let probs = &mut *coder.probs;
    let literals = &mut coder.literals[..];
    let mut before = target.byte_back(0);
    while target.position < target.limit && r.used + INPUT_SLACK <= r.input.len() {
        let pos_state = target.position & pb_mask;
        let at = state.index();
        if !r.bit(&mut probs.is_match[at][pos_state]) {
            let context = ((target.position & lp_mask) << lc) + (usize::from(before) >> (8 - lc));
            let lit = &mut literals[context];
            let mut node = 1usize;
            if state.is_after_literal() {
                state = State(state.0.saturating_sub(3));
                for _ in 0..8 {
                    node = node << 1 | r.even_bit(&mut lit[node]) as usize;
                }
            } else {
                state = State(state.0 - if state.0 < 10 { 3 } else { 6 });
                let mut known = usize::from(target.byte_back(rep0));
                let mut offset = 0x100;
                for _ in 0..8 {
                    known <<= 1;
                    let expected = known & offset;
                    let bit = r.even_bit(&mut lit[offset + expected + node]);
                    node = node << 1 | bit as usize;
                    offset &= !(expected ^ (0usize.wrapping_sub(bit as usize)));
                }
            }
            before = node as u8;
            target.push(before);
            continue;
        }
        let length;
        if r.bit(&mut probs.is_rep[at]) {
            if !r.bit(&mut probs.is_rep_above_0[at]) {
                if !r.bit(&mut probs.is_rep_0_long[at][pos_state]) {
                    state = state.short_repeated();
                    if rep0 as usize >= target.reach() {
                        failed = true;
                        break;
                    }
                    before = target.byte_back(rep0);
                    target.push(before);
                    continue;
                }
            } else {
                let distance;
                if !r.bit(&mut probs.is_rep_above_1[at]) {
                    distance = rep1;
                } else {
                    if !r.bit(&mut probs.is_rep_above_2[at]) {
                        distance = rep2;
                    } else {
                        distance = rep3;
                        rep3 = rep2;
                    }
                    rep2 = rep1;
                }
                rep1 = rep0;
                rep0 = distance;
            }
            state = state.repeated();
            length = r.length(&mut probs.rep_length, pos_state);
        } else {
            (rep3, rep2, rep1) = (rep2, rep1, rep0);
            state = state.matched();
            length = r.length(&mut probs.match_length, pos_state);
            let slot = r.tree(&mut probs.slot[length_class(length as usize)]);
            rep0 = slot;
            if slot >= 4 {
                let low_bits = (slot >> 1) - 1;
                let base = (2 | slot & 1) << low_bits;
                if slot < FIRST_ALIGNED_SLOT as u32 {
                    let tree = (base - slot) as usize;
                    let mut node = 1;
                    let mut value = 0;
                    for at in 0..low_bits {
                        let bit = r.even_bit(&mut probs.special[tree + node]);
                        node = node << 1 | bit as usize;
                        value |= bit << at;
                    }
                    rep0 = base + value;
                } else {
                    let mut value = 0u32;
                    for _ in 0..low_bits - ALIGN_BITS {
                        normalize!(r);
                        r.range >>= 1;
                        let (rest, zero) = r.code.overflowing_sub(r.range);
                        r.code = select_unpredictable(zero, r.code, rest);
                        value = value << 1 | u32::from(!zero);
                    }
                    let mut node = 1;
                    value <<= ALIGN_BITS;
                    for at in 0..ALIGN_BITS {
                        let bit = r.even_bit(&mut probs.align[node & 15]);
                        node = node << 1 | bit as usize;
                        value |= bit << at;
                    }
                    rep0 = base.wrapping_add(value);
                    if rep0 == END_DISTANCE {
                        end_marker = true;
                        break;
                    }
                }
            }
        }
        if rep0 as usize >= target.reach() {
            failed = true;
            break;
        }
        let left = copy(target, rep0, length);
        if left > 0 {
            coder.pending = left;
            break;
        }
        before = target.buffer[target.position - 1];
    }
    coder.range = r.range;
    coder.code = r.code;
    coder.state = state;
    coder.reps = [rep0, rep1, rep2, rep3];
    if failed { Err(DecodeError::Distance) } else { Ok(Run { used: r.used, end_marker }) }
}

#[inline(always)]
fn copy(target: &mut Target<'_>, distance: u32, length: u32) -> u32 {
    let back = distance as usize + 1;
    let to = target.position;
    let end = to + length as usize;
    if back >= 16 && back <= to && end <= target.limit && end + 16 <= target.buffer.len() {
        let mut at = to;
        loop {
            let piece: [u8; 16] = *target.buffer[at - back..].first_chunk().unwrap();
            *target.buffer[at..].first_chunk_mut().unwrap() = piece;
            at += 16;
            if at >= end {
                break;
            }
        }
        target.position = end;
        return 0;
    }
    target.copy_back(distance, length)
}
