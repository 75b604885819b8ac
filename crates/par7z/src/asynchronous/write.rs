//! An `AsyncWrite` as a `Write` for the engine's threads.

use super::wait::{Stopped, Waiter};
use crate::Error;
use crate::cancel::Stop;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use tokio::runtime::Handle;

/// Writes to `writer`, which it owns; flushing it ends it. Dropped within the runtime's context.
pub(super) struct BlockingWriter<W> {
    waiter: Waiter,
    writer: Option<Pin<Box<W>>>,
    stop: Stop,
}

impl<W: AsyncWrite> BlockingWriter<W> {
    pub(super) fn new(runtime: Handle, writer: W, stop: Stop) -> Self {
        Self { waiter: Waiter::new(runtime), writer: Some(Box::pin(writer)), stop }
    }

    fn wait<T>(&mut self, mut poll: impl FnMut(Pin<&mut W>, &mut Context<'_>) -> Poll<io::Result<T>>) -> io::Result<T> {
        let Some(writer) = &mut self.writer else { return Err(io::ErrorKind::NotConnected.into()) };
        match self.waiter.wait(&self.stop, |context| poll(writer.as_mut(), context)) {
            Ok(result) => result,
            Err(Stopped) => Err(Error::cancelled().into()),
        }
    }
}

impl<W: AsyncWrite> Write for BlockingWriter<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.wait(|writer, context| writer.poll_write(context, buf))
    }

    /// Flushes it and shuts it down: the sink over it flushes once, when everything is written, and nobody gets the writer
    /// back who could do it then.
    fn flush(&mut self) -> io::Result<()> {
        self.wait(|writer, context| writer.poll_shutdown(context))
    }
}

impl<W> Drop for BlockingWriter<W> {
    fn drop(&mut self) {
        let _runtime = self.waiter.enter();
        self.writer = None;
    }
}
