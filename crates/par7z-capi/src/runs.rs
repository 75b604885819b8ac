//! The runs that an object has going: they can be cancelled together, and the object's end waits for them.

use crate::abi::Hresult;
use crate::events;
use crate::failure::{E_ABORT, Failure, S_FALSE, S_OK};
use par7z::CancelToken;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

static NEXT_OWNER: AtomicU64 = AtomicU64::new(1);

/// An object's runs.
pub(crate) struct Runs {
    /// Marks callbacks of these runs; see [`events::within`].
    owner: u64,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    next: u64,
    going: HashMap<u64, CancelToken>,
}

/// A run that is going, until this is dropped.
pub(crate) struct Registration {
    runs: Arc<Runs>,
    number: u64,
    cancel: CancelToken,
}

impl Runs {
    pub(crate) fn new() -> Arc<Self> {
        let owner = NEXT_OWNER.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { owner, state: Mutex::default(), ended: Condvar::new() })
    }

    pub(crate) fn owner(&self) -> u64 {
        self.owner
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a run, which `cancel` ends. `E_ABORT` once the object is being destroyed.
    pub(crate) fn begin(self: &Arc<Self>, cancel: CancelToken) -> Result<Registration, Failure> {
        let mut state = self.lock();
        if state.closed {
            return Err(Failure::new(E_ABORT, "the handle was destroyed"));
        }
        let number = state.next;
        state.next += 1;
        state.going.insert(number, cancel.clone());
        Ok(Registration { runs: Arc::clone(self), number, cancel })
    }

    /// Cancels all that go. `S_FALSE`: none did.
    pub(crate) fn cancel(&self) -> Hresult {
        let state = self.lock();
        state.going.values().for_each(CancelToken::cancel);
        if state.going.is_empty() { S_FALSE } else { S_OK }
    }

    /// Lets no run begin any more, cancels those that go and waits for their end - unless a callback of theirs is what
    /// calls: that would wait for itself.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.going.values().for_each(CancelToken::cancel);
        if events::is_within(self.owner) {
            return;
        }
        while !state.going.is_empty() {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Registration {
    pub(crate) fn cancel_token(&self) -> &CancelToken {
        &self.cancel
    }

    pub(crate) fn owner(&self) -> u64 {
        self.runs.owner
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.runs.lock().going.remove(&self.number);
        self.runs.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn closing_cancels_and_waits() {
        let runs = Runs::new();
        assert_eq!(runs.cancel(), S_FALSE);
        let run = runs.begin(CancelToken::new()).map_err(|failure| failure.message).expect("open");
        let thread = std::thread::spawn(move || {
            while !run.cancel_token().is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        runs.close();
        assert!(runs.lock().going.is_empty());
        assert!(runs.begin(CancelToken::new()).is_err());
        thread.join().expect("it ended");
    }

    #[test]
    fn closing_from_an_own_callback_does_not_wait() {
        let runs = Runs::new();
        let _run = runs.begin(CancelToken::new()).map_err(|failure| failure.message).expect("open");
        events::within(runs.owner(), || runs.close());
    }
}
