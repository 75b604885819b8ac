//! The encoder object: finders, parsers and coder, made once and used for text after text.

use super::core::{Core, Watched};
use super::options::{EncoderOptions, OptionsError, TextFinder};
use super::{lzma, lzma2};
use crate::find::Finder;
use crate::find::binary_tree::BinaryTree;
use crate::find::flat::FlatStretches;
use crate::find::hash_buckets::{LeanBuckets, ThoroughBuckets};
use crate::find::interval_tree::IntervalTree;
use crate::find::long_chain::LongChain;
use crate::find::short_chain::ShortChain;
use alloc::vec::Vec;
use core::fmt;
use core::ops::ControlFlow;

/// How far a call of an encoder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeProgress {
    /// Bytes of the text that are done.
    pub unpacked_bytes: usize,
    /// What they packed to.
    pub packed_bytes: usize,
}

/// The caller's function broke off the encoding. What was appended until then is no stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the encoding was stopped")
    }
}

impl core::error::Error for Stopped {}

/// Called every 64 KiB or so, and before a text's suffixes are sorted.
/// [`ControlFlow::Break`] stops the encoding.
pub type Watch<'a> = &'a mut dyn FnMut(EncodeProgress) -> ControlFlow<()>;

/// A [`Watch`] that never stops.
pub fn unwatched(_: EncodeProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// An encoder of LZMA and LZMA2, used for text after text. What it makes of a text depends on its options alone, not on
/// what was before; its tables are kept, and a small text after a large one costs what a small text costs.
pub struct Encoder {
    options: EncoderOptions,
    most_dictionary_bytes: u32,
    core: Core,
    lean_buckets: LeanBuckets,
    thorough_buckets: ThoroughBuckets,
    short_chain: ShortChain,
    /// Made when it is needed: texts below 64 KiB do without.
    long_chain: Option<LongChain>,
    binary_tree: BinaryTree,
    interval_tree: IntervalTree,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Runs `$body` with the finder that suits a text, at the text's beginning: once compiled for each kind of finder.
macro_rules! with_finder {
    ($encoder:expr, $text:expr, $flat:expr, |$core:ident, $finder:ident| $body:expr) => {{
        let Encoder {
            options,
            core: $core,
            lean_buckets,
            thorough_buckets,
            short_chain,
            long_chain,
            binary_tree,
            interval_tree,
            ..
        } = $encoder;
        let nice_length = options.nice_length as usize;
        let dictionary_bytes = options.dictionary_bytes as usize;
        match options.finder_for($text.len()) {
            TextFinder::LeanBuckets { buckets_log2 } => {
                lean_buckets.begin($text.len(), nice_length, buckets_log2, dictionary_bytes);
                $core.begin_text($text.len(), nice_length);
                let $finder = lean_buckets;
                $body
            }
            TextFinder::ThoroughBuckets { buckets_log2 } => {
                thorough_buckets.begin($text.len(), nice_length, buckets_log2, dictionary_bytes);
                $core.begin_text($text.len(), nice_length);
                let $finder = thorough_buckets;
                $body
            }
            TextFinder::ShortChain => {
                short_chain.begin($text.len(), nice_length, dictionary_bytes);
                $core.begin_text($text.len(), nice_length);
                let $finder = short_chain;
                $body
            }
            TextFinder::LongChain => {
                // One large finder at a time: memory is foretold for one.
                binary_tree.free();
                interval_tree.free();
                let $finder = long_chain.get_or_insert_with(LongChain::new);
                $finder.begin(nice_length, dictionary_bytes);
                $core.begin_text($text.len(), nice_length);
                $body
            }
            TextFinder::BinaryTree { cycles } => {
                // One large finder at a time: memory is foretold for one.
                interval_tree.free();
                *long_chain = None;
                binary_tree.begin($text.len(), nice_length, cycles, dictionary_bytes);
                $core.begin_text($text.len(), nice_length);
                let $finder = binary_tree;
                $body
            }
            TextFinder::IntervalTree => {
                // One large finder at a time: memory is foretold for one.
                binary_tree.free();
                *long_chain = None;
                let limit = options.tree_limit();
                if interval_tree.try_begin($text, $flat, limit, options.tree_wanted()) {
                    $core.begin_text($text.len(), limit);
                    let $finder = interval_tree;
                    $body
                } else {
                    interval_tree.free();
                    binary_tree.begin($text.len(), nice_length, options.tree_cycles(), dictionary_bytes);
                    $core.begin_text($text.len(), nice_length);
                    let $finder = binary_tree;
                    $body
                }
            }
        }
    }};
}

impl Encoder {
    /// An encoder with these options.
    ///
    /// # Errors
    /// [`OptionsError`] if one of them is out of its range.
    pub fn new(options: EncoderOptions) -> Result<Self, OptionsError> {
        options.check()?;
        Ok(Self {
            core: Core::new(&options),
            lean_buckets: LeanBuckets::new(),
            thorough_buckets: ThoroughBuckets::new(),
            short_chain: ShortChain::new(),
            long_chain: None,
            binary_tree: BinaryTree::new(),
            interval_tree: IntervalTree::new(),
            most_dictionary_bytes: options.dictionary_bytes,
            options,
        })
    }

    /// From now on matches reach no farther than `dictionary_bytes`, nor than the dictionary that the encoder was made with: for
    /// streams that are said to need a smaller one.
    pub fn limit_dictionary(&mut self, dictionary_bytes: u32) {
        self.options.dictionary_bytes = dictionary_bytes.min(self.most_dictionary_bytes);
        self.core.options.dictionary_bytes = self.options.dictionary_bytes;
    }

    /// What it was made with, under a [limit](Self::limit_dictionary) of the dictionary.
    pub fn options(&self) -> &EncoderOptions {
        &self.options
    }

    /// Appends the chunks of `text` to `out`. They begin with a reset of everything, so texts encoded one after another are
    /// one LZMA2 stream, which a byte 0 ends. That byte is the caller's.
    ///
    /// # Errors
    /// [`Stopped`] if `watch` says so.
    ///
    /// # Panics
    /// If `lc + lp` is over 4, which LZMA2 does not have.
    pub fn encode_lzma2(&mut self, text: &[u8], out: &mut Vec<u8>, watch: Watch<'_>) -> Result<(), Stopped> {
        self.encode_lzma2_from(text, &FlatStretches::find(text), 0, out, watch)
    }

    /// The same for what comes behind `start`; the text before it was encoded already and is there to refer to. Not at 0, the
    /// state is reset, but the dictionary is not.
    pub(super) fn encode_lzma2_from(
        &mut self,
        text: &[u8],
        flat: &FlatStretches,
        start: usize,
        out: &mut Vec<u8>,
        watch: Watch<'_>,
    ) -> Result<(), Stopped> {
        let mut watched = Watched::new(watch);
        watched.check()?;
        self.core.begin_stream(text.len());
        with_finder!(self, text, flat, |core, finder| {
            finder.skip(text, start);
            lzma2::encode(core, text, flat, start, finder, out, &mut watched)
        })
    }

    /// The same with an interval tree that the caller has, which stands at `start`.
    pub(super) fn encode_lzma2_with<F: Finder>(
        &mut self,
        finder: &mut F,
        text: &[u8],
        flat: &FlatStretches,
        start: usize,
        out: &mut Vec<u8>,
        watch: Watch<'_>,
    ) -> Result<(), Stopped> {
        let mut watched = Watched::new(watch);
        watched.check()?;
        self.core.begin_stream(text.len());
        self.core.begin_text(text.len(), self.options.tree_limit());
        lzma2::encode(&mut self.core, text, flat, start, finder, out, &mut watched)
    }

    /// Appends `text` to `out` as LZMA2 that is not compressed: three bytes for each 64 KiB more. It begins and ends as in
    /// [`encode_lzma2`](Self::encode_lzma2).
    pub fn store_lzma2(text: &[u8], out: &mut Vec<u8>) {
        lzma2::emit_stored(text, true, lzma2::Limits::FORMAT.stored, out);
    }

    /// Appends `text` to `out` as a raw LZMA stream of its own. With `end_marker` a decoder needs not know the text's length.
    ///
    /// # Errors
    /// [`Stopped`] if `watch` says so.
    pub fn encode_lzma(
        &mut self,
        text: &[u8],
        end_marker: bool,
        out: &mut Vec<u8>,
        watch: Watch<'_>,
    ) -> Result<(), Stopped> {
        self.core.begin_stream(text.len());
        self.continue_lzma(text, 0, out, watch)?;
        self.core.end_lzma(end_marker, text.len(), out);
        Ok(())
    }

    /// Begins a raw LZMA stream that comes in windows.
    pub(super) fn begin_lzma(&mut self) {
        self.core.begin_stream(usize::MAX);
    }

    /// Goes on with it: codes `window` from `start`; what is before that was coded already and is there to refer to.
    pub(super) fn continue_lzma(
        &mut self,
        window: &[u8],
        start: usize,
        out: &mut Vec<u8>,
        watch: Watch<'_>,
    ) -> Result<(), Stopped> {
        let mut watched = Watched::new(watch);
        watched.check()?;
        with_finder!(self, window, &FlatStretches::default(), |core, finder| {
            finder.skip(window, start);
            lzma::encode(core, window, start, finder, out, &mut watched)
        })
    }

    /// Ends it behind `position`, which counts modulo 16.
    pub(super) fn end_lzma(&mut self, end_marker: bool, position: usize, out: &mut Vec<u8>) {
        self.core.end_lzma(end_marker, position, out);
    }
}
