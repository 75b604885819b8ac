//! What symbols cost, in sixteenths of a bit: the tables that the optimal parser adds up.
//!
//! Tables are made of the probabilities of a moment and used for a while: prices that are a little old cost less than
//! making them anew. Lengths and distances get new tables after so many were coded.
//!
//! Invariants: a table's price is the sum of its bits' prices with the probabilities of the moment when it was made; a sum along a
//! whole parse stays far below [`INFINITE`].
//! Source: the price model of the 7-Zip SDK (LzmaEnc.c), whose ratio is the reference; there prices are rounded up, here to the
//! nearest, so that their sums are what is written.

use super::probs::{FixedProbs, LengthProbs};
use super::symbols::{From, Step};
use crate::model::{
    ALIGN_BITS, ALIGN_SIZE, FIRST_ALIGNED_SLOT, FULL_DISTANCES, LENGTH_CLASSES, LITERAL_PROBS, LOW_LENGTHS, MAX_MATCH,
    MAX_POS_STATES, MIN_MATCH, PROB_BITS, Prob, SLOTS,
};
use alloc::boxed::Box;

/// A price in sixteenths of a bit.
pub(crate) type Price = u32;

/// More than any path costs.
pub(crate) const INFINITE: Price = 1 << 30;

const REDUCED_BITS: u32 = 4;
const TABLE_SIZE: usize = 1 << (PROB_BITS - REDUCED_BITS);

/// -log2 of the probability in sixteenths, for probabilities in steps of 16.
static BIT_PRICES: [u8; TABLE_SIZE] = bit_prices();

const fn bit_prices() -> [u8; TABLE_SIZE] {
    let mut prices = [0; TABLE_SIZE];
    let mut index = 0;
    while index < TABLE_SIZE {
        // Squared four times, counting the bits that it grows by: a logarithm to four binary places.
        let mut weight = ((index as u32) << REDUCED_BITS) + (1 << (REDUCED_BITS - 1));
        let mut bits = 0;
        let mut round = 0;
        while round < 4 {
            weight *= weight;
            bits <<= 1;
            while weight >= 1 << 16 {
                weight >>= 1;
                bits += 1;
            }
            round += 1;
        }
        // The weight has 15 bits and a fraction: rounded.
        let rounded = bits + 15 + if weight >= 46_341 { 1 } else { 0 };
        prices[index] = ((PROB_BITS << 4) - rounded) as u8;
        index += 1;
    }
    prices
}

/// The price of `bit` (0 or 1).
#[inline(always)]
pub(crate) fn bit_price(prob: Prob, bit: u32) -> Price {
    let flipped = u32::from(prob) ^ (0u32.wrapping_sub(bit) & ((1 << PROB_BITS) - 1));
    Price::from(BIT_PRICES[(flipped >> REDUCED_BITS) as usize & (TABLE_SIZE - 1)])
}

#[inline(always)]
pub(crate) fn price_0(prob: Prob) -> Price {
    bit_price(prob, 0)
}

#[inline(always)]
pub(crate) fn price_1(prob: Prob) -> Price {
    bit_price(prob, 1)
}

/// Adds to `base` the price of each of a tree's first symbols, as many as `prices` has. The tree has as many as fit into the
/// bits that `probs` has room for.
fn tree_prices(probs: &[Prob], base: Price, prices: &mut [u16]) {
    // A row of the tree after another, in place, from the end: each node's price gives way to those of its two sons.
    let bits = probs.len().trailing_zeros();
    prices[0] = base as u16;
    let used = |bits_left: u32| ((prices.len() - 1) >> bits_left) + 1;
    let used: [usize; 9] = core::array::from_fn(|bits_left| used(bits_left as u32));
    for row in 0..bits {
        for index in (0..used[(bits - row) as usize]).rev() {
            let prob = probs[(1 << row) + index];
            let price = prices[index];
            if let Some(one) = prices.get_mut(2 * index + 1) {
                *one = price + price_1(prob) as u16;
            }
            prices[2 * index] = price + price_0(prob) as u16;
        }
    }
}

/// The price of each symbol of a tree that is coded from the lowest bit on: of up to 32, a power of two.
fn reverse_tree_prices(probs: &[Prob], prices: &mut [u16]) {
    /// Five bits, the last first.
    const REVERSED: [u8; 32] = {
        let mut reversed = [0; 32];
        let mut index = 0u8;
        while index < 32 {
            reversed[index as usize] = index.reverse_bits() >> 3;
            index += 1;
        }
        reversed
    };
    prices[0] = 0;
    for row in 0..prices.len().trailing_zeros() {
        for index in 0..1 << row {
            let prob = probs[(1 << row) + usize::from(REVERSED[index] >> (5 - row))];
            let price = prices[index];
            prices[index | 1 << row] = price + price_1(prob) as u16;
            prices[index] = price + price_0(prob) as u16;
        }
    }
}

/// The price of a literal after a literal.
#[inline(always)]
pub(crate) fn literal_price(probs: &[Prob; LITERAL_PROBS], byte: u8) -> Price {
    let symbol = usize::from(byte) | 0x100;
    let mut price = 0;
    for shift in 1..=8 {
        price += bit_price(probs[symbol >> shift], (symbol >> (shift - 1) & 1) as u32);
    }
    price
}

/// The price of a literal after a match, whose next byte would have been `match_byte`.
#[inline(always)]
pub(crate) fn matched_literal_price(probs: &[Prob; LITERAL_PROBS], byte: u8, match_byte: u8) -> Price {
    let mut price = 0;
    let mut offset = 0x100;
    let mut symbol = usize::from(byte) | 0x100;
    let mut match_byte = usize::from(match_byte);
    for _ in 0..8 {
        match_byte <<= 1;
        let index = (offset + (match_byte & offset) + (symbol >> 8)) & 0x3FF;
        price += bit_price(probs[index.min(LITERAL_PROBS - 1)], (symbol >> 7 & 1) as u32);
        symbol <<= 1;
        offset &= !(match_byte ^ symbol);
    }
    price
}

/// Prices of a position state's lengths, by length.
pub(crate) type LengthRow = [u16; MAX_MATCH + 1];

/// Prices of lengths for each position state.
pub(crate) struct LengthPrices {
    rows: Box<[LengthRow; MAX_POS_STATES]>,
}

impl LengthPrices {
    fn new() -> Self {
        Self { rows: Box::new([[0; MAX_MATCH + 1]; MAX_POS_STATES]) }
    }

    /// Of a length of 2 to the longest that was [filled](Self::fill).
    #[inline(always)]
    pub(crate) fn get(&self, length: usize, pos_state: usize) -> Price {
        self.row(pos_state)[length].into()
    }

    #[inline(always)]
    pub(crate) fn row(&self, pos_state: usize) -> &LengthRow {
        &self.rows[pos_state & (MAX_POS_STATES - 1)]
    }

    fn fill(&mut self, probs: &LengthProbs, pos_states: usize, max_length: usize) {
        const MID: usize = MIN_MATCH + LOW_LENGTHS;
        const HIGH: usize = MID + LOW_LENGTHS;
        let low = price_0(probs.choice);
        let mid = price_1(probs.choice) + price_0(probs.choice2);
        let high = price_1(probs.choice) + price_1(probs.choice2);
        for (pos_state, row) in self.rows.iter_mut().enumerate().take(pos_states) {
            tree_prices(&probs.low[pos_state], low, &mut row[MIN_MATCH..MID]);
            tree_prices(&probs.mid[pos_state], mid, &mut row[MID..HIGH]);
        }
        if max_length >= HIGH {
            let (first, others) = self.rows.split_at_mut(1);
            tree_prices(&probs.high, high, &mut first[0][HIGH..=max_length]);
            for row in others.iter_mut().take(pos_states - 1) {
                row[HIGH..=max_length].copy_from_slice(&first[0][HIGH..=max_length]);
            }
        }
    }
}

/// Prices of distances (from 0).
pub(crate) struct DistancePrices {
    slots: [[u16; LENGTH_CLASSES]; SLOTS],
    full: [[u16; LENGTH_CLASSES]; FULL_DISTANCES],
    align: [u16; ALIGN_SIZE],
    /// Distances from this on do not occur.
    end: u32,
}

/// The slot of a distance (from 0): its highest two bits and their place.
#[inline(always)]
pub(crate) fn slot_of(distance: u32) -> u32 {
    if distance < 4 {
        return distance;
    }
    let bits = 31 - distance.leading_zeros();
    bits << 1 | (distance >> (bits - 1) & 1)
}

impl DistancePrices {
    fn new() -> Self {
        Self {
            slots: [[0; LENGTH_CLASSES]; SLOTS],
            full: [[0; LENGTH_CLASSES]; FULL_DISTANCES],
            align: [0; ALIGN_SIZE],
            end: u32::MAX,
        }
    }

    /// Of a distance: by the match's [class](crate::model::length_class), and what is to be added for any class.
    #[inline(always)]
    pub(crate) fn row(&self, distance: u32) -> (&[u16; LENGTH_CLASSES], Price) {
        match self.full.get(distance as usize) {
            Some(row) => (row, 0),
            None => {
                let row = &self.slots[slot_of(distance) as usize & (SLOTS - 1)];
                (row, self.align[distance as usize & (ALIGN_SIZE - 1)].into())
            }
        }
    }

    fn fill(&mut self, probs: &FixedProbs) {
        let used_slots = (slot_of(self.end.saturating_sub(1)) as usize + 1).min(SLOTS);
        for (class, probs) in probs.slot.iter().enumerate() {
            let mut prices = [0; SLOTS];
            tree_prices(probs, 0, &mut prices[..used_slots]);
            for (slot, price) in prices.into_iter().enumerate().take(used_slots) {
                let direct_bits = (slot as u16 >> 1).saturating_sub(1 + ALIGN_BITS as u16);
                self.slots[slot][class] = price + if slot < FIRST_ALIGNED_SLOT { 0 } else { direct_bits << 4 };
            }
        }
        self.full[..4].copy_from_slice(&self.slots[..4]);
        let mut footers = [0; FULL_DISTANCES / 4];
        for slot in 4..used_slots.min(FIRST_ALIGNED_SLOT) {
            let bits = (slot as u32 >> 1) - 1;
            let base = (2 | slot & 1) << bits;
            let footers = &mut footers[..1 << bits];
            reverse_tree_prices(&probs.special[base - slot..], footers);
            for (row, footer) in self.full[base..].iter_mut().zip(footers) {
                *row = self.slots[slot].map(|price| price + *footer);
            }
        }
        if used_slots > FIRST_ALIGNED_SLOT {
            reverse_tree_prices(&probs.align, &mut self.align);
        }
    }
}

/// All tables, and when they are to be made anew.
pub(crate) struct Prices {
    pub(crate) length: LengthPrices,
    pub(crate) rep_length: LengthPrices,
    pub(crate) distance: DistancePrices,
    pos_states: usize,
    max_length: usize,
    matches_left: u32,
    reps_left: u32,
}

/// Matches (repeated ones) coded between two fillings.
const MATCHES_PER_FILL: u32 = 64;
const REPS_PER_FILL: u32 = 64;

impl Prices {
    pub(crate) fn new() -> Self {
        Self {
            length: LengthPrices::new(),
            rep_length: LengthPrices::new(),
            distance: DistancePrices::new(),
            pos_states: MAX_POS_STATES,
            max_length: MAX_MATCH,
            matches_left: 0,
            reps_left: 0,
        }
    }

    /// For streams with so many position states, lengths up to `max_length` and distances below `dictionary_bytes`.
    pub(crate) fn set_up(&mut self, pos_states: usize, max_length: usize, dictionary_bytes: u32) {
        self.pos_states = pos_states;
        self.max_length = max_length;
        self.distance.end = dictionary_bytes;
        self.expire();
    }

    /// The probabilities have changed all at once.
    pub(crate) fn expire(&mut self) {
        (self.matches_left, self.reps_left) = (0, 0);
    }

    /// So many matches and repeated matches more were chosen.
    pub(crate) fn coded(&mut self, steps: &[Step]) {
        for step in steps {
            match step.from {
                From::Match(_) => self.matches_left = self.matches_left.saturating_sub(1),
                From::Rep(_) => self.reps_left = self.reps_left.saturating_sub(1),
                From::Literal => {}
            }
        }
    }

    /// Makes those tables anew whose time has come.
    pub(crate) fn refresh(&mut self, probs: &FixedProbs) {
        if self.matches_left == 0 {
            self.matches_left = MATCHES_PER_FILL;
            self.distance.fill(probs);
            self.length.fill(&probs.length, self.pos_states, self.max_length);
        }
        if self.reps_left == 0 {
            self.reps_left = REPS_PER_FILL;
            self.rep_length.fill(&probs.rep_length, self.pos_states, self.max_length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certain_bit_is_cheap_and_a_fair_one_costs_one() {
        assert_eq!(price_0(1024), 16);
        assert!(price_0(2040) <= 1 && price_1(2040) > 100);
    }

    #[test]
    fn slots_are_the_top_two_bits() {
        let expected = [(0, 0), (3, 3), (4, 4), (5, 4), (6, 5), (7, 5), (8, 6), (127, 13), (128, 14), (u32::MAX, 63)];
        for (distance, slot) in expected {
            assert_eq!(slot_of(distance), slot, "{distance}");
        }
    }
}
