//! Writing. (stub: signatures)

use crate::storage::Sink;
use crate::{Item, Report, Result, WriteOptions};
use std::path::Path;

/// Compresses items into archives.
#[derive(Debug, Clone)]
pub struct Compressor {
    options: WriteOptions,
}

/// A run to which items are added while it goes on. Clones add from several threads.
#[derive(Debug)]
pub struct Session {}

impl Compressor {
    /// Checks that the options fit together.
    pub fn new(options: WriteOptions) -> Result<Self> {
        Ok(Self { options })
    }
    /// Compresses items into a sink (see [`storage`](crate::storage)).
    pub fn compress(&self, items: impl IntoIterator<Item = Item>, sink: impl Sink + 'static) -> Result<Report> {
        let _ = (items.into_iter().count(), sink, &self.options);
        Ok(Report::default())
    }
    /// Compresses items into the archive file `path`, which appears (or is replaced) when it is complete.
    pub fn compress_to_path(&self, items: impl IntoIterator<Item = Item>, path: impl AsRef<Path>) -> Result<Report> {
        let _ = (items.into_iter().count(), path.as_ref());
        Ok(Report::default())
    }
    /// Compresses items into memory.
    pub fn compress_to_vec(&self, items: impl IntoIterator<Item = Item>) -> Result<(Vec<u8>, Report)> {
        let _ = items.into_iter().count();
        Ok((Vec::new(), Report::default()))
    }
    /// Starts a run; add items to the session, then finish it.
    pub fn start(&self, sink: impl Sink + 'static) -> Result<Session> {
        let _ = sink;
        Ok(Session {})
    }
}

impl Session {
    /// Adds an item; waits while the queue is full.
    pub fn add(&self, item: Item) -> Result<()> {
        let _ = item;
        Ok(())
    }
    /// Waits for the end, writes the header and completes the sink.
    pub fn finish(self) -> Result<Report> {
        Ok(Report::default())
    }
}
