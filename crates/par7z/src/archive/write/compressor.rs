//! The public face of writing: [`Compressor`] and [`Session`].

use super::commit::commit;
use super::job::{Job, run_job};
use super::plan::{Planner, expected_size};
use super::run::{Run, Worker, encoder_memory_bytes, resolve_method};
use crate::cancel::Stop;
use crate::pipeline::{Pool, PoolHandle};
use crate::storage::{PathSink, Sink, VecSink};
use crate::{Error, ErrorKind, FilterChoice, Item, LzmaMatchFinder, Method, Report, Result, Stragglers, WriteOptions};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Jobs that wait for a worker, per thread. Enough that no worker finds the queue empty, and few enough that items which
/// hold buffers do not pile up.
const QUEUED_JOBS_PER_THREAD: usize = 4;
/// How long a run that ended early waits for its workers before it leaves them to themselves ([`Stragglers::Leave`]).
const PATIENCE: Duration = Duration::from_millis(100);

/// Compresses items into archives, with one set of options. It holds no threads: each run starts its own, and several
/// runs may go on at once.
///
/// # Memory
/// A run holds at most [`WriteOptions::memory_budget`], plus an encoder per thread
/// ([`encoder_memory_bytes`](Self::encoder_memory_bytes)), plus under 1 KB per item for its entry.
#[derive(Debug, Clone)]
pub struct Compressor {
    pub(crate) options: WriteOptions,
}

impl Compressor {
    /// Checks that the options fit together.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] for a filter chain in front of the Copy method.
    pub fn new(options: WriteOptions) -> Result<Self> {
        let stores = options.level == 0 || options.method == Method::Copy;
        if stores && matches!(&options.filters, FilterChoice::Chain(chain) if !chain.is_empty()) {
            let text = "filters without compression: choose a level above 0 and a method other than Copy";
            return Err(Error::new(ErrorKind::InvalidOption, text));
        }
        Ok(Self { options })
    }

    /// Memory of one thread's encoder in bytes, for items of at most `item_bytes` (`None`: of any size). A run takes
    /// [`WriteOptions::memory_budget`] and this for each thread.
    pub fn encoder_memory_bytes(&self, item_bytes: Option<u64>) -> u64 {
        let threads = self.options.threads.resolve() as u64;
        encoder_memory_bytes(&resolve_method(&self.options), &self.options, item_bytes, threads)
    }

    /// How matches are found in large items: the level's way, or a leaner one under a tight
    /// [`encoder_memory`](WriteOptions::encoder_memory). `None` for methods other than LZMA and LZMA2.
    pub fn match_finder(&self) -> Option<LzmaMatchFinder> {
        resolve_method(&self.options).match_finder()
    }

    /// Compresses items into a sink (see [`storage`](crate::storage)). Items are taken from the iterator as workers get
    /// free.
    ///
    /// # Errors
    /// What ended the run: [`ErrorKind::Cancelled`], [`ErrorKind::Io`] from the sink, or under
    /// [`ErrorPolicy::Abort`](crate::ErrorPolicy::Abort) the first failed item's. A failed item alone is no error: see
    /// [`Report::failures`].
    pub fn compress(&self, items: impl IntoIterator<Item = Item>, sink: impl Sink + 'static) -> Result<Report> {
        let session = self.start(sink)?;
        for item in items {
            if session.add(item).is_err() {
                // The run has ended early; `finish` says why.
                break;
            }
        }
        session.finish()
    }

    /// Compresses items into the archive file `path`, which appears (or is replaced) when it is complete.
    ///
    /// # Errors
    /// As [`compress`](Self::compress) and [`PathSink::create`].
    pub fn compress_to_path(&self, items: impl IntoIterator<Item = Item>, path: impl AsRef<Path>) -> Result<Report> {
        self.compress(items, PathSink::create(path)?)
    }

    /// Compresses items into memory.
    ///
    /// # Errors
    /// As [`compress`](Self::compress).
    pub fn compress_to_vec(&self, items: impl IntoIterator<Item = Item>) -> Result<(Vec<u8>, Report)> {
        let (sink, written) = VecSink::new();
        let report = self.compress(items, sink)?;
        let bytes = written.take().ok_or_else(|| super::run::internal("the archive got lost"))?;
        Ok((bytes, report))
    }

    /// Starts a run; add items to the session, then finish it.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if threads cannot be started or no random IV can be had.
    pub fn start(&self, sink: impl Sink + 'static) -> Result<Session> {
        self.start_stoppable(sink, Stop::new(self.options.cancel.clone()))
    }

    /// As [`start`](Self::start), with a stop flag that others hold, too.
    pub(crate) fn start_stoppable(&self, sink: impl Sink + 'static, stop: Stop) -> Result<Session> {
        let run = Arc::new(Run::new(&self.options, stop)?);
        let threads = self.options.threads.resolve();
        let (pool, handle) = Pool::start(threads, threads * QUEUED_JOBS_PER_THREAD, Worker::default)
            .map_err(|error| Error::io("cannot start the worker threads", error))?;
        let committer = {
            let run = Arc::clone(&run);
            let sink = Box::new(sink);
            std::thread::Builder::new()
                .name("par7z-commit".to_owned())
                .spawn(move || {
                    // A sink that panics must not leave workers and callers waiting for it.
                    let _stops = StopWhenDropped(&run);
                    commit(&run, sink)
                })
                .map_err(|error| Error::io("cannot start the committer thread", error))?
        };
        let planner = Planner::new(
            self.options.solid,
            run.method.dictionary_bytes(),
            run.block_bytes,
            self.options.memory_budget_bytes / 2,
        );
        Ok(Session { running: Some(Running { run, pool, handle, committer }), planner: Mutex::new(planner) })
    }
}

/// A run to which items are added while it goes on, from any thread (`&Session` is enough). Dropping it without
/// [`finish`](Self::finish) cancels the run; the sink is given up.
pub struct Session {
    running: Option<Running>,
    planner: Mutex<Planner>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

struct Running {
    run: Arc<Run>,
    pool: Pool<Worker>,
    handle: PoolHandle<Worker>,
    committer: JoinHandle<Result<Report>>,
}

impl Session {
    /// Adds an item; waits while the queue is full (four jobs per thread). Its number is the count of those before.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] if the run has ended early; [`finish`](Self::finish) then says why.
    pub fn add(&self, item: Item) -> Result<()> {
        let Some(running) = &self.running else { return Err(Error::cancelled()) };
        running.run.check()?;
        let size = expected_size(&item);
        running.run.tracker.added(size);
        let mut planner = self.planner.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = planner.add(item, size);
        // Still under the lock: jobs reach the queue in the order of their numbers, so the head is never behind others.
        running.submit(jobs)
    }

    /// Whether the run was cancelled or has failed, so that nothing can be added any more; [`finish`](Self::finish) says
    /// why.
    pub fn has_ended_early(&self) -> bool {
        self.running.as_ref().is_none_or(|running| running.run.check().is_err())
    }

    /// Waits for the end, writes the header and completes the sink. What it waits for if the run ends early, see
    /// [`Stragglers`].
    ///
    /// # Errors
    /// As [`Compressor::compress`].
    pub fn finish(mut self) -> Result<Report> {
        let Some(running) = self.running.take() else { return Err(Error::cancelled()) };
        let mut planner = self.planner.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = planner.finish();
        let submitted = running.submit(jobs);
        running.run.ordered.close(planner.job_count());
        running.end(submitted.is_ok())
    }
}

/// Stops a run that has lost its committer. After a good end it changes nothing.
struct StopWhenDropped<'run>(&'run Run);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.stop().set();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.run.fail(Error::cancelled());
            let _ = running.end(false);
        }
    }
}

impl Running {
    fn submit(&self, jobs: Vec<Job>) -> Result<()> {
        for job in jobs {
            let (run, handle) = (Arc::clone(&self.run), self.handle.clone());
            let task = Box::new(move |worker: &mut Worker| run_job(&run, &handle, worker, job));
            if !self.pool.submit(task, self.run.stop()) {
                return Err(Error::cancelled());
            }
        }
        Ok(())
    }

    fn end(self, complete: bool) -> Result<Report> {
        if !complete {
            // Nothing that was not submitted will come: the committer must not wait for it.
            self.run.fail(Error::cancelled());
        }
        let result = self.committer.join().unwrap_or_else(|_| Err(super::run::internal("the committer panicked")));
        drop(self.handle);
        if result.is_ok() || self.run.options.stragglers == Stragglers::Wait {
            self.pool.join();
        } else {
            self.pool.join_within(PATIENCE);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeflateParams, Filter, LzmaParams, Solid, Threads};

    /// Most bytes that were reserved at once while `items` were compressed.
    fn peak(options: WriteOptions, items: Vec<Item>) -> u64 {
        let options = options.level(1).expect("in range").threads(Threads::new(2).expect("in range"));
        let (sink, _) = VecSink::new();
        let session = Compressor::new(options).and_then(|compressor| compressor.start(sink)).expect("it starts");
        let run = Arc::clone(&session.running.as_ref().expect("it runs").run);
        for item in items {
            session.add(item).expect("added");
        }
        session.finish().expect("it ends well");
        run.budget.peak()
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn callers_buffers_take_nothing_of_the_budget() {
        let large = || vec![Item::from_bytes("large", vec![0; 32 << 20])];
        let lzma2 = Method::Lzma2(LzmaParams { dictionary_bytes: Some(1 << 16), ..LzmaParams::default() });
        let options = |method| WriteOptions::new().method(method).expect("valid");
        // All slices may be out at once, each with what it packs to at the most: 32 MiB and a 64th.
        let sliced = peak(options(lzma2), large());
        assert!(sliced <= 33 * MIB, "{sliced}");
        // Streams reserve the chunks that come out.
        for method in [Method::Copy, Method::Deflate(DeflateParams::default())] {
            let streamed = peak(options(method).memory_budget(16 * MIB).expect("in range"), large());
            assert!(streamed <= 16 * MIB && (method == Method::Copy || streamed < MIB), "{method:?}: {streamed}");
        }
        // A filtered copy of one slice (1 MiB) at a time.
        let filtered = options(Method::Deflate(DeflateParams::default()));
        let filtered = filtered.filters(FilterChoice::Chain(vec![Filter::BcjX86])).expect("valid");
        let filtered = peak(filtered, large());
        assert!((MIB..3 * MIB).contains(&filtered), "{filtered}");
        // Nor are they read ahead into a solid folder: what is reserved is the folder's slice and what it packs to.
        let small = (0..20).map(|n| Item::from_bytes(format!("{n}"), vec![0; 40_000])).collect();
        let solid = peak(options(lzma2).solid(Solid::ON).expect("valid"), small);
        assert!(solid <= 2 * MIB + MIB / 32, "{solid}");
    }
}
