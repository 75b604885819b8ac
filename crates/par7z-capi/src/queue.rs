//! The stream queue: items are added from any thread while one run compresses them.
//!
//! A feeder thread takes items out of the queue and gives them to the run, so the queue may be longer than what the engine
//! takes at once. An item counts as pending until its end is told; that is what the capacity bounds.
//! (In solid mode the run holds items back until a block is full, so there it bounds those that the run has not taken yet.)
//!
//! ```text
//! Idle ──start──► Starting ──► Running ──wait: no more items, feeder ends and is joined──► Idle
//! ```

use crate::abi::FullItem;
use crate::compressor::Compressor;
use crate::events::{self, OnEvent};
use crate::failure::{E_ABORT, E_FAIL, E_OUTOFMEMORY, Failure};
use crate::handles;
use crate::run::{self, Outcome, Running};
use crate::settings::Settings;
use crate::sink::Target;
use crate::source::Prepared;
use crate::statistics::RunStatistics;
use crate::stores::Stores;
use libc::c_void;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

const DEFAULT_MAX_ITEMS: u32 = 1000;
/// How often a feeder without items looks whether its run still goes on: a full disk or Cancel must reach those who wait
/// for room.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// A stream queue.
pub(crate) struct Queue {
    compressor: Arc<Compressor>,
    /// The number of the handle under which the client reaches `compressor`.
    compressor_handle: usize,
    state: Mutex<State>,
    /// Something in `state`, or a count of the run's, changed.
    changed: Condvar,
}

struct State {
    waiting: VecDeque<Prepared>,
    /// Items whose place is taken and that are being copied.
    arriving: u32,
    max_items: u32,
    phase: Phase,
    /// Items added to the present archive (or to the last one, until another is added).
    added: u32,
    /// The figures of the run that `added` belongs to. `None` before its start.
    statistics: Option<Arc<RunStatistics>>,
    /// Archives completed, and how the last one ended.
    archives: u64,
    last_outcome: Result<Outcome, Failure>,
    /// Whether the last archive is what `added` and `statistics` tell of.
    is_over: bool,
    /// The handle is gone: nothing is taken any more.
    destroyed: bool,
}

enum Phase {
    Idle,
    /// The output is being opened, which may call the client: without the lock.
    Starting,
    Running {
        /// Whether the run holds items back that it has taken.
        is_solid: bool,
        /// `None`: someone waits for it.
        feeder: Option<JoinHandle<()>>,
        /// No more items come.
        closing: bool,
        /// The run has ended without being asked to: items added now would be lost.
        broken: bool,
    },
}

/// Items of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    /// Failed ones included.
    pub(crate) processed: u32,
    pub(crate) failed: u32,
    pub(crate) pending: u32,
}

impl State {
    fn status(&self) -> Status {
        let (done, failed) = self.statistics.as_ref().map_or((0, 0), |statistics| statistics.counts());
        let listed = self.statistics.as_ref().map_or(0, |statistics| statistics.further_objects());
        let added = self.added.saturating_add(u32::try_from(listed).unwrap_or(u32::MAX));
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX).min(added);
        let processed = count(done + failed);
        Status { processed, failed: count(failed), pending: added - processed }
    }

    /// Whether an item that was let in while archive number `archive` was made comes too late for it.
    fn is_too_late(&self, archive: u64) -> bool {
        self.destroyed || self.archives != archive || matches!(self.phase, Phase::Running { broken: true, .. })
    }

    /// The items that the capacity bounds.
    fn counted_items(&self) -> usize {
        match self.phase {
            Phase::Running { is_solid: true, .. } => self.waiting.len() + self.arriving as usize,
            _ => self.status().pending as usize,
        }
    }

    /// What is added from now on belongs to another archive than what is over.
    fn begin_counts(&mut self) {
        if std::mem::take(&mut self.is_over) {
            self.added = 0;
            self.statistics = None;
        }
    }
}

impl Queue {
    pub(crate) fn new() -> Arc<Self> {
        let compressor = Compressor::new(true);
        Arc::new(Self {
            compressor_handle: handles::insert(Arc::clone(&compressor)).addr(),
            compressor,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                arriving: 0,
                max_items: DEFAULT_MAX_ITEMS,
                phase: Phase::Idle,
                added: 0,
                statistics: None,
                archives: 0,
                last_outcome: Ok(Outcome::default()),
                is_over: false,
                destroyed: false,
            }),
            changed: Condvar::new(),
        })
    }

    pub(crate) fn compressor(&self) -> &Arc<Compressor> {
        &self.compressor
    }

    pub(crate) fn compressor_handle(&self) -> *mut c_void {
        std::ptr::without_provenance_mut(self.compressor_handle)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the caller is a callback of the queue's own run, which must not wait for it.
    fn is_within_callback(&self) -> bool {
        events::is_within(self.compressor.runs().owner())
    }

    pub(crate) fn status(&self) -> Status {
        self.lock().status()
    }

    pub(crate) fn set_max_items(&self, max_items: u32) -> Result<(), Failure> {
        if max_items == 0 {
            return Err(Failure::invalid("a queue of 0 items takes none: give at least 1"));
        }
        self.lock().max_items = max_items;
        self.changed.notify_all();
        Ok(())
    }

    /// Adds an item; waits for room while the queue runs.
    ///
    /// # Safety
    /// As [`FullItem::prepare`]; memory that is not copied stays until Close.
    pub(crate) unsafe fn add(&self, item: &FullItem) -> Result<(), Failure> {
        // SAFETY: the caller's promise.
        unsafe { item.validate()? };
        let mut state = self.room()?;
        // The place is taken before the lock is left to copy what may be large.
        state.added += 1;
        state.arriving += 1;
        let archive = state.archives;
        drop(state);
        // SAFETY: the caller's promise.
        let prepared = unsafe { item.prepare(self.compressor.runs().owner(), true) };
        let mut state = self.lock();
        let result = match prepared {
            // It was accepted and gets its Close, so this is no error of the call: it shares the fate of those before it.
            Ok(prepared) if state.is_too_late(archive) => {
                drop(state);
                drop(prepared);
                state = self.lock();
                Ok(())
            }
            Ok(prepared) => {
                state.waiting.push_back(prepared);
                Ok(())
            }
            Err(failure) => {
                if state.archives == archive {
                    state.added -= 1;
                }
                Err(failure)
            }
        };
        state.arriving -= 1;
        self.changed.notify_all();
        result
    }

    /// Waits until an item may be added.
    fn room(&self) -> Result<MutexGuard<'_, State>, Failure> {
        let mut state = self.lock();
        loop {
            if state.destroyed {
                return Err(Failure::new(E_ABORT, "the queue was destroyed"));
            }
            state.begin_counts();
            let is_running = match state.phase {
                Phase::Running { broken: true, .. } => return Err(ended_early()),
                Phase::Running { closing: true, .. } => {
                    let text = "WaitForCompletion was called: it comes after the last item";
                    return Err(Failure::new(E_FAIL, text));
                }
                Phase::Running { .. } => true,
                Phase::Idle | Phase::Starting => false,
            };
            if state.counted_items() < state.max_items as usize {
                return Ok(state);
            }
            if !is_running || self.is_within_callback() {
                let text = format!("the queue is full: {} items are pending", state.max_items);
                return Err(Failure::new(E_OUTOFMEMORY, text));
            }
            state = self.wait(state);
        }
    }

    /// Starts the run.
    pub(crate) fn start(self: &Arc<Self>, target: Target, on_event: Option<OnEvent>) -> Result<(), Failure> {
        {
            let mut state = self.lock();
            if !matches!(state.phase, Phase::Idle) {
                let text = "the queue is running: call WaitForCompletion before it is started again";
                return Err(Failure::new(E_FAIL, text));
            }
            state.phase = Phase::Starting;
        }
        let settings = self.compressor.settings();
        let is_solid = settings.is_solid();
        let started = self.start_feeder(&settings, target, on_event);
        let mut state = self.lock();
        self.changed.notify_all();
        match started {
            Ok((feeder, statistics)) => {
                state.begin_counts();
                state.statistics = Some(statistics);
                state.phase = Phase::Running { is_solid, feeder: Some(feeder), closing: false, broken: false };
                Ok(())
            }
            Err(failure) => {
                state.phase = Phase::Idle;
                Err(failure)
            }
        }
    }

    fn start_feeder(
        self: &Arc<Self>,
        settings: &Settings,
        target: Target,
        on_event: Option<OnEvent>,
    ) -> Result<(JoinHandle<()>, Arc<RunStatistics>), Failure> {
        let watched = Arc::clone(self);
        let item_ended = Box::new(move || {
            // Locked once, so that nobody is between looking at the counts and waiting.
            drop(watched.lock());
            watched.changed.notify_all();
        });
        let stores = Stores::new(&settings.stores);
        let running = run::start(&self.compressor, settings, stores, target, on_event, Some(item_ended))?;
        let statistics = Arc::clone(running.statistics());
        let queue = Arc::clone(self);
        let feeder = std::thread::Builder::new().name("par7z-queue".to_owned()).spawn(move || queue.feed(running));
        let feeder = feeder.map_err(|error| par7z::Error::io("cannot start a thread", error))?;
        Ok((feeder, statistics))
    }

    /// The feeder: gives items to the run until no more come, then completes the archive.
    fn feed(&self, running: Running) {
        while let Some(prepared) = self.next_item(&running) {
            // Before it can be done: a client that counts must not see more items done than there are.
            running.statistics().items_added(1);
            running.add(prepared);
            // In solid mode there is room again.
            self.changed.notify_all();
        }
        let outcome = running.finish();
        let left = {
            let mut state = self.lock();
            if let Phase::Running { broken, closing, .. } = &mut state.phase {
                *broken = outcome.is_err() || !*closing;
            }
            state.last_outcome = outcome;
            std::mem::take(&mut state.waiting)
        };
        self.changed.notify_all();
        drop(left);
    }

    /// The next item. `None`: no more come, or the run has ended early.
    fn next_item(&self, running: &Running) -> Option<Prepared> {
        let mut state = self.lock();
        while matches!(state.phase, Phase::Starting) {
            state = self.wait(state);
        }
        loop {
            if running.has_ended_early() {
                return None;
            }
            if let Some(prepared) = state.waiting.pop_front() {
                return Some(prepared);
            }
            if matches!(state.phase, Phase::Running { closing: true, .. }) && state.arriving == 0 {
                return None;
            }
            if running.holds_items() {
                drop(state);
                running.add_held();
                state = self.lock();
                continue;
            }
            state = self.changed.wait_timeout(state, LOOK_INTERVAL).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says that no more items come, and waits for the archive. Without a run: the outcome of the last one, if the queue
    /// has not been used since.
    pub(crate) fn wait_for_completion(&self) -> Result<Outcome, Failure> {
        if self.is_within_callback() {
            return Err(Failure::invalid("a callback cannot wait for the run that called it"));
        }
        let state = self.lock();
        let before = state.archives;
        let state = self.join_run(state);
        if state.archives != before || state.is_over { state.last_outcome.clone() } else { Ok(Outcome::default()) }
    }

    /// Says that no more items come, and waits for the end of the run, if there is one: whoever takes the feeder joins it,
    /// the others wait for that one.
    fn join_run<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while matches!(state.phase, Phase::Starting) {
            state = self.wait(state);
        }
        let before = state.archives;
        let Phase::Running { feeder, closing, .. } = &mut state.phase else { return state };
        *closing = true;
        let feeder = feeder.take();
        self.changed.notify_all();
        if let Some(feeder) = feeder {
            drop(state);
            let _ = feeder.join();
            state = self.lock();
            state.phase = Phase::Idle;
            state.is_over = true;
            state.archives += 1;
            self.changed.notify_all();
        }
        while state.archives == before {
            state = self.wait(state);
        }
        state
    }

    /// Ends it: cancels its run, waits for that, and drops what waits. Called by a callback of that run, it cannot wait:
    /// the feeder then ends by itself, and what is left goes with the last reference.
    pub(crate) fn close(&self) {
        handles::remove_if::<Compressor>(self.compressor_handle(), |_| true);
        self.lock().destroyed = true;
        self.changed.notify_all();
        self.compressor.close();
        if self.is_within_callback() {
            return;
        }
        let mut state = self.join_run(self.lock());
        while state.arriving > 0 {
            state = self.wait(state);
        }
        let left = std::mem::take(&mut state.waiting);
        // Dropping an item may call the client, who may call the queue.
        drop(state);
        drop(left);
    }
}

fn ended_early() -> Failure {
    Failure::new(E_ABORT, "the run has ended early; WaitForCompletion says why")
}
