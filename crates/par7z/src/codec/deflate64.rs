//! Deflate64: Deflate with a 64 KiB window. Read only.

use super::BoxRead;
use super::registry::{Opening, no_properties};
use crate::Result;
use deflate64::Deflate64Decoder;

/// The output window is 256 KiB; tables and the input buffer come on top.
pub(super) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    no_properties("Deflate64", properties)?;
    Ok(512 << 10)
}

pub(super) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    no_properties("Deflate64", opening.properties)?;
    Ok(Box::new(Deflate64Decoder::with_buffer(opening.buffered_input()?)))
}
