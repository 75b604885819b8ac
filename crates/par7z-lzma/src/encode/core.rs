//! Parser and coder together: the step from a position to the next, which both formats repeat.

use super::encoder::{EncodeProgress, Stopped, Watch};
use super::fast::FastParser;
use super::lzma2::Limits;
use super::optimal::OptimalParser;
use super::options::{EncoderOptions, Parser};
use super::price::Prices;
use super::symbols::{Saved, Step, SymbolEncoder};
use crate::find::Finder;
use alloc::vec::Vec;
use core::ops::ControlFlow;

/// How often a [`Watch`] is asked.
const WATCH_BYTES: usize = 64 << 10;

/// Counts what is done, and asks the caller's function whether to go on.
pub(super) struct Watched<'a> {
    watch: Watch<'a>,
    progress: EncodeProgress,
    unwatched_bytes: usize,
}

impl<'a> Watched<'a> {
    pub(super) fn new(watch: Watch<'a>) -> Self {
        Self { watch, progress: EncodeProgress { unpacked_bytes: 0, packed_bytes: 0 }, unwatched_bytes: 0 }
    }

    /// So much of the text is coded.
    #[inline]
    pub(super) fn coded(&mut self, bytes: usize) -> Result<(), Stopped> {
        self.progress.unpacked_bytes += bytes;
        self.unwatched_bytes += bytes;
        if self.unwatched_bytes < WATCH_BYTES { Ok(()) } else { self.check() }
    }

    /// So much came out.
    pub(super) fn packed(&mut self, bytes: usize) {
        self.progress.packed_bytes += bytes;
    }

    pub(super) fn check(&mut self) -> Result<(), Stopped> {
        self.unwatched_bytes = 0;
        match (self.watch)(self.progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stopped),
        }
    }
}

/// What codes a stream, apart from the finder.
pub(super) struct Core {
    pub(super) coder: SymbolEncoder,
    pub(super) prices: Prices,
    pub(super) options: EncoderOptions,
    /// How large chunks may be: the format's limits, but for tests.
    pub(super) chunk_limits: Limits,
    /// What a chunk began with, to be put back if it is stored.
    pub(super) saved: Option<Saved>,
    optimal: OptimalParser,
    fast: FastParser,
    steps: Vec<Step>,
}

impl Core {
    pub(super) fn new(options: &EncoderOptions) -> Self {
        Self {
            coder: SymbolEncoder::new(options.properties),
            prices: Prices::new(),
            options: *options,
            chunk_limits: Limits::FORMAT,
            saved: None,
            optimal: OptimalParser::new(),
            fast: FastParser::new(),
            steps: Vec::new(),
        }
    }

    /// Begins a stream whose distances are less than `reach`.
    pub(super) fn begin_stream(&mut self, reach: usize) {
        let options = &self.options;
        self.coder.reset();
        self.coder.range.reset();
        let reach = options.dictionary_bytes.min(u32::try_from(reach).unwrap_or(u32::MAX));
        self.prices.set_up(1 << options.properties.pb, options.nice_length as usize, reach);
    }

    /// Begins a text of so many bytes (the stream may go on), whose finder gives matches of at most `finder_limit` bytes.
    pub(super) fn begin_text(&mut self, text_bytes: usize, finder_limit: usize) {
        let nice_length = self.options.nice_length as usize;
        self.optimal.begin(nice_length, finder_limit, self.options.parse_margin(text_bytes));
        self.fast.begin(nice_length);
    }

    /// Codes the next few steps; gives the position behind them. The finder stands at `position`.
    #[inline]
    pub(super) fn advance<F: Finder>(&mut self, text: &[u8], position: usize, finder: &mut F) -> usize {
        match self.options.parser {
            Parser::Fast => {
                self.fast.parse(text, position, finder, &self.coder, &mut self.steps);
                self.code(text, position)
            }
            Parser::Optimal => {
                self.prices.refresh(&self.coder.probs.fixed);
                self.optimal.parse(text, position, finder, &self.coder, &self.prices, &mut self.steps);
                self.prices.coded(&self.steps);
                self.code(text, position)
            }
        }
    }

    fn code(&mut self, text: &[u8], mut position: usize) -> usize {
        for &step in &self.steps {
            self.coder.encode(text, position, step);
            position += step.length as usize;
        }
        position
    }

    /// Ends an LZMA stream behind `position`.
    pub(super) fn end_lzma(&mut self, end_marker: bool, position: usize, out: &mut Vec<u8>) {
        if end_marker {
            self.coder.encode_end_marker(position);
        }
        self.coder.range.finish();
        out.extend_from_slice(self.coder.range.bytes());
        self.coder.range.reset();
    }
}
