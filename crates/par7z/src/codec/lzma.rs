//! LZMA: dictionaries, options and properties (shared with LZMA2), the encoder and the decoder, over par7z-lzma.
//!
//! Streams are written without an end marker: the archive knows the unpacked size. A stream of
//! known size has no larger dictionary than it needs, so that small items cost little memory to read.

use super::registry::{INPUT_BUFFER, Opening, id, unsupported_properties};
use super::{BoxRead, Encoder, Watch, coder, corrupt};
use crate::{Error, ErrorKind, LzmaMatchFinder, LzmaMode, LzmaParams, Result};
use par7z_format::Coder;
use par7z_lzma::{
    DecodeError, EncodeProgress, EncoderOptions, Lzma2Decoder, LzmaDecoder, LzmaEnd, LzmaStreamEncoder, MatchFinder,
    Parser, Progress, Properties, Stopped, unwatched,
};
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;

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
pub(crate) struct Setup {
    options: EncoderOptions,
}

impl Setup {
    /// The level's options (1 to 9) under what the caller set, which was checked when it was set.
    pub(super) fn new(level: u32, params: &LzmaParams) -> Self {
        let row = EncoderOptions::level(level).unwrap_or_default();
        let mut options = EncoderOptions {
            properties: Properties {
                lc: params.lc.unwrap_or(row.properties.lc),
                lp: params.lp.unwrap_or(row.properties.lp),
                pb: params.pb.unwrap_or(row.properties.pb),
            },
            dictionary_bytes: params.dictionary_bytes.unwrap_or(row.dictionary_bytes),
            nice_length: params.nice_length.unwrap_or(row.nice_length),
            parser: match params.mode {
                None => row.parser,
                Some(LzmaMode::Fast) => Parser::Fast,
                Some(LzmaMode::Optimal) => Parser::Optimal,
            },
            finder: row.finder,
        };
        // 7-Zip's rule: a tree is gone down so far.
        let cycles = params.cycles.unwrap_or(16 + options.nice_length / 2);
        options.finder = match (params.match_finder, row.finder) {
            (Some(LzmaMatchFinder::HashBuckets), MatchFinder::HashBuckets { .. }) | (None, _) => row.finder,
            (Some(LzmaMatchFinder::HashBuckets), _) => MatchFinder::HashBuckets { buckets_log2: 20, thorough: true },
            (Some(LzmaMatchFinder::BinaryTree), _) => MatchFinder::BinaryTree { cycles },
            (Some(LzmaMatchFinder::IntervalTree), _) => MatchFinder::IntervalTree,
        };
        Self { options }
    }

    pub(super) fn leaner(&self) -> Option<Self> {
        self.options.leaner().map(|options| Self { options })
    }

    pub(super) fn match_finder(&self) -> LzmaMatchFinder {
        match self.options.finder {
            MatchFinder::HashBuckets { .. } => LzmaMatchFinder::HashBuckets,
            MatchFinder::BinaryTree { .. } => LzmaMatchFinder::BinaryTree,
            MatchFinder::IntervalTree => LzmaMatchFinder::IntervalTree,
        }
    }

    pub(super) fn options(&self) -> &EncoderOptions {
        &self.options
    }

    /// The dictionary that is asked for.
    pub(super) fn dictionary_bytes(&self) -> u32 {
        self.options.dictionary_bytes
    }

    pub(super) fn encoder(&self) -> par7z_lzma::Encoder {
        par7z_lzma::Encoder::new(self.options).expect("parameters are checked when they are set")
    }
}

/// Runs an encoder of par7z-lzma under a [`Watch`].
pub(super) fn watched(
    watch: Watch<'_>,
    encode: impl FnOnce(par7z_lzma::Watch<'_>) -> std::result::Result<(), Stopped>,
) -> Result<()> {
    let mut told = EncodeProgress { unpacked_bytes: 0, packed_bytes: 0 };
    let mut failure = None;
    let mut tell = |now: EncodeProgress| {
        let result = watch(now.unpacked_bytes - told.unpacked_bytes, now.packed_bytes - told.packed_bytes);
        told = now;
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    match encode(&mut tell) {
        Ok(()) => Ok(()),
        Err(Stopped) => Err(failure.unwrap_or_else(Error::cancelled)),
    }
}

/// The dictionary as stored: rounded up as 7-Zip does, to 2^n or 3·2^n below 2 MiB and to whole MiB above.
fn stored_dictionary(dictionary: u32) -> u32 {
    const MIB: u32 = 1 << 20;
    if dictionary >= 2 * MIB {
        return dictionary.checked_next_multiple_of(MIB).unwrap_or(dictionary);
    }
    (11..20).flat_map(|log2| [2u32 << log2, 3 << log2]).find(|&size| size >= dictionary).unwrap_or(2 * MIB)
}

/// Writes LZMA.
pub(super) struct LzmaEncoder {
    setup: Setup,
    encoder: LzmaStreamEncoder,
}

impl LzmaEncoder {
    pub(super) fn new(setup: Setup) -> Self {
        let encoder = LzmaStreamEncoder::new(setup.options).expect("parameters are checked when they are set");
        Self { setup, encoder }
    }
}

impl Encoder for LzmaEncoder {
    fn begin(&mut self, size: Option<u64>) -> Result<Coder> {
        let dictionary = dictionary_for(self.setup.dictionary_bytes(), size);
        let mut properties = [self.setup.options.properties.to_byte(), 0, 0, 0, 0];
        properties[1..].copy_from_slice(&stored_dictionary(dictionary).to_le_bytes());
        // The size may turn out to be wrong: matches must not reach farther than was said.
        self.encoder.limit_dictionary(dictionary);
        self.encoder.begin();
        Ok(coder(id::LZMA, &properties))
    }

    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.encoder.write(input, out, &mut unwatched).map_err(|_| Error::cancelled())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.encoder.finish(false, out, &mut unwatched).map_err(|_| Error::cancelled())
    }

    fn pack(&mut self, input: &[u8], out: &mut Vec<u8>, watch: Watch<'_>) -> Result<()> {
        watched(watch, |watch| self.encoder.encode_whole(input, false, out, watch))
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

/// Decoding a stream of known size. With the last byte it sees to it that the stream ends there, too.
pub(super) struct Decoding<D> {
    decoder: D,
    /// Output that is still to come.
    remaining: u64,
}

impl<D: Decode> Decoding<D> {
    pub(super) fn new(decoder: D, size: u64) -> Self {
        Self { decoder, remaining: size }
    }

    /// Begins another stream; `reset` readies the decoder.
    pub(super) fn begin(&mut self, reset: impl FnOnce(&mut D), size: u64) {
        reset(&mut self.decoder);
        self.remaining = size;
    }

    /// Decodes from what the input has next. An error if that is nothing and nothing comes of it.
    fn step(&mut self, input: &mut impl BufRead, output: &mut [u8]) -> io::Result<Progress> {
        let bytes = input.fill_buf()?;
        let cut_off = bytes.is_empty();
        let progress = self.decoder.decode(bytes, output).map_err(|error| match error {
            DecodeError::OutOfMemory { .. } => io::ErrorKind::OutOfMemory.into(),
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        })?;
        input.consume(progress.consumed);
        if cut_off && progress.produced == 0 && !progress.finished {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off"));
        }
        Ok(progress)
    }

    fn finish(&mut self, input: &mut impl BufRead) -> io::Result<()> {
        loop {
            let progress = self.step(input, &mut [])?;
            if progress.finished {
                return Ok(());
            }
            if progress.consumed == 0 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "it goes on behind its size"));
            }
        }
    }

    /// As [`Read::read`] does, from `input`.
    pub(super) fn read(&mut self, input: &mut impl BufRead, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.remaining == 0 {
            return Ok(0);
        }
        loop {
            let progress = self.step(input, buf)?;
            self.remaining = self.remaining.saturating_sub(progress.produced as u64);
            if self.remaining == 0 && !progress.finished {
                self.finish(input)?;
            }
            if progress.produced > 0 || progress.finished {
                return Ok(progress.produced);
            }
        }
    }
}

/// Reads what a decoder makes of its input.
pub(super) struct DecodingReader<D> {
    decoding: Decoding<D>,
    input: BufReader<BoxRead>,
}

impl<D: Decode> DecodingReader<D> {
    pub(super) fn new(decoder: D, input: BufReader<BoxRead>, size: u64) -> Self {
        Self { decoding: Decoding::new(decoder, size), input }
    }
}

impl<D: Decode> Read for DecodingReader<D> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.decoding.read(&mut self.input, buf)
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
