//! Names with wildcards, as 7-Zip's command line means them.
//!
//! A typed path is split in three. The *prefix* is where to look and is not stored: of an absolute path, and of one with
//! `.` or `..` in it, all but the last part (up to the first wildcard). The *anchor* is the leading parts without wildcards: they are
//! matched where they stand. The rest is matched part by part, with `recursive` at any depth below the anchor.

use super::wildcard::{has_wildcard, matches};
use crate::args::low::Recurse;

/// A compiled name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// Where to look: empty, or ending with `/`.
    pub(crate) prefix: String,
    /// Leading parts without wildcards.
    pub(crate) anchor: Vec<String>,
    /// The rest: at least one part.
    pub(crate) parts: Vec<String>,
    pub(crate) recursive: bool,
    /// Whether `*` and `?` are wildcards.
    pub(crate) wildcards: bool,
    /// A trailing `/` says that only directories are meant.
    pub(crate) directories_only: bool,
    pub(crate) ignore_case: bool,
}

impl Pattern {
    /// Compiles a typed path. `recurse` and `wildcards` as the switches say; `full_paths`: nothing is a prefix.
    pub(crate) fn new(typed: &str, recurse: Recurse, wildcards: bool, ignore_case: bool, full_paths: bool) -> Self {
        let typed = if cfg!(windows) { typed.replace('\\', "/") } else { typed.to_owned() };
        let absolute = typed.starts_with('/');
        let mut parts: Vec<String> = typed.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let special = |part: &String| part == "." || part == "..";
        let wild = |part: &String| wildcards && has_wildcard(part);
        let mut skip = parts.iter().rposition(special).map_or(0, |last| last + 1);
        let mut directories_only = typed.ends_with('/');
        if skip == parts.len() {
            // `.`, `..` and `/` mean what is in them.
            parts.push("*".to_owned());
            directories_only = false;
        } else if (absolute || skip > 0) && !full_paths {
            let first_wild = parts.iter().position(wild).unwrap_or(usize::MAX);
            skip = skip.max((parts.len() - 1).min(first_wild));
        }
        let mut prefix: String = if absolute { "/".to_owned() } else { String::new() };
        for part in parts.drain(..skip) {
            if part != "." {
                prefix.push_str(&part);
                prefix.push('/');
            }
        }
        let anchored = parts.iter().position(wild).unwrap_or(usize::MAX).min(parts.len() - 1);
        let rest = parts.split_off(anchored);
        let recursive = match recurse {
            Recurse::No => false,
            Recurse::Yes => true,
            Recurse::Wildcards => rest.iter().any(wild),
        };
        // The `*` that stands for `.` is one even where wildcards are off.
        let wildcards = wildcards || rest == ["*"];
        Self { prefix, anchor: parts, parts: rest, recursive, wildcards, directories_only, ignore_case }
    }

    /// Whether it names one path, which must exist.
    pub(crate) fn is_literal(&self) -> bool {
        !self.recursive && !(self.wildcards && self.parts.iter().any(|part| has_wildcard(part)))
    }

    /// Whether the path (its parts, relative to the prefix) is meant, or lies in a directory that is meant.
    pub(crate) fn covers(&self, path: &[&str], is_directory: bool) -> bool {
        let Some(below) = path.len().checked_sub(self.anchor.len()) else { return false };
        if !self.anchor.iter().zip(path).all(|(want, have)| self.same(want, have)) {
            return false;
        }
        self.covers_below_anchor(&path[path.len() - below..], is_directory)
    }

    fn covers_below_anchor(&self, path: &[&str], is_directory: bool) -> bool {
        let Some(slack) = path.len().checked_sub(self.parts.len()) else { return false };
        let mut last = if self.recursive { slack } else { 0 };
        if !is_directory && self.directories_only {
            // The file itself is not meant, a directory above it may be.
            match slack {
                0 => return false,
                _ => last = last.min(slack - 1),
            }
        }
        (0..=last).any(|from| self.parts.iter().zip(&path[from..]).all(|(mask, have)| self.fits(mask, have)))
    }

    fn fits(&self, mask: &str, name: &str) -> bool {
        if self.wildcards { matches(mask, name, self.ignore_case) } else { self.same(mask, name) }
    }

    fn same(&self, left: &str, right: &str) -> bool {
        left == right || (self.ignore_case && left.to_lowercase() == right.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(typed: &str, recurse: Recurse) -> Pattern {
        Pattern::new(typed, recurse, true, false, false)
    }

    #[test]
    fn prefixes() {
        let table = [
            ("t", "", "", "t"),
            ("./t", "", "", "t"),
            ("../a.txt", "../", "", "a.txt"),
            ("..", "../", "", "*"),
            (".", "", "", "*"),
            ("/", "/", "", "*"),
            ("/tmp/t/a", "/tmp/t/", "", "a"),
            ("./t/sub/a", "t/sub/", "", "a"),
            ("../t/*/a", "../t/", "", "*|a"),
            ("/tmp/*/a", "/tmp/", "", "*|a"),
            ("t/sub/../a.txt", "t/sub/../", "", "a.txt"),
            ("t/*.txt", "", "t", "*.txt"),
            ("t/a/b", "", "t|a", "b"),
            ("t//a", "", "t", "a"),
        ];
        for (typed, prefix, anchor, parts) in table {
            let made = pattern(typed, Recurse::No);
            assert_eq!(
                (&*made.prefix, &*made.anchor.join("|"), &*made.parts.join("|")),
                (prefix, anchor, parts),
                "{typed}"
            );
        }
        let full = Pattern::new("/tmp/t", Recurse::No, true, false, true);
        assert_eq!((&*full.prefix, full.anchor, full.parts), ("/", vec!["tmp".to_owned()], vec!["t".to_owned()]));
    }

    /// What `7zz a q.7z t '-x…'` leaves out.
    #[test]
    fn covers_as_7zip_does() {
        let table: [(&str, Recurse, &str, bool, bool); 13] = [
            ("*.txt", Recurse::No, "t/a.txt", false, false),
            ("*.txt", Recurse::No, "a.txt", false, true),
            ("*.txt", Recurse::Yes, "t/a.txt", false, true),
            ("t/sub", Recurse::No, "t/sub", true, true),
            ("t/sub", Recurse::No, "t/sub/deep/f", false, true),
            ("sub", Recurse::No, "t/sub", true, false),
            ("sub", Recurse::Yes, "t/sub", true, true),
            ("sub", Recurse::Wildcards, "t/sub", true, false),
            ("su*", Recurse::Wildcards, "t/sub", true, true),
            ("sub/*", Recurse::Yes, "t/sub/seq.txt", false, false),
            ("sub/", Recurse::Yes, "t/sub", true, true),
            ("sub/", Recurse::Yes, "t/sub", false, false),
            ("sub/", Recurse::Yes, "t/sub/f", false, true),
        ];
        for (typed, recurse, path, is_directory, expected) in table {
            let parts: Vec<&str> = path.split('/').collect();
            assert_eq!(pattern(typed, recurse).covers(&parts, is_directory), expected, "{typed} {recurse:?} {path}");
        }
    }
}
