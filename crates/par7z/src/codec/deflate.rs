//! Deflate, without zlib's header and checksum.

use super::registry::{Opening, id, no_properties};
use super::{BoxRead, Encoder, bug, coder};
use crate::{DeflateParams, Result};
use flate2::{Compress, Compression, FlushCompress, Status, bufread::DeflateDecoder};
use par7z_format::Coder;

/// Window, hash chains and pending output of a compressor with a 32 KiB window.
pub(super) const ENCODER_MEMORY_BYTES: u64 = 512 << 10;
/// Room made in the output before each call into the compressor.
const OUTPUT_STEP: usize = 32 << 10;

/// Writes one Deflate stream after another, with one compressor.
pub(super) struct DeflateEncoder {
    level: u32,
    /// Made at the first `begin`, then re-armed.
    stream: Option<Compress>,
    /// Whether the stream has come to its end. One that was given up in the middle cannot be re-armed: zlib-rs keeps
    /// some of its output, and the next stream is damaged.
    ended: bool,
}

impl DeflateEncoder {
    pub(super) fn new(params: &DeflateParams) -> Self {
        Self { level: params.zlib_level.unwrap_or(6), stream: None, ended: false }
    }
}

impl Encoder for DeflateEncoder {
    fn begin(&mut self, _size: Option<u64>) -> Result<Coder> {
        match &mut self.stream {
            Some(stream) if self.ended => stream.reset(),
            _ => self.stream = Some(Compress::new(Compression::new(self.level), false)),
        }
        self.ended = false;
        Ok(coder(id::DEFLATE, &[]))
    }

    fn write(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let stream = self.stream.as_mut().ok_or_else(|| bug("Deflate", "write before begin"))?;
        while !input.is_empty() {
            out.reserve(OUTPUT_STEP);
            let before = stream.total_in();
            stream.compress_vec(input, out, FlushCompress::None).map_err(|e| bug("Deflate", e))?;
            input = &input[(stream.total_in() - before) as usize..];
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let stream = self.stream.as_mut().ok_or_else(|| bug("Deflate", "finish before begin"))?;
        loop {
            out.reserve(OUTPUT_STEP);
            let status = stream.compress_vec(&[], out, FlushCompress::Finish).map_err(|e| bug("Deflate", e))?;
            if status == Status::StreamEnd {
                self.ended = true;
                return Ok(());
            }
        }
    }
}

/// A 32 KiB window, twice for streaming, tables and the input buffer.
pub(super) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    no_properties("Deflate", properties)?;
    Ok(192 << 10)
}

pub(super) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    no_properties("Deflate", opening.properties)?;
    Ok(Box::new(DeflateDecoder::new(opening.buffered_input()?)))
}
