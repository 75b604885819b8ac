//! An `AsyncRead` as an item's source.

use super::wait::{Stopped, Waiter};
use crate::Item;
use crate::cancel::Stop;
use crate::item::Source;
use std::io::{self, Read};
use std::pin::Pin;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::runtime::Handle;

impl Item {
    /// An item from an async stream: a socket, a response's body, a file of `tokio::fs`. `size` is its length in bytes if
    /// known; it serves planning and progress, the stream's real end decides. (Cargo feature `tokio`.)
    ///
    /// It is polled when the item's turn comes, by the worker that compresses it and no faster than that, within the
    /// context of the runtime that this is called from; nothing is read ahead. An error of the reader is the item's
    /// failure, and so is the end of the runtime. It is dropped at its end, or with the item, or when the run is stopped.
    ///
    /// It serves [`Compressor::compress_async`](crate::Compressor::compress_async) and any other run. A run that blocks its
    /// caller must not be called from the runtime's own thread: on a `current_thread` runtime nobody would be left to
    /// drive the reader. `tokio::task::spawn_blocking` is the place for it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn from_async_read(
        name: impl Into<String>,
        reader: impl AsyncRead + Send + 'static,
        size: Option<u64>,
    ) -> Self {
        let reader = AsyncSource { waiter: Waiter::new(Handle::current()), reader: Some(Box::pin(reader)) };
        let open = move |stop: Stop| Box::new(StoppableReader { reader, stop }) as Box<dyn Read + Send>;
        Self::new(name, Source::Stoppable { open: Some(Box::new(open)), size })
    }
}

/// A caller's reader; it is dropped within the runtime's context.
struct AsyncSource {
    waiter: Waiter,
    reader: Option<Pin<Box<dyn AsyncRead + Send>>>,
}

impl Drop for AsyncSource {
    fn drop(&mut self) {
        let _runtime = self.waiter.enter();
        self.reader = None;
    }
}

struct StoppableReader {
    reader: AsyncSource,
    stop: Stop,
}

impl Read for StoppableReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let AsyncSource { waiter, reader: Some(reader) } = &mut self.reader else { return Ok(0) };
        let mut buffer = ReadBuf::new(buf);
        match waiter.wait(&self.stop, |context| reader.as_mut().poll_read(context, &mut buffer)) {
            Ok(read) => read.map(|()| buffer.filled().len()),
            // Workers try again after this one, and see for themselves that the run was stopped.
            Err(Stopped) => Err(io::ErrorKind::Interrupted.into()),
        }
    }
}
