//! Where objects are: a URL becomes a store (which cloud, account, container) and a selection of keys in it.
//!
//! | URL | what |
//! |---|---|
//! | `az://container/key`, `azure://`, `abfs://`, `abfss://` | Azure; the account comes from the options. `abfs[s]://container@account.dfs.core.windows.net/key` names it |
//! | `https://account.blob.core.windows.net/container/key[?SAS]` | Azure |
//! | `s3://bucket/key` | S3 |
//! | `gs://bucket/key` | Google Cloud Storage |
//! | `http://host/path`, `https://host/path` | one object of a web server |
//!
//! A key is an object's name as it is, not percent-encoded, in the schemes of the clouds; in `http` and `https` URLs it
//! is encoded as in any URL. Empty, or with `/` at its end, it is a prefix: all objects below it. With `*` or `?` it is a
//! glob (see [`Selection`]).
//!
//! Invariant: neither `Display` nor `Debug` show a query (which may be a signature) or a password.

use par7z::{Error, ErrorKind, Result};
use percent_encoding::percent_decode_str;
use std::fmt;
use std::str::FromStr;
use url::Url;
use zeroize::Zeroizing;

/// Which objects of a store.
///
/// In a glob `*` stands for any characters but `/`, `?` for one of them, and `**` for any characters at all; `**/` also
/// for nothing, so that `a/**/b` takes in `a/b`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// One object.
    Object(String),
    /// All objects whose names begin with this: empty, or ending in `/`.
    Prefix(String),
    /// All objects whose names match this pattern.
    Glob(String),
}

impl Selection {
    /// What a key (as in `s3://bucket/key`) selects.
    pub fn of_key(key: &str) -> Self {
        let key = key.to_owned();
        if key.contains(['*', '?']) {
            Self::Glob(key)
        } else if key.is_empty() || key.ends_with('/') {
            Self::Prefix(key)
        } else {
            Self::Object(key)
        }
    }

    /// The key it was made of.
    pub fn key(&self) -> &str {
        match self {
            Self::Object(key) | Self::Prefix(key) | Self::Glob(key) => key,
        }
    }

    /// What the store is asked to list: everything that may match begins with it.
    pub(crate) fn listed_prefix(&self) -> &str {
        let key = self.key();
        match self {
            Self::Glob(_) => &key[..key.find(['*', '?']).unwrap_or(key.len())],
            _ => key,
        }
    }

    /// What is cut off the keys to get the names in the archive: the fixed folder, as 7-Zip does with files below one.
    pub(crate) fn fixed_folder(&self) -> &str {
        let fixed = self.listed_prefix();
        &fixed[..fixed.rfind('/').map_or(0, |slash| slash + 1)]
    }

    /// Whether a listed key belongs to it.
    pub(crate) fn matches(&self, key: &str) -> bool {
        match self {
            Self::Object(object) => key == object,
            Self::Prefix(prefix) => key.len() > prefix.len() && key.starts_with(prefix.as_str()),
            Self::Glob(glob) => glob_matches(glob.as_bytes(), key.as_bytes()),
        }
    }
}

/// Linear in the key for each `*` or `**`: only the last of each kind has to be gone back to.
fn glob_matches(glob: &[u8], key: &[u8]) -> bool {
    let (mut in_glob, mut in_key) = (0, 0);
    // Where to go on if the rest does not match: behind the star, and the key's position that it has eaten up to.
    let mut star: Option<(usize, usize)> = None;
    let mut double_star: Option<(usize, usize)> = None;
    loop {
        let rest = &glob[in_glob..];
        if rest.starts_with(b"**") {
            let behind = in_glob + if rest.get(2) == Some(&b'/') { 3 } else { 2 };
            double_star = Some((behind, in_key));
            star = None;
            in_glob = behind;
            continue;
        }
        match (rest.first(), key.get(in_key)) {
            (Some(b'*'), _) => {
                star = Some((in_glob + 1, in_key));
                in_glob += 1;
                continue;
            }
            (None, None) => return true,
            (Some(b'?'), Some(byte)) if *byte != b'/' => {
                in_glob += 1;
                // One character, not one byte.
                in_key += 1;
                while key.get(in_key).is_some_and(|byte| byte & 0xC0 == 0x80) {
                    in_key += 1;
                }
                continue;
            }
            (Some(expected), Some(byte)) if expected == byte && *expected != b'?' => {
                in_glob += 1;
                in_key += 1;
                continue;
            }
            _ => {}
        }
        if let Some((behind, eaten)) = star
            && key.get(eaten).is_some_and(|byte| *byte != b'/')
        {
            star = Some((behind, eaten + 1));
            (in_glob, in_key) = (behind, eaten + 1);
        } else if let Some((behind, eaten)) = double_star
            && let Some(next) = next_double_star(glob, behind, key, eaten)
        {
            star = None;
            double_star = Some((behind, next));
            (in_glob, in_key) = (behind, next);
        } else {
            return false;
        }
    }
}

/// How far `**` eats next: by a byte, or as `**/` by a path segment.
fn next_double_star(glob: &[u8], behind: usize, key: &[u8], eaten: usize) -> Option<usize> {
    if glob[behind - 1] == b'/' {
        let slash = key[eaten..].iter().position(|byte| *byte == b'/')?;
        return Some(eaten + slash + 1);
    }
    (eaten < key.len()).then_some(eaten + 1)
}

/// Which store.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum StoreId {
    Azure {
        container: String,
        /// Account, where the URL names it.
        account: Option<String>,
        /// The service's address, where the URL names it.
        endpoint: Option<String>,
        sas: Option<Zeroizing<String>>,
    },
    S3 {
        bucket: String,
    },
    Gcs {
        bucket: String,
    },
    /// The object's whole URL, with query and user info.
    Http {
        url: Zeroizing<String>,
    },
}

/// A place in an object store: one object, those below a prefix, or those that match a glob.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    pub(crate) store: StoreId,
    pub(crate) selection: Selection,
    /// What is shown: without query, user info and password.
    shown: String,
}

impl Location {
    /// Reads a URL; see the [crate's table](crate).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`]: the scheme is unknown, the container is missing, or a web server's URL has a glob.
    pub fn parse(url: &str) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(invalid(format!(
                "{} is no URL: it has to begin with az://, s3://, gs:// or https://",
                shown(url)
            )));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "az" | "azure" | "abfs" | "abfss" => azure(url, rest),
            "s3" | "s3a" => {
                let (bucket, key) = bucket_and_key(url, rest, "bucket")?;
                Ok(Self::new(StoreId::S3 { bucket }, Selection::of_key(&key), url))
            }
            "gs" | "gcs" => {
                let (bucket, key) = bucket_and_key(url, rest, "bucket")?;
                Ok(Self::new(StoreId::Gcs { bucket }, Selection::of_key(&key), url))
            }
            "http" | "https" => web(url),
            other => {
                let text =
                    format!("{}: par7z knows no scheme {other}://; it knows az, s3, gs, http and https", shown(url));
                Err(invalid(text))
            }
        }
    }

    fn new(store: StoreId, selection: Selection, url: &str) -> Self {
        // `?` is part of a key in the clouds' own schemes.
        let shown = match &store {
            StoreId::Http { .. } => shown(url),
            StoreId::Azure { sas: Some(_), .. } => shown(url),
            _ => url.to_owned(),
        };
        Self { store, selection, shown }
    }

    /// Which objects of the store it selects.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Whether both are in the same container, bucket or server file, with the same credentials: one [`Store`](crate::Store) then
    /// serves both.
    pub fn shares_store_with(&self, other: &Self) -> bool {
        self.store == other.store
    }

    /// Whether it is one object, as an archive's place has to be.
    pub fn is_object(&self) -> bool {
        matches!(self.selection, Selection::Object(_))
    }
}

impl FromStr for Location {
    type Err = Error;
    fn from_str(url: &str) -> Result<Self> {
        Self::parse(url)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Location").field(&self.shown).finish()
    }
}

fn azure(url: &str, rest: &str) -> Result<Location> {
    let (mut container, key) = bucket_and_key(url, rest, "container")?;
    let (mut account, mut endpoint) = (None, None);
    if let Some((name, host)) = container.clone().split_once('@') {
        let Some((host_account, suffix)) = host.split_once('.') else {
            return Err(invalid(format!("{url}: behind the @ comes account.dfs.core.windows.net")));
        };
        // Data Lake's address; its blobs are served by the Blob address beside it.
        let suffix = suffix.strip_prefix("dfs.").map_or_else(|| suffix.to_owned(), |rest| format!("blob.{rest}"));
        account = Some(host_account.to_owned());
        endpoint = Some(format!("https://{host_account}.{suffix}"));
        container = name.to_owned();
    }
    let store = StoreId::Azure { container, account, endpoint, sas: None };
    Ok(Location::new(store, Selection::of_key(&key), url))
}

fn bucket_and_key(url: &str, rest: &str, what: &str) -> Result<(String, String)> {
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(invalid(format!(
            "{url} names no {what}: write {}://{what}/name",
            url.split("://").next().unwrap_or_default()
        )));
    }
    if bucket.contains(['*', '?']) {
        return Err(invalid(format!("{url}: the {what} cannot be a pattern")));
    }
    Ok((bucket.to_owned(), key.to_owned()))
}

fn web(url: &str) -> Result<Location> {
    let parsed = Url::parse(url).map_err(|error| invalid(format!("{} is no valid URL: {error}", shown(url))))?;
    let host = parsed.host_str().unwrap_or_default().to_owned();
    if let Some((account, suffix)) = host.split_once('.')
        && suffix.starts_with("blob.core.")
    {
        return azure_web(url, &parsed, account);
    }
    let path = decoded(url, parsed.path())?;
    if path.contains('*') {
        let text = format!("{}: a web server's files cannot be listed, so * finds nothing; give each URL", shown(url));
        return Err(invalid(text));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() {
        return Err(invalid(format!("{} names no file of the web server", shown(url))));
    }
    let store = StoreId::Http { url: Zeroizing::new(parsed.to_string()) };
    Ok(Location::new(store, Selection::Object(name.to_owned()), url))
}

/// `https://account.blob.core.windows.net/container/key?SAS`
fn azure_web(url: &str, parsed: &Url, account: &str) -> Result<Location> {
    // A `?` begins the query here: as a wildcard it has to be written `%3F`, and is one then.
    let path = decoded(url, parsed.path())?;
    let (container, key) = bucket_and_key(&shown(url), path.trim_start_matches('/'), "container")?;
    let store = StoreId::Azure {
        container,
        account: Some(account.to_owned()),
        endpoint: Some(parsed.origin().ascii_serialization()),
        sas: parsed.query().map(|query| Zeroizing::new(query.to_owned())),
    };
    Ok(Location::new(store, Selection::of_key(&key), url))
}

fn decoded(url: &str, path: &str) -> Result<String> {
    let decoded = percent_decode_str(path).decode_utf8();
    decoded.map(Into::into).map_err(|_| invalid(format!("{}: the path is not UTF-8 when decoded", shown(url))))
}

/// A URL without what may be secret.
fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
            let host = authority.rsplit('@').next().unwrap_or_default();
            match path {
                Some(path) => format!("{scheme}://{host}/{path}"),
                None => format!("{scheme}://{host}"),
            }
        }
        None => url.to_owned(),
    }
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::InvalidOption, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let cases = [
            ("*", "a", true),
            ("*", "a/b", false),
            ("**", "a/b", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/xb", false),
            ("a/**", "a/x/y", true),
            ("a?c", "a/c", false),
            ("a?c", "aéc", true),
            ("*.log", "x.log.log", true),
            ("*.log", "x.log.gz", false),
            ("**/*.log", "x.log", true),
            ("**/*.log", "a/b/x.log", true),
            ("a*/b*/c", "ab/bb/c", true),
            ("a*/b*/c", "ab/cc/c", false),
            ("2024-*/part-??.csv", "2024-05/part-01.csv", true),
            ("**a*b", "x/a/ab", true),
            ("a", "ab", false),
        ];
        for (glob, key, expected) in cases {
            assert_eq!(glob_matches(glob.as_bytes(), key.as_bytes()), expected, "{glob} {key}");
        }
    }

    #[test]
    fn selections() {
        let glob = Selection::of_key("logs/2024/day-*/x.txt");
        assert_eq!((glob.listed_prefix(), glob.fixed_folder()), ("logs/2024/day-", "logs/2024/"));
        let prefix = Selection::of_key("logs/2024/");
        assert_eq!((prefix.listed_prefix(), prefix.fixed_folder()), ("logs/2024/", "logs/2024/"));
        assert_eq!(Selection::of_key("a/b.txt").fixed_folder(), "a/");
        assert!(!prefix.matches("logs/2024/") && prefix.matches("logs/2024/a/b"));
    }

    #[test]
    fn secrets_are_not_shown() {
        for url in [
            "https://acc.blob.core.windows.net/box/a/b.txt?sv=2024&sig=SECRET",
            "https://user:SECRET@example.com/a.7z?token=SECRET",
        ] {
            let location = Location::parse(url).unwrap();
            assert!(!format!("{location} {location:?}").contains("SECRET"), "{location}");
        }
        let error = Location::parse("https://user:SECRET@example.com/*?sig=SECRET").unwrap_err().to_string();
        assert!(!error.contains("SECRET") && error.contains("cannot be listed"), "{error}");
    }

    #[test]
    fn stores_are_recognised() {
        let azure = Location::parse("https://acc.blob.core.windows.net/box/a%20b.txt?sig=x").unwrap();
        assert_eq!(azure.selection, Selection::Object("a b.txt".into()));
        assert!(matches!(&azure.store, StoreId::Azure { container, account: Some(account), sas: Some(_), .. }
            if container == "box" && account == "acc"));
        let abfss = Location::parse("abfss://box@acc.dfs.core.windows.net/x/").unwrap();
        assert!(matches!(&abfss.store, StoreId::Azure { endpoint: Some(endpoint), .. }
            if endpoint == "https://acc.blob.core.windows.net"));
        assert_eq!(Location::parse("s3://b").unwrap().selection, Selection::Prefix(String::new()));
        assert_eq!(Location::parse("gs://b/x?y*").unwrap().selection, Selection::Glob("x?y*".into()));
        for (url, why) in [
            ("a/b", "is no URL"),
            ("ftp://a/b", "no scheme ftp"),
            ("s3:///x", "names no bucket"),
            ("https://example.com/", "names no file"),
        ] {
            let error = Location::parse(url).unwrap_err();
            assert!(error.kind() == ErrorKind::InvalidOption && error.to_string().contains(why), "{error}");
        }
    }
}
