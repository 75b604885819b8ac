//! What all parts of one writing run share: options, budget, order, counters, and the error that ended it.

use crate::cancel::Stop;
use crate::codec::{Encoder, ResolvedMethod};
use crate::crypto::{AesProperties, CbcEncryptor, IvSource, KeyRing};
use crate::pipeline::{Budget, Ordered, Sequence, Stopped};
use crate::progress::{Event, ItemFailure, Totals};
use crate::{Encryption, Error, ErrorKind, Order, ReadLimits, Report, Result, Secret, WriteOptions};
use par7z_format::{Coder, Entry, Folder, MethodId};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use zeroize::Zeroizing;

/// What the committer is told when a part of a lane is complete.
#[derive(Debug)]
pub(super) enum Record {
    /// A folder and the entries in it (and between them those without content).
    Folder { folder: Arc<Folder>, unpack_sizes: Box<[u64]>, packed_bytes: u64, entries: Vec<EntryRecord> },
    /// An entry without content.
    Empty(Entry),
}

/// An entry and, unless it is empty, the size and CRC-32 of its content.
#[derive(Debug)]
pub(super) struct EntryRecord {
    pub(super) entry: Entry,
    pub(super) content: Option<(u64, u32)>,
}

/// A worker's own state: its encoder, re-armed from folder to folder.
#[derive(Default)]
pub(super) struct Worker {
    encoder: Option<Box<dyn Encoder>>,
    read_buffer: Vec<u8>,
    /// Whether it is counted as at work: a job that helps with another's slice is one thread still.
    active: bool,
}

/// Bytes read at once.
pub(super) const READ_BYTES: usize = 256 << 10;

impl Worker {
    /// The worker's read buffer, to be given back: thousands of small items share it.
    pub(super) fn take_read_buffer(&mut self) -> Vec<u8> {
        let mut buffer = std::mem::take(&mut self.read_buffer);
        buffer.resize(READ_BYTES, 0);
        buffer
    }

    pub(super) fn return_read_buffer(&mut self, buffer: Vec<u8>) {
        self.read_buffer = buffer;
    }

    /// The worker's encoder, made on first use.
    pub(super) fn encoder(&mut self, method: &ResolvedMethod) -> &mut dyn Encoder {
        self.encoder.get_or_insert_with(|| method.encoder()).as_mut()
    }

    /// Throws the encoder away: a panic may have left it in any state.
    pub(super) fn discard_encoder(&mut self) {
        self.encoder = None;
    }
}

/// The key of the run and where its IVs come from.
pub(super) struct CipherSetup {
    secret: Secret,
    key: Zeroizing<[u8; 32]>,
    ivs: IvSource,
}

impl CipherSetup {
    /// Derives the key, once per archive.
    fn new(encryption: &Encryption) -> Result<Self> {
        let secret = encryption.secret.clone();
        let properties = AesProperties::for_writing(&secret, [0; 16]);
        let key = KeyRing::new(Some(secret.clone())).key(&properties, &ReadLimits::default())?;
        Ok(Self { secret, key, ivs: IvSource::new(encryption.iv.as_ref()) })
    }

    /// The coder and the cipher of stream `number`; each number is used once per run.
    pub(super) fn start(&self, number: u128) -> Result<(Coder, CbcEncryptor)> {
        let iv = self.ivs.iv(number)?;
        let properties = AesProperties::for_writing(&self.secret, iv).emit().into_boxed_slice();
        let coder = Coder { method: MethodId::AES, inputs: 1, properties };
        Ok((coder, CbcEncryptor::new(&self.key, &iv)))
    }
}

/// The largest block that a method takes at once: several fit the budget, one of them with its history.
pub(super) fn block_bytes(method: &ResolvedMethod, memory_budget_bytes: u64) -> u64 {
    let most = memory_budget_bytes / 8 / (64 << 10) * (64 << 10);
    method.block_bytes().clamp(1 << 20, most)
}

/// The method of a run, with the match finder that the limit of an encoder's memory asks for: the same for any number of
/// threads, so what workers share counts whole.
pub(super) fn resolve_method(options: &WriteOptions) -> ResolvedMethod {
    let mut method = ResolvedMethod::new(&options.method, options.level);
    while let Some(limit) = options.encoder_memory_bytes
        && encoder_memory_bytes(&method, options, None, 1) > limit
        && let Some(leaner) = method.leaner()
    {
        method = leaner;
    }
    method
}

/// Memory of the encoder of one of `threads`, for items of at most `item_bytes`. What a large item's workers share counts a part
/// for each.
pub(super) fn encoder_memory_bytes(
    method: &ResolvedMethod,
    options: &WriteOptions,
    item_bytes: Option<u64>,
    threads: u64,
) -> u64 {
    if !method.has_slices() {
        return method.encoder_memory_bytes(item_bytes);
    }
    let block_bytes = block_bytes(method, options.memory_budget_bytes);
    let bytes = item_bytes.unwrap_or(u64::MAX).min(block_bytes + method.history_bytes(block_bytes) as u64);
    // What is not cut into slices, a worker packs by itself; it may have done that before.
    let whole_bytes = longest_whole(method, bytes);
    let (shared, own) = method.block_memory_bytes(bytes);
    let blocks = threads.min(most_blocks(block_bytes, options.memory_budget_bytes));
    method.encoder_memory_bytes(Some(whole_bytes)) + own + (shared * blocks).div_ceil(threads)
}

/// The most bytes, up to `bytes`, that are not cut into slices.
fn longest_whole(method: &ResolvedMethod, bytes: u64) -> u64 {
    let (mut whole, mut sliced) = (0, bytes + 1);
    while sliced - whole > 1 {
        let middle = whole + (sliced - whole) / 2;
        if method.is_sliced(middle as usize) { sliced = middle } else { whole = middle }
    }
    whole
}

/// More blocks than this are not packed at a time: what one packs to is reserved, beside what the head alone has. Four, unless the
/// budget is more than eight blocks.
fn most_blocks(block_bytes: u64, memory_budget_bytes: u64) -> u64 {
    1 + memory_budget_bytes.saturating_sub(head_bytes(block_bytes)) / block_bytes
}

/// What the head needs to move on: a block with its history and its output, an item read ahead, and a chunk of a stream's output
/// (one block of BZip2 at the most). Anything less, and a full budget stops it for ever.
fn head_bytes(block_bytes: u64) -> u64 {
    4 * block_bytes + block_bytes / 8 + STREAM_CHUNK_BYTES
}

/// The most that a streaming encoder gives for a piece of input: a block of BZip2 that does not compress.
const STREAM_CHUNK_BYTES: u64 = 1 << 20;

/// One writing run.
pub(super) struct Run {
    pub(super) options: WriteOptions,
    pub(super) method: ResolvedMethod,
    /// Unpacked bytes that a folder gathers at a time; also the largest item that is read ahead into a solid folder.
    pub(super) block_bytes: u64,
    pub(super) budget: Arc<Budget>,
    pub(super) ordered: Ordered<Record>,
    pub(super) cipher: Option<CipherSetup>,
    pub(super) tracker: Tracker,
    stop: Stop,
    error: Mutex<Option<Error>>,
}

impl Run {
    /// `stop` ends it; it was made with the options' token.
    pub(super) fn new(options: &WriteOptions, stop: Stop) -> Result<Self> {
        let method = resolve_method(options);
        let block_bytes = block_bytes(&method, options.memory_budget_bytes);
        let budget = Budget::new(options.memory_budget_bytes, head_bytes(block_bytes), stop.clone());
        let sequence = match options.order {
            Order::Input => Sequence::Input,
            Order::Completion => Sequence::Completion,
        };
        Ok(Self {
            method,
            block_bytes,
            ordered: Ordered::new(sequence, Arc::clone(&budget), stop.clone()),
            budget,
            cipher: options.encryption.as_ref().map(CipherSetup::new).transpose()?,
            tracker: Tracker::new(options),
            stop,
            error: Mutex::new(None),
            options: options.clone(),
        })
    }

    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Whether content is stored as it is.
    pub(super) fn stores(&self) -> bool {
        self.method.stores()
    }

    /// An error if the run was cancelled or has failed.
    pub(super) fn check(&self) -> Result<()> {
        if self.stop.is_set() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// Ends the run with an error; the first one counts.
    pub(super) fn fail(&self, error: Error) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stop.set();
    }

    /// Why the run ended early.
    pub(super) fn take_error(&self) -> Error {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_else(Error::cancelled)
    }
}

impl From<Stopped> for Error {
    fn from(_: Stopped) -> Self {
        Error::cancelled()
    }
}

/// Counters of a run, and its observer.
pub(super) struct Tracker {
    options: WriteOptions,
    started: Instant,
    items_total: AtomicU64,
    items_done: AtomicU64,
    items_in_progress: AtomicU64,
    directories: AtomicU64,
    bytes_total: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    active_threads: AtomicU32,
    failures: Mutex<Vec<ItemFailure>>,
    items_failed: AtomicU64,
}

impl Tracker {
    fn new(options: &WriteOptions) -> Self {
        Self {
            options: options.clone(),
            started: Instant::now(),
            items_total: AtomicU64::new(0),
            items_done: AtomicU64::new(0),
            items_in_progress: AtomicU64::new(0),
            directories: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            active_threads: AtomicU32::new(0),
            failures: Mutex::default(),
            items_failed: AtomicU64::new(0),
        }
    }

    fn totals(&self) -> Totals {
        Totals {
            items_total: self.items_total.load(Ordering::Relaxed),
            items_done: self.items_done.load(Ordering::Relaxed),
            items_failed: self.items_failed.load(Ordering::Relaxed),
            items_in_progress: self.items_in_progress.load(Ordering::Relaxed),
            bytes_total: self.bytes_total.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            active_threads: self.active_threads.load(Ordering::Relaxed),
            elapsed: self.started.elapsed(),
        }
    }

    fn tell(&self, event: &Event<'_>) {
        if let Some(observer) = &self.options.observer {
            observer.event(event, &self.totals());
        }
    }

    pub(super) fn added(&self, size: Option<u64>) {
        self.items_total.fetch_add(1, Ordering::Relaxed);
        self.bytes_total.fetch_add(size.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn started(&self, index: u64, name: &str, size: Option<u64>) {
        self.items_in_progress.fetch_add(1, Ordering::Relaxed);
        self.tell(&Event::ItemStarted { index, name, size });
    }

    pub(super) fn retried(&self, index: u64, name: &str, error: &Error, failures: u32) {
        self.items_in_progress.fetch_sub(1, Ordering::Relaxed);
        self.tell(&Event::ItemRetried { index, name, error, failures });
    }

    /// An item is in. `packed_bytes` are its folder's, if it has it to itself.
    pub(super) fn finished(&self, index: u64, name: &str, bytes: u64, packed_bytes: Option<u64>, directory: bool) {
        self.items_in_progress.fetch_sub(1, Ordering::Relaxed);
        self.items_done.fetch_add(1, Ordering::Relaxed);
        self.directories.fetch_add(directory.into(), Ordering::Relaxed);
        self.tell(&Event::ItemFinished { index, name, bytes, packed_bytes });
    }

    /// An item failed and is left out.
    pub(super) fn failed(&self, index: u64, name: &str, error: Error) {
        self.tell_failed(index, name, &error);
        let failure = ItemFailure { index, name: name.to_owned(), error };
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
    }

    /// Tells that an item failed for good, be it left out or the end of the run.
    pub(super) fn tell_failed(&self, index: u64, name: &str, error: &Error) {
        self.items_in_progress.fetch_sub(1, Ordering::Relaxed);
        self.items_failed.fetch_add(1, Ordering::Relaxed);
        self.tell(&Event::ItemFailed { index, name, error });
    }

    /// Unpacked bytes went through an encoder.
    pub(super) fn encoded(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Ordering::Relaxed);
    }

    /// An item moved on.
    pub(super) fn progressed(&self, index: u64, name: &str, bytes: u64, packed_bytes: u64) {
        self.tell(&Event::ItemProgress { index, name, bytes, packed_bytes: Some(packed_bytes) });
    }

    /// Packed bytes were made.
    pub(super) fn packed(&self, bytes: u64) {
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What was counted does not count after all.
    pub(super) fn withdrawn(&self, unpacked_bytes: u64, packed_bytes: u64) {
        // Slices of a stopped run end early and count less than they were to: totals stop at 0.
        let take = |total: &AtomicU64, bytes| {
            let _ = total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(bytes)));
        };
        take(&self.bytes_in, unpacked_bytes);
        take(&self.bytes_out, packed_bytes);
    }

    /// Runs `work`, counted as an active thread. If it panics, that is an error.
    pub(super) fn active<T>(&self, worker: &mut Worker, work: impl FnOnce(&mut Worker) -> Result<T>) -> Result<T> {
        let outermost = !std::mem::replace(&mut worker.active, true);
        if outermost {
            self.active_threads.fetch_add(1, Ordering::Relaxed);
        }
        let result = catch_unwind(AssertUnwindSafe(|| work(worker))).unwrap_or_else(|panic| {
            worker.discard_encoder();
            Err(Error::new(ErrorKind::Internal, format!("a worker panicked: {}", panic_text(&*panic))))
        });
        if outermost {
            worker.active = false;
            self.active_threads.fetch_sub(1, Ordering::Relaxed);
        }
        result
    }

    pub(super) fn report(&self, archive_bytes: u64) -> Report {
        let mut failures = std::mem::take(&mut *self.failures.lock().unwrap_or_else(PoisonError::into_inner));
        failures.sort_by_key(|failure| failure.index);
        Report {
            items_done: self.items_done.load(Ordering::Relaxed),
            directories: self.directories.load(Ordering::Relaxed),
            items_skipped: 0,
            failures,
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: archive_bytes,
            elapsed: self.started.elapsed(),
        }
    }
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

/// The error of a bug: an invariant that does not hold.
pub(super) fn internal(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("internal error: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_budget_has_more_blocks_at_a_time() {
        const MIB: u64 = 1 << 20;
        let blocks = [(2, 16), (8, 64), (64, 512), (64, 1024), (64, 4096)];
        assert_eq!(blocks.map(|(block, budget)| most_blocks(block * MIB, budget * MIB)), [4, 4, 4, 12, 60]);
    }
}
