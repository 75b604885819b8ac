//! Object stores on the command line: a URL may stand where a path may.
//!
//! What a URL means, credentials and requests are the crate par7z-object-store's; here are switches and memory.
//!
//! Invariant: a URL is shown only as a [`Location`], which leaves signatures and passwords out.

use crate::args::low::LowArgs;
use crate::exit::Failure;
use par7z::{CancelToken, WriteOptions};
use par7z_object_store::{Location, StoreOptions};
use std::ffi::OsStr;
use std::path::Path;

/// What each of reading ahead and uploading takes at the most: enough for a fast line.
const MOST_TRANSFER_BYTES: u64 = 64 << 20;
/// Larger parts would not be faster.
const USUAL_PART_BYTES: u64 = 8 << 20;
/// What an answer on its way takes besides its chunk: the HTTP client's buffer, at the most.
const ANSWER_BYTES: u64 = 400 << 10;
/// What connections and the allocator take at the least.
const MIN_CONNECTIONS_BYTES: u64 = 8 << 20;

/// Whether a word is a URL. Windows' `C:\\` has one slash of neither kind behind the colon, and a scheme more than a letter.
pub(crate) fn is_url(word: &str) -> bool {
    word.split_once("://").is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// The same for a path, which then is a URL.
pub(crate) fn url_in(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| is_url(text))
}

/// What a URL says.
pub(crate) fn location(url: &str) -> Result<Location, Failure> {
    url.parse().map_err(|error: par7z::Error| Failure::usage(error.message()))
}

/// Requests that may be under way at once.
pub(crate) fn requests(low: &LowArgs) -> usize {
    low.requests_in_flight.unwrap_or(StoreOptions::DEFAULT_REQUESTS_IN_FLIGHT)
}

/// How stores are talked to, but for memory. `lists`: how many locations are listed at once, which share the requests.
pub(crate) fn options(low: &LowArgs, lists: usize, cancel: &CancelToken) -> Result<StoreOptions, Failure> {
    let mut options = StoreOptions::new().anonymous(low.anonymous).cancel_token(cancel.clone());
    if let Some(name) = &low.connection_string_env {
        if !is_variable(name) {
            return Err(Failure::usage("--azure-connection-string-env: give the variable's name, not its value"));
        }
        let unset =
            || Failure::fatal(format!("--azure-connection-string-env: {} is not set, or not UTF-8", name.display()));
        let text = std::env::var(name).map(zeroize::Zeroizing::new).map_err(|_| unset())?;
        options = options.connection_string(&text)?;
    }
    if let Some(endpoint) = &low.endpoint {
        options = options.endpoint(endpoint);
    }
    let requests = requests(low);
    // Checked as it is given.
    options = options.requests_in_flight(requests)?;
    Ok(options.requests_in_flight((requests / lists.max(1)).max(1))?)
}

/// Whether it may be a variable's name. Anything else may be a secret, so it is not shown.
fn is_variable(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// How memory is divided: what `--memory` allows is for the engine, for what is read ahead, for parts that are uploaded, and
/// for connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    pub(crate) engine_bytes: u64,
    read_ahead_bytes: u64,
    part_bytes: u64,
    upload_bytes: u64,
    connections_bytes: u64,
}

impl Shares {
    /// A quarter each for reading and uploading, as far as there is something of the kind and no more than is of use.
    pub(crate) fn new(memory_bytes: Option<u64>, requests: usize, reads: bool, uploads: bool) -> Result<Self, Failure> {
        let given_bytes = memory_bytes;
        let memory_bytes = memory_bytes.unwrap_or(WriteOptions::DEFAULT_MEMORY_BUDGET_BYTES);
        let quarter = (memory_bytes / 4).min(MOST_TRANSFER_BYTES);
        // The first part is kept, one is being filled, and one under way at the least.
        let part_bytes = (quarter / 3).clamp(StoreOptions::MIN_PART_BYTES as u64, USUAL_PART_BYTES);
        let kept_bytes = 2 * part_bytes;
        let upload_bytes = quarter.saturating_sub(kept_bytes).max(part_bytes);
        // A MiB for each of 16 locations that are listed at once.
        let read_ahead_bytes = quarter.max(16 << 20);
        let transfer_bytes =
            if reads { read_ahead_bytes } else { 0 } + if uploads { kept_bytes + upload_bytes } else { 0 };
        // No more than the chunks, since a buffer is no longer than its answer.
        let answers_bytes = if reads { (requests as u64 * ANSWER_BYTES).min(read_ahead_bytes) } else { 0 };
        let connections_bytes = if transfer_bytes > 0 { answers_bytes.max(MIN_CONNECTIONS_BYTES) } else { 0 };
        let used = transfer_bytes + connections_bytes;
        // What blocks the engine makes depends on its budget: unless the user bounds it, it is the same as for files.
        let engine_bytes = given_bytes.map_or(memory_bytes, |bytes| bytes.saturating_sub(used));
        if used > 0 && engine_bytes < WriteOptions::MIN_MEMORY_BUDGET_BYTES {
            return Err(Failure::usage(format!(
                "--memory: {memory_bytes} bytes are not enough with an object store; give at least 64m"
            )));
        }
        Ok(Self { engine_bytes, read_ahead_bytes, part_bytes, upload_bytes, connections_bytes })
    }

    /// `lists`: how many locations are listed at once, each of which reads ahead.
    pub(crate) fn apply(&self, options: StoreOptions, lists: usize) -> Result<StoreOptions, Failure> {
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Ok(options
            .read_ahead_bytes((bytes(self.read_ahead_bytes) / lists.max(1)).max(1 << 20))?
            .part_bytes(bytes(self.part_bytes))?
            .upload_bytes(bytes(self.upload_bytes))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_paths() {
        for url in ["az://c/k", "s3://b/*", "https://host/x", "ftp://x", "abfss://c@a.dfs.core.windows.net/k"] {
            assert!(is_url(url), "{url}");
        }
        for path in ["a/b", "C:\\x", "C://x", "a:b", "://x", "./az://c", "a b://c"] {
            assert!(!is_url(path), "{path}");
        }
    }

    #[test]
    fn a_connection_string_is_no_variable() {
        for name in ["AZURE_STORAGE_CONNECTION_STRING", "_a1"] {
            assert!(is_variable(OsStr::new(name)), "{name}");
        }
        for value in ["AccountName=a;AccountKey=k==", "", "1A", "A B", "$A"] {
            assert!(!is_variable(OsStr::new(value)), "{value}");
        }
    }

    #[test]
    fn all_shares_are_within_the_memory() {
        for mib in [64, 100, 512, 4096] {
            for (reads, uploads) in [(true, true), (true, false), (false, true), (false, false)] {
                for requests in [1, 32, 1024] {
                    let shares = Shares::new(Some(mib << 20), requests, reads, uploads).expect("enough");
                    let reading = if reads { shares.read_ahead_bytes } else { 0 };
                    let uploading = if uploads { 2 * shares.part_bytes + shares.upload_bytes } else { 0 };
                    let used = shares.engine_bytes + reading + uploading + shares.connections_bytes;
                    assert!(used <= mib << 20, "{mib}: {shares:?}");
                    assert!(shares.engine_bytes >= 16 << 20 && shares.upload_bytes >= shares.part_bytes, "{shares:?}");
                }
            }
        }
        assert!(Shares::new(Some(32 << 20), 32, true, true).is_err());
        let unbounded = Shares::new(None, 32, true, true).expect("enough");
        assert_eq!(unbounded.engine_bytes, WriteOptions::DEFAULT_MEMORY_BUDGET_BYTES);
    }
}
