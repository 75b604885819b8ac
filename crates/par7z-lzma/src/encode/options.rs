//! What an encoder is set to, and the levels: one row of [`LEVELS`] each.

use crate::Properties;
use crate::find::interval_tree::{MAX_LIMIT, MAX_TEXT};
use crate::find::short_chain;
use crate::model::MAX_MATCH;
use core::fmt;

/// How matches are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchFinder {
    /// Chains of positions with the same hash: fast, and not all matches. 7-Zip's `hc4` and `hc5`.
    HashChain {
        /// Steps along a chain at each position at the most, 1 or more.
        cycles: u32,
    },
    /// Binary trees of positions with the same hash: best for some KB, and lean. 7-Zip's `bt2` to `bt5`.
    BinaryTree {
        /// Steps down a tree at each position at the most, 1 or more.
        cycles: u32,
    },
    /// The tree of all suffixes: all matches, and fast on large texts. Texts below 64 KiB get chains instead, which find the
    /// same there in less time; those of 256 MiB and more binary trees.
    IntervalTree,
}

/// How matches are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parser {
    /// The best match here, unless the next position has a better one. 7-Zip's `a=0`.
    Fast,
    /// The cheapest way through the next few thousand bytes. 7-Zip's `a=1`.
    Optimal,
}

/// The finder that a text gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextFinder {
    HashChain { cycles: u32 },
    ShortChain,
    BinaryTree { cycles: u32 },
    IntervalTree,
}

/// Parameters of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderOptions {
    /// lc, lp, pb; in LZMA2 `lc + lp` is at most 4.
    pub properties: Properties,
    /// How far back matches reach, in bytes: 4 KiB to 4 GiB - 1. What a decoder needs as its dictionary. Larger than the
    /// text costs nothing here.
    pub dictionary_bytes: u32,
    /// A match of this length is taken at once, 5 to 273. Longer is smaller and slower. 7-Zip's `fb`.
    pub nice_length: u32,
    /// How matches are found.
    pub finder: MatchFinder,
    /// How they are chosen.
    pub parser: Parser,
}

/// A row of the table of levels.
struct Level {
    dictionary_log2: u32,
    nice_length: u32,
    finder: MatchFinder,
    parser: Parser,
}

const fn fast(dictionary_log2: u32, nice_length: u32, cycles: u32) -> Level {
    Level { dictionary_log2, nice_length, finder: MatchFinder::HashChain { cycles }, parser: Parser::Fast }
}

const fn best(dictionary_log2: u32, nice_length: u32) -> Level {
    Level { dictionary_log2, nice_length, finder: MatchFinder::IntervalTree, parser: Parser::Optimal }
}

/// Levels 1 to 9. Dictionaries are 7-Zip's, but at level 1, which has 256 KiB there.
#[rustfmt::skip]
const LEVELS: [Level; 9] = [
    //   dictionary  nice length  cycles
    fast(20,         32,          8),
    fast(20,         32,          16),
    fast(22,         32,          16),
    fast(24,         32,          16),
    best(25,         36),
    best(26,         36),
    best(27,         64),
    best(28,         64),
    best(28,         64),
];

/// Steps down a binary tree where it stands in for an interval tree, by nice length: 7-Zip's rule.
const fn tree_cycles(nice_length: u32) -> u32 {
    16 + nice_length / 2
}

impl Default for EncoderOptions {
    /// Those of level 5.
    fn default() -> Self {
        Self::from_row(&LEVELS[4])
    }
}

impl EncoderOptions {
    /// The options of a level, 1 (fastest) to 9 (smallest). Level 0 is storing: [`Encoder::store_lzma2`](super::Encoder::store_lzma2).
    ///
    /// | level | dictionary | nice length | match finder | cycles | parser |
    /// |---:|---:|---:|---|---:|---|
    /// | 1 | 1 MiB | 32 | hash chain | 8 | fast |
    /// | 2 | 1 MiB | 32 | hash chain | 16 | fast |
    /// | 3 | 4 MiB | 32 | hash chain | 16 | fast |
    /// | 4 | 16 MiB | 32 | hash chain | 16 | fast |
    /// | 5 | 32 MiB | 36 | interval tree | - | optimal |
    /// | 6 | 64 MiB | 36 | interval tree | - | optimal |
    /// | 7 | 128 MiB | 64 | interval tree | - | optimal |
    /// | 8 | 256 MiB | 64 | interval tree | - | optimal |
    /// | 9 | 256 MiB | 64 | interval tree | - | optimal |
    ///
    /// # Errors
    /// [`OptionsError`] for another level.
    pub fn level(level: u32) -> Result<Self, OptionsError> {
        let row = level.checked_sub(1).and_then(|index| LEVELS.get(index as usize));
        row.map(Self::from_row).ok_or(OptionsError("the level is 1 to 9"))
    }

    fn from_row(row: &Level) -> Self {
        Self {
            properties: Properties::default(),
            dictionary_bytes: 1 << row.dictionary_log2,
            nice_length: row.nice_length,
            finder: row.finder,
            parser: row.parser,
        }
    }

    /// The finder for a text of so many bytes.
    pub(super) fn finder_for(&self, text_bytes: usize) -> TextFinder {
        match self.finder {
            MatchFinder::HashChain { cycles } => TextFinder::HashChain { cycles },
            MatchFinder::BinaryTree { cycles } => TextFinder::BinaryTree { cycles },
            MatchFinder::IntervalTree if text_bytes <= short_chain::MAX_TEXT => TextFinder::ShortChain,
            MatchFinder::IntervalTree if text_bytes <= MAX_TEXT => TextFinder::IntervalTree,
            MatchFinder::IntervalTree => TextFinder::BinaryTree { cycles: tree_cycles(self.nice_length) },
        }
    }

    /// The longest match that an interval tree gives.
    pub(super) fn tree_limit(&self) -> usize {
        (self.nice_length as usize).min(MAX_LIMIT)
    }

    /// How much more a way of the optimal parser may cost without being looked at, in sixteenths of a bit: half a bit where speed
    /// counts.
    pub(super) fn parse_margin(&self) -> u32 {
        if self.nice_length < 64 { 8 } else { 0 }
    }

    /// Memory of an [`Encoder`](super::encoder::Encoder) in bytes, once it has encoded texts of at most `text_bytes`. The text
    /// itself and what it packs to are the caller's.
    pub fn memory_bytes(&self, text_bytes: usize) -> u64 {
        let text = text_bytes.min(self.dictionary_bytes as usize * 2) as u64;
        (1 << 20) + text * 12
    }

    pub(super) fn check(&self) -> Result<(), OptionsError> {
        let check = |holds: bool, text| if holds { Ok(()) } else { Err(OptionsError(text)) };
        check(self.properties.checked().is_ok(), "lc is at most 8, lp and pb at most 4")?;
        check(self.dictionary_bytes >= 1 << 12, "the dictionary has at least 4 KiB")?;
        check((5..=MAX_MATCH as u32).contains(&self.nice_length), "the nice length is 5 to 273")?;
        match self.finder {
            MatchFinder::HashChain { cycles: 0 } | MatchFinder::BinaryTree { cycles: 0 } => {
                Err(OptionsError("the match finder makes at least one step"))
            }
            _ => Ok(()),
        }
    }
}

/// Parameters that are out of their ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionsError(pub(super) &'static str);

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl core::error::Error for OptionsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// The table in the documentation is the table in the code.
    #[test]
    fn the_documented_levels_are_the_levels() {
        let source = include_str!("options.rs");
        for level in 1..=9 {
            let options = EncoderOptions::level(level).expect("1 to 9");
            let (finder, cycles) = match options.finder {
                MatchFinder::HashChain { cycles } => ("hash chain", format!("{cycles}")),
                MatchFinder::BinaryTree { cycles } => ("binary tree", format!("{cycles}")),
                MatchFinder::IntervalTree => ("interval tree", "-".into()),
            };
            let dictionary = match options.dictionary_bytes {
                bytes if bytes < 1 << 20 => format!("{} KiB", bytes >> 10),
                bytes => format!("{} MiB", bytes >> 20),
            };
            let parser = format!("{:?}", options.parser).to_lowercase();
            let row =
                format!("/// | {level} | {dictionary} | {} | {finder} | {cycles} | {parser} |", options.nice_length);
            assert!(source.contains(&row), "{row}");
        }
        assert!(EncoderOptions::level(0).is_err() && EncoderOptions::level(10).is_err());
    }
}
