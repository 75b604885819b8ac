//! Objects as items: a location's objects, listed and read ahead while compression already runs.
//!
//! The engine opens an item when a worker reaches it. A request takes tens of milliseconds, so bytes have to be on their
//! way before: an object's first chunk is requested when the object has been listed, in the order of the list, and while
//! an object is read its further chunks are.
//!
//! ```text
//! lister ─► listed (bounded) ─► next() ─► engine ─► Reader: first chunk, read ahead
//!    └────► pump: starts first chunks in order ──────┘
//! ```
//!
//! Bounds, all semaphores: requests in flight; memory of first chunks; memory of further chunks (half of
//! `read_ahead_bytes` each). Why nobody waits for ever:
//! - A permit for a request is held while the request runs, and a request waits for nothing: its memory is there before.
//! - A permit for memory is held until the bytes are read or dropped, and that may take long: items may lie in the
//!   engine until all are listed. So only the pump waits for it, which nobody waits for. `next()` hands an object out
//!   whether its first chunk was started or not, and a reader that has nothing in flight starts its next chunk without a
//!   permit.
//!
//! What is dropped (items, readers, the iterator) takes its requests with it.

use crate::error::{explained, panicked};
use crate::fetch::{Fetcher, Version};
use crate::listing::{Refused, RefusedObject, path_of};
use crate::location::{Location, Selection};
use crate::options::StoreOptions;
use crate::runtime::{Runtime, Task, cancelled, unless_cancelled};
use crate::store::{Store, StoreKind};
use crate::web::{Stream, WebObject};
use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use object_store::ObjectMeta;
use object_store::list::PaginatedListOptions;
use object_store::path::Path;
use par7z::{CancelToken, Error, ErrorKind, FileTime, Item, Metadata, Result};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc as std_mpsc};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Bytes of one request: enough that its latency does not matter, and few enough that many are in flight.
const CHUNK_BYTES: u64 = 4 << 20;
/// Objects that are listed ahead.
const LISTED_AHEAD: usize = 1024;
/// A permit for memory is for so many bytes: the least that an object takes.
const MEMORY_UNIT_BYTES: u64 = 4 << 10;
/// How long `next` waits at a time; it goes on then.
const LONG: Duration = Duration::from_secs(3600);
/// Chunks that one reader has ahead at the most.
const CHUNKS_AHEAD: usize = 16;

/// An object that cannot become an item, or a list that broke off.
#[derive(Debug)]
pub struct ObjectFailure {
    name: String,
    ends_list: bool,
    error: Error,
}

impl ObjectFailure {
    fn new(name: impl Into<String>, why: String) -> Self {
        Self { name: name.into(), ends_list: false, error: Error::new(ErrorKind::Source, why) }
    }

    /// The object's name in the archive, or the location if the list broke off.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Whether it is about the list: further objects may be missing.
    pub fn ends_list(&self) -> bool {
        self.ends_list
    }

    /// An item that fails for this reason when it is opened: the run reports it like any other failed item, and an
    /// error policy applies.
    pub fn into_item(self) -> Item {
        if self.error.kind() == ErrorKind::Cancelled {
            return Item::from_opener(self.name, || Err::<io::Empty, _>(cancelled().into()), None);
        }
        let (kind, text) = match self.error.kind() {
            ErrorKind::Source => (io::ErrorKind::InvalidInput, self.error.message()),
            _ => (io::ErrorKind::Other, self.error.message()),
        };
        Item::from_opener(self.name, move || Err::<io::Empty, _>(io::Error::new(kind, text.clone())), None)
    }
}

impl fmt::Display for ObjectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.error)
    }
}

impl std::error::Error for ObjectFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// What the lister hands to `next()`.
enum Listed {
    Object(Arc<Upcoming>),
    /// A web server's object of unknown size.
    Stream,
    Directory(String, Metadata),
    Failure(ObjectFailure),
    /// All are listed. Without it the list broke off.
    End,
}

/// The objects of a location as items, in the order in which the store lists them.
///
/// An item's name is the object's without the location's fixed folder: `s3://b/logs/2024/` and `s3://b/logs/2024/*.txt`
/// both give `x.txt` for `logs/2024/x.txt`. Its time is the last modification that the store knows. An empty object whose
/// name ends in `/`, as tools make them for folders, becomes a directory. An object that is replaced while it is read
/// fails; tried again ([`par7z::ErrorPolicy::Retry`]), it is read in its new version.
///
/// # Memory
/// [`StoreOptions::read_ahead_bytes`], and 4 MiB for each worker, which can always read on. About 1 KB for each of up to
/// 1024 objects that are listed ahead.
pub struct Objects {
    shared: Arc<Shared>,
    fixed_folder_bytes: usize,
    /// Of a single object.
    object_name: String,
    listed: Option<mpsc::Receiver<Listed>>,
    shown: String,
    _lister: Task<()>,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("at", &self.shown).finish_non_exhaustive()
    }
}

impl Objects {
    /// Begins to list a location, and to read ahead.
    ///
    /// # Errors
    /// As [`Store::connect`]. What the store says comes from the iterator.
    pub fn list(location: &Location, options: &StoreOptions) -> Result<Self> {
        Self::in_store(&Store::connect(location, options)?, location.selection())
    }

    /// As [`list`](Self::list), in a store that is connected already.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`]: a web server's files cannot be listed.
    pub fn in_store(store: &Store, selection: &Selection) -> Result<Self> {
        let shown = store.shown(selection.key());
        let object = match selection {
            Selection::Object(key) => Some(store.path(key).map_err(|error| error.message())),
            _ if store.kind == StoreKind::Http => {
                let text = format!("{shown}: a web server's files cannot be listed; give each URL");
                return Err(Error::new(ErrorKind::InvalidOption, text));
            }
            _ => None,
        };
        let options = &store.options;
        let half_bytes = options.read_ahead_bytes as u64 / 2;
        let half = (half_bytes / MEMORY_UNIT_BYTES) as usize;
        let context = Arc::new(Context {
            fetcher: Fetcher { objects: Arc::clone(&store.objects), retry: options.retry },
            requests: Arc::new(Semaphore::new(options.requests_in_flight)),
            chunk_bytes: CHUNK_BYTES.min(half_bytes / MEMORY_UNIT_BYTES * MEMORY_UNIT_BYTES),
            cancel: options.cancel.clone(),
        });
        let (pump_sender, pump_receiver) = mpsc::unbounded_channel();
        let pump = pump(pump_receiver, Arc::clone(&context), Arc::new(Semaphore::new(half)));
        let shared = Arc::new(Shared {
            runtime: store.runtime.clone(),
            reading: Arc::new(Semaphore::new(half)),
            context: Arc::clone(&context),
            web: store.web.clone(),
            _pump: Task(store.runtime.spawn(pump)),
        });
        let (listed_sender, listed) = mpsc::channel(LISTED_AHEAD);
        let lister = Lister {
            store: Connection { objects: Arc::clone(&store.objects), pages: store.pages.clone() },
            selection: selection.clone(),
            shown: shown.clone(),
            listed: listed_sender,
            pump: pump_sender,
            chunk_bytes: context.chunk_bytes,
            is_web: store.kind == StoreKind::Http,
            found: 0,
        };
        let fixed_folder_bytes = selection.fixed_folder().len();
        let lister = store.runtime.spawn(async move {
            let listing = async {
                match object {
                    Some(Ok(path)) => lister.one(path, &context).await,
                    Some(Err(why)) => lister.none(why).await,
                    None => lister.all().await,
                }
            };
            // Cancelled, it is gone without having said that it was through.
            let _ = unless_cancelled(&context.cancel, listing).await;
        });
        let object_name = selection.key()[fixed_folder_bytes..].to_owned();
        Ok(Self { shared, fixed_folder_bytes, object_name, listed: Some(listed), shown, _lister: Task(lister) })
    }

    /// Items alone: each failure becomes an item that fails, so that the run's report names it.
    pub fn items(self) -> impl Iterator<Item = Item> {
        self.map(|item| item.unwrap_or_else(ObjectFailure::into_item))
    }

    /// As [`next`](Iterator::next), but gives up after that time: [`Poll::Pending`], if the store has not sent so much of
    /// its list yet. For callers that want to look at other things meanwhile.
    pub fn next_within(&mut self, patience: Duration) -> Poll<Option<Result<Item, ObjectFailure>>> {
        let Some(mut listed) = self.listed.take() else { return Poll::Ready(None) };
        let next = match listed.try_recv() {
            Ok(next) => Some(next),
            Err(mpsc::error::TryRecvError::Disconnected) => None,
            Err(mpsc::error::TryRecvError::Empty) => {
                let waited = self.shared.runtime.wait(async move {
                    let next = tokio::time::timeout(patience, listed.recv()).await;
                    (listed, next)
                });
                let Some((back, next)) = waited else { return Poll::Ready(Some(Err(self.broke_off()))) };
                listed = back;
                let Ok(next) = next else {
                    self.listed = Some(listed);
                    return Poll::Pending;
                };
                next
            }
        };
        match next {
            Some(Listed::End) => return Poll::Ready(None),
            None => return Poll::Ready(Some(Err(self.broke_off()))),
            Some(_) => self.listed = Some(listed),
        }
        Poll::Ready(next.and_then(|next| self.named(next)))
    }

    /// The lister is gone and has not said that it was through.
    fn broke_off(&self) -> ObjectFailure {
        let error = match self.shared.context.cancel.is_cancelled() {
            true => cancelled(),
            false => Error::io("the list broke off", panicked()),
        };
        ObjectFailure { name: self.shown.clone(), ends_list: true, error }
    }

    fn named(&self, listed: Listed) -> Option<Result<Item, ObjectFailure>> {
        Some(match listed {
            Listed::End => return None,
            Listed::Object(upcoming) => Ok(self.item(upcoming)),
            Listed::Stream => Ok(self.stream_item()),
            Listed::Directory(key, metadata) => {
                let name = &key[self.fixed_folder_bytes.min(key.len())..];
                Ok(Item::directory(name.trim_end_matches('/')).with_metadata(metadata))
            }
            Listed::Failure(mut failure) => {
                if !failure.ends_list && failure.name.len() > self.fixed_folder_bytes {
                    failure.name.drain(..self.fixed_folder_bytes);
                }
                Err(failure)
            }
        })
    }

    fn stream_item(&self) -> Item {
        let shared = Arc::clone(&self.shared);
        Item::from_opener(self.object_name.clone(), move || shared.stream(None), None)
    }

    fn item(&self, upcoming: Arc<Upcoming>) -> Item {
        let key = &upcoming.key;
        let name = key[self.fixed_folder_bytes.min(key.len())..].to_owned();
        let (metadata, size) = (upcoming.metadata, upcoming.version.size());
        let shared = Arc::clone(&self.shared);
        let mut upcoming = Some(upcoming);
        let mut again = None;
        let open = move || match upcoming.take() {
            Some(first) => {
                again = Some(first.version.path().clone());
                Ok(Reader::of(first, Arc::clone(&shared)))
            }
            None => Reader::anew(again.clone().unwrap_or_default(), Arc::clone(&shared)),
        };
        Item::from_opener(name, open, Some(size)).with_metadata(metadata)
    }
}

impl Iterator for Objects {
    type Item = Result<Item, ObjectFailure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Poll::Ready(next) = self.next_within(LONG) {
                return next;
            }
        }
    }
}

/// What tasks need.
struct Context {
    fetcher: Fetcher,
    requests: Arc<Semaphore>,
    /// Bytes of one request at the most; fits into either half of the memory.
    chunk_bytes: u64,
    cancel: CancelToken,
}

/// What readers need; keeps the runtime alive while there are any.
struct Shared {
    runtime: Runtime,
    context: Arc<Context>,
    /// Memory of chunks that are read ahead of a reader.
    reading: Arc<Semaphore>,
    web: Option<Arc<WebObject>>,
    /// Reads ahead for items that wait in the engine, too, when all are listed and the iterator is gone.
    _pump: Task<()>,
}

impl Shared {
    /// Reads a web server's object from its start.
    fn stream(&self, size: Option<u64>) -> io::Result<Stream> {
        let object = self.web.clone().ok_or_else(|| io::Error::other("the store does not support ranges"))?;
        Ok(Stream::open(object, &self.runtime, size, &self.context.cancel))
    }
}

/// An object that has been listed.
struct Upcoming {
    key: String,
    metadata: Metadata,
    version: Arc<Version>,
    first: Mutex<First>,
}

/// Its first chunk.
enum First {
    Waiting,
    Started(Chunk),
    Taken,
}

impl Upcoming {
    fn new(key: String, meta: ObjectMeta) -> Self {
        let metadata = metadata_of(&meta);
        Self { key, metadata, version: Arc::new(Version::new(meta)), first: Mutex::new(First::Waiting) }
    }

    fn first_bytes(&self, chunk_bytes: u64) -> u64 {
        self.version.size().min(chunk_bytes)
    }
}

fn metadata_of(meta: &ObjectMeta) -> Metadata {
    let (seconds, nanoseconds) = (meta.last_modified.timestamp(), meta.last_modified.timestamp_subsec_nanos());
    // A web server that does not tell the time is said to be of 1970.
    let modified = (seconds > 0).then(|| FileTime::from_unix(seconds, nanoseconds));
    Metadata { modified, ..Metadata::default() }
}

/// Lists; a task of its own.
struct Lister {
    store: Connection,
    selection: Selection,
    shown: String,
    listed: mpsc::Sender<Listed>,
    pump: mpsc::UnboundedSender<(Weak<Upcoming>, u64)>,
    chunk_bytes: u64,
    is_web: bool,
    found: u64,
}

struct Connection {
    objects: Arc<dyn object_store::ObjectStore>,
    pages: Option<Arc<dyn object_store::list::PaginatedListStore>>,
}

/// The iterator is gone.
struct Gone;

impl Lister {
    async fn one(mut self, path: Path, context: &Context) {
        let key = self.selection.key().to_owned();
        let listed = match context.fetcher.head(&path).await {
            Ok(meta) => self.object(key, meta).await,
            // No HEAD, or no length: the answer to GET will show what is the matter.
            Err(object_store::Error::Generic { .. } | object_store::Error::NotFound { .. }) if self.is_web => {
                self.found += 1;
                self.send(Listed::Stream).await
            }
            Err(error) => self.failure(ObjectFailure::new(key, explained(&error))).await,
        };
        if listed.is_ok() {
            let _ = self.send(Listed::End).await;
        }
    }

    /// An object whose name cannot be a path.
    async fn none(mut self, why: String) {
        let failure = ObjectFailure::new(self.selection.key(), why);
        if self.failure(failure).await.is_ok() {
            let _ = self.send(Listed::End).await;
        }
    }

    async fn all(mut self) {
        let listed = match self.store.pages.clone() {
            Some(pages) => self.pages(&*pages).await,
            None => self.stream().await,
        };
        if let Ok(Err(error)) = &listed {
            let failure = ObjectFailure {
                name: self.shown.clone(),
                ends_list: true,
                error: Error::new(ErrorKind::Io, format!("its objects cannot be listed: {}", explained(error))),
            };
            let _ = self.failure(failure).await;
        } else if listed.is_ok() && self.found == 0 {
            let failure = ObjectFailure {
                name: self.shown.clone(),
                ends_list: true,
                error: Error::new(ErrorKind::Source, "no object matches"),
            };
            let _ = self.failure(failure).await;
        }
        if listed.is_ok() {
            let _ = self.send(Listed::End).await;
        }
    }

    async fn pages(
        &mut self,
        pages: &dyn object_store::list::PaginatedListStore,
    ) -> Result<object_store::Result<()>, Gone> {
        let prefix = Some(self.selection.listed_prefix()).filter(|prefix| !prefix.is_empty()).map(str::to_owned);
        let mut page_token = None;
        loop {
            let options = PaginatedListOptions { page_token, ..PaginatedListOptions::default() };
            let page = match pages.list_paginated(prefix.as_deref(), options).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            // Not in their place among the others, but within the page.
            if let Some(Refused(refused)) = page.result.extensions.get::<Refused>() {
                for object in refused.iter() {
                    self.refused(object).await?;
                }
            }
            for meta in page.result.objects {
                self.meta(meta).await?;
            }
            page_token = page.page_token.filter(|token| !token.is_empty());
            if page_token.is_none() {
                return Ok(Ok(()));
            }
        }
    }

    async fn stream(&mut self) -> Result<object_store::Result<()>, Gone> {
        // By whole path parts, which is less than a glob's prefix may say; `matches` decides.
        let folder = Path::parse(self.selection.fixed_folder()).unwrap_or_default();
        let mut stream = self.store.objects.list(Some(&folder));
        while let Some(meta) = stream.next().await {
            match meta {
                Ok(meta) => self.meta(meta).await?,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    async fn meta(&mut self, meta: ObjectMeta) -> Result<(), Gone> {
        let key = meta.location.as_ref().to_owned();
        if !self.selects(&key) {
            return Ok(());
        }
        match path_of(&key) {
            Ok(_) => self.object(key, meta).await,
            Err(why) => self.failure(ObjectFailure::new(key, why)).await,
        }
    }

    /// The fixed folder itself, which tools store as an empty object, is no item.
    fn selects(&self, key: &str) -> bool {
        self.selection.matches(key) && key.len() > self.selection.fixed_folder().len()
    }

    async fn refused(&mut self, object: &RefusedObject) -> Result<(), Gone> {
        if !self.selects(&object.name) {
            return Ok(());
        }
        let folder = object.name.strip_suffix('/').filter(|folder| object.size == Some(0) && path_of(folder).is_ok());
        match folder {
            Some(folder) => {
                self.found += 1;
                self.send(Listed::Directory(folder.to_owned(), Metadata::default())).await
            }
            None => self.failure(ObjectFailure::new(object.name.as_str(), object.why())).await,
        }
    }

    async fn object(&mut self, key: String, meta: ObjectMeta) -> Result<(), Gone> {
        self.found += 1;
        let upcoming = Arc::new(Upcoming::new(key, meta));
        // The pump lives as long as the iterator and its items.
        let _ = self.pump.send((Arc::downgrade(&upcoming), upcoming.first_bytes(self.chunk_bytes)));
        self.send(Listed::Object(upcoming)).await
    }

    async fn failure(&mut self, failure: ObjectFailure) -> Result<(), Gone> {
        self.found += 1;
        self.send(Listed::Failure(failure)).await
    }

    async fn send(&mut self, listed: Listed) -> Result<(), Gone> {
        self.listed.send(listed).await.map_err(|_| Gone)
    }
}

/// Starts first chunks in the order of the list, as memory and requests get free; a task of its own.
async fn pump(
    mut objects: mpsc::UnboundedReceiver<(Weak<Upcoming>, u64)>,
    context: Arc<Context>,
    memory: Arc<Semaphore>,
) {
    while let Some((object, bytes)) = objects.recv().await {
        if context.cancel.is_cancelled() {
            return;
        }
        if bytes == 0 || object.strong_count() == 0 {
            continue;
        }
        // Neither is ever closed.
        let Ok(memory) = Arc::clone(&memory).acquire_many_owned(units_of(bytes)).await else { return };
        let Ok(request) = Arc::clone(&context.requests).acquire_owned().await else { return };
        // It may have been opened or dropped while this waited.
        let Some(object) = object.upgrade() else { continue };
        let mut first = object.first.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*first, First::Waiting) {
            let handle = tokio::runtime::Handle::current();
            *first =
                First::Started(Chunk::start(&handle, &context, &object.version, 0..bytes, Some(memory), Some(request)));
        }
    }
}

fn units_of(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(MEMORY_UNIT_BYTES)).unwrap_or(u32::MAX)
}

/// A chunk on its way. Dropping it ends the request.
struct Chunk {
    receiver: std_mpsc::Receiver<io::Result<Bytes>>,
    _task: Task<()>,
    memory: Option<OwnedSemaphorePermit>,
}

impl Chunk {
    fn start(
        handle: &tokio::runtime::Handle,
        context: &Arc<Context>,
        version: &Arc<Version>,
        range: std::ops::Range<u64>,
        memory: Option<OwnedSemaphorePermit>,
        request: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let (sender, receiver) = std_mpsc::sync_channel(1);
        let (context, version) = (Arc::clone(context), Arc::clone(version));
        let task = handle.spawn(async move {
            let fetching = async {
                let _request = match request {
                    Some(request) => Ok(request),
                    None => Arc::clone(&context.requests).acquire_owned().await,
                };
                context.fetcher.range(&version, range).await
            };
            let fetched = unless_cancelled(&context.cancel, fetching).await;
            // Room for one: it does not block.
            let _ = sender.send(fetched.unwrap_or_else(|cancelled| Err(cancelled.into())));
        });
        Self { receiver, _task: Task(task), memory }
    }

    fn wait(self) -> io::Result<(Bytes, Option<OwnedSemaphorePermit>)> {
        let bytes = self.receiver.recv().map_err(|_| panicked())??;
        Ok((bytes, self.memory))
    }
}

/// An object that is read, in order.
struct Reader {
    shared: Arc<Shared>,
    version: Arc<Version>,
    current: Bytes,
    /// Of `current`.
    memory: Option<OwnedSemaphorePermit>,
    ahead: VecDeque<Chunk>,
    /// Where the next chunk to be started begins.
    next: u64,
    /// Whether bytes have been read.
    begun: bool,
    /// Instead of chunks, from a server without ranges.
    stream: Option<Stream>,
    failed: bool,
}

impl Reader {
    fn of(upcoming: Arc<Upcoming>, shared: Arc<Shared>) -> Self {
        let first =
            std::mem::replace(&mut *upcoming.first.lock().unwrap_or_else(PoisonError::into_inner), First::Taken);
        let mut reader = Self::at_start(Arc::clone(&upcoming.version), shared);
        if let First::Started(chunk) = first {
            reader.ahead.push_back(chunk);
            reader.next = upcoming.first_bytes(reader.shared.context.chunk_bytes);
        }
        reader
    }

    /// For another attempt: the version that there is now.
    fn anew(path: Path, shared: Arc<Shared>) -> io::Result<Self> {
        let context = Arc::clone(&shared.context);
        let head = async move { unless_cancelled(&context.cancel, context.fetcher.head(&path)).await };
        let meta = shared.runtime.wait(head).ok_or_else(panicked)??;
        let meta = meta.map_err(|error| crate::error::io_error(&error))?;
        Ok(Self::at_start(Arc::new(Version::new(meta)), shared))
    }

    fn at_start(version: Arc<Version>, shared: Arc<Shared>) -> Self {
        let (current, ahead) = (Bytes::new(), VecDeque::new());
        Self { shared, version, current, memory: None, ahead, next: 0, begun: false, stream: None, failed: false }
    }

    fn next_bytes(&self) -> u64 {
        (self.version.size() - self.next).min(self.shared.context.chunk_bytes)
    }

    fn start_next(&mut self, memory: Option<OwnedSemaphorePermit>) {
        let range = self.next..self.next + self.next_bytes();
        self.next = range.end;
        let chunk =
            Chunk::start(self.shared.runtime.handle(), &self.shared.context, &self.version, range, memory, None);
        self.ahead.push_back(chunk);
    }

    /// Fills `current` with the next chunk; leaves it empty at the end.
    fn next_chunk(&mut self) -> io::Result<()> {
        self.memory = None;
        if self.ahead.is_empty() && self.next < self.version.size() {
            // Whoever is read can go on, permits or not.
            let units = units_of(self.next_bytes());
            let memory = Arc::clone(&self.shared.reading).try_acquire_many_owned(units).ok();
            self.start_next(memory);
        }
        self.read_ahead();
        let Some(chunk) = self.ahead.pop_front() else { return Ok(()) };
        match chunk.wait() {
            Ok(got) => (self.current, self.memory) = got,
            Err(error) if error.kind() == io::ErrorKind::Unsupported && !self.begun && self.shared.web.is_some() => {
                self.ahead.clear();
                self.stream = Some(self.shared.stream(Some(self.version.size()))?);
            }
            Err(error) => return Err(error),
        }
        self.begun = true;
        Ok(())
    }

    fn read_ahead(&mut self) {
        while self.next < self.version.size() && self.ahead.len() < CHUNKS_AHEAD {
            let units = units_of(self.next_bytes());
            let Ok(memory) = Arc::clone(&self.shared.reading).try_acquire_many_owned(units) else { return };
            self.start_next(Some(memory));
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.failed {
            return Err(io::Error::other("an earlier read failed"));
        }
        if self.current.is_empty() && self.stream.is_none() {
            let next = self.next_chunk();
            self.failed = next.is_err();
            next?;
        }
        if let Some(stream) = &mut self.stream {
            return stream.read(buf);
        }
        let count = buf.len().min(self.current.len());
        self.current.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}
