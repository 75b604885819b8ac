//! The optimal parser: the cheapest way through the next few thousand bytes, as the prices of this moment have it.
//!
//! A node stands for a position; it holds the cheapest known way there. From each node, in order, all steps are tried -
//! literal, short rep, the four repeated distances, matches of every length - and three compound ones whose middle would look
//! too dear by itself: literal + rep0, rep + literal + rep0, match + literal + rep0. A way ends where every path must pass
//! (the last node reached), at a match so long that it is taken at once, or when the nodes run out.
//!
//! A node is passed by if the next one is reached for hardly more (`margin`): it lies within a match, and whatever leads on from
//! it leads on from there. That is a third of all nodes, and costs a thousandth of the size.
//!
//! Why it wins: LZMA's prices depend on the path (state, last distances), so greedy choices cost several percent. It is
//! not a full search: a node keeps the state of its cheapest path alone.
//!
//! Invariants: prices of nodes behind `last` are infinite; a node's place is set when it is visited, from the place of the
//! node that its step came from, which was visited before.
//!
//! Source: the graph and the order of trials are those of the 7-Zip SDK's encoder (LzmaEnc.c), whose ratio is the reference.

use super::price::{
    INFINITE, LengthRow, Price, Prices, bit_price, literal_price, matched_literal_price, price_0, price_1,
};
use super::symbols::{From, Step, SymbolEncoder};
use crate::find::{Finder, Match, Matches, common_length, extend};
use crate::kernel::prefetch::prefetch;
use crate::model::{LENGTH_CLASSES, MAX_MATCH, MIN_MATCH, STATES, State};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// Nodes of a parse.
const NODES: usize = 1 << 12;
/// The most bytes that one parse stands for.
pub(crate) const MAX_PARSE: usize = NODES + MAX_MATCH;
/// Nodes with those behind the last one that may be visited, which the steps from it reach. A power of two, so that a mask
/// proves an index.
const TABLE: usize = 2 * NODES;
const MASK: usize = TABLE - 1;
const _: () = assert!(NODES + 2 * MAX_MATCH + 2 < TABLE);

/// The last step of the way to a node.
#[derive(Clone, Copy)]
struct Way {
    /// Its source: `LITERAL`, 0 to 3 a repeated distance, else the distance + 4.
    from: u32,
    length: u16,
    /// 0: a single step. 1: after a literal. More: after a literal and, before that, a step of `extra - 1` bytes from `from`,
    /// and then `from` is that step's and the last one is rep0.
    extra: u16,
}

const LITERAL: u32 = u32::MAX;

impl Way {
    const LITERAL: Self = Self { from: LITERAL, length: 1, extra: 0 };
    const SHORT_REP: Self = Self { from: 0, length: 1, extra: 0 };

    /// A step by itself.
    #[inline(always)]
    fn single(from: u32, length: usize) -> Self {
        Self { from, length: length as u16, extra: 0 }
    }

    fn is_short_rep(self) -> bool {
        self.from == 0 && self.length == 1
    }

    fn source(self) -> From {
        match self.from {
            LITERAL => From::Literal,
            index @ 0..4 => From::Rep(index as u8),
            distance => From::Match(distance - 4),
        }
    }
}

/// What the coder would know at a node.
#[derive(Clone, Copy)]
struct Place {
    reps: [u32; 4],
    state: State,
}

/// The state after a compound step, whatever was before: all end in a literal and rep0.
const AFTER_LITERAL_AND_REP: State = State(8);

/// The nodes, by what is used together: prices are compared far more often than changed.
struct Nodes {
    prices: Box<[Price; TABLE]>,
    ways: Box<[Way; TABLE]>,
    places: Box<[Place; TABLE]>,
    /// The nodes in use: 1 to `last`.
    last: usize,
}

fn boxed<T: Clone>(value: T) -> Box<[T; TABLE]> {
    vec![value; TABLE].into_boxed_slice().try_into().ok().expect("the length is that of the array")
}

impl Nodes {
    fn new() -> Self {
        Self {
            prices: boxed(INFINITE),
            ways: boxed(Way::LITERAL),
            places: boxed(Place { reps: [0; 4], state: State(0) }),
            last: 0,
        }
    }

    #[inline(always)]
    fn set(&mut self, at: usize, price: Price, way: Way) {
        self.prices[at & MASK] = price;
        self.ways[at & MASK] = way;
    }

    /// Puts a way into a node if it is cheaper.
    #[inline(always)]
    fn offer(&mut self, at: usize, price: Price, way: Way) {
        self.last = self.last.max(at);
        if price < self.prices[at & MASK] {
            self.set(at, price, way);
        }
    }

    /// Offers steps from node `from_node` of every length from `start` to `longest`; `base` is their price without the length's.
    #[inline(always)]
    fn offer_lengths(
        &mut self,
        from_node: usize,
        lengths: core::ops::RangeInclusive<usize>,
        base: Price,
        row: &LengthRow,
        from: u32,
    ) {
        let (start, longest) = (*lengths.start(), (*lengths.end()).min(MAX_MATCH));
        let prices = &mut self.prices[from_node & (NODES - 1)..][..MAX_MATCH + 1];
        let ways = &mut self.ways[from_node & (NODES - 1)..][..MAX_MATCH + 1];
        for length in start..=longest {
            let price = base + Price::from(row[length]);
            if price < prices[length] {
                prices[length] = price;
                ways[length] = Way::single(from, length);
            }
        }
    }

    /// Sets a node's state and distances by the way that leads there.
    #[inline(always)]
    fn settle(&mut self, current: usize) {
        let way = self.ways[current & MASK];
        let extra = usize::from(way.extra);
        let before = &self.places[(current - usize::from(way.length) - extra) & MASK];
        let place = if way.length == 1 && extra == 0 {
            let state = if way.is_short_rep() { before.state.short_repeated() } else { before.state.literal() };
            Place { reps: before.reps, state }
        } else {
            let state = match extra {
                0 if way.from < 4 => before.state.repeated(),
                0 => before.state.matched(),
                _ => AFTER_LITERAL_AND_REP,
            };
            Place { reps: moved_to_front(&before.reps, if extra == 1 { 0 } else { way.from }), state }
        };
        self.places[current & MASK] = place;
    }

    /// Writes the way to node `end` into `steps`.
    fn trace(&self, end: usize, steps: &mut Vec<Step>) {
        let literal = Step { length: 1, from: From::Literal };
        let mut at = end;
        while at > 0 {
            let way = self.ways[at & MASK];
            let length = u32::from(way.length);
            match way.extra {
                0 => steps.push(Step { length, from: way.source() }),
                1 => steps.extend([Step { length, from: From::Rep(0) }, literal]),
                extra => {
                    let first = Step { length: u32::from(extra) - 1, from: way.source() };
                    steps.extend([Step { length, from: From::Rep(0) }, literal, first]);
                }
            }
            at -= usize::from(way.length + way.extra);
        }
        steps.reverse();
    }
}

/// What a parse reads and does not change.
#[derive(Clone, Copy)]
struct Frame<'a> {
    text: &'a [u8],
    coder: &'a SymbolEncoder,
    prices: &'a Prices,
    /// A length that is taken at once.
    nice_length: usize,
}

/// The finder's matches of this position and, where that pays, of the one after, so that what they point to comes into the caches
/// while this one is looked at.
struct Sight {
    found: [Matches; 2],
    /// Which of the two are this position's.
    this: usize,
    /// Whether the others are the next one's: the finder is then behind that.
    has_next: bool,
    /// The longest match that the finder gives: one of that length may go on.
    finder_limit: usize,
}

impl Sight {
    /// Looks at `position`, the next one.
    #[inline(always)]
    fn advance<F: Finder>(&mut self, text: &[u8], position: usize, finder: &mut F) -> &mut Matches {
        self.this ^= 1;
        let found = &mut self.found[self.this & 1];
        if !core::mem::take(&mut self.has_next) {
            finder.matches(text, found);
        }
        if found.longest() as usize >= self.finder_limit {
            lengthen(found, text, position);
        }
        found
    }

    /// Goes back a position.
    fn retreat(&mut self) {
        self.this ^= 1;
        self.has_next = true;
    }

    /// Finds the matches at `position`, the next one, before it is looked at.
    #[inline(always)]
    fn look_ahead<F: Finder>(&mut self, text: &[u8], position: usize, finder: &mut F) {
        if position >= text.len() {
            return;
        }
        let found = &mut self.found[(self.this ^ 1) & 1];
        finder.matches(text, found);
        self.has_next = true;
        for &Match { length, distance } in found.as_slice() {
            prefetch(text, position + length as usize - distance as usize);
        }
    }

    #[inline(always)]
    fn skip<F: Finder>(&mut self, text: &[u8], finder: &mut F, count: usize) {
        let known = usize::from(count > 0 && core::mem::take(&mut self.has_next));
        finder.skip(text, count - known);
    }
}

/// Makes a match longer that ends where the finder's sight does.
#[inline(never)]
fn lengthen(found: &mut Matches, text: &[u8], position: usize) {
    let Some(&Match { length, distance }) = found.as_slice().last() else { return };
    let limit = (text.len() - position).min(MAX_MATCH);
    if (length as usize) < limit {
        let length = extend(text, position, position - distance as usize - 1, length as usize, limit);
        found.set_longest(length as u32);
    }
}

pub(crate) struct OptimalParser {
    nodes: Nodes,
    sight: Sight,
    /// A length that is taken at once.
    nice_length: usize,
    /// A node is passed by if the next one costs at most so much more.
    margin: Price,
}

impl OptimalParser {
    pub(crate) fn new() -> Self {
        let sight = Sight { found: [Matches::new(), Matches::new()], this: 0, has_next: false, finder_limit: 32 };
        Self { nodes: Nodes::new(), sight, nice_length: 32, margin: 0 }
    }

    /// Begins a text, whose finder gives matches of at most `finder_limit` bytes. `margin`: a node is not looked at if the
    /// next one costs at most so much more.
    pub(crate) fn begin(&mut self, nice_length: usize, finder_limit: usize, margin: Price) {
        (self.nice_length, self.margin) = (nice_length, margin);
        (self.sight.finder_limit, self.sight.has_next) = (finder_limit, false);
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
        let frame = Frame { text, coder, prices, nice_length: self.nice_length };
        if let Some(step) = self.open(&frame, position, finder) {
            steps.push(step);
            return;
        }
        let end = self.explore(&frame, position, finder);
        self.nodes.trace(end, steps);
        // For the next parse.
        self.nodes.prices[1..=self.nodes.last].fill(INFINITE);
    }

    /// The first node. A step, if there is nothing to choose.
    #[inline(always)]
    fn open<F: Finder>(&mut self, frame: &Frame, position: usize, finder: &mut F) -> Option<Step> {
        let text = frame.text;
        let found = self.sight.advance(text, position, finder);
        let literal = Step { length: 1, from: From::Literal };
        let available = (text.len() - position).min(MAX_MATCH);
        if available < MIN_MATCH || position == 0 {
            return Some(literal);
        }
        let place = Place { reps: frame.coder.reps, state: frame.coder.state };
        let lengths = rep_lengths(text, position, &place.reps, available);
        let mut best_rep = 0;
        for (index, &length) in lengths.iter().enumerate() {
            if length > lengths[best_rep] {
                best_rep = index;
            }
        }
        let take = |finder: &mut F, length: usize, from: From| {
            finder.skip(text, length - 1);
            Some(Step { length: length as u32, from })
        };
        if lengths[best_rep] >= self.nice_length {
            return take(finder, lengths[best_rep], From::Rep(best_rep as u8));
        }
        let longest = found.longest() as usize;
        if longest >= self.nice_length {
            let distance = found.as_slice().last().map_or(0, |found| found.distance);
            return take(finder, longest, From::Match(distance));
        }
        if longest.max(lengths[best_rep]) < MIN_MATCH && text[position] != text[position - place.reps[0] as usize - 1] {
            return Some(literal);
        }
        self.nodes.places[0] = place;
        self.nodes.prices[0] = 0;
        self.nodes.last = 1;
        visit(&mut self.nodes, 0, frame, position, found, &lengths);
        if self.nodes.last == 1 {
            self.nodes.prices[1] = INFINITE;
            return Some(Step { length: 1, from: self.nodes.ways[1].source() });
        }
        None
    }

    /// Goes through the nodes; gives the node where the parse ends.
    #[inline(always)]
    fn explore<F: Finder>(&mut self, frame: &Frame, start: usize, finder: &mut F) -> usize {
        let mut current = 0;
        loop {
            current += 1;
            if current == self.nodes.last {
                return current;
            }
            if current >= NODES - 64 {
                // Out of nodes: the cheapest of those reached ends the parse.
                return self.cheapest_from(current, frame.text, finder);
            }
            if self.passes(current) {
                self.sight.skip(frame.text, finder, 1);
                continue;
            }
            let position = start + current;
            let found = self.sight.advance(frame.text, position, finder);
            if found.longest() as usize >= self.nice_length {
                self.sight.retreat();
                return current;
            }
            if F::FAR && !self.passes(current + 1) {
                self.sight.look_ahead(frame.text, position + 1, finder);
            }
            self.nodes.settle(current);
            let limit = (frame.text.len() - position).min(NODES - 1 - current).min(self.nice_length);
            let lengths = rep_lengths(frame.text, position, &self.nodes.places[current & MASK].reps, limit);
            let found = &mut self.sight.found[self.sight.this & 1];
            visit(&mut self.nodes, current, frame, position, found, &lengths);
        }
    }

    /// Whether a node is not worth a visit, as far as is known.
    #[inline(always)]
    fn passes(&self, node: usize) -> bool {
        self.nodes.prices[(node + 1) & MASK] <= self.nodes.prices[node & MASK] + self.margin
    }

    #[cold]
    fn cheapest_from<F: Finder>(&mut self, current: usize, text: &[u8], finder: &mut F) -> usize {
        let mut best = current;
        for index in current + 1..=self.nodes.last {
            if self.nodes.prices[index] <= self.nodes.prices[best] {
                best = index;
            }
        }
        if best > current {
            self.sight.skip(text, finder, best - current);
        }
        best
    }
}

/// Tries all steps from node `current`, whose place is set. `rep_lengths`: those of its four distances, below the nice length
/// or that.
#[inline(always)]
fn visit(
    nodes: &mut Nodes,
    current: usize,
    frame: &Frame,
    position: usize,
    found: &mut Matches,
    rep_lengths: &[usize; 4],
) {
    let &Frame { text, coder, prices, nice_length } = frame;
    let price = nodes.prices[current & MASK];
    let Place { reps, state } = nodes.places[current & MASK];
    let probs = &coder.probs.fixed;
    let pos_state = coder.pos_state(position);
    let (byte, match_byte) = (text[position], text[position - reps[0] as usize - 1]);
    let is_match = probs.is_match[state.index()][pos_state];
    let match_price = price + price_1(is_match);
    let is_rep = probs.is_rep[state.index()];
    let rep_price = match_price + price_1(is_rep);

    // A literal. Where the byte is rep0's and the next node is reached already, it never is the cheapest.
    let next = (current + 1) & MASK;
    let mut next_is_literal = false;
    let mut after_literal = price + price_0(is_match);
    let next_price = nodes.prices[next];
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
            nodes.set(next, after_literal, Way::LITERAL);
            next_is_literal = true;
        }
    }

    let available = (text.len() - position).min(NODES - 1 - current);
    if available < MIN_MATCH {
        return;
    }
    if match_byte == byte && rep_price < nodes.prices[next] {
        let way = nodes.ways[next];
        let price = rep_price + short_rep_price(coder, state, pos_state);
        if (way.length < 2 || way.from != 0) && price < nodes.prices[next] {
            nodes.set(next, price, Way::SHORT_REP);
            next_is_literal = false;
        }
    }

    // literal + rep0
    if !next_is_literal && after_literal != 0 && match_byte != byte && available > 2 {
        let length = rep_length(text, position + 1, reps[0], (nice_length + 1).min(available) - 1);
        if length >= MIN_MATCH {
            let price = after_literal + long_rep0_price(frame, state.literal(), position + 1, length);
            nodes.offer(current + 1 + length, price, Way { from: 0, length: length as u16, extra: 1 });
        }
    }

    // The four repeated distances.
    let mut start = MIN_MATCH;
    for (index, &length) in rep_lengths.iter().enumerate() {
        if length < MIN_MATCH {
            continue;
        }
        nodes.last = nodes.last.max(current + length);
        let base = rep_price + rep_index_price(coder, index, state, pos_state);
        let row = prices.rep_length.row(pos_state);
        nodes.offer_lengths(current, MIN_MATCH..=length, base, row, index as u32);
        if index == 0 {
            start = length + 1;
        }
        let price = base + Price::from(row[length]);
        let after = After { price, state: state.repeated(), from: index as u32, rep: reps[index], length };
        after.offer_literal_rep0(nodes, current, frame, position, available);
    }

    // Matches.
    let limit = available.min(nice_length);
    if found.longest() as usize > limit {
        found.cap(limit as u32);
    }
    let longest = found.longest() as usize;
    if longest < start {
        return;
    }
    nodes.last = nodes.last.max(current + longest);
    let base = match_price + price_0(is_rep);
    let row = prices.length.row(pos_state);
    for &Match { length: longest, distance } in found.as_slice() {
        let longest = longest as usize;
        if longest < start {
            continue;
        }
        let (by_class, align) = prices.distance.row(distance);
        let base = base + align;
        let from = distance + 4;
        let mut price = 0;
        while start < MIN_MATCH + LENGTH_CLASSES - 1 && start <= longest {
            price = base + Price::from(row[start]) + Price::from(by_class[start - MIN_MATCH]);
            nodes.offer(current + start, price, Way::single(from, start));
            start += 1;
        }
        if start <= longest {
            let base = base + Price::from(by_class[LENGTH_CLASSES - 1]);
            nodes.offer_lengths(current, start..=longest, base, row, from);
            price = base + Price::from(row[longest]);
            start = longest + 1;
        }
        let after = After { price, state: state.matched(), from, rep: distance, length: longest };
        after.offer_literal_rep0(nodes, current, frame, position, available);
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

/// Lengths of the matches at the four repeated distances; 0 below two bytes.
#[inline(always)]
fn rep_lengths(text: &[u8], position: usize, reps: &[u32; 4], limit: usize) -> [usize; 4] {
    core::array::from_fn(|index| rep_length(text, position, reps[index], limit))
}

/// Length of the match at a repeated distance; 0 below two bytes.
#[inline(always)]
fn rep_length(text: &[u8], position: usize, rep: u32, limit: usize) -> usize {
    let other = position - rep as usize - 1;
    if limit < MIN_MATCH || text[position..position + 2] != text[other..other + 2] {
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

/// A rep0 of two bytes or more at `position`.
#[inline(always)]
fn long_rep0_price(frame: &Frame, state: State, position: usize, length: usize) -> Price {
    let coder = frame.coder;
    let probs = &coder.probs.fixed;
    let pos_state = coder.pos_state(position);
    price_1(probs.is_match[state.index()][pos_state])
        + price_1(probs.is_rep[state.index()])
        + rep_index_price(coder, 0, state, pos_state)
        + frame.prices.rep_length.get(length, pos_state)
}

/// A step after which a literal and rep0 are tried.
struct After {
    price: Price,
    state: State,
    from: u32,
    rep: u32,
    length: usize,
}

impl After {
    #[inline(always)]
    fn offer_literal_rep0(self, nodes: &mut Nodes, current: usize, frame: &Frame, position: usize, available: usize) {
        let literal_at = self.length + 1;
        let limit = (literal_at + frame.nice_length).min(available);
        if literal_at + 2 > limit {
            return;
        }
        let text = frame.text;
        let rep_position = position + literal_at;
        let length = rep_length(text, rep_position, self.rep, limit - literal_at);
        if length < MIN_MATCH {
            return;
        }
        let coder = frame.coder;
        let literal_position = position + self.length;
        let pos_state = coder.pos_state(literal_position);
        let probs = coder.probs.literal(literal_position, text[literal_position - 1]);
        let match_byte = text[literal_position - self.rep as usize - 1];
        let literal = price_0(coder.probs.fixed.is_match[self.state.index()][pos_state])
            + matched_literal_price(probs, text[literal_position], match_byte);
        let price = self.price + literal + long_rep0_price(frame, self.state.literal(), rep_position, length);
        let way = Way { from: self.from, length: length as u16, extra: literal_at as u16 };
        nodes.offer(current + literal_at + length, price, way);
    }
}
