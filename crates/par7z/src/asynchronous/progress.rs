//! Progress as a stream.
//!
//! The engine never waits for who watches: totals replace those that were not taken yet, and failures, which are not to
//! be lost, wait in a list. When the run ends, its final totals come, then the end.

use crate::{ErrorKind, Event, Observer, Report, Totals};
use futures_core::Stream;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What happens in a run. Who wants to know of each item's begin, progress and end sets an
/// [`Observer`], which is told in async runs, too.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Progress {
    /// The newest totals; those that came between two looks are left out. Where the run ends well they are the last element,
    /// and say what the [`Report`] says.
    Totals(Totals),
    /// An item failed for good. Each failure comes.
    ItemFailed {
        /// Its number.
        index: u64,
        /// Its name.
        name: String,
        /// What kind of failure.
        kind: ErrorKind,
        /// What went wrong and why.
        message: String,
    },
}

/// The stream of a run's [`Progress`], from [`Compression::progress`](super::Compression::progress). It outlives the
/// [`Compression`](super::Compression), and ends with the run.
#[derive(Debug)]
pub struct ProgressStream {
    shared: Arc<Shared>,
}

impl ProgressStream {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// What comes next; `None` when the run has ended and everything was told. What is awaited may be dropped: nothing is
    /// lost.
    pub async fn next(&mut self) -> Option<Progress> {
        poll_fn(|context| self.shared.poll(context)).await
    }
}

impl Stream for ProgressStream {
    type Item = Progress;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Progress>> {
        self.shared.poll(context)
    }
}

/// What stands between a run and its streams.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: VecDeque<Progress>,
    newest: Totals,
    /// Whether `newest` was not taken yet.
    is_new: bool,
    ended: bool,
    waiting: Vec<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Progress>> {
        let mut state = self.lock();
        if let Some(failure) = state.failures.pop_front() {
            return Poll::Ready(Some(failure));
        }
        if std::mem::take(&mut state.is_new) {
            return Poll::Ready(Some(Progress::Totals(state.newest)));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// Changes what is to be told, and wakes who waits for it.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The run has ended well: these are its totals.
    pub(super) fn complete(&self, report: &Report) {
        self.change(|state| {
            let items_failed = report.failures.len() as u64;
            state.newest = Totals {
                items_total: report.items_done + items_failed,
                items_done: report.items_done,
                items_failed,
                items_in_progress: 0,
                bytes_total: state.newest.bytes_total,
                bytes_in: report.bytes_in,
                bytes_out: report.bytes_out,
                active_threads: 0,
                elapsed: report.elapsed,
            };
            state.is_new = true;
        });
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        self.change(|state| state.ended = true);
    }
}

/// Tells the streams, and the observer that the caller has set.
pub(super) struct Teller {
    pub(super) shared: Arc<Shared>,
    pub(super) next: Option<Arc<dyn Observer>>,
}

impl Observer for Teller {
    fn event(&self, event: &Event<'_>, totals: &Totals) {
        if let Some(next) = &self.next {
            next.event(event, totals);
        }
        self.shared.change(|state| {
            if let Event::ItemFailed { index, name, error } = event {
                let (name, message) = ((*name).to_owned(), error.message());
                state.failures.push_back(Progress::ItemFailed { index: *index, name, kind: error.kind(), message });
            }
            // Workers overtake one another.
            let over = |totals: &Totals| (totals.items_done + totals.items_failed, totals.elapsed);
            if over(totals) >= over(&state.newest) {
                state.newest = *totals;
                state.is_new = true;
            }
        });
    }
}
