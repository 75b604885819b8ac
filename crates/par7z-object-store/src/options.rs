//! How a store is talked to: credentials, emulators, limits. Plain data; [`crate::Store`] makes a client of it.
//!
//! Invariant: `Debug` shows no secret, and secrets are wiped when dropped.

use crate::credentials::ConnectionString;
use object_store::aws::AmazonS3ConfigKey;
use object_store::azure::AzureConfigKey;
use object_store::gcp::GoogleConfigKey;
use par7z::{CancelToken, Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use zeroize::Zeroizing;

/// How requests that fail are tried again: those that a server refuses with 429 or 5xx, and broken connections.
///
/// Between two attempts it waits 250 ms at first, then longer and longer, up to 15 s, somewhat at random: so 40 attempts
/// take 10 s at the least, and usually all of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts after the first one, for each request. 0 = none.
    pub attempts: u32,
    /// No new attempt later than this after the first one. Below five minutes: credentials are not renewed in between.
    /// A part that is uploaded gets two more attempts in any case, each with a clock of its own.
    pub total_time: Duration,
}

impl Retry {
    /// The first wait between two attempts.
    pub(crate) const FIRST_WAIT: Duration = Duration::from_millis(250);
    /// The longest one.
    pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(15);

    /// The wait after so many failures.
    pub(crate) fn wait(failures: u32) -> Duration {
        (Self::FIRST_WAIT * 2_u32.pow(failures.clamp(1, 10) - 1)).min(Self::LONGEST_WAIT)
    }
}

impl Default for Retry {
    /// 40 attempts in 180 s.
    fn default() -> Self {
        Self { attempts: 40, total_time: Duration::from_secs(180) }
    }
}

/// How to talk to a store. The default takes credentials from where the clouds' own tools take them.
///
/// | cloud | environment |
/// |---|---|
/// | Azure | `AZURE_STORAGE_CONNECTION_STRING`, or `AZURE_STORAGE_ACCOUNT_NAME` with `AZURE_STORAGE_ACCOUNT_KEY` or `AZURE_STORAGE_SAS_KEY`, or `AZURE_CLIENT_ID` with its secret or federated token, or the managed identity |
/// | S3 | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, or the role of the container or instance |
/// | Google | `GOOGLE_SERVICE_ACCOUNT`, `GOOGLE_APPLICATION_CREDENTIALS`, or the service account of the instance |
#[derive(Clone)]
pub struct StoreOptions {
    pub(crate) from_environment: bool,
    pub(crate) anonymous: bool,
    pub(crate) connection_string: Option<ConnectionString>,
    /// Lower-case names as the environment has them, and values.
    pub(crate) settings: Vec<(String, Zeroizing<String>)>,
    pub(crate) endpoint: Option<String>,
    pub(crate) requests_in_flight: usize,
    pub(crate) read_ahead_bytes: usize,
    pub(crate) upload_bytes: usize,
    pub(crate) part_bytes: usize,
    pub(crate) retry: Retry,
    pub(crate) cancel: CancelToken,
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("anonymous", &self.anonymous)
            .field("connection_string", &self.connection_string)
            .field("requests_in_flight", &self.requests_in_flight)
            .field("read_ahead_bytes", &self.read_ahead_bytes)
            .field("upload_bytes", &self.upload_bytes)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            from_environment: true,
            anonymous: false,
            connection_string: None,
            settings: Vec::new(),
            endpoint: None,
            requests_in_flight: Self::DEFAULT_REQUESTS_IN_FLIGHT,
            read_ahead_bytes: 64 << 20,
            upload_bytes: 64 << 20,
            part_bytes: 8 << 20,
            retry: Retry::default(),
            cancel: CancelToken::new(),
        }
    }
}

impl StoreOptions {
    /// What [`requests_in_flight`](Self::requests_in_flight) is unless set: 32.
    pub const DEFAULT_REQUESTS_IN_FLIGHT: usize = 32;
    /// The smallest [`part_bytes`](Self::part_bytes): 5 MiB, which S3 and Google ask of all parts but the last.
    pub const MIN_PART_BYTES: usize = 5 << 20;

    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the environment is asked for credentials and settings. Default `true`.
    #[must_use]
    pub fn from_environment(mut self, ask: bool) -> Self {
        self.from_environment = ask;
        self
    }

    /// Whether requests go out without credentials, to public containers. Default `false`.
    #[must_use]
    pub fn anonymous(mut self, anonymous: bool) -> Self {
        self.anonymous = anonymous;
        self
    }

    /// An Azure connection string, as the portal shows it; it goes before the environment. Known are `AccountName`,
    /// `AccountKey`, `SharedAccessSignature`, `BlobEndpoint`, `EndpointSuffix`, `DefaultEndpointsProtocol` and
    /// `UseDevelopmentStorage`; others, which are about other services, are passed over.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] if it is none, or neither names an account nor an endpoint.
    pub fn connection_string(mut self, text: &str) -> Result<Self> {
        self.connection_string = Some(ConnectionString::parse(text)?);
        Ok(self)
    }

    /// A setting as the environment would have it, under the same name, such as `AWS_ACCESS_KEY_ID`; it goes before the
    /// environment's. Names of the other clouds are passed over when a store is connected.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] if no cloud has a setting of that name, or the connection string cannot be read.
    pub fn setting(mut self, name: &str, value: impl Into<String>) -> Result<Self> {
        let name = name.to_ascii_lowercase();
        let value = Zeroizing::new(value.into());
        if name == "azure_storage_connection_string" {
            return self.connection_string(&value);
        }
        let is_known = (name.starts_with("aws_") && AmazonS3ConfigKey::from_str(&name).is_ok())
            || (name.starts_with("azure_") && AzureConfigKey::from_str(&name).is_ok())
            || (name.starts_with("google_") && GoogleConfigKey::from_str(&name).is_ok());
        if !is_known {
            return Err(invalid(format!("no cloud has a setting {name}: it begins with AWS_, AZURE_ or GOOGLE_")));
        }
        self.settings.push((name, value));
        Ok(self)
    }

    /// The settings that are one cloud's.
    pub(crate) fn settings_of<K: FromStr>(&self, cloud: &str) -> impl Iterator<Item = (K, &str)> {
        let of_cloud = self.settings.iter().filter(move |(name, _)| name.starts_with(cloud));
        of_cloud.filter_map(|(name, value)| Some((name.parse().ok()?, value.as_str())))
    }

    /// Another address of the service: an emulator or a compatible store, such as `http://127.0.0.1:9000` (MinIO), or
    /// for Azurite `http://127.0.0.1:10000/devstoreaccount1`. With `http://`, credentials and data go over the wire
    /// unencrypted.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Requests for objects that may be under way at once, for each run over a location. Default 32, 1 to 1024.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] out of the range.
    pub fn requests_in_flight(mut self, requests: usize) -> Result<Self> {
        if !(1..=1024).contains(&requests) {
            return Err(invalid(format!("{requests} requests in flight: the range is 1 to 1024")));
        }
        self.requests_in_flight = requests;
        Ok(self)
    }

    /// Memory for what is read ahead, for each run over a location and each archive that is read, in bytes. Default
    /// 64 MiB, at least 1 MiB. On top comes what [`crate::Objects`] says.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] below 1 MiB or above 1 TiB.
    pub fn read_ahead_bytes(mut self, bytes: usize) -> Result<Self> {
        if !(1 << 20..=1 << 40).contains(&bytes) {
            return Err(invalid(format!("{bytes} bytes to read ahead: the range is 1 MiB to 1 TiB")));
        }
        self.read_ahead_bytes = bytes;
        Ok(self)
    }

    /// Memory for the parts of an archive that are being uploaded, in bytes. Default 64 MiB; one part goes in any case.
    /// On top come the archive's (or each volume's) first part and the one that is being filled.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] if it is 0.
    pub fn upload_bytes(mut self, bytes: usize) -> Result<Self> {
        if bytes == 0 {
            return Err(invalid("0 bytes for parts that are uploaded: give at least a part's size".to_owned()));
        }
        self.upload_bytes = bytes;
        Ok(self)
    }

    /// Size of an archive's first thousand parts, in bytes; each further thousand has parts twice as large, up to 256
    /// times. Default 8 MiB, at least 5 MiB, at most 15 MiB: with 8 MiB, 10,000 parts (the most that S3 takes) hold
    /// 6 TB.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] out of the range.
    pub fn part_bytes(mut self, bytes: usize) -> Result<Self> {
        if !(Self::MIN_PART_BYTES..=15 << 20).contains(&bytes) {
            return Err(invalid(format!("parts of {bytes} bytes: the range is 5 MiB to 15 MiB")));
        }
        self.part_bytes = bytes;
        Ok(self)
    }

    /// How requests that fail are tried again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Ends whatever waits for the store within a fraction of a second once it is cancelled, with
    /// [`ErrorKind::Cancelled`]; give the run the same token. Two things have 20 s more: that the store forgets an upload,
    /// and that it makes an archive visible if it was asked to already (if it does not answer in that time, the error says
    /// that the archive may be there).
    #[must_use]
    pub fn cancel_token(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::InvalidOption, text)
}
