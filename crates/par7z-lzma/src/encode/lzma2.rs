//! LZMA2: chunks of LZMA with resets between them, or bytes as they are where that is smaller.
//!
//! A chunk holds at most 2 MiB unpacked and 64 KiB packed (stored: 64 KiB). The parser chooses thousands of bytes at once, so
//! a chunk is closed early enough that whatever comes next still fits.

use super::optimal::{MAX_PARSE, OptimalParser};
use super::price::Prices;
use super::symbols::{Saved, Step, SymbolEncoder};
use crate::Properties;
use crate::find::Finder;
use crate::find::binary_tree::BinaryTree;
use crate::find::interval_tree::{IntervalTree, MAX_LIMIT};
use alloc::vec::Vec;

const MAX_UNPACKED: usize = 1 << 21;
const MAX_PACKED: usize = 1 << 16;
const MAX_STORED: usize = 1 << 16;
/// What a parse may pack to at the most: no step costs more than its bytes would as literals, about nine bits each.
const PARSE_RESERVE: usize = MAX_PARSE + MAX_PARSE / 4 + 64;

/// Parameters of an encoder.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// lc, lp, pb.
    pub properties: Properties,
    /// How far back matches reach, in bytes.
    pub dictionary_bytes: u32,
    /// A match of this length is taken at once, 5 to 273.
    pub nice_length: u32,
    /// Steps of the match finder at each position.
    pub cycles: u32,
}

/// An LZMA2 encoder, used for stream after stream.
pub struct Lzma2Encoder {
    options: Options,
    coder: SymbolEncoder,
    parser: OptimalParser,
    prices: Prices,
    binary_tree: BinaryTree,
    interval_tree: IntervalTree,
    saved: Option<Saved>,
    steps: Vec<Step>,
}

impl Lzma2Encoder {
    /// An encoder with these parameters.
    pub fn new(options: Options) -> Self {
        Self {
            coder: SymbolEncoder::new(options.properties),
            parser: OptimalParser::new(),
            prices: Prices::new(),
            binary_tree: BinaryTree::new(),
            interval_tree: IntervalTree::new(),
            saved: None,
            steps: Vec::new(),
            options,
        }
    }

    /// Appends the chunks of `text`, which begin with a reset of everything, to `out`. The end byte is the caller's.
    pub fn encode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let options = self.options;
        let nice_length = options.nice_length as usize;
        let use_tree = options.cycles == 0;
        if use_tree {
            self.interval_tree.begin(text, nice_length.min(MAX_LIMIT), options.dictionary_bytes as usize);
        } else {
            self.binary_tree.begin(text.len(), nice_length, options.cycles, options.dictionary_bytes as usize);
        }
        self.coder.reset();
        self.parser.begin(options.nice_length as usize);
        self.prices.set_up(1 << options.properties.pb, options.nice_length as usize, options.dictionary_bytes);
        let mut position = 0;
        let mut needs_properties = true;
        while position < text.len() {
            let start = position;
            self.coder.save_into(&mut self.saved);
            self.coder.range.reset();
            let (coder, parser, prices) = (&mut self.coder, &mut self.parser, &mut self.prices);
            position = if use_tree {
                encode_chunk(text, position, coder, parser, prices, &mut self.interval_tree, &mut self.steps)
            } else {
                encode_chunk(text, position, coder, parser, prices, &mut self.binary_tree, &mut self.steps)
            };
            self.coder.range.finish();
            let unpacked = position - start;
            let packed = self.coder.range.bytes();
            if packed.len() + 2 >= unpacked {
                if let Some(saved) = &self.saved {
                    self.coder.restore(saved);
                }
                self.prices.expire();
                for (index, piece) in text[start..position].chunks(MAX_STORED).enumerate() {
                    out.push(if start == 0 && index == 0 { 1 } else { 2 });
                    out.extend_from_slice(&((piece.len() - 1) as u16).to_be_bytes());
                    out.extend_from_slice(piece);
                }
                continue;
            }
            let reset = match (start, needs_properties) {
                (0, _) => 0xE0,
                (_, true) => 0xC0,
                (_, false) => 0x80,
            };
            out.push(reset | ((unpacked - 1) >> 16) as u8);
            out.extend_from_slice(&((unpacked - 1) as u16).to_be_bytes());
            out.extend_from_slice(&((packed.len() - 1) as u16).to_be_bytes());
            if needs_properties {
                out.push(options.properties.to_byte());
            }
            out.extend_from_slice(packed);
            needs_properties = false;
        }
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
                super::symbols::From::Match(_) => prices.match_coded(),
                super::symbols::From::Rep(_) => prices.rep_coded(),
                super::symbols::From::Literal => {}
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
