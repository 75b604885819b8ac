//! The committer: the one thread that owns the sink. It writes packed bytes in order, keeps the records, and closes the
//! archive: header, then, last of all, the start header.

use super::run::{EntryRecord, Record, Run};
use crate::codec::ResolvedMethod;
use crate::pipeline::Step;
use crate::storage::Sink;
use crate::{Error, LzmaParams, Method, Report, Result};
use par7z_format::{
    Coder, Folder, FolderStreams, Header, MethodId, PackStream, StartHeader, Streams, Substream, emit_encoded_header,
    emit_header,
};
use std::sync::Arc;

/// Below this an encoded header is no smaller than a plain one.
const MIN_COMPRESSED_HEADER_BYTES: usize = 64;
/// Number of the header's own cipher stream; jobs count from 0 upwards.
const HEADER_STREAM: u128 = u128::MAX;

/// Writes everything the workers make; completes the sink, or gives it up.
pub(super) fn commit(run: &Run, mut sink: Box<dyn Sink>) -> Result<Report> {
    match write_all(run, sink.as_mut()) {
        Ok((start_header, archive_bytes)) => {
            sink.finish(&start_header.emit())?;
            Ok(run.tracker.report(archive_bytes))
        }
        Err(error) => {
            sink.abort();
            Err(error)
        }
    }
}

fn write_all(run: &Run, sink: &mut dyn Sink) -> Result<(StartHeader, u64)> {
    let mut archive = ArchiveInProgress { sink, position: 0, part_start: 0, header: Header::default(), last: None };
    while let Some(step) = run.ordered.next() {
        let written = match step {
            Step::Bytes(bytes, reservation) => {
                let written = archive.append(&bytes);
                drop((bytes, reservation));
                written
            }
            Step::Record(record) => {
                archive.record(record);
                Ok(())
            }
            Step::Withdraw => archive.withdraw(),
        };
        if let Err(error) = written {
            run.fail(error);
        }
    }
    if run.check().is_err() {
        return Err(run.take_error());
    }
    archive.close(run)
}

struct ArchiveInProgress<'run> {
    sink: &'run mut dyn Sink,
    /// Bytes appended.
    position: u64,
    /// Where the current part begins.
    part_start: u64,
    header: Header,
    /// The last folder's graph: most have the same one, and share it.
    last: Option<Arc<Folder>>,
}

impl ArchiveInProgress<'_> {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.append(bytes).map_err(|error| Error::io("cannot write the archive", error))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn record(&mut self, record: Record) {
        match record {
            Record::Empty(entry) => self.header.entries.push(entry),
            Record::Folder { folder, unpack_sizes, packed_bytes, entries } => {
                debug_assert_eq!(self.position - self.part_start, packed_bytes, "all of a part is written");
                let substreams = entries.iter().filter_map(|entry| entry.content);
                let substreams = substreams.map(|(size, crc)| Substream { size, crc: Some(crc) }).collect();
                self.header.entries.extend(entries.into_iter().map(|EntryRecord { entry, .. }| entry));
                self.folder(folder, unpack_sizes, packed_bytes, substreams);
                self.part_start = self.position;
            }
        }
    }

    fn folder(&mut self, folder: Arc<Folder>, unpack_sizes: Box<[u64]>, size: u64, substreams: Box<[Substream]>) {
        let folder = match &self.last {
            Some(last) if **last == *folder => Arc::clone(last),
            _ => folder,
        };
        self.last = Some(Arc::clone(&folder));
        self.header.streams.pack_streams.push(PackStream { size, crc: None });
        self.header.streams.folders.push(FolderStreams { folder, unpack_sizes, crc: None, substreams });
    }

    /// Takes back the current part. Where the sink cannot, its bytes become the pack stream of a folder without entries,
    /// which every reader skips.
    fn withdraw(&mut self) -> Result<()> {
        let truncated = self.sink.truncate(self.part_start);
        if truncated.map_err(|error| Error::io("cannot take back a failed item's bytes", error))? {
            self.position = self.part_start;
            return Ok(());
        }
        let size = self.position - self.part_start;
        let copy = Coder { method: MethodId::COPY, inputs: 1, properties: Box::default() };
        self.folder(Arc::new(Folder::chain(vec![copy])), Box::new([size]), size, Box::default());
        self.part_start = self.position;
        Ok(())
    }

    /// Writes the header; gives the start header and the archive's size.
    fn close(mut self, run: &Run) -> Result<(StartHeader, u64)> {
        let header = std::mem::take(&mut self.header);
        if header.entries.is_empty() && header.streams.folders.is_empty() {
            let start = StartHeader { next_header_offset: 0, next_header_size: 0, next_header_crc: 0 };
            return Ok((start, 32));
        }
        let mut next = emit_header(&header);
        drop(header);
        let hide = run.options.encryption.as_ref().is_some_and(|encryption| encryption.hide_names);
        if hide || (run.options.compress_header && next.len() >= MIN_COMPRESSED_HEADER_BYTES) {
            next = self.encode_header(run, next, hide)?;
        }
        let start = StartHeader {
            next_header_offset: self.position,
            next_header_size: next.len() as u64,
            next_header_crc: crc32fast::hash(&next),
        };
        self.append(&next)?;
        Ok((start, 32 + self.position))
    }

    /// Packs (and encrypts) the header as a folder of its own; gives the header that describes it.
    fn encode_header(&mut self, run: &Run, plain: Vec<u8>, encrypt: bool) -> Result<Vec<u8>> {
        let method = ResolvedMethod::new(&Method::Lzma(LzmaParams::default()), header_level(plain.len()));
        let mut encoder = method.encoder();
        let mut coders = vec![encoder.begin(Some(plain.len() as u64))?];
        let mut unpack_sizes = vec![plain.len() as u64];
        let mut packed = Vec::new();
        encoder.pack(&plain, &mut packed, &mut |_, _| run.check())?;
        if encrypt && let Some(cipher) = &run.cipher {
            let (coder, mut cipher) = cipher.start(HEADER_STREAM)?;
            coders.insert(0, coder);
            unpack_sizes.insert(0, packed.len() as u64);
            packed.resize(packed.len().next_multiple_of(16), 0);
            cipher.encrypt(&mut packed);
        }
        let streams = Streams {
            pack_position: self.position,
            pack_streams: vec![PackStream { size: packed.len() as u64, crc: None }],
            folders: vec![FolderStreams {
                folder: Arc::new(Folder::chain(coders)),
                unpack_sizes: unpack_sizes.into_boxed_slice(),
                crc: Some(crc32fast::hash(&plain)),
                substreams: Box::new([Substream { size: plain.len() as u64, crc: Some(crc32fast::hash(&plain)) }]),
            }],
        };
        self.append(&packed)?;
        Ok(emit_encoded_header(&streams))
    }
}

/// The level for the header: a large one is packed by one thread while the others have nothing left to do, so it gets
/// the fast parser.
fn header_level(bytes: usize) -> u32 {
    if bytes > 1 << 20 { 3 } else { 5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use par7z_format::Entry;

    #[test]
    fn an_entry_in_a_folder_of_its_own_is_small() {
        // With its name, sizes and substream on the heap this stays well under the promised 1 KB.
        let bytes = size_of::<Entry>() + size_of::<FolderStreams>() + size_of::<PackStream>();
        assert!(bytes < 300, "{bytes} bytes");
    }
}
