//! Hash chains for texts of 64 KiB to 128 KiB: what [short chains](super::short_chain) are, made for longer ones.
//!
//! The number of positions with the same few bytes grows with the text, so here all is done to meet fewer of them. Positions
//! are linked if they have the same five bytes; the newest one with the same four, three or two is known from a table, and
//! being the nearest it is all that a match of that length needs. And once a match is found, a longer one has the same bytes
//! at each offset, too: of the chains of all of them the one is gone along that leads farthest back at once.
//!
//! It wins over an interval tree as long as the sort is dearer than the steps: from 128 KiB on both take the same time, and
//! this finds less. Short chains stay as they are: the fourth table costs more there than it saves.
//!
//! The tables are small, so that a core's own caches hold them: heads of half as many entries as a text may have positions,
//! and links that are distances of 16 bits, which no chain goes beyond.
//!
//! Invariants: positions are counted from 1; 0 is none. `links[p]` is the distance to the position before p that has p's five
//! bytes (as far as a hash tells); 0: there is none, or none so near.
//!
//! Source of the change of chains: LZ4's high compression (lz4hc.c).

use super::short_chain::{last_matches, load, zeros};
use super::{Finder, Matches, extend};
use alloc::boxed::Box;

/// The longest text.
pub(crate) const MAX_TEXT: usize = LINKS - 1;
/// The memory of the tables.
pub(crate) const BYTES: usize = size_of::<u32>() * ((1 << HASH2_BITS) + 3 * HEADS) + size_of::<u16>() * LINKS;

/// Bytes that linked positions have in common.
const KEY: usize = 5;
const LINKS: usize = 1 << 17;
const HEADS_LOG2: u32 = 15;
const HEADS: usize = 1 << HEADS_LOG2;
const HASH2_BITS: u32 = 10;
/// Along a chain, at the most: few are longer, and what they would find costs more time than it is worth.
const STEPS: u32 = 64;

/// The last positions, by hash of so many bytes.
type Heads = Box<[u32; HEADS]>;

pub(crate) struct LongChain {
    heads2: Box<[u32; 1 << HASH2_BITS]>,
    heads3: Heads,
    heads4: Heads,
    heads_key: Heads,
    /// How far back the position before is, by position.
    links: Box<[u16; LINKS]>,
    position: usize,
    limit: usize,
    /// Along a chain, at the most.
    steps: u32,
    dictionary_bytes: usize,
}

impl LongChain {
    pub(crate) fn new() -> Self {
        Self {
            heads2: zeros(),
            heads3: zeros(),
            heads4: zeros(),
            heads_key: zeros(),
            links: zeros(),
            position: 0,
            limit: 0,
            steps: STEPS,
            dictionary_bytes: 0,
        }
    }

    /// Begins a text of at most [`MAX_TEXT`] bytes. Matches are at most `limit` long and `dictionary_bytes` back.
    pub(crate) fn begin(&mut self, limit: usize, dictionary_bytes: usize) {
        self.heads2.fill(0);
        for heads in [&mut self.heads3, &mut self.heads4, &mut self.heads_key] {
            heads.fill(0);
        }
        (self.position, self.limit, self.dictionary_bytes) = (0, limit, dictionary_bytes);
    }

    /// With so many steps at the most.
    #[cfg(test)]
    pub(crate) fn with_steps(mut self, steps: u32) -> Self {
        self.steps = steps;
        self
    }

    /// The last positions with the same two, three, four and [`KEY`] bytes as `word`'s first; the next one takes their place.
    #[inline(always)]
    fn exchange(&mut self, word: u64) -> [usize; 4] {
        const MULTIPLIER: u64 = 0x9E37_79B1_85EB_CA87;
        let hash = |bytes: usize| (word << (64 - 8 * bytes)).wrapping_mul(MULTIPLIER) >> 32;
        let now = self.position as u32 + 1;
        let head2 = core::mem::replace(&mut self.heads2[hash(2) as usize >> (32 - HASH2_BITS)], now);
        let [head3, head4, head_key] =
            [(&mut self.heads3, 3), (&mut self.heads4, 4), (&mut self.heads_key, KEY)].map(|(heads, bytes)| {
                core::mem::replace(&mut heads[hash(bytes) as usize >> (32 - HEADS_LOG2) & (HEADS - 1)], now)
            });
        self.links[now as usize & (LINKS - 1)] = u16::try_from(now - head_key).unwrap_or(0);
        [head2, head3, head4, head_key].map(|head| head as usize)
    }

    /// Matches of two and three bytes.
    #[inline(always)]
    fn shortest_matches(&self, text: &[u8], word: u32, heads: [usize; 2], found: &mut Matches) {
        let position = self.position;
        let oldest = position.saturating_sub(self.dictionary_bytes);
        let mut longest = 1;
        for head in heads {
            let Some(other) = head.checked_sub(1).filter(|&other| other >= oldest) else { continue };
            let same = ((word ^ load(text, other)) | 0x8000_0000).trailing_zeros() / 8;
            // Two bytes from afar are not worth their distance.
            let distance = (position - other - 1) as u32;
            if same > longest && (same > 2 || distance < 512) && word != load(text, other) {
                longest = same;
                found.push(same, distance);
            }
        }
    }

    /// Matches of four bytes and more.
    #[inline(always)]
    fn longer_matches(&self, text: &[u8], word: u32, heads: [usize; 2], limit: usize, found: &mut Matches) {
        let position = self.position;
        let oldest = position.saturating_sub(self.dictionary_bytes);
        let [head4, mut candidate] = heads;
        let mut longest = 3;
        let mut offset = 0;
        if head4 > oldest && load(text, head4 - 1) == word {
            longest = extend(text, position, head4 - 1, 4, limit);
            found.push(longest as u32, (position - head4) as u32);
            if longest == limit {
                return;
            }
            if longest >= KEY {
                (offset, candidate) = self.rarest(head4 - 1, longest);
            }
        }
        // What a longer match has at its end.
        let mut tail = load(text, position + longest - 3);
        let mut steps = self.steps;
        while candidate > oldest + offset && steps > 0 {
            let other = candidate - 1 - offset;
            candidate = match self.links[candidate & (LINKS - 1)] {
                0 => 0,
                distance => candidate - usize::from(distance),
            };
            steps -= 1;
            if load(text, other + longest - 3) != tail {
                continue;
            }
            let length = extend(text, position, other, 0, limit);
            if length > longest {
                longest = length;
                found.push(length as u32, (position - other - 1) as u32);
                if length == limit {
                    return;
                }
                tail = load(text, position + length - 3);
                if length >= KEY {
                    (offset, candidate) = self.rarest(other, length);
                }
            }
        }
    }

    /// Where to go on behind a match of `length` bytes, all of which are linked, at `other`: the offset in the match whose
    /// chain leads farthest, and where it leads, counted from 1.
    #[inline(always)]
    fn rarest(&self, other: usize, length: usize) -> (usize, usize) {
        // The match's last bytes may not be linked yet.
        let offsets = (length + 1 - KEY).min(self.position - other);
        let (mut offset, mut farthest) = (0, 0);
        for (index, &link) in self.links[other + 1..][..offsets].iter().enumerate() {
            // None at all is the farthest.
            let distance = link.wrapping_sub(1);
            if distance > farthest {
                (offset, farthest) = (index, distance);
            }
        }
        let start = if farthest == u16::MAX { 0 } else { other + offset - usize::from(farthest) };
        (offset, start)
    }
}

/// Eight bytes as a number; beyond the end there are zeros.
#[inline(always)]
fn load_wide(text: &[u8], position: usize) -> u64 {
    match text.get(position..position + 8) {
        Some(bytes) => u64::from_le_bytes(bytes.try_into().expect("8 bytes")),
        None => load_end(text, position),
    }
}

#[cold]
fn load_end(text: &[u8], position: usize) -> u64 {
    let mut bytes = [0; 8];
    let rest = text.get(position..).unwrap_or_default();
    bytes[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(bytes)
}

impl Finder for LongChain {
    #[inline(always)]
    fn matches(&mut self, text: &[u8], found: &mut Matches) {
        found.clear();
        let limit = self.limit.min(text.len() - self.position);
        if limit < 4 {
            last_matches(text, self.position, self.dictionary_bytes, found);
        } else {
            let word = load_wide(text, self.position);
            let heads = self.exchange(word);
            self.shortest_matches(text, word as u32, [heads[0], heads[1]], found);
            self.longer_matches(text, word as u32, [heads[2], heads[3]], limit, found);
        }
        self.position += 1;
    }

    fn skip(&mut self, text: &[u8], count: usize) {
        for _ in 0..count {
            if self.position + 4 <= text.len() {
                self.exchange(load_wide(text, self.position));
            }
            self.position += 1;
        }
    }

    fn leave_out(&mut self, _text: &[u8], count: usize) {
        // No chain goes through these. A match that reaches into them goes on with its other bytes' chains.
        for position in self.position..self.position + count {
            self.links[(position + 1) & (LINKS - 1)] = 1;
        }
        self.position += count;
    }
}
