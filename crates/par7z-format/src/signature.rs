//! The start header: the 32 bytes at the front of an archive.
//!
//! Layout: signature (6 bytes), version (major, minor), CRC-32 of the 20 bytes that follow, then offset, size and CRC-32
//! of the next header. All numbers are little endian.

use crate::number::{Reader, error_at};
use crate::{FormatError, FormatErrorKind, property};

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

    /// Whether a writer died before it could fill in the start header: behind the signature and the version, all bytes
    /// are 0. [`parse`](Self::parse) calls that a wrong CRC; [`find_next_header`] may still tell where the header is.
    pub fn is_blank(bytes: &[u8; START_HEADER_BYTES]) -> bool {
        bytes.starts_with(&SIGNATURE) && bytes[6..8] != [0, 0] && bytes[8..].iter().all(|byte| *byte == 0)
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

/// Looks for a next header that no start header points to, as 7-Zip does for archives with a
/// [blank](StartHeader::is_blank) one: it ends where the file ends and begins in the last 512 bytes.
///
/// `tail` is the end of the file (of more than 512 bytes, the last ones count). Returns where in `tail` the next header
/// begins; it is a guess, for the parser to judge.
pub fn find_next_header(tail: &[u8]) -> Option<usize> {
    const SEARCHED_BYTES: usize = 512;
    let skipped = tail.len().saturating_sub(SEARCHED_BYTES);
    let searched = &tail[skipped..];
    if searched.last() != Some(&(property::END as u8)) {
        return None;
    }
    let encoded = [property::ENCODED_HEADER as u8, property::PACK_INFO as u8];
    let plain = [property::HEADER as u8, property::MAIN_STREAMS_INFO as u8];
    searched.windows(2).rposition(|pair| pair == encoded || pair == plain).map(|start| skipped + start)
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
    fn a_lost_next_header_is_found() {
        let mut blank = [0; START_HEADER_BYTES];
        blank[..8].copy_from_slice(&HEADER.emit()[..8]);
        assert!(StartHeader::is_blank(&blank) && !StartHeader::is_blank(&HEADER.emit()));
        assert_eq!(find_next_header(&[0x17, 6, 9, 1, 4, 9, 0]), Some(3));
        assert_eq!(find_next_header(&[0x17, 6, 9]), None);
        assert_eq!(find_next_header(&[&[0x17, 6][..], &[0; 510]].concat()), Some(0));
        assert_eq!(find_next_header(&[&[0x17, 6][..], &[0; 511]].concat()), None);
        assert_eq!(find_next_header(&[]), None);
    }

    #[test]
    fn impossible_places_are_refused() {
        for (next_header_offset, next_header_size) in [(1 << 63, 1), (0, (1 << 62) + 1), (1, 0)] {
            let header = StartHeader { next_header_offset, next_header_size, next_header_crc: 0 };
            assert!(matches!(StartHeader::parse(&header.emit()).unwrap_err().kind, FormatErrorKind::Invalid(_)));
        }
    }
}
