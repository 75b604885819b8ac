//! The nodes of a parse: for each position, the cheapest known way there.
//!
//! In three arrays, by what is used together: prices are compared far more often than changed, ways are written with them, and
//! places (what the coder would know there) are needed only of nodes that are visited.
//!
//! Invariants: prices of nodes behind `last` are infinite between parses and during one; a node's place is set when it is visited,
//! from the place of the node that its step came from, which was visited before.

use super::price::{INFINITE, LengthRow, Price};
use super::symbols::{From, Step};
use crate::model::{MAX_MATCH, State};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Nodes of a parse.
pub(super) const NODES: usize = 1 << 12;
/// The most bytes that one parse stands for.
pub(crate) const MAX_PARSE: usize = NODES + MAX_MATCH;
/// Nodes with those behind the last one that may be visited, which the steps from it reach. A power of two, so that a mask
/// proves an index.
const TABLE: usize = 2 * NODES;
pub(super) const MASK: usize = TABLE - 1;
const _: () = assert!(NODES + 2 * MAX_MATCH + 2 < TABLE);

/// The last step of the way to a node.
#[derive(Clone, Copy)]
pub(super) struct Way {
    /// Its source: `LITERAL`, 0 to 3 a repeated distance, else the distance + 4.
    pub(super) from: u32,
    pub(super) length: u16,
    /// 0: a single step. 1: after a literal. More: after a literal and, before that, a step of `extra - 1` bytes from `from`,
    /// and then `from` is that step's and the last one is rep0.
    pub(super) extra: u16,
}

const LITERAL: u32 = u32::MAX;

impl Way {
    pub(super) const LITERAL: Self = Self { from: LITERAL, length: 1, extra: 0 };
    pub(super) const SHORT_REP: Self = Self { from: 0, length: 1, extra: 0 };

    /// A step by itself.
    #[inline(always)]
    pub(super) fn single(from: u32, length: usize) -> Self {
        Self { from, length: length as u16, extra: 0 }
    }

    fn is_short_rep(self) -> bool {
        self.from == 0 && self.length == 1
    }

    pub(super) fn source(self) -> From {
        match self.from {
            LITERAL => From::Literal,
            index @ 0..4 => From::Rep(index as u8),
            distance => From::Match(distance - 4),
        }
    }
}

/// What the coder would know at a node.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) reps: [u32; 4],
    pub(super) state: State,
}

/// The state after a compound step, whatever was before: all end in a literal and rep0.
const AFTER_LITERAL_AND_REP: State = State(8);

/// The nodes, by what is used together: prices are compared far more often than changed.
pub(super) struct Nodes {
    pub(super) prices: Box<[Price; TABLE]>,
    pub(super) ways: Box<[Way; TABLE]>,
    pub(super) places: Box<[Place; TABLE]>,
    /// The nodes in use: 1 to `last`.
    pub(super) last: usize,
}

fn boxed<T: Clone>(value: T) -> Box<[T; TABLE]> {
    vec![value; TABLE].into_boxed_slice().try_into().ok().expect("the length is that of the array")
}

impl Nodes {
    pub(super) fn new() -> Self {
        Self {
            prices: boxed(INFINITE),
            ways: boxed(Way::LITERAL),
            places: boxed(Place { reps: [0; 4], state: State(0) }),
            last: 0,
        }
    }

    #[inline(always)]
    pub(super) fn set(&mut self, at: usize, price: Price, way: Way) {
        self.prices[at & MASK] = price;
        self.ways[at & MASK] = way;
    }

    /// Puts a way into a node if it is cheaper.
    #[inline(always)]
    pub(super) fn offer(&mut self, at: usize, price: Price, way: Way) {
        self.last = self.last.max(at);
        if price < self.prices[at & MASK] {
            self.set(at, price, way);
        }
    }

    /// Offers steps from node `from_node` of every length from `start` to `longest`; `base` is their price without the length's.
    #[inline(always)]
    pub(super) fn offer_lengths(
        &mut self,
        from_node: usize,
        lengths: RangeInclusive<usize>,
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
    pub(super) fn settle(&mut self, current: usize) {
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
    pub(super) fn trace(&self, end: usize, steps: &mut Vec<Step>) {
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
