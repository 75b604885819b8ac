//! Packed streams, folders and substreams.
//!
//! Counts are checked where they are read; substreams are allocated only when it is clear that the bytes hold their
//! sizes.

use super::check_limit;
use crate::number::{Reader, error_at};
use crate::{
    Bond, Coder, Folder, FolderStreams, FormatError, FormatErrorKind, Limits, MethodId, PackStream, Streams, Substream,
    property,
};
use std::sync::Arc;

/// Streams that the coders of a folder may read together, 7-Zip's limit.
const MAX_INPUTS_PER_FOLDER: u64 = 64;

/// Everything from behind the id up to the end mark.
pub(super) fn streams(reader: &mut Reader<'_>, limits: &Limits) -> Result<Streams, FormatError> {
    let mut streams = Streams::default();
    let mut start = reader.position();
    let mut id = reader.number()?;
    if id == property::PACK_INFO {
        pack_info(reader, &mut streams)?;
        start = reader.position();
        id = reader.number()?;
    }
    if id == property::UNPACK_INFO {
        streams.folders = unpack_info(reader, limits, streams.pack_streams.len())?;
        start = reader.position();
        id = reader.number()?;
    }
    if id == property::SUB_STREAMS_INFO {
        substreams_info(reader, &mut streams.folders)?;
        start = reader.position();
        id = reader.number()?;
    } else {
        for folder in &mut streams.folders {
            folder.substreams = Box::new([Substream { size: content_size(folder), crc: folder.crc }]);
        }
    }
    if id != property::END {
        return Err(error_at(start, FormatErrorKind::Invalid("an unknown part of the streams")));
    }
    Ok(streams)
}

/// Skips what comes before `wanted`.
fn wait_for(reader: &mut Reader<'_>, wanted: u64) -> Result<(), FormatError> {
    loop {
        let start = reader.position();
        match reader.number()? {
            id if id == wanted => return Ok(()),
            property::END => return Err(error_at(start, FormatErrorKind::Invalid("a part of the streams is missing"))),
            _ => reader.skip_data()?,
        }
    }
}

fn pack_info(reader: &mut Reader<'_>, streams: &mut Streams) -> Result<(), FormatError> {
    streams.pack_position = reader.number()?;
    let count = reader.count()?;
    wait_for(reader, property::SIZE)?;
    if count > reader.remaining() {
        return Err(reader.error(FormatErrorKind::UnexpectedEnd));
    }
    let mut end = streams.pack_position;
    streams.pack_streams.reserve_exact(count);
    for _ in 0..count {
        let start = reader.position();
        let size = reader.number()?;
        end = end
            .checked_add(size)
            .ok_or_else(|| error_at(start, FormatErrorKind::Invalid("the packed streams are too large")))?;
        streams.pack_streams.push(PackStream { size, crc: None });
    }
    loop {
        match reader.number()? {
            property::END => return Ok(()),
            property::CRC => {
                let mut digests = reader.digests(count)?;
                for stream in &mut streams.pack_streams {
                    stream.crc = digests.next_crc();
                }
            }
            _ => reader.skip_data()?,
        }
    }
}

fn unpack_info(
    reader: &mut Reader<'_>,
    limits: &Limits,
    pack_stream_count: usize,
) -> Result<Vec<FolderStreams>, FormatError> {
    wait_for(reader, property::FOLDER)?;
    let start = reader.position();
    let count = reader.count()?;
    check_limit(start, "folders", count as u64, limits.folders)?;
    refuse_external(reader)?;
    let graphs = graphs(reader, limits, count, pack_stream_count)?;
    wait_for(reader, property::CODERS_UNPACK_SIZE)?;
    let mut folders = Vec::with_capacity(graphs.len());
    for folder in graphs {
        let unpack_sizes = folder.coders().iter().map(|_| reader.number()).collect::<Result<_, _>>()?;
        folders.push(FolderStreams { folder, unpack_sizes, crc: None, substreams: Box::default() });
    }
    loop {
        match reader.number()? {
            property::END => return Ok(folders),
            property::CRC => {
                let mut digests = reader.digests(folders.len())?;
                for folder in &mut folders {
                    folder.crc = digests.next_crc();
                }
            }
            _ => reader.skip_data()?,
        }
    }
}

/// The coder graphs. Equal neighbours share one.
fn graphs(
    reader: &mut Reader<'_>,
    limits: &Limits,
    count: usize,
    pack_stream_count: usize,
) -> Result<Vec<Arc<Folder>>, FormatError> {
    let mut graphs: Vec<Arc<Folder>> = Vec::new();
    let mut unused_pack_streams = pack_stream_count;
    let mut last_bytes: &[u8] = &[];
    for _ in 0..count {
        let start = reader.position();
        // A stored graph tells its own length: where the bytes of the last one come again, so does the last one.
        let graph = match graphs.last() {
            Some(last) if reader.rest().starts_with(last_bytes) => {
                reader.bytes(last_bytes.len() as u64)?;
                Arc::clone(last)
            }
            _ => {
                let graph = folder(reader, limits)?;
                last_bytes = reader.since(start);
                Arc::new(graph)
            }
        };
        unused_pack_streams = unused_pack_streams
            .checked_sub(graph.pack_stream_count())
            .ok_or_else(|| error_at(start, FormatErrorKind::Invalid("a folder without packed streams left")))?;
        graphs.push(graph);
    }
    Ok(graphs)
}

fn folder(reader: &mut Reader<'_>, limits: &Limits) -> Result<Folder, FormatError> {
    let start = reader.position();
    let coder_count = reader.number()?;
    check_limit(start, "coders in a folder", coder_count, limits.coders_per_folder)?;
    if coder_count > reader.remaining() as u64 {
        return Err(error_at(start, FormatErrorKind::UnexpectedEnd));
    }
    let coders = (0..coder_count).map(|_| coder(reader)).collect::<Result<Vec<_>, _>>()?;
    let input_count: u64 = coders.iter().map(|coder| u64::from(coder.inputs)).sum();
    if input_count > MAX_INPUTS_PER_FOLDER {
        return Err(error_at(start, FormatErrorKind::Unsupported("a folder with that many streams")));
    }
    let bond_count = coder_count.saturating_sub(1);
    let mut bonds = Vec::new();
    for _ in 0..bond_count {
        bonds.push(Bond { input: index(reader)?, coder: index(reader)? });
    }
    let packed_count = input_count.saturating_sub(bond_count);
    let packed_inputs = if packed_count == 1 {
        // The only one need not be named: it is the one that no bond feeds.
        let unfed = |input: &u32| bonds.iter().all(|bond| bond.input != *input);
        (0..input_count as u32).filter(unfed).take(1).collect()
    } else {
        (0..packed_count).map(|_| index(reader)).collect::<Result<Vec<_>, _>>()?
    };
    Folder::new(coders, bonds, packed_inputs).map_err(|kind| error_at(start, kind))
}

fn coder(reader: &mut Reader<'_>) -> Result<Coder, FormatError> {
    const ID_BYTES: u8 = 0x0F;
    const IS_COMPLEX: u8 = 0x10;
    const HAS_PROPERTIES: u8 = 0x20;
    let start = reader.position();
    let unsupported = |what| error_at(start, FormatErrorKind::Unsupported(what));
    let flags = reader.byte()?;
    if flags & !(ID_BYTES | IS_COMPLEX | HAS_PROPERTIES) != 0 {
        return Err(unsupported("unknown flags of a coder"));
    }
    if flags & ID_BYTES > 8 {
        return Err(unsupported("a method id of more than 8 bytes"));
    }
    let id_bytes = reader.bytes(u64::from(flags & ID_BYTES))?;
    let method = MethodId(id_bytes.iter().fold(0, |id, byte| id << 8 | u64::from(*byte)));
    let mut inputs = 1;
    if flags & IS_COMPLEX != 0 {
        let stored = reader.number()?;
        if reader.number()? != 1 {
            return Err(unsupported("a coder with not exactly one output"));
        }
        inputs = u32::try_from(stored)
            .ok()
            .filter(|inputs| u64::from(*inputs) <= MAX_INPUTS_PER_FOLDER)
            .ok_or_else(|| unsupported("a coder with that many inputs"))?;
    }
    let mut properties = Box::default();
    if flags & HAS_PROPERTIES != 0 {
        let size = reader.number()?;
        properties = reader.bytes(size)?.into();
    }
    Ok(Coder { method, inputs, properties })
}

fn index(reader: &mut Reader<'_>) -> Result<u32, FormatError> {
    let start = reader.position();
    let value = reader.number()?;
    u32::try_from(value).map_err(|_| error_at(start, FormatErrorKind::Invalid("an index in a folder is too large")))
}

/// Reads the byte that says whether data lies outside of the header. Nobody ever wrote such archives.
pub(super) fn refuse_external(reader: &mut Reader<'_>) -> Result<(), FormatError> {
    let start = reader.position();
    match reader.byte()? {
        0 => Ok(()),
        _ => Err(error_at(start, FormatErrorKind::Unsupported("parts of the header stored outside of it"))),
    }
}

/// Bytes of the folder's content.
fn content_size(folder: &FolderStreams) -> u64 {
    folder.unpack_sizes[folder.folder.main_coder()]
}

fn substreams_info(reader: &mut Reader<'_>, folders: &mut [FolderStreams]) -> Result<(), FormatError> {
    let mut counts: Option<Vec<u64>> = None;
    let mut id = loop {
        match reader.number()? {
            property::NUM_UNPACK_STREAM => {
                counts = Some(folders.iter().map(|_| reader.number()).collect::<Result<_, _>>()?);
            }
            id @ (property::SIZE | property::CRC | property::END) => break id,
            _ => reader.skip_data()?,
        }
    };
    let counts = counts.unwrap_or_else(|| vec![1; folders.len()]);
    let has_sizes = id == property::SIZE;
    for (folder, count) in folders.iter_mut().zip(counts) {
        folder.substreams = substreams(reader, content_size(folder), count, has_sizes)?;
    }
    if has_sizes {
        id = reader.number()?;
    }
    for folder in folders.iter_mut().filter(|folder| has_implied_crc(folder)) {
        folder.substreams[0].crc = folder.crc;
    }
    while id != property::END {
        if id == property::CRC {
            substream_digests(reader, folders)?;
        } else {
            reader.skip_data()?;
        }
        id = reader.number()?;
    }
    Ok(())
}

/// The substreams of one folder: all sizes but the last one's are stored, it is what is left.
fn substreams(
    reader: &mut Reader<'_>,
    content_size: u64,
    count: u64,
    has_sizes: bool,
) -> Result<Box<[Substream]>, FormatError> {
    let start = reader.position();
    if count == 0 {
        return Ok(Box::default());
    }
    if count > 1 && !has_sizes {
        return Err(error_at(start, FormatErrorKind::Invalid("several substreams without sizes")));
    }
    if count - 1 > reader.remaining() as u64 {
        return Err(error_at(start, FormatErrorKind::UnexpectedEnd));
    }
    let mut substreams = Vec::with_capacity(count as usize);
    let mut left = content_size;
    for _ in 1..count {
        let start = reader.position();
        let size = reader.number()?;
        left = left
            .checked_sub(size)
            .ok_or_else(|| error_at(start, FormatErrorKind::Invalid("the substreams are larger than their folder")))?;
        substreams.push(Substream { size, crc: None });
    }
    substreams.push(Substream { size: left, crc: None });
    Ok(substreams.into())
}

/// A folder's CRC stands for its only substream's, too.
fn has_implied_crc(folder: &FolderStreams) -> bool {
    folder.substreams.len() == 1 && folder.crc.is_some()
}

fn substream_digests(reader: &mut Reader<'_>, folders: &mut [FolderStreams]) -> Result<(), FormatError> {
    let unknown = || folders.iter().filter(|folder| !has_implied_crc(folder));
    let count = unknown().map(|folder| folder.substreams.len()).sum();
    let mut digests = reader.digests(count)?;
    for folder in folders.iter_mut().filter(|folder| !has_implied_crc(folder)) {
        for substream in &mut folder.substreams {
            substream.crc = digests.next_crc();
        }
    }
    Ok(())
}
