//! LZMA: one stream without chunks. A text of any length goes through in windows.

use super::core::{Core, Watched};
use super::encoder::{EncodeProgress, Encoder, Stopped, Watch};
use super::options::{EncoderOptions, OptionsError};
use crate::find::Finder;
use alloc::vec::Vec;

/// Codes `text` from `start`, where the finder stands.
pub(super) fn encode<F: Finder>(
    core: &mut Core,
    text: &[u8],
    start: usize,
    finder: &mut F,
    out: &mut Vec<u8>,
    watched: &mut Watched<'_>,
) -> Result<(), Stopped> {
    let mut position = start;
    while position < text.len() {
        let next = core.advance(text, position, finder);
        watched.packed(core.coder.range.drain_certain(out));
        watched.coded(next - position)?;
        position = next;
    }
    Ok(())
}

/// The least that is gathered before it is coded.
const MIN_NEW_BYTES: usize = 1 << 20;
/// Positions count modulo this (`pb` and `lp` are at most 4): windows move by multiples of it.
pub(super) const POSITION_PERIOD: usize = 16;

/// A raw LZMA stream whose text comes in pieces, of any length: a window as long as the dictionary slides over it.
///
/// Half a dictionary (1 MiB at least) is gathered, then coded with the dictionary's length before it to refer to. So memory
/// is bounded: that of an [`Encoder`] for a text one and a half times the dictionary, and that text. An [`Encoder`] alone
/// is better for texts that are in memory anyway.
///
/// ```
/// use par7z_lzma::{EncoderOptions, LzmaDecoder, LzmaEnd, LzmaStreamEncoder, unwatched};
///
/// let options = EncoderOptions::level(1)?;
/// let mut encoder = LzmaStreamEncoder::new(options)?;
/// let mut packed = Vec::new();
/// encoder.begin();
/// for _ in 0..1000 {
///     encoder.write(b"a line like the others\n", &mut packed, &mut unwatched)?;
/// }
/// encoder.finish(true, &mut packed, &mut unwatched)?;
///
/// let mut decoder = LzmaDecoder::new(options.properties, options.dictionary_bytes, LzmaEnd::Marker)?;
/// let mut unpacked = vec![0; 23_001];
/// let progress = decoder.decode(&packed, &mut unpacked)?;
/// assert!(progress.finished && progress.produced == 23_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LzmaStreamEncoder {
    encoder: Encoder,
    /// What was coded last and what is gathered.
    window: Vec<u8>,
    /// Where in the window the gathered part begins.
    start: usize,
}

impl LzmaStreamEncoder {
    /// An encoder with these options.
    ///
    /// # Errors
    /// [`OptionsError`] if one of them is out of its range.
    pub fn new(options: EncoderOptions) -> Result<Self, OptionsError> {
        Ok(Self { encoder: Encoder::new(options)?, window: Vec::new(), start: 0 })
    }

    /// Memory in bytes for texts of at most `text_bytes`, whether they come in pieces or whole.
    pub fn memory_bytes(options: &EncoderOptions, text_bytes: u64) -> u64 {
        let window_bytes = (options.dictionary_bytes as usize).saturating_add(new_bytes(options));
        let window_bytes = usize::try_from(text_bytes).map_or(window_bytes, |bytes| bytes.min(window_bytes));
        options.memory_bytes(window_bytes).saturating_add(window_bytes as u64)
    }

    /// See [`Encoder::limit_dictionary`]. Between streams only.
    pub fn limit_dictionary(&mut self, dictionary_bytes: u32) {
        self.encoder.limit_dictionary(dictionary_bytes);
    }

    /// Begins a stream, whatever was before.
    pub fn begin(&mut self) {
        self.window.clear();
        self.start = 0;
        self.encoder.begin_lzma();
    }

    /// Takes a piece of the text and appends to `out` what is ready.
    ///
    /// # Errors
    /// [`Stopped`] if `watch` says so; the stream cannot go on then.
    pub fn write(&mut self, mut piece: &[u8], out: &mut Vec<u8>, watch: Watch<'_>) -> Result<(), Stopped> {
        let new_bytes = new_bytes(self.encoder.options());
        while !piece.is_empty() {
            if self.window.len() - self.start == new_bytes {
                self.flush(out, watch)?;
                self.slide();
            }
            let room = new_bytes - (self.window.len() - self.start);
            let (taken, rest) = piece.split_at(room.min(piece.len()));
            self.window.extend_from_slice(taken);
            piece = rest;
        }
        Ok(())
    }

    /// Ends the stream and appends its rest. With `end_marker` a decoder needs not know the text's length.
    ///
    /// # Errors
    /// [`Stopped`] if `watch` says so.
    pub fn finish(&mut self, end_marker: bool, out: &mut Vec<u8>, watch: Watch<'_>) -> Result<(), Stopped> {
        self.flush(out, watch)?;
        self.encoder.end_lzma(end_marker, self.window.len(), out);
        Ok(())
    }

    /// A stream by itself whose text is in memory: as [`Encoder::encode_lzma`] for texts that fit the window, and in bounded
    /// memory for longer ones.
    ///
    /// # Errors
    /// [`Stopped`] if `watch` says so.
    pub fn encode_whole(
        &mut self,
        text: &[u8],
        end_marker: bool,
        out: &mut Vec<u8>,
        watch: Watch<'_>,
    ) -> Result<(), Stopped> {
        let new_bytes = new_bytes(self.encoder.options());
        if text.len() <= 2 * new_bytes {
            return self.encoder.encode_lzma(text, end_marker, out, watch);
        }
        let reach = self.encoder.options().dictionary_bytes as usize;
        let mut told = EncodeProgress { unpacked_bytes: 0, packed_bytes: 0 };
        self.encoder.begin_lzma();
        let mut end = 0;
        while end < text.len() {
            let start = end;
            end = text.len().min(start + new_bytes);
            let window_start = start.saturating_sub(reach).next_multiple_of(POSITION_PERIOD);
            let before = told;
            self.encoder.continue_lzma(&text[window_start..end], start - window_start, out, &mut |now| {
                told = EncodeProgress {
                    unpacked_bytes: before.unpacked_bytes + now.unpacked_bytes,
                    packed_bytes: before.packed_bytes + now.packed_bytes,
                };
                watch(told)
            })?;
            told.unpacked_bytes = end;
        }
        self.encoder.end_lzma(end_marker, end, out);
        Ok(())
    }

    /// Codes what is gathered.
    fn flush(&mut self, out: &mut Vec<u8>, watch: Watch<'_>) -> Result<(), Stopped> {
        self.encoder.continue_lzma(&self.window, self.start, out, watch)?;
        self.start = self.window.len();
        Ok(())
    }

    /// Drops what is out of reach.
    fn slide(&mut self) {
        let reach = self.encoder.options().dictionary_bytes as usize;
        let surplus = self.window.len().saturating_sub(reach) / POSITION_PERIOD * POSITION_PERIOD;
        self.window.drain(..surplus);
        self.start -= surplus;
    }
}

/// Bytes that are gathered before they are coded.
fn new_bytes(options: &EncoderOptions) -> usize {
    (options.dictionary_bytes as usize / 2).max(MIN_NEW_BYTES)
}
