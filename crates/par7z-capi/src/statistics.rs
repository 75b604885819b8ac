//! The figures of a run, for the client to ask at any time and for the detailed callbacks.

use crate::abi::Statistics;
use crate::events::{self, Detailed};
use par7z::{Report, Totals};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a run has come to. Shared by the run, its events and those who ask.
pub(crate) struct RunStatistics {
    started: Instant,
    items_added: AtomicU64,
    /// Of `items_added`: objects beyond the first of the item that stands for them.
    further_objects: AtomicU64,
    items_done: AtomicU64,
    items_failed: AtomicU64,
    /// Name and reason of the item that failed first.
    first_failure: OnceLock<String>,
    latest: Mutex<Latest>,
}

#[derive(Default)]
struct Latest {
    totals: Option<Totals>,
    /// Archive size and time, once the run has ended.
    ended: Option<(u64, Duration)>,
}

impl RunStatistics {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            items_added: AtomicU64::new(0),
            further_objects: AtomicU64::new(0),
            items_done: AtomicU64::new(0),
            items_failed: AtomicU64::new(0),
            first_failure: OnceLock::new(),
            latest: Mutex::default(),
        })
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn items_added(&self, count: u64) {
        self.items_added.fetch_add(count, Ordering::Relaxed);
    }

    /// An object was listed that is not the first one of its item.
    pub(crate) fn further_object(&self) {
        self.items_added(1);
        self.further_objects.fetch_add(1, Ordering::Relaxed);
    }

    /// Items that are there because items stand for several objects.
    pub(crate) fn further_objects(&self) -> u64 {
        self.further_objects.load(Ordering::Relaxed)
    }

    pub(crate) fn item_done(&self) {
        self.items_done.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn item_failed(&self, name: &str, reason: &str) {
        self.first_failure.get_or_init(|| format!("{name}: {reason}"));
        self.items_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Name and reason of the item that failed first.
    pub(crate) fn first_failure(&self) -> Option<&str> {
        self.first_failure.get().map(String::as_str)
    }

    /// Items that are done, and that have failed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.items_done.load(Ordering::Relaxed), self.items_failed.load(Ordering::Relaxed))
    }

    /// Keeps the totals that came with an event, unless a later one was faster.
    pub(crate) fn record(&self, totals: &Totals) {
        let mut latest = self.latest();
        if latest.totals.is_none_or(|known| known.elapsed <= totals.elapsed) {
            latest.totals = Some(*totals);
        }
    }

    /// The run has ended. `report`: `None` without an archive.
    pub(crate) fn end(&self, report: Option<&Report>) {
        let elapsed = self.started.elapsed();
        let mut latest = self.latest();
        let bytes_out = report.map_or_else(|| latest.totals.map_or(0, |totals| totals.bytes_out), |r| r.bytes_out);
        latest.ended = Some((bytes_out, elapsed));
    }

    /// The figures of this moment.
    pub(crate) fn snapshot(&self) -> Statistics {
        let (totals, ended) = {
            let latest = self.latest();
            (latest.totals, latest.ended)
        };
        let (done, failed) = self.counts();
        let elapsed = ended.map_or_else(|| self.started.elapsed(), |(_, elapsed)| elapsed);
        let bytes_in = totals.map_or(0, |totals| totals.bytes_in);
        let bytes_out = ended.map_or_else(|| totals.map_or(0, |totals| totals.bytes_out), |(bytes, _)| bytes);
        let per_second = |count: u64| (count as f64 / elapsed.as_secs_f64().max(1e-6)) as u64;
        let running = totals.filter(|_| ended.is_none());
        Statistics {
            items_total: saturated(self.items_added.load(Ordering::Relaxed)),
            items_completed: saturated(done + failed),
            items_failed: saturated(failed),
            items_in_progress: running.map_or(0, |totals| saturated(totals.items_in_progress)),
            total_in_size: bytes_in,
            total_out_size: bytes_out,
            bytes_per_second: per_second(bytes_in),
            files_per_second_x100: per_second((done + failed) * 100),
            elapsed_ms: milliseconds(elapsed),
            remaining_ms: running.and_then(|totals| totals.time_left()).map_or(0, milliseconds),
            compression_ratio_x100: if bytes_in == 0 { 100 } else { saturated(percent(bytes_out, bytes_in)) },
            active_threads: running.map_or(0, |totals| totals.active_threads),
        }
    }
}

fn percent(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(u64::MAX)
}

fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A thread that tells the client a run's figures, until it is dropped; then once more.
pub(crate) struct Ticker {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// `Ok(None)`: the client wants none of it.
    pub(crate) fn start(
        detailed: Detailed,
        owner: u64,
        interval: Duration,
        statistics: Arc<RunStatistics>,
    ) -> std::io::Result<Option<Self>> {
        if detailed.is_empty() {
            return Ok(None);
        }
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let watched = Arc::clone(&stop);
        let tick = move || {
            let (flag, changed) = &*watched;
            let mut stopped = flag.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                let waited = changed.wait_timeout_while(stopped, interval, |stopped| !*stopped);
                stopped = waited.unwrap_or_else(PoisonError::into_inner).0;
                let last = *stopped;
                drop(stopped);
                events::within(owner, || detailed.tell(&statistics.snapshot()));
                if last {
                    return;
                }
                stopped = flag.lock().unwrap_or_else(PoisonError::into_inner);
            }
        };
        let thread = std::thread::Builder::new().name("par7z-progress".to_owned()).spawn(tick)?;
        Ok(Some(Self { stop, thread: Some(thread) }))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_run_is_a_hundred_percent_of_nothing() {
        let figures = RunStatistics::new().snapshot();
        assert_eq!((figures.compression_ratio_x100, figures.items_total, figures.total_in_size), (100, 0, 0));
    }

    #[test]
    fn time_stands_still_at_the_end() {
        let statistics = RunStatistics::new();
        statistics.end(None);
        let first = statistics.snapshot().elapsed_ms;
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(statistics.snapshot().elapsed_ms, first);
    }

    #[test]
    fn completed_counts_failed_ones_too() {
        let statistics = RunStatistics::new();
        statistics.items_added(3);
        statistics.item_done();
        statistics.item_failed("name", "reason");
        assert_eq!(statistics.first_failure(), Some("name: reason"));
        let figures = statistics.snapshot();
        assert_eq!((figures.items_total, figures.items_completed, figures.items_failed), (3, 2, 1));
    }
}
