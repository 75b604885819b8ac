//! LZMA2: LZMA in chunks of at most 64 KiB packed, which may begin afresh; the method whose slices join.
//!
//! A slice is a stream of its own (its first chunk resets the dictionary) less the end byte. All slices of a folder
//! must fit the one dictionary that the folder's properties name: the caller begins each with the folder's size.

use super::registry::{Opening, id, size_text, unsupported_properties};
use super::{BoxRead, Encoder, StreamEnd, bug, coder, lzma};
use crate::Result;
use lzma_rust2::{Lzma2Options, Lzma2Writer, LzmaOptions};
use par7z_format::Coder;
use par7z_lzma::{Lzma2Decoder, lzma2_dictionary_bytes};
use std::io::Write;

/// The largest stored dictionary: 40 stands for 4 GiB − 1.
const PROPERTY_MAX: u8 = 40;
/// The encoder's window must hold an incompressible chunk whole (64 KiB and what the parser has read ahead), since it
/// is then stored; but lzma-rust2 0.25 keeps only a dictionary's length behind it, and panics if that is too little.
const WINDOW_MIN: u32 = 128 << 10;

/// A control byte: the end of the stream.
const END: u8 = 0;
/// A control byte: a stored chunk that resets the dictionary.
const STORED_AFRESH: u8 = 1;
/// A control byte: a stored chunk.
const STORED: u8 = 2;
/// The largest stored chunk.
const CHUNK_MAX: usize = 64 << 10;

/// The property byte of the smallest dictionary of the form 2^n or 3·2^n that is at least `dictionary`.
fn property_for(dictionary: u32) -> u8 {
    (0..PROPERTY_MAX)
        .find(|&byte| lzma2_dictionary_bytes(byte).is_ok_and(|bytes| bytes >= dictionary))
        .unwrap_or(PROPERTY_MAX)
}

/// Options for a stream of `size` bytes; one that is longer than its dictionary gets [`WINDOW_MIN`] at least.
fn options(setup: &lzma::Setup, size: Option<u64>) -> LzmaOptions {
    setup.options(lzma::dictionary_for(setup.dictionary_bytes().max(WINDOW_MIN), size))
}

/// As LZMA's, and a chunk's buffer.
pub(super) fn encoder_memory_bytes(setup: &lzma::Setup, size: Option<u64>) -> u64 {
    (u64::from(options(setup, size).get_memory_usage()) << 10) + (64 << 10)
}

/// Writes LZMA2. The crate's writer cannot be re-armed, so each stream gets a new one, sized for the stream.
pub(super) struct Lzma2Encoder {
    setup: lzma::Setup,
    stage: Stage,
}

/// How far a stream is.
enum Stage {
    Idle,
    /// Nothing is written; a writer, with its window and tables, is made when it is needed.
    Begun(Box<LzmaOptions>),
    Writing(Box<Lzma2Writer<Vec<u8>>>),
}

impl Lzma2Encoder {
    pub(super) fn new(setup: lzma::Setup) -> Self {
        Self { setup, stage: Stage::Idle }
    }

    fn writer(&mut self) -> Result<&mut Lzma2Writer<Vec<u8>>> {
        if let Stage::Begun(options) = &self.stage {
            let options = Lzma2Options { lzma_options: (**options).clone(), chunk_size: None };
            self.stage = Stage::Writing(Box::new(Lzma2Writer::new(Vec::new(), options)));
        }
        match &mut self.stage {
            Stage::Writing(writer) => Ok(writer),
            _ => Err(bug("LZMA2", "write before begin")),
        }
    }
}

impl Encoder for Lzma2Encoder {
    fn begin(&mut self, size: Option<u64>) -> Result<Coder> {
        let lzma_options = options(&self.setup, size);
        let property = property_for(lzma_options.dict_size);
        self.stage = Stage::Begun(Box::new(lzma_options));
        Ok(coder(id::LZMA2, &[property]))
    }

    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let writer = self.writer()?;
        writer.write_all(input).map_err(|e| bug("LZMA2", e))?;
        out.append(writer.inner_mut());
        Ok(())
    }

    /// Chunks without compression, the first of which resets the dictionary.
    fn write_stored(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if !matches!(self.stage, Stage::Begun(_)) {
            return Err(bug("LZMA2", "stored chunks are for a whole stream"));
        }
        out.reserve(input.len() + input.len().div_ceil(CHUNK_MAX) * 3);
        for (number, chunk) in input.chunks(CHUNK_MAX).enumerate() {
            out.push(if number == 0 { STORED_AFRESH } else { STORED });
            out.extend_from_slice(&((chunk.len() - 1) as u16).to_be_bytes());
            out.extend_from_slice(chunk);
        }
        Ok(())
    }

    fn finish(&mut self, end: StreamEnd, out: &mut Vec<u8>) -> Result<()> {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => return Err(bug("LZMA2", "finish before begin")),
            Stage::Begun(_) => out.push(END),
            Stage::Writing(writer) => out.append(&mut writer.finish().map_err(|e| bug("LZMA2", e))?),
        }
        if end == StreamEnd::Joined {
            // The end byte: the next slice goes on with a chunk.
            out.pop();
        }
        Ok(())
    }
}

fn parse(properties: &[u8]) -> Result<u32> {
    let unsupported = || unsupported_properties("LZMA2", properties);
    let &[byte] = properties else { return Err(unsupported()) };
    lzma2_dictionary_bytes(byte).map_err(|_| unsupported())
}

/// Memory of a decoder: the dictionary (no more than the stream's size), the literal model, the input buffer.
pub(super) fn decoder_memory(properties: &[u8], unpack_size: u64) -> Result<u64> {
    let decoder = Lzma2Decoder::memory_bytes(parse(properties)?, Some(unpack_size));
    Ok(decoder.saturating_add(lzma::READER_BYTES))
}

pub(super) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    let size = opening.unpack_size;
    let decoder = Lzma2Decoder::new(parse(opening.properties)?, Some(size));
    Ok(Box::new(lzma::DecodingReader::new(decoder, opening.buffered_input()?, size)))
}

/// `24` or `48m`: the dictionary.
pub(super) fn describe(properties: &[u8]) -> Option<String> {
    match *properties {
        [byte] if byte & 1 == 0 => Some((u32::from(byte) / 2 + 12).to_string()),
        [byte] => Some(size_text(3u32.checked_shl(u32::from(byte) / 2 + 11).unwrap_or(0))),
        _ => None,
    }
}
