//! The one bridge between par7z's threads and asynchronous I/O.
//!
//! One tokio runtime of two threads for the whole process, begun with the first store and ended with the last. Its
//! threads wait for the network and move bytes; they never run the engine's code, so they never wait for a worker.
//! The other way round workers do wait ([`Runtime::wait`]), on a channel of the standard library: that works on any
//! thread, one of the caller's own runtime included.

use par7z::{CancelToken, Error, ErrorKind, Result};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

/// TLS and the stores' protocols are cheap beside compression.
const THREADS: usize = 2;
/// How long the end waits for threads that look up a host name, which cannot be interrupted.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two looks at whether the caller has cancelled, while a store says nothing.
const LOOK: Duration = Duration::from_millis(100);

static SHARED: Mutex<Weak<Inner>> = Mutex::new(Weak::new());

/// A hold on the process's runtime.
#[derive(Clone)]
pub(crate) struct Runtime(Arc<Inner>);

struct Inner {
    handle: Handle,
    /// Taken on drop.
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        if Handle::try_current().is_ok() {
            // Nothing may block on a thread of a runtime.
            runtime.shutdown_background();
        } else {
            runtime.shutdown_timeout(PATIENCE);
        }
    }
}

impl Runtime {
    /// The process's runtime, which is begun if there is none.
    pub(crate) fn shared() -> Result<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inner) = shared.upgrade() {
            return Ok(Self(inner));
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("par7z-net")
            .enable_all()
            .build()
            .map_err(|error| Error::io("cannot start the threads for the network", error))?;
        let inner = Arc::new(Inner { handle: runtime.handle().clone(), runtime: Some(runtime) });
        *shared = Arc::downgrade(&inner);
        Ok(Self(inner))
    }

    /// For tasks, which must not keep the runtime that runs them.
    pub(crate) fn handle(&self) -> &Handle {
        &self.0.handle
    }

    /// Starts a task.
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.handle.spawn(future)
    }

    /// Runs a future on the runtime and waits for it. `None` if it panicked. Not from a task of this runtime: the new task
    /// could be queued behind the one that waits for it.
    pub(crate) fn wait<F>(&self, future: F) -> Option<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.spawn(async move {
            // Nobody is gone: this thread waits.
            let _ = sender.send(future.await);
        });
        receiver.recv().ok()
    }
}

/// What a future gives, unless the caller has cancelled or does so meanwhile: then it is dropped, and its requests with it.
pub(crate) async fn unless_cancelled<T>(cancel: &CancelToken, future: impl Future<Output = T>) -> Result<T> {
    if cancel.is_cancelled() {
        return Err(cancelled());
    }
    unless_cancelled_for(cancel, Duration::ZERO, future).await
}

/// The same for what is better brought to its end: it has `patience` once the caller has cancelled.
pub(crate) async fn unless_cancelled_for<T>(
    cancel: &CancelToken,
    patience: Duration,
    future: impl Future<Output = T>,
) -> Result<T> {
    let mut future = pin!(future);
    let mut cancelled_at = None;
    loop {
        if let Ok(value) = tokio::time::timeout(LOOK, future.as_mut()).await {
            return Ok(value);
        }
        if cancel.is_cancelled() && cancelled_at.get_or_insert_with(Instant::now).elapsed() >= patience {
            return Err(cancelled());
        }
    }
}

pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "cancelled")
}

/// A task that ends when this is dropped.
pub(crate) struct Task<T>(pub(crate) JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_runtime_serves_all() {
        let (one, two) = (Runtime::shared().unwrap(), Runtime::shared().unwrap());
        assert!(Arc::ptr_eq(&one.0, &two.0));
        assert_eq!(one.wait(async { 7 }), Some(7));
        // From within a runtime of the caller's too, where tokio's own waiting panics.
        let callers = Builder::new_current_thread().build().unwrap();
        assert_eq!(callers.block_on(async { two.wait(async { 8 }) }), Some(8));
    }

    #[test]
    fn what_is_cancelled_waits_no_longer() {
        let (runtime, cancel) = (Runtime::shared().unwrap(), CancelToken::new());
        let token = cancel.clone();
        assert_eq!(runtime.wait(async move { unless_cancelled(&token, async { 7 }).await.unwrap() }), Some(7));
        let token = cancel.clone();
        let waits = runtime.spawn(async move { unless_cancelled(&token, std::future::pending::<()>()).await });
        cancel.cancel();
        let error = runtime.wait(async { waits.await.unwrap().unwrap_err() }).unwrap();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        // Before it has begun, too; but what has patience comes to its end.
        let token = cancel.clone();
        let error = runtime.wait(async move { unless_cancelled(&token, async { 7 }).await.unwrap_err() }).unwrap();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        let patient = async move {
            unless_cancelled_for(&cancel, Duration::from_secs(60), tokio::time::sleep(3 * LOOK)).await.is_ok()
        };
        assert_eq!(runtime.wait(patient), Some(true));
    }
}
