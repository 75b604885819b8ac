//! 7zAES as a coder: the cipher's row of the registry. Keys and blocks are [`crate::crypto`]'s.

use super::BoxRead;
use super::registry::Opening;
use crate::Result;
use crate::crypto::{AesProperties, CbcReader};

/// The block buffer.
pub(super) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    AesProperties::parse(properties)?;
    Ok(64 << 10)
}

pub(super) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    let properties = AesProperties::parse(opening.properties)?;
    let key = opening.keys.key(&properties, opening.limits)?;
    Ok(Box::new(CbcReader::new(opening.input()?, &key, &properties.iv)))
}

/// `19`: the rounds as a power of two.
pub(super) fn describe(properties: &[u8]) -> Option<String> {
    properties.first().map(|byte| (byte & 0x3F).to_string())
}
