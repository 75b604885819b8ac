//! An archive file that appears, or replaces an older one, when it is complete.
//!
//! Bytes go to a temporary file in the same folder. `finish` writes the start header, syncs, renames it over the target
//! and syncs the folder; so at any moment, a crash included, the name holds the old archive or the new one.

use super::{START_HEADER_BYTES, Sink};
use crate::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// Bytes gathered before a write: packed chunks of tiny items are small.
const BUFFER_BYTES: usize = 256 << 10;

/// Bytes after which the file is synced while the run goes on: the committer has time, and the workers need not stand
/// idle at the end until the disk has taken everything at once.
const SYNC_BYTES: u64 = 4 << 20;

/// A file at a path.
#[derive(Debug)]
pub struct PathSink {
    path: PathBuf,
    unsynced_bytes: u64,
    /// Writes to `temporary`. Not a `NamedTempFile`, whose errors name the temporary file.
    file: BufWriter<File>,
    temporary: TempPath,
}

impl PathSink {
    /// Creates the temporary file beside `path`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the folder is missing or not writable; [`ErrorKind::AlreadyExists`] if `path` is something
    /// other than a file (a directory, a device), which cannot be replaced.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if let Ok(existing) = std::fs::metadata(path)
            && !existing.is_file()
        {
            let text = format!("cannot write the archive {}: it exists and is not a file", path.display());
            return Err(Error::new(ErrorKind::AlreadyExists, text));
        }
        let (file, temporary) = temporary_beside(path)?.into_parts();
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, file);
        file.write_all(&[0; START_HEADER_BYTES as usize]).expect("the buffer is larger");
        Ok(Self { path: path.to_owned(), unsynced_bytes: 0, file, temporary })
    }
}

/// Creates an unnoticeable temporary file in the folder of `path`.
pub(super) fn temporary_beside(path: &Path) -> Result<NamedTempFile> {
    let prefix = prefix_beside(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".par7z-part");
    // Opened here, as any new file: with the mode that the umask leaves, not the private one of temporary files, and with
    // errors that do not name the temporary file.
    builder
        .make_in(folder_of(path), |temporary| File::options().read(true).write(true).create_new(true).open(temporary))
        .map_err(|source| Error::io(format!("cannot create the archive {}", path.display()), source))
}

/// How the name of a temporary file beside `path` begins.
pub(super) fn prefix_beside(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // A name as long as the file system allows leaves no room for more.
    if name.len() <= 200 { format!(".{name}.") } else { ".".to_owned() }
}

/// The folder that holds `path`.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a rename in `folder` survive a power cut, where the system can.
pub(super) fn sync_folder(folder: &Path) {
    // Not every file system allows it (and Windows none); the rename itself has happened.
    if cfg!(unix)
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
}

impl Sink for PathSink {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.unsynced_bytes += bytes.len() as u64;
        if self.unsynced_bytes >= SYNC_BYTES {
            self.unsynced_bytes = 0;
            self.file.get_ref().sync_data()?;
        }
        Ok(())
    }

    fn truncate(&mut self, position: u64) -> io::Result<bool> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.set_len(START_HEADER_BYTES + position)?;
        file.seek(SeekFrom::Start(START_HEADER_BYTES + position))?;
        Ok(true)
    }

    fn finish(self: Box<Self>, start_header: &[u8; 32]) -> Result<()> {
        let context = || format!("cannot write the archive {}", self.path.display());
        let mut file = self.file.into_inner().map_err(|error| Error::io(context(), error.into_error()))?;
        let mut write = || -> io::Result<()> {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(start_header)?;
            file.sync_all()
        };
        write().map_err(|error| Error::io(context(), error))?;
        drop(file);
        self.temporary.persist(&self.path).map_err(|error| Error::io(context(), error.error))?;
        sync_folder(folder_of(&self.path));
        Ok(())
    }

    fn abort(self: Box<Self>) {
        // Dropping the temporary file removes it.
    }
}
