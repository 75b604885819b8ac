//! From the `object_store` crate's errors to par7z's and the standard library's, without secrets.
//!
//! The crate's texts hold whole URLs, whose query may be a signature, and the server's answers, which may repeat what was
//! signed and the signature. [`redacted`] cuts both, whatever the store.

use crate::location::shown_url;
use object_store::Error as StoreError;
use par7z::{Error, ErrorKind};
use std::io;

/// The text of an error, with user, password and query cut out of URLs, and of a server's answer what [`answer_says`].
pub(crate) fn redacted(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let (text, answer) = text.split_at(answer_in(&text).unwrap_or(text.len()));
    let said = if answer.trim().is_empty() { String::new() } else { answer_says(answer) };
    let text = if said.is_empty() { text.trim_end().trim_end_matches(':') } else { text };
    let text = format!("{text}{said}");
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(scheme) = rest.find("://") {
        let end = rest[scheme..].find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '<' | '>'));
        let (url, behind) = rest.split_at(end.map_or(rest.len(), |end| scheme + end));
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let (before, url) = url.split_at(url[..scheme].trim_end_matches(is_scheme).len());
        shown.push_str(before);
        shown.push_str(shown_url(url).split(['?', '#']).next().unwrap_or_default());
        rest = behind;
    }
    shown.push_str(rest);
    // A server's message may be long.
    const LONGEST: usize = 600;
    if shown.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| shown.is_char_boundary(*end)).unwrap_or_default();
        shown.truncate(end);
        shown.push_str(" ...");
    }
    shown.replace(['\r', '\n'], " ")
}

/// Where a server's answer begins in an error's text; it goes on to the end.
fn answer_in(text: &str) -> Option<usize> {
    const STATUS: &str = "Server returned non-2xx status code: ";
    const RESPONSE: &str = "Server returned error response: ";
    let behind_status = text.find(STATUS).and_then(|at| {
        let status = at + STATUS.len();
        Some(status + text[status..].find(": ")? + 2)
    });
    let response = text.find(RESPONSE).map(|at| at + RESPONSE.len());
    // However else it got there.
    let lower = text.to_ascii_lowercase();
    let markup = ["<?xml", "<error", "<!doctype", "<html"].into_iter().map(|tag| lower.find(tag));
    [behind_status, response].into_iter().chain(markup).flatten().min()
}

/// Of an XML answer code and message alone: what else is in it may be what was signed, or the signature. JSON comes from
/// where credentials are fetched, and says what is wrong with them; it is left out if it may hold a token or signature.
fn answer_says(answer: &str) -> String {
    let element = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        let text = quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned);
        let text = text.trim().to_owned();
        (!text.is_empty() && !text.contains('<')).then_some(text)
    };
    let is_json = answer.trim_start().starts_with('{');
    if is_json {
        let lower = answer.to_ascii_lowercase();
        let has_secret =
            ["sig", "token\"", "assertion\"", "secret\"", "password"].iter().any(|word| lower.contains(word));
        return if has_secret { String::new() } else { answer.to_owned() };
    }
    let said: Vec<_> = [element("Code"), element("Message")].into_iter().flatten().collect();
    said.join(": ")
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
        let text = "Error performing GET https://u:SECRET@h/a?sig=SECRET in 1s: (http://h/b?SECRET) <https://c/?SECRET> \
                    http://u:SECRET/SECRET@d";
        let shown = redacted(&io::Error::other(text));
        assert_eq!(shown, "Error performing GET https://h/a in 1s: (http://h/b) <https://c/> http://d");
    }

    #[test]
    fn of_an_answer_code_and_message_are_kept() {
        let before = "Error performing PUT https://h/b/k?X-Amz-Signature=SECRET in 1ms - ";
        for (answer, expected) in [
            (
                "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>\
                 SignatureDoesNotMatch</Code><Message>It &amp; yours differ.\nRetry.</Message><StringToSign>SECRET\
                 </StringToSign><SignatureProvided>SECRET</SignatureProvided></Error>",
                "Server returned non-2xx status code: 403 Forbidden: SignatureDoesNotMatch: It & yours differ. Retry.",
            ),
            (
                "Server returned error response: <Error><Code>InternalError</Code><HostId>SECRET</HostId></Error>",
                "Server returned error response: InternalError",
            ),
            (
                "Server returned non-2xx status code: 502 Bad Gateway: <html>GET /b/k?sig=SECRET</html>",
                "Server returned non-2xx status code: 502 Bad Gateway",
            ),
            (
                "Server returned non-2xx status code: 400 Bad Request: GET /b/k?sig=SECRET",
                "Server returned non-2xx status code: 400 Bad Request",
            ),
            (
                "Server returned non-2xx status code: 400 Bad Request: {\"error\":\"invalid_grant\"}",
                "Server returned non-2xx status code: 400 Bad Request: {\"error\":\"invalid_grant\"}",
            ),
            (
                "Server returned non-2xx status code: 400 Bad Request: {\"access_token\":\"SECRET\"}",
                "Server returned non-2xx status code: 400 Bad Request",
            ),
            (
                "Server returned non-2xx status code: 404 Not Found: ",
                "Server returned non-2xx status code: 404 Not Found",
            ),
            ("odd <Error><Code>X</Code><AWSAccessKeyId>SECRET</AWSAccessKeyId>", "odd X"),
        ] {
            let shown = redacted(&io::Error::other(format!("{before}{answer}")));
            assert_eq!(shown, format!("Error performing PUT https://h/b/k in 1ms - {expected}"));
        }
    }
}
