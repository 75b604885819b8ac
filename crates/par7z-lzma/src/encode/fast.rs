//! The fast parser: takes the most valuable match that it sees, unless the next position has a better one.
//!
//! At each position it knows the finder's best match and the longest one at a repeated distance, each with a value: roughly
//! the bits that it saves. Before a match is taken the position behind is looked at; if a match there is worth more, a literal
//! goes first (lazy matching).
//!
//! **Why it wins.** Nothing is searched but two positions, and no prices are kept: one number for a match makes up for them.
//! It weighs distance against length, which rules of thumb for lengths do badly: with the same finder it packs 0.4 to 1.2 %
//! smaller than the rules of the 7-Zip SDK's fast mode. The optimal parser with a tree packs some 15 % smaller, at several times
//! the cost.
//!
//! **Invariants.** `next` is the match at the position where the next step begins, and the finder is one behind that then.
//! Distances and state are followed from those of the coder at the beginning of a parse; probabilities stay as they were there.

use super::price::{literal_price, matched_literal_price, price_0, price_1};
use super::symbols::{From, Step, SymbolEncoder};
use crate::find::{Best, Finder, Matches, common_length, extend};
use crate::model::{MAX_MATCH, MIN_MATCH, State};
use alloc::vec::Vec;

/// The bytes that one parse stands for, but for the last match, which may go on.
const PARSE_BYTES: usize = 1 << 11;
const _: () = assert!(PARSE_BYTES + MAX_MATCH <= super::nodes::MAX_PARSE);

/// What a match at a repeated distance is worth beyond its bytes.
const REP_VALUE: i32 = 1;

pub(crate) struct FastParser {
    /// A match of this length is taken without a look at the next position.
    nice_length: usize,
    /// The match at the next position, if it has been looked at.
    next: Option<Best>,
    found: Matches,
}

/// The coder's state and distances as they will be at a position.
struct Ahead<'a> {
    text: &'a [u8],
    coder: &'a SymbolEncoder,
    position: usize,
    state: State,
    reps: [u32; 4],
}

impl FastParser {
    pub(crate) fn new() -> Self {
        Self { nice_length: 32, next: None, found: Matches::new() }
    }

    /// Begins a text.
    pub(crate) fn begin(&mut self, nice_length: usize) {
        (self.nice_length, self.next) = (nice_length, None);
    }

    /// Chooses the next steps from `position`, into `steps` in order. The finder stands at `position` (or one behind, if a
    /// parse before left its match) and goes to the end of the steps, or one behind.
    pub(crate) fn parse<F: Finder>(
        &mut self,
        text: &[u8],
        position: usize,
        finder: &mut F,
        coder: &SymbolEncoder,
        steps: &mut Vec<Step>,
    ) {
        steps.clear();
        let stop = text.len().min(position + PARSE_BYTES);
        let mut ahead = Ahead { text, coder, position, state: coder.state, reps: coder.reps };
        if position == 0 && self.next.is_none() {
            // Before the first byte there is nothing that a repeated distance could refer to.
            finder.skip(text, 1);
            ahead.go(Step { length: 1, from: From::Literal }, steps);
        }
        while ahead.position < stop {
            let step = self.choose(&ahead, finder);
            ahead.go(step, steps);
        }
    }

    #[inline(always)]
    fn choose<F: Finder>(&mut self, ahead: &Ahead<'_>, finder: &mut F) -> Step {
        let text = ahead.text;
        let best = self.next.take().unwrap_or_else(|| finder.best(text, &mut self.found));
        let available = (text.len() - ahead.position).min(MAX_MATCH);
        if available < MIN_MATCH {
            return ahead.single();
        }
        let (rep_index, rep_length) = ahead.best_rep(available);
        if rep_length >= MIN_MATCH && (rep_length >= self.nice_length || rep_value(rep_length) >= best.value) {
            finder.skip(text, rep_length - 1);
            return Step { length: rep_length as u32, from: From::Rep(rep_index as u8) };
        }
        if best.length == 0 {
            return ahead.single();
        }
        let mut known = 1;
        if best.length < self.nice_length && best.length < available {
            let next = finder.best(text, &mut self.found);
            if next.value > best.value || ahead.next_rep_is_worth(best.value) {
                self.next = Some(next);
                return ahead.single();
            }
            known = 2;
        }
        // Finders may stop at the nice length; a match goes as far as it goes.
        let mut length = best.length;
        if length >= self.nice_length && length < available {
            length = extend(text, ahead.position, ahead.position - best.distance as usize - 1, length, available);
        }
        finder.skip(text, length - known);
        Step { length: length as u32, from: From::Match(best.distance) }
    }
}

#[inline(always)]
fn rep_value(length: usize) -> i32 {
    length as i32 * Best::BYTE_BITS + REP_VALUE
}

impl Ahead<'_> {
    #[inline(always)]
    fn go(&mut self, step: Step, steps: &mut Vec<Step>) {
        match step.from {
            From::Literal => self.state = self.state.literal(),
            From::Rep(_) if step.length == 1 => self.state = self.state.short_repeated(),
            From::Rep(index) => {
                self.state = self.state.repeated();
                self.reps[..=usize::from(index)].rotate_right(1);
            }
            From::Match(distance) => {
                self.state = self.state.matched();
                self.reps = [distance, self.reps[0], self.reps[1], self.reps[2]];
            }
        }
        self.position += step.length as usize;
        steps.push(step);
    }

    /// A literal, or the byte at the last distance where that is cheaper.
    #[inline(always)]
    fn single(&self) -> Step {
        let byte = self.text[self.position];
        let is_rep = self.text[self.position - self.reps[0] as usize - 1] == byte && self.short_rep_is_cheaper(byte);
        Step { length: 1, from: if is_rep { From::Rep(0) } else { From::Literal } }
    }

    #[inline(never)]
    fn short_rep_is_cheaper(&self, byte: u8) -> bool {
        let pos_state = self.coder.pos_state(self.position);
        let fixed = &self.coder.probs.fixed;
        let state = self.state.index();
        let is_match = fixed.is_match[state][pos_state];
        let short_rep = price_1(is_match)
            + price_1(fixed.is_rep[state])
            + price_0(fixed.is_rep_g0[state])
            + price_0(fixed.is_rep0_long[state][pos_state]);
        let probs = self.coder.probs.literal(self.position, self.text[self.position - 1]);
        let literal = if self.state.is_after_literal() {
            literal_price(probs, byte)
        } else {
            matched_literal_price(probs, byte, byte)
        };
        short_rep < price_0(is_match) + literal
    }

    /// Which repeated distance has the longest match, the first of several, and its length: below two if there is none.
    #[inline(always)]
    fn best_rep(&self, available: usize) -> (usize, usize) {
        let pair = pair_at(self.text, self.position);
        let (mut best_index, mut best_length) = (0, 0);
        for (index, &rep) in self.reps.iter().enumerate() {
            let other = self.position - rep as usize - 1;
            if pair_at(self.text, other) == pair {
                let length = common_length(self.text, self.position, other, available);
                if length > best_length {
                    (best_index, best_length) = (index, length);
                }
            }
        }
        (best_index, best_length)
    }

    /// Whether a repeated distance at the next position has a match of at least this value.
    #[inline(always)]
    fn next_rep_is_worth(&self, value: i32) -> bool {
        let length = ((value - REP_VALUE + Best::BYTE_BITS - 1) / Best::BYTE_BITS).max(MIN_MATCH as i32) as usize;
        let position = self.position + 1;
        if self.text.len() - position < length {
            return false;
        }
        let pair = pair_at(self.text, position);
        self.reps.iter().any(|&rep| {
            let other = position - rep as usize - 1;
            pair_at(self.text, other) == pair && common_length(self.text, position, other, length) == length
        })
    }
}

#[inline(always)]
fn pair_at(text: &[u8], position: usize) -> u16 {
    u16::from_le_bytes([text[position], text[position + 1]])
}
