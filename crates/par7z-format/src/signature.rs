//! signature

use crate::FormatError;

/// The first six bytes of a 7z archive.
pub const SIGNATURE: [u8; 6] = *b"7z\xBC\xAF\x27\x1C";
/// Bytes of the start header.
pub const START_HEADER_BYTES: usize = 32;

/// The start header: where the next header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartHeader {
    /// Where the next header begins, in bytes behind the start header.
    pub next_header_offset: u64,
    /// Its size in bytes. 0: an archive without entries.
    pub next_header_size: u64,
    /// Its CRC-32.
    pub next_header_crc: u32,
}

impl StartHeader {
    /// Reads it.
    ///
    /// # Errors
    /// Wrong signature, major version or CRC.
    pub fn parse(bytes: &[u8; START_HEADER_BYTES]) -> Result<Self, FormatError> {
        let _ = bytes;
        unimplemented!()
    }
    /// Writes it (format version 0.4).
    pub fn emit(&self) -> [u8; START_HEADER_BYTES] {
        unimplemented!()
    }
}
