//! Opening an item: what it is at that moment, its metadata, and its bytes.

use crate::cancel::Stop;
use crate::item::{Links, Metadata, SharedBytes, Source};
use crate::{FileTime, Item, TimeChoice};
use std::fs;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

/// An opened item.
pub(super) struct Opened {
    pub(super) content: Content,
    pub(super) metadata: Metadata,
    /// Its size if known. The stream's end decides.
    pub(super) size: Option<u64>,
}

/// Its bytes.
pub(super) enum Content {
    /// It is a directory.
    Directory,
    /// A buffer.
    Bytes(SharedBytes),
    /// A stream.
    Stream(Box<dyn Read + Send>),
}

/// Opens an item for the run that `stop` stops. Called again for a retry, where [`can_reopen`] says so.
#[cfg_attr(not(feature = "tokio"), expect(unused_variables, reason = "only async sources can be stopped"))]
pub(super) fn open(item: &mut Item, times: TimeChoice, stop: &Stop) -> io::Result<Opened> {
    let given = item.metadata;
    match &mut item.source {
        Source::Directory => Ok(Opened { content: Content::Directory, metadata: given, size: None }),
        Source::Bytes(bytes) => {
            let bytes = std::mem::replace(bytes, Arc::new([0u8; 0]));
            let size = Some((*bytes).as_ref().len() as u64);
            Ok(Opened { content: Content::Bytes(bytes), metadata: given, size })
        }
        Source::Reader { reader, size } => {
            let reader = std::mem::replace(reader, Box::new(io::empty()));
            Ok(Opened { content: Content::Stream(reader), metadata: given, size: *size })
        }
        Source::Opener { open, size } => Ok(Opened { content: Content::Stream(open()?), metadata: given, size: *size }),
        #[cfg(feature = "tokio")]
        Source::Stoppable { open, size } => {
            let reader = open.take().map_or_else(|| Box::new(io::empty()) as _, |open| open(stop.clone()));
            Ok(Opened { content: Content::Stream(reader), metadata: given, size: *size })
        }
        Source::Path { path, links } => {
            let mut opened = open_path(path, *links, times)?;
            opened.metadata = merge(given, opened.metadata);
            Ok(opened)
        }
    }
}

/// Whether the item's source can be opened a second time.
pub(super) fn can_reopen(item: &Item) -> bool {
    matches!(item.source, Source::Path { .. } | Source::Opener { .. })
}

/// The size that the item will probably have, without opening it.
pub(super) fn expected_size(item: &Item) -> Option<u64> {
    match &item.source {
        Source::Directory => Some(0),
        Source::Bytes(bytes) => Some((**bytes).as_ref().len() as u64),
        Source::Reader { size, .. } | Source::Opener { size, .. } => *size,
        #[cfg(feature = "tokio")]
        Source::Stoppable { size, .. } => *size,
        Source::Path { path, links: Links::Follow } => fs::metadata(path).ok().filter(|m| m.is_file()).map(|m| m.len()),
        Source::Path { path, links: Links::Store } => {
            fs::symlink_metadata(path).ok().filter(|m| !m.is_dir()).map(|m| m.len())
        }
    }
}

fn open_path(path: &Path, links: Links, times: TimeChoice) -> io::Result<Opened> {
    if links == Links::Store {
        let found = fs::symlink_metadata(path)?;
        if found.file_type().is_symlink() {
            let target = fs::read_link(path)?;
            let Some(target) = target.to_str() else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the link's target is not valid Unicode"));
            };
            let target = if cfg!(windows) { target.replace('\\', "/") } else { target.to_owned() };
            let size = Some(target.len() as u64);
            let content = Content::Stream(Box::new(Cursor::new(target.into_bytes())));
            return Ok(Opened { content, metadata: metadata_of(&found, times), size });
        }
    }
    let found = fs::metadata(path)?;
    if found.is_dir() {
        return Ok(Opened { content: Content::Directory, metadata: metadata_of(&found, times), size: None });
    }
    let file = fs::File::open(path)?;
    // Asked of the open file: the name may mean another one by now.
    let found = file.metadata()?;
    let size = found.is_file().then_some(found.len());
    Ok(Opened { content: Content::Stream(Box::new(file)), metadata: metadata_of(&found, times), size })
}

fn merge(given: Metadata, found: Metadata) -> Metadata {
    Metadata {
        created: given.created.or(found.created),
        accessed: given.accessed.or(found.accessed),
        modified: given.modified.or(found.modified),
        attributes: given.attributes.or(found.attributes),
    }
}

fn metadata_of(found: &fs::Metadata, times: TimeChoice) -> Metadata {
    let time = |wanted: bool, time: io::Result<std::time::SystemTime>| {
        if wanted { time.ok().map(FileTime::from) } else { None }
    };
    Metadata {
        created: time(times.created, found.created()),
        accessed: time(times.accessed, found.accessed()),
        modified: time(times.modified, found.modified()),
        attributes: Some(attributes_of(found)),
    }
}

const READ_ONLY: u32 = 0x01;
const DIRECTORY: u32 = 0x10;
const ARCHIVE: u32 = 0x20;
#[cfg(unix)]
const UNIX_EXTENSION: u32 = 0x8000;

/// Windows attributes and unix mode as 7-Zip's unix port makes them.
#[cfg(unix)]
fn attributes_of(found: &fs::Metadata) -> u32 {
    use std::os::unix::fs::MetadataExt;
    let mode = found.mode();
    let kind = if found.is_dir() { DIRECTORY } else { ARCHIVE };
    let read_only = if mode & 0o200 == 0 { READ_ONLY } else { 0 };
    (mode & 0xFFFF) << 16 | UNIX_EXTENSION | kind | read_only
}

#[cfg(windows)]
fn attributes_of(found: &fs::Metadata) -> u32 {
    use std::os::windows::fs::MetadataExt;
    let _ = (READ_ONLY, DIRECTORY, ARCHIVE);
    found.file_attributes()
}

#[cfg(not(any(unix, windows)))]
fn attributes_of(found: &fs::Metadata) -> u32 {
    let kind = if found.is_dir() { DIRECTORY } else { ARCHIVE };
    kind | if found.permissions().readonly() { READ_ONLY } else { 0 }
}
