//! Header bytes → model.
//!
//! Accepts what 7-Zip accepts and refuses what it refuses, also where the format's description says less. Every loop
//! takes at least one byte per turn, every allocation is in proportion to the bytes that are there, and nothing calls
//! itself.

mod files;
mod streams;

use crate::number::{Reader, error_at};
use crate::{FormatError, FormatErrorKind, Header, Limits, Streams, property};

/// What the next header turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextHeader {
    /// The header itself.
    Plain(Header),
    /// Streams whose only folder unpacks to the next header (plain, or encoded once more). Without any folder, the
    /// archive is empty.
    Encoded(Streams),
}

/// Reads the bytes of a next header.
///
/// The packed streams' positions cannot overflow, but whether they lie in front of the next header is for the caller to
/// check, who knows where that is. Memory: at most about 200 bytes per byte of the header, usually a few.
///
/// # Errors
/// Malformed, unsupported or over a limit, with the offset.
pub fn parse_next_header(bytes: &[u8], limits: &Limits) -> Result<NextHeader, FormatError> {
    check_limit(0, "header bytes", bytes.len() as u64, limits.header_bytes)?;
    let mut reader = Reader::new(bytes);
    match reader.number()? {
        property::HEADER => header(&mut reader, limits).map(NextHeader::Plain),
        property::ENCODED_HEADER => {
            let streams = streams::streams(&mut reader, limits)?;
            if streams.folders.len() > 1 {
                return Err(error_at(0, FormatErrorKind::Invalid("an encoded header of several folders")));
            }
            Ok(NextHeader::Encoded(streams))
        }
        _ => Err(error_at(0, FormatErrorKind::Invalid("neither a header nor an encoded header"))),
    }
}

fn header(reader: &mut Reader<'_>, limits: &Limits) -> Result<Header, FormatError> {
    let mut header = Header::default();
    let mut start = reader.position();
    let mut id = reader.number()?;
    if id == property::ARCHIVE_PROPERTIES {
        while reader.number()? != property::END {
            reader.skip_data()?;
        }
        start = reader.position();
        id = reader.number()?;
    }
    if id == property::ADDITIONAL_STREAMS_INFO {
        // They only matter to properties that are stored outside of the header, which are refused where they occur.
        streams::streams(reader, limits)?;
        start = reader.position();
        id = reader.number()?;
    }
    if id == property::MAIN_STREAMS_INFO {
        header.streams = streams::streams(reader, limits)?;
        start = reader.position();
        id = reader.number()?;
    }
    let substream_count: usize = header.streams.folders.iter().map(|folder| folder.substreams.len()).sum();
    let entries_start = start;
    if id == property::FILES_INFO {
        header.entries = files::entries(reader, substream_count, limits)?;
        start = reader.position();
        id = reader.number()?;
    }
    if header.entries.iter().filter(|entry| entry.has_stream).count() != substream_count {
        return Err(error_at(
            entries_start,
            FormatErrorKind::Invalid("not as many entries with content as substreams"),
        ));
    }
    if id != property::END || reader.remaining() != 0 {
        return Err(error_at(start, FormatErrorKind::Unsupported("data behind the entries")));
    }
    Ok(header)
}

fn check_limit(offset: usize, what: &'static str, value: u64, limit: u64) -> Result<(), FormatError> {
    if value <= limit { Ok(()) } else { Err(error_at(offset, FormatErrorKind::LimitExceeded { what, value, limit })) }
}

#[cfg(test)]
mod tests;
