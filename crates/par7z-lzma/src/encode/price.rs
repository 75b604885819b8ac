//! What symbols cost, in sixteenths of a bit: the tables that the optimal parser adds up.
//!
//! Tables are made of the probabilities of a moment and used for a while: prices that are a little old cost less than
//! making them anew. Lengths and distances get new tables after so many were coded.
//! Source: the price model of the 7-Zip SDK (LzmaEnc.c), whose ratio is the reference.

use super::probs::{FixedProbs, LengthProbs};
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
        prices[index] = ((PROB_BITS << 4) - 15 - bits) as u8;
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

fn tree_price(probs: &[Prob], symbol: u32, bits: u32) -> Price {
    let mut node = symbol | 1 << bits;
    let mut price = 0;
    while node > 1 {
        let bit = node & 1;
        node >>= 1;
        price += bit_price(probs[node as usize], bit);
    }
    price
}

fn reverse_tree_price(probs: &[Prob], symbol: u32, bits: u32) -> Price {
    let mut node = 1usize;
    let mut price = 0;
    for index in 0..bits {
        let bit = symbol >> index & 1;
        price += bit_price(probs[node], bit);
        node = node << 1 | bit as usize;
    }
    price
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

/// Prices of lengths for each position state.
pub(crate) struct LengthPrices {
    prices: Box<[[Price; MAX_MATCH + 1]; MAX_POS_STATES]>,
}

impl LengthPrices {
    fn new() -> Self {
        Self { prices: Box::new([[0; MAX_MATCH + 1]; MAX_POS_STATES]) }
    }

    /// Of a length of 2 to the longest that was [filled](Self::fill).
    #[inline(always)]
    pub(crate) fn get(&self, length: usize, pos_state: usize) -> Price {
        self.prices[pos_state & (MAX_POS_STATES - 1)][length]
    }

    /// The row of a position state, by length.
    #[inline(always)]
    pub(crate) fn row(&self, pos_state: usize) -> &[Price; MAX_MATCH + 1] {
        &self.prices[pos_state & (MAX_POS_STATES - 1)]
    }

    pub(crate) fn fill(&mut self, probs: &LengthProbs, pos_states: usize, max_length: usize) {
        let low = price_0(probs.choice);
        let mid = price_1(probs.choice) + price_0(probs.choice2);
        let high = price_1(probs.choice) + price_1(probs.choice2);
        for (pos_state, prices) in self.prices.iter_mut().enumerate().take(pos_states) {
            for length in 0..LOW_LENGTHS {
                let symbol = length as u32;
                prices[MIN_MATCH + length] = low + tree_price(&probs.low[pos_state], symbol, 3);
                prices[MIN_MATCH + LOW_LENGTHS + length] = mid + tree_price(&probs.mid[pos_state], symbol, 3);
            }
        }
        for length in MIN_MATCH + 2 * LOW_LENGTHS..=max_length {
            let symbol = (length - MIN_MATCH - 2 * LOW_LENGTHS) as u32;
            let price = high + tree_price(&probs.high, symbol, 8);
            for prices in self.prices.iter_mut().take(pos_states) {
                prices[length] = price;
            }
        }
    }
}

/// Prices of distances (from 0).
pub(crate) struct DistancePrices {
    slots: [[Price; SLOTS]; LENGTH_CLASSES],
    full: [[Price; FULL_DISTANCES]; LENGTH_CLASSES],
    align: [Price; ALIGN_SIZE],
    used_slots: usize,
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
            slots: [[0; SLOTS]; LENGTH_CLASSES],
            full: [[0; FULL_DISTANCES]; LENGTH_CLASSES],
            align: [0; ALIGN_SIZE],
            used_slots: SLOTS,
        }
    }

    /// Of a distance in a match of this [class](crate::model::length_class).
    #[inline(always)]
    pub(crate) fn get(&self, distance: u32, class: usize) -> Price {
        if (distance as usize) < FULL_DISTANCES {
            return self.full[class][distance as usize];
        }
        self.slots[class][slot_of(distance) as usize & (SLOTS - 1)] + self.align[distance as usize & (ALIGN_SIZE - 1)]
    }

    fn fill(&mut self, probs: &FixedProbs) {
        let mut footers = [0; FULL_DISTANCES];
        for (distance, footer) in footers.iter_mut().enumerate().skip(4) {
            let slot = slot_of(distance as u32);
            let bits = (slot >> 1) - 1;
            let base = ((2 | slot & 1) << bits) as usize;
            *footer = reverse_tree_price(&probs.special[base - slot as usize..], (distance - base) as u32, bits);
        }
        for ((slots, full), probs) in self.slots.iter_mut().zip(&mut self.full).zip(&probs.slot) {
            for (slot, price) in slots.iter_mut().enumerate().take(self.used_slots) {
                *price = tree_price(probs, slot as u32, 6);
            }
            for (distance, price) in full.iter_mut().enumerate() {
                *price = slots[slot_of(distance as u32) as usize] + footers[distance];
            }
            for (slot, price) in slots.iter_mut().enumerate().skip(FIRST_ALIGNED_SLOT) {
                *price += ((slot as Price >> 1) - 1 - ALIGN_BITS) << 4;
            }
        }
        for (symbol, price) in self.align.iter_mut().enumerate() {
            *price = reverse_tree_price(&probs.align, symbol as u32, ALIGN_BITS);
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
        self.distance.used_slots = (slot_of(dictionary_bytes.saturating_sub(1)) as usize + 1).min(SLOTS);
        self.expire();
    }

    /// The probabilities have changed all at once.
    pub(crate) fn expire(&mut self) {
        (self.matches_left, self.reps_left) = (0, 0);
    }

    #[inline(always)]
    pub(crate) fn match_coded(&mut self) {
        self.matches_left = self.matches_left.saturating_sub(1);
    }

    #[inline(always)]
    pub(crate) fn rep_coded(&mut self) {
        self.reps_left = self.reps_left.saturating_sub(1);
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
