//! From an entry's name to a path below the destination, and whether a link's target stays there.
//!
//! Both checks are lexical and know both families of systems, so that either can be tested on the other. The paths
//! that come out consist of normal parts alone: no root, no drive, no `.`, no `..`. What links on disk do to such a
//! path is the destination's concern.

use crate::{Error, ErrorKind, PathMode, Result};
use std::path::PathBuf;

/// Whose rules apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    Unix,
    Windows,
}

impl Rules {
    /// This machine's.
    pub(super) const HERE: Self = if cfg!(windows) { Self::Windows } else { Self::Unix };

    fn is_separator(self, character: char) -> bool {
        character == '/' || (self == Self::Windows && character == '\\')
    }
}

/// The path for a name, relative to the destination. Empty for a name that means the destination itself (`.`).
pub(super) fn relative_path(name: &str, mode: PathMode, rules: Rules) -> Result<PathBuf> {
    // A directory's name may end with a separator; anything else that is empty is refused below.
    let trimmed = name.strip_suffix(|c| rules.is_separator(c)).unwrap_or(name);
    let parts = trimmed.split(|c| rules.is_separator(c));
    let chosen: Vec<&str> = match mode {
        PathMode::Full => parts.collect(),
        PathMode::Flat => parts.rev().take(1).collect(),
    };
    let mut path = PathBuf::new();
    for part in chosen {
        if part == "." {
            continue;
        }
        check_part(part, rules).map_err(|why| unsafe_path(format!("unsafe name: {why}; it was not extracted")))?;
        path.push(part);
    }
    Ok(path)
}

fn check_part(part: &str, rules: Rules) -> std::result::Result<(), &'static str> {
    match part {
        "" => return Err("it is absolute or has an empty part"),
        ".." => return Err("it climbs with \"..\""),
        _ => {}
    }
    if part.contains('\0') {
        return Err("it contains a zero byte");
    }
    let bytes = part.as_bytes();
    if bytes.len() >= 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && (rules == Rules::Windows || bytes.len() == 2)
    {
        return Err("it begins with a drive letter");
    }
    match rules {
        Rules::Unix => Ok(()),
        Rules::Windows => check_windows_part(part),
    }
}

fn check_windows_part(part: &str) -> std::result::Result<(), &'static str> {
    if part.chars().any(|c| c < ' ' || "<>:\"|?*".contains(c)) {
        return Err("it contains a character that Windows forbids");
    }
    if part.ends_with(['.', ' ']) {
        // Windows drops these, which would let two names meet or `...` climb.
        return Err("a part ends with a dot or a space");
    }
    let stem = part.split('.').next().unwrap_or(part).trim_end().to_ascii_uppercase();
    let is_numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|number| matches!(number, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9"))
    };
    if matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || is_numbered("COM")
        || is_numbered("LPT")
    {
        return Err("it is the name of a device");
    }
    Ok(())
}

/// Checks that a link at `depth` directories below the destination stays inside.
///
/// `..` may stand only at the target's beginning: behind another part it would start from wherever that part, which
/// may itself be a link, leads to.
pub(super) fn check_link_target(target: &str, depth: usize, rules: Rules) -> Result<()> {
    let refuse = |why: &str| Err(unsafe_path(format!("unsafe link: its target {why}; it was not made")));
    if target.is_empty() || target.contains('\0') {
        return refuse("is empty or contains a zero byte");
    }
    let bytes = target.as_bytes();
    let has_drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    if target.starts_with(|c| rules.is_separator(c)) || (rules == Rules::Windows && has_drive) {
        return refuse("is absolute");
    }
    let (mut climbed, mut below) = (0, false);
    for part in target.split(|c| rules.is_separator(c)) {
        match part {
            "" | "." => {}
            ".." if below => return refuse("has \"..\" behind another part"),
            ".." => climbed += 1,
            _ => below = true,
        }
    }
    if climbed > depth {
        return refuse("leads out of the destination");
    }
    Ok(())
}

fn unsafe_path(text: String) -> Error {
    Error::new(ErrorKind::UnsafePath, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(name: &str, rules: Rules) -> bool {
        relative_path(name, PathMode::Full, rules).is_ok()
    }

    #[test]
    fn names_that_lead_outside_are_refused() {
        for name in ["/a", "../a", "a/../../b", "a/..", "C:/a", "c:", "a//b", "", "/", "a\0b"] {
            assert!(!ok(name, Rules::Unix), "{name:?}");
            assert!(!ok(name, Rules::Windows), "{name:?}");
        }
        for name in ["\\a", "..\\a", "\\\\srv\\x", "C:\\a", "a:stream", "con", "NUL.txt", "Lpt1", "a.", "a /b", "a?"] {
            assert!(!ok(name, Rules::Windows), "{name:?}");
        }
    }

    #[test]
    fn harmless_names_become_paths() {
        assert_eq!(relative_path("a/b", PathMode::Full, Rules::Unix).unwrap(), PathBuf::from("a/b"));
        assert_eq!(relative_path("./a/./b/", PathMode::Full, Rules::Unix).unwrap(), PathBuf::from("a/b"));
        assert_eq!(relative_path("../x/b", PathMode::Flat, Rules::Unix).unwrap(), PathBuf::from("b"));
        assert_eq!(relative_path("..\\b", PathMode::Full, Rules::Unix).unwrap(), PathBuf::from("..\\b"));
        assert_eq!(relative_path(".", PathMode::Full, Rules::Unix).unwrap(), PathBuf::new());
        assert!(ok("a...b/..c", Rules::Windows) && ok("a:b", Rules::Unix) && ok("console", Rules::Windows));
    }

    #[test]
    fn links_stay_inside() {
        let fine = |target, depth| check_link_target(target, depth, Rules::Unix).is_ok();
        assert!(fine("a", 0) && fine("../a", 1) && fine("../../a/b", 2) && fine("./a", 0));
        assert!(!fine("..", 0) && !fine("../..", 1) && !fine("/etc", 5) && !fine("a/../b", 5) && !fine("", 1));
        assert!(check_link_target("C:\\x", 3, Rules::Windows).is_err());
        assert!(check_link_target("..\\..\\x", 1, Rules::Windows).is_err());
    }
}
