//! Cancelling a run from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A switch that stops a run. Clones share the switch; once cancelled it stays so.
///
/// Workers look at it at least every 64 KiB of input, which is a few milliseconds of work at the slowest level.
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    cancelled: Arc<AtomicBool>,
}

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks every run that holds this token to stop. It returns at once; safe to call from a signal handler's thread.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

/// The stop flag of one run: set by the caller's token, or by the run itself when it ends early.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    token: CancelToken,
    own: Arc<AtomicBool>,
}

impl Stop {
    pub(crate) fn new(token: CancelToken) -> Self {
        Self { token, own: Arc::default() }
    }

    /// Stops this run; the caller's token, which other runs may share, stays as it is.
    pub(crate) fn set(&self) {
        self.own.store(true, Ordering::Release);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.own.load(Ordering::Acquire) || self.token.is_cancelled()
    }
}
