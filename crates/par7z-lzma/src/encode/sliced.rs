//! A large text that several encoders pack at the same time, slice by slice; each slice refers to all of the text before it.
//!
//! **What it is.** Slices are fixed parts of about 8 MiB (or what the caller says). Each begins with a reset of the state, not of the dictionary: what
//! it costs is learning the probabilities anew, some KB. What it may refer to is everything before, as if one encoder had gone
//! through it all.
//!
//! **Why it wins.** Independent parts can be packed at the same time, too, but do not know what the others have said:
//! about one percent of the size. Shared matches cost next to nothing.
//!
//! **Invariants.** What a slice packs to depends on the text, the options and its number, not on who packs it and when. Positions
//! count from the text's beginning, which lies a multiple of 16 behind the last reset of the dictionary. Only a slice that
//! begins at 0 resets the dictionary.

use super::encoder::{Encoder, Stopped, Watch};
use super::lzma::POSITION_PERIOD;
use super::options::{EncoderOptions, TextFinder};
use crate::find::flat::{FlatStretches, STRETCH_BYTES};
use crate::find::interval_tree::induce::Scratch;
use crate::find::interval_tree::periods::repeated_bytes;
use crate::find::interval_tree::window::{BuiltPart, SliceFinder, WindowTree};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
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
///     let mut scratch = TaskScratch::default();
///     let results: Vec<_> = (0..sliced.tasks()).map(|task| sliced.run_task(&text, task, &mut scratch)).collect();
///     sliced.next_round(&text, results);
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
pub struct SlicedText {
    options: EncoderOptions,
    history_bytes: usize,
    text_bytes: usize,
    slices: usize,
    flat: FlatStretches,
    round: Round,
    /// For the interval tree; the other finders begin anew for each slice.
    tree: Option<Arc<WindowTree>>,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Sort,
    Build,
    Slices,
}

/// What a task gives, for [`SlicedText::next_round`].
pub struct TaskResult(Option<BuiltPart>);

/// What a thread that runs tasks keeps from one to the next.
#[derive(Default)]
pub struct TaskScratch(Scratch);

/// What a thread that packs slices of a [`SlicedText`] keeps from one to the next. It is of no use for another text. Slices in
/// ascending order cost least.
#[derive(Default)]
pub struct SliceState(Option<SliceFinder<Arc<WindowTree>>>);

impl fmt::Debug for SlicedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { options, history_bytes, text_bytes, slices, round, .. } = self;
        write!(f, "SlicedText {{ {options:?}, {text_bytes} bytes behind {history_bytes}, {slices} slices, {round:?} }}")
    }
}

impl fmt::Debug for TaskResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskResult")
    }
}

impl fmt::Debug for TaskScratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskScratch")
    }
}

impl fmt::Debug for SliceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SliceState")
    }
}

impl SlicedText {
    /// Where a slice's fresh start costs little beside what it packs to (some KB of 1 to 4 MB), and there are still many in a
    /// text worth sharing: 8 MiB.
    pub const USUAL_SLICE_BYTES: usize = 8 << 20;

    /// How many slices a text of so many bytes has, of about `slice_bytes` (not 0) each; fewer if stretches of it repeat
    /// themselves every few bytes. Binary trees have one: to make what is before a slice known to them costs as much as to
    /// pack it.
    pub fn slice_count(options: &EncoderOptions, bytes: usize, slice_bytes: usize) -> usize {
        match options.finder_for(bytes) {
            TextFinder::BinaryTree { .. } | TextFinder::ShortChain | TextFinder::LongChain => 1,
            TextFinder::LeanBuckets { .. } | TextFinder::ThoroughBuckets { .. } | TextFinder::IntervalTree => {
                (bytes.saturating_add(slice_bytes / 2) / slice_bytes).max(1)
            }
        }
    }

    /// Memory of a text of `text_bytes`, history included, shared by all who pack its slices; and what each of them takes besides
    /// its [`Encoder`], which then has no finder for it. Both for any text.
    pub fn memory_bytes(options: &EncoderOptions, text_bytes: usize) -> (u64, u64) {
        if options.finder_for(text_bytes) != TextFinder::IntervalTree {
            return (0, options.memory_bytes(text_bytes) - options.memory_bytes(0));
        }
        let each = WindowTree::sort_bytes(text_bytes).most.max(WindowTree::finder_bytes(text_bytes).most);
        (WindowTree::memory_bytes(text_bytes).most as u64, each as u64)
    }

    /// Prepares what comes behind the first `history_bytes` of `text`, which were packed before. That is all of the text unless
    /// it is one of several windows over a larger one: then the window must begin a multiple of 16 behind the beginning. Slices
    /// have about `slice_bytes` (not 0) each, besides stretches that repeat themselves every few bytes: those pack to so little
    /// in so little time that a slice's fresh start would be most of it.
    pub fn new(options: &EncoderOptions, text: &[u8], history_bytes: usize, slice_bytes: usize) -> Self {
        let flat = FlatStretches::find(text);
        let new = &text[history_bytes..];
        let telling_bytes = new.len() - repeated_bytes(new, options.nice_length as usize);
        let finder = options.finder_for(text.len());
        let tree = (finder == TextFinder::IntervalTree).then(|| {
            let mut tree = WindowTree::new();
            tree.begin(text, &flat, options.tree_limit());
            Arc::new(tree)
        });
        Self {
            options: *options,
            history_bytes,
            text_bytes: text.len(),
            slices: match finder {
                TextFinder::BinaryTree { .. } => 1,
                _ => Self::slice_count(options, telling_bytes, slice_bytes),
            },
            flat,
            round: if tree.is_some() { Round::Sort } else { Round::Slices },
            tree,
        }
    }

    /// Tasks of this round, which may run at the same time. 0: no more rounds; slices can be packed.
    pub fn tasks(&self) -> usize {
        let Some(tree) = &self.tree else { return 0 };
        match self.round {
            Round::Sort => tree.sort_part_count(),
            Round::Build => tree.build_part_count(),
            Round::Slices => 0,
        }
    }

    /// Runs a task of this round, `index` below [`tasks`](Self::tasks). `text` is always the text that this was made with.
    pub fn run_task(&self, text: &[u8], index: usize, scratch: &mut TaskScratch) -> TaskResult {
        let Some(tree) = &self.tree else { return TaskResult(None) };
        match self.round {
            Round::Sort => {
                tree.sort_part(text, index, &mut scratch.0);
                TaskResult(None)
            }
            Round::Build => TaskResult(Some(tree.build_part(text, index))),
            Round::Slices => TaskResult(None),
        }
    }

    /// Goes on to the next round when all tasks of this one have run; `results` are theirs, in any order.
    pub fn next_round(&mut self, text: &[u8], results: impl IntoIterator<Item = TaskResult>) {
        let Some(tree) = self.tree.as_mut().and_then(Arc::get_mut) else { return };
        self.round = match self.round {
            Round::Sort => {
                tree.follow(text);
                Round::Build
            }
            Round::Build | Round::Slices => {
                tree.finish(results.into_iter().filter_map(|result| result.0));
                tree.free_suffixes();
                Round::Slices
            }
        };
    }

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
        state: &mut SliceState,
        text: &[u8],
        index: usize,
        out: &mut Vec<u8>,
        watch: Watch<'_>,
    ) -> Result<(), Stopped> {
        let slice = sliced.slice(index);
        let Some(tree) = &sliced.tree else {
            // No farther back than matches reach.
            let reach = sliced.options.dictionary_bytes as usize;
            let start = slice.start.saturating_sub(reach) / STRETCH_BYTES * STRETCH_BYTES;
            let flat = sliced.flat.from(start);
            return self.encode_lzma2_from(&text[start..slice.end], &flat, slice.start - start, out, watch);
        };
        let new_finder = || SliceFinder::new(Arc::clone(tree), sliced.options.tree_wanted());
        let finder = state.0.get_or_insert_with(new_finder);
        finder.begin_slice(slice.start);
        self.encode_lzma2_with(finder, &text[..slice.end], &sliced.flat, slice.start, out, watch)
    }
}
