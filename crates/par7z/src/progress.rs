//! What a run tells while it goes on ([`Observer`]) and at its end ([`Report`]).

use crate::Error;
use std::time::Duration;

/// Something that happened to one item (on writing) or entry (on reading).
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A worker began with it.
    ItemStarted {
        /// Its number, from 0, in the order in which the items were added.
        index: u64,
        /// Its name.
        name: &'a str,
        /// Its size, where known.
        size: Option<u64>,
    },
    /// More of it is done. Bytes count when they are compressed (or unpacked and written), not when they are read. Where
    /// several workers have a part of a large item, their calls may overtake one another.
    ItemProgress {
        /// Its number.
        index: u64,
        /// Its name.
        name: &'a str,
        /// Unpacked bytes done so far.
        bytes: u64,
        /// Packed bytes made of them so far, before encryption pads them; they never get fewer, and in the end they are
        /// at most what [`ItemFinished`](Self::ItemFinished) says. `None` for an item that shares a solid folder, whose
        /// part of it nobody knows, and on reading.
        packed_bytes: Option<u64>,
    },
    /// It is complete.
    ItemFinished {
        /// Its number.
        index: u64,
        /// Its name.
        name: &'a str,
        /// Unpacked bytes.
        bytes: u64,
        /// What it takes in the archive besides its place in the header: the packed bytes of its folder, encryption's
        /// padding included. 0 for an empty item or a directory; `None` for an item that shares a solid folder, and on
        /// reading.
        packed_bytes: Option<u64>,
    },
    /// It failed; the others go on (unless the policy says otherwise).
    ItemFailed {
        /// Its number.
        index: u64,
        /// Its name.
        name: &'a str,
        /// Why.
        error: &'a Error,
    },
    /// It failed and is tried again.
    ItemRetried {
        /// Its number.
        index: u64,
        /// Its name.
        name: &'a str,
        /// Why.
        error: &'a Error,
        /// How many times it has failed so far.
        failures: u32,
    },
    /// It was left out on purpose (an existing file that was not to be replaced).
    ItemSkipped {
        /// Its number.
        index: u64,
        /// Its name.
        name: &'a str,
    },
}

/// Running totals. All counts are of finished work.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Totals {
    /// Items added so far (while items are still being added, this grows).
    pub items_total: u64,
    /// Items complete.
    pub items_done: u64,
    /// Items failed.
    pub items_failed: u64,
    /// Items that a worker has in hand.
    pub items_in_progress: u64,
    /// Unpacked bytes of the items added so far whose size is known.
    pub bytes_total: u64,
    /// Unpacked bytes that are done.
    pub bytes_in: u64,
    /// Packed bytes that are done.
    pub bytes_out: u64,
    /// Threads at work.
    pub active_threads: u32,
    /// Time since the start.
    pub elapsed: Duration,
}

impl Totals {
    /// Unpacked bytes per second since the start; 0 before anything is done.
    pub fn bytes_per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.bytes_in as f64 / seconds } else { 0.0 }
    }

    /// The time the rest takes at the present rate. `None` while no rate is known.
    pub fn time_left(&self) -> Option<Duration> {
        let rate = self.bytes_per_second();
        let left = self.bytes_total.saturating_sub(self.bytes_in) as f64;
        (rate > 0.0).then(|| Duration::try_from_secs_f64(left / rate).ok()).flatten()
    }
}

/// Is told what happens. Calls come from worker threads, several at once, with no lock held: an observer that is slow
/// slows its own worker only.
///
/// It may call everything but what waits for workers. [`Session::add`](crate::Session::add) does while the queue is full:
/// called from here it keeps its own worker, and once it keeps all of them nothing moves any more.
pub trait Observer: Send + Sync {
    /// Something happened to an item; `totals` is a snapshot of that moment.
    fn event(&self, event: &Event<'_>, totals: &Totals);
}

/// An item or entry that failed.
#[derive(Debug)]
pub struct ItemFailure {
    /// Its number, from 0, in the order in which the items were added (on reading: in the archive).
    pub index: u64,
    /// Its name.
    pub name: String,
    /// Why.
    pub error: Error,
}

/// What a run did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Items (entries) complete.
    pub items_done: u64,
    /// Of these, the directories.
    pub directories: u64,
    /// Entries left out on purpose.
    pub items_skipped: u64,
    /// The failed ones, in the order of their numbers.
    pub failures: Vec<ItemFailure>,
    /// Unpacked bytes.
    pub bytes_in: u64,
    /// On writing, the size of the archive in bytes; on reading, packed bytes read.
    pub bytes_out: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    /// Whether every item is in.
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty()
    }

    /// The report itself if every item is in, else the first failure as an error.
    ///
    /// # Errors
    /// The first failed item's error.
    pub fn into_complete(mut self) -> Result<Self, Error> {
        if self.failures.is_empty() {
            return Ok(self);
        }
        let count = self.failures.len();
        let first = self.failures.swap_remove(0);
        Err(Error::new(first.error.kind(), format!("{count} items failed, the first: {}", first.error)))
    }
}
