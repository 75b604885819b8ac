//! The state machine and the probabilities of LZMA, shared by encoder and decoder. Nothing of how bits are coded.
//!
//! Source: the LZMA specification in the 7-Zip SDK (DOC/lzma-specification.txt).

/// A probability that the next bit is 0, in units of 2^-11.
pub(crate) type Prob = u16;

/// Bits of a probability.
pub(crate) const PROB_BITS: u32 = 11;
/// One half: what nothing is known of.
pub(crate) const PROB_INIT: Prob = 1 << (PROB_BITS - 1);
/// How fast probabilities move: by 1/32 of the distance.
pub(crate) const MOVE_BITS: u32 = 5;

/// States of the state machine.
pub(crate) const STATES: usize = 12;
/// States below this come after a literal.
pub(crate) const FIRST_STATE_AFTER_MATCH: u8 = 7;

/// Values of the low position bits at the most (pb = 4).
pub(crate) const MAX_POS_STATES: usize = 16;

/// The shortest match; a repeated distance may have length 1 too.
pub(crate) const MIN_MATCH: usize = 2;
/// The longest match.
pub(crate) const MAX_MATCH: usize = 273;

/// Lengths 2 to 9 and 10 to 17, by position state; then 18 to 273.
pub(crate) const LOW_LENGTHS: usize = 8;
/// See [`LOW_LENGTHS`].
pub(crate) const HIGH_LENGTHS: usize = 256;

const _: () = assert!(MAX_MATCH == MIN_MATCH + 2 * LOW_LENGTHS + HIGH_LENGTHS - 1);

/// Distance slots are coded by length: 2, 3, 4, 5 and more.
pub(crate) const LENGTH_CLASSES: usize = 4;
/// Distance slots.
pub(crate) const SLOTS: usize = 64;
/// From this slot on, the low four bits are coded with probabilities of their own and those between directly.
pub(crate) const FIRST_ALIGNED_SLOT: usize = 14;
/// Distances (from 0) below this are coded with probabilities alone.
pub(crate) const FULL_DISTANCES: usize = 128;
/// Bits of the aligned part.
pub(crate) const ALIGN_BITS: u32 = 4;
/// Values of the aligned part.
pub(crate) const ALIGN_SIZE: usize = 1 << ALIGN_BITS;

/// Probabilities of one literal: 8 bits as a tree, and twice that with the byte at the last distance known.
pub(crate) const LITERAL_PROBS: usize = 0x300;

/// The distance (from 0) that ends a stream.
pub(crate) const END_DISTANCE: u32 = u32::MAX;

/// The state machine: what the last few symbols were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State(pub(crate) u8);

impl State {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn is_after_literal(self) -> bool {
        self.0 < FIRST_STATE_AFTER_MATCH
    }

    pub(crate) fn literal(self) -> Self {
        const NEXT: [u8; STATES] = [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5];
        Self(NEXT[self.index()])
    }

    pub(crate) fn matched(self) -> Self {
        Self(if self.is_after_literal() { 7 } else { 10 })
    }

    pub(crate) fn repeated(self) -> Self {
        Self(if self.is_after_literal() { 8 } else { 11 })
    }

    pub(crate) fn short_repeated(self) -> Self {
        Self(if self.is_after_literal() { 9 } else { 11 })
    }
}

/// The class of a length for the distance slot.
pub(crate) fn length_class(length: usize) -> usize {
    length.saturating_sub(MIN_MATCH).min(LENGTH_CLASSES - 1)
}
