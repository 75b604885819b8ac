//! An input: a name, metadata, and bytes from somewhere.

use par7z_format::FileTime;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

/// What to store of an entry besides its name and content. `None` stores nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Creation time.
    pub created: Option<FileTime>,
    /// Last access.
    pub accessed: Option<FileTime>,
    /// Last modification.
    pub modified: Option<FileTime>,
    /// Windows attributes in the low 16 bits; with bit 15 (0x8000) set the high 16 bits are the unix mode.
    pub attributes: Option<u32>,
}

/// What to do with a symbolic link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Links {
    /// Store what it points to, as 7-Zip does by default.
    #[default]
    Follow,
    /// Store the link itself (7-Zip's `-snl`).
    Store,
}

/// Opens a source anew; called once per attempt.
pub(crate) type Opener = Box<dyn FnMut() -> io::Result<Box<dyn Read + Send>> + Send>;

/// A caller's buffer, which several workers may read at once.
pub(crate) type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Makes a stream whose reads end, with [`io::ErrorKind::Interrupted`], when the run is stopped.
#[cfg(feature = "tokio")]
pub(crate) type StoppableOpener = Box<dyn FnOnce(crate::cancel::Stop) -> Box<dyn Read + Send> + Send>;

/// Where an item's bytes come from.
pub(crate) enum Source {
    /// A buffer, read in place.
    Bytes(SharedBytes),
    /// A path, opened when its turn comes. Kind, size and metadata are those it has then.
    Path { path: PathBuf, links: Links },
    /// A stream that can be read once.
    Reader { reader: Box<dyn Read + Send>, size: Option<u64> },
    /// A stream that can be opened again (for retries).
    Opener { open: Opener, size: Option<u64> },
    /// A stream that can be read once and need not be waited for once the run is stopped. `None`: it was opened.
    #[cfg(feature = "tokio")]
    Stoppable { open: Option<StoppableOpener>, size: Option<u64> },
    /// No bytes: a directory.
    Directory,
}

/// One input.
pub struct Item {
    pub(crate) name: String,
    pub(crate) metadata: Metadata,
    pub(crate) source: Source,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("name", &self.name).field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

impl Item {
    pub(crate) fn new(name: impl Into<String>, source: Source) -> Self {
        Self { name: name.into(), metadata: Metadata::default(), source }
    }

    /// An item from a buffer: a `Vec<u8>`, an `Arc<[u8]>`, a `&'static [u8]`, a mapping. It must give the same bytes
    /// each time it is asked.
    ///
    /// It is read in place at every size, by several workers at once if it is large, and takes nothing of the memory
    /// budget but what it packs to. Two things copy: a filter (for executables, unless filters are off) makes a filtered
    /// copy, slice by slice, out of the budget; and an item that shares a solid folder is copied once into the folder's
    /// slice.
    pub fn from_bytes(name: impl Into<String>, bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::new(name, Source::Bytes(Arc::new(bytes)))
    }

    /// An item from a path: a file, a directory's own entry (not what is in it), or what a symbolic link points to.
    /// The path is opened when the item's turn comes; its times and attributes are taken then, unless
    /// [`with_metadata`](Self::with_metadata) gave others.
    pub fn from_path(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self::from_path_with_links(name, path, Links::Follow)
    }

    /// As [`from_path`](Self::from_path), saying what to do with a symbolic link.
    pub fn from_path_with_links(name: impl Into<String>, path: impl Into<PathBuf>, links: Links) -> Self {
        Self::new(name, Source::Path { path: path.into(), links })
    }

    /// An item from a stream: a pipe, a socket, stdin. `size` is its length in bytes if known; it serves planning and
    /// progress, the stream's real end decides.
    pub fn from_reader(name: impl Into<String>, reader: impl Read + Send + 'static, size: Option<u64>) -> Self {
        Self::new(name, Source::Reader { reader: Box::new(reader), size })
    }

    /// An item from a stream that can be opened again, so that the retry policy can serve it. `open` is called when the
    /// item's turn comes, and again for each retry.
    pub fn from_opener<R: Read + Send + 'static>(
        name: impl Into<String>,
        mut open: impl FnMut() -> io::Result<R> + Send + 'static,
        size: Option<u64>,
    ) -> Self {
        let open = move || open().map(|reader| Box::new(reader) as Box<dyn Read + Send>);
        Self::new(name, Source::Opener { open: Box::new(open), size })
    }

    /// A directory entry.
    pub fn directory(name: impl Into<String>) -> Self {
        Self::new(name, Source::Directory)
    }

    /// A symbolic link with the given target (`/` between parts), as 7-Zip stores it: the target is the content.
    pub fn symlink(name: impl Into<String>, target: impl Into<String>) -> Self {
        let item = Self::from_bytes(name, target.into().into_bytes());
        item.with_metadata(Metadata { attributes: Some(SYMLINK_ATTRIBUTES), ..Metadata::default() })
    }

    /// Sets the metadata; each field given wins over what a path has.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Gives it another name in the archive.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The metadata set so far; what a path has comes when it is opened.
    pub fn metadata(&self) -> Metadata {
        self.metadata
    }

    /// The name it gets in the archive.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Attributes of a symbolic link without a mode of its own: `lrwxrwxrwx`, and FILE_ATTRIBUTE_REPARSE_POINT.
const SYMLINK_ATTRIBUTES: u32 = (0o120_777 << 16) | 0x8000 | 0x400;
