//! Extraction into a folder on disk.
//!
//! Everything goes through one directory handle (`cap-std`), which refuses any path that leaves it, also by way of
//! links that were there before. Links from the archive are made after all files were written, so that nothing is
//! written through them, and only where every directory above is a real one: then a target that begins with as many
//! `..` as it has directories above it, at the most, and has none later, cannot lead out. Directories get their times
//! and modes last, deepest first: writing into them would change the times, and a mode may forbid writing.

use super::archive::Archive;
use super::extract::{EntrySink, Finished, Target, run_parallel};
use super::names::{self, Rules};
use super::placing::{FileSink, Placer, file_times};
use super::run::Run;
use crate::{EntryInfo, Error, ErrorKind, ExtractOptions, Overwrite, Report, Result};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use par7z_format::EntryKind;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The longest link target that is taken: what Linux allows.
const MAX_LINK_BYTES: u64 = 4 << 10;
/// Link targets that are kept for the end: a small archive can hold millions of them.
const MAX_PENDING_LINK_BYTES: usize = 64 << 20;

/// Unpacks what is selected below `path`.
pub(super) fn extract(archive: &Archive, path: &Path, options: &ExtractOptions) -> Result<Report> {
    let run = Run::new(archive, options)?;
    let failed = |error| Error::io(format!("cannot make or open the destination {}", path.display()), error);
    std::fs::create_dir_all(path).map_err(failed)?;
    let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(failed)?;
    let destination =
        Destination { placer: Placer::new(dir, options.overwrite.clone()), options, links: Mutex::default() };
    let directories = destination.make_directories(&run);
    run_parallel(&run, &destination);
    destination.make_links(&run);
    if !run.is_stopped() {
        destination.finish_directories(directories);
    }
    run.finish()
}

/// The folder and what is to be done in it at the end.
struct Destination<'a> {
    placer: Placer,
    options: &'a ExtractOptions,
    links: Mutex<PendingLinks>,
}

/// The links to be made, and the bytes that their targets take.
#[derive(Default)]
struct PendingLinks {
    links: Vec<Link>,
    bytes: usize,
}

/// A link to be made at the end.
struct Link {
    entry: usize,
    target: String,
}

/// A directory of the archive that is there now.
struct Directory<'a> {
    path: PathBuf,
    entry: &'a EntryInfo,
    /// Whether this run made it. The mode of one that was there is its owner's business.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only unix has modes"))]
    is_new: bool,
}

impl Destination<'_> {
    fn path(&self, entry: &EntryInfo) -> Result<PathBuf> {
        names::relative_path(&entry.name, self.options.paths, Rules::HERE)
    }

    fn is_link(&self, entry: &EntryInfo) -> bool {
        self.options.restore_links && entry.is_symlink() && entry.kind == EntryKind::File
    }

    fn make_directories<'e>(&self, run: &Run<'e>) -> Vec<Directory<'e>> {
        let mut directories = Vec::new();
        let mut made = HashSet::<PathBuf>::new();
        for entry in run.selected_entries().filter(|entry| entry.kind != EntryKind::File) {
            if run.is_stopped() {
                break;
            }
            run.begin(entry);
            // Deleting is not what unpacking is asked for; 7-Zip's own `x` leaves that to updates.
            if entry.kind == EntryKind::Anti {
                run.skipped(entry);
                continue;
            }
            let outcome = self.path(entry).and_then(|path| {
                self.placer.make_directories(&path, |new| {
                    made.insert(new.to_owned());
                })?;
                Ok(path)
            });
            match outcome {
                Ok(path) => {
                    directories.push(Directory { is_new: made.contains(&path), path, entry });
                    run.done(entry);
                }
                Err(error) => run.failed(entry, error),
            }
        }
        directories
    }

    fn finish_directories(&self, mut directories: Vec<Directory<'_>>) {
        directories.sort_by_key(|directory| std::cmp::Reverse(directory.path.components().count()));
        for directory in directories.iter().filter(|directory| !directory.path.as_os_str().is_empty()) {
            // The content is complete: a time or mode that cannot be set is not worth a failed entry.
            let _ = self.finish_directory(directory);
        }
    }

    fn finish_directory(&self, directory: &Directory<'_>) -> io::Result<()> {
        // Opened like a file: the handle of `open_dir` is only a place to look names up from, and refuses changes.
        #[cfg(unix)]
        let opened = self.placer.dir.open(&directory.path)?.into_std();
        #[cfg(not(unix))]
        let opened = self.placer.dir.open_dir(&directory.path)?.into_std_file();
        #[cfg(unix)]
        if let (true, Some(mode)) = (directory.is_new, directory.entry.unix_mode()) {
            use std::os::unix::fs::PermissionsExt;
            // A new directory's mode is what the umask leaves of 0o777 (and bits it inherits, which stay).
            let now = opened.metadata()?.permissions().mode();
            opened.set_permissions(std::fs::Permissions::from_mode((now & 0o7000) | (now & mode & 0o777)))?;
        }
        if let Some(times) = file_times(directory.entry) {
            opened.set_times(times)?;
        }
        Ok(())
    }

    /// Makes the links, and takes away those that lead outside by way of what was there before.
    fn make_links(&self, run: &Run<'_>) {
        let mut links = std::mem::take(&mut self.links.lock().unwrap_or_else(PoisonError::into_inner).links);
        links.sort_by_key(|link| link.entry);
        let superseded = if links.is_empty() { HashMap::new() } else { self.last_files(run) };
        for link in links {
            let entry = &run.archive.entries[link.entry];
            if run.is_stopped() {
                return run.abandoned();
            }
            let outcome = self.path(entry).and_then(|path| {
                let is_replaced = matches!(self.options.overwrite, Overwrite::Replace)
                    && superseded.get(&path).is_some_and(|last| *last > link.entry);
                if is_replaced { Ok(true) } else { self.make_link(entry, &path, &link.target) }
            });
            match outcome {
                Ok(true) => run.done(entry),
                Ok(false) => run.skipped(entry),
                Err(error) => run.failed(entry, error),
            }
        }
    }

    /// The last file of each path: with duplicates the last one wins, also over a link, which is made later.
    fn last_files(&self, run: &Run<'_>) -> HashMap<PathBuf, usize> {
        let files = run.selected_entries().filter(|entry| entry.kind == EntryKind::File && !self.is_link(entry));
        files.filter_map(|entry| Some((self.path(entry).ok()?, entry.index as usize))).collect()
    }

    /// Makes one link. `Ok(false)`: left out on purpose.
    fn make_link(&self, entry: &EntryInfo, path: &Path, target: &str) -> Result<bool> {
        let depth = path.components().count().saturating_sub(1);
        names::check_link_target(target, depth, Rules::HERE)?;
        self.placer.make_parents(path)?;
        self.check_real_parents(path)?;
        let Some(place) = self.placer.make_room(entry, path)? else { return Ok(false) };
        let made = place.path().to_owned();
        symlink(&self.placer.dir, target, &made)
            .map_err(|error| Error::io(format!("cannot make the link {}", made.display()), error))?;
        // A target that is missing leads nowhere; one that is there, behind an older link, must be inside.
        match self.placer.dir.canonicalize(&made) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let _ = self.placer.dir.remove_file(&made);
                self.placer.give_up(&place);
                let text = "unsafe link: it leads out of the destination by way of another link; it was not made";
                return Err(Error::new(ErrorKind::UnsafePath, text));
            }
            _ => {}
        }
        self.placer.move_in(&place)?;
        Ok(true)
    }

    /// Refuses a place below a link: `..` in a target would start from where that link leads.
    fn check_real_parents(&self, path: &Path) -> Result<()> {
        let parents = path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
        for parent in parents {
            let metadata = self.placer.dir.symlink_metadata(parent);
            if metadata.is_ok_and(|metadata| metadata.is_symlink()) {
                let text = format!("unsafe link: {} is itself a link; it was not made", parent.display());
                return Err(Error::new(ErrorKind::UnsafePath, text));
            }
        }
        Ok(())
    }
}

#[cfg(not(windows))]
fn symlink(dir: &Dir, target: &str, link: &Path) -> io::Result<()> {
    dir.symlink(target, link)
}

#[cfg(windows)]
fn symlink(dir: &Dir, target: &str, link: &Path) -> io::Result<()> {
    let target = target.replace('/', "\\");
    let is_dir = link.parent().map(|parent| parent.join(&target)).is_some_and(|target| dir.is_dir(target));
    if is_dir { dir.symlink_dir(&target, link) } else { dir.symlink_file(&target, link) }
}

impl Target for Destination<'_> {
    fn begin<'a>(&'a self, entry: &'a EntryInfo) -> Result<Option<Box<dyn EntrySink + 'a>>> {
        let path = self.path(entry)?;
        if path.as_os_str().is_empty() {
            return Err(Error::new(ErrorKind::UnsafePath, "unsafe name: it means the destination itself"));
        }
        if self.is_link(entry) {
            if entry.size > MAX_LINK_BYTES {
                let text = format!("unsafe link: its target has {} bytes; it was not made", entry.size);
                return Err(Error::new(ErrorKind::UnsafePath, text));
            }
            return Ok(Some(Box::new(LinkSink { destination: self, entry, target: Vec::new() })));
        }
        let sink = FileSink::begin(&self.placer, entry, &path)?;
        Ok(sink.map(|sink| Box::new(sink) as Box<dyn EntrySink + 'a>))
    }

    fn place(&self, entry: &EntryInfo) -> Option<String> {
        let path = self.path(entry).ok()?;
        Some(path.to_string_lossy().into_owned())
    }
}

/// Takes a link's target, to be made at the end.
struct LinkSink<'a> {
    destination: &'a Destination<'a>,
    entry: &'a EntryInfo,
    target: Vec<u8>,
}

impl EntrySink for LinkSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.target.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Finished> {
        let target = String::from_utf8(self.target)
            .map_err(|_| Error::new(ErrorKind::Unsupported, "the link's target is not text; it was not made"))?;
        let depth = self.destination.path(self.entry)?.components().count().saturating_sub(1);
        names::check_link_target(&target, depth, Rules::HERE)?;
        let mut pending = self.destination.links.lock().unwrap_or_else(PoisonError::into_inner);
        pending.bytes += target.len();
        if pending.bytes > MAX_PENDING_LINK_BYTES {
            let text = format!("the links' targets take more than {MAX_PENDING_LINK_BYTES} bytes; it was not made");
            return Err(Error::new(ErrorKind::LimitExceeded, text));
        }
        pending.links.push(Link { entry: self.entry.index as usize, target });
        Ok(Finished::Later)
    }

    fn abort(self: Box<Self>) {}
}
