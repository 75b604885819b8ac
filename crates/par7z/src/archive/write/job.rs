//! A worker's job: opens items, reads them into folders, and deals with those that fail.
//!
//! A source may fail at any byte; that costs its item and no other. A folder with one item is withdrawn. A solid folder
//! never needs to be: an item is read completely before it enters, and one too large for that gets a folder of its own.

use super::folder_writer::{FolderWriter, HEAD_BYTES, ItemTag};
use super::run::{EntryRecord, READ_BYTES, Record, Run, Worker, panic_text};
use super::source::{self, Content, Opened};
use crate::codec::detect_filter;
use crate::item::{Metadata, SharedBytes};
use crate::pipeline::{PoolHandle, Reservation, Step};
use crate::{Error, ErrorKind, ErrorPolicy, FilterChoice, Item, Order, Result};
use par7z_format::{Entry, EntryKind};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// An item with its number and what is known of its size.
#[derive(Debug)]
pub(super) struct PlannedItem {
    pub(super) index: u64,
    pub(super) size: Option<u64>,
    pub(super) item: Item,
    /// How many times its source has failed.
    pub(super) failures: u32,
}

/// The items of one folder (or of several, if they turn out to need them).
#[derive(Debug)]
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) items: Vec<PlannedItem>,
    pub(super) solid: bool,
    pub(super) max_folder_bytes: u64,
}

/// Why an item is not in.
enum Failure {
    /// Its own source's fault: the others go on.
    Source(Error),
    /// The run cannot go on.
    Fatal(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

/// Runs a job to its end; whatever happens, its lane is finished.
pub(super) fn run_job(run: &Arc<Run>, pool: &PoolHandle<Worker>, worker: &mut Worker, job: Job) {
    let number = job.number;
    let result = run.tracker.active(worker, |worker| {
        let mut context = JobContext { run, pool, worker, job: number, next_stream: 0 };
        if job.solid { context.solid(job) } else { context.separate(job) }
    });
    if let Err(error) = result {
        run.fail(error);
    }
    run.ordered.finish(number);
}

struct JobContext<'run> {
    run: &'run Arc<Run>,
    pool: &'run PoolHandle<Worker>,
    worker: &'run mut Worker,
    job: u64,
    /// Folders begun in this job, withdrawn ones included: no IV is used twice.
    next_stream: u64,
}

impl<'run> JobContext<'run> {
    fn folder(&mut self, size_hint: Option<u64>, tag: Option<ItemTag>) -> Result<FolderWriter<'run>> {
        let stream = u128::from(self.job) << 64 | u128::from(self.next_stream);
        self.next_stream += 1;
        FolderWriter::new(self.run, self.pool, self.job, stream, size_hint, tag)
    }

    /// Each item a folder.
    fn separate(&mut self, job: Job) -> Result<()> {
        for mut planned in job.items {
            self.attempt(&mut planned, |context, planned| context.separate_item(planned))?;
        }
        Ok(())
    }

    /// Runs `work` for an item under the error policy. The result is `None` if the item failed for good.
    fn attempt<T>(
        &mut self,
        planned: &mut PlannedItem,
        mut work: impl FnMut(&mut Self, &mut PlannedItem) -> Result<T, Failure>,
    ) -> Result<Option<T>> {
        loop {
            self.run.check()?;
            self.run.tracker.started(planned.index, &planned.item.name, planned.size);
            let error = match work(self, planned) {
                Ok(result) => return Ok(Some(result)),
                Err(Failure::Fatal(error)) => return Err(error),
                Err(Failure::Source(error)) => error,
            };
            if !self.tries_again(planned, error)? {
                return Ok(None);
            }
        }
    }

    /// What the policy says about a failure: whether to try again.
    fn tries_again(&self, planned: &mut PlannedItem, error: Error) -> Result<bool> {
        planned.failures += 1;
        match self.run.options.error_policy {
            ErrorPolicy::Retry { times } if planned.failures <= times && source::can_reopen(&planned.item) => {
                self.run.tracker.retried(planned.index, &planned.item.name, &error, planned.failures);
                Ok(true)
            }
            ErrorPolicy::Abort => {
                self.run.tracker.tell_failed(planned.index, &planned.item.name, &error);
                Err(error.in_entry(&planned.item.name))
            }
            _ => {
                self.run.tracker.failed(planned.index, &planned.item.name, error);
                Ok(false)
            }
        }
    }

    fn open(&self, planned: &mut PlannedItem) -> Result<Opened, Failure> {
        check_name(&planned.item.name).map_err(Failure::Source)?;
        let open = AssertUnwindSafe(|| source::open(&mut planned.item, self.run.options.times, self.run.stop()));
        let opened = catch_unwind(open)
            .unwrap_or_else(|panic| Err(io::Error::other(format!("opening it panicked: {}", panic_text(&*panic)))));
        opened.map_err(|error| source_error("cannot open", error))
    }

    fn separate_item(&mut self, planned: &mut PlannedItem) -> Result<(), Failure> {
        let opened = self.open(planned)?;
        let metadata = self.metadata(opened.metadata);
        let name = planned.item.name.as_str();
        let mut reader = match opened.content {
            Content::Directory => {
                self.push_empty(entry(name, metadata, EntryKind::Directory, false));
                self.run.tracker.finished(planned.index, name, 0, Some(0), true);
                return Ok(());
            }
            Content::Bytes(bytes) => return Ok(self.separate_bytes(planned, &bytes, metadata)?),
            Content::Stream(reader) => reader,
        };
        let tag = ItemTag::new(planned.index, name);
        let mut folder = self.folder(opened.size.or(planned.size), Some(tag))?;
        match self.pump(&mut *reader, &[], &mut folder) {
            Ok((size, crc)) => self.finish_item(planned, folder, metadata, size, crc).map_err(Failure::Fatal),
            Err(failure) => {
                folder.withdraw();
                Err(failure)
            }
        }
    }

    /// A folder of its own for a caller's buffer, which is read in place.
    fn separate_bytes(&mut self, planned: &PlannedItem, bytes: &SharedBytes, metadata: Metadata) -> Result<()> {
        let content = (**bytes).as_ref();
        let size = content.len() as u64;
        let tag = ItemTag::new(planned.index, &planned.item.name);
        let mut folder = self.folder(Some(size), Some(tag))?;
        if size == 0 {
            return self.finish_item(planned, folder, metadata, 0, 0);
        }
        let entry = entry(&planned.item.name, metadata, EntryKind::File, true);
        folder.add_entry(EntryRecord { entry, content: Some((size, self.crc_of(content)?)) });
        let packed_bytes = folder.finish_shared(self.worker, bytes)?;
        self.run.tracker.finished(planned.index, &planned.item.name, size, Some(packed_bytes), false);
        Ok(())
    }

    /// The CRC-32 of a caller's buffer, which may be as large as the memory: in pieces, so that the run can be stopped.
    fn crc_of(&self, bytes: &[u8]) -> Result<u32> {
        let mut hasher = crc32fast::Hasher::new();
        for piece in bytes.chunks(READ_BYTES) {
            self.run.check()?;
            hasher.update(piece);
        }
        Ok(hasher.finalize())
    }

    /// Completes a folder that holds one item.
    fn finish_item(
        &mut self,
        planned: &PlannedItem,
        mut folder: FolderWriter<'run>,
        metadata: Metadata,
        size: u64,
        crc: u32,
    ) -> Result<()> {
        let entry = entry(&planned.item.name, metadata, EntryKind::File, size > 0);
        let packed_bytes = if size == 0 {
            folder.withdraw();
            self.push_empty(entry);
            0
        } else {
            folder.add_entry(EntryRecord { entry, content: Some((size, crc)) });
            folder.finish(self.worker)?
        };
        self.run.tracker.finished(planned.index, &planned.item.name, size, Some(packed_bytes), false);
        Ok(())
    }

    fn push_empty(&self, entry: Entry) {
        self.run.ordered.push(self.job, Step::Record(Record::Empty(entry)));
    }

    /// Reads `reader` to its end into the folder, after the `head` that was read before; gives size and CRC-32.
    fn pump(
        &mut self,
        reader: &mut dyn Read,
        head: &[u8],
        folder: &mut FolderWriter<'run>,
    ) -> Result<(u64, u32), Failure> {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(head);
        folder.write(self.worker, head)?;
        let mut size = head.len() as u64;
        let mut buffer = self.worker.take_read_buffer();
        loop {
            let count = read_some(self.run, reader, &mut buffer)?;
            if count == 0 {
                self.worker.return_read_buffer(buffer);
                return Ok((size, hasher.finalize()));
            }
            hasher.update(&buffer[..count]);
            folder.write(self.worker, &buffer[..count])?;
            size += count as u64;
        }
    }

    /// All items in one folder, as far as they fit.
    fn solid(&mut self, job: Job) -> Result<()> {
        let mut open: Option<SolidFolder<'run>> = None;
        for mut planned in job.items {
            let read = self.attempt(&mut planned, |context, planned| context.read_ahead(planned, &mut open))?;
            let Some(read) = read else { continue };
            let (index, name) = (planned.index, planned.item.name.as_str());
            match read.content {
                ReadAhead::Directory => {
                    self.add_empty(&mut open, entry(name, read.metadata, EntryKind::Directory, false));
                    self.run.tracker.finished(index, name, 0, Some(0), true);
                }
                ReadAhead::Empty => {
                    self.add_empty(&mut open, entry(name, read.metadata, EntryKind::File, false));
                    self.run.tracker.finished(index, name, 0, Some(0), false);
                }
                ReadAhead::Complete(bytes) => {
                    self.add_to_solid(&mut open, &planned, &bytes, read.metadata, job.max_folder_bytes)?;
                }
                ReadAhead::Shared(bytes) => {
                    let bytes = (*bytes).as_ref();
                    self.add_to_solid(&mut open, &planned, bytes, read.metadata, job.max_folder_bytes)?;
                }
                ReadAhead::TooLargeShared(bytes) => {
                    self.close_solid(&mut open)?;
                    self.separate_bytes(&planned, &bytes, read.metadata)?;
                }
                ReadAhead::TooLarge(head, reader) => {
                    self.close_solid(&mut open)?;
                    self.large_item(&mut planned, head, reader, read.metadata)?;
                }
            }
        }
        self.close_solid(&mut open)
    }

    fn add_empty(&self, open: &mut Option<SolidFolder<'run>>, entry: Entry) {
        match open {
            Some(solid) => solid.folder.add_entry(EntryRecord { entry, content: None }),
            None => self.push_empty(entry),
        }
    }

    fn add_to_solid(
        &mut self,
        open: &mut Option<SolidFolder<'run>>,
        planned: &PlannedItem,
        bytes: &[u8],
        metadata: Metadata,
        max_folder_bytes: u64,
    ) -> Result<()> {
        let filter = match self.run.options.filters {
            FilterChoice::Auto if !self.run.stores() => detect_filter(&bytes[..bytes.len().min(HEAD_BYTES)]),
            _ => None,
        };
        let size = bytes.len() as u64;
        let fits = |solid: &SolidFolder<'_>| {
            solid.filter == filter && solid.folder.unpacked_bytes() + size <= max_folder_bytes
        };
        if open.as_ref().is_some_and(|solid| !fits(solid)) {
            self.close_solid(open)?;
        }
        if open.is_none() {
            let mut folder = self.folder(None, None)?;
            if self.run.options.filters == FilterChoice::Auto {
                folder.set_filters(filter.into_iter().collect());
            }
            *open = Some(SolidFolder { folder, filter, items: Vec::new() });
        }
        let Some(solid) = open else { return Ok(()) };
        solid.folder.write(self.worker, bytes)?;
        let entry = entry(&planned.item.name, metadata, EntryKind::File, true);
        solid.folder.add_entry(EntryRecord { entry, content: Some((size, crc32fast::hash(bytes))) });
        solid.items.push((planned.index, planned.item.name.as_str().into(), size));
        Ok(())
    }

    /// Completes the open solid folder; its items are done with it.
    fn close_solid(&mut self, open: &mut Option<SolidFolder<'run>>) -> Result<()> {
        let Some(solid) = open.take() else { return Ok(()) };
        solid.folder.finish(self.worker)?;
        for (index, name, size) in solid.items {
            self.run.tracker.finished(index, &name, size, None, false);
        }
        Ok(())
    }

    /// Opens an item and reads it, if it is not too large to be read ahead.
    fn read_ahead(
        &mut self,
        planned: &mut PlannedItem,
        open: &mut Option<SolidFolder<'run>>,
    ) -> Result<ReadItem, Failure> {
        let opened = self.open(planned)?;
        let metadata = self.metadata(opened.metadata);
        let limit = self.run.block_bytes;
        let mut reader: Box<dyn Read + Send> = match opened.content {
            Content::Directory => return Ok(ReadItem { content: ReadAhead::Directory, metadata }),
            Content::Bytes(bytes) => {
                // Read already. Which ones are too large must not depend on where the bytes come from.
                let content = match (*bytes).as_ref().len() as u64 {
                    0 => ReadAhead::Empty,
                    size if size < limit => ReadAhead::Shared(bytes),
                    _ => ReadAhead::TooLargeShared(bytes),
                };
                return Ok(ReadItem { content, metadata });
            }
            Content::Stream(reader) => reader,
        };
        let mut buffer = Vec::new();
        let mut reservation: Option<Reservation> = None;
        loop {
            self.run.check()?;
            if buffer.len() as u64 >= limit {
                let content = ReadAhead::TooLarge(Buffer { bytes: buffer, _reservation: reservation }, reader);
                return Ok(ReadItem { content, metadata });
            }
            let filled = buffer.len();
            // One byte more than expected, so that the end shows without another round.
            let expected = opened.size.map_or(0, |size| (size as usize).saturating_add(1));
            let target = expected.max(filled * 2).clamp(filled + 4096, (limit as usize).max(filled + 4096));
            let wanted = (target - filled) as u64;
            let more = match open {
                // Slices of the open folder may hold the memory that this waits for.
                Some(solid) => solid.folder.wait_for_memory(wanted)?,
                None => self.run.budget.reserve(self.job, wanted, self.elects()).map_err(Error::from)?,
            };
            match &mut reservation {
                Some(reservation) => reservation.absorb(more),
                none => *none = Some(more),
            }
            buffer.resize(target, 0);
            let (count, ended) = fill(self.run, &mut *reader, &mut buffer[filled..])?;
            buffer.truncate(filled + count);
            if ended {
                let content = match buffer.len() {
                    0 => ReadAhead::Empty,
                    _ => ReadAhead::Complete(Buffer { bytes: buffer, _reservation: reservation }),
                };
                return Ok(ReadItem { content, metadata });
            }
        }
    }

    fn elects(&self) -> bool {
        self.run.options.order == Order::Completion
    }

    /// An item that is too large for a solid folder: a folder of its own. If it fails, it cannot be told from the
    /// attempt before, which has ended well, so the policy is asked once more here.
    fn large_item(
        &mut self,
        planned: &mut PlannedItem,
        head: Buffer,
        reader: Box<dyn Read + Send>,
        metadata: Metadata,
    ) -> Result<()> {
        let tag = ItemTag::new(planned.index, &planned.item.name);
        let mut folder = self.folder(planned.size, Some(tag))?;
        let mut reader = reader;
        let result = self.pump(&mut *reader, &head, &mut folder);
        drop(head);
        match result {
            Ok((size, crc)) => self.finish_item(planned, folder, metadata, size, crc),
            Err(failure) => {
                folder.withdraw();
                let error = match failure {
                    Failure::Fatal(error) => return Err(error),
                    Failure::Source(error) => error,
                };
                if self.tries_again(planned, error)? {
                    self.attempt(planned, |context, planned| context.separate_item(planned))?;
                }
                Ok(())
            }
        }
    }

    /// What of the metadata is stored.
    fn metadata(&self, metadata: Metadata) -> Metadata {
        let attributes = if self.run.options.attributes { metadata.attributes } else { None };
        Metadata { attributes, ..metadata }
    }
}

/// A solid folder that takes items.
struct SolidFolder<'run> {
    folder: FolderWriter<'run>,
    filter: Option<crate::Filter>,
    items: Vec<(u64, Box<str>, u64)>,
}

struct ReadItem {
    content: ReadAhead,
    metadata: Metadata,
}

enum ReadAhead {
    Directory,
    Empty,
    Complete(Buffer),
    /// A caller's buffer, not too large.
    Shared(SharedBytes),
    TooLargeShared(SharedBytes),
    /// The first bytes, and the stream that has more.
    TooLarge(Buffer, Box<dyn Read + Send>),
}

/// Bytes with their reservation.
struct Buffer {
    bytes: Vec<u8>,
    _reservation: Option<Reservation>,
}

impl std::ops::Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

fn entry(name: &str, metadata: Metadata, kind: EntryKind, has_stream: bool) -> Entry {
    Entry {
        name: Some(name.into()),
        kind,
        has_stream,
        created: metadata.created,
        accessed: metadata.accessed,
        modified: metadata.modified,
        attributes: metadata.attributes,
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOption, "an item needs a name"));
    }
    if name.contains('\0') {
        return Err(Error::new(ErrorKind::InvalidOption, "a name cannot hold a NUL character: 7z ends names with it"));
    }
    Ok(())
}

fn source_error(what: &str, error: io::Error) -> Failure {
    let is_ours = error.get_ref().is_some_and(|inner| inner.is::<Error>());
    if is_ours {
        let error = Error::io(what, error);
        // A source that heeds the run's token: nothing is wrong with the item.
        return if error.kind() == ErrorKind::Cancelled { Failure::Fatal(error) } else { Failure::Source(error) };
    }
    Failure::Source(Error::new(ErrorKind::Source, what).with_source(error))
}

/// One read, retried while it is interrupted and the run goes on. A reader that panics has failed like one that says so.
fn read_some(run: &Run, reader: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, Failure> {
    loop {
        run.check()?;
        match catch_unwind(AssertUnwindSafe(|| reader.read(buffer))) {
            Ok(Ok(count)) if count <= buffer.len() => return Ok(count),
            Ok(Ok(_)) => return Err(source_error("cannot read", io::Error::other("it read more than it was given"))),
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(source_error("cannot read", error)),
            Err(panic) => {
                let text = format!("the reader panicked: {}", panic_text(&*panic));
                return Err(source_error("cannot read", io::Error::other(text)));
            }
        }
    }
}

/// Fills the buffer as far as the stream goes; says whether the stream has ended.
fn fill(run: &Run, reader: &mut dyn Read, buffer: &mut [u8]) -> Result<(usize, bool), Failure> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_some(run, reader, &mut buffer[filled..])? {
            0 => return Ok((filled, true)),
            count => filled += count,
        }
    }
    Ok((filled, false))
}
