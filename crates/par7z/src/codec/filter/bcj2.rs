//! BCJ2: x86 code split into four streams: the code, call targets, jump targets, and which branches were taken out.
//! Read only.

use super::super::registry::{Opening, no_properties};
use super::super::{BoxRead, corrupt};
use crate::Result;
use lzma_rust2::filter::bcj2::Bcj2Reader;

/// A buffer of 256 KiB for each of the four streams.
pub(in crate::codec) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    no_properties("BCJ2", properties)?;
    Ok(4 * (256 << 10) + (4 << 10))
}

pub(in crate::codec) fn open(opening: Opening<'_>) -> Result<BoxRead> {
    let reader = Bcj2Reader::try_new(opening.inputs, opening.unpack_size).map_err(|e| corrupt("BCJ2", e))?;
    Ok(Box::new(reader))
}
