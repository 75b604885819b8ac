//! A run as a future.
//!
//! Everything that may block happens on the run's own threads: this one, the *feeder*, starts the run, takes the items
//! from their stream, adds them, which waits while the queue is full, and waits for the end.

use super::progress::{ProgressStream, Shared, Teller};
use super::wait::Waiter;
use super::write::BlockingWriter;
use crate::cancel::Stop;
use crate::storage::{Sink, StreamSink};
use crate::{Compressor, Error, ErrorKind, Item, Report, Result, Session};
use futures_core::Stream;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

impl Compressor {
    /// Compresses the items of a stream (or of an iterator: [`iter`](super::iter)) into a sink, as
    /// [`compress`](Self::compress) does. The run begins at once; the future gives its report. (Cargo feature `tokio`.)
    ///
    /// The stream is polled, as workers get free, by a thread of the run's own within the context of the runtime that this
    /// is called from. The sink's functions are called by another one: a sink that needs a runtime may block on its handle
    /// there.
    ///
    /// # Errors
    /// The future's: as [`compress`](Self::compress), and [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the stream
    /// panicked.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn compress_async(
        &self,
        items: impl Stream<Item = Item> + Send + 'static,
        sink: impl Sink + 'static,
    ) -> Compression {
        self.begin(items, Handle::current(), |_| sink)
    }

    /// As [`compress_async`](Self::compress_async), into an async stream: a socket, a request's body. It has
    /// [`StreamSink`]'s rules: a 7z archive begins with a pointer to its end, so it is kept until it is complete, in
    /// memory up to `memory_bytes`, then in an unnamed temporary file, and sent then. The writer is flushed, shut down and
    /// dropped before the future gives the report. A run that ends before it is complete sends nothing; one that is
    /// cancelled while it sends leaves the writer with a part of the archive, not shut down.
    ///
    /// # Errors
    /// The future's: as [`compress_async`](Self::compress_async).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn compress_to_async_write(
        &self,
        items: impl Stream<Item = Item> + Send + 'static,
        writer: impl AsyncWrite + Send + 'static,
        memory_bytes: usize,
    ) -> Compression {
        let runtime = Handle::current();
        let writer_runtime = runtime.clone();
        self.begin(items, runtime, move |stop| {
            StreamSink::new(BlockingWriter::new(writer_runtime, writer, stop), memory_bytes)
        })
    }

    fn begin<K: Sink + 'static>(
        &self,
        items: impl Stream<Item = Item> + Send + 'static,
        runtime: Handle,
        sink: impl FnOnce(Stop) -> K,
    ) -> Compression {
        let stop = Stop::new(self.options.cancel.clone());
        let told = Arc::new(Shared::default());
        let (sender, result) = oneshot::channel();
        let feeder = Feeder {
            compressor: {
                let teller = Teller { shared: Arc::clone(&told), next: self.options.observer.clone() };
                Self { options: self.options.clone().observer(Arc::new(teller)) }
            },
            runtime,
            stop: stop.clone(),
            ending: Ending(Arc::clone(&told)),
        };
        let sink = sink(stop.clone());
        let feed = move || {
            let _ = sender.send(feeder.feed(items, sink));
        };
        let started = std::thread::Builder::new().name("par7z-feed".to_owned()).spawn(feed);
        let start_error = started.err().map(|error| Error::io("cannot start a thread", error));
        Compression { result, start_error, stop, told }
    }
}

/// A run that goes on; awaiting it gives the report.
///
/// Dropping it cancels the run and returns at once, from any thread. What is left then ends by itself, elsewhere, usually
/// within a few 10 ms: workers look at the stop flag every 64 KiB, async readers are not waited for, then the sink is given
/// up (a file's temporary twin is removed; what stood at the path stands there still) and the threads end. A sink or a
/// blocking reader that hangs holds up its own thread. To wait until all that is over: [`cancel`](Self::cancel), then await
/// it.
#[must_use = "dropping it cancels the run"]
pub struct Compression {
    result: oneshot::Receiver<Result<Report>>,
    start_error: Option<Error>,
    stop: Stop,
    told: Arc<Shared>,
}

impl fmt::Debug for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compression").finish_non_exhaustive()
    }
}

impl Compression {
    /// What happens in the run, as a stream that ends with it. How slowly it is read makes no difference to the run: totals
    /// that were not taken are replaced by newer ones. Failures are kept until they are taken, name and reason. If there
    /// are several streams, each failure comes out of one of them.
    pub fn progress(&self) -> ProgressStream {
        ProgressStream::new(&self.told)
    }

    /// Stops the run; returns at once. The future then gives
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) (or the report, if it was complete), when the sink has been
    /// given up and the run's threads have ended, but for those that
    /// [`Stragglers::Leave`](crate::Stragglers::Leave) leaves to themselves.
    pub fn cancel(&self) {
        self.stop.set();
    }
}

impl Future for Compression {
    type Output = Result<Report>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(error) = self.start_error.take() {
            return Poll::Ready(Err(error));
        }
        let result = ready!(Pin::new(&mut self.result).poll(context));
        Poll::Ready(result.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the stream of items panicked"))))
    }
}

impl Drop for Compression {
    fn drop(&mut self) {
        self.stop.set();
    }
}

/// Feeds one run.
struct Feeder {
    compressor: Compressor,
    runtime: Handle,
    stop: Stop,
    ending: Ending,
}

impl Feeder {
    fn feed(self, items: impl Stream<Item = Item>, sink: impl Sink + 'static) -> Result<Report> {
        let session = self.compressor.start_stoppable(sink, self.stop.clone())?;
        self.add_all(items, &session);
        let report = session.finish()?;
        self.ending.0.complete(&report);
        Ok(report)
    }

    /// Takes the items; lets go of the stream when it has ended or the run has.
    fn add_all(&self, items: impl Stream<Item = Item>, session: &Session) {
        let waiter = Waiter::new(self.runtime.clone());
        // The stream is dropped within it, too.
        let _runtime = waiter.enter();
        let mut items = pin!(items);
        while let Ok(Some(item)) = waiter.wait(&self.stop, |context| items.as_mut().poll_next(context)) {
            if session.add(item).is_err() {
                // The run has ended early; `finish` says why.
                break;
            }
        }
    }
}

/// Ends the streams of progress, however the feeder ends.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}
