//! What archives are opened and extracted with.

use super::{Secret, Threads};
use crate::progress::Observer;
use crate::{CancelToken, EntryInfo};
use std::fmt;
use std::sync::Arc;

/// What reading may cost. Checked before it is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadLimits {
    /// Memory for the decoders that run at the same time, in bytes: a folder that alone needs more is refused, and parts of
    /// a folder are unpacked ahead as far as there is room. Default 4 GiB (a 1536 MiB dictionary and then some).
    pub decoder_memory_bytes: u64,
    /// Bytes of the unpacked header. Default 1 GiB.
    pub header_bytes: u64,
    /// Entries. Default 16 Mi.
    pub entries: u64,
    /// Bytes that one call of extract or test may unpack. Default: no limit.
    pub output_bytes: u64,
    /// Key derivation rounds as a power of two, 0 to 62. Default 24, as 7-Zip.
    pub key_rounds_log2: u32,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            decoder_memory_bytes: 4 << 30,
            header_bytes: 1 << 30,
            entries: 16 << 20,
            output_bytes: u64::MAX,
            key_rounds_log2: 24,
        }
    }
}

/// How to open an archive.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    pub(crate) secret: Option<Secret>,
    pub(crate) limits: ReadLimits,
}

impl OpenOptions {
    /// No password, default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Password or key for encrypted names and content.
    #[must_use]
    pub fn secret(mut self, secret: Option<Secret>) -> Self {
        self.secret = secret;
        self
    }

    /// Limits.
    #[must_use]
    pub fn limits(mut self, limits: ReadLimits) -> Self {
        self.limits = limits;
        self
    }
}

/// An existing file in the way of an entry.
#[derive(Debug, Clone, Copy)]
pub struct OverwriteQuestion<'a> {
    /// The entry.
    pub entry: &'a EntryInfo,
    /// The existing file, below the destination.
    pub path: &'a str,
    /// Its size in bytes.
    pub existing_size: u64,
    /// Its last modification.
    pub existing_modified: Option<crate::FileTime>,
}

/// The answer to an [`OverwriteQuestion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverwriteAnswer {
    /// Replace the existing file.
    Replace,
    /// Leave it and leave out the entry.
    Skip,
    /// Write the entry under another name (`name_1.ext`).
    RenameNew,
    /// Stop the run.
    Cancel,
}

/// What to do when a file of that name exists.
#[derive(Clone, Default)]
pub enum Overwrite {
    /// Fail the entry: nothing is ever replaced.
    #[default]
    Refuse,
    /// Replace it (7-Zip's `-aoa`). The old file stays until the new one is complete.
    Replace,
    /// Leave out the entry (`-aos`).
    Skip,
    /// Write the entry under another name (`-aou`).
    RenameNew,
    /// Rename the existing file (`-aot`).
    RenameExisting,
    /// Ask. Calls come one at a time.
    Ask(Arc<dyn Fn(&OverwriteQuestion<'_>) -> OverwriteAnswer + Send + Sync>),
}

impl fmt::Debug for Overwrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "Refuse",
            Self::Replace => "Replace",
            Self::Skip => "Skip",
            Self::RenameNew => "RenameNew",
            Self::RenameExisting => "RenameExisting",
            Self::Ask(_) => "Ask(..)",
        })
    }
}

/// Where entries go below the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathMode {
    /// Under their full names (7-Zip's `x`).
    #[default]
    Full,
    /// All in the destination itself, under the last part of their names (`e`).
    Flat,
}

/// Chooses entries.
pub(crate) type Selection = Arc<dyn Fn(&EntryInfo) -> bool + Send + Sync>;

/// How to extract or test.
#[derive(Clone)]
pub struct ExtractOptions {
    pub(crate) threads: Threads,
    pub(crate) overwrite: Overwrite,
    pub(crate) paths: PathMode,
    pub(crate) select: Option<Selection>,
    pub(crate) restore_links: bool,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) cancel: CancelToken,
}

impl fmt::Debug for ExtractOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractOptions")
            .field("threads", &self.threads)
            .field("overwrite", &self.overwrite)
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

impl Default for ExtractOptions {
    fn default() -> Self {
        Self {
            threads: Threads::Auto,
            overwrite: Overwrite::Refuse,
            paths: PathMode::Full,
            select: None,
            restore_links: true,
            observer: None,
            cancel: CancelToken::new(),
        }
    }
}

impl ExtractOptions {
    /// All entries, all cores, full names, nothing replaced, links restored if they stay inside.
    pub fn new() -> Self {
        Self::default()
    }

    /// Threads that unpack. Folders are unpacked in parallel, and so are the parts of a large LZMA2 folder that resets its
    /// dictionary, as [`WriteOptions::independent_blocks`](crate::WriteOptions::independent_blocks) makes them.
    #[must_use]
    pub fn threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// What to do when a file exists.
    #[must_use]
    pub fn overwrite(mut self, overwrite: Overwrite) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Full names or flat.
    #[must_use]
    pub fn paths(mut self, paths: PathMode) -> Self {
        self.paths = paths;
        self
    }

    /// Takes only the entries for which `select` says yes. Folders without one are not touched.
    #[must_use]
    pub fn select(mut self, select: impl Fn(&EntryInfo) -> bool + Send + Sync + 'static) -> Self {
        self.select = Some(Arc::new(select));
        self
    }

    /// Whether symbolic links become links (default; refused if they lead outside) or files that hold the target.
    #[must_use]
    pub fn restore_links(mut self, restore: bool) -> Self {
        self.restore_links = restore;
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
