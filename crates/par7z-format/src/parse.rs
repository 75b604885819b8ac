//! parse

use crate::{FormatError, Header, Limits, Streams};

/// What the next header turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextHeader {
    /// The header itself.
    Plain(Header),
    /// Streams whose only folder unpacks to the next header (plain, or encoded once more).
    Encoded(Streams),
}

/// Reads the bytes of a next header.
///
/// # Errors
/// Malformed, unsupported or over a limit, with the offset.
pub fn parse_next_header(bytes: &[u8], limits: &Limits) -> Result<NextHeader, FormatError> {
    let _ = (bytes, limits);
    unimplemented!()
}
