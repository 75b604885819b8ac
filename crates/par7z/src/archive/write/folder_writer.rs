//! One folder on its way from unpacked bytes to the ordered queue: filter → encoder → cipher → chunks.
//!
//! What is written is gathered into a *block*. If the folder ends within the first block and is small, it is encoded whole, and
//! stored instead where that is smaller. Otherwise it depends on the method:
//!
//! - LZMA2 cuts each full block into slices, which all workers pack at the same time ([`super::block`]). What one may refer to
//!   is the whole block, and the end of the block before: its history, which stays in front of the next one.
//! - Other methods stream: each full block goes through this worker's encoder.
//!
//! The borders of blocks and slices depend on the options and the data alone, so the bytes do not depend on the number of
//! threads.
//!
//! A caller's buffer is not gathered: its blocks, cut at the same borders, are read where they are. Only a filter makes
//! copies of them, one at a time.
//!
//! Memory: the block being gathered is reserved twice, for itself and for what it packs to, and its history once more; packed
//! chunks take what they need of that reservation along until they are written. A block of a caller's buffer is reserved
//! once, for what it packs to.

use super::block::{self, BlockInput};
use super::run::{EntryRecord, Record, Run, Worker, internal};
use crate::codec::{
    Encoder, FilterEncoder, PIECE_BYTES, Watch, detect_filter, filter_coder, filter_encoder, is_incompressible,
};
use crate::crypto::CbcEncryptor;
use crate::item::SharedBytes;
use crate::pipeline::{PoolHandle, Reservation, Step};
use crate::{Error, Filter, FilterChoice, Result};
use par7z_format::{Coder, Folder, MethodId};
use std::borrow::Cow;
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

enum Stage {
    /// Everything so far is in `pending`.
    Gathering,
    /// Full blocks have been packed in slices, with this coder.
    Sliced { coder: Coder },
    /// The worker's encoder is in the middle of the folder's stream.
    Streaming { coder: Coder, packed: Vec<u8> },
}

/// A folder being written.
pub(super) struct FolderWriter<'run> {
    run: &'run Arc<Run>,
    pool: &'run PoolHandle<Worker>,
    job: u64,
    size_hint: Option<u64>,
    block_bytes: u64,
    /// The history of the block that is gathered, and that block.
    pending: Vec<u8>,
    history_bytes: usize,
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
            block_bytes: even_blocks(size_hint, run.block_bytes),
            run,
            pool,
            job,
            size_hint,
            pending: Vec::new(),
            history_bytes: 0,
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
            let gathered = self.pending.len() - self.history_bytes;
            let room = (self.block_bytes as usize).saturating_sub(gathered);
            if room == 0 {
                self.flush_block(worker, false)?;
                continue;
            }
            let (part, rest) = bytes.split_at(room.min(bytes.len()));
            self.reserve_for((gathered + part.len()) as u64)?;
            self.pending.extend_from_slice(part);
            bytes = rest;
        }
        Ok(())
    }

    /// Makes sure that a block of `bytes`, and what it packs to, is reserved besides the history.
    fn reserve_for(&mut self, bytes: u64) -> Result<()> {
        let reserved = self.reservation.as_ref().map_or(0, Reservation::bytes) - self.history_bytes as u64;
        if block_memory(bytes) <= reserved {
            return Ok(());
        }
        // In few steps: at once all that is known to come, else twice as much each time.
        let known = self.size_hint.map_or(0, |size| size.saturating_sub(self.encoded_bytes));
        let likely = if known >= bytes { known } else { bytes.next_power_of_two().max(FIRST_RESERVATION_BYTES) };
        let likely = likely.min(self.block_bytes).max(bytes);
        let more = self.wait_for_memory(block_memory(likely) - reserved)?;
        match &mut self.reservation {
            Some(reservation) => reservation.absorb(more),
            none => *none = Some(more),
        }
        let gathered = self.pending.len() - self.history_bytes;
        self.pending.reserve_exact((likely as usize).saturating_sub(gathered));
        Ok(())
    }

    /// Reserves memory.
    pub(super) fn wait_for_memory(&mut self, bytes: u64) -> Result<Reservation> {
        let elect = self.run.options.order == crate::Order::Completion;
        Ok(self.run.budget.reserve(self.job, bytes, elect)?)
    }

    /// Filters `pending`, in place as far as the caller can tell. `last`: no more bytes follow.
    fn filter_pending(&mut self, last: bool) -> Result<()> {
        if self.filters.is_none() {
            self.filters = Some(self.choose_filters(&self.pending));
        }
        if self.filters.as_ref().is_some_and(|filters| !filters.is_empty()) {
            let gathered = self.pending.split_off(self.history_bytes);
            let filtered = self.filter(Cow::Owned(gathered), last)?;
            self.pending.extend_from_slice(&filtered);
        }
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

    /// Sends the gathered block on. `last`: the folder ends with it.
    fn flush_block(&mut self, worker: &mut Worker, last: bool) -> Result<()> {
        self.filter_pending(last)?;
        self.leave_gathering(worker, None)?;
        let window = std::mem::take(&mut self.pending);
        if !matches!(self.stage, Stage::Sliced { .. }) {
            self.stream(worker, &window, last)?;
            self.pending = window;
            self.pending.clear();
            return Ok(());
        }
        let reservation = self.reservation.take();
        let (mut window, mut reservation) =
            self.pack_block(worker, BlockInput::Own(window), self.history_bytes, reservation, last)?;
        // Its end is the next one's history. What filters hold back comes with the next block.
        if let BlockInput::Own(window) = &mut window {
            let history_bytes = self.max_history_bytes().min(window.len());
            // LZMA's positions count modulo 16 from where the dictionary was reset, which windows must not change.
            let start = (window.len() - history_bytes).next_multiple_of(16).min(window.len());
            window.drain(..start);
            self.history_bytes = window.len();
            self.pending = std::mem::take(window);
        }
        if let Some(reservation) = &mut reservation {
            reservation.shrink_to(self.history_bytes as u64);
        }
        self.reservation = reservation;
        Ok(())
    }

    /// Begins to encode, if that has not begun. `size`: the folder's size if it is certain.
    fn leave_gathering(&mut self, worker: &mut Worker, size: Option<u64>) -> Result<()> {
        if !matches!(self.stage, Stage::Gathering) {
            return Ok(());
        }
        let encoder = worker.encoder(&self.run.method);
        self.stage = if self.run.method.has_slices() {
            Stage::Sliced { coder: encoder.begin(size)? }
        } else {
            Stage::Streaming { coder: encoder.begin(self.size_hint)?, packed: Vec::new() }
        };
        Ok(())
    }

    /// Packs a block on all workers and queues its slices. `history_bytes` of the window come before it. Gives back the window
    /// and what is left of its reservation, of which packed bytes take their part.
    fn pack_block(
        &mut self,
        worker: &mut Worker,
        window: BlockInput,
        history_bytes: usize,
        mut reservation: Option<Reservation>,
        last: bool,
    ) -> Result<(BlockInput, Option<Reservation>)> {
        let (run, pool, tag) = (self.run, self.pool, self.tag.clone());
        self.encoded_bytes += (window.bytes().len() - history_bytes) as u64;
        let window = block::pack(run, pool, worker, window, history_bytes, tag, &mut |packed| {
            let reservation = reservation.as_mut().map(|reservation| reservation.split_off(packed.len() as u64));
            self.queue(packed, reservation)
        })?;
        if last {
            self.queue(self.run.method.end_of_slices().to_vec(), None)?;
        }
        Ok((window, reservation))
    }

    /// Feeds a block to this worker's encoder.
    fn stream(&mut self, worker: &mut Worker, input: &[u8], last: bool) -> Result<()> {
        for piece in input.chunks(PIECE_BYTES) {
            let Stage::Streaming { packed, .. } = &mut self.stage else { return Err(internal("no stream")) };
            encode(self.run, worker.encoder(&self.run.method), piece, packed, self.tag.as_ref())?;
            self.encoded_bytes += piece.len() as u64;
            self.queue_stream_chunk(CHUNK_BYTES)?;
        }
        if last {
            let Stage::Streaming { packed, .. } = &mut self.stage else { return Err(internal("no stream")) };
            end_stream(worker.encoder(&self.run.method), packed, self.tag.as_ref())?;
            self.queue_stream_chunk(1)?;
        }
        Ok(())
    }

    /// Queues what the streaming encoder has made, if it is at least so much.
    fn queue_stream_chunk(&mut self, at_least_bytes: usize) -> Result<()> {
        let Stage::Streaming { packed, .. } = &mut self.stage else { return Err(internal("no stream")) };
        if packed.len() < at_least_bytes {
            return Ok(());
        }
        let chunk = std::mem::take(packed);
        let reservation = self.wait_for_memory(chunk.len() as u64)?;
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
        if !matches!(self.stage, Stage::Gathering) {
            self.flush_block(worker, true)?;
            return self.finish_blocks();
        }
        if !self.is_sliced(&self.pending) {
            let content = std::mem::take(&mut self.pending);
            return self.finish_whole(worker, &content);
        }
        self.leave_gathering(worker, Some(self.unpacked_bytes))?;
        self.flush_block(worker, true)?;
        self.finish_blocks()
    }

    /// Whether a folder with this content, at most a block, is cut into slices.
    fn is_sliced(&self, content: &[u8]) -> bool {
        self.run.method.has_slices() && self.run.method.is_sliced(content.len()) && !is_incompressible(content)
    }

    /// How much of the blocks before a block its slices refer to.
    fn max_history_bytes(&self) -> usize {
        if self.run.options.independent_blocks { 0 } else { self.run.method.history_bytes(self.block_bytes) }
    }

    /// Queues the record of a folder whose blocks are queued.
    fn finish_blocks(self) -> Result<u64> {
        let coder = match &self.stage {
            Stage::Streaming { coder, .. } | Stage::Sliced { coder } => coder.clone(),
            Stage::Gathering => return Err(internal("a folder without a coder")),
        };
        self.complete(coder)
    }

    /// Encodes and completes a folder whose content is a caller's buffer (not an empty one), read in place. The result
    /// is that of writing it bit by bit. Gives the folder's packed bytes.
    pub(super) fn finish_shared(mut self, worker: &mut Worker, shared: &SharedBytes) -> Result<u64> {
        let content = (**shared).as_ref();
        let filters = self.filters.take().unwrap_or_else(|| self.choose_filters(content));
        let is_filtered = !filters.is_empty();
        self.filters = Some(filters);
        let is_one_block = content.len() as u64 <= self.block_bytes;
        let is_sliced = if is_one_block { self.is_sliced(content) } else { self.run.method.has_slices() };
        // The content is the caller's; what it packs to is ours, and so is a filtered copy.
        let memory = if is_filtered { block_memory } else { packed_bound };
        if is_one_block && !is_sliced {
            self.reservation = Some(self.wait_for_memory(memory(content.len() as u64))?);
            return self.finish_whole(worker, content);
        }
        if is_filtered && is_sliced {
            self.write(worker, content)?;
            return self.finish(worker);
        }
        self.unpacked_bytes = content.len() as u64;
        self.leave_gathering(worker, is_one_block.then_some(content.len() as u64))?;
        let mut start = 0;
        while start < content.len() {
            let end = content.len().min(start + self.block_bytes as usize);
            let last = end == content.len();
            if is_sliced {
                let reservation = self.wait_for_memory(memory((end - start) as u64))?;
                let history = self.max_history_bytes().min(start) / 16 * 16;
                let window = BlockInput::Shared(Arc::clone(shared), start - history..end);
                self.pack_block(worker, window, history, Some(reservation), last)?;
            } else {
                // What a stream packs to is reserved as it comes, a filtered copy before it is made.
                let bytes = (end - start) as u64;
                let _copy = if is_filtered { Some(self.wait_for_memory(memory(bytes))?) } else { None };
                let block = self.filter(Cow::Borrowed(&content[start..end]), last)?;
                self.stream(worker, &block, last)?;
            }
            start = end;
        }
        self.finish_blocks()
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
            Some(pack(self.run, encoder, &filtered, self.tag.as_ref())?)
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
    pub(super) fn withdraw(self) {
        self.run.ordered.withdraw(self.job);
        self.run.tracker.withdrawn(self.encoded_bytes, self.packed_bytes);
    }
}

/// Packs a stream's whole content.
fn pack(run: &Run, encoder: &mut dyn Encoder, content: &[u8], tag: Option<&ItemTag>) -> Result<(Coder, Vec<u8>)> {
    let coder = encoder.begin(Some(content.len() as u64))?;
    let packed = counted(run, content.len(), tag, |packed, watch| encoder.pack(content, packed, watch))?;
    Ok((coder, packed))
}

/// Runs an encoder over `bytes` under the eyes of the run; gives what it appends.
pub(super) fn counted(
    run: &Run,
    bytes: usize,
    tag: Option<&ItemTag>,
    encode: impl FnOnce(&mut Vec<u8>, Watch<'_>) -> Result<()>,
) -> Result<Vec<u8>> {
    run.check()?;
    let mut packed = Vec::with_capacity(packed_bound(bytes as u64) as usize);
    let (mut counted_bytes, mut counted_packed_bytes) = (0, 0);
    encode(&mut packed, &mut |bytes, packed_bytes| {
        run.check()?;
        (counted_bytes, counted_packed_bytes) = (counted_bytes + bytes, counted_packed_bytes + packed_bytes);
        count_encoded(run, bytes as u64, packed_bytes as u64, tag);
        Ok(())
    })?;
    count_encoded(run, (bytes - counted_bytes) as u64, (packed.len() - counted_packed_bytes) as u64, tag);
    // A small result in a large buffer would hold memory that nobody counts.
    packed.shrink_to_fit();
    Ok(packed)
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
fn end_stream(encoder: &mut dyn Encoder, packed: &mut Vec<u8>, tag: Option<&ItemTag>) -> Result<()> {
    let packed_before = packed.len();
    encoder.finish(packed)?;
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

/// Memory of a block of `bytes`: itself and what it packs to.
fn block_memory(bytes: u64) -> u64 {
    bytes + packed_bound(bytes)
}

/// The most that `bytes` pack to, for all methods. A buffer of that capacity never grows, and the part of it that is not
/// needed is never touched, so costs no memory.
fn packed_bound(bytes: u64) -> u64 {
    bytes + bytes / 64 + SLACK_BYTES
}

/// Blocks are multiples of this, but for the last one.
const BLOCK_UNIT: u64 = 64 << 10;

/// The block size for a folder of `size` bytes: at most `max`, and even, so that the last block is not a small rest that has
/// the other's history to look through.
fn even_blocks(size: Option<u64>, max: u64) -> u64 {
    match size {
        Some(size) if size > max => size.div_ceil(size.div_ceil(max)).next_multiple_of(BLOCK_UNIT).min(max),
        _ => max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_even_and_bounded() {
        const MIB: u64 = 1 << 20;
        assert_eq!(even_blocks(None, 4 * MIB), 4 * MIB);
        assert_eq!(even_blocks(Some(4 * MIB), 4 * MIB), 4 * MIB);
        assert_eq!(even_blocks(Some(4 * MIB + 1), 4 * MIB), 2 * MIB + BLOCK_UNIT);
        assert_eq!(even_blocks(Some(10 * MIB), 4 * MIB), (10 * MIB).div_ceil(3).next_multiple_of(BLOCK_UNIT));
        assert_eq!(even_blocks(Some(12 * MIB - 1), 4 * MIB), 4 * MIB);
    }
}
