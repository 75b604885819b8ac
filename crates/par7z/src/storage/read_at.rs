//! The sources that archives are read from: a file, memory, and a set of volumes joined to one.
//!
//! Invariants: a source never changes its length; a read is positional, so that any number of threads share one source
//! without a lock (the volume set locks only to look up a file handle). A volume set keeps at most
//! [`VolumeSet::MAX_OPEN`] files open, however many volumes it has: sets of a hundred thousand one-byte volumes exist.

use super::ReadAt;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A file that is read at any position.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// Opens the file.
    ///
    /// # Errors
    /// It cannot be opened, is a directory, or has no length (a pipe).
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    /// Reads from an open file; its own position is not used.
    ///
    /// # Errors
    /// It is a directory or has no length (a pipe).
    pub fn new(file: File) -> io::Result<Self> {
        if file.metadata()?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        // Seeking tells the length of block devices too, whose metadata says 0.
        let len = (&file).seek(SeekFrom::End(0))?;
        Ok(Self { file, len })
    }
}

impl ReadAt for FileSource {
    fn len(&self) -> u64 {
        self.len
    }
    fn read_at(&self, buf: &mut [u8], position: u64) -> io::Result<usize> {
        file_read_at(&self.file, buf, position)
    }
}

#[cfg(unix)]
fn file_read_at(file: &File, buf: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, position)
}

#[cfg(windows)]
fn file_read_at(file: &File, buf: &mut [u8], position: u64) -> io::Result<usize> {
    // It moves the handle's position too, which nobody here relies on.
    std::os::windows::fs::FileExt::seek_read(file, buf, position)
}

/// An archive in memory.
pub struct MemorySource<B>(B);

impl<B> std::fmt::Debug for MemorySource<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemorySource(..)")
    }
}

impl<B: AsRef<[u8]> + Send + Sync> MemorySource<B> {
    /// Reads from `bytes`, in place.
    pub fn new(bytes: B) -> Self {
        Self(bytes)
    }
}

impl<B: AsRef<[u8]> + Send + Sync> ReadAt for MemorySource<B> {
    fn len(&self) -> u64 {
        self.0.as_ref().len() as u64
    }
    fn read_at(&self, buf: &mut [u8], position: u64) -> io::Result<usize> {
        let bytes = self.0.as_ref();
        let rest = usize::try_from(position).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// The volumes `name.001`, `name.002`, … joined to one source.
#[derive(Debug)]
pub struct VolumeSet {
    naming: VolumeNaming,
    /// Where each volume begins; the last value is the length of the whole.
    starts: Vec<u64>,
    /// The files used last, the newest at the back.
    open: Mutex<VecDeque<(usize, Arc<File>)>>,
}

impl VolumeSet {
    /// The most files that a set keeps open.
    pub const MAX_OPEN: usize = 16;

    /// Joins the volumes that follow the first one, until one is missing. `None` if `first` is not named like a first
    /// volume (an extension of digits that says 1, such as `.001`).
    ///
    /// # Errors
    /// A volume is there but cannot be examined.
    pub fn find(first: impl AsRef<Path>) -> io::Result<Option<Self>> {
        let Some(naming) = VolumeNaming::of_first(first.as_ref()) else { return Ok(None) };
        let mut starts = vec![0_u64];
        loop {
            let path = naming.path(starts.len() - 1);
            let metadata = match std::fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => metadata,
                Ok(_) => break,
                // The first one has to be there; a later one that is missing ends the set.
                Err(error) if error.kind() == io::ErrorKind::NotFound && starts.len() > 1 => break,
                Err(error) => return Err(in_volume(&path, error)),
            };
            let end = starts[starts.len() - 1].checked_add(metadata.len());
            starts.push(end.ok_or_else(|| io::Error::new(io::ErrorKind::FileTooLarge, "the volumes' sizes overflow"))?);
        }
        Ok((starts.len() > 1).then(|| Self { naming, starts, open: Mutex::new(VecDeque::new()) }))
    }

    /// Number of volumes.
    pub fn volume_count(&self) -> u64 {
        self.starts.len() as u64 - 1
    }

    /// The path of the volume that would come next.
    pub fn next_path(&self) -> PathBuf {
        self.naming.path(self.starts.len() - 1)
    }

    fn file(&self, index: usize) -> io::Result<Arc<File>> {
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = open.iter().position(|(volume, _)| *volume == index)
                && let Some(found) = open.remove(place)
            {
                let file = Arc::clone(&found.1);
                open.push_back(found);
                return Ok(file);
            }
        }
        // Opened with no lock held; two threads may open the same volume, which costs a handle for a moment.
        let path = self.naming.path(index);
        let file = Arc::new(File::open(&path).map_err(|error| in_volume(&path, error))?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= Self::MAX_OPEN {
            open.pop_front();
        }
        open.push_back((index, Arc::clone(&file)));
        Ok(file)
    }
}

impl ReadAt for VolumeSet {
    fn len(&self) -> u64 {
        self.starts[self.starts.len() - 1]
    }
    fn read_at(&self, buf: &mut [u8], position: u64) -> io::Result<usize> {
        if position >= self.len() || buf.is_empty() {
            return Ok(0);
        }
        // The last volume that begins at or before the position: an empty one never holds it.
        let index = self.starts.partition_point(|start| *start <= position) - 1;
        let left = self.starts[index + 1] - position;
        let count = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = file_read_at(&*self.file(index)?, &mut buf[..count], position - self.starts[index])?;
        if read == 0 {
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read");
            return Err(in_volume(&self.naming.path(index), error));
        }
        Ok(read)
    }
}

/// How the volumes of a set are named: a stem and a number of so many digits.
#[derive(Debug)]
struct VolumeNaming {
    /// The first volume's path without its extension.
    stem: PathBuf,
    digits: usize,
}

impl VolumeNaming {
    fn of_first(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        let digits = extension.len();
        let is_number = (2..=9).contains(&digits) && extension.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && extension.parse() == Ok(1_u32)).then(|| Self { stem: path.with_extension(""), digits })
    }

    fn path(&self, index: usize) -> PathBuf {
        let mut name = self.stem.clone().into_os_string();
        name.push(format!(".{:0digits$}", index + 1, digits = self.digits));
        name.into()
    }
}

fn in_volume(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("volume {}: {error}", path.display()))
}

/// Fills `buf` from `position` on; an error if the source ends before.
pub(crate) fn read_exact_at(source: &dyn ReadAt, mut buf: &mut [u8], mut position: u64) -> io::Result<()> {
    while !buf.is_empty() {
        match source.read_at(buf, position) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                buf = &mut buf[count..];
                position += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_volumes_are_joined_with_few_files_open() {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..1200_u32).map(|n| n as u8).collect();
        for (index, byte) in content.iter().enumerate() {
            std::fs::write(folder.path().join(format!("a.7z.{:03}", index + 1)), [*byte]).unwrap();
        }
        let set = VolumeSet::find(folder.path().join("a.7z.001")).unwrap().unwrap();
        assert_eq!(set.volume_count(), 1200);
        assert!(set.next_path().ends_with("a.7z.1201"));
        let mut read = vec![0; content.len()];
        read_exact_at(&set, &mut read, 0).unwrap();
        assert_eq!(read, content);
        assert!(set.open.lock().unwrap().len() <= VolumeSet::MAX_OPEN);
        assert!(read_exact_at(&set, &mut [0; 2], 1199).is_err());
    }

    #[test]
    fn only_a_first_volume_begins_a_set() {
        let named = |name: &str| VolumeNaming::of_first(Path::new(name)).is_some();
        assert!(named("a.7z.001") && named("x.part.001") && named("b.0001"));
        assert!(!named("a.7z") && !named("a.7z.002") && !named("a.1") && !named("001"));
    }
}
