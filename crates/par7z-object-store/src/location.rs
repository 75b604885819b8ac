//! Where objects are: a URL becomes a store (which cloud, account, container) and a selection of keys in it.
//!
//! Invariant: a URL is shown as [`shown_url`] makes it, in messages as by `Display` and `Debug`: without user, password and
//! signature. And [`StoreId::Azure`] with an endpoint is a host of Azure's own: it may be sent credentials.

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

/// Only the last `*` and the last `**` have to be gone back to, so it is the key's length squared at the worst.
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
        /// The service's address, where the URL names it: one of [`AZURE_SUFFIXES`].
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

impl StoreId {
    /// For whoever has forgotten.
    pub(crate) fn where_credentials_are(&self) -> &'static str {
        match self {
            Self::Azure { .. } => {
                "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY"
            }
            Self::S3 { .. } => "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION",
            Self::Gcs { .. } => "set GOOGLE_APPLICATION_CREDENTIALS",
            Self::Http { .. } => "the URL has to be one of a web server",
        }
    }
}

/// A place in an object store: one object, those below a prefix, or those that match a glob.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    pub(crate) store: StoreId,
    pub(crate) selection: Selection,
    /// What is shown: see [`shown_url`].
    shown: String,
}

impl Location {
    /// Reads a URL; see the [crate's table](crate#urls).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`]: the scheme is unknown, the container is missing, a web server's URL has a glob, or a
    /// cloud's own scheme has a password or signature in it.
    pub fn parse(url: &str) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(invalid(format!(
                "{} is no URL: it has to begin with az://, s3://, gs:// or https://",
                shown_url(url)
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
                let text = format!(
                    "{}: par7z knows no scheme {}; it knows az, s3, gs, http and https",
                    shown_url(url),
                    shown_url(&format!("{other}://"))
                );
                Err(invalid(text))
            }
        }
    }

    fn new(store: StoreId, selection: Selection, url: &str) -> Self {
        Self { store, selection, shown: shown_url(url) }
    }

    /// How all places of its store begin when they are shown; a web server's one object is shown so as a whole.
    pub(crate) fn shown_store(&self) -> String {
        let (StoreId::Azure { container, .. }, Some((scheme @ ("http" | "https"), rest))) =
            (&self.store, split_scheme(&self.shown))
        else {
            if matches!(self.store, StoreId::Http { .. }) {
                return self.shown.clone();
            }
            // The key is as it is in the clouds' own schemes.
            let mut store = self.shown.strip_suffix(self.selection.key()).unwrap_or(&self.shown).to_owned();
            if !store.ends_with('/') {
                store.push('/');
            }
            return store;
        };
        let host = rest.split('/').next().unwrap_or_default();
        format!("{scheme}://{host}/{container}/")
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

/// Azure's own clouds. Nobody else has hosts below these names, so credentials may go to them.
const AZURE_SUFFIXES: [&str; 5] = [
    "core.windows.net",
    "core.chinacloudapi.cn",
    "core.usgovcloudapi.net",
    "core.cloudapi.de",
    // Only as `abfss://`.
    FABRIC,
];
const FABRIC: &str = "fabric.microsoft.com";

/// The account of a host of Azure's, and its cloud. Data Lake's address counts, too: the Blob address beside it serves the
/// same blobs.
fn azure_host(host: &str) -> Option<(&str, &'static str)> {
    let (account, service) = host.split_once('.')?;
    let suffix = service.strip_prefix("blob.").or_else(|| service.strip_prefix("dfs."))?;
    let is_name = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let suffix = AZURE_SUFFIXES.into_iter().find(|known| *known == suffix)?;
    is_name.then_some((account, suffix))
}

fn azure(url: &str, rest: &str) -> Result<Location> {
    let (container, key) = bucket_and_key(url, rest, "container")?;
    let Some((container, host)) = container.split_once('@') else {
        let store = StoreId::Azure { container, account: None, endpoint: None, sas: None };
        return Ok(Location::new(store, Selection::of_key(&key), url));
    };
    let host = host.to_ascii_lowercase();
    let Some((account, suffix)) = azure_host(&host) else {
        let text =
            format!("{}: behind the @ comes account.dfs.core.windows.net, or another host of Azure's", shown_url(url));
        return Err(invalid(text));
    };
    if container.is_empty() {
        return Err(invalid(format!("{} names no container in front of the @", shown_url(url))));
    }
    let store = StoreId::Azure {
        container: container.to_owned(),
        account: Some(account.to_owned()),
        endpoint: Some(format!("https://{account}.blob.{suffix}")),
        sas: None,
    };
    Ok(Location::new(store, Selection::of_key(&key), url))
}

fn bucket_and_key(url: &str, rest: &str, what: &str) -> Result<(String, String)> {
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let is_azure = what == "container";
    if signature_in(rest).is_some() {
        let instead = if is_azure {
            "give the SAS in an https:// URL or in AZURE_STORAGE_SAS_KEY"
        } else {
            "give the whole https:// URL to read one object"
        };
        return Err(invalid(format!("{}: a signature cannot be part of it; {instead}", shown_url(url))));
    }
    if bucket.is_empty() {
        return Err(invalid(format!(
            "{} names no {what}: write {}://{what}/name",
            shown_url(url),
            url.split("://").next().unwrap_or_default()
        )));
    }
    if bucket.contains(':') || (!is_azure && bucket.contains('@')) {
        let instead = if is_azure { "AZURE_STORAGE_ACCOUNT_KEY" } else { "the environment" };
        return Err(invalid(format!("{}: a user or key cannot be part of it; set {instead}", shown_url(url))));
    }
    if bucket.contains(['*', '?']) {
        return Err(invalid(format!("{}: the {what} cannot be a pattern", shown_url(url))));
    }
    Ok((bucket.to_owned(), key.to_owned()))
}

fn web(url: &str) -> Result<Location> {
    let parsed = Url::parse(url).map_err(|error| invalid(format!("{} is no valid URL: {error}", shown_url(url))))?;
    let host = parsed.host_str().unwrap_or_default().to_owned();
    if let Some((account, suffix)) = azure_host(&host)
        && suffix != FABRIC
    {
        return azure_web(url, &parsed, account, suffix);
    }
    let path = decoded(url, parsed.path())?;
    if path.contains('*') {
        let text =
            format!("{}: a web server's files cannot be listed, so * finds nothing; give each URL", shown_url(url));
        return Err(invalid(text));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() {
        return Err(invalid(format!("{} names no file of the web server", shown_url(url))));
    }
    let store = StoreId::Http { url: Zeroizing::new(parsed.to_string()) };
    Ok(Location::new(store, Selection::Object(name.to_owned()), url))
}

/// `https://account.blob.core.windows.net/container/key?SAS`
fn azure_web(url: &str, parsed: &Url, account: &str, suffix: &str) -> Result<Location> {
    // A `?` begins the query here: as a wildcard it has to be written `%3F`, and is one then.
    let path = decoded(url, parsed.path())?;
    let (container, key) = bucket_and_key(url, path.trim_start_matches('/'), "container")?;
    let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
    let store = StoreId::Azure {
        container,
        account: Some(account.to_owned()),
        endpoint: Some(format!("{}://{account}.blob.{suffix}{port}", parsed.scheme())),
        sas: parsed.query().map(|query| Zeroizing::new(query.to_owned())),
    };
    Ok(Location::new(store, Selection::of_key(&key), url))
}

fn decoded(url: &str, path: &str) -> Result<String> {
    let decoded = percent_decode_str(path).decode_utf8();
    decoded.map(Into::into).map_err(|_| invalid(format!("{}: the path is not UTF-8 when decoded", shown_url(url))))
}

/// A URL, or a word that was meant as one, as it may be shown: without user and password, without the query of an `http` or
/// `https` URL, and in other schemes, where `?` is a wildcard, without a query that holds a signature.
///
/// What is no URL and holds no signature comes back as it is.
///
/// ```
/// assert_eq!(par7z_object_store::shown_url("https://me:secret@host/a.7z?sig=x"), "https://host/a.7z");
/// assert_eq!(par7z_object_store::shown_url("az://logs/day-??"), "az://logs/day-??");
/// ```
pub fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = split_scheme(url) else {
        return url[..signature_in(url).unwrap_or(url.len())].to_owned();
    };
    let slashes = &url[scheme.len()..url.len() - rest.len()];
    let lower = scheme.to_ascii_lowercase();
    let is_web = matches!(lower.as_str(), "http" | "https");
    let (mut authority, mut path) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
    // Data Lake's URLs have the container where others have the user.
    let mut container = "";
    if let Some((user, host)) = authority.rsplit_once('@') {
        authority = host;
        if matches!(lower.as_str(), "az" | "azure" | "abfs" | "abfss") && is_container(user) {
            container = user;
        }
    }
    let port = authority[authority.rfind(']').unwrap_or_default()..].rsplit_once(':').map(|(_, port)| port);
    if let Some(port) = port.filter(|port| !is_web || !port.bytes().all(|byte| byte.is_ascii_digit())) {
        // No port but a password, perhaps up to a / or ? that is in it.
        match path.rfind('@') {
            Some(at) => {
                let behind = &path[at + 1..];
                (authority, path) = behind.split_at(behind.find(['/', '\\', '?', '#']).unwrap_or(behind.len()));
            }
            None => authority = &authority[..authority.len() - port.len() - 1],
        }
    }
    let query = if is_web { path.find(['?', '#']) } else { None };
    let end = [query, signature_in(path)].into_iter().flatten().min().unwrap_or(path.len());
    let at = if container.is_empty() { "" } else { "@" };
    format!("{scheme}{slashes}{container}{at}{authority}{}", &path[..end])
}

/// The scheme of a URL, and what comes behind its slashes, of which one may be missing. A drive's letter is no scheme.
fn split_scheme(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let behind = rest.trim_start_matches(['/', '\\']);
    let is_web = matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https");
    (is_scheme && (behind.len() < rest.len() || is_web)).then_some((scheme, behind))
}

/// Where in a path a query begins that holds a signature or what belongs to one.
fn signature_in(path: &str) -> Option<usize> {
    const PARTS: [&str; 6] = ["sig=", "sig%3d", "signature=", "signature%3d", "sv=", "token="];
    // The same length in bytes: only ASCII letters change.
    let lower = path.to_ascii_lowercase();
    let begin = [lower.find(['?', '#']), lower.find("%3f")].into_iter().flatten().min()?;
    PARTS.iter().any(|part| lower[begin..].contains(part)).then_some(begin)
}

/// Whether it can be a container's name: Azure has lower-case letters, digits and `-`, and `$web` and its like.
fn is_container(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'$');
    (1..=63).contains(&name.len()) && name.bytes().all(is_allowed)
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
            "https://example.com:8443/a.7z#SECRET",
        ] {
            let location = Location::parse(url).unwrap();
            assert!(!format!("{location} {location:?}").contains("SECRET"), "{location}");
        }
        for (url, why) in [
            ("https://user:SECRET@example.com/*?sig=SECRET", "cannot be listed"),
            ("az://box/x.7z?sv=2024&sig=SECRET", "in an https:// URL or in AZURE_STORAGE_SAS_KEY"),
            ("abfss://box@acc.dfs.core.windows.net/x?sig=SECRET", "AZURE_STORAGE_SAS_KEY"),
            ("https://acc.blob.core.windows.net/box/x%3Fsv=1%26sig=SECRET", "AZURE_STORAGE_SAS_KEY"),
            ("az://box?sig=SECRET", "AZURE_STORAGE_SAS_KEY"),
            ("s3://bucket/x?X-Amz-Signature=SECRET", "signature"),
            ("s3://KEY:SECRET@bucket/x", "user or key"),
            ("s3://KEY:1/SECRET@bucket/x", "user or key"),
            ("gs://KEY:SECRET/x", "user or key"),
            ("az://acc:SECRET@box/x", "user or key"),
            ("az://SECRETKEY@box/x", "behind the @"),
            ("ftp://user:SECRET@host/x?sig=SECRET", "no scheme ftp://"),
            ("https://user:SECRET/SECRET@host/x", "no valid URL"),
            ("https://user:SECRET?SECRET@host/x", "no valid URL"),
            ("https:/user:SECRET@host/x?SECRET", "is no URL"),
            ("acc.blob.core.windows.net/box/x?sig=SECRET", "is no URL"),
        ] {
            let error = Location::parse(url).unwrap_err().to_string();
            assert!(!error.contains("SECRET") && error.contains(why), "{url}: {error}");
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for (url, shown) in [
            ("az://logs/day-??/x#1", "az://logs/day-??/x#1"),
            ("abfss://box@acc.dfs.core.windows.net/x", "abfss://box@acc.dfs.core.windows.net/x"),
            ("https://host:80/a@b/c?d", "https://host:80/a@b/c"),
            ("http://[::1]:80/a", "http://[::1]:80/a"),
            ("s3://bucket/a@b:c", "s3://bucket/a@b:c"),
            ("C:\\a\\b@c", "C:\\a\\b@c"),
            ("a/b?c@d", "a/b?c@d"),
            ("-mx=9", "-mx=9"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }

    #[test]
    fn only_azures_own_hosts_are_azure() {
        for host in [
            "acc.blob.core.windows.net",
            "acc.dfs.core.windows.net",
            "ACC.blob.core.windows.net",
            "acc.blob.core.chinacloudapi.cn",
            "acc.blob.core.usgovcloudapi.net",
            "acc.blob.core.cloudapi.de",
        ] {
            let store = Location::parse(&format!("https://{host}/box/x")).unwrap().store;
            assert!(
                matches!(&store, StoreId::Azure { endpoint: Some(endpoint), .. }
                if endpoint.starts_with("https://acc.blob.core.")),
                "{host}"
            );
            assert!(Location::parse(&format!("abfss://box@{host}/x")).unwrap().store == store, "{host}");
        }
        for host in [
            "x.blob.core.evil.com",
            "x.blob.core.windows.net.evil.com",
            "x.evil.blob.core.windows.net",
            "blob.core.windows.net",
            "evil.com",
        ] {
            let location = Location::parse(&format!("https://{host}/box/x")).unwrap();
            assert!(matches!(location.store, StoreId::Http { .. }), "{host}");
            let error = Location::parse(&format!("abfss://box@{host}/x")).unwrap_err().to_string();
            assert!(error.contains("behind the @"), "{error}");
        }
        assert!(Location::parse("abfss://box@evil.com#@acc.dfs.core.windows.net/x").is_err());
        let fabric = Location::parse("abfss://space@onelake.dfs.fabric.microsoft.com/x").unwrap();
        assert!(matches!(&fabric.store, StoreId::Azure { endpoint: Some(endpoint), .. }
            if endpoint == "https://onelake.blob.fabric.microsoft.com"));
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
