//! The entries of an archive: names, times and attributes.

/// A point in time as 7z stores it: 100-nanosecond steps since 1601-01-01 00:00 UTC (a Windows `FILETIME`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(pub u64);

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EntryKind {
    /// A file (or a symbolic link, which its attributes tell).
    #[default]
    File,
    /// A directory.
    Directory,
    /// An anti-item: on extraction, delete what has this name.
    Anti,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// The name with `/` between its parts. `None` if the archive stores no names.
    pub name: Option<Box<str>>,
    /// File, directory or anti-item.
    pub kind: EntryKind,
    /// Whether a substream holds its content. An empty file or a directory has none.
    pub has_stream: bool,
    /// Creation time.
    pub created: Option<FileTime>,
    /// Last access.
    pub accessed: Option<FileTime>,
    /// Last modification.
    pub modified: Option<FileTime>,
    /// Windows attributes in the low 16 bits; bit 15 (0x8000) set means that the high 16 bits are the unix mode.
    pub attributes: Option<u32>,
}
