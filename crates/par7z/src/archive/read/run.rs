//! The book-keeping of one run over an archive: counters, events, failures, and why it stopped.
//!
//! Counters are atomics and failures sit behind a mutex that is never held while an observer is called.

use super::archive::Archive;
use super::unpack::WRONG_PASSWORD;
use crate::{EntryInfo, Error, ErrorKind, Event, ExtractOptions, ItemFailure, Report, Result, Totals};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// One run.
pub(super) struct Run<'a> {
    pub(super) archive: &'a Archive,
    pub(super) options: &'a ExtractOptions,
    pub(super) selected: Vec<bool>,
    started: Instant,
    packed_before: u64,
    total: Planned,
    done: AtomicU64,
    directories: AtomicU64,
    skipped: AtomicU64,
    failed: AtomicU64,
    in_progress: AtomicU64,
    bytes: AtomicU64,
    pub(super) active_threads: AtomicU32,
    stopped: AtomicBool,
    failures: Mutex<Vec<ItemFailure>>,
    fatal: Mutex<Option<Error>>,
}

/// What the run has before it.
#[derive(Default)]
struct Planned {
    items: u64,
    bytes: u64,
}

impl<'a> Run<'a> {
    /// Chooses the entries and checks the limit on output.
    pub(super) fn new(archive: &'a Archive, options: &'a ExtractOptions) -> Result<Self> {
        let wanted = |entry: &EntryInfo| options.select.as_ref().is_none_or(|select| select(entry));
        let selected: Vec<bool> = archive.entries.iter().map(wanted).collect();
        let mut total = Planned::default();
        for (entry, _) in archive.entries.iter().zip(&selected).filter(|(_, selected)| **selected) {
            total.items += 1;
            total.bytes = total.bytes.saturating_add(entry.size);
        }
        let run = Self {
            archive,
            options,
            selected,
            started: Instant::now(),
            packed_before: archive.context.packed_read(),
            total,
            done: AtomicU64::new(0),
            directories: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            in_progress: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            active_threads: AtomicU32::new(0),
            stopped: AtomicBool::new(false),
            failures: Mutex::new(Vec::new()),
            fatal: Mutex::new(None),
        };
        run.check_output()?;
        Ok(run)
    }

    /// The header says what each folder unpacks to, and no decoder may give more: the limit can be checked up front.
    fn check_output(&self) -> Result<()> {
        let layout = &self.archive.layout;
        let limit = self.archive.context.limits.output_bytes;
        let mut output = 0_u64;
        for folder in 0..layout.folders.len() {
            let entries = self.needed_entries(folder);
            output = entries.iter().fold(output, |sum, entry| sum.saturating_add(self.archive.entries[*entry].size));
        }
        if output > limit {
            let text = format!("unpacking gives {output} bytes, the limit is {limit}; raise ReadLimits::output_bytes");
            return Err(Error::new(ErrorKind::LimitExceeded, text));
        }
        Ok(())
    }

    /// A folder's entries up to the last selected one.
    pub(super) fn needed_entries(&self, folder: usize) -> &'a [usize] {
        let entries = self.archive.layout.entries_of(folder);
        let end = entries.iter().rposition(|entry| self.selected[*entry]).map_or(0, |last| last + 1);
        &entries[..end]
    }

    /// The selected entries.
    pub(super) fn selected_entries(&self) -> impl Iterator<Item = &'a EntryInfo> {
        let entries: &'a [EntryInfo] = &self.archive.entries;
        entries.iter().zip(&self.selected).filter_map(|(entry, selected)| selected.then_some(entry))
    }

    /// Whether to stop now: cancelled, or something made going on useless.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire) || self.options.cancel.is_cancelled()
    }

    /// Ends the run with an error; the first one is kept.
    pub(super) fn stop(&self, error: Error) {
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stopped.store(true, Ordering::Release);
    }

    pub(super) fn begin(&self, entry: &EntryInfo) {
        self.in_progress.fetch_add(1, Ordering::Relaxed);
        self.tell(&Event::ItemStarted { index: entry.index, name: &entry.name, size: Some(entry.size) });
    }

    /// `new` more bytes of the entry are done, `bytes` in all; tells it when `tell` says so.
    pub(super) fn progress(&self, entry: &EntryInfo, new: u64, bytes: u64, tell: bool) {
        self.bytes.fetch_add(new, Ordering::Relaxed);
        if tell {
            self.tell(&Event::ItemProgress { index: entry.index, name: &entry.name, bytes, packed_bytes: None });
        }
    }

    pub(super) fn done(&self, entry: &EntryInfo) {
        self.done.fetch_add(1, Ordering::Relaxed);
        if entry.is_directory() {
            self.directories.fetch_add(1, Ordering::Relaxed);
        }
        self.in_progress.fetch_sub(1, Ordering::Relaxed);
        let (index, name, bytes) = (entry.index, entry.name.as_str(), entry.size);
        self.tell(&Event::ItemFinished { index, name, bytes, packed_bytes: None });
    }

    pub(super) fn skipped(&self, entry: &EntryInfo) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
        self.in_progress.fetch_sub(1, Ordering::Relaxed);
        self.tell(&Event::ItemSkipped { index: entry.index, name: &entry.name });
    }

    /// The entry is given up because the run stops; that is no failure of its own.
    pub(super) fn abandoned(&self) {
        self.in_progress.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, entry: &EntryInfo, error: Error) {
        self.in_progress.fetch_sub(1, Ordering::Relaxed);
        if error.kind() == ErrorKind::Cancelled {
            return self.stop(error);
        }
        let error = error.in_entry(&entry.name);
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.tell(&Event::ItemFailed { index: entry.index, name: &entry.name, error: &error });
        let failure = ItemFailure { index: entry.index, name: entry.name.clone(), error };
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
    }

    fn tell(&self, event: &Event<'_>) {
        if let Some(observer) = &self.options.observer {
            observer.event(event, &self.totals());
        }
    }

    fn totals(&self) -> Totals {
        Totals {
            items_total: self.total.items,
            items_done: self.done.load(Ordering::Relaxed),
            items_failed: self.failed.load(Ordering::Relaxed),
            items_in_progress: self.in_progress.load(Ordering::Relaxed),
            bytes_total: self.total.bytes,
            bytes_in: self.bytes.load(Ordering::Relaxed),
            bytes_out: self.packed_read(),
            active_threads: self.active_threads.load(Ordering::Relaxed),
            elapsed: self.started.elapsed(),
        }
    }

    fn packed_read(&self) -> u64 {
        self.archive.context.packed_read().saturating_sub(self.packed_before)
    }

    /// The report, or why the run stopped.
    pub(super) fn finish(self) -> Result<Report> {
        if let Some(fatal) = self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(fatal);
        }
        if self.options.cancel.is_cancelled() {
            return Err(Error::cancelled());
        }
        let packed_read = self.packed_read();
        let mut failures = self.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        failures.sort_by_key(|failure| failure.index);
        if self.archive.context.key_is_verified() {
            failures.iter_mut().for_each(acquit_password);
        }
        Ok(Report {
            items_done: self.done.into_inner(),
            directories: self.directories.into_inner(),
            items_skipped: self.skipped.into_inner(),
            failures,
            bytes_in: self.bytes.into_inner(),
            bytes_out: packed_read,
            elapsed: self.started.elapsed(),
        })
    }
}

/// Another thread's folder may have proved the password right after this entry had failed: then it is damage.
fn acquit_password(failure: &mut ItemFailure) {
    if failure.error.kind() == ErrorKind::WrongPassword {
        let text = format!("data error: the encrypted data is damaged ({WRONG_PASSWORD} for this part alone)");
        failure.error = Error::new(ErrorKind::CorruptData, text).in_entry(&failure.name);
    }
}
