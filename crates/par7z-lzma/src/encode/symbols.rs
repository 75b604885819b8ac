//! Symbols to bits: literals, matches and repeated matches, with the state that follows.
//!
//! What a symbol's bits are is the format's; here each symbol is coded in one go, with the range coder's numbers in registers.
//!
//! Invariants: state, distances and probabilities are those that a decoder has at this place; a step's bytes are what stands
//! in the text. What is coded can be taken back to a [`Saved`] state, if a chunk is stored after all.
//! Source: the LZMA specification.

use super::price::slot_of;
use super::probs::{LengthProbs, Probs};
use super::range::{Bits, RangeEncoder};
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
    /// Nothing was coded since the last reset.
    is_new: bool,
}

/// What must be put back when a chunk is stored after all.
#[derive(Clone)]
pub(crate) struct Saved {
    /// Nothing had been coded: the rest is not set.
    is_new: bool,
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
            is_new: true,
        }
    }

    /// As new: LZMA2's state reset.
    pub(crate) fn reset(&mut self) {
        self.probs.reset();
        self.state = State::default();
        self.reps = [0; 4];
        self.is_new = true;
    }

    pub(crate) fn save_into(&self, saved: &mut Option<Saved>) {
        match saved {
            Some(saved) if self.is_new => saved.is_new = true,
            Some(saved) => {
                saved.probs.clone_from(&self.probs);
                (saved.state, saved.reps, saved.is_new) = (self.state, self.reps, false);
            }
            none => {
                let (probs, state, reps, is_new) = (self.probs.clone(), self.state, self.reps, self.is_new);
                *none = Some(Saved { is_new, probs, state, reps });
            }
        }
    }

    pub(crate) fn restore(&mut self, saved: &Saved) {
        if saved.is_new {
            return self.reset();
        }
        self.probs.clone_from(&saved.probs);
        (self.state, self.reps) = (saved.state, saved.reps);
    }

    pub(crate) fn pos_state(&self, position: usize) -> usize {
        position & self.pos_mask
    }

    /// Codes a step at `position` of `text`.
    #[inline(never)]
    pub(crate) fn encode(&mut self, text: &[u8], position: usize, step: Step) {
        let Self { range, probs, state, reps, pos_mask, is_new } = self;
        *is_new = false;
        range.code(|bits| {
            let mut symbol = Symbol { bits, probs, state, reps, pos_state: position & *pos_mask };
            match step.from {
                From::Literal => symbol.literal(text, position),
                From::Match(distance) => symbol.matched(distance, step.length as usize),
                From::Rep(index) => symbol.repeated(usize::from(index), step.length as usize),
            }
        });
    }
}

impl SymbolEncoder {
    /// Codes the match without a length that ends a stream, behind `position`.
    pub(crate) fn encode_end_marker(&mut self, position: usize) {
        self.encode(&[], position, Step { length: MIN_MATCH as u32, from: From::Match(END_DISTANCE) });
    }
}

/// A symbol on its way to bits. Everything is inlined, so that the range coder's numbers are in registers.
struct Symbol<'a, 'b> {
    bits: &'a mut Bits<'b>,
    probs: &'a mut Probs,
    state: &'a mut State,
    reps: &'a mut [u32; 4],
    pos_state: usize,
}

impl Symbol<'_, '_> {
    #[inline(always)]
    fn literal(&mut self, text: &[u8], position: usize) {
        self.bits.bit(&mut self.probs.fixed.is_match[self.state.index()][self.pos_state], 0);
        let byte = text[position];
        let previous = if position > 0 { text[position - 1] } else { 0 };
        let probs = self.probs.literal_mut(position, previous);
        if self.state.is_after_literal() {
            self.bits.tree(probs, byte.into(), 8);
        } else {
            matched_literal(self.bits, probs, byte, text[position - self.reps[0] as usize - 1]);
        }
        *self.state = self.state.literal();
    }

    #[inline(always)]
    fn matched(&mut self, distance: u32, length: usize) {
        let probs = &mut self.probs.fixed;
        let state = self.state.index();
        self.bits.bit(&mut probs.is_match[state][self.pos_state], 1);
        self.bits.bit(&mut probs.is_rep[state], 0);
        encode_length(self.bits, &mut probs.length, length, self.pos_state);
        let slot = slot_of(distance);
        self.bits.tree(&mut probs.slot[length_class(length)], slot, 6);
        if slot >= 4 {
            let bits = (slot >> 1) - 1;
            let base = (2 | slot & 1) << bits;
            let rest = distance - base;
            if (slot as usize) < FIRST_ALIGNED_SLOT {
                let probs = &mut probs.special[(base - slot) as usize..];
                self.bits.reverse_tree(probs, rest, bits);
            } else {
                self.bits.direct(rest >> ALIGN_BITS, bits - ALIGN_BITS);
                self.bits.reverse_tree(&mut probs.align, rest, ALIGN_BITS);
            }
        }
        *self.reps = [distance, self.reps[0], self.reps[1], self.reps[2]];
        *self.state = self.state.matched();
    }

    #[inline(always)]
    fn repeated(&mut self, index: usize, length: usize) {
        let probs = &mut self.probs.fixed;
        let state = self.state.index();
        let pos_state = self.pos_state;
        self.bits.bit(&mut probs.is_match[state][pos_state], 1);
        self.bits.bit(&mut probs.is_rep[state], 1);
        if index == 0 {
            self.bits.bit(&mut probs.is_rep_g0[state], 0);
            self.bits.bit(&mut probs.is_rep0_long[state][pos_state], u32::from(length > 1));
            if length == 1 {
                *self.state = self.state.short_repeated();
                return;
            }
        } else {
            self.bits.bit(&mut probs.is_rep_g0[state], 1);
            self.bits.bit(&mut probs.is_rep_g1[state], u32::from(index > 1));
            if index > 1 {
                self.bits.bit(&mut probs.is_rep_g2[state], u32::from(index > 2));
            }
            self.reps[..=index].rotate_right(1);
        }
        encode_length(self.bits, &mut probs.rep_length, length, pos_state);
        *self.state = self.state.repeated();
    }
}

/// A literal after a match: as long as its bits agree with the byte that the match would have had next, that byte's bits
/// choose the probabilities.
#[inline(always)]
fn matched_literal(bits: &mut Bits, probs: &mut [Prob; LITERAL_PROBS], byte: u8, match_byte: u8) {
    let mut offset = 0x100;
    let mut symbol = usize::from(byte) | 0x100;
    let mut match_byte = usize::from(match_byte);
    for _ in 0..8 {
        match_byte <<= 1;
        let index = offset + (match_byte & offset) + (symbol >> 8);
        bits.bit(&mut probs[index], (symbol >> 7 & 1) as u32);
        symbol <<= 1;
        offset &= !(match_byte ^ symbol);
    }
}

#[inline(always)]
fn encode_length(bits: &mut Bits, probs: &mut LengthProbs, length: usize, pos_state: usize) {
    let symbol = (length - MIN_MATCH) as u32;
    let low = LOW_LENGTHS as u32;
    if symbol < low {
        bits.bit(&mut probs.choice, 0);
        bits.tree(&mut probs.low[pos_state], symbol, 3);
        return;
    }
    bits.bit(&mut probs.choice, 1);
    if symbol < 2 * low {
        bits.bit(&mut probs.choice2, 0);
        bits.tree(&mut probs.mid[pos_state], symbol - low, 3);
    } else {
        bits.bit(&mut probs.choice2, 1);
        bits.tree(&mut probs.high, symbol - 2 * low, 8);
    }
}
