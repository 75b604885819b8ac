//! A large text that several encoders pack at the same time, slice by slice; each slice refers to all of the text before it.
//!
//! **What it is.** Slices are fixed parts of about 8 MiB (or what the caller says). Each begins with a reset of the state, not of the dictionary: what
//! it costs is learning the probabilities anew, some KB. What it may refer to is everything before, as if one encoder had gone
//! through it all.
//!
//! **Why it wins.** Independent parts can be packed at the same time, too, but do not know what the others have said:
//! one to two percent of the size. Shared matches cost next to nothing.
//!
//! **Invariants.** What a slice packs to depends on the text, the options and its number, not on who packs it and when. Positions
//! count from the text's beginning, which lies a multiple of 16 behind the last reset of the dictionary. Only a slice that
//! begins at 0 resets the dictionary.

use super::encoder::{Encoder, Stopped, Watch};
use super::lzma::POSITION_PERIOD;
use super::options::EncoderOptions;
use crate::find::flat::{FlatStretches, STRETCH_BYTES};
use alloc::vec::Vec;
use core::ops::Range;

/// A text prepared to be packed in slices. No threads are started: the caller runs tasks and slices where it likes.
///
/// ```
/// use par7z_lzma::{Encoder, EncoderOptions, SliceState, SlicedText, TaskScratch, unwatched};
/// # let text: Vec<u8> = (0..20_000_000u32).map(|n| (n.wrapping_mul(n) >> 20) as u8).collect();
///
/// let options = EncoderOptions::level(1)?;
/// let mut sliced = SlicedText::new(&options, &text, 0, SlicedText::USUAL_SLICE_BYTES);
/// // Rounds of tasks, each of which may run on any thread; then slices, likewise.
/// while sliced.tasks() > 0 {
///     for task in 0..sliced.tasks() {
///         sliced.run_task(&text, task, &mut TaskScratch::default());
///     }
///     sliced.next_round(&text);
/// }
/// let slices: Vec<Vec<u8>> = std::thread::scope(|scope| {
///     let (sliced, text) = (&sliced, &text);
///     let encode = move |index| {
///         let mut packed = Vec::new();
///         let mut encoder = Encoder::new(options).expect("a level's options");
///         let mut state = SliceState::default();
///         encoder.encode_slice(sliced, &mut state, text, index, &mut packed, &mut unwatched).expect("never stopped");
///         packed
///     };
///     let threads: Vec<_> = (0..sliced.slices()).map(|index| scope.spawn(move || encode(index))).collect();
///     threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
/// });
/// let mut packed = slices.concat();
/// packed.push(0); // the end of an LZMA2 stream
/// # let mut unpacked = vec![0; text.len()];
/// # par7z_lzma::Lzma2Decoder::new(options.dictionary_bytes, None).decode_whole(&packed, &mut unpacked)?;
/// # assert!(unpacked == text);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SlicedText {
    options: EncoderOptions,
    history_bytes: usize,
    text_bytes: usize,
    slices: usize,
    flat: FlatStretches,
}

/// What a thread that runs tasks keeps from one to the next.
#[derive(Debug, Default)]
pub struct TaskScratch(());

/// What a thread that packs slices of a [`SlicedText`] keeps from one to the next. It is of no use for another text.
#[derive(Debug, Default)]
pub struct SliceState(());

impl SlicedText {
    /// Where a slice's fresh start costs little beside what it packs to (some KB of 1 to 4 MB), and there are still many in a
    /// text worth sharing: 8 MiB.
    pub const USUAL_SLICE_BYTES: usize = 8 << 20;

    /// How many slices a text of so many bytes has, of about `slice_bytes` (not 0) each.
    pub fn slice_count(bytes: usize, slice_bytes: usize) -> usize {
        (bytes.saturating_add(slice_bytes / 2) / slice_bytes).max(1)
    }

    /// Prepares what comes behind the first `history_bytes` of `text`, which were packed before. That is all of the text unless
    /// it is one of several windows over a larger one: then the window must begin a multiple of 16 behind the beginning. Slices
    /// have about `slice_bytes` (not 0) each.
    pub fn new(options: &EncoderOptions, text: &[u8], history_bytes: usize, slice_bytes: usize) -> Self {
        Self {
            options: *options,
            history_bytes,
            text_bytes: text.len(),
            slices: Self::slice_count(text.len() - history_bytes, slice_bytes),
            flat: FlatStretches::find(text),
        }
    }

    /// Tasks of this round, which may run at the same time. 0: no more rounds; slices can be packed.
    pub fn tasks(&self) -> usize {
        0
    }

    /// Runs a task of this round, `index` below [`tasks`](Self::tasks). `text` is always the text that this was made with.
    pub fn run_task(&self, _text: &[u8], _index: usize, _scratch: &mut TaskScratch) {}

    /// Goes on to the next round when all tasks of this one have run.
    pub fn next_round(&mut self, _text: &[u8]) {}

    /// How many slices there are.
    pub fn slices(&self) -> usize {
        self.slices
    }

    /// Bytes of a slice.
    pub fn slice_bytes(&self, index: usize) -> usize {
        self.slice(index).len()
    }

    /// Where a slice is. They are even, and begin at multiples of 16 behind the history.
    fn slice(&self, index: usize) -> Range<usize> {
        let (count, bytes) = (self.slices(), self.text_bytes - self.history_bytes);
        let border = |index: usize| {
            let even = bytes as u64 * index as u64 / count as u64;
            self.history_bytes + if index < count { even as usize / POSITION_PERIOD * POSITION_PERIOD } else { bytes }
        };
        border(index)..border(index + 1)
    }
}

impl Encoder {
    /// Appends the chunks of a slice to `out`. Those of all slices one after another, and a byte 0, are the text's LZMA2 stream.
    /// The encoder's options must be those that the text was prepared with.
    ///
    /// # Errors
    /// [`Stopped`] if `watch` says so.
    pub fn encode_slice(
        &mut self,
        sliced: &SlicedText,
        _state: &mut SliceState,
        text: &[u8],
        index: usize,
        out: &mut Vec<u8>,
        watch: Watch<'_>,
    ) -> Result<(), Stopped> {
        let slice = sliced.slice(index);
        // No farther back than matches reach.
        let reach = sliced.options.dictionary_bytes as usize;
        let start = slice.start.saturating_sub(reach) / STRETCH_BYTES * STRETCH_BYTES;
        let flat = sliced.flat.from(start);
        self.encode_lzma2_from(&text[start..slice.end], &flat, slice.start - start, out, watch)
    }
}
