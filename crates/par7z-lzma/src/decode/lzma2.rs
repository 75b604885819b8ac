//! LZMA2: chunks of LZMA or of plain bytes, each with a header that says how long it is and what begins afresh.

use super::coder::{Coder, START_BYTES};
use super::feed::{self, Carry, Stop};
use super::output::{Output, Whole, Windowed};
use super::window::Window;
use super::{DecodeError, Progress, dictionary_memory_bytes, window_bytes};
use crate::Properties;

/// The most literal contexts: `lc + lp` is at most 4.
const WIDEST: Properties = Properties { lc: 4, lp: 0, pb: 2 };
/// Output between two questions whether to go on: a few milliseconds.
const STEP_BYTES: usize = 1 << 20;
/// The largest property byte: it stands for 4 GiB − 1.
const DICTIONARY_PROPERTY_MAX: u8 = 40;

/// The dictionary that an LZMA2 property byte stands for: 4 KiB to 4 GiB − 1.
///
/// # Errors
/// [`DecodeError::DictionaryProperty`] above 40.
pub fn lzma2_dictionary_bytes(property: u8) -> Result<u32, DecodeError> {
    match property {
        0..DICTIONARY_PROPERTY_MAX => Ok((2 | u32::from(property & 1)) << (property / 2 + 11)),
        DICTIONARY_PROPERTY_MAX => Ok(u32::MAX),
        byte => Err(DecodeError::DictionaryProperty { byte }),
    }
}

/// What the header of a chunk says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    /// The end of the stream.
    End,
    /// Plain bytes.
    Stored { resets_dictionary: bool, bytes: usize },
    /// LZMA.
    Packed { reset: Reset, packed_bytes: usize, unpacked_bytes: usize },
}

/// What a chunk of LZMA begins afresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reset {
    Nothing,
    State,
    /// State, with new properties.
    Properties(u8),
    /// State, with new properties, and the dictionary.
    Dictionary(u8),
}

/// The longest header of a chunk.
pub(super) const HEADER_BYTES_MAX: usize = 6;

/// A chunk header, byte after byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    bytes: [u8; HEADER_BYTES_MAX],
    length: usize,
}

impl Header {
    pub(super) const EMPTY: Self = Self { bytes: [0; HEADER_BYTES_MAX], length: 0 };

    /// Takes bytes from the input; the number of them, and the chunk when its header is complete.
    pub(super) fn take(&mut self, input: &[u8]) -> Result<(usize, Option<Chunk>), DecodeError> {
        let mut used = 0;
        loop {
            if self.length > 0 {
                let length = match self.bytes[0] {
                    0 => 1,
                    1 | 2 => 3,
                    0x80..0xC0 => 5,
                    0xC0.. => HEADER_BYTES_MAX,
                    byte => return Err(DecodeError::Control { byte }),
                };
                if self.length == length {
                    return Ok((used, Some(self.chunk())));
                }
            }
            let Some(&byte) = input.get(used) else { return Ok((used, None)) };
            self.bytes[self.length] = byte;
            self.length += 1;
            used += 1;
        }
    }

    fn chunk(&self) -> Chunk {
        let [control, a, b, c, d, properties] = self.bytes;
        let low = usize::from(u16::from_be_bytes([a, b])) + 1;
        let reset = match control {
            0 => return Chunk::End,
            1 | 2 => return Chunk::Stored { resets_dictionary: control == 1, bytes: low },
            0x80..0xA0 => Reset::Nothing,
            0xA0..0xC0 => Reset::State,
            0xC0..0xE0 => Reset::Properties(properties),
            _ => Reset::Dictionary(properties),
        };
        let packed_bytes = usize::from(u16::from_be_bytes([c, d])) + 1;
        Chunk::Packed { reset, packed_bytes, unpacked_bytes: (usize::from(control & 0x1F) << 16) + low }
    }
}

/// Decodes LZMA2 streams.
///
/// ```
/// use par7z_lzma::{Lzma2Decoder, lzma2_dictionary_bytes};
///
/// // A stored chunk of three bytes, and the end.
/// let packed = [1, 0, 2, b'a', b'b', b'c', 0];
/// let mut decoder = Lzma2Decoder::new(lzma2_dictionary_bytes(16)?, None);
/// let mut output = [0; 8];
/// let progress = decoder.decode(&packed, &mut output)?;
/// assert!(progress.finished && progress.consumed == packed.len());
/// assert_eq!(&output[..progress.produced], b"abc");
/// # Ok::<(), par7z_lzma::DecodeError>(())
/// ```
pub struct Lzma2Decoder {
    coder: Coder,
    carry: Carry,
    window: Window,
    chunks: Chunks,
}

/// How far the chunks are.
#[derive(Debug, Clone, Copy)]
struct Chunks {
    stage: Stage,
    /// Output that may still come, if there is a limit.
    remaining: Option<u64>,
    /// A chunk has begun the dictionary.
    has_dictionary: bool,
    /// A chunk has set properties since the dictionary began.
    has_properties: bool,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Header(Header),
    Stored {
        left: usize,
    },
    Start {
        bytes: [u8; START_BYTES],
        length: usize,
        packed_left: usize,
        unpacked_left: usize,
    },
    Packed {
        packed_left: usize,
        unpacked_left: usize,
    },
    /// All of a chunk's output is there; the range coder's last byte may be to come.
    Close {
        packed_left: usize,
    },
    Finished,
    Failed(DecodeError),
}

impl Lzma2Decoder {
    /// A decoder for one stream. Memory for the dictionary is taken as output comes, and never more than `size`, the
    /// output's size if that is known: more than that is an error.
    pub fn new(dictionary_bytes: u32, size: Option<u64>) -> Self {
        let window = Window::new(window_bytes(dictionary_bytes, size));
        Self { coder: Coder::new(), carry: Carry::EMPTY, window, chunks: Chunks::begin(size) }
    }

    /// Makes the decoder ready for another stream. Memory is kept.
    pub fn reset(&mut self, dictionary_bytes: u32, size: Option<u64>) {
        self.window.reset(window_bytes(dictionary_bytes, size));
        self.carry = Carry::EMPTY;
        self.chunks = Chunks::begin(size);
    }

    /// The most memory that a decoder takes, in bytes: the dictionary, but no more than the output where its size is
    /// known, and the probabilities. (The dictionary's memory doubles as it fills. An allocator that cannot extend it in
    /// place has the old half for a moment, too.)
    pub fn memory_bytes(dictionary_bytes: u32, size: Option<u64>) -> u64 {
        dictionary_memory_bytes(dictionary_bytes, size) + Coder::literal_bytes(WIDEST) + size_of::<Self>() as u64
    }

    /// Decodes what there is of `input` into what there is of `output`; the streams may be cut anywhere.
    ///
    /// # Errors
    /// A [`DecodeError`], when all output before the damage has been given out; from then on always the same.
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, DecodeError> {
        let Self { coder, carry, window, chunks } = self;
        let mut output = Windowed { window, output, produced: 0 };
        let consumed = Run { coder, carry, chunks }.run(input, &mut output);
        let produced = output.produced;
        match self.chunks.stage {
            Stage::Failed(error) if produced == 0 => Err(error),
            _ => Ok(Progress { consumed, produced, finished: self.is_finished() }),
        }
    }

    /// Decodes a whole stream at once, or a [part](crate::Lzma2Part) of one: the output is its own dictionary, so none is
    /// allocated and nothing is copied. `output` must have room for all of it. What is behind the bytes that are produced
    /// may be overwritten.
    ///
    /// A stream that is not [`finished`](Progress::finished) then is cut off, or larger than `output`, or a part that is
    /// not the last one (complete when `consumed` and `produced` are its lengths); it cannot be gone on with.
    ///
    /// # Errors
    /// A [`DecodeError`] if the stream is damaged, or if a part of it was decoded before.
    pub fn decode_whole(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, DecodeError> {
        self.decode_whole_while(input, output, || true)
    }

    /// As [`decode_whole`](Self::decode_whole), but asks `goes_on` after each MiB of output. If it says no, what is there so
    /// far is a stream that is not finished.
    ///
    /// # Errors
    /// As [`decode_whole`](Self::decode_whole).
    pub fn decode_whole_while(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        mut goes_on: impl FnMut() -> bool,
    ) -> Result<Progress, DecodeError> {
        let dictionary_bytes = self.window.dictionary_bytes();
        let Self { coder, carry, chunks, .. } = self;
        let (mut consumed, mut produced, mut base) = (0, 0, 0);
        loop {
            let limit = output.len().min(produced + STEP_BYTES);
            let mut step = Whole { output: &mut output[..limit], base, produced, dictionary_bytes };
            consumed += Run { coder, carry, chunks }.run(&input[consumed..], &mut step);
            (base, produced) = (step.base, step.produced);
            // Less than there was room for: it has ended, or the input has.
            if produced < limit || limit == output.len() || !goes_on() {
                break;
            }
        }
        match self.chunks.stage {
            Stage::Failed(error) => return Err(error),
            Stage::Finished => {}
            // The history is the caller's again.
            _ => self.chunks.stage = Stage::Failed(DecodeError::MissingReset),
        }
        Ok(Progress { consumed, produced, finished: self.is_finished() })
    }

    /// Whether the stream is complete.
    pub fn is_finished(&self) -> bool {
        matches!(self.chunks.stage, Stage::Finished)
    }
}

impl Chunks {
    fn begin(size: Option<u64>) -> Self {
        Self { stage: Stage::Header(Header::EMPTY), remaining: size, has_dictionary: false, has_properties: false }
    }

    /// Counts a chunk's output.
    fn expect(&mut self, bytes: usize) -> Result<(), DecodeError> {
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.checked_sub(bytes as u64).ok_or(DecodeError::TooLong)?;
        }
        Ok(())
    }
}

/// The parts of a decoder besides its window.
struct Run<'a> {
    coder: &'a mut Coder,
    carry: &'a mut Carry,
    chunks: &'a mut Chunks,
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
                    self.chunks.stage = Stage::Failed(error);
                    return used;
                }
            }
        }
    }

    /// One step, and whether there may be another.
    fn step(&mut self, input: &[u8], output: &mut impl Output) -> Result<(usize, bool), DecodeError> {
        match self.chunks.stage {
            Stage::Header(mut header) => {
                let (used, chunk) = header.take(input)?;
                self.chunks.stage = match chunk {
                    None => Stage::Header(header),
                    Some(chunk) => self.begin(chunk, output)?,
                };
                Ok((used, chunk.is_some()))
            }
            Stage::Stored { left } => {
                let wanted = left.min(output.room()).min(input.len());
                let used =
                    if wanted == 0 { 0 } else { output.fill(wanted, |target| target.extend(&input[..wanted]))? };
                self.chunks.stage = match left - used {
                    0 => Stage::Header(Header::EMPTY),
                    left => Stage::Stored { left },
                };
                Ok((used, used > 0))
            }
            Stage::Start { mut bytes, mut length, packed_left, unpacked_left } => {
                let count = input.len().min(START_BYTES - length);
                bytes[length..length + count].copy_from_slice(&input[..count]);
                length += count;
                self.chunks.stage = Stage::Start { bytes, length, packed_left, unpacked_left };
                if length == START_BYTES {
                    self.coder.start(bytes)?;
                    let packed_left = packed_left.checked_sub(START_BYTES).ok_or(DecodeError::ChunkSize)?;
                    self.chunks.stage = Stage::Packed { packed_left, unpacked_left };
                }
                Ok((count, length == START_BYTES))
            }
            Stage::Packed { packed_left, unpacked_left: 0 } => {
                if self.coder.pending > 0 {
                    return Err(DecodeError::ChunkSize);
                }
                self.chunks.stage = Stage::Close { packed_left };
                Ok((0, true))
            }
            Stage::Packed { packed_left, unpacked_left } if output.room() > 0 => {
                self.symbols(input, output, packed_left, unpacked_left)
            }
            Stage::Packed { .. } => Ok((0, false)),
            Stage::Close { packed_left } => {
                let input = &input[..packed_left.min(input.len())];
                match self.coder.is_at_end(input) {
                    Some((true, used)) if used == packed_left => {
                        self.chunks.stage = Stage::Header(Header::EMPTY);
                        Ok((used, true))
                    }
                    None if packed_left > 0 => Ok((0, false)),
                    _ => Err(DecodeError::ChunkSize),
                }
            }
            Stage::Finished | Stage::Failed(_) => Ok((0, false)),
        }
    }

    /// Symbols of a chunk, up to the end of input or output, or, in a window, until it is full.
    fn symbols(
        &mut self,
        input: &[u8],
        output: &mut impl Output,
        packed_left: usize,
        unpacked_left: usize,
    ) -> Result<(usize, bool), DecodeError> {
        let Self { coder, carry, chunks } = self;
        let last = input.len() >= packed_left;
        let input = &input[..packed_left.min(input.len())];
        let before = output.room();
        let done = output.fill(before.min(unpacked_left), |target| feed::advance(coder, carry, target, input, last))?;
        let (used, stop) = done?;
        let (packed_left, unpacked_left) = (packed_left - used, unpacked_left - (before - output.room()));
        chunks.stage = Stage::Packed { packed_left, unpacked_left };
        match stop {
            Stop::EndMarker => Err(DecodeError::EarlyEnd),
            Stop::Input if packed_left == 0 => Err(DecodeError::ChunkSize),
            Stop::Input => Ok((used, false)),
            Stop::Output => Ok((used, true)),
        }
    }

    /// Begins a chunk.
    fn begin(&mut self, chunk: Chunk, output: &mut impl Output) -> Result<Stage, DecodeError> {
        let Self { coder, chunks, .. } = self;
        match chunk {
            Chunk::End => Ok(Stage::Finished),
            Chunk::Stored { resets_dictionary, bytes } => {
                if resets_dictionary {
                    output.forget();
                    chunks.has_dictionary = true;
                    chunks.has_properties = false;
                } else if !chunks.has_dictionary {
                    return Err(DecodeError::MissingReset);
                }
                chunks.expect(bytes)?;
                Ok(Stage::Stored { left: bytes })
            }
            Chunk::Packed { reset, packed_bytes, unpacked_bytes } => {
                if let Reset::Dictionary(_) = reset {
                    output.forget();
                    chunks.has_dictionary = true;
                }
                match reset {
                    Reset::Dictionary(byte) | Reset::Properties(byte) => {
                        coder.set_properties(Properties::from_byte(byte)?.checked_for_lzma2()?)?;
                        chunks.has_properties = true;
                    }
                    Reset::State => coder.reset_state(),
                    Reset::Nothing => {}
                }
                if !(chunks.has_dictionary && chunks.has_properties) {
                    return Err(DecodeError::MissingReset);
                }
                chunks.expect(unpacked_bytes)?;
                Ok(Stage::Start {
                    bytes: [0; START_BYTES],
                    length: 0,
                    packed_left: packed_bytes,
                    unpacked_left: unpacked_bytes,
                })
            }
        }
    }
}
