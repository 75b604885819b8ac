//! What can be wrong with compressed data.

use crate::PropertiesError;
use core::fmt;

/// Why data cannot be decoded. That it merely stops too early is no error: see [`Progress`](super::Progress).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The properties of the stream, or of one of its chunks, are out of range.
    Properties(PropertiesError),
    /// The LZMA2 property byte stands for no dictionary.
    DictionaryProperty {
        /// The byte: 0 to 40 are in use.
        byte: u8,
    },
    /// The data of a range coder does not begin with a zero byte.
    RangeCoderStart,
    /// A match reaches back beyond the dictionary or beyond the beginning of the stream.
    Distance,
    /// The stream's end marker comes before its size is reached, or where there must be none.
    EarlyEnd,
    /// The data does not end where the size says.
    LateEnd,
    /// An LZMA2 chunk begins with a byte that has no meaning.
    Control {
        /// The byte.
        byte: u8,
    },
    /// An LZMA2 chunk needs a dictionary or properties that no chunk before it has set.
    MissingReset,
    /// The data of an LZMA2 chunk is longer or shorter than its header says.
    ChunkSize,
    /// An LZMA2 stream goes on behind the unpacked size that it should have.
    TooLong,
    /// The system has no memory for the dictionary or the tables.
    OutOfMemory {
        /// What was asked for.
        bytes: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Properties(error) => error.fmt(f),
            Self::DictionaryProperty { byte } => write!(f, "LZMA2 dictionary property {byte} is out of range: 0 to 40"),
            Self::RangeCoderStart => f.write_str("compressed data does not begin with a zero byte"),
            Self::Distance => f.write_str("a match reaches back beyond the dictionary"),
            Self::EarlyEnd => f.write_str("an end marker where the data should go on"),
            Self::LateEnd => f.write_str("the data goes on where it should end"),
            Self::Control { byte } => {
                write!(f, "an LZMA2 chunk begins with the byte {byte:#04x}, which has no meaning")
            }
            Self::MissingReset => f.write_str("an LZMA2 chunk needs a dictionary or properties that are not set yet"),
            Self::ChunkSize => f.write_str("an LZMA2 chunk's data does not end where its header says"),
            Self::TooLong => f.write_str("the LZMA2 stream goes on behind its size"),
            Self::OutOfMemory { bytes } => write!(f, "no memory for {bytes} bytes"),
        }
    }
}

impl core::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Properties(error) => Some(error),
            _ => None,
        }
    }
}

impl From<PropertiesError> for DecodeError {
    fn from(error: PropertiesError) -> Self {
        Self::Properties(error)
    }
}
