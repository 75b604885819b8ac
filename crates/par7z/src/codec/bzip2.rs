//! BZip2.

use super::registry::{Opening, id, no_properties};
use super::{BoxRead, Encoder, bug, coder};
use crate::{Bzip2Params, Result};
use bzip2::{Action, Compress, Compression, Status, bufread::MultiBzDecoder};
use par7z_format::Coder;

/// Room made in the output before each call into the compressor.
const OUTPUT_STEP: usize = 32 << 10;

/// libbz2's figures: 400 kB and 8 bytes for each byte of a block.
pub(super) fn encoder_memory_bytes(params: &Bzip2Params) -> u64 {
    400_000 + 800_000 * u64::from(params.block_100k.unwrap_or(9))
}

/// Writes one BZip2 stream after another.
pub(super) struct Bzip2Encoder {
    block_100k: u32,
    /// `Some` from `begin` to `finish`; the crate's compressor cannot be re-armed.
    stream: Option<Compress>,
}

impl Bzip2Encoder {
    pub(super) fn new(params: &Bzip2Params) -> Self {
        Self { block_100k: params.block_100k.unwrap_or(9), stream: None }
    }
}

impl Encoder for Bzip2Encoder {
    fn begin(&mut self, _size: Option<u64>) -> Result<Coder> {
        // Work factor 0: libbz2's default of 30.
        self.stream = Some(Compress::new(Compression::new(self.block_100k), 0));
        Ok(coder(id::BZIP2, &[]))
    }

    fn write(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let stream = self.stream.as_mut().ok_or_else(|| bug("BZip2", "write before begin"))?;
        while !input.is_empty() {
            out.reserve(OUTPUT_STEP);
            let before = stream.total_in();
            stream.compress_vec(input, out, Action::Run).map_err(|e| bug("BZip2", e))?;
            input = &input[(stream.total_in() - before) as usize..];
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let mut stream = self.stream.take().ok_or_else(|| bug("BZip2", "finish before begin"))?;
        loop {
            out.reserve(OUTPUT_STEP);
            if stream.compress_vec(&[], out, Action::Finish).map_err(|e| bug("BZip2", e))? == Status::StreamEnd {
                return Ok(());
            }
        }
    }
}

/// libbz2's figures: 100 kB and 4 bytes for each byte of a block; the stream names its block, so the largest.
pub(super) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    no_properties("BZip2", properties)?;
    Ok(100_000 + 4 * 900_000 + (64 << 10))
}

pub(super) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    no_properties("BZip2", opening.properties)?;
    Ok(Box::new(MultiBzDecoder::new(opening.buffered_input()?)))
}
