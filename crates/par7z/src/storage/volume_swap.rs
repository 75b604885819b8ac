//! Puts a new set of volumes in the place of an older one: all of it, or nothing.
//!
//! No file system renames many files in one step, so there is a window. In it the first volume goes first and comes
//! last: at no moment is a mixture of both sets taken for an archive. Whatever fails, the older set is put back.

use super::path_sink::{folder_of, prefix_beside, sync_folder};
use super::volume_sink::volume_path;
use crate::{Error, ErrorKind, Result};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempPath;

/// Gives `new`, complete and synced, the names `base.001`, `base.002`, …; what stood there is deleted in the end.
pub(super) fn replace_volumes(base: &Path, new: Vec<TempPath>) -> Result<()> {
    replace_volumes_if(base, new, &mut || Ok(()))
}

/// As [`replace_volumes`]; asks before each rename whether it shall work.
fn replace_volumes_if(base: &Path, new: Vec<TempPath>, works: &mut dyn FnMut() -> io::Result<()>) -> Result<()> {
    let older = volumes_in_the_way(base, new.len())?;
    let mut swap = Swap::default();
    let swapped = swap.put_aside(older, works).and_then(|()| swap.place(base, new, works));
    if let Err((volume, error)) = swapped {
        return Err(swap.undo(&volume, error));
    }
    // Before the older ones go: a power cut must not find neither.
    sync_folder(folder_of(base));
    for (_, aside) in swap.aside {
        // The archive is complete; one that cannot be deleted is left under its temporary name.
        let _ = fs::remove_file(aside);
    }
    Ok(())
}

/// The older set, and whatever else has a name that `count` new volumes need or that would be read as their next.
fn volumes_in_the_way(base: &Path, count: usize) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for number in 0.. {
        let path = volume_path(base, number);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() || metadata.is_symlink() => found.push(path),
            Ok(_) => return Err(not_a_file(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && number < count => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(Error::io(format!("cannot replace the volume {}", path.display()), error)),
        }
    }
    Ok(found)
}

/// The error for something that no volume can replace.
pub(super) fn not_a_file(volume: &Path) -> Error {
    let text = format!("cannot write the volume {}: it exists and is not a file", volume.display());
    Error::new(ErrorKind::AlreadyExists, text)
}

/// The volume that a step failed for, and why.
type Failed = (PathBuf, io::Error);

/// What has been renamed so far.
#[derive(Default)]
struct Swap {
    /// Older volumes: their names, and where they are now.
    aside: Vec<(PathBuf, PathBuf)>,
    /// New volumes in place.
    placed: Vec<PathBuf>,
}

impl Swap {
    fn put_aside(&mut self, older: Vec<PathBuf>, works: &mut dyn FnMut() -> io::Result<()>) -> Result<(), Failed> {
        for volume in older {
            match works().and_then(|()| rename_aside(&volume)) {
                Ok(aside) => self.aside.push((volume, aside)),
                Err(error) => return Err((volume, error)),
            }
        }
        Ok(())
    }

    /// The last volume first.
    fn place(
        &mut self,
        base: &Path,
        new: Vec<TempPath>,
        works: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<(), Failed> {
        for (number, temporary) in new.into_iter().enumerate().rev() {
            let volume = volume_path(base, number);
            // Not over one that has appeared in this moment.
            match works().and_then(|()| temporary.persist_noclobber(&volume).map_err(|error| error.error)) {
                Ok(()) => self.placed.push(volume),
                Err(error) => return Err((volume, error)),
            }
        }
        Ok(())
    }

    /// Puts the older volumes back, the first one last, and says how that went.
    fn undo(self, volume: &Path, error: io::Error) -> Error {
        let mut text = format!("cannot write the volume {}", volume.display());
        for placed in self.placed {
            if fs::remove_file(&placed).is_err() {
                text += &format!("; {} of the new volumes could not be removed", placed.display());
            }
        }
        let mut lost = false;
        for (volume, aside) in self.aside.into_iter().rev() {
            if fs::rename(&aside, &volume).is_err() {
                lost = true;
                text +=
                    &format!("; the older {} could not be put back and is now {}", volume.display(), aside.display());
            }
        }
        if !lost {
            text += "; the older volumes stand as before";
        }
        sync_folder(folder_of(volume));
        Error::io(text, error)
    }
}

/// Gives a volume a temporary name in its folder, which tells whose it is.
fn rename_aside(volume: &Path) -> io::Result<PathBuf> {
    let mut builder = tempfile::Builder::new();
    let prefix = prefix_beside(volume);
    // It is the caller's archive: never deleted by the way.
    builder.prefix(&prefix).suffix(".par7z-old").disable_cleanup(true);
    let renamed = builder.make_in(folder_of(volume), |aside| {
        if fs::symlink_metadata(aside).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(volume, aside)
    })?;
    Ok(renamed.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Names, or a temporary name's kind, and contents.
    fn files(folder: &Path) -> BTreeMap<String, String> {
        let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let named = found.map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        });
        named.collect()
    }

    fn set(what: &str, numbers: &[usize]) -> BTreeMap<String, String> {
        numbers.iter().map(|number| (format!("a.7z.{number:03}"), format!("{what} {number}"))).collect()
    }

    fn write_older(folder: &Path, numbers: &[usize]) -> BTreeMap<String, String> {
        let older = set("older", numbers);
        for (name, content) in &older {
            fs::write(folder.join(name), content).unwrap();
        }
        older
    }

    fn write_new(folder: &Path, count: usize) -> Vec<TempPath> {
        let new = (1..=count).map(|number| {
            let file = tempfile::Builder::new().suffix(".par7z-part").tempfile_in(folder).unwrap();
            fs::write(file.path(), format!("new {number}")).unwrap();
            file.into_temp_path()
        });
        new.collect()
    }

    /// Older volumes, and how many new ones.
    const CASES: [(&[usize], usize); 7] = [
        (&[1, 2, 3, 4, 5], 2),
        (&[1, 2], 5),
        (&[1, 2, 3], 3),
        (&[], 2),
        // Strays: in the midst, and where the next one would be.
        (&[1, 3], 4),
        (&[1, 4, 5], 3),
        (&[2], 1),
    ];

    #[test]
    fn every_failure_puts_the_older_set_back() {
        for (numbers, count) in CASES {
            for fails_at in 0..numbers.len() + count {
                let folder = tempfile::tempdir().unwrap();
                let older = write_older(folder.path(), numbers);
                let new = write_new(folder.path(), count);
                let mut step = 0;
                let mut works = || {
                    step += 1;
                    if step > fails_at { Err(io::Error::other("no more renames")) } else { Ok(()) }
                };
                let error = replace_volumes_if(&folder.path().join("a.7z"), new, &mut works).unwrap_err();
                let text = error.to_string();
                assert!(error.kind() == ErrorKind::Io && text.contains("no more renames"), "{text}");
                assert!(text.contains("the older volumes stand as before"), "{text}");
                assert_eq!(files(folder.path()), older, "{numbers:?}, {count} new ones, step {fails_at}");
            }
        }
    }

    #[test]
    fn the_new_set_stands_alone() {
        for (numbers, count) in CASES {
            let folder = tempfile::tempdir().unwrap();
            write_older(folder.path(), numbers);
            // Not part of any set: the number before it is missing, and stays so.
            let far = numbers.len() + count + 7;
            write_older(folder.path(), &[far]);
            let new = write_new(folder.path(), count);
            replace_volumes(&folder.path().join("a.7z"), new).unwrap();
            let mut expected = set("new", &(1..=count).collect::<Vec<_>>());
            expected.extend(set("older", &[far]));
            assert_eq!(files(folder.path()), expected, "{numbers:?}, {count} new ones");
        }
    }

    /// What a crash leaves: never a first volume while not all of its set are in place, and nothing is lost.
    #[test]
    fn in_the_window_there_is_no_first_volume() {
        let folder = tempfile::tempdir().unwrap();
        write_older(folder.path(), &[1, 2, 3]);
        let new = write_new(folder.path(), 3);
        let mut step = 0;
        let mut works = || {
            let now = files(folder.path());
            assert_eq!(now.contains_key("a.7z.001"), step == 0, "step {step}: {now:?}");
            assert_eq!(now.len(), 6, "step {step}: {now:?}");
            let aside = |(name, content): (&String, &String)| {
                let number = content.strip_prefix("older ")?;
                let is_aside = name.starts_with(&format!(".a.7z.00{number}.")) && name.ends_with(".par7z-old");
                (is_aside || *name == format!("a.7z.00{number}")).then_some(())
            };
            assert_eq!(now.iter().filter_map(aside).count(), 3, "step {step}: {now:?}");
            step += 1;
            Ok(())
        };
        replace_volumes_if(&folder.path().join("a.7z"), new, &mut works).unwrap();
        assert_eq!(step, 6);
    }

    #[test]
    fn what_is_not_a_file_is_not_replaced() {
        for blocked in [1, 2, 3, 4] {
            let folder = tempfile::tempdir().unwrap();
            let numbers: Vec<_> = [1, 2, 3].into_iter().filter(|number| *number != blocked).collect();
            let older = write_older(folder.path(), &numbers);
            let directory = folder.path().join(format!("a.7z.{blocked:03}"));
            fs::create_dir(&directory).unwrap();
            let new = write_new(folder.path(), 3);
            let error = replace_volumes(&folder.path().join("a.7z"), new).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
            fs::remove_dir(&directory).unwrap();
            assert_eq!(files(folder.path()), older);
        }
    }

    #[test]
    #[cfg(unix)]
    fn an_older_volume_that_cannot_go_back_is_named() {
        let folder = tempfile::tempdir().unwrap();
        write_older(folder.path(), &[1, 2]);
        let new = write_new(folder.path(), 2);
        let mut step = 0;
        let mut works = || {
            step += 1;
            if step < 3 {
                return Ok(());
            }
            // Somebody takes the old volume's name for a folder in the window.
            fs::create_dir(folder.path().join("a.7z.002")).unwrap();
            Err(io::Error::other("no more renames"))
        };
        let text = replace_volumes_if(&folder.path().join("a.7z"), new, &mut works).unwrap_err().to_string();
        let (_, now) = text.split_once("could not be put back and is now ").unwrap();
        let now = now.split(": ").next().unwrap();
        assert_eq!(fs::read_to_string(now).unwrap(), "older 2", "{text}");
        assert_eq!(fs::read_to_string(folder.path().join("a.7z.001")).unwrap(), "older 1");
    }
}
