//! LZMA2: chunks of LZMA with resets between them, or bytes as they are where that is smaller.
//!
//! A chunk holds at most 2 MiB unpacked and 64 KiB packed (stored: 64 KiB). The parser chooses thousands of bytes at once, so
//! a chunk is closed early enough that whatever comes next still fits.

use super::nodes::MAX_PARSE;
use super::optimal::OptimalParser;
use super::price::Prices;
use super::symbols::{From, Saved, Step, SymbolEncoder};
use crate::Properties;
use crate::find::Finder;
use crate::find::binary_tree::BinaryTree;
use crate::find::interval_tree::{IntervalTree, MAX_LIMIT, MAX_TEXT};
use crate::find::short_chain::{self, ShortChain};
use crate::model::MAX_MATCH;
use alloc::vec::Vec;
use core::fmt;

const MAX_UNPACKED: usize = 1 << 21;
const MAX_PACKED: usize = 1 << 16;
const MAX_STORED: usize = 1 << 16;
/// What a parse may pack to at the most: no step costs more than its bytes would as literals, about nine bits each.
const PARSE_RESERVE: usize = MAX_PARSE + MAX_PARSE / 4 + 64;

/// How matches are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MatchFinder {
    /// Binary trees: best for some KB, and with little memory (8 bytes for each of the text, and up to 64 MiB of tables).
    BinaryTree {
        /// Steps at each position at the most, 1 or more.
        cycles: u32,
    },
    /// The tree of all suffixes: best from some KB on. It takes about 12 bytes for each byte of the text.
    IntervalTree,
}

/// Parameters of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderOptions {
    /// lc, lp, pb; `lc + lp` is at most 4.
    pub properties: Properties,
    /// How far back matches reach, in bytes: 4 KiB to 4 GiB - 1. What a decoder needs as its dictionary.
    pub dictionary_bytes: u32,
    /// A match of this length is taken at once, 5 to 273. Longer is smaller and slower.
    pub nice_length: u32,
    /// How matches are found.
    pub finder: MatchFinder,
}

impl Default for EncoderOptions {
    /// Much as 7-Zip's level 5: 32 MiB, nice length 36, the interval tree.
    fn default() -> Self {
        Self {
            properties: Properties::default(),
            dictionary_bytes: 32 << 20,
            nice_length: 36,
            finder: MatchFinder::IntervalTree,
        }
    }
}

/// Parameters that are out of their ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionsError(&'static str);

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl core::error::Error for OptionsError {}

/// An LZMA2 encoder, used for text after text: its tables are kept, and nothing in them depends on what was before.
pub struct Lzma2Encoder {
    options: EncoderOptions,
    coder: SymbolEncoder,
    parser: OptimalParser,
    prices: Prices,
    binary_tree: BinaryTree,
    interval_tree: IntervalTree,
    short_chain: ShortChain,
    saved: Option<Saved>,
    steps: Vec<Step>,
}

impl fmt::Debug for Lzma2Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lzma2Encoder").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Lzma2Encoder {
    /// An encoder with these parameters.
    ///
    /// # Errors
    /// [`OptionsError`] if one of them is out of its range.
    pub fn new(options: EncoderOptions) -> Result<Self, OptionsError> {
        let check = |holds: bool, text| if holds { Ok(()) } else { Err(OptionsError(text)) };
        check(options.properties.checked_for_lzma2().is_ok(), "lc and lp are at most 4 together, pb at most 4")?;
        check(options.dictionary_bytes >= 1 << 12, "the dictionary has at least 4 KiB")?;
        check((5..=MAX_MATCH as u32).contains(&options.nice_length), "the nice length is 5 to 273")?;
        check(options.finder != MatchFinder::BinaryTree { cycles: 0 }, "the match finder makes at least one step")?;
        Ok(Self {
            coder: SymbolEncoder::new(options.properties),
            parser: OptimalParser::new(),
            prices: Prices::new(),
            binary_tree: BinaryTree::new(),
            interval_tree: IntervalTree::new(),
            short_chain: ShortChain::new(),
            saved: None,
            steps: Vec::new(),
            options,
        })
    }

    /// Appends the chunks of `text` to `out`. They begin with a reset of everything, so texts encoded one after another are a
    /// stream, which a byte 0 ends. That byte is the caller's.
    ///
    /// Texts of 256 MiB and more are cut into parts that do not refer to one another.
    pub fn encode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for part in text.chunks(MAX_TEXT) {
            self.encode_part(part, out);
        }
    }

    fn encode_part(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let options = self.options;
        let (nice_length, dictionary_bytes) = (options.nice_length as usize, options.dictionary_bytes as usize);
        // Half a bit where speed counts.
        let margin = if nice_length < 64 { 8 } else { 0 };
        let is_short = text.len() <= short_chain::MAX_TEXT;
        match options.finder {
            _ if is_short => {
                self.short_chain.begin(text.len(), nice_length, dictionary_bytes);
                self.parser.begin(nice_length, nice_length, margin);
            }
            MatchFinder::BinaryTree { cycles } => {
                self.binary_tree.begin(text.len(), nice_length, cycles, dictionary_bytes);
                self.parser.begin(nice_length, nice_length, margin);
            }
            MatchFinder::IntervalTree => {
                let limit = nice_length.min(MAX_LIMIT);
                self.interval_tree.begin(text, limit, dictionary_bytes);
                self.parser.begin(nice_length, limit, margin);
            }
        }
        self.coder.reset();
        self.prices.set_up(1 << options.properties.pb, nice_length, options.dictionary_bytes.min(text.len() as u32));
        let mut position = 0;
        let mut needs_properties = true;
        while position < text.len() {
            let start = position;
            self.coder.save_into(&mut self.saved);
            self.coder.range.reset();
            let (coder, parser, prices) = (&mut self.coder, &mut self.parser, &mut self.prices);
            position = match options.finder {
                _ if is_short => {
                    encode_chunk(text, position, coder, parser, prices, &mut self.short_chain, &mut self.steps)
                }
                MatchFinder::BinaryTree { .. } => {
                    encode_chunk(text, position, coder, parser, prices, &mut self.binary_tree, &mut self.steps)
                }
                MatchFinder::IntervalTree => {
                    encode_chunk(text, position, coder, parser, prices, &mut self.interval_tree, &mut self.steps)
                }
            };
            coder.range.finish();
            let unpacked = &text[start..position];
            if coder.range.bytes().len() + 2 < unpacked.len() {
                let reset = match (start, needs_properties) {
                    (0, _) => RESET_ALL,
                    (_, true) => RESET_STATE_AND_PROPERTIES,
                    (_, false) => RESET_NOTHING,
                };
                let properties = needs_properties.then_some(options.properties);
                emit_packed(unpacked.len(), coder.range.bytes(), reset, properties, out);
                needs_properties = false;
            } else {
                // Stored, as if it had not been coded: what was learned from it is forgotten.
                if let Some(saved) = &self.saved {
                    coder.restore(saved);
                }
                prices.expire();
                emit_stored(unpacked, start == 0, out);
            }
        }
    }
}

const RESET_ALL: u8 = 0xE0;
const RESET_STATE_AND_PROPERTIES: u8 = 0xC0;
const RESET_NOTHING: u8 = 0x80;

/// A packed chunk: sizes less one, the unpacked one's highest bits beside the reset.
fn emit_packed(unpacked_len: usize, packed: &[u8], reset: u8, properties: Option<Properties>, out: &mut Vec<u8>) {
    out.push(reset | ((unpacked_len - 1) >> 16) as u8);
    out.extend_from_slice(&((unpacked_len - 1) as u16).to_be_bytes());
    out.extend_from_slice(&((packed.len() - 1) as u16).to_be_bytes());
    out.extend(properties.map(Properties::to_byte));
    out.extend_from_slice(packed);
}

/// Stored chunks; the first of a text resets the dictionary.
fn emit_stored(unpacked: &[u8], is_first: bool, out: &mut Vec<u8>) {
    for (index, piece) in unpacked.chunks(MAX_STORED).enumerate() {
        out.push(if is_first && index == 0 { 1 } else { 2 });
        out.extend_from_slice(&((piece.len() - 1) as u16).to_be_bytes());
        out.extend_from_slice(piece);
    }
}

/// Codes steps until the chunk is full or the text ends; gives the position behind them.
fn encode_chunk<F: Finder>(
    text: &[u8],
    start: usize,
    coder: &mut SymbolEncoder,
    parser: &mut OptimalParser,
    prices: &mut Prices,
    finder: &mut F,
    steps: &mut Vec<Step>,
) -> usize {
    let mut position = start;
    while position < text.len() {
        prices.refresh(&coder.probs.fixed);
        parser.parse(text, position, finder, coder, prices, steps);
        for &step in steps.iter() {
            coder.encode(text, position, step);
            position += step.length as usize;
            match step.from {
                From::Match(_) => prices.match_coded(),
                From::Rep(_) => prices.rep_coded(),
                From::Literal => {}
            }
        }
        let is_full =
            position - start + MAX_PARSE > MAX_UNPACKED || coder.range.len_if_ended() + PARSE_RESERVE > MAX_PACKED;
        if is_full {
            break;
        }
    }
    position
}
