//! A place that the client names: a path, or a URL of an object store.

use crate::failure::Failure;
use crate::stores::{self, Location};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Where an archive or an item is.
#[derive(Clone)]
pub(crate) enum Place {
    Path(PathBuf),
    Store(Location),
}

impl Place {
    pub(crate) fn parse(text: String) -> Result<Self, Failure> {
        if !is_url(&text) {
            return Ok(Self::Path(text.into()));
        }
        // There may be a signature in it.
        let url = Zeroizing::new(text);
        stores::location(&url).map(Self::Store)
    }

    /// What volumes are called, with or without the dot before the number.
    pub(crate) fn of_prefix(mut text: String) -> Result<Self, Failure> {
        if text.ends_with('.') {
            text.pop();
        }
        Self::parse(text)
    }
}

/// Whether a text is a URL. Windows' `C:\\` has other slashes, and a scheme has more than one letter.
pub(crate) fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_paths() {
        for url in ["az://c/k", "s3://b/*", "https://host/x", "ftp://x"] {
            assert!(is_url(url), "{url}");
        }
        for path in ["a/b", "C:\\x", "C://x", "a:b", "://x", "./az://c", "a b://c"] {
            assert!(!is_url(path), "{path}");
        }
    }

    #[test]
    fn a_prefix_may_end_in_a_dot() {
        for text in ["dir/part", "dir/part."] {
            let place = Place::of_prefix(text.to_owned()).map_err(|failure| failure.message).expect("a path");
            assert!(matches!(place, Place::Path(path) if path == std::path::Path::new("dir/part")));
        }
    }
}
