//! Worker threads that run closures, each with a state of its own.
//!
//! There are two queues. *Jobs* come from outside through a bounded queue: whoever adds one waits while it is full.
//! *Urgent* tasks are pieces of a running job that its worker shares out; workers take them before any new job, and a
//! job that waits for its pieces runs urgent tasks meanwhile ([`PoolHandle::help`]). Urgent tasks never wait for others,
//! so helping cannot nest and cannot deadlock.

use crate::cancel::Stop;
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded, never, unbounded};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a full queue is waited for before looking whether the run was stopped.
const STOP_CHECK: Duration = Duration::from_millis(20);

/// A closure run on a worker with the worker's state.
pub(crate) type Task<W> = Box<dyn FnOnce(&mut W) + Send>;

/// Running workers.
#[derive(Debug)]
pub(crate) struct Pool<W> {
    jobs: Sender<Task<W>>,
    threads: Vec<JoinHandle<()>>,
}

/// What a running job needs of the pool: shares out urgent tasks. While a handle exists, workers stay.
#[derive(Debug)]
pub(crate) struct PoolHandle<W> {
    urgent: Sender<Task<W>>,
    urgent_queue: Receiver<Task<W>>,
}

impl<W> Clone for PoolHandle<W> {
    fn clone(&self) -> Self {
        Self { urgent: self.urgent.clone(), urgent_queue: self.urgent_queue.clone() }
    }
}

impl<W: 'static> Pool<W> {
    /// Starts `threads` workers; `queued_jobs` wait at the most. Each worker makes its state with `state`.
    pub(crate) fn start(
        threads: usize,
        queued_jobs: usize,
        state: impl Fn() -> W + Send + Sync + 'static,
    ) -> io::Result<(Self, PoolHandle<W>)> {
        let (jobs, job_queue) = bounded::<Task<W>>(queued_jobs);
        let (urgent, urgent_queue) = unbounded();
        let state = Arc::new(state);
        let mut pool = Self { jobs, threads: Vec::with_capacity(threads) };
        for number in 0..threads {
            let (job_queue, urgent_queue, state) = (job_queue.clone(), urgent_queue.clone(), Arc::clone(&state));
            let work = move || work(&job_queue, &urgent_queue, &mut state());
            pool.threads.push(std::thread::Builder::new().name(format!("par7z-{number}")).spawn(work)?);
        }
        Ok((pool, PoolHandle { urgent, urgent_queue }))
    }

    /// Queues a job; waits while the queue is full. `false`: the run was stopped meanwhile and the job was dropped.
    pub(crate) fn submit(&self, mut job: Task<W>, stop: &Stop) -> bool {
        loop {
            match self.jobs.send_timeout(job, STOP_CHECK) {
                Ok(()) => return true,
                Err(SendTimeoutError::Disconnected(_)) => return false,
                Err(SendTimeoutError::Timeout(_)) if stop.is_set() => return false,
                Err(SendTimeoutError::Timeout(same)) => job = same,
            }
        }
    }

    /// Ends the queue and waits for the workers. Every [`PoolHandle`] outside of jobs must be gone by then.
    pub(crate) fn join(self) {
        drop(self.jobs);
        for thread in self.threads {
            // A worker cannot panic: jobs catch their own.
            let _ = thread.join();
        }
    }

    /// As [`join`](Self::join), but leaves to themselves the workers that are not done after `patience`: one may hang in
    /// a read of a caller's stream, which nobody can interrupt; it ends when that read does.
    pub(crate) fn join_within(self, patience: Duration) {
        drop(self.jobs);
        let deadline = Instant::now() + patience;
        for thread in self.threads {
            while !thread.is_finished() {
                if Instant::now() >= deadline {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

impl<W> PoolHandle<W> {
    /// Shares out a task.
    pub(crate) fn share(&self, task: Task<W>) {
        let _ = self.urgent.send(task);
    }

    /// Waits for a result, running urgent tasks meanwhile. `None` if the result's sender is gone.
    pub(crate) fn help<T>(&self, results: &Receiver<T>, state: &mut W) -> Option<T> {
        loop {
            if let Ok(result) = results.try_recv() {
                return Some(result);
            }
            crossbeam_channel::select_biased! {
                recv(results) -> result => return result.ok(),
                recv(self.urgent_queue) -> task => {
                    if let Ok(task) = task {
                        task(state);
                    }
                }
            }
        }
    }
}

impl<W: 'static> PoolHandle<W> {
    /// Runs `work` for each of `0..count`, here and on at most `helpers` other workers as they become free. Each participant
    /// makes a state of its own with `begin` when it takes its first. `take` gets the results here, in order, as soon as it can;
    /// if it fails, nothing more is begun, and what is under way is waited for.
    pub(crate) fn spread<S, T: Send + 'static, E>(
        &self,
        count: usize,
        helpers: usize,
        worker: &mut W,
        begin: impl Fn() -> S + Send + Sync + 'static,
        work: impl Fn(&mut S, usize, &mut W) -> T + Send + Sync + 'static,
        take: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let (sender, results) = unbounded();
        let spread = Arc::new(Spread { next: AtomicUsize::new(0), count, begin, work });
        for _ in 0..helpers.min(count.saturating_sub(1)) {
            // A task that nobody is free for must not keep what the work holds.
            let (spread, sender) = (Arc::downgrade(&spread), sender.clone());
            self.share(Box::new(move |worker| {
                if let Some(spread) = spread.upgrade() {
                    spread.participate(worker, |index, result| sender.send((index, result)).is_ok());
                }
            }));
        }
        let mut order = InOrder { early: BTreeMap::new(), taken: 0, received: 0, outcome: Ok(()), take };
        spread.participate(worker, |index, result| {
            order.receive(index, result) && results.try_iter().all(|(index, result)| order.receive(index, result))
        });
        // None is begun any more.
        let begun = spread.next.swap(count, Ordering::SeqCst).min(count);
        while order.received < begun {
            let Some((index, result)) = self.help(&results, worker) else { break };
            order.receive(index, result);
        }
        order.outcome
    }
}

/// Results on their way to `take`, which wants them in order.
struct InOrder<T, E, F> {
    early: BTreeMap<usize, T>,
    taken: usize,
    received: usize,
    outcome: Result<(), E>,
    take: F,
}

impl<T, E, F: FnMut(T) -> Result<(), E>> InOrder<T, E, F> {
    /// `false` when it has failed.
    fn receive(&mut self, index: usize, result: T) -> bool {
        self.received += 1;
        self.early.insert(index, result);
        while self.outcome.is_ok()
            && let Some(result) = self.early.remove(&self.taken)
        {
            self.taken += 1;
            self.outcome = (self.take)(result);
        }
        self.outcome.is_ok()
    }
}

/// Work that several workers take pieces of.
struct Spread<B, F> {
    next: AtomicUsize,
    count: usize,
    begin: B,
    work: F,
}

impl<B, F> Spread<B, F> {
    /// Takes pieces until none is left or `give` has enough.
    fn participate<S, T, W>(&self, worker: &mut W, mut give: impl FnMut(usize, T) -> bool)
    where
        B: Fn() -> S,
        F: Fn(&mut S, usize, &mut W) -> T,
    {
        let mut state = None;
        loop {
            let index = self.next.fetch_add(1, Ordering::SeqCst);
            if index >= self.count {
                return;
            }
            let result = (self.work)(state.get_or_insert_with(&self.begin), index, worker);
            if !give(index, result) {
                return;
            }
        }
    }
}

/// Runs tasks until no job can come any more and the last running job is done. Until then a worker without a job stays
/// for the urgent tasks of the others: the end of a run, often one large item, is where idle cores hurt most.
fn work<W>(jobs: &Receiver<Task<W>>, urgent: &Receiver<Task<W>>, state: &mut W) {
    let mut jobs = jobs.clone();
    loop {
        crossbeam_channel::select_biased! {
            recv(urgent) -> task => match task {
                Ok(task) => task(state),
                // Every handle is gone, and jobs hold one: nothing is left to run.
                Err(_) => return,
            },
            recv(jobs) -> job => match job {
                Ok(job) => job(state),
                Err(_) => jobs = never(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_and_every_urgent_task_runs() {
        let (pool, handle) = Pool::start(3, 2, || 0u32).expect("threads start");
        let done = Arc::new(AtomicUsize::new(0));
        let stop = Stop::default();
        for _ in 0..20 {
            let (handle, done) = (handle.clone(), Arc::clone(&done));
            let job = move |state: &mut u32| {
                let (result, results) = bounded(8);
                for _ in 0..8 {
                    let (result, done) = (result.clone(), Arc::clone(&done));
                    handle.share(Box::new(move |_| {
                        done.fetch_add(1, Ordering::Relaxed);
                        let _ = result.send(());
                    }));
                }
                drop(result);
                for _ in 0..8 {
                    assert!(handle.help(&results, state).is_some());
                }
            };
            assert!(pool.submit(Box::new(job), &stop));
        }
        drop(handle);
        pool.join();
        assert_eq!(done.load(Ordering::Relaxed), 160);
    }

    #[test]
    fn a_full_queue_gives_up_when_the_run_is_stopped() {
        let (pool, handle) = Pool::start(1, 1, || ()).expect("threads start");
        let (hold, held) = bounded::<()>(0);
        let stop = Stop::default();
        assert!(pool.submit(Box::new(move |()| assert!(held.recv().is_err())), &stop));
        // One waits in the queue (or two, if the worker has not taken the first yet); then it is full.
        stop.set();
        let refused = (0..3).any(|_| !pool.submit(Box::new(|()| {}), &stop));
        assert!(refused);
        drop(hold);
        drop(handle);
        pool.join();
    }
}
