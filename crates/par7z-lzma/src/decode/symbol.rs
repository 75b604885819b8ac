//! One symbol at a time, from any number of bytes: for the last bytes of an input, for symbols that are cut between two
//! inputs, and as the plain twin that the fast loop in `kernel/` is tested against.
//!
//! A symbol can be looked at without being taken: nothing is learnt then. Since no probability is used twice in one
//! symbol, the bits are the same as when it is taken.

use super::DecodeError;
use super::coder::{Coder, LengthProbs, RANGE_MIN};
use super::target::Target;
use crate::model::{
    ALIGN_BITS, END_DISTANCE, FIRST_ALIGNED_SLOT, LITERAL_PROBS, MIN_MATCH, MOVE_BITS, PROB_BITS, Prob, length_class,
};

/// What a symbol says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Literal(u8),
    /// One byte from the last distance.
    ShortRep,
    /// One of the last four distances.
    Rep {
        index: u8,
        length: u32,
    },
    /// A distance, from 0.
    Match {
        distance: u32,
        length: u32,
    },
    EndMarker,
}

/// A symbol that was looked at.
pub(crate) struct Peeked {
    pub(crate) end_marker: bool,
    /// The range coder behind it.
    pub(crate) range: u32,
    pub(crate) code: u32,
    /// Its bytes.
    pub(crate) used: usize,
}

/// A symbol that was decoded.
pub(crate) struct Taken {
    /// Its bytes.
    pub(crate) used: usize,
    pub(crate) end_marker: bool,
}

/// Bits from a few bytes.
pub(crate) struct Bits<'a> {
    range: u32,
    code: u32,
    input: &'a [u8],
    /// Bytes of `input` that are shifted in.
    used: usize,
    /// There were too few bytes. All bits since then are 0.
    short: bool,
    /// Whether probabilities move.
    learns: bool,
}

impl Bits<'_> {
    fn normalize(&mut self) {
        if self.range < RANGE_MIN {
            let Some(&byte) = self.input.get(self.used) else {
                self.short = true;
                return;
            };
            self.used += 1;
            self.range <<= 8;
            self.code = self.code << 8 | u32::from(byte);
        }
    }

    fn bit(&mut self, prob: &mut Prob) -> bool {
        self.normalize();
        if self.short {
            return false;
        }
        let bound = (self.range >> PROB_BITS) * u32::from(*prob);
        let bit = self.code >= bound;
        if bit {
            self.range -= bound;
            self.code -= bound;
        } else {
            self.range = bound;
        }
        if self.learns {
            *prob = if bit { *prob - (*prob >> MOVE_BITS) } else { *prob + (((1 << PROB_BITS) - *prob) >> MOVE_BITS) };
        }
        bit
    }

    /// `count` bits with a tree of probabilities, the high one first.
    fn tree(&mut self, probs: &mut [Prob], count: u32) -> u32 {
        let mut node = 1;
        for _ in 0..count {
            node = node << 1 | usize::from(self.bit(&mut probs[node]));
        }
        node as u32 - (1 << count)
    }

    /// The same, the low bit first.
    fn reverse_tree(&mut self, probs: &mut [Prob], count: u32) -> u32 {
        let (mut node, mut value) = (1, 0);
        for at in 0..count {
            let bit = self.bit(&mut probs[node]);
            node = node << 1 | usize::from(bit);
            value |= u32::from(bit) << at;
        }
        value
    }

    /// `count` bits of one half each.
    fn direct(&mut self, count: u32) -> u32 {
        let mut value = 0;
        for _ in 0..count {
            self.normalize();
            if self.short {
                return 0;
            }
            self.range >>= 1;
            let bit = self.code >= self.range;
            if bit {
                self.code -= self.range;
            }
            value = value << 1 | u32::from(bit);
        }
        value
    }

    fn length(&mut self, probs: &mut LengthProbs, pos_state: usize) -> u32 {
        let above = if !self.bit(&mut probs.above_low) {
            self.tree(&mut probs.low[pos_state], 3)
        } else if !self.bit(&mut probs.above_mid) {
            8 + self.tree(&mut probs.mid[pos_state], 3)
        } else {
            16 + self.tree(&mut probs.high, 8)
        };
        above + MIN_MATCH as u32
    }

    fn literal(&mut self, probs: &mut [Prob; LITERAL_PROBS], known: Option<u8>) -> u8 {
        let mut node = 1;
        if let Some(known) = known {
            let mut known = usize::from(known);
            while node < 0x100 {
                known <<= 1;
                let expected = known & 0x100;
                let bit = self.bit(&mut probs[0x100 + expected + node]);
                node = node << 1 | usize::from(bit);
                if bit != (expected != 0) {
                    break;
                }
            }
        }
        while node < 0x100 {
            node = node << 1 | usize::from(self.bit(&mut probs[node]));
        }
        node as u8
    }
}

impl Coder {
    /// Whether the range coder is at the end of its data, when what is left of the code is 0, and the bytes used to see
    /// that: the last one may be due. `None` if it is not there.
    pub(crate) fn is_at_end(&mut self, input: &[u8]) -> Option<(bool, usize)> {
        let mut bits = self.bits(input, false);
        bits.normalize();
        if bits.short {
            return None;
        }
        (self.range, self.code) = (bits.range, bits.code);
        Some((self.code == 0, bits.used))
    }

    fn bits<'a>(&self, input: &'a [u8], learns: bool) -> Bits<'a> {
        Bits { range: self.range, code: self.code, input, used: 0, short: false, learns }
    }

    /// The next symbol; `None` if its bytes are not all there. Nothing changes.
    pub(crate) fn peek(&mut self, target: &Target<'_>, input: &[u8]) -> Option<Peeked> {
        let mut bits = self.bits(input, false);
        let symbol = self.read(&mut bits, target);
        let end_marker = symbol == Symbol::EndMarker;
        (!bits.short).then_some(Peeked { end_marker, range: bits.range, code: bits.code, used: bits.used })
    }

    /// Decodes the next symbol into `target`, which must have room. `None` if its bytes are not all there; nothing can be
    /// decoded after that.
    pub(crate) fn take(&mut self, target: &mut Target<'_>, input: &[u8]) -> Result<Option<Taken>, DecodeError> {
        let mut bits = self.bits(input, true);
        let symbol = self.read(&mut bits, target);
        if bits.short {
            return Ok(None);
        }
        (self.range, self.code) = (bits.range, bits.code);
        let used = bits.used;
        let taken = Ok(Some(Taken { used, end_marker: symbol == Symbol::EndMarker }));
        let length = match symbol {
            Symbol::Literal(byte) => {
                target.push(byte);
                self.state = self.state.literal();
                return taken;
            }
            Symbol::ShortRep => {
                self.state = self.state.short_repeated();
                1
            }
            Symbol::Rep { index, length } => {
                self.reps[..=usize::from(index)].rotate_right(1);
                self.state = self.state.repeated();
                length
            }
            Symbol::Match { distance, length } => {
                self.reps = [distance, self.reps[0], self.reps[1], self.reps[2]];
                self.state = self.state.matched();
                length
            }
            Symbol::EndMarker => return taken,
        };
        if self.reps[0] as usize >= target.reach() {
            return Err(DecodeError::Distance);
        }
        self.pending = target.copy_back(self.reps[0], length);
        taken
    }

    fn read(&mut self, bits: &mut Bits<'_>, target: &Target<'_>) -> Symbol {
        let Self { state, reps, properties, probs, literals, .. } = self;
        let pos_state = target.position & ((1 << properties.pb) - 1);
        let at = state.index();
        if !bits.bit(&mut probs.is_match[at][pos_state]) {
            let before = usize::from(target.byte_back(0)) >> (8 - properties.lc);
            let context = ((target.position & ((1 << properties.lp) - 1)) << properties.lc) + before;
            let known = (!state.is_after_literal()).then(|| target.byte_back(reps[0]));
            return Symbol::Literal(bits.literal(&mut literals[context], known));
        }
        if bits.bit(&mut probs.is_rep[at]) {
            let index = if !bits.bit(&mut probs.is_rep_above_0[at]) {
                if !bits.bit(&mut probs.is_rep_0_long[at][pos_state]) {
                    return Symbol::ShortRep;
                }
                0
            } else if !bits.bit(&mut probs.is_rep_above_1[at]) {
                1
            } else if !bits.bit(&mut probs.is_rep_above_2[at]) {
                2
            } else {
                3
            };
            return Symbol::Rep { index, length: bits.length(&mut probs.rep_length, pos_state) };
        }
        let length = bits.length(&mut probs.match_length, pos_state);
        let slot = bits.tree(&mut probs.slot[length_class(length as usize)], 6);
        let distance = match slot {
            0..4 => slot,
            _ => {
                let low_bits = (slot >> 1) - 1;
                let base = (2 | slot & 1) << low_bits;
                if slot < FIRST_ALIGNED_SLOT as u32 {
                    let tree = &mut probs.special[(base - slot) as usize..];
                    base + bits.reverse_tree(tree, low_bits)
                } else {
                    let direct = bits.direct(low_bits - ALIGN_BITS) << ALIGN_BITS;
                    // The highest slot's highest distance is the end marker's.
                    base.wrapping_add(direct).wrapping_add(bits.reverse_tree(&mut probs.align, ALIGN_BITS))
                }
            }
        };
        if distance == END_DISTANCE { Symbol::EndMarker } else { Symbol::Match { distance, length } }
    }
}
