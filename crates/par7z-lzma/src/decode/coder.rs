//! What an LZMA decoder knows between two symbols: the range coder, the state machine and the probabilities.
//!
//! Invariants: between two symbols `range` is at least [`RANGE_MIN`] or a byte is shifted in first, and `code` is below `range` in a
//! valid stream; in another one the result is wrong bytes or an error, never more than [`SYMBOL_BYTES_MAX`] bytes for a symbol.
//! Source: the LZMA specification.

use super::DecodeError;
use crate::Properties;
use crate::model::{
    ALIGN_SIZE, FULL_DISTANCES, HIGH_LENGTHS, LENGTH_CLASSES, LITERAL_PROBS, LOW_LENGTHS, MAX_POS_STATES, PROB_INIT,
    Prob, SLOTS, STATES, State,
};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The range is kept at or above this: else a byte is shifted in.
pub(crate) const RANGE_MIN: u32 = 1 << 24;
/// Bytes at the beginning of a range coder's data: a zero and the first code.
pub(crate) const START_BYTES: usize = 5;
/// The most bytes that one symbol can take: a match has 2 bits that say so, 10 of length, 6 of the slot, 26 direct and 4
/// aligned ones, and each shifts in one byte at the most. (Really it is 20; this bound needs no arithmetic.)
pub(crate) const SYMBOL_BYTES_MAX: usize = 48;

/// Probabilities of a match length.
#[derive(Clone)]
pub(crate) struct LengthProbs {
    /// Not 2 to 9.
    pub(crate) above_low: Prob,
    /// Not 10 to 17.
    pub(crate) above_mid: Prob,
    pub(crate) low: [[Prob; LOW_LENGTHS]; MAX_POS_STATES],
    pub(crate) mid: [[Prob; LOW_LENGTHS]; MAX_POS_STATES],
    pub(crate) high: [Prob; HIGH_LENGTHS],
}

impl LengthProbs {
    const INITIAL: Self = Self {
        above_low: PROB_INIT,
        above_mid: PROB_INIT,
        low: [[PROB_INIT; LOW_LENGTHS]; MAX_POS_STATES],
        mid: [[PROB_INIT; LOW_LENGTHS]; MAX_POS_STATES],
        high: [PROB_INIT; HIGH_LENGTHS],
    };
}

/// All probabilities but those of literals.
#[derive(Clone)]
pub(crate) struct Probabilities {
    pub(crate) is_match: [[Prob; MAX_POS_STATES]; STATES],
    pub(crate) is_rep: [Prob; STATES],
    pub(crate) is_rep_above_0: [Prob; STATES],
    pub(crate) is_rep_above_1: [Prob; STATES],
    pub(crate) is_rep_above_2: [Prob; STATES],
    pub(crate) is_rep_0_long: [[Prob; MAX_POS_STATES]; STATES],
    pub(crate) slot: [[Prob; SLOTS]; LENGTH_CLASSES],
    /// The trees of slots 4 to 13, one behind the other; that of a slot begins at its first distance less the slot.
    pub(crate) special: [Prob; FULL_DISTANCES],
    pub(crate) align: [Prob; ALIGN_SIZE],
    pub(crate) match_length: LengthProbs,
    pub(crate) rep_length: LengthProbs,
}

impl Probabilities {
    const INITIAL: Self = Self {
        is_match: [[PROB_INIT; MAX_POS_STATES]; STATES],
        is_rep: [PROB_INIT; STATES],
        is_rep_above_0: [PROB_INIT; STATES],
        is_rep_above_1: [PROB_INIT; STATES],
        is_rep_above_2: [PROB_INIT; STATES],
        is_rep_0_long: [[PROB_INIT; MAX_POS_STATES]; STATES],
        slot: [[PROB_INIT; SLOTS]; LENGTH_CLASSES],
        special: [PROB_INIT; FULL_DISTANCES],
        align: [PROB_INIT; ALIGN_SIZE],
        match_length: LengthProbs::INITIAL,
        rep_length: LengthProbs::INITIAL,
    };
}

/// Probabilities of the literals of one context: `[0]` is not used, `1..0x100` is the plain tree, the two others are for
/// a known byte at the last distance, as long as the bits agree.
pub(crate) type LiteralProbs = [Prob; LITERAL_PROBS];

/// A decoder between two symbols.
pub(crate) struct Coder {
    /// Not below [`RANGE_MIN`] once normalized.
    pub(crate) range: u32,
    /// Below `range` in data that an encoder made; nothing relies on it.
    pub(crate) code: u32,
    pub(crate) state: State,
    /// The last four distances, counted from 0.
    pub(crate) reps: [u32; 4],
    /// Bytes of the last match, at `reps[0]`, that the target had no room for.
    pub(crate) pending: u32,
    pub(crate) properties: Properties,
    pub(crate) probs: Box<Probabilities>,
    /// `1 << (lc + lp)` of them.
    pub(crate) literals: Vec<LiteralProbs>,
}

impl Coder {
    /// One without room for literals yet: [`set_properties`](Self::set_properties) comes first.
    pub(crate) fn new() -> Self {
        Self {
            range: 0,
            code: 0,
            state: State::default(),
            reps: [0; 4],
            pending: 0,
            properties: Properties::default(),
            probs: Box::new(Probabilities::INITIAL),
            literals: Vec::new(),
        }
    }

    /// Takes on properties and forgets everything that was learnt.
    pub(crate) fn set_properties(&mut self, properties: Properties) -> Result<(), DecodeError> {
        let contexts = 1usize << (properties.lc + properties.lp);
        if let Some(more) = contexts.checked_sub(self.literals.len()) {
            let bytes = contexts * size_of::<LiteralProbs>();
            self.literals.try_reserve_exact(more).map_err(|_| DecodeError::OutOfMemory { bytes })?;
        }
        self.literals.resize(contexts, [PROB_INIT; LITERAL_PROBS]);
        self.properties = properties;
        self.reset_state();
        Ok(())
    }

    /// Forgets everything that was learnt.
    pub(crate) fn reset_state(&mut self) {
        *self.probs = Probabilities::INITIAL;
        self.literals.fill([PROB_INIT; LITERAL_PROBS]);
        self.state = State::default();
        self.reps = [0; 4];
        self.pending = 0;
    }

    /// Begins with the first bytes of a range coder's data.
    pub(crate) fn start(&mut self, bytes: [u8; START_BYTES]) -> Result<(), DecodeError> {
        let [zero, code @ ..] = bytes;
        if zero != 0 {
            return Err(DecodeError::RangeCoderStart);
        }
        self.range = u32::MAX;
        self.code = u32::from_be_bytes(code);
        Ok(())
    }

    /// Bytes that are allocated for literals with such properties.
    pub(crate) fn literal_bytes(properties: Properties) -> u64 {
        (size_of::<LiteralProbs>() as u64) << (properties.lc + properties.lp)
    }
}
