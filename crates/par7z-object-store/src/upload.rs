//! One object that is uploaded in parts: what both sinks share.
//!
//! Invariants: parts are numbered in the order of their bytes; a part but the last has the size of [`part_bytes`], so it
//! is at least 5 MiB; a part is sent only when bytes behind it have come, so the last one is known to be the last; until
//! [`Upload::completion`] is through, dropping the upload ends it in the store.

use crate::buffer::Buffer;
use crate::error::{explained, panicked, store_error};
use crate::store::{Store, Uploads};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, MultipartId, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use par7z::{Error, ErrorKind, Result};
use std::future::Future;
use std::io;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// After so many parts they are twice as large.
const PARTS_OF_A_SIZE: usize = 1000;
/// They are doubled so many times at the most: 2 GiB for 8 MiB, below every store's largest part.
const MAX_DOUBLINGS: usize = 8;
/// S3 takes no more.
const MAX_PARTS: usize = 10_000;
/// How long a dropped upload waits for the store to forget it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What to do about an object that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Refuse,
    Replace,
}

/// Where an upload goes.
#[derive(Clone)]
pub(crate) struct Target {
    store: Store,
    uploads: Uploads,
    path: Path,
    shown: String,
    existing: Existing,
}

impl Target {
    pub(crate) fn new(store: &Store, key: &str, existing: Existing) -> Result<Self> {
        let shown = store.shown(key);
        let Some(uploads) = store.uploads.clone() else {
            let text = format!("cannot write to {shown}: archives are made in Azure, S3 and Google Cloud Storage");
            return Err(Error::new(ErrorKind::InvalidOption, text));
        };
        if key.is_empty() || key.ends_with('/') || key.contains(['*', '?']) {
            let text = format!("cannot write to {shown}: name one object, without * and ? and with no / at the end");
            return Err(Error::new(ErrorKind::InvalidOption, text));
        }
        Ok(Self { store: store.clone(), uploads, path: store.path(key)?, shown, existing })
    }

    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Waits for something that the store does.
    pub(crate) fn wait<T, F>(&self, future: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.store.runtime.wait(future).unwrap_or_else(|| Err(Error::io(self.failed(), panicked())))
    }

    fn failed(&self) -> String {
        format!("cannot write {}", self.shown)
    }

    /// If it must not be replaced: an error if it is there. Also finds early that the store cannot be reached.
    pub(crate) fn check_free(&self) -> Result<()> {
        let target = self.clone();
        self.wait(async move {
            let options = GetOptions { head: true, ..GetOptions::default() };
            match target.uploads.objects.get_opts(&target.path, options).await {
                Ok(_) if target.existing == Existing::Refuse => {
                    let text = format!("{}: it exists; choose another name or replace it", target.failed());
                    Err(Error::new(ErrorKind::AlreadyExists, text))
                }
                Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
                Err(error) => Err(store_error(target.failed(), &error)),
            }
        })
    }

    /// Deletes the object; it is no error if there is none.
    pub(crate) fn delete(&self) -> Result<()> {
        let target = self.clone();
        self.wait(async move {
            match target.uploads.objects.delete(&target.path).await {
                Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
                Err(error) => Err(store_error(format!("cannot delete {}", target.shown), &error)),
            }
        })
    }

    /// Deletes the object and says whether there was one.
    pub(crate) fn delete_if_there(&self) -> Result<bool> {
        let target = self.clone();
        let there = self.wait(async move {
            match target.uploads.objects.head(&target.path).await {
                Ok(_) => Ok(true),
                Err(StoreError::NotFound { .. }) => Ok(false),
                Err(error) => Err(store_error(format!("cannot delete {}", target.shown), &error)),
            }
        })?;
        if there {
            self.delete()?;
        }
        Ok(there)
    }
}

/// Bytes that are being uploaded, bounded; shared by the volumes of an archive.
pub(crate) struct Line {
    most_bytes: usize,
    bytes: Mutex<usize>,
    left: Condvar,
}

/// Room in the line; dropped, it is free again.
struct Place {
    line: Arc<Line>,
    bytes: usize,
}

impl Line {
    pub(crate) fn new(most_bytes: usize) -> Arc<Self> {
        Arc::new(Self { most_bytes, bytes: Mutex::new(0), left: Condvar::new() })
    }

    /// Waits for room. One part goes whatever its size. Uploads end by themselves, so the wait does.
    fn enter(self: &Arc<Self>, bytes: usize) -> Place {
        let mut taken = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken > 0 && *taken + bytes > self.most_bytes {
            taken = self.left.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken += bytes;
        Place { line: Arc::clone(self), bytes }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.line.bytes.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.line.left.notify_all();
    }
}

/// Size of a part, the last one excepted.
fn part_bytes(first_bytes: usize, number: usize) -> usize {
    first_bytes << (number / PARTS_OF_A_SIZE).min(MAX_DOUBLINGS)
}

/// A part that is on its way or there.
struct Sent {
    id: oneshot::Receiver<object_store::Result<PartId>>,
    task: tokio::task::JoinHandle<()>,
}

/// An object that is being uploaded.
pub(crate) struct Upload {
    target: Target,
    line: Arc<Line>,
    /// Part 0, if it is kept until the end.
    held: Option<Buffer>,
    /// The part that is being filled. Its number is that of the parts before it.
    current: Buffer,
    /// Bytes before `current`.
    before_bytes: u64,
    /// Parts behind a held one, or all.
    sent: Vec<Sent>,
    id: Option<MultipartId>,
    /// Why a part failed.
    failure: Arc<OnceLock<String>>,
}

impl Upload {
    /// `hold_first`: part 0 stays in memory until [`completion`](Self::completion), for [`patch`](Self::patch).
    pub(crate) fn new(target: Target, line: Arc<Line>, hold_first: bool) -> Self {
        Self {
            target,
            line,
            held: hold_first.then(Buffer::default),
            current: Buffer::default(),
            before_bytes: 0,
            sent: Vec::new(),
            id: None,
            failure: Arc::new(OnceLock::new()),
        }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Whether part 0 is complete, but for its patch, and kept.
    fn holds_first(&self) -> bool {
        self.held.as_ref().is_some_and(|held| !held.is_empty())
    }

    /// The number of the part that is being filled.
    fn number(&self) -> usize {
        self.sent.len() + usize::from(self.holds_first())
    }

    pub(crate) fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if let Some(why) = self.failure.get() {
            return Err(io::Error::other(format!("{}: {why}", self.target.failed())));
        }
        while !bytes.is_empty() {
            let number = self.number();
            if number >= MAX_PARTS {
                let text = format!("{}: it has more than {MAX_PARTS} parts; write volumes", self.target.failed());
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
            }
            if self.current.capacity() == 0 {
                self.current = Buffer::with_capacity(part_bytes(self.target.store.options.part_bytes, number))?;
            }
            let room = self.current.capacity() - self.current.len();
            if room == 0 {
                self.next_part().map_err(io::Error::from)?;
                continue;
            }
            let (piece, rest) = bytes.split_at(room.min(bytes.len()));
            self.current.push(piece);
            bytes = rest;
        }
        Ok(())
    }

    /// The part that was being filled is complete.
    fn next_part(&mut self) -> Result<()> {
        self.before_bytes += self.current.len() as u64;
        let part = std::mem::take(&mut self.current);
        match &mut self.held {
            Some(held) if held.is_empty() => *held = part,
            _ => {
                let number = self.number();
                let sent = self.send(number, part.freeze())?;
                self.sent.push(sent);
            }
        }
        Ok(())
    }

    /// Takes back what lies behind `position`, if it was not sent.
    pub(crate) fn truncate(&mut self, position: u64) -> bool {
        if self.sent.is_empty()
            && position < self.before_bytes
            && let Some(held) = &mut self.held
        {
            self.current = std::mem::take(held);
            self.before_bytes = 0;
        }
        let Some(kept) = position.checked_sub(self.before_bytes) else { return false };
        self.current.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        true
    }

    /// All bytes have come: sends the last part, or keeps it if it is the first one.
    pub(crate) fn seal(&mut self) -> Result<()> {
        if self.current.is_empty() { Ok(()) } else { self.next_part() }
    }

    /// Writes over the first bytes of a part 0 that is kept, once the object is sealed.
    pub(crate) fn patch(&mut self, bytes: &[u8]) {
        if let Some(held) = &mut self.held {
            held.overwrite(bytes);
        }
    }

    /// Starts to send a part; waits for room in the line.
    fn send(&mut self, number: usize, part: Bytes) -> Result<Sent> {
        let id = self.begin()?;
        let place = self.line.enter(part.len());
        let (sender, receiver) = oneshot::channel();
        let (target, failure) = (self.target.clone(), Arc::clone(&self.failure));
        let (parts, path) = (Arc::clone(&target.uploads.parts), target.path.clone());
        let task = self.target.store.runtime.spawn(async move {
            let result = parts.put_part(&path, &id, number, PutPayload::from_bytes(part)).await;
            drop(place);
            if let Err(error) = &result {
                let _ = failure.set(explained(error));
            }
            let _ = sender.send(result);
        });
        Ok(Sent { id: receiver, task })
    }

    /// The upload's id; asks the store for one first.
    fn begin(&mut self) -> Result<MultipartId> {
        if let Some(id) = &self.id {
            return Ok(id.clone());
        }
        let target = self.target.clone();
        let id = self.target.wait(async move {
            let id = target.uploads.parts.create_multipart(&target.path).await;
            id.map_err(|error| store_error(target.failed(), &error))
        })?;
        self.id = Some(id.clone());
        Ok(id)
    }

    /// Makes a sealed object visible when it is run. `in_one_request` allows that for an object of one part.
    pub(crate) fn completion(mut self, in_one_request: bool) -> Result<BoxFuture<'static, Result<()>>> {
        let held = self.held.take().map(Buffer::freeze);
        if in_one_request && self.sent.is_empty() {
            let target = self.target.clone();
            return Ok(Box::pin(put(target, held.unwrap_or_default())));
        }
        if let Some(held) = held {
            let first = self.send(0, held)?;
            self.sent.insert(0, first);
        }
        Ok(Box::pin(self.complete_or_end()))
    }

    async fn complete_or_end(mut self) -> Result<()> {
        let result = self.complete().await;
        if result.is_err() {
            end(std::mem::take(&mut self.sent), self.target.clone(), self.id.take()).await;
        }
        // Nothing is left to end.
        self.sent.clear();
        self.id = None;
        result
    }

    async fn complete(&mut self) -> Result<()> {
        let mut parts = Vec::with_capacity(self.sent.len());
        for sent in &mut self.sent {
            let part = (&mut sent.id).await.map_err(|_| Error::io(self.target.failed(), panicked()))?;
            parts.push(part.map_err(|error| store_error(self.target.failed(), &error))?);
        }
        let id = self.id.clone().unwrap_or_default();
        let completed = self.target.uploads.parts.complete_multipart(&self.target.path, &id, parts).await;
        completed.map(drop).map_err(|error| store_error(self.target.failed(), &error))
    }
}

/// Parts first: one that arrives after the end would stay in the store.
async fn end(sent: Vec<Sent>, target: Target, id: Option<MultipartId>) {
    for sent in &sent {
        sent.task.abort();
    }
    for sent in sent {
        let _ = sent.task.await;
    }
    if let Some(id) = id {
        let ended = target.uploads.parts.abort_multipart(&target.path, &id);
        let _ = tokio::time::timeout(PATIENCE, ended).await;
    }
}

async fn put(target: Target, bytes: Bytes) -> Result<()> {
    let put = |mode: PutMode| {
        let options = PutOptions { mode, ..PutOptions::default() };
        target.uploads.objects.put_opts(&target.path, PutPayload::from_bytes(bytes.clone()), options)
    };
    let result = match target.existing {
        Existing::Replace => put(PutMode::Overwrite).await,
        Existing::Refuse => match put(PutMode::Create).await {
            // The store has no such request; the name was free a moment ago.
            Err(StoreError::NotImplemented { .. } | StoreError::NotSupported { .. }) => put(PutMode::Overwrite).await,
            result => result,
        },
    };
    result.map(drop).map_err(|error| store_error(target.failed(), &error))
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.sent.is_empty() && self.id.is_none() {
            return;
        }
        let ended = end(std::mem::take(&mut self.sent), self.target.clone(), self.id.take());
        if tokio::runtime::Handle::try_current().is_ok() {
            // Nothing may wait on a thread of a runtime.
            self.target.store.runtime.spawn(ended);
        } else {
            self.target.store.runtime.wait(ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_hold_five_terabytes() {
        let bytes: u64 = (0..MAX_PARTS).map(|number| part_bytes(8 << 20, number) as u64).sum();
        assert!(bytes > 5 << 40, "{bytes}");
        assert!((0..MAX_PARTS).all(|number| part_bytes(15 << 20, number) <= 4000 << 20));
    }
}
