//! The entries: names, times, attributes, and which of them have content.
//!
//! Each property is a table over all entries (or over those without content) with its size in front; it must fill that
//! size exactly.

use super::check_limit;
use super::streams::refuse_external;
use crate::number::{Bits, Reader, error_at};
use crate::{Entry, EntryKind, FileTime, FormatError, FormatErrorKind, Limits, property};

/// Tables of bits that only make sense together; as they lie in the header, in whatever order they came.
#[derive(Default)]
struct Emptiness<'a> {
    /// Over all entries: has no stream.
    empty_stream: Option<Bits<'a>>,
    /// Over the entries without a stream: is a file.
    empty_file: Option<Bits<'a>>,
    /// Over the entries without a stream: is an anti-item.
    anti: Option<Bits<'a>>,
}

impl Emptiness<'_> {
    fn empty_count(&self) -> usize {
        self.empty_stream.map_or(0, |bits| bits.count_ones())
    }

    fn apply(&self, entries: &mut [Entry]) {
        let is_set = |bits: Option<Bits<'_>>, index| bits.is_some_and(|bits| bits.get(index));
        let mut empty_index = 0;
        for (index, entry) in entries.iter_mut().enumerate() {
            entry.has_stream = !is_set(self.empty_stream, index);
            if entry.has_stream {
                continue;
            }
            entry.kind = if is_set(self.anti, empty_index) {
                EntryKind::Anti
            } else if is_set(self.empty_file, empty_index) {
                EntryKind::File
            } else {
                EntryKind::Directory
            };
            empty_index += 1;
        }
    }
}

/// Everything from behind the id up to the end mark.
pub(super) fn entries(
    reader: &mut Reader<'_>,
    substream_count: usize,
    limits: &Limits,
) -> Result<Vec<Entry>, FormatError> {
    let start = reader.position();
    let count = reader.number()?;
    check_limit(start, "entries", count, limits.entries)?;
    // An entry takes at least two bytes, those that end its name. Without names only a substream can tell of one; more
    // of them would be nothing but memory that the caller has to pay.
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= substream_count + reader.remaining() / 2)
        .ok_or_else(|| error_at(start, FormatErrorKind::Invalid("more entries than the header has room for")))?;
    let mut entries = vec![Entry::default(); count];
    let mut emptiness = Emptiness::default();
    loop {
        let id = reader.number()?;
        if id == property::END {
            break;
        }
        let size = reader.number()?;
        let mut part = reader.part(size)?;
        read_property(id, &mut part, &mut entries, &mut emptiness)?;
        if part.remaining() != 0 {
            return Err(part.error(FormatErrorKind::Invalid("a property of the entries is longer than it should be")));
        }
    }
    emptiness.apply(&mut entries);
    Ok(entries)
}

fn read_property<'a>(
    id: u64,
    part: &mut Reader<'a>,
    entries: &mut [Entry],
    emptiness: &mut Emptiness<'a>,
) -> Result<(), FormatError> {
    match id {
        property::NAMES => names(part, entries)?,
        property::EMPTY_STREAM => {
            *emptiness = Emptiness { empty_stream: Some(part.bits(entries.len())?), ..Emptiness::default() };
        }
        property::EMPTY_FILE => emptiness.empty_file = Some(part.bits(emptiness.empty_count())?),
        property::ANTI => emptiness.anti = Some(part.bits(emptiness.empty_count())?),
        property::CREATION_TIME => times(part, entries, |entry, time| entry.created = time)?,
        property::ACCESS_TIME => times(part, entries, |entry, time| entry.accessed = time)?,
        property::MODIFICATION_TIME => times(part, entries, |entry, time| entry.modified = time)?,
        // Nobody uses them, but 7-Zip checks their size.
        property::START_POSITION => times(part, entries, |_, _| ())?,
        property::ATTRIBUTES => attributes(part, entries)?,
        property::DUMMY => {
            if let Some(index) = part.rest().iter().position(|byte| *byte != 0) {
                return Err(error_at(part.position() + index, FormatErrorKind::Invalid("padding that is not zero")));
            }
            part.bytes(part.remaining() as u64)?;
        }
        _ => {
            part.bytes(part.remaining() as u64)?;
        }
    }
    Ok(())
}

fn names(part: &mut Reader<'_>, entries: &mut [Entry]) -> Result<(), FormatError> {
    refuse_external(part)?;
    let mut buffer = String::new();
    for entry in entries {
        let units = part.rest().chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let length = units
            .clone()
            .position(|unit| unit == 0)
            .ok_or_else(|| part.error(FormatErrorKind::Invalid("a name without an end")))?;
        buffer.clear();
        buffer.extend(char::decode_utf16(units.take(length)).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)));
        entry.name = Some(buffer.as_str().into());
        part.bytes(2 * (length as u64 + 1))?;
    }
    Ok(())
}

fn times(
    part: &mut Reader<'_>,
    entries: &mut [Entry],
    set: impl Fn(&mut Entry, Option<FileTime>),
) -> Result<(), FormatError> {
    let defined = part.optional_bits(entries.len())?;
    refuse_external(part)?;
    for (index, entry) in entries.iter_mut().enumerate() {
        let time = if defined.get(index) { Some(FileTime(part.u64()?)) } else { None };
        set(entry, time);
    }
    Ok(())
}

fn attributes(part: &mut Reader<'_>, entries: &mut [Entry]) -> Result<(), FormatError> {
    let defined = part.optional_bits(entries.len())?;
    refuse_external(part)?;
    for (index, entry) in entries.iter_mut().enumerate() {
        entry.attributes = if defined.get(index) { Some(part.u32()?) } else { None };
    }
    Ok(())
}
