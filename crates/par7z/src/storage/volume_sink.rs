//! An archive cut into volumes `name.7z.001`, `name.7z.002`, …, as 7-Zip's `-v` makes them.
//!
//! The archive's bytes, start header included, are one stream that is cut at the volume sizes. Volumes are written as
//! the stream goes, under temporary names; `finish` patches the start header into the first (or, if volumes are
//! smaller than 32 bytes, the first few), syncs all and gives them their names, the first volume last: without it, a
//! set that a crash left incomplete is not taken for an archive.

use super::path_sink::{folder_of, sync_folder, temporary_beside};
use super::volume_sizes::VolumeSizes;
use super::volume_swap::{not_a_file, replace_volumes};
use super::{START_HEADER_BYTES, Sink};
use crate::{Error, ErrorKind, Result};
use std::ffi::OsString;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// Volumes at a path.
#[derive(Debug)]
pub struct VolumeSink {
    base: PathBuf,
    existing: Existing,
    sizes: VolumeSizes,
    /// Complete volumes, closed.
    full: Vec<TempPath>,
    current: NamedTempFile,
    /// Bytes in `current`.
    current_bytes: u64,
}

/// What to do about volumes that have the names already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    Refuse,
    Replace,
}

impl VolumeSink {
    /// Volumes `base.001`, `base.002`, … of the given sizes in bytes; the last size repeats. (`base` is `name.7z`.)
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] without sizes or with one of 0, or if `base` has no file name; [`ErrorKind::AlreadyExists`] if `base.001` exists (or
    /// at the end, if a volume has appeared meanwhile): a set of volumes cannot be replaced in one step, so that is left
    /// to [`replace`](Self::replace); [`ErrorKind::Io`] if the folder is not writable.
    pub fn create(base: impl AsRef<Path>, sizes: &[u64]) -> Result<Self> {
        Self::new(base.as_ref(), sizes, Existing::Refuse)
    }

    /// As [`create`](Self::create), but replaces a set that has the names already, or begins one if there is none.
    ///
    /// Nothing of the older set is touched before the new one is complete on the disk; a run that ends early leaves it
    /// as it was. Then the older volumes get temporary names in the same folder, the new ones their names, and the older
    /// ones are deleted: `base.001`, `.002`, … as far as they go, and any other that would stand among the new ones or
    /// be read as the next of them. If a step fails, the older set is put back, and the error says so. An older volume
    /// that cannot be deleted in the end stays under its temporary name.
    ///
    /// A crash between the first of these renames and the last leaves both sets on the disk, complete, and one of them
    /// (or some of both) under temporary names: the older volume `name.7z.001` as `.name.7z.001.aBcDeF.par7z-old`, new
    /// ones with the ending `.par7z-part`. No `base.001` stands there then, so nothing is taken for an archive; what has
    /// a temporary name is renamed or deleted by hand. The disk holds both sets for a while in any case.
    ///
    /// # Errors
    /// As [`create`](Self::create), but [`ErrorKind::AlreadyExists`] only if one of the names (here `base.001`, the
    /// others at the end) is something other than a file.
    pub fn replace(base: impl AsRef<Path>, sizes: &[u64]) -> Result<Self> {
        Self::new(base.as_ref(), sizes, Existing::Replace)
    }

    fn new(base: &Path, sizes: &[u64], existing: Existing) -> Result<Self> {
        let sizes = VolumeSizes::new(sizes)?;
        // "dir/" and "." would make hidden files that nobody looks for, or that cannot be opened again.
        let ends_in_name =
            base.file_name().is_some_and(|name| base.as_os_str().as_encoded_bytes().ends_with(name.as_encoded_bytes()));
        if !ends_in_name {
            let text = format!("volumes need a file name, and {} has none", base.display());
            return Err(Error::new(ErrorKind::InvalidOption, text));
        }
        let first = volume_path(base, 0);
        match existing {
            Existing::Refuse if first.exists() => return Err(exists(&first)),
            Existing::Replace if first.is_dir() => return Err(not_a_file(&first)),
            _ => {}
        }
        let current = temporary_beside(&first)?;
        let base = base.to_owned();
        let mut sink = Self { base, existing, sizes, full: Vec::new(), current, current_bytes: 0 };
        sink.append(&[0; START_HEADER_BYTES as usize])
            .map_err(|error| Error::io(format!("cannot write the volumes of {}", sink.base.display()), error))?;
        Ok(sink)
    }

    fn next_volume(&mut self) -> io::Result<()> {
        let next = temporary_beside(&volume_path(&self.base, self.full.len() + 1)).map_err(io::Error::from)?;
        let done = std::mem::replace(&mut self.current, next);
        done.as_file().sync_all()?;
        self.full.push(done.into_temp_path());
        self.current_bytes = 0;
        Ok(())
    }

    /// Writes the start header over the room at the beginning.
    fn patch(&self, mut header: &[u8]) -> io::Result<()> {
        for (volume, path) in self.full.iter().enumerate() {
            let (part, rest) = header.split_at((self.sizes.of(volume).min(header.len() as u64)) as usize);
            if part.is_empty() {
                return Ok(());
            }
            let mut file = std::fs::File::options().write(true).open(path)?;
            file.write_all(part)?;
            file.sync_all()?;
            header = rest;
        }
        let mut file = self.current.as_file();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(header)
    }
}

fn exists(volume: &Path) -> Error {
    let text = format!("{} exists: remove the old volumes or choose another name", volume.display());
    Error::new(ErrorKind::AlreadyExists, text)
}

/// The path of volume `number` (from 0): `base.001`, …, `base.999`, `base.1000`.
pub(super) fn volume_path(base: &Path, number: usize) -> PathBuf {
    let mut name = OsString::from(base);
    name.push(format!(".{:03}", number + 1));
    PathBuf::from(name)
}

impl Sink for VolumeSink {
    fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = self.sizes.of(self.full.len()) - self.current_bytes;
            if room == 0 {
                self.next_volume()?;
                continue;
            }
            let (part, rest) = bytes.split_at(room.min(bytes.len() as u64) as usize);
            // Not through `NamedTempFile` itself, whose errors name the temporary file.
            self.current.as_file().write_all(part)?;
            self.current_bytes += part.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    fn truncate(&mut self, position: u64) -> io::Result<bool> {
        let position = START_HEADER_BYTES + position;
        let mut before: u64 = (0..self.full.len()).map(|volume| self.sizes.of(volume)).sum();
        // A border belongs to the volume before it: no empty volume is left at the end.
        while position <= before
            && let Some(path) = self.full.pop()
        {
            before -= self.sizes.of(self.full.len());
            let file = std::fs::File::options().read(true).write(true).open(&path)?;
            self.current = NamedTempFile::from_parts(file, path);
        }
        self.current_bytes = position - before;
        self.current.as_file().set_len(self.current_bytes)?;
        self.current.as_file().seek(SeekFrom::Start(self.current_bytes))?;
        Ok(true)
    }

    fn finish(self: Box<Self>, start_header: &[u8; 32]) -> Result<()> {
        let context = || format!("cannot write the volumes of {}", self.base.display());
        self.patch(start_header).map_err(|error| Error::io(context(), error))?;
        self.current.as_file().sync_all().map_err(|error| Error::io(context(), error))?;
        let base = self.base.clone();
        let mut paths = self.full;
        paths.push(self.current.into_temp_path());
        if self.existing == Existing::Replace {
            return replace_volumes(&base, paths);
        }
        let count = paths.len();
        // A reader goes on as long as there is a next number: a stray one behind the last would be taken for the next.
        let behind = volume_path(&base, count);
        if behind.exists() {
            return Err(exists(&behind));
        }
        for (number, path) in paths.into_iter().enumerate().rev() {
            let target = volume_path(&base, number);
            if let Err(error) = path.persist_noclobber(&target) {
                for placed in number + 1..count {
                    let _ = std::fs::remove_file(volume_path(&base, placed));
                }
                if error.error.kind() == io::ErrorKind::AlreadyExists {
                    return Err(exists(&target));
                }
                return Err(Error::io(format!("cannot write the volume {}", target.display()), error.error));
            }
        }
        sync_folder(folder_of(&base));
        Ok(())
    }

    fn abort(self: Box<Self>) {
        // Dropping the temporary files removes them.
    }
}
