//! Unpacking the selected entries into a [`Target`]: nothing (test), a writer, or a folder on disk.
//!
//! The unit of work is a folder; workers take folders in the archive's order. Entries that are to have the same path
//! depend on each other's order, so their folders form one [`Job`] that a single worker does in order. Threads without a job
//! help the decoders of the others, and all decoders together stay under the memory limit ([`crew`]).

use super::archive::Archive;
use super::crew::{self, Crew};
use super::layout::is_empty_file;
use super::run::Run;
use super::unpack::FolderReader;
use crate::{EntryInfo, Error, ErrorKind, ExtractOptions, Report, Result, codec};
use par7z_format::EntryKind;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes unpacked between two looks at the cancel token.
const BUFFER_BYTES: usize = 128 << 10;
/// Bytes of one entry between two progress events.
const PROGRESS_BYTES: u64 = 1 << 20;

/// Where entries go.
pub(super) trait Target {
    /// Makes room for a file. `None`: it is to be left out.
    fn begin<'a>(&'a self, entry: &'a EntryInfo) -> Result<Option<Box<dyn EntrySink + 'a>>>;
    /// A key for the place where the entry goes; entries with the same one are done in the archive's order.
    fn place(&self, entry: &EntryInfo) -> Option<String>;
}

/// Takes one entry's content.
pub(super) trait EntrySink {
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    /// All bytes came and the CRC is right.
    fn finish(self: Box<Self>) -> Result<Finished>;
    /// It failed: leave nothing behind.
    fn abort(self: Box<Self>);
}

/// What finishing an entry did.
pub(super) enum Finished {
    /// It is complete.
    Done,
    /// The rest is done at the end of the run (links), which also reports it.
    Later,
}

/// Checks everything selected.
pub(super) fn test(archive: &Archive, options: &ExtractOptions) -> Result<Report> {
    struct Nowhere;
    impl Target for Nowhere {
        fn begin<'a>(&'a self, _entry: &'a EntryInfo) -> Result<Option<Box<dyn EntrySink + 'a>>> {
            Ok(Some(Box::new(Nowhere)))
        }
        fn place(&self, _entry: &EntryInfo) -> Option<String> {
            None
        }
    }
    impl EntrySink for Nowhere {
        fn write(&mut self, _bytes: &[u8]) -> Result<()> {
            Ok(())
        }
        fn finish(self: Box<Self>) -> Result<Finished> {
            Ok(Finished::Done)
        }
        fn abort(self: Box<Self>) {}
    }
    let run = Run::new(archive, options)?;
    pass_directories(&run);
    run_parallel(&run, &Nowhere);
    run.finish()
}

/// Writes contents one after another.
pub(super) fn extract_to(archive: &Archive, out: &mut dyn Write, options: &ExtractOptions) -> Result<Report> {
    struct Out<'w>(RefCell<&'w mut dyn Write>);
    struct OutSink<'t, 'w>(&'t Out<'w>);
    impl Target for Out<'_> {
        fn begin<'a>(&'a self, _entry: &'a EntryInfo) -> Result<Option<Box<dyn EntrySink + 'a>>> {
            Ok(Some(Box::new(OutSink(self))))
        }
        fn place(&self, _entry: &EntryInfo) -> Option<String> {
            None
        }
    }
    impl EntrySink for OutSink<'_, '_> {
        fn write(&mut self, bytes: &[u8]) -> Result<()> {
            // Nothing can follow after a failed write to the only output: it ends the run.
            self.0.0.borrow_mut().write_all(bytes).map_err(|error| Error::io("cannot write the output", error))
        }
        fn finish(self: Box<Self>) -> Result<Finished> {
            Ok(Finished::Done)
        }
        fn abort(self: Box<Self>) {}
    }
    let run = Run::new(archive, options)?;
    pass_directories(&run);
    let out = Out(RefCell::new(out));
    let jobs = plan(&run, &out);
    let work = |crew| {
        let buffer = vec![0; BUFFER_BYTES];
        let mut worker = Worker { run: &run, target: &out, crew, buffer, write_is_fatal: true };
        jobs.iter().for_each(|job| worker.job(job));
    };
    // There is one output, so one thread writes; the others help its decoders.
    crew::employ(&run, 1, shares(&run), work, drop);
    let flushed = out.0.borrow_mut().flush();
    let report = run.finish()?;
    flushed.map_err(|error| Error::io("cannot write the output", error))?;
    Ok(report)
}

/// Counts directories as done and anti-items as left out, where neither means anything.
fn pass_directories(run: &Run<'_>) {
    for entry in run.selected_entries().filter(|entry| entry.kind != EntryKind::File) {
        run.begin(entry);
        match entry.kind {
            EntryKind::Anti => run.skipped(entry),
            _ => run.done(entry),
        }
    }
}

/// Something that is done in one go.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Folder(usize),
    /// An entry without content.
    EmptyFile(usize),
}

/// Units that one worker does in order.
type Job = Vec<Unit>;

/// Cuts the run into jobs, in the archive's order.
fn plan<T: Target + ?Sized>(run: &Run<'_>, target: &T) -> Vec<Job> {
    let mut units: Vec<(usize, Unit)> = Vec::new();
    for folder in 0..run.archive.layout.folders.len() {
        if let Some(first) = run.needed_entries(folder).first() {
            units.push((*first, Unit::Folder(folder)));
        }
    }
    for entry in run.selected_entries().filter(|entry| is_empty_file(entry)) {
        units.push((entry.index as usize, Unit::EmptyFile(entry.index as usize)));
    }
    units.sort_by_key(|(first, _)| *first);
    let groups = group_by_place(run, target, units.iter().map(|(_, unit)| *unit));
    let mut jobs: Vec<Job> = Vec::new();
    let mut job_of_group: HashMap<usize, usize> = HashMap::new();
    for (number, (_, unit)) in units.into_iter().enumerate() {
        let job = *job_of_group.entry(groups.root(number)).or_insert_with(|| {
            jobs.push(Job::new());
            jobs.len() - 1
        });
        jobs[job].push(unit);
    }
    jobs
}

/// Joins units that have a place in common.
fn group_by_place<T: Target + ?Sized>(run: &Run<'_>, target: &T, units: impl Iterator<Item = Unit>) -> Groups {
    let mut groups = Groups::default();
    let mut unit_of_place: HashMap<String, usize> = HashMap::new();
    for unit in units {
        let number = groups.add();
        let single;
        let entries = match unit {
            Unit::Folder(folder) => run.needed_entries(folder),
            Unit::EmptyFile(entry) => {
                single = [entry];
                &single[..]
            }
        };
        for entry in entries.iter().filter(|entry| run.selected[**entry]) {
            if let Some(place) = target.place(&run.archive.entries[*entry]) {
                let other = *unit_of_place.entry(place).or_insert(number);
                groups.join(other, number);
            }
        }
    }
    groups
}

/// Disjoint sets of numbers; a set's root is its smallest number.
#[derive(Default)]
struct Groups {
    parents: Vec<usize>,
}

impl Groups {
    fn add(&mut self) -> usize {
        self.parents.push(self.parents.len());
        self.parents.len() - 1
    }

    fn root(&self, mut number: usize) -> usize {
        while self.parents[number] != number {
            number = self.parents[number];
        }
        number
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a_root, b_root) = (self.root(a), self.root(b));
        let root = a_root.min(b_root);
        self.parents[a_root] = root;
        self.parents[b_root] = root;
        // Shortens the way for the next look-up: hostile archives have long chains.
        self.parents[a] = root;
        self.parents[b] = root;
    }
}

/// Does all jobs on as many threads as the options say.
pub(super) fn run_parallel<T: Target + Sync>(run: &Run<'_>, target: &T) {
    let jobs = plan(run, target);
    let next = AtomicUsize::new(0);
    let work = |crew| {
        let mut worker = Worker { run, target, crew, buffer: vec![0; BUFFER_BYTES], write_is_fatal: false };
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if run.is_stopped() {
                break;
            }
            worker.job(job);
            worker.crew.job_done();
        }
    };
    crew::employ(run, jobs.len(), shares(run), work, work);
}

/// Whether a decoder may have work for several threads.
fn shares(run: &Run<'_>) -> bool {
    let folders = run.archive.layout.folders.iter().enumerate();
    folders.into_iter().any(|(index, folder)| codec::may_have_parts(folder) && !run.needed_entries(index).is_empty())
}

struct Worker<'r, 'a, T: ?Sized> {
    run: &'r Run<'a>,
    target: &'r T,
    crew: Arc<Crew>,
    buffer: Vec<u8>,
    /// Whether a failed write ends the run instead of the entry.
    write_is_fatal: bool,
}

impl<'r, 'a, T: Target + ?Sized> Worker<'r, 'a, T> {
    fn job(&mut self, job: &Job) {
        for unit in job {
            if self.run.is_stopped() {
                return;
            }
            match *unit {
                Unit::Folder(folder) => self.folder(folder),
                Unit::EmptyFile(entry) => self.empty_file(&self.run.archive.entries[entry]),
            }
        }
    }

    fn empty_file(&self, entry: &EntryInfo) {
        self.run.begin(entry);
        match self.target.begin(entry) {
            Ok(Some(sink)) => self.settle(entry, sink.finish()),
            Ok(None) => self.run.skipped(entry),
            Err(error) => self.run.failed(entry, error),
        }
    }

    /// Unpacks a folder up to its last selected entry.
    fn folder(&mut self, folder: usize) {
        let run = self.run;
        let archive = run.archive;
        let entries = run.needed_entries(folder);
        let needed = archive.context.check_decoder_memory(&archive.layout.folders[folder]);
        let mut broken = needed.as_ref().err().map(|error| (error.kind(), error.to_string()));
        let crew = Arc::clone(&self.crew);
        let _permit = crew.gate.enter(needed.unwrap_or(0));
        let mut reader = archive.folder_reader(folder, run.options.cancel.clone(), crew.helpers());
        for index in entries {
            let entry = &archive.entries[*index];
            if run.is_stopped() {
                return;
            }
            if !run.selected[*index] {
                reader.skip(entry.size);
                continue;
            }
            run.begin(entry);
            match &broken {
                Some((kind, text)) => run.failed(entry, Error::new(*kind, text.clone())),
                None => broken = self.entry(entry, &mut reader),
            }
        }
    }

    /// Unpacks one entry. Returns what fails the folder's other entries too.
    fn entry(&mut self, entry: &EntryInfo, reader: &mut FolderReader<'_>) -> Option<(ErrorKind, String)> {
        let run = self.run;
        let mut sink = match self.target.begin(entry) {
            Ok(Some(sink)) => sink,
            Ok(None) => {
                reader.skip(entry.size);
                run.skipped(entry);
                return None;
            }
            Err(error) => {
                reader.skip(entry.size);
                run.failed(entry, error);
                return None;
            }
        };
        let mut crc = crc32fast::Hasher::new();
        let (mut done, mut told) = (0, 0);
        while done < entry.size {
            if run.is_stopped() {
                sink.abort();
                run.abandoned();
                return None;
            }
            let want = usize::try_from(entry.size - done).unwrap_or(usize::MAX).min(self.buffer.len());
            let bytes = match reader.read(&mut self.buffer[..want]) {
                Ok(count) => &self.buffer[..count],
                Err(error) => {
                    sink.abort();
                    let broken = (error.kind(), error.to_string());
                    run.failed(entry, error);
                    return Some(broken);
                }
            };
            crc.update(bytes);
            done += bytes.len() as u64;
            if let Err(error) = sink.write(bytes) {
                sink.abort();
                reader.skip(entry.size - done);
                self.write_failed(entry, error);
                return None;
            }
            let tell = done - told >= PROGRESS_BYTES;
            run.progress(entry, bytes.len() as u64, done, tell);
            told = if tell { done } else { told };
        }
        if let Some(Err(error)) = entry.crc.map(|stored| reader.check_crc(stored, crc.finalize())) {
            sink.abort();
            run.failed(entry, error);
            return None;
        }
        self.settle(entry, sink.finish());
        None
    }

    fn write_failed(&self, entry: &EntryInfo, error: Error) {
        if self.write_is_fatal {
            self.run.abandoned();
            self.run.stop(error);
        } else {
            self.run.failed(entry, error);
        }
    }

    fn settle(&self, entry: &EntryInfo, finished: Result<Finished>) {
        match finished {
            Ok(Finished::Done) => self.run.done(entry),
            Ok(Finished::Later) => {}
            Err(error) => self.run.failed(entry, error),
        }
    }
}
