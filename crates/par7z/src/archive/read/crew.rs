//! The threads of one run over an archive, and the memory that their decoders take together.
//!
//! A thread does jobs as long as there are any; then it serves the decoders of those that are still at theirs, until the
//! last one is done. The threads end when nobody holds the [`Crew`] any more, so whoever has done its jobs lets go of it.

use super::run::Run;
use crate::CancelToken;
use crate::codec::Helpers;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A piece of work of a decoder.
type Task = Box<dyn FnOnce() + Send>;

/// What the threads that do jobs have in common.
pub(super) struct Crew {
    threads: usize,
    jobs_left: AtomicUsize,
    pub(super) gate: MemoryGate,
    tasks: Sender<Task>,
    cancel: CancelToken,
}

impl Crew {
    /// Called when a job is done.
    pub(super) fn job_done(&self) {
        self.jobs_left.fetch_sub(1, Ordering::Relaxed);
    }

    /// For a decoder; `None` if there is but one thread.
    pub(super) fn helpers(self: &Arc<Self>) -> Option<Arc<dyn Helpers>> {
        (self.threads > 1).then(|| Arc::clone(self) as Arc<dyn Helpers>)
    }
}

impl Helpers for Crew {
    fn spare_threads(&self) -> usize {
        let busy = self.jobs_left.load(Ordering::Relaxed).clamp(1, self.threads);
        (self.threads - busy).div_ceil(busy)
    }

    fn share(&self, task: Task) {
        let _ = self.tasks.send(task);
    }

    fn try_reserve(&self, bytes: u64) -> bool {
        self.gate.try_take(bytes)
    }

    fn release(&self, bytes: u64) {
        self.gate.release(bytes);
    }

    fn is_stopped(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

/// Runs `here` on this thread and `there` on the others, for `jobs` jobs. If `shares`, their decoders may use any number of
/// threads; else no more are started than there are jobs. All have ended when it returns.
pub(super) fn employ(
    run: &Run<'_>,
    jobs: usize,
    shares: bool,
    here: impl FnOnce(Arc<Crew>),
    there: impl Fn(Arc<Crew>) + Sync,
) {
    let threads = run.options.threads.resolve();
    let threads = if shares { threads } else { threads.clamp(1, jobs.max(1)) };
    let (tasks, queue) = unbounded();
    let gate = MemoryGate::new(run.archive.context.limits.decoder_memory_bytes);
    let cancel = run.options.cancel.clone();
    let crew = Arc::new(Crew { threads, jobs_left: AtomicUsize::new(jobs), gate, tasks, cancel });
    std::thread::scope(|scope| {
        // It goes with `here`, also if that panics.
        let crew = crew;
        let there = &there;
        // A thread that cannot be had is one less; the caller's own thread does the work in any case.
        let start = |_| {
            let (crew, queue) = (Arc::clone(&crew), queue.clone());
            let work = move || {
                count_active(run, || there(crew));
                serve(run, &queue);
            };
            std::thread::Builder::new().name("par7z-unpack".into()).spawn_scoped(scope, work).ok()
        };
        let helpers: Vec<_> = (1..threads).map_while(start).collect();
        count_active(run, || here(crew));
        serve(run, &queue);
        for helper in helpers {
            // The scope would wait for the end of `work` alone. Whoever unloads the library after this call must find no
            // thread of it that still runs.
            if let Err(panic) = helper.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// Does what decoders share out, until nobody has a crew any more.
fn serve(run: &Run<'_>, queue: &Receiver<Task>) {
    for task in queue {
        count_active(run, task);
    }
}

fn count_active(run: &Run<'_>, work: impl FnOnce()) {
    run.active_threads.fetch_add(1, Ordering::Relaxed);
    work();
    run.active_threads.fetch_sub(1, Ordering::Relaxed);
}

/// Keeps the decoders in flight, and their parts, below a sum of memory.
pub(super) struct MemoryGate {
    limit: u64,
    state: Mutex<Gate>,
    freed: Condvar,
}

#[derive(Default)]
struct Gate {
    bytes: u64,
    /// Decoders that wait: they go before parts, which nobody waits for.
    waiting: usize,
}

impl MemoryGate {
    fn new(limit: u64) -> Self {
        Self { limit, state: Mutex::default(), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `bytes` more fit, or nothing else is in flight: a single decoder may always run, since it was checked alone.
    pub(super) fn enter(&self, bytes: u64) -> Permit<'_> {
        let mut gate = self.lock();
        gate.waiting += 1;
        while gate.bytes > 0 && gate.bytes.saturating_add(bytes) > self.limit {
            gate = self.freed.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        gate.waiting -= 1;
        gate.bytes = gate.bytes.saturating_add(bytes);
        Permit { gate: self, bytes }
    }

    /// Takes `bytes` if they fit and no decoder waits for memory.
    fn try_take(&self, bytes: u64) -> bool {
        let mut gate = self.lock();
        let fits = gate.waiting == 0 && gate.bytes.saturating_add(bytes) <= self.limit;
        gate.bytes += if fits { bytes } else { 0 };
        fits
    }

    fn release(&self, bytes: u64) {
        let mut gate = self.lock();
        gate.bytes = gate.bytes.saturating_sub(bytes);
        self.freed.notify_all();
    }
}

/// The memory of one decoder.
pub(super) struct Permit<'a> {
    gate: &'a MemoryGate,
    bytes: u64,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.gate.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_take_what_is_left_and_decoders_go_first() {
        let gate = MemoryGate::new(100);
        let decoder = gate.enter(60);
        assert!(!gate.try_take(41) && gate.try_take(40));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(gate.enter(30)));
            while gate.lock().waiting == 0 {
                std::thread::yield_now();
            }
            gate.lock().bytes -= 20;
            assert!(!gate.try_take(1), "a decoder waits");
            gate.release(20);
            waiting.join().expect("no panic");
        });
        assert!(gate.try_take(40));
        drop(decoder);
        gate.release(40);
        assert_eq!(gate.lock().bytes, 0);
    }
}
