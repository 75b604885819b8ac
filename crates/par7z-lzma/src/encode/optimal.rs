//! The optimal parser: the cheapest way through the next few thousand bytes, as the prices of this moment have it.
//!
//! A node stands for a position; it holds the cheapest known way there. From each node, in order, all steps are tried -
//! literal, short rep, the four repeated distances, matches of every length - and three compound ones whose middle would look
//! too dear by itself: literal + rep0, rep + literal + rep0, match + literal + rep0. A way ends where every path must pass
//! (the last node reached), at a match so long that it is taken at once, or when the nodes run out.
//!
//! Why it wins: LZMA's prices depend on the path (state, last distances), so greedy choices cost several percent. It is
//! not a full search: a node keeps the state of its cheapest path alone.
//!
//! Invariants: prices of nodes behind `last` are infinite; a node's `state` and `reps` are set when it is visited, from the
//! node that its step came from, which was visited before.
//!
//! Source: the graph and the order of trials are those of the 7-Zip SDK's encoder (LzmaEnc.c), whose ratio is the reference.

use super::price::{INFINITE, Price, Prices, bit_price, literal_price, matched_literal_price, price_0, price_1};
use super::symbols::{From, Step, SymbolEncoder};
use crate::find::{Finder, Match, Matches, common_length, extend};
use crate::model::{MAX_MATCH, MIN_MATCH, STATES, State, length_class};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// Nodes of a parse.
const NODES: usize = 1 << 12;
/// The most bytes that one parse stands for.
pub(crate) const MAX_PARSE: usize = NODES + MAX_MATCH;
/// Room behind the last node that may be visited, for the steps from it.
const SPARE: usize = MAX_MATCH * 2 + 64;

/// How a node is reached.
#[derive(Clone, Copy)]
struct Node {
    price: Price,
    /// Length of the last step.
    length: u32,
    /// Its source: `LITERAL`, 0 to 3 a repeated distance, else the distance + 4.
    from: u32,
    /// 0: a single step. 1: after a literal. More: after a literal and, before that, a step of `extra - 1` bytes from `from`,
    /// and then `from` is that step's and the last one is rep0.
    extra: u32,
    state: State,
    reps: [u32; 4],
}

const LITERAL: u32 = u32::MAX;
/// The state after a compound step, whatever was before: all end in a literal and rep0.
const AFTER_LITERAL_AND_REP: State = State(8);

const UNREACHED: Node = Node { price: INFINITE, length: 0, from: LITERAL, extra: 0, state: State(0), reps: [0; 4] };

impl Node {
    fn is_short_rep(&self) -> bool {
        self.from == 0 && self.length == 1
    }
}

pub(crate) struct OptimalParser {
    nodes: Box<[Node]>,
    /// The nodes in use: 1 to `last`.
    last: usize,
    found: Matches,
    /// Whether `found` is of the position that comes next: a parse that met a long match leaves it.
    found_is_next: bool,
    /// A length that is taken at once.
    nice_length: usize,
    /// The longest match that the finder gives: one of that length may go on.
    finder_limit: usize,
}

/// Puts a price into a node if it is lower.
macro_rules! offer {
    ($node:expr, $price:expr, $length:expr, $from:expr, $extra:expr) => {{
        let node = &mut $node;
        if $price < node.price {
            node.price = $price;
            node.length = $length as u32;
            node.from = $from;
            node.extra = $extra as u32;
        }
    }};
}

impl OptimalParser {
    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![UNREACHED; NODES + SPARE].into_boxed_slice(),
            last: 0,
            found: Matches::new(),
            found_is_next: false,
            nice_length: 32,
            finder_limit: 32,
        }
    }

    /// Begins a text, whose finder gives matches of at most `finder_limit` bytes.
    pub(crate) fn begin(&mut self, nice_length: usize, finder_limit: usize) {
        (self.nice_length, self.finder_limit) = (nice_length, finder_limit);
        self.found_is_next = false;
    }

    /// Chooses the next steps from `position`, into `steps` in order. The finder stands at `position` (or one behind, if a
    /// parse before left its matches) and goes to the end of the steps.
    pub(crate) fn parse<F: Finder>(
        &mut self,
        text: &[u8],
        position: usize,
        finder: &mut F,
        coder: &SymbolEncoder,
        prices: &Prices,
        steps: &mut Vec<Step>,
    ) {
        steps.clear();
        if let Some(step) = self.open(text, position, finder, coder, prices) {
            steps.push(step);
            return;
        }
        let end = self.explore(text, position, finder, coder, prices);
        self.trace(end, steps);
        // For the next parse.
        self.nodes[1..=self.last.max(end)].fill(UNREACHED);
    }

    /// Looks for matches at `position`, with the longest one as long as it gets.
    fn look<F: Finder>(&mut self, text: &[u8], position: usize, finder: &mut F) {
        if core::mem::take(&mut self.found_is_next) {
            return;
        }
        finder.matches(text, &mut self.found);
        let longest = self.found.longest() as usize;
        let limit = (text.len() - position).min(MAX_MATCH);
        if longest >= self.finder_limit && longest < limit {
            let distance = self.found.as_slice().last().map_or(0, |found| found.distance as usize);
            let length = extend(text, position, position - distance - 1, longest, limit);
            self.found.set_longest(length as u32);
        } else if longest > limit {
            // The finder may know the text beyond the part that is parsed.
            self.found.cap(limit as u32);
        }
    }

    /// The first node. A step, if there is nothing to choose.
    fn open<F: Finder>(
        &mut self,
        text: &[u8],
        position: usize,
        finder: &mut F,
        coder: &SymbolEncoder,
        prices: &Prices,
    ) -> Option<Step> {
        self.look(text, position, finder);
        let literal = Step { length: 1, from: From::Literal };
        let available = (text.len() - position).min(MAX_MATCH);
        if available < MIN_MATCH || position == 0 {
            return Some(literal);
        }
        let reps = coder.reps;
        let mut rep_lengths = [0; 4];
        let mut best_rep = 0;
        for (index, &rep) in reps.iter().enumerate() {
            rep_lengths[index] = rep_length(text, position, rep, available);
            if rep_lengths[index] > rep_lengths[best_rep] {
                best_rep = index;
            }
        }
        let take = |finder: &mut F, length: usize, from: From| {
            finder.skip(text, length - 1);
            Some(Step { length: length as u32, from })
        };
        if rep_lengths[best_rep] >= self.nice_length {
            return take(finder, rep_lengths[best_rep], From::Rep(best_rep as u8));
        }
        let longest = self.found.longest() as usize;
        if longest >= self.nice_length {
            let distance = self.found.as_slice().last().map_or(0, |found| found.distance);
            return take(finder, longest, From::Match(distance));
        }
        let byte = text[position];
        let match_byte = text[position - reps[0] as usize - 1];
        let last = longest.max(rep_lengths[best_rep]);
        if last < MIN_MATCH && byte != match_byte {
            return Some(literal);
        }

        let state = coder.state;
        let probs = &coder.probs.fixed;
        let pos_state = coder.pos_state(position);
        let is_match = probs.is_match[state.index()][pos_state];
        let literal_probs = coder.probs.literal(position, text[position - 1]);
        let literal_price = price_0(is_match)
            + if state.is_after_literal() {
                literal_price(literal_probs, byte)
            } else {
                matched_literal_price(literal_probs, byte, match_byte)
            };
        self.nodes[0] = Node { price: 0, length: 0, from: LITERAL, extra: 0, state, reps };
        self.nodes[1] = Node { price: literal_price, length: 1, ..UNREACHED };
        let match_price = price_1(is_match);
        let rep_price = match_price + price_1(probs.is_rep[state.index()]);
        if match_byte == byte && rep_lengths[0] < MIN_MATCH {
            let price = rep_price + short_rep_price(coder, state, pos_state);
            offer!(self.nodes[1], price, 1, 0, 0);
            if last < MIN_MATCH {
                let from = if self.nodes[1].is_short_rep() { From::Rep(0) } else { From::Literal };
                self.nodes[1] = UNREACHED;
                return Some(Step { length: 1, from });
            }
        }
        self.last = last.max(1);
        for (index, &length) in rep_lengths.iter().enumerate() {
            let base = rep_price + rep_index_price(coder, index, state, pos_state);
            let lengths = prices.rep_length.row(pos_state);
            let nodes = self.nodes.iter_mut().zip(lengths).enumerate().take(length + 1).skip(MIN_MATCH);
            for (length, (node, price)) in nodes {
                offer!(*node, base + price, length, index as u32, 0);
            }
        }
        // A match no longer than rep0 is never cheaper.
        let start = (rep_lengths[0] + 1).max(MIN_MATCH);
        let base = match_price + price_0(probs.is_rep[state.index()]);
        offer_matches(&mut self.nodes, self.found.as_slice(), start, base, prices, pos_state);
        None
    }

    /// Goes through the nodes; gives the node where the parse ends.
    fn explore<F: Finder>(
        &mut self,
        text: &[u8],
        start: usize,
        finder: &mut F,
        coder: &SymbolEncoder,
        prices: &Prices,
    ) -> usize {
        let mut current = 0;
        loop {
            current += 1;
            if current == self.last {
                return current;
            }
            if current >= NODES - 64 {
                // Out of nodes: the cheapest of those reached ends the parse.
                return self.cheapest_from(current, text, finder);
            }
            let position = start + current;
            self.look(text, position, finder);
            if self.found.longest() as usize >= self.nice_length {
                self.found_is_next = true;
                return current;
            }
            self.settle(current);
            self.visit(current, text, position, coder, prices);
        }
    }

    fn cheapest_from<F: Finder>(&mut self, current: usize, text: &[u8], finder: &mut F) -> usize {
        let mut best = current;
        for index in current + 1..=self.last {
            if self.nodes[index].price <= self.nodes[best].price {
                best = index;
            }
        }
        if best > current {
            finder.skip(text, best - current);
        }
        best
    }

    /// Sets a node's state and distances by the way that leads there.
    #[inline(always)]
    fn settle(&mut self, current: usize) {
        let node = self.nodes[current];
        let mut before = current - node.length as usize;
        let (state, reps);
        if node.length == 1 && node.extra == 0 {
            let previous = &self.nodes[before];
            reps = previous.reps;
            state = if node.is_short_rep() { previous.state.short_repeated() } else { previous.state.literal() };
        } else {
            let first = if node.extra > 0 {
                before -= node.extra as usize;
                node.extra as usize
            } else {
                0
            };
            let previous = &self.nodes[before];
            let from = node.from;
            state = match first {
                0 if from < 4 => previous.state.repeated(),
                0 => previous.state.matched(),
                _ => AFTER_LITERAL_AND_REP,
            };
            reps = moved_to_front(&previous.reps, if first == 1 { 0 } else { from });
        }
        let node = &mut self.nodes[current];
        node.state = state;
        node.reps = reps;
    }

    /// Tries all steps from a node.
    #[inline(always)]
    fn visit(&mut self, current: usize, text: &[u8], position: usize, coder: &SymbolEncoder, prices: &Prices) {
        let nodes = &mut self.nodes;
        let Node { price, state, reps, .. } = nodes[current];
        let nice = self.nice_length;
        let probs = &coder.probs.fixed;
        let pos_state = coder.pos_state(position);
        let byte = text[position];
        let match_byte = text[position - reps[0] as usize - 1];
        let is_match = probs.is_match[state.index()][pos_state];
        let match_price = price + price_1(is_match);
        let rep_price = match_price + price_1(probs.is_rep[state.index()]);

        // A literal. Where the byte is rep0's and the next node is reached already, it never is the cheapest.
        let mut next_is_literal = false;
        let mut after_literal = price + price_0(is_match);
        let next_price = nodes[current + 1].price;
        if (next_price < INFINITE && match_byte == byte) || after_literal > next_price {
            after_literal = 0;
        } else {
            let literal_probs = coder.probs.literal(position, text[position - 1]);
            after_literal += if state.is_after_literal() {
                literal_price(literal_probs, byte)
            } else {
                matched_literal_price(literal_probs, byte, match_byte)
            };
            if after_literal < next_price {
                nodes[current + 1] = Node { price: after_literal, length: 1, ..UNREACHED };
                next_is_literal = true;
            }
        }

        let available = (text.len() - position).min(NODES - 1 - current);
        if available < MIN_MATCH {
            return;
        }
        let next = &mut nodes[current + 1];
        if match_byte == byte && rep_price < next.price && (next.length < 2 || next.from != 0) {
            let price = rep_price + short_rep_price(coder, state, pos_state);
            if price < next.price {
                *next = Node { price, length: 1, from: 0, ..UNREACHED };
                next_is_literal = false;
            }
        }
        let limit = available.min(nice);

        // literal + rep0
        if !next_is_literal && after_literal != 0 && match_byte != byte && available > 2 {
            let length = rep_length_at(text, position + 1, reps[0], (nice + 1).min(available) - 1);
            if length >= MIN_MATCH {
                let state = state.literal();
                let pos_state = coder.pos_state(position + 1);
                let price =
                    after_literal + long_rep0_price(coder, state, pos_state) + prices.rep_length.get(length, pos_state);
                let reached = current + 1 + length;
                self.last = self.last.max(reached);
                offer!(nodes[reached], price, length, 0, 1);
            }
        }

        // The four repeated distances.
        let mut start = MIN_MATCH;
        for (index, &rep) in reps.iter().enumerate() {
            let length = rep_length_at(text, position, rep, limit);
            if length < MIN_MATCH {
                continue;
            }
            self.last = self.last.max(current + length);
            let base = rep_price + rep_index_price(coder, index, state, pos_state);
            let lengths = prices.rep_length.row(pos_state);
            for length in (MIN_MATCH..=length).rev() {
                offer!(nodes[current + length], base + lengths[length], length, index as u32, 0);
            }
            if index == 0 {
                start = length + 1;
            }
            let after =
                After { price: base + lengths[length], state: state.repeated(), from: index as u32, rep, length };
            self.last = self
                .last
                .max(offer_literal_rep0(nodes, current, text, position, coder, prices, &after, nice, available));
        }

        // Matches.
        if self.found.longest() as usize > limit {
            self.found.cap(limit as u32);
        }
        let found = self.found.as_slice();
        let longest = self.found.longest() as usize;
        if longest < start {
            return;
        }
        self.last = self.last.max(current + longest);
        let base = match_price + price_0(probs.is_rep[state.index()]);
        offer_matches(&mut nodes[current..], found, start, base, prices, pos_state);
        let lengths = prices.length.row(pos_state);
        for &Match { length, distance } in found {
            let length = length as usize;
            if length < start {
                continue;
            }
            let price = base + lengths[length] + prices.distance.get(distance, length_class(length));
            let after = After { price, state: state.matched(), from: distance + 4, rep: distance, length };
            self.last = self
                .last
                .max(offer_literal_rep0(nodes, current, text, position, coder, prices, &after, nice, available));
        }
    }

    /// Writes the way to node `end` into `steps`.
    fn trace(&mut self, end: usize, steps: &mut Vec<Step>) {
        let mut at = end;
        while at > 0 {
            let node = &self.nodes[at];
            let literal = Step { length: 1, from: From::Literal };
            match node.extra {
                0 => {
                    steps.push(Step { length: node.length, from: source(node) });
                    at -= node.length as usize;
                }
                1 => {
                    steps.push(Step { length: node.length, from: From::Rep(0) });
                    steps.push(literal);
                    at -= node.length as usize + 1;
                }
                extra => {
                    steps.push(Step { length: node.length, from: From::Rep(0) });
                    steps.push(literal);
                    steps.push(Step { length: extra - 1, from: source(node) });
                    at -= (node.length + extra) as usize;
                }
            }
        }
        steps.reverse();
    }
}

fn source(node: &Node) -> From {
    match node.from {
        LITERAL => From::Literal,
        index @ 0..4 => From::Rep(index as u8),
        distance => From::Match(distance - 4),
    }
}

/// The distances after a step from `from`.
#[inline(always)]
fn moved_to_front(reps: &[u32; 4], from: u32) -> [u32; 4] {
    match from {
        0 => *reps,
        1 => [reps[1], reps[0], reps[2], reps[3]],
        2 => [reps[2], reps[0], reps[1], reps[3]],
        3 => [reps[3], reps[0], reps[1], reps[2]],
        distance => [distance - 4, reps[0], reps[1], reps[2]],
    }
}

/// Length of the match at a repeated distance; 0 below two bytes.
#[inline(always)]
fn rep_length(text: &[u8], position: usize, rep: u32, limit: usize) -> usize {
    if (rep as usize) < position { rep_length_at(text, position, rep, limit) } else { 0 }
}

#[inline(always)]
fn rep_length_at(text: &[u8], position: usize, rep: u32, limit: usize) -> usize {
    let other = position - rep as usize - 1;
    if limit < MIN_MATCH || text[position] != text[other] || text[position + 1] != text[other + 1] {
        return 0;
    }
    common_length(text, position, other, limit)
}

#[inline(always)]
fn short_rep_price(coder: &SymbolEncoder, state: State, pos_state: usize) -> Price {
    let probs = &coder.probs.fixed;
    price_0(probs.is_rep_g0[state.index()]) + price_0(probs.is_rep0_long[state.index()][pos_state])
}

/// Which of the four distances, without the length.
#[inline(always)]
fn rep_index_price(coder: &SymbolEncoder, index: usize, state: State, pos_state: usize) -> Price {
    let probs = &coder.probs.fixed;
    let state = state.index() % STATES;
    if index == 0 {
        return price_0(probs.is_rep_g0[state]) + price_1(probs.is_rep0_long[state][pos_state]);
    }
    let price = price_1(probs.is_rep_g0[state]) + bit_price(probs.is_rep_g1[state], u32::from(index > 1));
    if index == 1 { price } else { price + bit_price(probs.is_rep_g2[state], u32::from(index > 2)) }
}

/// A long rep0 with everything but its length.
#[inline(always)]
fn long_rep0_price(coder: &SymbolEncoder, state: State, pos_state: usize) -> Price {
    let probs = &coder.probs.fixed;
    price_1(probs.is_match[state.index()][pos_state])
        + price_1(probs.is_rep[state.index()])
        + rep_index_price(coder, 0, state, pos_state)
}

/// Offers every length from `start` to the longest match, each with the nearest distance that has it.
#[inline(always)]
fn offer_matches(nodes: &mut [Node], found: &[Match], start: usize, base: Price, prices: &Prices, pos_state: usize) {
    let lengths = prices.length.row(pos_state);
    let mut length = start;
    for found in found {
        let longest = found.length as usize;
        while length <= longest {
            let price = base + lengths[length] + prices.distance.get(found.distance, length_class(length));
            offer!(nodes[length], price, length, found.distance + 4, 0);
            length += 1;
        }
    }
}

/// A step after which a literal and rep0 are tried.
struct After {
    price: Price,
    state: State,
    from: u32,
    rep: u32,
    length: usize,
}

/// Offers step + literal + rep0. Gives the node reached, or 0.
#[inline(always)]
#[expect(
    clippy::too_many_arguments,
    reason = "the parser's innermost step; a struct of these would be made for each call"
)]
fn offer_literal_rep0(
    nodes: &mut [Node],
    current: usize,
    text: &[u8],
    position: usize,
    coder: &SymbolEncoder,
    prices: &Prices,
    after: &After,
    nice: usize,
    available: usize,
) -> usize {
    let literal_at = after.length + 1;
    let limit = (literal_at + nice).min(available);
    if literal_at + 2 > limit {
        return 0;
    }
    let rep_position = position + literal_at;
    let length = rep_length_at(text, rep_position, after.rep, limit - literal_at);
    if length < MIN_MATCH {
        return 0;
    }
    let literal_position = position + after.length;
    let pos_state = coder.pos_state(literal_position);
    let probs = coder.probs.literal(literal_position, text[literal_position - 1]);
    let match_byte = text[literal_position - after.rep as usize - 1];
    let literal = price_0(coder.probs.fixed.is_match[after.state.index()][pos_state])
        + matched_literal_price(probs, text[literal_position], match_byte);
    let state = after.state.literal();
    let pos_state = coder.pos_state(rep_position);
    let price =
        after.price + literal + long_rep0_price(coder, state, pos_state) + prices.rep_length.get(length, pos_state);
    let reached = current + literal_at + length;
    offer!(nodes[reached], price, length, after.from, literal_at);
    reached
}
