//! Walking the disk.

use super::pattern::Pattern;
use super::{Found, Kind, Names, Scan};
use crate::args::low::{LowArgs, Recurse};
use crate::exit::Failure;
use par7z::CancelToken;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Deeper than any tree that a person makes, and below what one path can hold.
const MAX_DEPTH: usize = 1024;

/// Finds what the names mean. `own` is the archive being written, which is never an input of itself.
pub(crate) fn walk(low: &LowArgs, names: &Names, own: Option<&Path>, cancel: &CancelToken) -> Result<Scan, Failure> {
    let mut walker = Walker {
        names,
        follow: low.store_links != Some(true),
        full_paths: low.full_paths,
        keep_root: low.keep_root,
        own: own.and_then(|path| fs::canonicalize(path).ok()),
        cancel,
        scan: Scan::default(),
        seen: HashMap::new(),
        above: Vec::new(),
    };
    for name in &names.not_utf8 {
        walker.problem(name.clone(), NOT_UTF8);
    }
    let everything = [Pattern::new(".", Recurse::No, true, low.ignore_case, false)];
    let include: &[Pattern] = if names.takes_all() { &everything } else { &names.include };
    for pattern in include {
        walker.take(pattern)?;
    }
    let mut scan = walker.scan;
    // Part by part, so that a folder stands right before what is in it.
    scan.found.sort_by(|left, right| left.name.split('/').cmp(right.name.split('/')));
    Ok(scan)
}

const NOT_UTF8: &str = "the name is not UTF-8, a .7z cannot store it";

struct Walker<'a> {
    names: &'a Names,
    follow: bool,
    full_paths: bool,
    keep_root: bool,
    own: Option<PathBuf>,
    cancel: &'a CancelToken,
    scan: Scan,
    /// The path of each name found so far.
    seen: HashMap<String, PathBuf>,
    /// The real directories that lead to the present one: a link back into these is a loop.
    above: Vec<PathBuf>,
}

impl Walker<'_> {
    fn take(&mut self, pattern: &Pattern) -> Result<(), Failure> {
        let mut path = PathBuf::from(&pattern.prefix);
        let mut parts: Vec<String> = pattern.anchor.clone();
        path.extend(&parts);
        if !pattern.is_literal() {
            return self.search(pattern, &path, &mut parts);
        }
        let last = &pattern.parts[0];
        path.push(last);
        parts.push(last.clone());
        match self.metadata(&path) {
            Ok(metadata) if self.excluded(pattern, &parts, metadata.is_dir()) => Ok(()),
            Ok(metadata) if pattern.directories_only && !metadata.is_dir() => {
                self.problem(path.display().to_string(), "Not a directory");
                Ok(())
            }
            Ok(metadata) => self.add_tree(pattern, &path, &mut parts, &metadata),
            Err(error) => {
                self.problem(path.display().to_string(), &reason(&error));
                Ok(())
            }
        }
    }

    /// Looks for what fits the pattern in a directory, and below it if need be.
    fn search(&mut self, pattern: &Pattern, directory: &Path, parts: &mut Vec<String>) -> Result<(), Failure> {
        if !self.enter(directory) {
            return Ok(());
        }
        for (name, path) in self.children(directory)? {
            // Dangling links and the like matter only if they are meant.
            let metadata = self.metadata(&path);
            let is_directory = metadata.as_ref().is_ok_and(Metadata::is_dir);
            parts.push(name);
            if !self.excluded(pattern, parts, is_directory) {
                let shown: Vec<&str> = parts.iter().map(String::as_str).collect();
                if pattern.covers(&shown, is_directory) {
                    match metadata {
                        Ok(metadata) => self.add_tree(pattern, &path, parts, &metadata)?,
                        Err(error) => self.problem(path.display().to_string(), &reason(&error)),
                    }
                } else if is_directory
                    && (pattern.recursive || parts.len() < pattern.anchor.len() + pattern.parts.len())
                {
                    self.search(pattern, &path, parts)?;
                }
            }
            parts.pop();
        }
        self.above.pop();
        Ok(())
    }

    /// Adds a path, and if it is a directory all that is below it.
    fn add_tree(
        &mut self,
        pattern: &Pattern,
        path: &Path,
        parts: &mut Vec<String>,
        metadata: &Metadata,
    ) -> Result<(), Failure> {
        if !metadata.is_dir() {
            return self.add(pattern, path, parts, metadata);
        }
        if !self.enter(path) {
            return Ok(());
        }
        self.add(pattern, path, parts, metadata)?;
        for (name, path) in self.children(path)? {
            parts.push(name);
            match self.metadata(&path) {
                Ok(metadata) if !self.excluded(pattern, parts, metadata.is_dir()) => {
                    self.add_tree(pattern, &path, parts, &metadata)?;
                }
                Ok(_) => {}
                Err(_) if self.excluded(pattern, parts, false) => {}
                Err(error) => self.problem(path.display().to_string(), &reason(&error)),
            }
            parts.pop();
        }
        self.above.pop();
        Ok(())
    }

    fn add(&mut self, pattern: &Pattern, path: &Path, parts: &[String], metadata: &Metadata) -> Result<(), Failure> {
        let kind = match metadata.file_type() {
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_symlink() => Kind::Link,
            kind if kind.is_file() => Kind::File,
            _ => {
                self.problem(path.display().to_string(), "neither a file nor a folder: left out");
                return Ok(());
            }
        };
        if kind == Kind::File && self.is_own(path, metadata) {
            return Ok(());
        }
        let name = self.archive_name(pattern, parts);
        match self.seen.entry(name) {
            Entry::Vacant(place) => {
                let size = if kind == Kind::Directory { 0 } else { metadata.len() };
                let modified = metadata.modified().ok();
                self.scan.found.push(Found { path: path.to_owned(), name: place.key().clone(), kind, size, modified });
                place.insert(path.to_owned());
                Ok(())
            }
            Entry::Occupied(place) if same_file(place.get(), path) => Ok(()),
            Entry::Occupied(place) => Err(Failure::fatal(format!(
                "Duplicate filename in archive: {}\nIt would be both {} and {}; use -spf to keep full paths, or leave one out",
                place.key(),
                place.get().display(),
                path.display()
            ))),
        }
    }

    fn archive_name(&self, pattern: &Pattern, parts: &[String]) -> String {
        let below = parts.join("/");
        match (self.full_paths, self.keep_root) {
            (false, _) => below,
            (true, true) => format!("{}{below}", pattern.prefix),
            (true, false) => format!("{}{below}", pattern.prefix.trim_start_matches('/')),
        }
    }

    fn is_own(&self, path: &Path, metadata: &Metadata) -> bool {
        // Canonical paths cost system calls: look at the name first.
        self.own.as_ref().is_some_and(|own| {
            metadata.is_file()
                && own.file_name() == path.file_name()
                && fs::canonicalize(path).is_ok_and(|path| path == *own)
        })
    }

    /// Steps into a directory, unless it is one of those above (a link led back).
    fn enter(&mut self, directory: &Path) -> bool {
        let shown = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let real = match fs::canonicalize(shown) {
            Ok(real) => real,
            Err(error) => {
                self.problem(shown.display().to_string(), &reason(&error));
                return false;
            }
        };
        if self.above.contains(&real) {
            self.problem(
                shown.display().to_string(),
                "a symbolic link back to a folder above it: left out (-snl stores links)",
            );
            return false;
        }
        if self.above.len() >= MAX_DEPTH {
            self.problem(shown.display().to_string(), "too many folders in one another: left out");
            return false;
        }
        self.above.push(real);
        true
    }

    /// Names and paths in a directory, sorted.
    fn children(&mut self, directory: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
        if self.cancel.is_cancelled() {
            return Err(Failure::cancelled("Break signaled"));
        }
        let shown = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let mut children = Vec::new();
        let listing = match fs::read_dir(shown) {
            Ok(listing) => listing,
            Err(error) => {
                self.problem(shown.display().to_string(), &reason(&error));
                return Ok(children);
            }
        };
        for entry in listing {
            match entry {
                Ok(entry) => match entry.file_name().into_string() {
                    // Joined to the path as typed, so that messages show ./-less names.
                    Ok(name) => children.push((name.clone(), directory.join(name))),
                    Err(name) => self.problem(directory.join(name).display().to_string(), NOT_UTF8),
                },
                Err(error) => self.problem(shown.display().to_string(), &reason(&error)),
            }
        }
        children.sort();
        Ok(children)
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        if self.follow { fs::metadata(path) } else { fs::symlink_metadata(path) }
    }

    fn excluded(&self, pattern: &Pattern, parts: &[String], is_directory: bool) -> bool {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let applies = |exclude: &&Pattern| exclude.prefix.is_empty() || exclude.prefix == pattern.prefix;
        self.names.exclude.iter().filter(applies).any(|exclude| exclude.covers(&parts, is_directory))
    }

    fn problem(&mut self, path: String, why: &str) {
        self.scan.problems.push((path, why.to_owned()));
    }
}

fn same_file(left: &Path, right: &Path) -> bool {
    left == right || matches!((fs::canonicalize(left), fs::canonicalize(right)), (Ok(left), Ok(right)) if left == right)
}

/// The system's text without Rust's "(os error 2)", in 7-Zip's form.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match (error.raw_os_error(), text.split_once(" (os error")) {
        (Some(code), Some((text, _))) => format!("errno={code} : {text}"),
        _ => text,
    }
}
