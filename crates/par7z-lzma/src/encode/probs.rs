//! The encoder's probabilities.

use crate::Properties;
use crate::model::{
    ALIGN_SIZE, FULL_DISTANCES, HIGH_LENGTHS, LENGTH_CLASSES, LITERAL_PROBS, LOW_LENGTHS, MAX_POS_STATES, PROB_INIT,
    Prob, SLOTS, STATES,
};
use alloc::vec::Vec;

/// Lengths 2 to 273.
#[derive(Clone)]
pub(crate) struct LengthProbs {
    pub(crate) choice: Prob,
    pub(crate) choice2: Prob,
    pub(crate) low: [[Prob; LOW_LENGTHS]; MAX_POS_STATES],
    pub(crate) mid: [[Prob; LOW_LENGTHS]; MAX_POS_STATES],
    pub(crate) high: [Prob; HIGH_LENGTHS],
}

impl LengthProbs {
    const NEW: Self = Self {
        choice: PROB_INIT,
        choice2: PROB_INIT,
        low: [[PROB_INIT; LOW_LENGTHS]; MAX_POS_STATES],
        mid: [[PROB_INIT; LOW_LENGTHS]; MAX_POS_STATES],
        high: [PROB_INIT; HIGH_LENGTHS],
    };
}

/// All but the literals'.
#[derive(Clone)]
pub(crate) struct FixedProbs {
    pub(crate) is_match: [[Prob; MAX_POS_STATES]; STATES],
    pub(crate) is_rep: [Prob; STATES],
    pub(crate) is_rep_g0: [Prob; STATES],
    pub(crate) is_rep_g1: [Prob; STATES],
    pub(crate) is_rep_g2: [Prob; STATES],
    pub(crate) is_rep0_long: [[Prob; MAX_POS_STATES]; STATES],
    pub(crate) slot: [[Prob; SLOTS]; LENGTH_CLASSES],
    /// Reverse trees of the distances below [`FULL_DISTANCES`], each at `base of its slot - slot`.
    pub(crate) special: [Prob; FULL_DISTANCES],
    pub(crate) align: [Prob; ALIGN_SIZE],
    pub(crate) length: LengthProbs,
    pub(crate) rep_length: LengthProbs,
}

impl FixedProbs {
    const NEW: Self = Self {
        is_match: [[PROB_INIT; MAX_POS_STATES]; STATES],
        is_rep: [PROB_INIT; STATES],
        is_rep_g0: [PROB_INIT; STATES],
        is_rep_g1: [PROB_INIT; STATES],
        is_rep_g2: [PROB_INIT; STATES],
        is_rep0_long: [[PROB_INIT; MAX_POS_STATES]; STATES],
        slot: [[PROB_INIT; SLOTS]; LENGTH_CLASSES],
        special: [PROB_INIT; FULL_DISTANCES],
        align: [PROB_INIT; ALIGN_SIZE],
        length: LengthProbs::NEW,
        rep_length: LengthProbs::NEW,
    };
}

/// All probabilities of a stream.
#[derive(Clone)]
pub(crate) struct Probs {
    pub(crate) fixed: FixedProbs,
    literal: Vec<[Prob; LITERAL_PROBS]>,
    lc: u32,
    lp_mask: usize,
}

impl Probs {
    pub(crate) fn new(properties: Properties) -> Self {
        let tables = 1 << (properties.lc + properties.lp);
        Self {
            fixed: FixedProbs::NEW,
            literal: alloc::vec![[PROB_INIT; LITERAL_PROBS]; tables],
            lc: properties.lc,
            lp_mask: (1 << properties.lp) - 1,
        }
    }

    /// As new.
    pub(crate) fn reset(&mut self) {
        self.fixed = FixedProbs::NEW;
        self.literal.fill([PROB_INIT; LITERAL_PROBS]);
    }

    fn literal_index(&self, position: usize, previous: u8) -> usize {
        ((position & self.lp_mask) << self.lc) + (usize::from(previous) >> (8 - self.lc))
    }

    /// The probabilities of a literal at `position` after the byte `previous`.
    #[inline(always)]
    pub(crate) fn literal(&self, position: usize, previous: u8) -> &[Prob; LITERAL_PROBS] {
        &self.literal[self.literal_index(position, previous)]
    }

    #[inline(always)]
    pub(crate) fn literal_mut(&mut self, position: usize, previous: u8) -> &mut [Prob; LITERAL_PROBS] {
        let index = self.literal_index(position, previous);
        &mut self.literal[index]
    }
}
