//! Archives read where they are: ranged requests behind a small cache.
//!
//! The cache holds *runs*, one request's bytes each. A read outside of all runs begins one: 64 KiB, or twice as long as the
//! run that ends where it begins, up to 4 MiB; and when a run that follows another has been read to its half, the next one
//! is requested. So what jumps about costs little, and what reads on is read ahead. To list an archive takes its first
//! 64 KiB and its header.
//!
//! Invariants: runs do not overlap and never cross from one volume to the next; a run under way is never evicted; runs
//! that are there have at most `read_ahead_bytes` together, those under way 4 MiB each.

use crate::error::{panicked, store_error};
use crate::fetch::{Fetcher, Version};
use crate::location::Location;
use crate::options::StoreOptions;
use crate::runtime::{Runtime, unless_cancelled};
use crate::store::{Store, StoreKind};
use bytes::Bytes;
use object_store::Error as StoreError;
use par7z::storage::ReadAt;
use par7z::{CancelToken, Error, ErrorKind, Result};
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What a read at an unexpected place requests.
const FIRST_RUN_BYTES: u64 = 64 << 10;
/// The longest run.
const LONGEST_RUN_BYTES: u64 = 4 << 20;
/// Volumes that are asked for at the same time.
const VOLUMES_AT_ONCE: usize = 16;

/// An archive in a store, or the volumes `name.001`, `name.002`, … of one, joined.
///
/// It goes with [`Archive::from_source`](par7z::Archive::from_source). An object that is replaced while it is read fails
/// the read. A web server has to support ranges.
///
/// # Memory
/// [`StoreOptions::read_ahead_bytes`], and 4 MiB for each thread that reads.
pub struct ObjectReader {
    runtime: Runtime,
    inner: Arc<Inner>,
    shown: String,
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader").field("at", &self.shown).field("len", &self.inner.len()).finish_non_exhaustive()
    }
}

struct Inner {
    fetcher: Fetcher,
    volumes: Vec<Version>,
    /// Where each volume begins; the last value is the length of the whole.
    starts: Vec<u64>,
    most_bytes: u64,
    cancel: CancelToken,
    cache: Mutex<Cache>,
    arrived: Condvar,
    bytes_fetched: AtomicU64,
}

#[derive(Default)]
struct Cache {
    runs: Vec<Run>,
    clock: u64,
}

struct Run {
    range: Range<u64>,
    state: State,
    /// Whether it goes on where another one ended.
    follows: bool,
    last_used: u64,
}

enum State {
    UnderWay,
    There(Bytes),
    Failed(io::Error),
}

impl ObjectReader {
    /// Opens an archive. If its name ends like that of a first volume (`.001`), the volumes that follow are joined to it,
    /// until one is missing; not on web servers.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`]: the location is a prefix or a glob; as [`Store::connect`]; [`ErrorKind::Io`]: it is
    /// not there, or the store cannot be reached or refuses.
    pub fn open(location: &Location, options: &StoreOptions) -> Result<Self> {
        if !location.is_object() {
            let text = format!("{location}: an archive is one object; write its whole name");
            return Err(Error::new(ErrorKind::InvalidOption, text));
        }
        Self::open_in(&Store::connect(location, options)?, location.selection().key())
    }

    /// As [`open`](Self::open), in a store that is connected already.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_in(store: &Store, key: &str) -> Result<Self> {
        let fetcher = Fetcher { objects: Arc::clone(&store.objects), retry: store.options.retry };
        let volumes = find_volumes(store, &fetcher, key)?;
        let mut starts = vec![0_u64];
        for volume in &volumes {
            starts.push(starts[starts.len() - 1].saturating_add(volume.size()));
        }
        let inner = Inner {
            fetcher,
            volumes,
            starts,
            most_bytes: store.options.read_ahead_bytes as u64,
            cancel: store.options.cancel.clone(),
            cache: Mutex::default(),
            arrived: Condvar::new(),
            bytes_fetched: AtomicU64::new(0),
        };
        Ok(Self { runtime: store.runtime.clone(), inner: Arc::new(inner), shown: store.shown(key) })
    }

    /// Number of volumes; 1 for an archive that is not cut.
    pub fn volume_count(&self) -> usize {
        self.inner.volumes.len()
    }

    /// Bytes that the store has sent so far.
    pub fn bytes_fetched(&self) -> u64 {
        self.inner.bytes_fetched.load(Ordering::Relaxed)
    }

    fn start(&self, cache: &mut Cache, range: Range<u64>, follows: bool) {
        cache.clock += 1;
        cache.runs.push(Run { range: range.clone(), state: State::UnderWay, follows, last_used: cache.clock });
        let inner = Arc::clone(&self.inner);
        self.runtime.spawn(async move {
            // Whatever happens to this task, those who wait are told.
            let mut arrival = Arrival { inner: &inner, range: range.clone(), result: Some(Err(panicked())) };
            let volume = inner.volume_of(range.start);
            let begin = inner.starts[volume];
            let fetching = inner.fetcher.range(&inner.volumes[volume], range.start - begin..range.end - begin);
            let fetched = unless_cancelled(&inner.cancel, fetching).await;
            arrival.result = Some(fetched.unwrap_or_else(|cancelled| Err(cancelled.into())));
        });
    }
}

/// The object, or it and the volumes behind it.
fn find_volumes(store: &Store, fetcher: &Fetcher, key: &str) -> Result<Vec<Version>> {
    let failed = |key: &str, error: &StoreError| store_error(format!("cannot open {}", store.shown(key)), error);
    let head = |keys: Vec<String>| -> Result<Vec<object_store::Result<Version>>> {
        let paths = keys.iter().map(|key| store.path(key)).collect::<Result<Vec<_>>>()?;
        let (fetcher, cancel) = (fetcher.clone(), store.options.cancel.clone());
        let heads = store.runtime.wait(async move {
            let heads = paths.iter().map(|path| fetcher.head(path));
            unless_cancelled(&cancel, futures_util::future::join_all(heads)).await
        });
        let heads = heads.ok_or_else(|| Error::io("cannot open the archive", panicked()))??;
        Ok(heads.into_iter().map(|head| head.map(Version::new)).collect())
    };
    let mut volumes = Vec::new();
    for found in head(vec![key.to_owned()])? {
        volumes.push(found.map_err(|error| failed(key, &error))?);
    }
    let Some((stem, digits)) = first_volume(key).filter(|_| store.kind != StoreKind::Http) else { return Ok(volumes) };
    loop {
        let keys: Vec<_> =
            (0..VOLUMES_AT_ONCE).map(|number| format!("{stem}.{:0digits$}", volumes.len() + 1 + number)).collect();
        for (found, key) in head(keys.clone())?.into_iter().zip(&keys) {
            match found {
                Ok(volume) => volumes.push(volume),
                Err(StoreError::NotFound { .. }) => return Ok(volumes),
                Err(error) => return Err(failed(key, &error)),
            }
        }
    }
}

/// `name.7z` and 3 for `name.7z.001`.
fn first_volume(key: &str) -> Option<(&str, usize)> {
    let (stem, number) = key.rsplit_once('.')?;
    let is_number = (2..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && number.parse() == Ok(1_u32)).then_some((stem, number.len()))
}

impl Inner {
    fn len(&self) -> u64 {
        self.starts[self.starts.len() - 1]
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last volume that begins at or before the position.
    fn volume_of(&self, position: u64) -> usize {
        self.starts.partition_point(|start| *start <= position) - 1
    }

    /// The run that begins at `start`, with `bytes` at the most.
    fn run_at(&self, cache: &Cache, start: u64, bytes: u64) -> Range<u64> {
        let mut end = self.starts[self.volume_of(start) + 1].min(start + bytes);
        for run in &cache.runs {
            if run.range.start > start {
                end = end.min(run.range.start);
            }
        }
        start..end
    }
}

/// Tells those who wait that a run is there, or will not come.
struct Arrival<'a> {
    inner: &'a Inner,
    range: Range<u64>,
    result: Option<io::Result<Bytes>>,
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        let mut cache = self.inner.lock();
        if let Some(run) = cache.runs.iter_mut().find(|run| run.range == self.range) {
            run.state = match self.result.take() {
                Some(Ok(bytes)) => {
                    self.inner.bytes_fetched.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    State::There(bytes)
                }
                Some(Err(error)) => State::Failed(error),
                None => State::Failed(panicked()),
            };
        }
        cache.evict(self.inner.most_bytes, &self.range);
        self.inner.arrived.notify_all();
    }
}

impl Cache {
    /// Drops the runs used longest ago; not the newest, which nobody has read yet.
    fn evict(&mut self, most_bytes: u64, newest: &Range<u64>) {
        let is_there = |run: &Run| matches!(run.state, State::There(_));
        let mut bytes: u64 =
            self.runs.iter().filter(|run| is_there(run)).map(|run| run.range.end - run.range.start).sum();
        while bytes > most_bytes {
            let runs = self.runs.iter().enumerate().filter(|(_, run)| is_there(run) && run.range != *newest);
            let Some((oldest, _)) = runs.min_by_key(|(_, run)| run.last_used) else { return };
            let run = self.runs.swap_remove(oldest);
            bytes -= run.range.end - run.range.start;
        }
    }
}

impl ReadAt for ObjectReader {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, buf: &mut [u8], position: u64) -> io::Result<usize> {
        if buf.is_empty() || position >= self.inner.len() {
            return Ok(0);
        }
        let mut cache = self.inner.lock();
        loop {
            let Some(index) = cache.runs.iter().position(|run| run.range.contains(&position)) else {
                let before = cache.runs.iter().find(|run| run.range.end == position);
                let grown = before.map_or(0, |run| 2 * (run.range.end - run.range.start));
                let follows = before.is_some();
                let wanted = grown.max(buf.len() as u64).clamp(FIRST_RUN_BYTES, LONGEST_RUN_BYTES);
                let range = self.inner.run_at(&cache, position, wanted);
                self.start(&mut cache, range, follows);
                continue;
            };
            cache.clock += 1;
            let clock = cache.clock;
            let run = &mut cache.runs[index];
            match &run.state {
                State::UnderWay => {
                    cache = self.inner.arrived.wait(cache).unwrap_or_else(PoisonError::into_inner);
                }
                State::There(bytes) => {
                    let rest = &bytes[(position - run.range.start) as usize..];
                    let count = rest.len().min(buf.len());
                    buf[..count].copy_from_slice(&rest[..count]);
                    run.last_used = clock;
                    let (range, follows) = (run.range.clone(), run.follows);
                    let is_half_read = position + count as u64 - range.start >= (range.end - range.start) / 2;
                    let next_is_new = !cache.runs.iter().any(|run| run.range.contains(&range.end));
                    if follows && is_half_read && next_is_new && range.end < self.inner.len() {
                        let bytes = (2 * (range.end - range.start)).clamp(FIRST_RUN_BYTES, LONGEST_RUN_BYTES);
                        let next = self.inner.run_at(&cache, range.end, bytes);
                        self.start(&mut cache, next, true);
                    }
                    return Ok(count);
                }
                State::Failed(_) => {
                    // Whoever comes next tries again.
                    let State::Failed(error) = cache.runs.swap_remove(index).state else {
                        unreachable!("just matched")
                    };
                    return Err(match self.inner.cancel.is_cancelled() {
                        true => error,
                        false => io::Error::new(error.kind(), format!("{}: {error}", self.shown)),
                    });
                }
            }
        }
    }
}
