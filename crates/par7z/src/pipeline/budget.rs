//! The bytes that may be in flight at once.
//!
//! Bytes are reserved before they are read or made and released when the [`Reservation`] is dropped. Every reservation
//! names the job it is for. One job at a time is the *head*: the one whose output is being written. It alone may use the
//! head reserve, so it moves on however full the rest is, and with it, sooner or later, every other job becomes head.
//! That is the whole argument why waiting here cannot end in a deadlock.
//!
//! Invariants: `general_used <= general_bytes`; `head_used <= head_bytes`, but for one reservation that is larger than
//! the reserve itself and is granted to a head that holds nothing else of it.

use crate::cancel::Stop;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a waiter sleeps before it looks whether the run was stopped.
const STOP_CHECK: Duration = Duration::from_millis(20);

/// Bytes in flight, shared by all jobs of a run.
#[derive(Debug)]
pub(crate) struct Budget {
    state: Mutex<State>,
    freed: Condvar,
    general_bytes: u64,
    head_bytes: u64,
    /// Set when the run ends early: waiters give up.
    stop: Stop,
}

#[derive(Debug, Default)]
struct State {
    general_used: u64,
    head_used: u64,
    head: Option<u64>,
    /// Most bytes ever reserved at once, for reports and tests.
    peak: u64,
}

/// Reserved bytes; dropping it releases them.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    general_bytes: u64,
    head_bytes: u64,
}

/// The run was stopped while a reservation waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

impl Budget {
    /// `total_bytes` in all, of which `head_bytes` are for the head alone.
    pub(crate) fn new(total_bytes: u64, head_bytes: u64, stop: Stop) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            freed: Condvar::new(),
            general_bytes: total_bytes.saturating_sub(head_bytes),
            head_bytes,
            stop,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes `job` the head (or nobody).
    pub(crate) fn set_head(&self, job: Option<u64>) {
        self.lock().head = job;
        self.freed.notify_all();
    }

    /// The head. If there is none, `next` becomes it: in one step, or a job that elects itself in between would be
    /// deposed, and what it holds of the head reserve would be missing to the next head for ever.
    pub(crate) fn head_or(&self, next: Option<u64>) -> Option<u64> {
        let mut state = self.lock();
        state.head = state.head.or(next);
        state.head
    }

    /// Most bytes ever reserved at once.
    #[cfg(test)]
    pub(crate) fn peak(&self) -> u64 {
        self.lock().peak
    }

    /// Reserves without waiting.
    #[cfg(test)]
    pub(crate) fn try_reserve(self: &Arc<Self>, job: u64, bytes: u64) -> Option<Reservation> {
        self.take(&mut self.lock(), job, bytes)
    }

    /// Reserves, waiting until the bytes are free or the job is head. With `elect`, a job that would have to wait while
    /// nobody is head becomes head (for runs without a fixed order).
    pub(crate) fn reserve(self: &Arc<Self>, job: u64, bytes: u64, elect: bool) -> Result<Reservation, Stopped> {
        let mut state = self.lock();
        loop {
            if self.stop.is_set() {
                return Err(Stopped);
            }
            if let Some(reservation) = self.take(&mut state, job, bytes) {
                return Ok(reservation);
            }
            if elect && state.head.is_none() {
                state.head = Some(job);
                continue;
            }
            state = self.freed.wait_timeout(state, STOP_CHECK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn take(self: &Arc<Self>, state: &mut State, job: u64, bytes: u64) -> Option<Reservation> {
        let budget = Arc::clone(self);
        let reservation = if state.general_used.saturating_add(bytes) <= self.general_bytes {
            state.general_used += bytes;
            Reservation { budget, general_bytes: bytes, head_bytes: 0 }
        } else if state.head == Some(job)
            && (state.head_used == 0 || state.head_used.saturating_add(bytes) <= self.head_bytes)
        {
            state.head_used += bytes;
            Reservation { budget, general_bytes: 0, head_bytes: bytes }
        } else {
            return None;
        };
        state.peak = state.peak.max(state.general_used + state.head_used);
        Some(reservation)
    }

    fn release(&self, general_bytes: u64, head_bytes: u64) {
        if general_bytes + head_bytes == 0 {
            return;
        }
        let mut state = self.lock();
        state.general_used -= general_bytes;
        state.head_used -= head_bytes;
        drop(state);
        self.freed.notify_all();
    }
}

impl Reservation {
    /// Bytes reserved.
    pub(crate) fn bytes(&self) -> u64 {
        self.general_bytes + self.head_bytes
    }

    /// Takes over what `other` holds.
    pub(crate) fn absorb(&mut self, mut other: Reservation) {
        self.general_bytes += std::mem::take(&mut other.general_bytes);
        self.head_bytes += std::mem::take(&mut other.head_bytes);
    }

    /// Takes `bytes` out, or as many as there are, as a reservation of their own.
    pub(crate) fn split_off(&mut self, bytes: u64) -> Self {
        let general_bytes = bytes.min(self.general_bytes);
        let head_bytes = (bytes - general_bytes).min(self.head_bytes);
        self.general_bytes -= general_bytes;
        self.head_bytes -= head_bytes;
        Self { budget: Arc::clone(&self.budget), general_bytes, head_bytes }
    }

    /// Gives back all but `bytes`, those of the general part first: others wait for these.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        let surplus = self.bytes().saturating_sub(bytes);
        let general_bytes = surplus.min(self.general_bytes);
        let head_bytes = surplus - general_bytes;
        self.general_bytes -= general_bytes;
        self.head_bytes -= head_bytes;
        self.budget.release(general_bytes, head_bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.release(self.general_bytes, self.head_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(total: u64, head: u64) -> (Arc<Budget>, Stop) {
        let stop = Stop::default();
        (Budget::new(total, head, stop.clone()), stop)
    }

    #[test]
    fn the_general_part_is_never_exceeded() {
        let (budget, _) = budget(100, 20);
        let first = budget.try_reserve(1, 80).expect("80 of 80 are free");
        assert!(budget.try_reserve(2, 1).is_none());
        drop(first);
        assert!(budget.try_reserve(2, 80).is_some());
        assert_eq!(budget.peak(), 80);
    }

    #[test]
    fn only_the_head_uses_the_reserve() {
        let (budget, _) = budget(100, 20);
        let _full = budget.try_reserve(1, 80).expect("free");
        budget.set_head(Some(2));
        let _head = budget.try_reserve(2, 15).expect("the head has a reserve");
        assert!(budget.try_reserve(2, 6).is_none(), "15 of 20 are used");
        assert!(budget.try_reserve(3, 1).is_none(), "not the head");
    }

    #[test]
    fn a_head_that_holds_nothing_gets_even_more_than_the_reserve() {
        let (budget, _) = budget(100, 20);
        budget.set_head(Some(1));
        assert!(budget.try_reserve(1, 500).is_some());
    }

    #[test]
    fn shrinking_frees_the_surplus() {
        let (budget, _) = budget(100, 0);
        let mut reservation = budget.try_reserve(1, 100).expect("free");
        reservation.shrink_to(30);
        assert!(budget.try_reserve(2, 70).is_some());
        reservation.shrink_to(50);
        assert!(budget.try_reserve(2, 71).is_none(), "shrinking never grows");
    }

    #[test]
    fn a_waiter_goes_on_when_it_becomes_head() {
        let (budget, _) = budget(100, 20);
        let _full = budget.try_reserve(1, 80).expect("free");
        let waiting = Arc::clone(&budget);
        let waiter = std::thread::spawn(move || waiting.reserve(2, 10, false).map(|_| ()));
        budget.set_head(Some(2));
        assert_eq!(waiter.join().expect("no panic"), Ok(()));
    }

    #[test]
    fn a_waiter_elects_itself_where_there_is_no_head() {
        let (budget, _) = budget(100, 20);
        let _full = budget.try_reserve(1, 80).expect("free");
        assert!(budget.reserve(2, 10, true).is_ok());
        assert_eq!(budget.head_or(Some(3)), Some(2), "an elected head is not deposed");
    }

    #[test]
    fn a_stopped_run_ends_the_waiting() {
        let (budget, stop) = budget(100, 20);
        let _full = budget.try_reserve(1, 80).expect("free");
        stop.set();
        assert_eq!(budget.reserve(2, 10, false).map(|_| ()), Err(Stopped));
    }
}
