//! The fast parser: takes the best match that it sees, unless the next position has a better one.
//!
//! At each position it knows the finder's best match and the four repeated distances. A repeated distance is so much
//! cheaper that it may be a few bytes shorter; a match of two bytes is worth it only when near; and before a match is taken the
//! position behind is looked at: if that one's is better, a literal goes first (lazy matching).
//!
//! Why it wins: no prices are kept and no paths are compared. It costs little beside the search; the optimal parser gains
//! some percent and costs several times as much.
//!
//! Source: the rules for what is better are those of the 7-Zip SDK's fast mode (LzmaEnc.c), whose ratio is the reference.

use super::price::{literal_price, matched_literal_price, price_0, price_1};
use super::symbols::{From, Step, SymbolEncoder};
use crate::find::{Finder, Match, Matches, common_length, extend, is_far_beyond};
use crate::model::{MAX_MATCH, MIN_MATCH, State};
use alloc::vec::Vec;

/// The bytes that one parse stands for, and a match more.
const PARSE_BYTES: usize = 1 << 11;

pub(crate) struct FastParser {
    nice_length: usize,
    /// The match at the next position, if it has been looked at.
    next: Option<Match>,
    found: Matches,
}

impl FastParser {
    pub(crate) fn new() -> Self {
        Self { nice_length: 32, next: None, found: Matches::new() }
    }

    /// Begins a text.
    pub(crate) fn begin(&mut self, nice_length: usize) {
        self.nice_length = nice_length;
        self.next = None;
    }

    /// Chooses the next steps from `position`, into `steps` in order. The finder stands at `position` (or one behind, if a
    /// parse before left its match) and goes to the end of the steps.
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
        let mut at = position;
        let mut reps = coder.reps;
        let mut state = coder.state;
        if at == 0 {
            finder.skip(text, 1);
            steps.push(Step { length: 1, from: From::Literal });
            state = state.literal();
            at = 1;
        }
        while at < stop {
            let step = self.choose(text, at, finder, &reps, coder, state);
            match step.from {
                From::Literal => state = state.literal(),
                From::Rep(index) => {
                    state = if step.length == 1 { state.short_repeated() } else { state.repeated() };
                    reps[..=usize::from(index)].rotate_right(1);
                }
                From::Match(distance) => {
                    state = state.matched();
                    reps = [distance, reps[0], reps[1], reps[2]];
                }
            }
            steps.push(step);
            at += step.length as usize;
        }
    }

    #[inline(always)]
    fn choose<F: Finder>(
        &mut self,
        text: &[u8],
        at: usize,
        finder: &mut F,
        reps: &[u32; 4],
        coder: &SymbolEncoder,
        state: State,
    ) -> Step {
        let main = match self.next.take() {
            Some(main) => main,
            None => finder.best(text, &mut self.found),
        };
        let available = (text.len() - at).min(MAX_MATCH);
        let main = self.lengthened(text, at, main, available);
        let length = main.length as usize;
        if available < MIN_MATCH {
            return single(text, at, reps, coder, state);
        }
        let (rep_index, rep_length) = best_rep(text, at, reps, available);
        if rep_length >= MIN_MATCH
            && (rep_length >= self.nice_length
                || rep_length + 1 >= length
                || (rep_length + 2 >= length && main.distance >= 1 << 9)
                || (rep_length + 3 >= length && main.distance >= 1 << 15))
        {
            finder.skip(text, rep_length - 1);
            return Step { length: rep_length as u32, from: From::Rep(rep_index as u8) };
        }
        if length < MIN_MATCH {
            return single(text, at, reps, coder, state);
        }
        if length < self.nice_length && available > length {
            let next = finder.best(text, &mut self.found);
            if is_better_later(main, next) || rep_reaches(text, at + 1, reps, (length - 1).max(MIN_MATCH)) {
                self.next = Some(next);
                return single(text, at, reps, coder, state);
            }
            finder.skip(text, length - 2);
        } else {
            finder.skip(text, length - 1);
        }
        Step { length: main.length, from: From::Match(main.distance) }
    }

    /// Finders may stop at the nice length; a match goes as far as it goes.
    #[inline(always)]
    fn lengthened(&self, text: &[u8], at: usize, main: Match, available: usize) -> Match {
        let length = main.length as usize;
        if length < self.nice_length || length >= available {
            return main;
        }
        let length = extend(text, at, at - main.distance as usize - 1, length, available);
        Match { length: length as u32, ..main }
    }
}

/// Whether the next position's match is worth a literal.
#[inline(always)]
fn is_better_later(main: Match, next: Match) -> bool {
    next.length >= MIN_MATCH as u32
        && ((next.length >= main.length && next.distance < main.distance)
            || (next.length == main.length + 1 && !is_far_beyond(next.distance, main.distance))
            || next.length > main.length + 1
            || (next.length + 1 >= main.length && main.length > 3 && is_far_beyond(main.distance, next.distance)))
}

/// A literal, or the byte at the last distance where that is cheaper.
#[inline(always)]
fn single(text: &[u8], at: usize, reps: &[u32; 4], coder: &SymbolEncoder, state: State) -> Step {
    let match_byte = text[at - reps[0] as usize - 1];
    let from = if match_byte == text[at] && short_rep_is_cheaper(text, at, match_byte, coder, state) {
        From::Rep(0)
    } else {
        From::Literal
    };
    Step { length: 1, from }
}

fn short_rep_is_cheaper(text: &[u8], at: usize, match_byte: u8, coder: &SymbolEncoder, state: State) -> bool {
    let pos_state = coder.pos_state(at);
    let fixed = &coder.probs.fixed;
    let index = state.index();
    let is_match = fixed.is_match[index][pos_state];
    let short_rep = price_1(is_match)
        + price_1(fixed.is_rep[index])
        + price_0(fixed.is_rep_g0[index])
        + price_0(fixed.is_rep0_long[index][pos_state]);
    let probs = coder.probs.literal(at, text[at - 1]);
    let literal = if state.is_after_literal() {
        literal_price(probs, match_byte)
    } else {
        matched_literal_price(probs, match_byte, match_byte)
    };
    short_rep < price_0(is_match) + literal
}

/// The repeated distance with the longest match, the first of several; and its length, below two if there is none.
#[inline(always)]
fn best_rep(text: &[u8], at: usize, reps: &[u32; 4], available: usize) -> (usize, usize) {
    let pair = pair_at(text, at);
    let (mut best_index, mut best_length) = (0, 0);
    for (index, &rep) in reps.iter().enumerate() {
        let other = at - rep as usize - 1;
        if pair_at(text, other) == pair {
            let length = common_length(text, at, other, available);
            if length > best_length {
                (best_index, best_length) = (index, length);
            }
        }
    }
    (best_index, best_length)
}

/// Whether a repeated distance has a match of `length` bytes.
#[inline(always)]
fn rep_reaches(text: &[u8], at: usize, reps: &[u32; 4], length: usize) -> bool {
    if text.len() - at < length {
        return false;
    }
    let pair = pair_at(text, at);
    reps.iter().any(|&rep| {
        let other = at - rep as usize - 1;
        pair_at(text, other) == pair && common_length(text, at, other, length) == length
    })
}

#[inline(always)]
fn pair_at(text: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([text[at], text[at + 1]])
}
