//! One object that is uploaded in parts: what both sinks share.
//!
//! Invariants: parts are numbered in the order of their bytes; a part but the last has the size of [`part_bytes`], so it
//! is at least 5 MiB; a part is sent only when bytes behind it have come, so the last one is known to be the last; until
//! [`Upload::complete`] is through, dropping the upload ends it in the store.
//!
//! At the end come two steps, so that something can be done in between: [`Upload::deliver`] and [`Upload::delivered`]
//! bring all parts into the store, [`Upload::complete`] makes the object visible.

use crate::buffer::Buffer;
use crate::error::{explained, panicked, store_error};
use crate::options::Retry;
use crate::runtime::{cancelled, unless_cancelled, unless_cancelled_for};
use crate::store::{Store, Uploads};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::client::HttpError;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{Error as StoreError, MultipartId, ObjectMeta, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use par7z::{Error, ErrorKind, Result};
use std::future::Future;
use std::io;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// After so many parts they are twice as large.
const PARTS_OF_A_SIZE: usize = 1000;
/// They are doubled so many times at the most: 2 GiB for 8 MiB, below every store's largest part.
const MAX_DOUBLINGS: usize = 8;
/// S3 takes no more.
const MAX_PARTS: usize = 10_000;
/// How long dropped uploads, all together, wait for the store to forget them; and how long a store that was asked to make an
/// object visible has to do it once the caller has cancelled.
const PATIENCE: Duration = Duration::from_secs(20);
/// Uploads that are ended, and names that are asked for, at the same time.
const AT_ONCE: usize = 16;
/// Requests to end an upload, each with the `object_store` crate's repeats.
const ENDING_ATTEMPTS: u32 = 4;
/// New attempts that a request gets however long the ones before took: a part on a slow line takes longer than all of
/// [`Retry::total_time`].
const REPEATS_IN_ANY_CASE: u32 = 2;
/// How long it is asked what became of an object whose completion failed.
const LOOKING: Duration = Duration::from_secs(60);

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

    /// Waits for something that the store does, cancelled or not.
    pub(crate) fn wait<T, F>(&self, future: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.store.runtime.wait(future).unwrap_or_else(|| Err(Error::io(self.failed(), panicked())))
    }

    /// As [`wait`](Self::wait), unless the caller cancels.
    fn wait_unless_cancelled<T, F>(&self, future: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let cancel = self.store.options.cancel.clone();
        self.wait(async move { unless_cancelled(&cancel, future).await? })
    }

    fn failed(&self) -> String {
        format!("cannot write {}", self.shown)
    }

    /// Whether there is an object.
    async fn is_there(&self) -> object_store::Result<bool> {
        match self.uploads.objects.head(&self.path).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// If it must not be replaced: an error if it is there. Also finds early that the store cannot be reached. Credentials
    /// that may only write are enough to replace.
    pub(crate) fn check_free(&self) -> Result<()> {
        let target = self.clone();
        self.wait_unless_cancelled(async move { target.is_free().await })
    }

    async fn is_free(&self) -> Result<()> {
        match self.is_there().await {
            Ok(true) if self.existing == Existing::Refuse => {
                let text = format!("{}: it exists; choose another name or replace it", self.failed());
                Err(Error::new(ErrorKind::AlreadyExists, text))
            }
            Ok(_) => Ok(()),
            Err(StoreError::PermissionDenied { .. }) if self.existing == Existing::Replace => Ok(()),
            Err(error) => Err(store_error(self.failed(), &error)),
        }
    }

    /// An error if it cannot be told whether it is there: with credentials that may only write.
    pub(crate) fn check_visible(&self) -> Result<()> {
        let target = self.clone();
        self.wait_unless_cancelled(async move {
            let doing = || format!("{}: volumes are replaced where the old ones can be seen", target.failed());
            target.is_there().await.map(drop).map_err(|error| store_error(doing(), &error))
        })
    }

    /// What stands there before the object is completed. `None` = unknown.
    async fn before(&self) -> Option<Option<ObjectMeta>> {
        if self.existing == Existing::Refuse {
            // It was free a moment ago.
            return Some(None);
        }
        match tokio::time::timeout(LOOKING, self.store.objects.head(&self.path)).await {
            Ok(Ok(meta)) => Some(Some(meta)),
            Ok(Err(StoreError::NotFound { .. })) => Some(None),
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// After an error: whether the object was completed all the same. The store's answer may have been lost, and a second
    /// request finds the object there or the upload gone.
    async fn was_completed(&self, before: Option<&Option<ObjectMeta>>, bytes: u64) -> bool {
        let Some(before) = before else { return false };
        match tokio::time::timeout(LOOKING, self.store.objects.head(&self.path)).await {
            Ok(Ok(meta)) => meta.size == bytes && before.as_ref() != Some(&meta),
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// As [`was_completed`](Self::was_completed), for an object whose bytes are at hand: whoever else wrote one of the same
    /// size is told apart.
    async fn holds(&self, bytes: &Bytes) -> bool {
        let looking = async {
            let found = self.store.objects.get(&self.path).await.ok()?;
            if found.meta.size != bytes.len() as u64 { None } else { found.bytes().await.ok() }
        };
        matches!(tokio::time::timeout(LOOKING, looking).await, Ok(Some(found)) if found == *bytes)
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
            let there = target.is_there().await;
            there.map_err(|error| store_error(format!("cannot delete {}", target.shown), &error))
        })?;
        if there {
            self.delete()?;
        }
        Ok(there)
    }
}

/// [`Target::check_free`] of many, some at a time.
pub(crate) fn check_all_free(targets: Vec<Target>) -> Result<()> {
    let Some(first) = targets.first().cloned() else { return Ok(()) };
    first.wait_unless_cancelled(async move {
        let all = futures_util::stream::iter(targets).map(|target| async move { target.is_free().await });
        all.buffer_unordered(AT_ONCE).try_collect::<()>().await
    })
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

    /// Waits for room. One part goes whatever its size. Uploads end by themselves or cancelled, so the wait does.
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

/// Attempts at one request. The `object_store` crate repeats each by itself, but only within [`Retry::total_time`] from its
/// begin, which sending a part alone may take, and not if a broken connection leaves open whether the store did it.
struct Attempts {
    retry: Retry,
    failures: u32,
    first_failure: Option<Instant>,
    begin: Instant,
}

impl Attempts {
    fn new(retry: Retry) -> Self {
        Self { retry, failures: 0, first_failure: None, begin: Instant::now() }
    }

    /// After a failed attempt: waits, if there is another one to make.
    async fn another(&mut self, error: &StoreError) -> bool {
        // Other errors are a store's answers that stay the same.
        let StoreError::Generic { .. } = error else { return false };
        // What a server refuses, the crate has repeated as long as its clock went, or it does not help.
        if !is_of_transport(error) && self.begin.elapsed() <= self.retry.total_time {
            return false;
        }
        self.failures += 1;
        let since = *self.first_failure.get_or_insert_with(Instant::now);
        let is_late = self.failures > REPEATS_IN_ANY_CASE && since.elapsed() > self.retry.total_time;
        if self.failures > self.retry.attempts || is_late {
            return false;
        }
        tokio::time::sleep(Retry::wait(self.failures)).await;
        self.begin = Instant::now();
        true
    }
}

/// Whether there was no whole answer.
fn is_of_transport(error: &StoreError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<HttpError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Size of a part, the last one excepted.
fn part_bytes(first_bytes: usize, number: usize) -> usize {
    first_bytes << (number / PARTS_OF_A_SIZE).min(MAX_DOUBLINGS)
}

/// A part that is on its way or there.
struct Sent {
    id: oneshot::Receiver<Result<PartId>>,
    task: tokio::task::JoinHandle<()>,
}

/// A request for an upload's id.
type Beginning = tokio::task::JoinHandle<Result<MultipartId>>;

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
    /// What the store calls the parts, once all are there.
    parts: Vec<PartId>,
    id: Option<MultipartId>,
    /// The store is being asked for an id.
    beginning: Option<Beginning>,
    /// Why a part failed.
    failure: Arc<OnceLock<String>>,
}

impl Upload {
    /// `hold_first`: part 0 stays in memory until [`deliver`](Self::deliver), for [`patch`](Self::patch).
    pub(crate) fn new(target: Target, line: Arc<Line>, hold_first: bool) -> Self {
        Self {
            target,
            line,
            held: hold_first.then(Buffer::default),
            current: Buffer::default(),
            before_bytes: 0,
            sent: Vec::new(),
            parts: Vec::new(),
            id: None,
            beginning: None,
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
        if self.target.store.options.cancel.is_cancelled() {
            return Err(cancelled().into());
        }
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
            let mut attempts = Attempts::new(target.store.options.retry);
            let putting = async {
                loop {
                    let result = parts.put_part(&path, &id, number, PutPayload::from_bytes(part.clone())).await;
                    match &result {
                        Err(error) if attempts.another(error).await => {}
                        _ => break result,
                    }
                }
            };
            let result = unless_cancelled(&target.store.options.cancel, putting).await;
            drop(place);
            let result = result.and_then(|put| {
                put.map_err(|error| {
                    let _ = failure.set(explained(&error));
                    store_error(target.failed(), &error)
                })
            });
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
        // A task of its own, so that an answer that comes when the caller has cancelled tells what to end.
        let beginning = self.target.store.runtime.spawn(async move {
            let id = target.uploads.parts.create_multipart(&target.path).await;
            id.map_err(|error| store_error(target.failed(), &error))
        });
        let (cancel, failed) = (self.target.store.options.cancel.clone(), self.target.failed());
        let (beginning, id) = self.target.wait(async move {
            let mut beginning = beginning;
            let id = unless_cancelled(&cancel, &mut beginning).await;
            Ok((beginning, id.and_then(|id| id.map_err(|_| Error::io(failed, panicked()))?)))
        })?;
        if let Err(error) = &id
            && error.kind() == ErrorKind::Cancelled
        {
            self.beginning = Some(beginning);
        }
        let id = id?;
        self.id = Some(id.clone());
        Ok(id)
    }

    /// Sends what was kept of a sealed object. `in_one_request`: an object of one part goes when it is completed.
    pub(crate) fn deliver(&mut self, in_one_request: bool) -> Result<()> {
        if in_one_request && self.sent.is_empty() {
            return Ok(());
        }
        if let Some(held) = self.held.take() {
            let first = self.send(0, held.freeze())?;
            self.sent.insert(0, first);
        }
        Ok(())
    }

    /// Waits until the store has all parts.
    pub(crate) async fn delivered(&mut self) -> Result<()> {
        for sent in &mut self.sent {
            let part = (&mut sent.id).await.map_err(|_| Error::io(self.target.failed(), panicked()))?;
            self.parts.push(part?);
        }
        Ok(())
    }

    /// Makes an object visible whose parts are delivered. Its name must have been found free just before, if it must be.
    pub(crate) async fn complete(&mut self) -> Result<()> {
        let target = self.target.clone();
        let cancel = target.store.options.cancel.clone();
        let unknown = format!("{}: cancelled while the store completed it; look whether it is there", target.failed());
        let in_time = |result: Result<Result<()>>| match result {
            Ok(result) => result,
            Err(_) => Err(Error::new(ErrorKind::Cancelled, unknown)),
        };
        let Some(id) = self.id.clone() else {
            let bytes = self.held.take().map(Buffer::freeze).unwrap_or_default();
            return in_time(unless_cancelled_for(&cancel, PATIENCE, put(target, bytes)).await);
        };
        let (parts, bytes) = (std::mem::take(&mut self.parts), self.before_bytes);
        in_time(unless_cancelled_for(&cancel, PATIENCE, complete(target, &id, parts, bytes)).await)?;
        // Nothing is left to end.
        self.sent.clear();
        self.id = None;
        Ok(())
    }

    /// What has to be ended in the store.
    fn take_unfinished(&mut self) -> Option<Unfinished> {
        let (sent, id, beginning) = (std::mem::take(&mut self.sent), self.id.take(), self.beginning.take());
        let is_begun = !sent.is_empty() || id.is_some() || beginning.is_some();
        is_begun.then(|| Unfinished { target: self.target.clone(), sent, id, beginning })
    }
}

/// An upload that comes to nothing.
struct Unfinished {
    target: Target,
    sent: Vec<Sent>,
    id: Option<MultipartId>,
    beginning: Option<Beginning>,
}

impl Unfinished {
    /// Parts first: one that arrives after the end would stay in the store.
    async fn end(self) {
        for sent in self.sent {
            let _ = sent.task.await;
        }
        let id = match (self.id, self.beginning) {
            (None, Some(beginning)) => beginning.await.ok().and_then(Result::ok),
            (id, _) => id,
        };
        let Some(id) = id else { return };
        for failures in 1..=ENDING_ATTEMPTS {
            match self.target.uploads.parts.abort_multipart(&self.target.path, &id).await {
                Ok(()) | Err(StoreError::NotFound { .. }) => return,
                Err(_) => tokio::time::sleep(Retry::wait(failures)).await,
            }
        }
    }
}

/// Ends uploads in the store, together.
pub(crate) fn end(uploads: &mut [Upload]) {
    let unfinished: Vec<_> = uploads.iter_mut().filter_map(Upload::take_unfinished).collect();
    let Some(runtime) = unfinished.first().map(|first| first.target.store.runtime.clone()) else { return };
    for sent in unfinished.iter().flat_map(|upload| &upload.sent) {
        sent.task.abort();
    }
    let ended = async move {
        let all = futures_util::stream::iter(unfinished).map(Unfinished::end);
        let _ = tokio::time::timeout(PATIENCE, all.buffer_unordered(AT_ONCE).collect::<()>()).await;
    };
    if tokio::runtime::Handle::try_current().is_ok() {
        // Nothing may wait on a thread of a runtime.
        runtime.spawn(ended);
    } else {
        runtime.wait(ended);
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        end(std::slice::from_mut(self));
    }
}

async fn complete(target: Target, id: &MultipartId, parts: Vec<PartId>, bytes: u64) -> Result<()> {
    let before = target.before().await;
    let mut attempts = Attempts::new(target.store.options.retry);
    loop {
        let completed = target.uploads.parts.complete_multipart(&target.path, id, parts.clone()).await;
        let Err(error) = completed else { return Ok(()) };
        if target.was_completed(before.as_ref(), bytes).await {
            return Ok(());
        }
        if !attempts.another(&error).await {
            return Err(store_error(target.failed(), &error));
        }
    }
}

async fn put(target: Target, bytes: Bytes) -> Result<()> {
    let mut must_be_new = target.existing == Existing::Refuse;
    let mut attempts = Attempts::new(target.store.options.retry);
    loop {
        let mode = if must_be_new { PutMode::Create } else { PutMode::Overwrite };
        let options = PutOptions { mode, ..PutOptions::default() };
        let payload = PutPayload::from_bytes(bytes.clone());
        let error = match target.uploads.objects.put_opts(&target.path, payload, options).await {
            Ok(_) => return Ok(()),
            Err(StoreError::NotImplemented { .. } | StoreError::NotSupported { .. }) if must_be_new => {
                // The store has no such request; the name was free a moment ago.
                must_be_new = false;
                continue;
            }
            Err(error) => error,
        };
        if target.holds(&bytes).await {
            return Ok(());
        }
        if !attempts.another(&error).await {
            return Err(store_error(target.failed(), &error));
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
