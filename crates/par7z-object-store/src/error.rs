//! From the `object_store` crate's errors to par7z's and the standard library's, without secrets.
//!
//! The crate's texts hold whole URLs; a query may be a signature. [`redacted`] cuts them, whatever the store.

use object_store::Error as StoreError;
use par7z::{Error, ErrorKind};
use std::io;

/// The text of an error, with queries cut out of URLs and the answer's XML shortened.
pub(crate) fn redacted(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(scheme) = rest.find("://") {
        let end = rest[scheme..].find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '<' | '>'));
        let (url, behind) = rest.split_at(end.map_or(rest.len(), |end| scheme + end));
        let begin = scheme + 3;
        shown.push_str(&url[..begin]);
        let url = url[begin..].split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = url.split_at(url.find('/').unwrap_or(url.len()));
        shown.push_str(authority.rsplit('@').next().unwrap_or_default());
        shown.push_str(path);
        rest = behind;
    }
    shown.push_str(rest);
    // A server's answer may be a page.
    const LONGEST: usize = 600;
    if shown.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| shown.is_char_boundary(*end)).unwrap_or_default();
        shown.truncate(end);
        shown.push_str(" ...");
    }
    shown.replace(['\r', '\n'], " ")
}

/// What went wrong with an object, and what to do, for people.
pub(crate) fn explained(error: &StoreError) -> String {
    match error {
        StoreError::NotFound { .. } => "it does not exist (or its container does not)".to_owned(),
        StoreError::Precondition { .. } | StoreError::NotModified { .. } => {
            "it was changed while it was read".to_owned()
        }
        StoreError::PermissionDenied { .. } => {
            format!("access is denied; check what the credentials may do ({})", redacted(error))
        }
        StoreError::Unauthenticated { .. } => {
            format!("the credentials are missing or not accepted ({})", redacted(error))
        }
        other => redacted(other),
    }
}

/// As an I/O error, for `Read` and `ReadAt`.
pub(crate) fn io_error(error: &StoreError) -> io::Error {
    let kind = match error {
        StoreError::NotFound { .. } => io::ErrorKind::NotFound,
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => io::ErrorKind::PermissionDenied,
        StoreError::AlreadyExists { .. } => io::ErrorKind::AlreadyExists,
        StoreError::NotSupported { .. } => io::ErrorKind::Unsupported,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, explained(error))
}

/// As par7z's error: `what` says what was being done and where.
pub(crate) fn store_error(what: String, error: &StoreError) -> Error {
    match error {
        StoreError::AlreadyExists { .. } => Error::new(ErrorKind::AlreadyExists, format!("{what}: it exists")),
        _ => Error::io(what, io_error(error)),
    }
}

/// A task that panicked.
pub(crate) fn panicked() -> io::Error {
    io::Error::other("a task for the network ended unexpectedly; please report it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_passwords_are_cut_out() {
        let text =
            "Error performing GET https://u:SECRET@h/a?sig=SECRET in 1s: (http://h/b?SECRET) <https://c/?SECRET>";
        let shown = redacted(&io::Error::other(text));
        assert_eq!(shown, "Error performing GET https://h/a in 1s: (http://h/b) <https://c/>");
    }
}
