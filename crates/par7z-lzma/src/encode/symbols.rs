//! Symbols to bits: literals, matches and repeated matches, with the state that follows.

use super::price::slot_of;
use super::probs::{LengthProbs, Probs};
use super::range::RangeEncoder;
use crate::Properties;
use crate::model::{
    ALIGN_BITS, END_DISTANCE, FIRST_ALIGNED_SLOT, LITERAL_PROBS, LOW_LENGTHS, MIN_MATCH, Prob, State, length_class,
};

/// A step of the parse: what is coded, and how many bytes it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) length: u32,
    pub(crate) from: From,
}

/// Where a step's bytes come from. Distances count from 0: the byte before is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Literal,
    /// One of the last four distances; index 0 with length 1 is the short form.
    Rep(u8),
    Match(u32),
}

/// The coder of a stream's symbols.
pub(crate) struct SymbolEncoder {
    pub(crate) range: RangeEncoder,
    pub(crate) probs: Probs,
    pub(crate) state: State,
    /// The last four distances, from 0.
    pub(crate) reps: [u32; 4],
    pos_mask: usize,
}

/// What must be put back when a chunk is stored after all.
#[derive(Clone)]
pub(crate) struct Saved {
    probs: Probs,
    state: State,
    reps: [u32; 4],
}

impl SymbolEncoder {
    pub(crate) fn new(properties: Properties) -> Self {
        Self {
            range: RangeEncoder::new(),
            probs: Probs::new(properties),
            state: State::default(),
            reps: [0; 4],
            pos_mask: (1 << properties.pb) - 1,
        }
    }

    /// As new: LZMA2's state reset.
    pub(crate) fn reset(&mut self) {
        self.probs.reset();
        self.state = State::default();
        self.reps = [0; 4];
    }

    pub(crate) fn save_into(&self, saved: &mut Option<Saved>) {
        match saved {
            Some(saved) => {
                saved.probs.clone_from(&self.probs);
                (saved.state, saved.reps) = (self.state, self.reps);
            }
            none => *none = Some(Saved { probs: self.probs.clone(), state: self.state, reps: self.reps }),
        }
    }

    pub(crate) fn restore(&mut self, saved: &Saved) {
        self.probs.clone_from(&saved.probs);
        (self.state, self.reps) = (saved.state, saved.reps);
    }

    pub(crate) fn pos_state(&self, position: usize) -> usize {
        position & self.pos_mask
    }

    /// Codes a step at `position` of `text`.
    #[inline]
    pub(crate) fn encode(&mut self, text: &[u8], position: usize, step: Step) {
        let pos_state = position & self.pos_mask;
        let state = self.state.index();
        let probs = &mut self.probs.fixed;
        match step.from {
            From::Literal => {
                self.range.bit(&mut probs.is_match[state][pos_state], 0);
                self.literal(text, position);
            }
            From::Match(distance) => {
                self.range.bit(&mut probs.is_match[state][pos_state], 1);
                self.range.bit(&mut probs.is_rep[state], 0);
                self.matched(distance, step.length as usize, pos_state);
            }
            From::Rep(index) => {
                self.range.bit(&mut probs.is_match[state][pos_state], 1);
                self.range.bit(&mut probs.is_rep[state], 1);
                self.repeated(usize::from(index), step.length as usize, pos_state);
            }
        }
    }

    /// Codes the match without a length that ends a stream, behind `position`.
    pub(crate) fn encode_end_marker(&mut self, position: usize) {
        let pos_state = position & self.pos_mask;
        let state = self.state.index();
        let probs = &mut self.probs.fixed;
        self.range.bit(&mut probs.is_match[state][pos_state], 1);
        self.range.bit(&mut probs.is_rep[state], 0);
        self.matched(END_DISTANCE, MIN_MATCH, pos_state);
    }

    fn literal(&mut self, text: &[u8], position: usize) {
        let byte = text[position];
        let previous = if position > 0 { text[position - 1] } else { 0 };
        let probs = self.probs.literal_mut(position, previous);
        if self.state.is_after_literal() {
            self.range.tree(probs, byte.into(), 8);
        } else {
            matched_literal(&mut self.range, probs, byte, text[position - self.reps[0] as usize - 1]);
        }
        self.state = self.state.literal();
    }

    fn matched(&mut self, distance: u32, length: usize, pos_state: usize) {
        let probs = &mut self.probs.fixed;
        encode_length(&mut self.range, &mut probs.length, length, pos_state);
        let slot = slot_of(distance);
        self.range.tree(&mut probs.slot[length_class(length)], slot, 6);
        if slot >= 4 {
            let bits = (slot >> 1) - 1;
            let base = (2 | slot & 1) << bits;
            let rest = distance - base;
            if (slot as usize) < FIRST_ALIGNED_SLOT {
                let probs = &mut probs.special[(base - slot) as usize..];
                self.range.reverse_tree(probs, rest, bits);
            } else {
                self.range.direct(rest >> ALIGN_BITS, bits - ALIGN_BITS);
                self.range.reverse_tree(&mut probs.align, rest, ALIGN_BITS);
            }
        }
        self.reps = [distance, self.reps[0], self.reps[1], self.reps[2]];
        self.state = self.state.matched();
    }

    fn repeated(&mut self, index: usize, length: usize, pos_state: usize) {
        let state = self.state.index();
        let probs = &mut self.probs.fixed;
        if index == 0 {
            self.range.bit(&mut probs.is_rep_g0[state], 0);
            self.range.bit(&mut probs.is_rep0_long[state][pos_state], u32::from(length > 1));
            if length == 1 {
                self.state = self.state.short_repeated();
                return;
            }
        } else {
            self.range.bit(&mut probs.is_rep_g0[state], 1);
            self.range.bit(&mut probs.is_rep_g1[state], u32::from(index > 1));
            if index > 1 {
                self.range.bit(&mut probs.is_rep_g2[state], u32::from(index > 2));
            }
            self.reps[..=index].rotate_right(1);
        }
        encode_length(&mut self.range, &mut probs.rep_length, length, pos_state);
        self.state = self.state.repeated();
    }
}

/// A literal after a match: as long as its bits agree with the byte that the match would have had next, that byte's bits
/// choose the probabilities.
fn matched_literal(range: &mut RangeEncoder, probs: &mut [Prob; LITERAL_PROBS], byte: u8, match_byte: u8) {
    let mut offset = 0x100;
    let mut symbol = usize::from(byte) | 0x100;
    let mut match_byte = usize::from(match_byte);
    for _ in 0..8 {
        match_byte <<= 1;
        let index = offset + (match_byte & offset) + (symbol >> 8);
        range.bit(&mut probs[index], (symbol >> 7 & 1) as u32);
        symbol <<= 1;
        offset &= !(match_byte ^ symbol);
    }
}

fn encode_length(range: &mut RangeEncoder, probs: &mut LengthProbs, length: usize, pos_state: usize) {
    let symbol = (length - MIN_MATCH) as u32;
    let low = LOW_LENGTHS as u32;
    if symbol < low {
        range.bit(&mut probs.choice, 0);
        range.tree(&mut probs.low[pos_state], symbol, 3);
        return;
    }
    range.bit(&mut probs.choice, 1);
    if symbol < 2 * low {
        range.bit(&mut probs.choice2, 0);
        range.tree(&mut probs.mid[pos_state], symbol - low, 3);
    } else {
        range.bit(&mut probs.choice2, 1);
        range.tree(&mut probs.high, symbol - 2 * low, 8);
    }
}
