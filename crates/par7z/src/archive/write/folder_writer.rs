//! One folder on its way from unpacked bytes to the ordered queue: filter → encoder → cipher → chunks.
//!
//! What is written is gathered into a *slice*. If the folder ends within the first slice, it is encoded whole, and stored
//! instead where that is smaller. Otherwise it depends on the method:
//!
//! - Methods whose slices join (LZMA2) hand each full slice to the pool as an urgent task; the packed slices are put
//!   together in order here, so one large item keeps every worker busy.
//! - Other methods stream: each full slice goes through this worker's encoder.
//!
//! Slice borders depend on the options and the data alone, so the bytes do not depend on the number of threads.
//!
//! A caller's buffer is not gathered: its slices, cut at the same borders, are read where they are. Only a filter makes
//! copies of them, one at a time.
//!
//! Memory: the slice being gathered is reserved twice, for itself and for what it packs to; the packed chunk keeps what
//! it needs of that reservation until it is written. A slice of a caller's buffer is reserved once, for what it packs to,
//! or twice if it is filtered. A folder that must wait for memory first pushes the slices of its
//! own that are done, so the head can always move.

use super::run::{EntryRecord, Record, Run, Worker, internal};
use crate::codec::{
    Encoder, FilterEncoder, PIECE_BYTES, StreamEnd, detect_filter, filter_coder, filter_encoder, is_incompressible,
};
use crate::crypto::CbcEncryptor;
use crate::item::SharedBytes;
use crate::pipeline::{PoolHandle, Reservation, Step};
use crate::{Error, Filter, FilterChoice, Result};
use crossbeam_channel::{Receiver, Sender, unbounded};
use par7z_format::{Coder, Folder, MethodId};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Packed bytes that a streaming encoder gathers before they are queued.
const CHUNK_BYTES: usize = 256 << 10;
/// The smallest reservation for input of unknown size.
const FIRST_RESERVATION_BYTES: u64 = 64 << 10;
/// What encoding may add to a few incompressible bytes.
const SLACK_BYTES: u64 = 1 << 10;
/// How often an item's progress is told.
const PROGRESS_BYTES: u64 = 1 << 20;
/// How much of the content decides about its filter.
pub(super) const HEAD_BYTES: usize = 4 << 10;

/// Whose progress a slice is.
#[derive(Debug, Clone)]
pub(super) struct ItemTag {
    index: u64,
    name: Arc<str>,
    /// Bytes done, by all workers that have a slice of it.
    done: Arc<AtomicU64>,
    /// What they packed to.
    packed: Arc<AtomicU64>,
    /// No more than so many packed bytes are told: a folder that is encoded whole is stored if it grows.
    most_packed: u64,
}

impl ItemTag {
    pub(super) fn new(index: u64, name: &str) -> Self {
        Self { index, name: name.into(), done: Arc::default(), packed: Arc::default(), most_packed: u64::MAX }
    }
}

/// A slice's way back from the worker that packed it.
struct PackedSlice {
    number: u64,
    /// The packed bytes, and the coder that unpacks them: the same for every slice of a folder.
    packed: Result<(Coder, Vec<u8>)>,
    reservation: Option<Reservation>,
}

/// What a slice is packed from.
enum SliceInput {
    Own(Vec<u8>),
    /// A part of a caller's buffer.
    Shared(SharedBytes, Range<usize>),
}

impl SliceInput {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes, range) => &(**bytes).as_ref()[range.clone()],
        }
    }
}

/// Slices that are out, and those that came back before their turn.
struct Slices {
    sender: Sender<PackedSlice>,
    results: Receiver<PackedSlice>,
    early: BTreeMap<u64, PackedSlice>,
    next_out: u64,
    next_back: u64,
    coder: Option<Coder>,
}

enum Stage {
    /// Everything so far is in `pending`.
    Gathering,
    Sliced(Slices),
    /// The worker's encoder is in the middle of the folder's stream.
    Streaming {
        coder: Coder,
        packed: Vec<u8>,
    },
}

/// A folder being written.
pub(super) struct FolderWriter<'run> {
    run: &'run Arc<Run>,
    pool: &'run PoolHandle<Worker>,
    job: u64,
    size_hint: Option<u64>,
    slice_bytes: u64,
    pending: Vec<u8>,
    reservation: Option<Reservation>,
    stage: Stage,
    /// Decided when the first bytes leave `pending`.
    filters: Option<Vec<Filter>>,
    filter_chain: Vec<Box<dyn FilterEncoder>>,
    cipher: Option<(Coder, CbcEncryptor)>,
    /// Packed bytes that do not fill a cipher block yet.
    cipher_tail: Vec<u8>,
    entries: Vec<EntryRecord>,
    tag: Option<ItemTag>,
    unpacked_bytes: u64,
    encoded_bytes: u64,
    /// Output of the compressor, before the cipher pads it.
    compressed_bytes: u64,
    packed_bytes: u64,
}

impl<'run> FolderWriter<'run> {
    /// Begins a folder of job `job`. `stream_number` is used once in a run: the cipher's IV depends on it. `size_hint` is
    /// its unpacked size if known; `tag` the item whose progress it is, if it is one item's.
    pub(super) fn new(
        run: &'run Arc<Run>,
        pool: &'run PoolHandle<Worker>,
        job: u64,
        stream_number: u128,
        size_hint: Option<u64>,
        tag: Option<ItemTag>,
    ) -> Result<Self> {
        Ok(Self {
            cipher: run.cipher.as_ref().map(|cipher| cipher.start(stream_number)).transpose()?,
            slice_bytes: even_slices(size_hint, run.slice_bytes),
            run,
            pool,
            job,
            size_hint,
            pending: Vec::new(),
            reservation: None,
            stage: Stage::Gathering,
            filters: None,
            filter_chain: Vec::new(),
            cipher_tail: Vec::new(),
            entries: Vec::new(),
            tag,
            unpacked_bytes: 0,
            encoded_bytes: 0,
            compressed_bytes: 0,
            packed_bytes: 0,
        })
    }

    /// Decides the filters beforehand instead of by the first bytes.
    pub(super) fn set_filters(&mut self, filters: Vec<Filter>) {
        self.filters = Some(filters);
    }

    /// Unpacked bytes so far.
    pub(super) fn unpacked_bytes(&self) -> u64 {
        self.unpacked_bytes
    }

    /// Adds an entry; its content, if any, was written just before.
    pub(super) fn add_entry(&mut self, entry: EntryRecord) {
        self.entries.push(entry);
    }

    /// Takes unpacked bytes.
    pub(super) fn write(&mut self, worker: &mut Worker, mut bytes: &[u8]) -> Result<()> {
        self.unpacked_bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = (self.slice_bytes as usize).saturating_sub(self.pending.len());
            if room == 0 {
                self.flush_slice(worker, StreamEnd::Joined)?;
                continue;
            }
            let (part, rest) = bytes.split_at(room.min(bytes.len()));
            self.reserve_for(worker, self.pending.len() as u64 + part.len() as u64)?;
            self.pending.extend_from_slice(part);
            bytes = rest;
        }
        Ok(())
    }

    /// Makes sure that a slice of `bytes`, and what it packs to, is reserved.
    fn reserve_for(&mut self, worker: &mut Worker, bytes: u64) -> Result<()> {
        let reserved = self.reservation.as_ref().map_or(0, Reservation::bytes);
        if slice_memory(bytes) <= reserved {
            return Ok(());
        }
        // In few steps: at once all that is known to come, else twice as much each time.
        let known = self.size_hint.map_or(0, |size| size.saturating_sub(self.encoded_bytes));
        let likely = if known >= bytes { known } else { bytes.next_power_of_two().max(FIRST_RESERVATION_BYTES) };
        let likely = likely.min(self.slice_bytes).max(bytes);
        let more = self.wait_for_memory(worker, slice_memory(likely) - reserved)?;
        match &mut self.reservation {
            Some(reservation) => reservation.absorb(more),
            none => *none = Some(more),
        }
        self.pending.reserve_exact((likely as usize).saturating_sub(self.pending.len()));
        Ok(())
    }

    /// Reserves, pushing own slices that are done before waiting: they may be what the memory is needed for.
    pub(super) fn wait_for_memory(&mut self, worker: &mut Worker, bytes: u64) -> Result<Reservation> {
        loop {
            if let Some(reservation) = self.run.budget.try_reserve(self.job, bytes) {
                return Ok(reservation);
            }
            if !self.take_back_slice(worker)? {
                let elect = self.run.options.order == crate::Order::Completion;
                return Ok(self.run.budget.reserve(self.job, bytes, elect)?);
            }
        }
    }

    /// Filters `pending`, in place as far as the caller can tell. `last`: no more bytes follow.
    fn filter_pending(&mut self, last: bool) -> Result<()> {
        if self.filters.is_none() {
            self.filters = Some(self.choose_filters(&self.pending));
        }
        let content = std::mem::take(&mut self.pending);
        self.pending = self.filter(Cow::Owned(content), last)?.into_owned();
        Ok(())
    }

    /// Runs the folder's next bytes through its filters, which must be decided.
    fn filter<'a>(&mut self, mut content: Cow<'a, [u8]>, last: bool) -> Result<Cow<'a, [u8]>> {
        if self.filter_chain.is_empty() {
            self.filter_chain = self.filters.iter().flatten().map(filter_encoder).collect();
        }
        for filter in &mut self.filter_chain {
            let mut filtered = Vec::with_capacity(content.len() + 64);
            filter.write(&content, &mut filtered)?;
            if last {
                filter.finish(&mut filtered)?;
            }
            content = Cow::Owned(filtered);
        }
        Ok(content)
    }

    fn choose_filters(&self, content: &[u8]) -> Vec<Filter> {
        match &self.run.options.filters {
            _ if self.run.stores() => Vec::new(),
            FilterChoice::Off => Vec::new(),
            FilterChoice::Chain(chain) => chain.clone(),
            FilterChoice::Auto => detect_filter(&content[..content.len().min(HEAD_BYTES)]).into_iter().collect(),
        }
    }

    /// Sends the gathered slice on.
    fn flush_slice(&mut self, worker: &mut Worker, end: StreamEnd) -> Result<()> {
        self.filter_pending(end == StreamEnd::Final)?;
        self.leave_gathering(worker)?;
        let input = std::mem::take(&mut self.pending);
        if matches!(self.stage, Stage::Sliced(_)) {
            let reservation = self.reservation.take();
            return self.share_slice(SliceInput::Own(input), reservation, end);
        }
        self.stream(worker, &input, end)?;
        self.pending = input;
        self.pending.clear();
        Ok(())
    }

    /// Begins to encode, if that has not begun.
    fn leave_gathering(&mut self, worker: &mut Worker) -> Result<()> {
        if !matches!(self.stage, Stage::Gathering) {
            return Ok(());
        }
        self.stage = if self.run.method.joins_slices() {
            let (sender, results) = unbounded();
            Stage::Sliced(Slices { sender, results, early: BTreeMap::new(), next_out: 0, next_back: 0, coder: None })
        } else {
            let coder = worker.encoder(&self.run.method).begin(self.size_hint)?;
            Stage::Streaming { coder, packed: Vec::new() }
        };
        Ok(())
    }

    /// Hands a slice to the pool.
    fn share_slice(&mut self, input: SliceInput, mut reservation: Option<Reservation>, end: StreamEnd) -> Result<()> {
        let Stage::Sliced(slices) = &mut self.stage else { return Err(internal("slices of a stream")) };
        let number = slices.next_out;
        slices.next_out += 1;
        let (run, sender, tag) = (Arc::clone(self.run), slices.sender.clone(), self.tag.clone());
        self.encoded_bytes += input.bytes().len() as u64;
        // Every slice says the same dictionary: that of a full one.
        let declared_bytes = self.slice_bytes;
        self.pool.share(Box::new(move |worker| {
            let packed = run.tracker.active(worker, |worker| {
                let (encoder, input) = (worker.encoder(&run.method), input.bytes());
                pack(&run, encoder, declared_bytes, input, !is_incompressible(input), end, tag.as_ref())
            });
            drop(input);
            if let (Ok((_, packed)), Some(reservation)) = (&packed, &mut reservation) {
                reservation.shrink_to(packed.len() as u64);
            }
            // The folder's owner is gone only if the run has ended.
            let _ = sender.send(PackedSlice { number, packed, reservation });
        }));
        Ok(())
    }

    /// Waits for the next slice in order (helping with others meanwhile) and queues it. `false`: none is out.
    fn take_back_slice(&mut self, worker: &mut Worker) -> Result<bool> {
        let Stage::Sliced(slices) = &mut self.stage else { return Ok(false) };
        if slices.next_back == slices.next_out {
            return Ok(false);
        }
        let slice = loop {
            if let Some(slice) = slices.early.remove(&slices.next_back) {
                break slice;
            }
            let Some(slice) = self.pool.help(&slices.results, worker) else {
                return Err(internal("a slice got lost"));
            };
            slices.early.insert(slice.number, slice);
        };
        slices.next_back += 1;
        let (coder, packed) = slice.packed?;
        slices.coder = Some(coder);
        self.queue(packed, slice.reservation)?;
        Ok(true)
    }

    /// Feeds a slice to this worker's encoder.
    fn stream(&mut self, worker: &mut Worker, input: &[u8], end: StreamEnd) -> Result<()> {
        for piece in input.chunks(PIECE_BYTES) {
            let Stage::Streaming { packed, .. } = &mut self.stage else { return Err(internal("no stream")) };
            encode(self.run, worker.encoder(&self.run.method), piece, packed, self.tag.as_ref())?;
            self.encoded_bytes += piece.len() as u64;
            self.queue_stream_chunk(worker, CHUNK_BYTES)?;
        }
        if end == StreamEnd::Final {
            let Stage::Streaming { packed, .. } = &mut self.stage else { return Err(internal("no stream")) };
            end_stream(worker.encoder(&self.run.method), StreamEnd::Final, packed, self.tag.as_ref())?;
            self.queue_stream_chunk(worker, 1)?;
        }
        Ok(())
    }

    /// Queues what the streaming encoder has made, if it is at least so much.
    fn queue_stream_chunk(&mut self, worker: &mut Worker, at_least_bytes: usize) -> Result<()> {
        let Stage::Streaming { packed, .. } = &mut self.stage else { return Err(internal("no stream")) };
        if packed.len() < at_least_bytes {
            return Ok(());
        }
        let chunk = std::mem::take(packed);
        let reservation = self.wait_for_memory(worker, chunk.len() as u64)?;
        self.queue(chunk, Some(reservation))
    }

    /// Encrypts packed bytes as far as they fill blocks, and queues them.
    fn queue(&mut self, mut chunk: Vec<u8>, reservation: Option<Reservation>) -> Result<()> {
        self.compressed_bytes += chunk.len() as u64;
        if let Some((_, cipher)) = &mut self.cipher {
            if !self.cipher_tail.is_empty() {
                chunk.splice(0..0, self.cipher_tail.drain(..));
            }
            self.cipher_tail.extend(chunk.drain(chunk.len() / 16 * 16..));
            cipher.encrypt(&mut chunk);
        }
        self.push(chunk, reservation)
    }

    fn push(&mut self, chunk: Vec<u8>, reservation: Option<Reservation>) -> Result<()> {
        self.run.check()?;
        if !chunk.is_empty() {
            self.packed_bytes += chunk.len() as u64;
            self.run.tracker.packed(chunk.len() as u64);
            self.run.ordered.push(self.job, Step::Bytes(chunk, reservation));
        }
        Ok(())
    }

    /// Completes the folder: queues what is left, and its record. Gives its packed bytes.
    pub(super) fn finish(mut self, worker: &mut Worker) -> Result<u64> {
        if matches!(self.stage, Stage::Gathering) {
            let content = std::mem::take(&mut self.pending);
            return self.finish_whole(worker, &content);
        }
        self.flush_slice(worker, StreamEnd::Final)?;
        self.finish_slices(worker)
    }

    /// Queues the slices that are still out, and the record.
    fn finish_slices(mut self, worker: &mut Worker) -> Result<u64> {
        while self.take_back_slice(worker)? {}
        let coder = match &mut self.stage {
            Stage::Streaming { coder, .. } => Some(coder.clone()),
            Stage::Sliced(slices) => slices.coder.take(),
            Stage::Gathering => None,
        };
        self.complete(coder.ok_or_else(|| internal("a folder without a coder"))?)
    }

    /// Encodes and completes a folder whose content is a caller's buffer (not an empty one), read in place. The result
    /// is that of writing it bit by bit. Gives the folder's packed bytes.
    pub(super) fn finish_shared(mut self, worker: &mut Worker, shared: &SharedBytes) -> Result<u64> {
        let content = (**shared).as_ref();
        let filters = self.filters.take().unwrap_or_else(|| self.choose_filters(content));
        let is_filtered = !filters.is_empty();
        self.filters = Some(filters);
        // The content is the caller's; what it packs to is ours, and so is a filtered copy.
        let memory = if is_filtered { slice_memory } else { packed_bound };
        if content.len() as u64 <= self.slice_bytes {
            self.reservation = Some(self.wait_for_memory(worker, memory(content.len() as u64))?);
            return self.finish_whole(worker, content);
        }
        self.unpacked_bytes = content.len() as u64;
        self.leave_gathering(worker)?;
        let mut start = 0;
        while start < content.len() {
            let range = start..content.len().min(start + self.slice_bytes as usize);
            let slice = &content[range.clone()];
            let end = if range.end == content.len() { StreamEnd::Final } else { StreamEnd::Joined };
            start = range.end;
            if matches!(self.stage, Stage::Sliced(_)) {
                let reservation = self.wait_for_memory(worker, memory(slice.len() as u64))?;
                let input = match self.filter(Cow::Borrowed(slice), end == StreamEnd::Final)? {
                    Cow::Owned(filtered) => SliceInput::Own(filtered),
                    Cow::Borrowed(_) => SliceInput::Shared(Arc::clone(shared), range),
                };
                self.share_slice(input, Some(reservation), end)?;
            } else {
                // What a stream packs to is reserved as it comes, a filtered copy before it is made.
                let _copy = if is_filtered {
                    Some(self.wait_for_memory(worker, slice_memory(slice.len() as u64))?)
                } else {
                    None
                };
                let slice = self.filter(Cow::Borrowed(slice), end == StreamEnd::Final)?;
                self.stream(worker, &slice, end)?;
            }
        }
        self.finish_slices(worker)
    }

    /// Encodes and completes a folder whose content is all here and for which all memory is reserved. Gives its packed
    /// bytes.
    fn finish_whole(mut self, worker: &mut Worker, content: &[u8]) -> Result<u64> {
        self.unpacked_bytes = content.len() as u64;
        let filters = self.filters.take().unwrap_or_else(|| self.choose_filters(content));
        let filtered =
            if filters.is_empty() { Cow::Borrowed(content) } else { apply_filters(&filters, content)?.into() };
        if let Some(tag) = &mut self.tag
            && !self.run.stores()
        {
            tag.most_packed = content.len() as u64;
        }
        let encoder = worker.encoder(&self.run.method);
        let packed = if self.run.stores() || !is_incompressible(&filtered) {
            let size = content.len() as u64;
            Some(pack(self.run, encoder, size, &filtered, true, StreamEnd::Final, self.tag.as_ref())?)
        } else {
            count_encoded(self.run, content.len() as u64, content.len() as u64, self.tag.as_ref());
            None
        };
        self.encoded_bytes = content.len() as u64;
        let (coder, packed) = match packed {
            Some((coder, packed)) if packed.len() < content.len() || self.run.stores() => {
                self.filters = Some(filters);
                (coder, packed)
            }
            _ => {
                self.filters = Some(Vec::new());
                (Coder { method: MethodId::COPY, inputs: 1, properties: Box::default() }, content.to_vec())
            }
        };
        let mut reservation = self.reservation.take();
        if let Some(reservation) = &mut reservation {
            reservation.shrink_to(packed.len() as u64);
        }
        self.queue(packed, reservation)?;
        self.complete(coder)
    }

    /// Ends the cipher and queues the record. Gives the folder's packed bytes.
    fn complete(mut self, method: Coder) -> Result<u64> {
        // In the order in which a reader undoes them, as 7-Zip stores them: cipher, compressor, filters.
        let filters = self.filters.as_deref().unwrap_or_default();
        let mut coders: Vec<Coder> = std::iter::once(method).chain(filters.iter().rev().map(filter_coder)).collect();
        let mut unpack_sizes = vec![self.unpacked_bytes; coders.len()];
        if let Some((coder, mut cipher)) = self.cipher.take() {
            coders.insert(0, coder);
            unpack_sizes.insert(0, self.compressed_bytes);
            if !self.cipher_tail.is_empty() {
                let mut block = std::mem::take(&mut self.cipher_tail);
                block.resize(16, 0);
                cipher.encrypt(&mut block);
                self.push(block, None)?;
            }
        }
        let record = Record::Folder {
            folder: Arc::new(Folder::chain(coders)),
            unpack_sizes: unpack_sizes.into_boxed_slice(),
            packed_bytes: self.packed_bytes,
            entries: std::mem::take(&mut self.entries),
        };
        self.run.ordered.push(self.job, Step::Record(record));
        Ok(self.packed_bytes)
    }

    /// Takes the folder back, as if it had never begun.
    pub(super) fn withdraw(self, worker: &mut Worker) {
        if let Stage::Sliced(slices) = &self.stage {
            // Slices still out count their bytes when they are encoded: wait for them before taking the count back.
            for _ in slices.next_back + slices.early.len() as u64..slices.next_out {
                self.pool.help(&slices.results, worker);
            }
        }
        self.run.ordered.withdraw(self.job);
        self.run.tracker.withdrawn(self.encoded_bytes, self.packed_bytes);
    }
}

/// Packs `input`, the whole of a stream or slice that is declared as `declared_bytes` long. What does not `shrink` is stored
/// in the method's own way.
fn pack(
    run: &Run,
    encoder: &mut dyn Encoder,
    declared_bytes: u64,
    input: &[u8],
    shrinks: bool,
    end: StreamEnd,
    tag: Option<&ItemTag>,
) -> Result<(Coder, Vec<u8>)> {
    run.check()?;
    let coder = encoder.begin(Some(declared_bytes))?;
    let mut packed = Vec::with_capacity(packed_bound(input.len() as u64) as usize);
    let (mut counted_bytes, mut counted_packed_bytes) = (0, 0);
    let mut watch = |bytes, packed_bytes| {
        run.check()?;
        (counted_bytes, counted_packed_bytes) = (counted_bytes + bytes, counted_packed_bytes + packed_bytes);
        count_encoded(run, bytes as u64, packed_bytes as u64, tag);
        Ok(())
    };
    if shrinks {
        encoder.pack(input, end, &mut packed, &mut watch)?;
    } else {
        encoder.store(input, end, &mut packed, &mut watch)?;
    }
    count_encoded(run, (input.len() - counted_bytes) as u64, (packed.len() - counted_packed_bytes) as u64, tag);
    // A small result in a large buffer would hold memory that nobody counts.
    packed.shrink_to_fit();
    Ok((coder, packed))
}

/// Feeds `input` to an encoder in pieces, looking at the stop flag and counting between them.
fn encode(
    run: &Run,
    encoder: &mut dyn Encoder,
    input: &[u8],
    packed: &mut Vec<u8>,
    tag: Option<&ItemTag>,
) -> Result<()> {
    for piece in input.chunks(PIECE_BYTES) {
        run.check()?;
        let packed_before = packed.len();
        encoder.write(piece, packed)?;
        count_encoded(run, piece.len() as u64, (packed.len() - packed_before) as u64, tag);
    }
    Ok(())
}

/// Ends an encoder's stream, counting what comes out last.
fn end_stream(encoder: &mut dyn Encoder, end: StreamEnd, packed: &mut Vec<u8>, tag: Option<&ItemTag>) -> Result<()> {
    let packed_before = packed.len();
    encoder.finish(end, packed)?;
    if let Some(tag) = tag {
        tag.packed.fetch_add((packed.len() - packed_before) as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// Counts unpacked bytes that are encoded and what they packed to, and tells the item's progress.
fn count_encoded(run: &Run, bytes: u64, packed_bytes: u64, tag: Option<&ItemTag>) {
    run.tracker.encoded(bytes);
    if let Some(tag) = tag {
        let packed = tag.packed.fetch_add(packed_bytes, Ordering::Relaxed) + packed_bytes;
        let done = tag.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if done / PROGRESS_BYTES > (done - bytes) / PROGRESS_BYTES {
            run.tracker.progressed(tag.index, &tag.name, done, packed.min(tag.most_packed));
        }
    }
}

fn apply_filters(filters: &[Filter], content: &[u8]) -> Result<Vec<u8>, Error> {
    let mut data = Vec::new();
    for (number, filter) in filters.iter().enumerate() {
        let mut filtered = Vec::with_capacity(content.len() + 64);
        let mut encoder = filter_encoder(filter);
        encoder.write(if number == 0 { content } else { &data }, &mut filtered)?;
        encoder.finish(&mut filtered)?;
        data = filtered;
    }
    Ok(data)
}

/// Memory of a slice of `bytes`: itself and what it packs to.
fn slice_memory(bytes: u64) -> u64 {
    bytes + packed_bound(bytes)
}

/// The most that `bytes` pack to, for all methods. A buffer of that capacity never grows, and the part of it that is not
/// needed is never touched, so costs no memory.
fn packed_bound(bytes: u64) -> u64 {
    bytes + bytes / 64 + SLACK_BYTES
}

/// The slice size for a folder of `size` bytes: at most `max`, and even, so that the last slice is not a small rest that
/// one worker packs while the others are idle.
fn even_slices(size: Option<u64>, max: u64) -> u64 {
    match size {
        Some(size) if size > max => size.div_ceil(size.div_ceil(max)),
        _ => max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_even_and_bounded() {
        assert_eq!(even_slices(None, 100), 100);
        assert_eq!(even_slices(Some(100), 100), 100);
        assert_eq!(even_slices(Some(101), 100), 51);
        assert_eq!(even_slices(Some(1000), 300), 250);
    }
}
