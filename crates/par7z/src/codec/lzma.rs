//! LZMA: dictionaries, options and properties (shared with LZMA2), the encoder and the decoder. The encoder is
//! lzma-rust2's, the decoder par7z-lzma's.
//!
//! Streams are written without an end marker: the archive knows the unpacked size. A stream's dictionary is never
//! larger than the stream, so that small items cost little memory on either side.

use super::level::{Effort, SMALL_STREAM_BYTES};
use super::registry::{INPUT_BUFFER, Opening, id, unsupported_properties};
use super::{BoxRead, Encoder, StreamEnd, bug, coder, corrupt};
use crate::{Error, ErrorKind, LzmaMatchFinder, LzmaMode, LzmaParams, Result};
use lzma_rust2::{EncodeMode, LzmaOptions, LzmaWriter, MfType};
use par7z_format::Coder;
use par7z_lzma::{DecodeError, Lzma2Decoder, LzmaDecoder, LzmaEnd, Progress, Properties};
use std::io::{self, BufRead, BufReader, Read, Write};

/// The smallest dictionary that the formats have.
pub(super) const DICTIONARY_MIN: u32 = 1 << 12;
/// What a decoder's reader takes besides the decoder.
pub(super) const READER_BYTES: u64 = INPUT_BUFFER as u64 + (4 << 10);

/// The dictionary for a stream of `size` bytes: what was asked for, but not more than the stream needs.
pub(super) fn dictionary_for(asked: u32, size: Option<u64>) -> u32 {
    let needed = size.map_or(u32::MAX, |size| u32::try_from(size).unwrap_or(u32::MAX));
    asked.min(needed).max(DICTIONARY_MIN)
}

/// An encoder's parameters, every one decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup {
    pub(super) params: LzmaParams,
    /// What small streams get instead, if anything.
    pub(super) small_streams: Option<Effort>,
}

impl Setup {
    /// The dictionary that is asked for.
    pub(super) fn dictionary_bytes(&self) -> u32 {
        self.params.dictionary_bytes.unwrap_or(DICTIONARY_MIN)
    }

    /// The encoder's options with a given dictionary, which is no longer than the stream.
    pub(super) fn options(&self, dictionary: u32) -> LzmaOptions {
        let params = &self.params;
        let level = Effort { nice_length: params.nice_length.unwrap_or(32), cycles: params.cycles.unwrap_or(0) };
        let effort = self.small_streams.filter(|_| dictionary <= SMALL_STREAM_BYTES).unwrap_or(level);
        LzmaOptions::new(
            dictionary,
            params.lc.unwrap_or(3),
            params.lp.unwrap_or(0),
            params.pb.unwrap_or(2),
            match params.mode {
                Some(LzmaMode::Fast) => EncodeMode::Fast,
                _ => EncodeMode::Normal,
            },
            effort.nice_length,
            match params.match_finder {
                Some(LzmaMatchFinder::Hc4) => MfType::Hc4,
                _ => MfType::Bt4,
            },
            // 0 lets the match finder decide.
            i32::try_from(effort.cycles).unwrap_or(i32::MAX),
        )
    }
}

/// Memory of an encoder: the window (1.5 dictionaries and 256 KiB), the match finder (8 bytes per dictionary byte for
/// Bt4, 4 for Hc4, and the hash tables) and the probability models; the crate's own estimate, in KiB.
pub(super) fn encoder_memory_bytes(setup: &Setup, size: Option<u64>) -> u64 {
    u64::from(setup.options(dictionary_for(setup.dictionary_bytes(), size)).get_memory_usage()) << 10
}

/// The dictionary as stored: rounded up as 7-Zip does, to 2^n or 3·2^n below 2 MiB and to whole MiB above.
fn stored_dictionary(dictionary: u32) -> u32 {
    const MIB: u32 = 1 << 20;
    if dictionary >= 2 * MIB {
        return dictionary.checked_next_multiple_of(MIB).unwrap_or(dictionary);
    }
    (11..20).flat_map(|log2| [2u32 << log2, 3 << log2]).find(|&size| size >= dictionary).unwrap_or(2 * MIB)
}

/// Writes LZMA. The crate's writer cannot be re-armed, so each stream gets a new one, sized for the stream.
pub(super) struct LzmaEncoder {
    setup: Setup,
    writer: Option<LzmaWriter<Vec<u8>>>,
}

impl LzmaEncoder {
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup, writer: None }
    }
}

impl Encoder for LzmaEncoder {
    fn begin(&mut self, size: Option<u64>) -> Result<Coder> {
        let dictionary = dictionary_for(self.setup.dictionary_bytes(), size);
        let options = self.setup.options(dictionary);
        let writer = LzmaWriter::new_no_header(Vec::new(), &options, false).map_err(|e| bug("LZMA", e))?;
        self.writer = Some(writer);
        let mut properties = [options.get_props(), 0, 0, 0, 0];
        properties[1..].copy_from_slice(&stored_dictionary(dictionary).to_le_bytes());
        Ok(coder(id::LZMA, &properties))
    }

    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let writer = self.writer.as_mut().ok_or_else(|| bug("LZMA", "write before begin"))?;
        writer.write_all(input).map_err(|e| bug("LZMA", e))?;
        out.append(writer.inner_mut());
        Ok(())
    }

    fn finish(&mut self, _end: StreamEnd, out: &mut Vec<u8>) -> Result<()> {
        let writer = self.writer.take().ok_or_else(|| bug("LZMA", "finish before begin"))?;
        out.append(&mut writer.finish().map_err(|e| bug("LZMA", e))?);
        Ok(())
    }
}

/// Splits LZMA's five property bytes: the properties and the dictionary.
fn parse(properties: &[u8]) -> Result<(Properties, u32)> {
    let unsupported = || unsupported_properties("LZMA", properties);
    let &[byte, a, b, c, d] = properties else { return Err(unsupported()) };
    Ok((Properties::from_byte(byte).map_err(|_| unsupported())?, u32::from_le_bytes([a, b, c, d])))
}

/// Memory of a decoder: the dictionary (no more than the stream's size), the literal model, the input buffer.
pub(super) fn decoder_memory(properties: &[u8], unpack_size: u64) -> Result<u64> {
    let (lzma, dictionary) = parse(properties)?;
    let decoder = LzmaDecoder::memory_bytes(lzma, dictionary, LzmaEnd::Size(unpack_size));
    Ok(decoder.map_err(|_| unsupported_properties("LZMA", properties))?.saturating_add(READER_BYTES))
}

pub(super) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    let (lzma, dictionary) = parse(opening.properties)?;
    let size = opening.unpack_size;
    let decoder = LzmaDecoder::new(lzma, dictionary, LzmaEnd::Size(size)).map_err(|error| match error {
        DecodeError::OutOfMemory { .. } => Error::new(ErrorKind::OutOfMemory, "not enough memory to decode LZMA"),
        other => corrupt("LZMA", other),
    })?;
    Ok(Box::new(DecodingReader::new(decoder, opening.buffered_input()?, size)))
}

/// Either of par7z-lzma's decoders.
pub(super) trait Decode: Send {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> std::result::Result<Progress, DecodeError>;
}

impl Decode for LzmaDecoder {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> std::result::Result<Progress, DecodeError> {
        Self::decode(self, input, output)
    }
}

impl Decode for Lzma2Decoder {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> std::result::Result<Progress, DecodeError> {
        Self::decode(self, input, output)
    }
}

/// Reads what a decoder makes of its input. With the last byte it sees to it that the stream ends there, too.
pub(super) struct DecodingReader<D> {
    decoder: D,
    input: BufReader<BoxRead>,
    /// Output that is still to come.
    remaining: u64,
}

impl<D: Decode> DecodingReader<D> {
    pub(super) fn new(decoder: D, input: BufReader<BoxRead>, size: u64) -> Self {
        Self { decoder, input, remaining: size }
    }

    /// Decodes from what the input has next. An error if that is nothing and nothing comes of it.
    fn step(&mut self, output: &mut [u8]) -> io::Result<Progress> {
        let input = self.input.fill_buf()?;
        let cut_off = input.is_empty();
        let progress = self.decoder.decode(input, output).map_err(|error| match error {
            DecodeError::OutOfMemory { .. } => io::ErrorKind::OutOfMemory.into(),
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        })?;
        self.input.consume(progress.consumed);
        if cut_off && progress.produced == 0 && !progress.finished {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off"));
        }
        Ok(progress)
    }

    fn finish(&mut self) -> io::Result<()> {
        loop {
            let progress = self.step(&mut [])?;
            if progress.finished {
                return Ok(());
            }
            if progress.consumed == 0 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "it goes on behind its size"));
            }
        }
    }
}

impl<D: Decode> Read for DecodingReader<D> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.remaining == 0 {
            return Ok(0);
        }
        loop {
            let progress = self.step(buf)?;
            self.remaining = self.remaining.saturating_sub(progress.produced as u64);
            if self.remaining == 0 && !progress.finished {
                self.finish()?;
            }
            if progress.produced > 0 || progress.finished {
                return Ok(progress.produced);
            }
        }
    }
}

/// `24:lc4`: the dictionary, and what differs from lc 3, lp 0, pb 2.
pub(super) fn describe(properties: &[u8]) -> Option<String> {
    let &[byte, a, b, c, d] = properties else { return None };
    let mut text = super::registry::size_text(u32::from_le_bytes([a, b, c, d]));
    for (name, value, usual) in [("lc", byte % 9, 3), ("lp", byte / 9 % 5, 0), ("pb", byte / 45, 2)] {
        if value != usual {
            text += &format!(":{name}{value}");
        }
    }
    Some(text)
}
