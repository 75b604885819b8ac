//! The start header: the 32 bytes at the front of an archive.
//!
//! Layout: signature (6 bytes), version (major, minor), CRC-32 of the 20 bytes that follow, then offset, size and CRC-32
//! of the next header. All numbers are little endian.

use crate::number::{Reader, error_at};
use crate::{FormatError, FormatErrorKind};

/// The first six bytes of a 7z archive.
pub const SIGNATURE: [u8; 6] = *b"7z\xBC\xAF\x27\x1C";
/// Bytes of the start header.
pub const START_HEADER_BYTES: usize = 32;

/// The version that 7-Zip writes since 2008.
const VERSION: [u8; 2] = [0, 4];
/// The largest next header that 7-Zip considers.
const MAX_NEXT_HEADER_SIZE: u64 = 1 << 62;

/// The start header: where the next header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartHeader {
    /// Where the next header begins, in bytes behind the start header. At most `i64::MAX`.
    pub next_header_offset: u64,
    /// Its size in bytes, at most 2^62. 0: an archive without entries; offset and CRC are 0 then, too.
    pub next_header_size: u64,
    /// Its CRC-32.
    pub next_header_crc: u32,
}

impl StartHeader {
    /// Reads it.
    ///
    /// Offset plus size cannot overflow a `u64`; whether the archive has that many bytes is for the caller to check.
    ///
    /// # Errors
    /// Wrong signature, major version or CRC, or a place that no archive can have.
    pub fn parse(bytes: &[u8; START_HEADER_BYTES]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        if reader.bytes(6)? != SIGNATURE {
            return Err(error_at(0, FormatErrorKind::NotSevenZip));
        }
        let (major, minor) = (reader.byte()?, reader.byte()?);
        if major != VERSION[0] {
            return Err(error_at(6, FormatErrorKind::UnsupportedVersion { major, minor }));
        }
        let crc = reader.u32()?;
        if crc32fast::hash(reader.rest()) != crc {
            return Err(error_at(8, FormatErrorKind::WrongCrc { of: "start header" }));
        }
        let header =
            Self { next_header_offset: reader.u64()?, next_header_size: reader.u64()?, next_header_crc: reader.u32()? };
        header.check()?;
        Ok(header)
    }

    fn check(&self) -> Result<(), FormatError> {
        if i64::try_from(self.next_header_offset).is_err() {
            return Err(error_at(12, FormatErrorKind::Invalid("the next header's offset is too large")));
        }
        if self.next_header_size > MAX_NEXT_HEADER_SIZE {
            return Err(error_at(20, FormatErrorKind::Invalid("the next header's size is too large")));
        }
        if self.next_header_size == 0 && (self.next_header_offset != 0 || self.next_header_crc != 0) {
            return Err(error_at(20, FormatErrorKind::Invalid("the next header is empty but has an offset or a CRC")));
        }
        Ok(())
    }

    /// Writes it (format version 0.4).
    pub fn emit(&self) -> [u8; START_HEADER_BYTES] {
        let mut bytes = [0; START_HEADER_BYTES];
        bytes[..6].copy_from_slice(&SIGNATURE);
        bytes[6..8].copy_from_slice(&VERSION);
        bytes[12..20].copy_from_slice(&self.next_header_offset.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.next_header_size.to_le_bytes());
        bytes[28..].copy_from_slice(&self.next_header_crc.to_le_bytes());
        let crc = crc32fast::hash(&bytes[12..]);
        bytes[8..12].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: StartHeader =
        StartHeader { next_header_offset: 77, next_header_size: 5, next_header_crc: 0x1234_5678 };

    fn error(change: impl Fn(&mut [u8; 32])) -> FormatErrorKind {
        let mut bytes = HEADER.emit();
        change(&mut bytes);
        StartHeader::parse(&bytes).unwrap_err().kind
    }

    #[test]
    fn round_trip() {
        assert_eq!(StartHeader::parse(&HEADER.emit()), Ok(HEADER));
        let empty = StartHeader { next_header_offset: 0, next_header_size: 0, next_header_crc: 0 };
        assert_eq!(StartHeader::parse(&empty.emit()), Ok(empty));
        // What `7zz a` writes for an archive without entries.
        assert_eq!(empty.emit()[..12], [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C, 0, 4, 0x8D, 0x9B, 0xD5, 0x0F]);
    }

    #[test]
    fn damage_is_found() {
        assert_eq!(error(|bytes| bytes[5] ^= 1), FormatErrorKind::NotSevenZip);
        assert_eq!(error(|bytes| bytes[6] = 1), FormatErrorKind::UnsupportedVersion { major: 1, minor: 4 });
        assert_eq!(error(|bytes| bytes[20] ^= 1), FormatErrorKind::WrongCrc { of: "start header" });
    }

    #[test]
    fn impossible_places_are_refused() {
        for (next_header_offset, next_header_size) in [(1 << 63, 1), (0, (1 << 62) + 1), (1, 0)] {
            let header = StartHeader { next_header_offset, next_header_size, next_header_crc: 0 };
            assert!(matches!(StartHeader::parse(&header.emit()).unwrap_err().kind, FormatErrorKind::Invalid(_)));
        }
    }
}
