//! The optimal parser: the cheapest way through the next few thousand bytes, as the prices of this moment have it.
//!
//! A node stands for a position; it holds the cheapest known way there. From each node, in order, all steps are tried -
//! literal, short rep, the four repeated distances, matches of every length - and three compound ones whose middle would look
//! too dear by itself: literal + rep0, rep + literal + rep0, match + literal + rep0. A way ends where every path must pass
//! (the last node reached), at a match so long that it is taken at once, or when the nodes run out.
//!
//! A node is passed by if the next one is reached for hardly more (`margin`), or, where size counts, for much less: it lies within
//! a match, and whatever leads on from it leads on from there. With a margin of half a bit that is a third of all nodes, and
//! costs a thousandth of the size.
//!
//! Why it wins: LZMA's prices depend on the path (state, last distances), so greedy choices cost several percent. It is
//! not a full search: a node keeps the state of its cheapest path alone.
//!
//! Invariants: those of the [nodes](super::nodes); between parses the finder stands at the next position, or one behind if
//! `sight` has that one's matches.
//!
//! Source: the graph and the order of trials are those of the 7-Zip SDK's encoder (LzmaEnc.c), whose ratio is the reference.

use super::nodes::{MASK, NODES, Nodes, Place, Way};
use super::price::{INFINITE, Price, Prices, bit_price, literal_price, matched_literal_price, price_0, price_1};
use super::symbols::{From, Step, SymbolEncoder};
use crate::find::{Finder, Match, Matches, common_length, extend};
use crate::kernel::prefetch::prefetch;
use crate::model::{LENGTH_CLASSES, MAX_MATCH, MIN_MATCH, STATES, State};
use alloc::vec::Vec;

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
    /// A node is passed by if the next one costs at most so much more; below 0: if it costs less by so much. `None`: none is.
    margin: Option<i32>,
    /// Of the last parse; 0 if there was nothing to choose.
    price: Price,
}

impl OptimalParser {
    pub(crate) fn new() -> Self {
        let sight = Sight { found: [Matches::new(), Matches::new()], this: 0, has_next: false, finder_limit: 32 };
        Self { nodes: Nodes::new(), sight, nice_length: 32, margin: None, price: 0 }
    }

    /// Begins a text, whose finder gives matches of at most `finder_limit` bytes. `margin`: a node is not looked at if the
    /// next one costs at most so much more (below 0: less), in sixteenths of a bit; `None`: all are.
    pub(crate) fn begin(&mut self, nice_length: usize, finder_limit: usize, margin: Option<i32>) {
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
        self.price = 0;
        let frame = Frame { text, coder, prices, nice_length: self.nice_length };
        if let Some(step) = self.open(&frame, position, finder) {
            steps.push(step);
            return;
        }
        let end = self.explore(&frame, position, finder);
        self.price = self.nodes.prices[end];
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
        let [this, next] = [node, node + 1].map(|node| self.nodes.prices[node & MASK]);
        self.margin.is_some_and(|margin| next <= this.saturating_add_signed(margin))
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

/// Tries all steps from node `current`, whose place is set. `rep_lengths`: those of its four distances, at most the nice length.
#[inline(always)]
fn visit(
    nodes: &mut Nodes,
    current: usize,
    frame: &Frame,
    position: usize,
    found: &mut Matches,
    rep_lengths: &[usize; 4],
) {
    let price = nodes.prices[current & MASK];
    let Place { reps, state } = nodes.places[current & MASK];
    let probs = &frame.coder.probs.fixed;
    let pos_state = frame.coder.pos_state(position);
    let is_match = probs.is_match[state.index()][pos_state];
    let is_rep = probs.is_rep[state.index()];
    let match_price = price + price_1(is_match);
    let here = Here {
        frame,
        current,
        position,
        available: (frame.text.len() - position).min(NODES - 1 - current),
        reps,
        state,
        pos_state,
        literal_price: price + price_0(is_match),
        rep_price: match_price + price_1(is_rep),
        match_price: match_price + price_0(is_rep),
    };
    here.offer_literal(nodes);
    if here.available >= MIN_MATCH {
        let start = here.offer_reps(nodes, rep_lengths);
        here.offer_matches(nodes, found, start);
    }
}

/// A node that is being visited.
struct Here<'a> {
    frame: &'a Frame<'a>,
    current: usize,
    position: usize,
    /// Bytes that steps from here may cover.
    available: usize,
    reps: [u32; 4],
    state: State,
    pos_state: usize,
    /// The way to here, and that it goes on with a literal, a repeated distance, or a match.
    literal_price: Price,
    rep_price: Price,
    match_price: Price,
}

impl Here<'_> {
    /// A literal, a short rep, and literal + rep0.
    #[inline(always)]
    fn offer_literal(&self, nodes: &mut Nodes) {
        let &Frame { text, coder, nice_length, .. } = self.frame;
        let &Self { position, reps, state, rep_price, .. } = self;
        let (byte, match_byte) = (text[position], text[position - reps[0] as usize - 1]);
        let next = (self.current + 1) & MASK;
        let next_price = nodes.prices[next];
        let mut next_is_literal = false;
        // Where the byte is rep0's and the next node is reached already, a literal never is the cheapest.
        let mut after_literal = None;
        if !(next_price < INFINITE && match_byte == byte) && self.literal_price <= next_price {
            let probs = coder.probs.literal(position, text[position - 1]);
            let price = self.literal_price
                + if state.is_after_literal() {
                    literal_price(probs, byte)
                } else {
                    matched_literal_price(probs, byte, match_byte)
                };
            if price < next_price {
                nodes.set(next, price, Way::LITERAL);
                next_is_literal = true;
            }
            after_literal = Some(price);
        }
        if self.available < MIN_MATCH {
            return;
        }
        if match_byte == byte && rep_price < nodes.prices[next] {
            let way = nodes.ways[next];
            let price = rep_price + short_rep_price(coder, state, self.pos_state);
            if (way.length < 2 || way.from != 0) && price < nodes.prices[next] {
                nodes.set(next, price, Way::SHORT_REP);
                next_is_literal = false;
            }
        }
        let Some(after_literal) = after_literal else { return };
        if !next_is_literal && match_byte != byte && self.available > 2 {
            let length = rep_length(text, position + 1, reps[0], (nice_length + 1).min(self.available) - 1);
            if length >= MIN_MATCH {
                let price = after_literal + long_rep0_price(self.frame, state.literal(), position + 1, length);
                nodes.offer(self.current + 1 + length, price, Way { from: 0, length: length as u16, extra: 1 });
            }
        }
    }

    /// The four repeated distances. Gives the first length at which a match may be cheaper than rep0.
    #[inline(always)]
    fn offer_reps(&self, nodes: &mut Nodes, rep_lengths: &[usize; 4]) -> usize {
        let mut start = MIN_MATCH;
        for (index, &length) in rep_lengths.iter().enumerate() {
            if length < MIN_MATCH {
                continue;
            }
            nodes.last = nodes.last.max(self.current + length);
            let base = self.rep_price + rep_index_price(self.frame.coder, index, self.state, self.pos_state);
            let row = self.frame.prices.rep_length.row(self.pos_state);
            nodes.offer_lengths(self.current, MIN_MATCH..=length, base, row, index as u32);
            if index == 0 {
                start = length + 1;
            }
            let price = base + Price::from(row[length]);
            let after =
                After { price, state: self.state.repeated(), from: index as u32, rep: self.reps[index], length };
            after.offer_literal_rep0(nodes, self);
        }
        start
    }

    /// Matches: every length from `start` on, each with the nearest distance that has it.
    #[inline(always)]
    fn offer_matches(&self, nodes: &mut Nodes, found: &mut Matches, mut start: usize) {
        let limit = self.available.min(self.frame.nice_length);
        if found.longest() as usize > limit {
            found.cap(limit as u32);
        }
        let longest = found.longest() as usize;
        if longest < start {
            return;
        }
        nodes.last = nodes.last.max(self.current + longest);
        let row = self.frame.prices.length.row(self.pos_state);
        for &Match { length: longest, distance } in found.as_slice() {
            let longest = longest as usize;
            if longest < start {
                continue;
            }
            let (by_class, align) = self.frame.prices.distance.row(distance);
            let base = self.match_price + align;
            let from = distance + 4;
            let mut price = 0;
            while start < MIN_MATCH + LENGTH_CLASSES - 1 && start <= longest {
                price = base + Price::from(row[start]) + Price::from(by_class[start - MIN_MATCH]);
                nodes.offer(self.current + start, price, Way::single(from, start));
                start += 1;
            }
            if start <= longest {
                let base = base + Price::from(by_class[LENGTH_CLASSES - 1]);
                nodes.offer_lengths(self.current, start..=longest, base, row, from);
                price = base + Price::from(row[longest]);
                start = longest + 1;
            }
            let after = After { price, state: self.state.matched(), from, rep: distance, length: longest };
            after.offer_literal_rep0(nodes, self);
        }
    }
}

/// Lengths of the matches at the four repeated distances; 0 below two bytes.
#[inline(always)]
fn rep_lengths(text: &[u8], position: usize, reps: &[u32; 4], limit: usize) -> [usize; 4] {
    let mut lengths = [0; 4];
    if limit < MIN_MATCH {
        return lengths;
    }
    let here = pair(text, position);
    let [first, second, third, fourth] = reps.map(|rep| pair(text, position - rep as usize - 1) == here);
    // Most often none is.
    if first | second | third | fourth {
        for (index, is_match) in [first, second, third, fourth].into_iter().enumerate() {
            if is_match {
                lengths[index] = common_length(text, position, position - reps[index] as usize - 1, limit);
            }
        }
    }
    lengths
}

/// Length of the match at a repeated distance; 0 below two bytes.
#[inline(always)]
fn rep_length(text: &[u8], position: usize, rep: u32, limit: usize) -> usize {
    let other = position - rep as usize - 1;
    if limit < MIN_MATCH || pair(text, position) != pair(text, other) {
        return 0;
    }
    common_length(text, position, other, limit)
}

/// Two bytes as a number.
#[inline(always)]
fn pair(text: &[u8], position: usize) -> u16 {
    u16::from_le_bytes(text[position..position + 2].try_into().expect("2 bytes"))
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
    fn offer_literal_rep0(self, nodes: &mut Nodes, here: &Here) {
        let &Here { frame, current, position, available, .. } = here;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Properties;
    use crate::find::binary_tree::BinaryTree;

    /// A table that is not made anew in time, or a wrong one, shows here: the parser's prices are then not what is written.
    #[test]
    #[cfg_attr(miri, ignore = "prices are right for long texts only")]
    fn what_is_written_costs_what_was_predicted() {
        let mut sources =
            [include_bytes!("optimal.rs").as_slice(), include_bytes!("price.rs"), include_bytes!("symbols.rs")];
        sources.sort_by_key(|source| source.len());
        let text = [sources.concat(), include_bytes!("../find/interval_tree.rs").to_vec()].concat();
        let usual = Properties::default();
        let other = Properties { lc: 0, lp: 2, pb: 0 };
        for (properties, margin) in
            [(usual, None), (usual, Some(-16)), (usual, Some(4)), (usual, Some(12)), (other, None)]
        {
            let mut coder = SymbolEncoder::new(properties);
            let mut parser = OptimalParser::new();
            let mut prices = Prices::new();
            let mut finder = BinaryTree::new();
            finder.begin(text.len(), 64, 100, text.len());
            parser.begin(64, 64, margin);
            prices.set_up(1 << properties.pb, 64, text.len() as u32);
            let (mut position, mut steps) = (0, Vec::new());
            let (mut predicted, mut written) = (0.0, 0.0);
            while position < text.len() {
                prices.refresh(&coder.probs.fixed);
                parser.parse(&text, position, &mut finder, &coder, &prices, &mut steps);
                let before = coder.range.bits();
                prices.coded(&steps);
                for &step in &steps {
                    coder.encode(&text, position, step);
                    position += step.length as usize;
                }
                if parser.price > 0 {
                    predicted += f64::from(parser.price) / 16.0;
                    written += coder.range.bits() - before;
                }
            }
            assert!(written > 50_000.0, "{written} bits");
            assert!(
                (predicted / written - 1.0).abs() < 0.01,
                "{properties:?}, margin {margin:?}: {predicted} bits predicted, {written} written"
            );
        }
    }
}
