//! What an archive is written with.

use super::method::check_method;
use super::{Filter, FilterChoice, Method, Secret, Threads, check_range, invalid};
use crate::crypto::{IvSeed, Key, Password};
use crate::progress::Observer;
use crate::{CancelToken, Result};
use std::fmt;
use std::sync::Arc;

/// How items share folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Solid {
    /// Items in one folder at the most. 1 = non-solid.
    pub max_items: u64,
    /// Unpacked bytes in one folder at the most (one larger item still gets in, alone).
    pub max_bytes: u64,
    /// Whether an item with another extension begins a new folder. Items are then sorted by extension, so each solid
    /// group is full; needs the items' names beforehand, so it holds back what was added until the end.
    pub by_extension: bool,
}

impl Solid {
    /// A folder per item: every item can be read alone, and all threads are busy. par7z's default.
    pub const OFF: Self = Self { max_items: 1, max_bytes: u64::MAX, by_extension: false };

    /// As few folders as the bounds of 7-Zip's level allow; see [`WriteOptions::solid`].
    pub const ON: Self = Self { max_items: u64::MAX, max_bytes: u64::MAX, by_extension: false };
}

/// The order of folders and entries in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// That in which the items were added: the archive's bytes do not depend on the number of threads.
    #[default]
    Input,
    /// That in which folders are finished: less waiting and less memory when items are very unequal.
    Completion,
}

/// What a failed item means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorPolicy {
    /// Leave it out, report it, go on.
    #[default]
    Skip,
    /// Try it again that many times, if its source can be opened again; then leave it out.
    Retry {
        /// Further attempts, 1 to 100.
        times: u32,
    },
    /// End the run with its error; nothing is written.
    Abort,
}

/// What the end of a run does about workers that are still inside a caller's source or observer.
///
/// A run that ends well has none. One that ends early (cancelled, failed, or its [`Session`](crate::Session) dropped) may:
/// nobody can interrupt a read that blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stragglers {
    /// Wait for them 100 ms, then leave them to themselves: each ends when its read does, and drops then what it holds of
    /// its items. The end of the run does not depend on the sources.
    #[default]
    Leave,
    /// Wait for them. When [`Session::finish`](crate::Session::finish), the drop of a session or one of
    /// [`Compressor`](crate::Compressor)'s `compress` methods returns, every thread of the run has ended, and the items,
    /// the sink and the run's hold on the observer are dropped. Callers that lend memory or callbacks which do not
    /// outlive the call need this. A source that blocks for ever holds up the end for ever.
    Wait,
}

/// How to encrypt.
#[derive(Debug, Clone)]
pub struct Encryption {
    /// Password or key.
    pub secret: Secret,
    /// Encrypt names, times and the archive's structure too (7-Zip's `-mhe=on`).
    pub hide_names: bool,
    /// `None`: a fresh random IV for each folder. `Some`: each folder's IV is derived from the seed (SHA-256 over it and
    /// the folder's number), so that equal input gives equal bytes. Clones share the seed, and a run after the first
    /// has other IVs; see [`IvSeed`].
    pub iv: Option<IvSeed>,
}

impl Encryption {
    /// With a password.
    pub fn password(password: impl Into<Password>) -> Self {
        Self { secret: Secret::Password(password.into()), hide_names: false, iv: None }
    }

    /// With a raw key.
    pub fn key(key: Key) -> Self {
        Self { secret: Secret::Key(key), hide_names: false, iv: None }
    }

    /// Sets whether names are hidden.
    #[must_use]
    pub fn hide_names(mut self, hide: bool) -> Self {
        self.hide_names = hide;
        self
    }

    /// Sets what IVs are derived from. Give the same seed, or the same bytes, to a second `Encryption` with this key only
    /// if equal content is to be encrypted; see [`IvSeed`].
    #[must_use]
    pub fn iv(mut self, seed: impl Into<IvSeed>) -> Self {
        self.iv = Some(seed.into());
        self
    }
}

/// Which times are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeChoice {
    /// Last modification (7-Zip's `-mtm`, on).
    pub modified: bool,
    /// Creation (`-mtc`, off).
    pub created: bool,
    /// Last access (`-mta`, off).
    pub accessed: bool,
}

impl Default for TimeChoice {
    fn default() -> Self {
        Self { modified: true, created: false, accessed: false }
    }
}

/// How to write an archive. Built once, then given to a [`Compressor`](crate::Compressor).
#[derive(Clone)]
pub struct WriteOptions {
    pub(crate) level: u32,
    pub(crate) threads: Threads,
    pub(crate) method: Method,
    pub(crate) filters: FilterChoice,
    pub(crate) solid: Solid,
    pub(crate) order: Order,
    pub(crate) memory_budget_bytes: u64,
    pub(crate) encoder_memory_bytes: Option<u64>,
    pub(crate) independent_blocks: bool,
    pub(crate) encryption: Option<Encryption>,
    pub(crate) compress_header: bool,
    pub(crate) times: TimeChoice,
    pub(crate) attributes: bool,
    pub(crate) error_policy: ErrorPolicy,
    pub(crate) stragglers: Stragglers,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) cancel: CancelToken,
}

impl fmt::Debug for WriteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteOptions")
            .field("level", &self.level)
            .field("threads", &self.threads)
            .field("method", &self.method)
            .field("filters", &self.filters)
            .field("solid", &self.solid)
            .field("order", &self.order)
            .field("memory_budget_bytes", &self.memory_budget_bytes)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            level: 5,
            threads: Threads::Auto,
            method: Method::default(),
            filters: FilterChoice::Auto,
            solid: Solid::OFF,
            order: Order::Input,
            memory_budget_bytes: Self::DEFAULT_MEMORY_BUDGET_BYTES,
            encoder_memory_bytes: None,
            independent_blocks: false,
            encryption: None,
            compress_header: true,
            times: TimeChoice::default(),
            attributes: true,
            error_policy: ErrorPolicy::Skip,
            stragglers: Stragglers::Leave,
            observer: None,
            cancel: CancelToken::new(),
        }
    }
}

impl WriteOptions {
    /// The default of [`memory_budget`](Self::memory_budget): 512 MiB.
    pub const DEFAULT_MEMORY_BUDGET_BYTES: u64 = 512 << 20;
    /// The smallest [`memory_budget`](Self::memory_budget): 16 MiB.
    pub const MIN_MEMORY_BUDGET_BYTES: u64 = 16 << 20;

    /// Level 5, LZMA2, non-solid, one thread per core.
    pub fn new() -> Self {
        Self::default()
    }

    /// Compression level, 0 (store) to 9 (smallest), as 7-Zip's `-mx`. Default 5.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) above 9.
    pub fn level(mut self, level: u32) -> Result<Self> {
        if level > 9 {
            return Err(invalid(format!("level {level}: the range is 0 to 9")));
        }
        self.level = level;
        Ok(self)
    }

    /// Threads that compress.
    #[must_use]
    pub fn threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// The compressor. Level 0 stores whatever the method is, as 7-Zip does.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) if a parameter is out of its range.
    pub fn method(mut self, method: Method) -> Result<Self> {
        check_method(&method)?;
        self.method = method;
        Ok(self)
    }

    /// Filters in front of the compressor.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) for more than 3 filters, or a Delta distance out of 1 to 256.
    pub fn filters(mut self, filters: FilterChoice) -> Result<Self> {
        if let FilterChoice::Chain(chain) = &filters {
            if chain.len() > 3 {
                return Err(invalid(format!("{} filters: at most 3 fit in a chain", chain.len())));
            }
            for filter in chain {
                if let Filter::Delta { distance } = filter {
                    check_range("the Delta distance", *distance, 1, 256)?;
                }
            }
        }
        self.filters = filters;
        Ok(self)
    }

    /// How items share folders. Default [`Solid::OFF`].
    ///
    /// Whatever is asked for, a folder holds no more unpacked bytes than the dictionary times 128 (at least 16 MiB, at
    /// most 4 GiB), 7-Zip's own bound: beyond that solid gains nothing and a reader pays.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) if a bound is 0.
    pub fn solid(mut self, solid: Solid) -> Result<Self> {
        if solid.max_items == 0 || solid.max_bytes == 0 {
            return Err(invalid("a solid folder of 0 items or bytes: give at least 1"));
        }
        self.solid = solid;
        Ok(self)
    }

    /// Order of folders and entries. Default [`Order::Input`].
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Bytes that may be in flight at once: input read ahead and packed output that waits for its turn. The encoders'
    /// own memory comes on top, see the crate's documentation. Default 512 MiB, at least 16 MiB.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) below 16 MiB.
    pub fn memory_budget(mut self, bytes: u64) -> Result<Self> {
        if bytes < Self::MIN_MEMORY_BUDGET_BYTES {
            return Err(invalid(format!("a memory budget of {bytes} bytes: at least 16 MiB are needed")));
        }
        self.memory_budget_bytes = bytes;
        Ok(self)
    }

    /// The most memory that one thread's encoder of LZMA or LZMA2 may take, in bytes. If the level's match finder takes more, a
    /// leaner one is chosen, which is slower or packs larger: binary trees, then hash buckets;
    /// [`Compressor::match_finder`](crate::Compressor::match_finder) tells which. The leanest needs about 2 MiB, which no limit
    /// makes less. What workers share for a large item counts whole, so the choice does not depend on the number of threads.
    /// Default `None`: the level's.
    #[must_use]
    pub fn encoder_memory(mut self, bytes: Option<u64>) -> Self {
        self.encoder_memory_bytes = bytes;
        self
    }

    /// Whether the blocks of a large LZMA2 folder (64 MiB, or an eighth of the memory budget if that is less) begin with a fresh
    /// dictionary each, so that a reader can unpack them at the same time, as [`Archive`](crate::Archive) does. Default `false`:
    /// they refer to what was before, which is smaller.
    #[must_use]
    pub fn independent_blocks(mut self, independent: bool) -> Self {
        self.independent_blocks = independent;
        self
    }

    /// Encrypts all content, and with [`Encryption::hide_names`] the header.
    #[must_use]
    pub fn encryption(mut self, encryption: Option<Encryption>) -> Self {
        self.encryption = encryption;
        self
    }

    /// Whether the header is compressed (7-Zip's `-mhc`). Default on. An encrypted header is compressed all the same.
    #[must_use]
    pub fn compress_header(mut self, compress: bool) -> Self {
        self.compress_header = compress;
        self
    }

    /// Which times are stored. Default: modification alone, as 7-Zip.
    #[must_use]
    pub fn times(mut self, times: TimeChoice) -> Self {
        self.times = times;
        self
    }

    /// Whether attributes and unix modes are stored (7-Zip's `-mtr`). Default on.
    #[must_use]
    pub fn attributes(mut self, store: bool) -> Self {
        self.attributes = store;
        self
    }

    /// What a failed item means. Default [`ErrorPolicy::Skip`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) if the retries are not 1 to 100.
    pub fn on_error(mut self, policy: ErrorPolicy) -> Result<Self> {
        if let ErrorPolicy::Retry { times } = policy {
            check_range("the number of retries", times, 1, 100)?;
        }
        self.error_policy = policy;
        Ok(self)
    }

    /// What the end of a run does about workers that a source keeps. Default [`Stragglers::Leave`].
    #[must_use]
    pub fn stragglers(mut self, stragglers: Stragglers) -> Self {
        self.stragglers = stragglers;
        self
    }

    /// Who is told what happens.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The token that stops the run.
    #[must_use]
    pub fn cancel_token(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }
}
