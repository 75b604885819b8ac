//! An entry as a reader sees it.

use par7z_format::{EntryKind, FileTime};
use std::sync::Arc;

/// One entry of an archive.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EntryInfo {
    /// Its number, from 0, in the order of the archive.
    pub index: u64,
    /// Its name as stored, `/` between parts. Not safe as a path; [`Archive::extract`](crate::Archive::extract) checks.
    /// An archive without names gives its file name without the extension, as 7-Zip does.
    pub name: String,
    /// File, directory or anti-item.
    pub kind: EntryKind,
    /// Unpacked bytes.
    pub size: u64,
    /// Packed bytes of its folder, given to the folder's first entry; `None` for the others of a solid folder.
    pub packed_size: Option<u64>,
    /// CRC-32 of the content, where stored.
    pub crc: Option<u32>,
    /// Creation time.
    pub created: Option<FileTime>,
    /// Last access.
    pub accessed: Option<FileTime>,
    /// Last modification.
    pub modified: Option<FileTime>,
    /// Windows attributes in the low 16 bits; with bit 15 (0x8000) set the high 16 bits are the unix mode.
    pub attributes: Option<u32>,
    /// Whether its content is encrypted.
    pub encrypted: bool,
    /// Its methods as 7-Zip names them, e.g. `LZMA2:25 7zAES`; empty if it has no content.
    pub method: Arc<str>,
    /// The folder ("block") that holds it; `None` without content.
    pub folder: Option<u64>,
}

impl EntryInfo {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == EntryKind::Directory
    }

    /// The unix mode with its type bits, if the archive stores one.
    pub fn unix_mode(&self) -> Option<u32> {
        self.attributes.filter(|attributes| attributes & 0x8000 != 0).map(|attributes| attributes >> 16)
    }

    /// Whether it is a symbolic link (its content is the target).
    pub fn is_symlink(&self) -> bool {
        self.unix_mode().is_some_and(|mode| mode & 0o170_000 == 0o120_000)
            // FILE_ATTRIBUTE_REPARSE_POINT, without a unix mode that says otherwise
            || (self.unix_mode().is_none() && self.attributes.is_some_and(|attributes| attributes & 0x400 != 0))
    }
}
