//! From names on the command line to files on the disk and names in the archive, and to a choice of entries.

mod listfile;
mod pattern;
mod walk;
mod wildcard;

use crate::args::low::{LowArgs, NameSource, NameSpec};
use crate::exit::Failure;
use crate::stores;
use par7z_object_store::{Location, shown_url};
use pattern::Pattern;
use std::path::PathBuf;
use std::time::SystemTime;

pub(crate) use walk::{reason, walk};

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    /// A link that is stored as one.
    Link,
}

/// A path to add.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// Its name in the archive.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Sorted by name, so that the archive does not depend on the file system's order.
    pub(crate) found: Vec<Found>,
    /// Paths that could not be taken, with the reason.
    pub(crate) problems: Vec<(String, String)>,
}

impl Scan {
    pub(crate) fn directories(&self) -> u64 {
        self.found.iter().filter(|found| found.kind == Kind::Directory).count() as u64
    }

    pub(crate) fn files(&self) -> u64 {
        self.found.len() as u64 - self.directories()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.found.iter().map(|found| found.size).sum()
    }
}

/// The names to take and to leave out, compiled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) include: Vec<Pattern>,
    pub(crate) exclude: Vec<Pattern>,
    /// URLs to take.
    pub(crate) locations: Vec<Location>,
    /// Names on the command line that are not UTF-8, which 7z cannot store.
    pub(crate) not_utf8: Vec<String>,
    /// A name to take or a list of them was given. The list may be empty: then nothing is meant.
    given: bool,
}

impl Names {
    /// Reads the list files and compiles every name. Without any, all is meant.
    pub(crate) fn new(low: &LowArgs) -> Result<Self, Failure> {
        let mut names = Self::default();
        for spec in &low.names {
            names.given |= spec.include;
            match &spec.source {
                NameSource::Pattern(typed) => match typed.to_str() {
                    Some(typed) => names.push(low, spec, typed)?,
                    None => names.not_utf8.push(typed.to_string_lossy().into_owned()),
                },
                NameSource::List(path) => {
                    for line in listfile::read(path, low.charset)? {
                        names.push(low, spec, &line)?;
                    }
                }
            }
        }
        Ok(names)
    }

    fn push(&mut self, low: &LowArgs, spec: &NameSpec, typed: &str) -> Result<(), Failure> {
        if typed.is_empty() {
            return Err(Failure::usage("Empty file path\nGive a name, or . for all that is in this folder"));
        }
        if stores::is_url(typed) {
            if !spec.include {
                return Err(Failure::usage(format!(
                    "-x: {} is a URL; what is left out is said by its name in the archive, as in -x!*.tmp",
                    shown_url(typed)
                )));
            }
            self.locations.push(stores::location(typed)?);
            return Ok(());
        }
        let recurse = spec.recurse.unwrap_or(low.recurse);
        let wildcards = spec.wildcards && !low.no_wildcards;
        let pattern = Pattern::new(typed, recurse, wildcards, low.ignore_case, low.full_paths);
        if spec.include {
            self.include.push(pattern)
        } else {
            self.exclude.push(pattern)
        }
        Ok(())
    }

    /// Whether an entry is chosen: by some name (or there are none), and not left out.
    pub(crate) fn chooses(&self, name: &str, is_directory: bool) -> bool {
        let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
        let covers = |pattern: &Pattern| pattern.covers(&parts, is_directory);
        (self.takes_all() || self.include.iter().any(covers)) && !self.exclude.iter().any(covers)
    }

    /// Whether an object of a store is left out, by its name in the archive.
    pub(crate) fn leaves_out(&self, name: &str) -> bool {
        let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
        self.exclude.iter().any(|pattern| pattern.covers(&parts, false))
    }

    /// Whether neither a name to take nor a list of them is given.
    pub(crate) fn takes_all(&self) -> bool {
        !self.given
    }
}
