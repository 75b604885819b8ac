//! How one of the engine's threads waits for an async object: it polls it within the runtime's context and sleeps until
//! the object wakes it or the run is stopped.

use crate::cancel::Stop;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::runtime::{EnterGuard, Handle};

/// How long an object that does not wake is waited for before looking whether the run was stopped.
const STOP_CHECK: Duration = Duration::from_millis(20);

/// The run was stopped.
#[derive(Debug)]
pub(super) struct Stopped;

/// Waits for one object, on one thread at a time.
pub(super) struct Waiter {
    runtime: Handle,
    alarm: Arc<Alarm>,
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").finish_non_exhaustive()
    }
}

impl Waiter {
    pub(super) fn new(runtime: Handle) -> Self {
        Self { runtime, alarm: Arc::default() }
    }

    /// What async objects need around them, also where they are dropped: timers, I/O, `spawn`.
    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Polls until there is a result.
    pub(super) fn wait<T>(&self, stop: &Stop, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Result<T, Stopped> {
        let _runtime = self.enter();
        let waker = Waker::from(Arc::clone(&self.alarm));
        let mut context = Context::from_waker(&waker);
        loop {
            if stop.is_set() {
                return Err(Stopped);
            }
            if let Poll::Ready(result) = poll(&mut context) {
                return Ok(result);
            }
            self.alarm.wait();
        }
    }
}

/// A waker that can be waited for. One that comes early is kept.
#[derive(Default)]
struct Alarm {
    rung: Mutex<bool>,
    bell: Condvar,
}

impl Alarm {
    fn wait(&self) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(rung, STOP_CHECK, |rung| !*rung);
        let (mut rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *rung = false;
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_one();
    }
}
