//! What can be wrong with header bytes, and where.

use std::fmt;

/// An error with the offset of the byte it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    /// Offset in the bytes that were parsed.
    pub offset: u64,
    /// What is wrong.
    pub kind: FormatErrorKind,
}

/// What is wrong with header bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatErrorKind {
    /// The first six bytes are not the 7z signature.
    NotSevenZip,
    /// A major version this crate does not know.
    UnsupportedVersion {
        /// Major version.
        major: u8,
        /// Minor version.
        minor: u8,
    },
    /// A stored CRC-32 does not match the bytes.
    WrongCrc {
        /// What the crc covers.
        of: &'static str,
    },
    /// The bytes end in the middle of something.
    UnexpectedEnd,
    /// A value that the format does not allow at this place.
    Invalid(&'static str),
    /// Something the format knows and this crate does not support.
    Unsupported(&'static str),
    /// A count over the caller's limit.
    LimitExceeded {
        /// What is counted.
        what: &'static str,
        /// The value in the header.
        value: u64,
        /// The limit.
        limit: u64,
    },
}

impl fmt::Display for FormatErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSevenZip => f.write_str("not a 7z archive: the signature is missing"),
            Self::UnsupportedVersion { major, minor } => write!(f, "unsupported format version {major}.{minor}"),
            Self::WrongCrc { of } => write!(f, "damaged {of}: its CRC-32 does not match"),
            Self::UnexpectedEnd => f.write_str("unexpected end of the header"),
            Self::Invalid(what) => write!(f, "invalid header: {what}"),
            Self::Unsupported(what) => write!(f, "unsupported feature: {what}"),
            Self::LimitExceeded { what, value, limit } => {
                write!(f, "the header asks for {value} {what}, the limit is {limit}")
            }
        }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at header byte {})", self.kind, self.offset)
    }
}

impl std::error::Error for FormatError {}
