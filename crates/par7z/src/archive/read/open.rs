//! From bytes to a header: finds the archive in its file (an SFX stub may precede it, other bytes may follow), checks
//! the start header, and unpacks encoded headers until a plain one appears.
//!
//! Everything here is hostile input. What a field asks for is compared with the bytes that are there, or with
//! [`ReadLimits`], before anything is allocated; encoded headers may nest only [`MAX_NESTED_HEADERS`] deep, so that a
//! header that unpacks to itself ends.

use super::layout::{PackPlaces, pack_places};
use super::unpack::{DecodeContext, FolderReader};
use crate::storage::{ReadAt, read_exact_at};
use crate::{CancelToken, Error, ErrorKind, ReadLimits, Result};
use par7z_format::{
    Header, Limits, NextHeader, SIGNATURE, START_HEADER_BYTES, StartHeader, Streams, find_next_header,
    parse_next_header,
};

/// How far behind the beginning of the file an archive is looked for. Stubs are below 1 MiB; installers are larger.
const MAX_STUB_BYTES: u64 = 8 << 20;
/// 7-Zip writes one level; nothing known writes more than two.
const MAX_NESTED_HEADERS: usize = 8;

/// What opening found.
pub(super) struct Opened {
    pub(super) stub_size: u64,
    pub(super) physical_size: u64,
    pub(super) headers_size: u64,
    pub(super) header: Header,
    pub(super) places: PackPlaces,
}

/// Where the archive lies in its file.
struct Located {
    stub_size: u64,
    start: StartHeader,
}

impl Located {
    /// Bytes from the signature to the end of the next header; `None` if that is no number of bytes at all.
    fn physical_size(&self) -> Option<u64> {
        let start = &self.start;
        (START_HEADER_BYTES as u64).checked_add(start.next_header_offset)?.checked_add(start.next_header_size)
    }

    fn fits(&self, source_len: u64) -> bool {
        self.physical_size().and_then(|size| size.checked_add(self.stub_size)).is_some_and(|end| end <= source_len)
    }
}

/// Finds and reads the header.
pub(super) fn open(context: &DecodeContext) -> Result<Opened> {
    let source = &*context.source;
    let located = locate(source)?;
    let physical_size = located.physical_size().unwrap_or(u64::MAX);
    if !located.fits(source.len()) {
        let needed = located.stub_size.saturating_add(physical_size);
        let text = format!("unexpected end of archive: its header says {needed} bytes, there are {}", source.len());
        return Err(Error::new(ErrorKind::CorruptHeader, text).at_offset(source.len()));
    }
    let packed_begin = located.stub_size + START_HEADER_BYTES as u64;
    let mut headers_size = START_HEADER_BYTES as u64 + located.start.next_header_size;
    let header = read_header(context, &located.start, packed_begin, &mut headers_size)?;
    let places = pack_places(&header.streams, packed_begin)?;
    Ok(Opened { stub_size: located.stub_size, physical_size, headers_size, header, places })
}

fn locate(source: &dyn ReadAt) -> Result<Located> {
    let mut bytes = [0; START_HEADER_BYTES];
    let available = usize::try_from(source.len()).unwrap_or(usize::MAX).min(bytes.len());
    read_exact_at(source, &mut bytes[..available], 0).map_err(|error| Error::io("cannot read the archive", error))?;
    if available >= SIGNATURE.len() && bytes.starts_with(&SIGNATURE) {
        if available < bytes.len() {
            return Err(Error::new(ErrorKind::CorruptHeader, "unexpected end of archive: the start header is cut off"));
        }
        let start = if StartHeader::is_blank(&bytes) { recover(source)? } else { StartHeader::parse(&bytes)? };
        return Ok(Located { stub_size: 0, start });
    }
    search(source)
}

/// Finds the header of an archive whose writer died before it filled in the start header.
fn recover(source: &dyn ReadAt) -> Result<StartHeader> {
    let packed_begin = START_HEADER_BYTES as u64;
    let begin = source.len().saturating_sub(512).max(packed_begin);
    let mut tail = vec![0; usize::try_from(source.len() - begin).unwrap_or(0)];
    read_exact_at(source, &mut tail, begin).map_err(|error| Error::io("cannot read the archive", error))?;
    let header = find_next_header(&tail).ok_or_else(|| {
        let text = "the start header is blank (the archive was never finished), and no header is at the end";
        Error::new(ErrorKind::CorruptHeader, text)
    })?;
    Ok(StartHeader {
        next_header_offset: begin + header as u64 - packed_begin,
        next_header_size: (tail.len() - header) as u64,
        next_header_crc: crc32fast::hash(&tail[header..]),
    })
}

/// Looks for an archive behind a stub. The first place with a valid start header whose next header lies in the file
/// wins: a stub may well hold the bare signature in its own data.
fn search(source: &dyn ReadAt) -> Result<Located> {
    const WINDOW: usize = 64 << 10;
    let failed = |error| Error::io("cannot read the archive", error);
    let mut window = vec![0; WINDOW + START_HEADER_BYTES - 1];
    let mut cut_off = None;
    let mut position = 0;
    while position <= MAX_STUB_BYTES && position + (START_HEADER_BYTES as u64) <= source.len() {
        let count = usize::try_from(source.len() - position).unwrap_or(usize::MAX).min(window.len());
        read_exact_at(source, &mut window[..count], position).map_err(failed)?;
        for (offset, bytes) in window[..count].windows(START_HEADER_BYTES).enumerate() {
            if !bytes.starts_with(&SIGNATURE) {
                continue;
            }
            let Some(start) = bytes.first_chunk().and_then(|bytes| StartHeader::parse(bytes).ok()) else { continue };
            let located = Located { stub_size: position + offset as u64, start };
            if located.fits(source.len()) {
                return Ok(located);
            }
            cut_off.get_or_insert(located);
        }
        position += WINDOW as u64;
    }
    cut_off.ok_or_else(|| Error::new(ErrorKind::NotArchive, "not a 7z archive: the signature is missing"))
}

fn read_header(
    context: &DecodeContext,
    start: &StartHeader,
    packed_begin: u64,
    headers_size: &mut u64,
) -> Result<Header> {
    if start.next_header_size == 0 {
        return Ok(Header::default());
    }
    let limits = format_limits(&context.limits);
    check_size(start.next_header_size, &context.limits)?;
    let mut bytes = vec![0; usize::try_from(start.next_header_size).map_err(|_| too_large())?];
    read_exact_at(&*context.source, &mut bytes, packed_begin + start.next_header_offset)
        .map_err(|error| Error::io("cannot read the archive's header", error))?;
    if crc32fast::hash(&bytes) != start.next_header_crc {
        return Err(Error::new(ErrorKind::CorruptHeader, "the header is damaged: its CRC-32 does not match"));
    }
    // Whoever reads garbage behind a wrong password must not be told that the archive is damaged.
    let mut encrypted = false;
    for _ in 0..MAX_NESTED_HEADERS {
        let streams = match parse_next_header(&bytes, &limits) {
            Ok(NextHeader::Plain(header)) => return Ok(header),
            Ok(NextHeader::Encoded(streams)) => streams,
            Err(_) if encrypted && !context.key_is_verified() => {
                return Err(Error::new(ErrorKind::WrongPassword, super::unpack::WRONG_PASSWORD));
            }
            Err(error) => return Err(error.into()),
        };
        if streams.folders.is_empty() {
            return Ok(Header::default());
        }
        *headers_size = streams.pack_streams.iter().fold(*headers_size, |sum, pack| sum.saturating_add(pack.size));
        (bytes, encrypted) = unpack_header(context, &streams, packed_begin)?;
    }
    let text = format!("invalid header: encoded more than {MAX_NESTED_HEADERS} times over");
    Err(Error::new(ErrorKind::CorruptHeader, text))
}

/// Unpacks an encoded header; also says whether it was encrypted.
fn unpack_header(context: &DecodeContext, streams: &Streams, packed_begin: u64) -> Result<(Vec<u8>, bool)> {
    let [folder] = &streams.folders[..] else {
        let text = format!("invalid header: encoded in {} folders, there must be one", streams.folders.len());
        return Err(Error::new(ErrorKind::CorruptHeader, text));
    };
    let places = pack_places(streams, packed_begin)?;
    let size = super::layout::content_size(folder);
    check_size(size, &context.limits)?;
    context.check_decoder_memory(folder)?;
    let cancel = CancelToken::new();
    let mut reader = FolderReader::new(context, folder, places.of_folder(0), cancel, None);
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
    // Grows with what really comes: the size is only a claim.
    while (bytes.len() as u64) < size {
        let want = usize::try_from(size - bytes.len() as u64).unwrap_or(usize::MAX).min(chunk.len());
        let count = reader.read(&mut chunk[..want]).map_err(in_header)?;
        bytes.extend_from_slice(&chunk[..count]);
    }
    let stored = folder.crc.or_else(|| match &folder.substreams[..] {
        [only] => only.crc,
        _ => None,
    });
    if let Some(crc) = stored {
        reader.check_crc(crc, crc32fast::hash(&bytes)).map_err(in_header)?;
    }
    Ok((bytes, reader.is_encrypted()))
}

/// Damage in an encoded header is damage of the header; other failures keep their kind.
fn in_header(error: Error) -> Error {
    match error.kind() {
        ErrorKind::CorruptData | ErrorKind::WrongCrc => {
            Error::new(ErrorKind::CorruptHeader, format!("the packed header: {error}"))
        }
        _ => error,
    }
}

fn check_size(size: u64, limits: &ReadLimits) -> Result<()> {
    if size > limits.header_bytes {
        let text = format!("the header has {size} bytes, the limit is {}; raise ReadLimits", limits.header_bytes);
        return Err(Error::new(ErrorKind::LimitExceeded, text));
    }
    Ok(())
}

fn too_large() -> Error {
    Error::new(ErrorKind::LimitExceeded, "the header is larger than this machine's address space")
}

fn format_limits(limits: &ReadLimits) -> Limits {
    let mut format = Limits::default();
    format.header_bytes = limits.header_bytes;
    format.entries = limits.entries;
    format
}
