//! Raw LZMA: one range coder's data from the first symbol to the last.

use super::coder::{Coder, START_BYTES};
use super::feed::{self, Carry, Stop};
use super::output::{Output, Whole, Windowed};
use super::window::Window;
use super::{DecodeError, Progress, dictionary_memory_bytes, window_bytes};
use crate::Properties;

/// How a raw LZMA stream says that it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LzmaEnd {
    /// After so many bytes of output. An end marker may follow.
    Size(u64),
    /// With an end marker.
    Marker,
}

/// Decodes raw LZMA streams, as `.7z` and `.lzma` have them behind their properties.
///
/// ```
/// use par7z_lzma::{LzmaDecoder, LzmaEnd, Properties};
///
/// // "hello hello hello", as `xz --format=raw --lzma1` packs it.
/// let packed = [0, 52, 25, 73, 238, 141, 233, 79, 127, 53, 197, 163, 255, 255, 120, 164, 0, 0];
/// let mut decoder = LzmaDecoder::new(Properties::default(), 1 << 16, LzmaEnd::Marker)?;
/// let mut unpacked = Vec::new();
/// // The input may come in pieces of any size, and so may the output.
/// for mut piece in packed.chunks(3) {
///     loop {
///         let mut output = [0; 4];
///         let progress = decoder.decode(piece, &mut output)?;
///         unpacked.extend_from_slice(&output[..progress.produced]);
///         piece = &piece[progress.consumed..];
///         if progress.finished || (piece.is_empty() && progress.produced < output.len()) {
///             break;
///         }
///     }
/// }
/// assert!(decoder.is_finished(), "else the input is cut off");
/// assert_eq!(unpacked, b"hello hello hello");
/// # Ok::<(), par7z_lzma::DecodeError>(())
/// ```
pub struct LzmaDecoder {
    coder: Coder,
    carry: Carry,
    window: Window,
    /// Output that is still to come, if that is known.
    remaining: Option<u64>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The first bytes.
    Start {
        bytes: [u8; START_BYTES],
        length: usize,
    },
    Symbols,
    /// All symbols are there, as far as is known; the range coder's last byte may be to come.
    Close {
        after_marker: bool,
    },
    /// All output is there, but not the end of the range coder's data: an end marker must follow.
    Marker,
    Finished,
    Failed(DecodeError),
}

const START: Stage = Stage::Start { bytes: [0; START_BYTES], length: 0 };

impl LzmaDecoder {
    /// A decoder for one stream. `dictionary_bytes` is the stream's dictionary; memory for it is taken as output comes,
    /// and never more than the stream is long.
    ///
    /// # Errors
    /// [`DecodeError::Properties`] for properties out of range, [`DecodeError::OutOfMemory`].
    pub fn new(properties: Properties, dictionary_bytes: u32, end: LzmaEnd) -> Result<Self, DecodeError> {
        let mut decoder =
            Self { coder: Coder::new(), carry: Carry::EMPTY, window: Window::new(0), remaining: None, stage: START };
        decoder.reset(properties, dictionary_bytes, end)?;
        Ok(decoder)
    }

    /// Makes the decoder ready for another stream. Memory is kept.
    ///
    /// # Errors
    /// As [`new`](Self::new); the decoder cannot be used then but for another `reset`.
    pub fn reset(&mut self, properties: Properties, dictionary_bytes: u32, end: LzmaEnd) -> Result<(), DecodeError> {
        self.remaining = match end {
            LzmaEnd::Size(bytes) => Some(bytes),
            LzmaEnd::Marker => None,
        };
        self.window.reset(window_bytes(dictionary_bytes, self.remaining));
        self.carry = Carry::EMPTY;
        self.stage = START;
        let ready = properties.checked().map_err(DecodeError::from).and_then(|_| self.coder.set_properties(properties));
        ready.inspect_err(|error| self.stage = Stage::Failed(*error))
    }

    /// The most memory that a decoder takes, in bytes: the dictionary, but no more than the output where its size is
    /// known, and the probabilities. (The dictionary's memory doubles as it fills. An allocator that cannot extend it in
    /// place has the old half for a moment, too.)
    ///
    /// # Errors
    /// [`DecodeError::Properties`] for properties out of range.
    pub fn memory_bytes(properties: Properties, dictionary_bytes: u32, end: LzmaEnd) -> Result<u64, DecodeError> {
        let size = match end {
            LzmaEnd::Size(bytes) => Some(bytes),
            LzmaEnd::Marker => None,
        };
        let literals = Coder::literal_bytes(properties.checked()?);
        Ok(dictionary_memory_bytes(dictionary_bytes, size) + literals + size_of::<Self>() as u64)
    }

    /// Decodes what there is of `input` into what there is of `output`; the streams may be cut anywhere.
    ///
    /// # Errors
    /// A [`DecodeError`], when all output before the damage has been given out; from then on always the same.
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, DecodeError> {
        let Self { coder, carry, window, remaining, stage } = self;
        let mut output = Windowed { window, output, produced: 0 };
        let consumed = Run { coder, carry, remaining, stage }.run(input, &mut output);
        let produced = output.produced;
        match self.stage {
            Stage::Failed(error) if produced == 0 => Err(error),
            _ => Ok(Progress { consumed, produced, finished: self.is_finished() }),
        }
    }

    /// Decodes a whole stream at once: the output is its own dictionary, so none is allocated and nothing is copied.
    /// `output` must have room for all of it. What is behind the bytes that are produced may be overwritten.
    ///
    /// A stream that is not [`finished`](Progress::finished) then is cut off or larger than `output`; it cannot be gone on with.
    ///
    /// # Errors
    /// A [`DecodeError`] if the stream is damaged, or if a part of it was decoded before (then as [`DecodeError::Distance`], in general).
    pub fn decode_whole(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, DecodeError> {
        let dictionary_bytes = self.window.dictionary_bytes();
        let Self { coder, carry, remaining, stage, .. } = self;
        let mut output = Whole { output, base: 0, produced: 0, dictionary_bytes };
        let consumed = Run { coder, carry, remaining, stage }.run(input, &mut output);
        let produced = output.produced;
        match *stage {
            Stage::Failed(error) => return Err(error),
            Stage::Finished => {}
            // The history is the caller's again.
            _ => *stage = Stage::Failed(DecodeError::LateEnd),
        }
        Ok(Progress { consumed, produced, finished: self.is_finished() })
    }

    /// Whether the stream is complete.
    pub fn is_finished(&self) -> bool {
        matches!(self.stage, Stage::Finished)
    }
}

/// The parts of a decoder besides its window.
struct Run<'a> {
    coder: &'a mut Coder,
    carry: &'a mut Carry,
    remaining: &'a mut Option<u64>,
    stage: &'a mut Stage,
}

impl Run<'_> {
    /// Goes as far as it can. Returns the bytes of input that are used.
    fn run(mut self, input: &[u8], output: &mut impl Output) -> usize {
        let mut used = 0;
        loop {
            match self.step(&input[used..], output) {
                Ok((count, goes_on)) => {
                    used += count;
                    if !goes_on {
                        return used;
                    }
                }
                Err(error) => {
                    *self.stage = Stage::Failed(error);
                    return used;
                }
            }
        }
    }

    /// One step, and whether there may be another.
    fn step(&mut self, input: &[u8], output: &mut impl Output) -> Result<(usize, bool), DecodeError> {
        match *self.stage {
            Stage::Start { mut bytes, mut length } => {
                let count = input.len().min(START_BYTES - length);
                bytes[length..length + count].copy_from_slice(&input[..count]);
                length += count;
                *self.stage = Stage::Start { bytes, length };
                if length == START_BYTES {
                    self.coder.start(bytes)?;
                    *self.stage = Stage::Symbols;
                }
                Ok((count, length == START_BYTES))
            }
            Stage::Symbols if *self.remaining == Some(0) => {
                if self.coder.pending > 0 {
                    return Err(DecodeError::LateEnd);
                }
                *self.stage = Stage::Close { after_marker: false };
                Ok((0, true))
            }
            Stage::Symbols if output.room() == 0 => {
                if self.coder.pending > 0 || self.remaining.is_some() {
                    return Ok((0, false));
                }
                let (used, marker) = self.end_marker(input, output)?;
                Ok((used, marker == Some(true)))
            }
            Stage::Symbols => self.symbols(input, output),
            Stage::Close { after_marker } => {
                let Some((at_end, used)) = self.coder.is_at_end(input) else { return Ok((0, false)) };
                *self.stage = match (at_end, after_marker) {
                    (true, _) => Stage::Finished,
                    (false, false) => Stage::Marker,
                    (false, true) => return Err(DecodeError::LateEnd),
                };
                Ok((used, true))
            }
            Stage::Marker => match self.end_marker(input, output)? {
                (_, Some(false)) => Err(DecodeError::LateEnd),
                (used, marker) => Ok((used, marker.is_some())),
            },
            Stage::Finished | Stage::Failed(_) => Ok((0, false)),
        }
    }

    /// Symbols, up to the end of input or output, or, in a window, until it is full.
    fn symbols(&mut self, input: &[u8], output: &mut impl Output) -> Result<(usize, bool), DecodeError> {
        let Self { coder, carry, remaining, stage } = self;
        let left = remaining.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let before = output.room();
        let done = output.fill(before.min(left), |target| feed::advance(coder, carry, target, input, false))?;
        if let Some(bytes) = remaining {
            *bytes -= (before - output.room()) as u64;
        }
        let (used, stop) = done?;
        if stop == Stop::EndMarker {
            if remaining.is_some() {
                return Err(DecodeError::EarlyEnd);
            }
            **stage = Stage::Close { after_marker: true };
        }
        Ok((used, stop != Stop::Input))
    }

    /// Takes an end marker if that is what comes next; `None` if that is not known yet.
    fn end_marker(&mut self, input: &[u8], output: &mut impl Output) -> Result<(usize, Option<bool>), DecodeError> {
        let Self { coder, carry, .. } = self;
        let (used, marker) = output.fill(0, |target| feed::take_end_marker(coder, carry, target, input))?;
        if marker == Some(true) {
            *self.stage = Stage::Close { after_marker: true };
        }
        Ok((used, marker))
    }
}
