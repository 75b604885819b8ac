//! Parser and coder together: the step from a position to the next, which both formats repeat.

use super::encoder::{EncodeProgress, Stopped, Watch};
use super::optimal::OptimalParser;
use super::options::EncoderOptions;
use super::price::Prices;
use super::symbols::{From, Saved, Step, SymbolEncoder};
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
    /// What a chunk began with, to be put back if it is stored.
    pub(super) saved: Option<Saved>,
    parser: OptimalParser,
    steps: Vec<Step>,
}

impl Core {
    pub(super) fn new(options: &EncoderOptions) -> Self {
        Self {
            coder: SymbolEncoder::new(options.properties),
            prices: Prices::new(),
            options: *options,
            saved: None,
            parser: OptimalParser::new(),
            steps: Vec::new(),
        }
    }

    /// Begins a stream.
    pub(super) fn begin_stream(&mut self) {
        let options = &self.options;
        self.coder.reset();
        self.coder.range.reset();
        self.prices.set_up(1 << options.properties.pb, options.nice_length as usize, options.dictionary_bytes);
    }

    /// Begins a text (the stream may go on), whose finder gives matches of at most `finder_limit` bytes.
    pub(super) fn begin_text(&mut self, finder_limit: usize) {
        self.parser.begin(self.options.nice_length as usize, finder_limit);
    }

    /// Codes the next few steps; gives the position behind them. The finder stands at `position`.
    #[inline]
    pub(super) fn advance<F: Finder>(&mut self, text: &[u8], mut position: usize, finder: &mut F) -> usize {
        self.prices.refresh(&self.coder.probs.fixed);
        self.parser.parse(text, position, finder, &self.coder, &self.prices, &mut self.steps);
        for &step in &self.steps {
            self.coder.encode(text, position, step);
            position += step.length as usize;
            match step.from {
                From::Match(_) => self.prices.match_coded(),
                From::Rep(_) => self.prices.rep_coded(),
                From::Literal => {}
            }
        }
        position
    }

    /// Ends an LZMA stream behind `position`.
    pub(super) fn end_lzma(&mut self, end_marker: bool, position: usize, out: &mut Vec<u8>) {
        if end_marker {
            self.coder.encode_end_marker(position);
        }
        self.coder.range.finish();
        self.coder.range.drain_into(out);
    }
}
