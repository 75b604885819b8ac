//! Puts files into the destination: directories above them, the policy for what is in the way, and the change from
//! the old file to the new one.
//!
//! Where nothing is in the way a file is created under its own name (never through a link: creation is exclusive) and
//! removed if it fails. Where a file is to be replaced, the new one is written under a temporary name beside it and
//! renamed over it when complete: at no moment is the old content gone and the new one unfinished.

use super::extract::{EntrySink, Finished};
use crate::{EntryInfo, Error, ErrorKind, FileTime, Overwrite, OverwriteAnswer, OverwriteQuestion, Result};
use cap_std::fs::{Dir, OpenOptions};
use std::collections::HashMap;
use std::fs::{File, FileTimes};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Names files below one directory handle.
pub(super) struct Placer {
    pub(super) dir: Dir,
    overwrite: Overwrite,
    /// Held while the user is asked: questions come one at a time.
    asking: Mutex<()>,
    /// The number to try next for a name that was taken: a hostile archive may hold the same name a million times.
    next_number: Mutex<HashMap<PathBuf, u64>>,
    next_temporary: AtomicU64,
}

/// Where a new file (or link) is made, and what becomes of it when it is complete.
pub(super) enum Place {
    /// Under its own name.
    Own(PathBuf),
    /// Under a temporary name, to replace what is there.
    Over { temporary: PathBuf, path: PathBuf },
    /// Under a temporary name; what is there gets another name first.
    Beside { temporary: PathBuf, path: PathBuf },
}

impl Place {
    /// Where to write.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Over { temporary, .. } | Self::Beside { temporary, .. } => temporary,
        }
    }

    /// Where it is to be in the end: what messages name.
    fn target(&self) -> &Path {
        match self {
            Self::Own(path) | Self::Over { path, .. } | Self::Beside { path, .. } => path,
        }
    }
}

impl Placer {
    pub(super) fn new(dir: Dir, overwrite: Overwrite) -> Self {
        Self {
            dir,
            overwrite,
            asking: Mutex::new(()),
            next_number: Mutex::default(),
            next_temporary: AtomicU64::new(0),
        }
    }

    /// Makes a directory and those above it; tells which ones are new.
    pub(super) fn make_directories(&self, path: &Path, mut made: impl FnMut(&Path)) -> Result<()> {
        if path.as_os_str().is_empty() || self.dir.is_dir(path) {
            return Ok(());
        }
        let mut whole = PathBuf::new();
        for part in path.components() {
            whole.push(part);
            match self.dir.create_dir(&whole) {
                Ok(()) => made(&whole),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io(format!("cannot make the directory {}", whole.display()), error)),
            }
        }
        if self.dir.is_dir(path) {
            return Ok(());
        }
        let text = format!("cannot make the directory {}: a file of that name is in the way", path.display());
        Err(Error::new(ErrorKind::AlreadyExists, text))
    }

    pub(super) fn make_parents(&self, path: &Path) -> Result<()> {
        self.make_directories(path.parent().unwrap_or(Path::new("")), |_| {})
    }

    /// Creates the file, if the policy lets it.
    fn create(&self, entry: &EntryInfo, path: &Path) -> Result<Option<(File, Place)>> {
        let mode = creation_mode(entry);
        let mut created = self.create_new(path, mode);
        if created.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            self.make_parents(path)?;
            created = self.create_new(path, mode);
        }
        match created {
            Ok(file) => return Ok(Some((file, Place::Own(path.to_owned())))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot_create(path, error)),
        }
        let Some(place) = self.resolve(entry, path)? else { return Ok(None) };
        match self.create_new(place.path(), mode) {
            Ok(file) => Ok(Some((file, place))),
            Err(error) => Err(cannot_create(place.target(), error)),
        }
    }

    fn create_new(&self, path: &Path, mode: u32) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        Ok(self.dir.open_with(path, &options)?.into_std())
    }

    /// Finds a place for something that is not a file (a link). `None`: it is to be left out.
    pub(super) fn make_room(&self, entry: &EntryInfo, path: &Path) -> Result<Option<Place>> {
        match self.dir.symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(Place::Own(path.to_owned()))),
            Err(error) => Err(cannot_create(path, error)),
            Ok(_) => self.resolve(entry, path),
        }
    }

    /// Applies the policy to what is in the way at `path`.
    fn resolve(&self, entry: &EntryInfo, path: &Path) -> Result<Option<Place>> {
        let metadata = self.dir.symlink_metadata(path).map_err(|error| cannot_create(path, error))?;
        if metadata.is_dir() {
            let text = format!("{} is a directory already", path.display());
            return Err(Error::new(ErrorKind::AlreadyExists, text));
        }
        let over = || Place::Over { temporary: self.temporary(path), path: path.to_owned() };
        let answer = match &self.overwrite {
            Overwrite::Refuse => {
                let text = format!("{} exists already; choose what to do with existing files", path.display());
                return Err(Error::new(ErrorKind::AlreadyExists, text));
            }
            Overwrite::RenameExisting => {
                return Ok(Some(Place::Beside { temporary: self.temporary(path), path: path.to_owned() }));
            }
            Overwrite::Replace => OverwriteAnswer::Replace,
            Overwrite::Skip => OverwriteAnswer::Skip,
            Overwrite::RenameNew => OverwriteAnswer::RenameNew,
            Overwrite::Ask(ask) => {
                let _one_at_a_time = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
                let modified = metadata.modified().ok().map(|time| FileTime::from(time.into_std()));
                ask(&OverwriteQuestion {
                    entry,
                    path: &path.to_string_lossy(),
                    existing_size: metadata.len(),
                    existing_modified: modified,
                })
            }
        };
        match answer {
            OverwriteAnswer::Replace => Ok(Some(over())),
            OverwriteAnswer::Skip => Ok(None),
            OverwriteAnswer::RenameNew => Ok(Some(Place::Own(self.free_name(path)?))),
            OverwriteAnswer::Cancel => Err(Error::cancelled()),
        }
    }

    /// A name like `path` that nothing has: `name_1.ext`, `name_2.ext`, …
    fn free_name(&self, path: &Path) -> Result<PathBuf> {
        let stem = path.file_stem().unwrap_or_default();
        let mut number =
            self.next_number.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied().unwrap_or(1);
        loop {
            let mut name = stem.to_owned();
            name.push(format!("_{number}"));
            if let Some(extension) = path.extension() {
                name.push(".");
                name.push(extension);
            }
            let candidate = path.with_file_name(name);
            number += 1;
            match self.dir.symlink_metadata(&candidate) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let mut numbers = self.next_number.lock().unwrap_or_else(PoisonError::into_inner);
                    numbers.insert(path.to_owned(), number);
                    return Ok(candidate);
                }
                Err(error) => return Err(cannot_create(&candidate, error)),
            }
        }
    }

    /// A name beside `path` that nobody else uses.
    fn temporary(&self, path: &Path) -> PathBuf {
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        path.with_file_name(format!(".par7z-{}-{number}.tmp", std::process::id()))
    }

    /// The new file is complete: gives it its name.
    pub(super) fn move_in(&self, place: &Place) -> Result<()> {
        let (temporary, path) = match place {
            Place::Own(_) => return Ok(()),
            Place::Over { temporary, path } => (temporary, path),
            Place::Beside { temporary, path } => {
                let old = self.free_name(path)?;
                self.rename(path, &old).inspect_err(|_| self.give_up(place))?;
                (temporary, path)
            }
        };
        self.rename(temporary, path).inspect_err(|_| self.give_up(place))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let context = || format!("cannot rename {} to {}", from.display(), to.display());
        self.dir.rename(from, &self.dir, to).map_err(|error| Error::io(context(), error))
    }

    /// The new file failed: nothing of it stays.
    pub(super) fn give_up(&self, place: &Place) {
        let _ = self.dir.remove_file(place.path());
    }
}

fn cannot_create(path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot create {}", path.display()), error)
}

/// A file that is being written.
pub(super) struct FileSink<'a> {
    placer: &'a Placer,
    entry: &'a EntryInfo,
    place: Place,
    file: File,
}

impl<'a> FileSink<'a> {
    /// Creates the file. `None`: the policy leaves it out.
    pub(super) fn begin(placer: &'a Placer, entry: &'a EntryInfo, path: &Path) -> Result<Option<Self>> {
        let created = placer.create(entry, path)?;
        Ok(created.map(|(file, place)| Self { placer, entry, place, file }))
    }
}

impl EntrySink for FileSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| Error::io(format!("cannot write {}", self.place.target().display()), error))
    }

    fn finish(self: Box<Self>) -> Result<Finished> {
        let Self { placer, entry, place, file } = *self;
        if let Some(times) = file_times(entry) {
            // The content is complete: a time that the file system cannot hold is not worth a failed entry.
            let _ = file.set_times(times);
        }
        #[cfg(windows)]
        if entry.attributes.is_some_and(|attributes| attributes & READ_ONLY != 0)
            && let Ok(metadata) = file.metadata()
        {
            let mut permissions = metadata.permissions();
            permissions.set_readonly(true);
            let _ = file.set_permissions(permissions);
        }
        // Windows renames no file that is open.
        drop(file);
        placer.move_in(&place)?;
        Ok(Finished::Done)
    }

    fn abort(self: Box<Self>) {
        let Self { placer, place, file, .. } = *self;
        drop(file);
        placer.give_up(&place);
    }
}

/// FILE_ATTRIBUTE_READONLY.
const READ_ONLY: u32 = 1;

/// The mode that a file is created with; the umask takes its part. Never setuid, setgid or sticky.
fn creation_mode(entry: &EntryInfo) -> u32 {
    match entry.unix_mode() {
        // A type without permissions is no statement about them.
        Some(mode) if mode != 0 => mode & 0o777,
        _ if entry.attributes.is_some_and(|attributes| attributes & READ_ONLY != 0) => 0o444,
        _ => 0o666,
    }
}

/// The times to set, if the archive has any that the system can express.
pub(super) fn file_times(entry: &EntryInfo) -> Option<FileTimes> {
    let accessed = entry.accessed.and_then(FileTime::to_system_time);
    let modified = entry.modified.and_then(FileTime::to_system_time);
    let mut times = FileTimes::new();
    if let Some(accessed) = accessed {
        times = times.set_accessed(accessed);
    }
    if let Some(modified) = modified {
        times = times.set_modified(modified);
    }
    #[cfg(windows)]
    if let Some(created) = entry.created.and_then(FileTime::to_system_time) {
        times = std::os::windows::fs::FileTimesExt::set_created(times, created);
    }
    (accessed.is_some() || modified.is_some() || (cfg!(windows) && entry.created.is_some())).then_some(times)
}
