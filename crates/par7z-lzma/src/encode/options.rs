//! What an encoder is set to, and the levels: one row of [`LEVELS`] each.

use super::sliced::SlicedText;
use crate::Properties;
use crate::find::binary_tree::BinaryTree;
use crate::find::hash_buckets::{BUCKETS_LOG2, LeanBuckets, ThoroughBuckets};
use crate::find::interval_tree::{IntervalTree, LEAN_TEXT, MAX_LIMIT, MAX_TEXT, Wanted};
use crate::find::{long_chain, short_chain};
use crate::model::{LITERAL_PROBS, MAX_MATCH, Prob};
use core::fmt;

/// How matches are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchFinder {
    /// Buckets of the newest positions with the same hash: fast, and not all matches. 18 bytes for each bucket, 20 if thorough.
    HashBuckets {
        /// How many buckets there are at the most, as a power of two: 9 to 24.
        buckets_log2: u32,
        /// Whether to look for more of the short matches, even in texts beyond 64 KiB: smaller, and slower.
        thorough: bool,
    },
    /// Binary trees of positions with the same hash: best for some KB, and lean. 7-Zip's `bt2` to `bt5`.
    BinaryTree {
        /// Steps down a tree at each position at the most, 1 or more.
        cycles: u32,
    },
    /// The tree of all suffixes: all matches, and fast on large texts. Texts below 64 KiB get chains instead, which find the
    /// same there in less time, and so do those below 128 KiB if the nice length is below 64; those of 256 MiB and more get
    /// binary trees, and so do some up to 1 MiB that have few different bytes.
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
    LeanBuckets { buckets_log2: u32 },
    ThoroughBuckets { buckets_log2: u32 },
    ShortChain,
    LongChain,
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
    /// A match of this length is taken at once, 5 to 273. Longer is smaller and slower. 7-Zip's `fb`. From 64 on, size counts more
    /// than speed in other places, too: the optimal parser passes by fewer ways, interval trees give the three longest
    /// matches instead of two and serve texts from 64 KiB instead of 128, and slices are twice as large.
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

const fn fast(dictionary_log2: u32, nice_length: u32, buckets_log2: u32, thorough: bool) -> Level {
    let finder = MatchFinder::HashBuckets { buckets_log2, thorough };
    Level { dictionary_log2, nice_length, finder, parser: Parser::Fast }
}

const fn best(dictionary_log2: u32, nice_length: u32) -> Level {
    Level { dictionary_log2, nice_length, finder: MatchFinder::IntervalTree, parser: Parser::Optimal }
}

/// Levels 1 to 9. Dictionaries are 7-Zip's from level 4 on; below, it has 256 KiB, 1 MiB and 4 MiB, and memory is cheaper now.
#[rustfmt::skip]
const LEVELS: [Level; 9] = [
    //   dictionary  nice length  buckets  thorough
    fast(20,         32,          17,      false),
    fast(21,         32,          18,      true),
    fast(23,         32,          19,      true),
    fast(24,         32,          20,      true),
    best(25,         40),
    best(26,         48),
    best(27,         104),
    best(28,         104),
    best(28,         104),
];

/// What an encoder has without literals' probabilities and without a finder for texts beyond 64 KiB: the parser's nodes, tables
/// of prices, chains for short texts, and a chunk.
const FIXED_BYTES: usize = 900 << 10;

/// Fewer would be of little use, and save little.
const LEANEST_BUCKETS_LOG2: u32 = 13;

/// Up to here hash buckets are always thorough: short matches are most of what a small text has.
const SMALL_TEXT: usize = 64 << 10;

impl Default for EncoderOptions {
    /// Those of level 5.
    fn default() -> Self {
        Self::from_row(&LEVELS[4])
    }
}

impl EncoderOptions {
    /// The options of a level, 1 (fastest) to 9 (smallest). Level 0 is storing: [`Encoder::store_lzma2`](crate::Encoder::store_lzma2).
    ///
    /// | level | dictionary | nice length | match finder | parser |
    /// |---:|---:|---:|---|---|
    /// | 1 | 1 MiB | 32 | 2^17 hash buckets | fast |
    /// | 2 | 2 MiB | 32 | 2^18 thorough hash buckets | fast |
    /// | 3 | 8 MiB | 32 | 2^19 thorough hash buckets | fast |
    /// | 4 | 16 MiB | 32 | 2^20 thorough hash buckets | fast |
    /// | 5 | 32 MiB | 40 | interval tree | optimal |
    /// | 6 | 64 MiB | 48 | interval tree | optimal |
    /// | 7 | 128 MiB | 104 | interval tree | optimal |
    /// | 8 | 256 MiB | 104 | interval tree | optimal |
    /// | 9 | 256 MiB | 104 | interval tree | optimal |
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
            MatchFinder::HashBuckets { buckets_log2, thorough: false } if text_bytes > SMALL_TEXT => {
                TextFinder::LeanBuckets { buckets_log2 }
            }
            MatchFinder::HashBuckets { buckets_log2, .. } => TextFinder::ThoroughBuckets { buckets_log2 },
            MatchFinder::BinaryTree { cycles } => TextFinder::BinaryTree { cycles },
            MatchFinder::IntervalTree if text_bytes <= short_chain::MAX_TEXT => TextFinder::ShortChain,
            MatchFinder::IntervalTree if text_bytes <= long_chain::MAX_TEXT && !self.is_patient() => {
                TextFinder::LongChain
            }
            MatchFinder::IntervalTree if text_bytes <= MAX_TEXT => TextFinder::IntervalTree,
            MatchFinder::IntervalTree => TextFinder::BinaryTree { cycles: self.tree_cycles() },
        }
    }

    /// How large slices of a [`SlicedText`](crate::SlicedText) should be: [`USUAL_SLICE_BYTES`], and twice that where size counts
    /// more than speed (nice length from 64 on).
    ///
    /// [`USUAL_SLICE_BYTES`]: crate::SlicedText::USUAL_SLICE_BYTES
    pub fn slice_bytes(&self) -> usize {
        SlicedText::USUAL_SLICE_BYTES << u32::from(self.is_patient())
    }

    /// Steps down a binary tree where it stands in for an interval tree: 7-Zip's rule.
    pub(super) fn tree_cycles(&self) -> u32 {
        16 + self.nice_length / 2
    }

    /// The longest match that an interval tree gives.
    pub(super) fn tree_limit(&self) -> usize {
        (self.nice_length as usize).min(MAX_LIMIT)
    }

    /// Which matches an interval tree gives. The third longest is worth its time where time is not what counts.
    pub(super) fn tree_wanted(&self) -> Wanted {
        let longest = if self.is_patient() { 3 } else { 2 };
        Wanted { dictionary_bytes: self.dictionary_bytes as usize, longest }
    }

    /// The optimal parser passes a node by if the next one costs at most so much more, in sixteenths of a bit; more in texts up to
    /// 1 MiB, where the parser takes more of the time. Where size counts, these have all nodes looked at, and in longer texts a
    /// node is passed by if the next one is cheaper by a bit.
    pub(super) fn parse_margin(&self, text_bytes: usize) -> Option<i32> {
        match (self.is_patient(), text_bytes) {
            (false, 0..=LEAN_TEXT) => Some(12),
            (false, _) => Some(4),
            (true, 0..=LEAN_TEXT) => None,
            (true, _) => Some(-16),
        }
    }

    /// Whether size counts more than speed.
    fn is_patient(&self) -> bool {
        self.nice_length >= 64
    }

    /// Memory of an [`Encoder`](super::encoder::Encoder) in bytes that has encoded texts of at most `text_bytes`, whatever they
    /// are. The text itself and what it packs to are the caller's. MiB by level and size of the largest text:
    ///
    /// | level | 64 KiB | 1 MiB | 16 MiB | 32 MiB |
    /// |---:|---:|---:|---:|---:|
    /// | 1 | 2.5 | 4.7 | 4.7 | 4.7 |
    /// | 2 | 2.5 | 6.0 | 6.0 | 6.0 |
    /// | 3 | 2.5 | 11 | 11 | 11 |
    /// | 4 | 2.5 | 21 | 21 | 21 |
    /// | 5, 6 | 1.5 | 16 | 268 | 534 |
    /// | 7 to 9 | 3.2 | 16 | 268 | 534 |
    ///
    /// Beyond 1 MiB interval trees of sources and programs take about 13 bytes for each of the text; only texts of few different
    /// bytes need the 17 that are said here.
    pub fn memory_bytes(&self, text_bytes: usize) -> u64 {
        let properties = self.properties;
        let probs = (LITERAL_PROBS * size_of::<Prob>()) << (properties.lc + properties.lp);
        let finder = match self.finder_for(text_bytes) {
            // Small texts before that got thorough ones.
            TextFinder::LeanBuckets { buckets_log2 } => {
                LeanBuckets::memory_bytes(text_bytes, buckets_log2)
                    + ThoroughBuckets::memory_bytes(SMALL_TEXT, buckets_log2)
            }
            TextFinder::ThoroughBuckets { buckets_log2 } => ThoroughBuckets::memory_bytes(text_bytes, buckets_log2),
            TextFinder::ShortChain => 0,
            TextFinder::LongChain => long_chain::BYTES,
            // Smaller texts before that got an interval tree, unless there are none: it is freed when the binary tree begins.
            TextFinder::BinaryTree { .. } if self.finder == MatchFinder::IntervalTree => {
                BinaryTree::memory_bytes(text_bytes).max(IntervalTree::memory_bytes(MAX_TEXT).most)
            }
            TextFinder::BinaryTree { .. } => BinaryTree::memory_bytes(text_bytes),
            // A text that an interval tree refuses gets a binary tree; smaller ones before it may have got chains.
            TextFinder::IntervalTree => {
                let tree = IntervalTree::memory_bytes(text_bytes).most;
                tree.max(BinaryTree::memory_bytes(text_bytes.min(LEAN_TEXT))).max(long_chain::BYTES)
            }
        };
        // Twice: a chunk may have to be taken back.
        (FIXED_BYTES + 2 * probs).saturating_add(finder) as u64
    }

    /// The same with a finder that takes less memory; `None` if there is none. It goes from interval trees to binary trees, then to
    /// hash buckets with the fast parser, ever fewer of them.
    pub fn leaner(&self) -> Option<Self> {
        let buckets = |buckets_log2| MatchFinder::HashBuckets { buckets_log2, thorough: true };
        let finder = match self.finder {
            MatchFinder::IntervalTree => MatchFinder::BinaryTree { cycles: self.tree_cycles() },
            MatchFinder::BinaryTree { .. } => buckets(20),
            MatchFinder::HashBuckets { buckets_log2, .. } if buckets_log2 > LEANEST_BUCKETS_LOG2 => {
                buckets(buckets_log2 - 1)
            }
            MatchFinder::HashBuckets { .. } => return None,
        };
        let parser = if matches!(finder, MatchFinder::BinaryTree { .. }) { self.parser } else { Parser::Fast };
        Some(Self { finder, parser, ..*self })
    }

    pub(super) fn check(&self) -> Result<(), OptionsError> {
        let check = |holds: bool, text| if holds { Ok(()) } else { Err(OptionsError(text)) };
        check(self.properties.checked().is_ok(), "lc is at most 8, lp and pb at most 4")?;
        check(self.dictionary_bytes >= 1 << 12, "the dictionary has at least 4 KiB")?;
        check((5..=MAX_MATCH as u32).contains(&self.nice_length), "the nice length is 5 to 273")?;
        match self.finder {
            MatchFinder::HashBuckets { buckets_log2, .. } => {
                check(BUCKETS_LOG2.contains(&buckets_log2), "there are 2^9 to 2^24 hash buckets")
            }
            MatchFinder::BinaryTree { cycles } => check(cycles > 0, "the match finder makes at least one step"),
            MatchFinder::IntervalTree => Ok(()),
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

    #[test]
    fn leaner_options_take_less_memory_down_to_the_leanest() {
        for level in 1..=9 {
            let mut options = EncoderOptions::level(level).expect("1 to 9");
            while let Some(leaner) = options.leaner() {
                assert!(leaner.check().is_ok());
                assert!(leaner.memory_bytes(1 << 24) < options.memory_bytes(1 << 24), "{options:?}, {leaner:?}");
                options = leaner;
            }
            assert!(options.memory_bytes(1 << 24) < 3 << 20);
        }
    }

    #[test]
    fn an_item_of_1_mib_takes_at_most_16() {
        let options = EncoderOptions::level(5).expect("1 to 9");
        assert!(options.memory_bytes(1 << 20) <= 16 << 20, "{}", options.memory_bytes(1 << 20));
    }

    /// The table in the documentation is the table in the code.
    #[test]
    #[cfg_attr(miri, ignore = "slow, and only about text")]
    fn the_documented_levels_are_the_levels() {
        let source = include_str!("options.rs");
        for level in 1..=9 {
            let options = EncoderOptions::level(level).expect("1 to 9");
            let finder = match options.finder {
                MatchFinder::HashBuckets { buckets_log2, thorough: false } => format!("2^{buckets_log2} hash buckets"),
                MatchFinder::HashBuckets { buckets_log2, .. } => format!("2^{buckets_log2} thorough hash buckets"),
                MatchFinder::BinaryTree { .. } => "binary tree".into(),
                MatchFinder::IntervalTree => "interval tree".into(),
            };
            let dictionary = match options.dictionary_bytes {
                bytes if bytes < 1 << 20 => format!("{} KiB", bytes >> 10),
                bytes => format!("{} MiB", bytes >> 20),
            };
            let parser = format!("{:?}", options.parser).to_lowercase();
            let row = format!("/// | {level} | {dictionary} | {} | {finder} | {parser} |", options.nice_length);
            assert!(source.contains(&row), "{row}");
        }
        assert!(EncoderOptions::level(0).is_err() && EncoderOptions::level(10).is_err());
    }
}
