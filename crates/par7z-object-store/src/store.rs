//! A connection to one container, bucket or web server: the `object_store` crate's client of it, built with our options.
//!
//! Requests of a store share a pool of connections. All futures run on the [`Runtime`] that it holds.

use crate::error::redacted;
use crate::listing::FilteringConnector;
use crate::location::{Location, StoreId};
use crate::options::{Retry, StoreOptions};
use crate::runtime::Runtime;
use crate::web::WebObject;
use object_store::aws::AmazonS3Builder;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::ClientOptions;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use par7z::{Error, ErrorKind, Result};
use std::fmt;
use std::sync::{Arc, Once};
use std::time::Duration;
use zeroize::Zeroizing;

/// A server that says nothing for so long is taken for gone, and the request is tried again.
const READ_SILENCE: Duration = Duration::from_secs(60);
/// The answer to an upload comes after the part is sent, which takes its time.
const UPLOAD_SILENCE: Duration = Duration::from_secs(15 * 60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to a container, bucket or web server. Clones share it.
#[derive(Clone)]
pub struct Store {
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// For uploads: other time limits.
    pub(crate) uploads: Option<Uploads>,
    /// Lists page by page. Not there: the store lists by `objects`, or not at all.
    pub(crate) pages: Option<Arc<dyn PaginatedListStore>>,
    /// A web server's object, to be read without ranges.
    pub(crate) web: Option<Arc<WebObject>>,
    pub(crate) kind: StoreKind,
    pub(crate) options: StoreOptions,
    pub(crate) runtime: Runtime,
    /// How a place in it begins when it is shown; a web server's object is shown so as a whole.
    shown: String,
}

/// The two faces of a store that takes uploads.
#[derive(Clone)]
pub(crate) struct Uploads {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) parts: Arc<dyn MultipartStore>,
}

impl Uploads {
    fn of<S: ObjectStore + MultipartStore>(store: S) -> Self {
        let store = Arc::new(store);
        Self { objects: Arc::clone(&store) as _, parts: store }
    }
}

/// What differs from store to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// Objects that have keys.
    Objects,
    /// A web server: one object, at the empty path.
    Http,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("at", &self.shown).finish_non_exhaustive()
    }
}

impl Store {
    /// Prepares a connection to the store of `location`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`]: credentials are missing, cannot be read, are another account's or would go unencrypted
    /// to an Azure host; an address is no URL.
    pub fn connect(location: &Location, options: &StoreOptions) -> Result<Self> {
        install_tls();
        let failed = |error: object_store::Error| {
            let text = format!(
                "cannot connect to {location}: {}; {}",
                redacted(&error),
                location.store.where_credentials_are()
            );
            Error::new(ErrorKind::InvalidOption, text)
        };
        let shown = location.shown_store();
        let build = Build { location, options };
        let (reading, uploading) = (READ_SILENCE, UPLOAD_SILENCE);
        let mut kind = StoreKind::Objects;
        let mut web = None;
        let (objects, pages, uploads): (Arc<dyn ObjectStore>, Option<Arc<dyn PaginatedListStore>>, _);
        match &location.store {
            StoreId::Azure { .. } => {
                let client = Arc::new(build.azure(reading)?.build().map_err(failed)?);
                uploads = Some(Uploads::of(build.azure(uploading)?.build().map_err(failed)?));
                (objects, pages) = (Arc::clone(&client) as _, Some(client as _));
            }
            StoreId::S3 { bucket } => {
                let client = Arc::new(build.s3(bucket, reading).build().map_err(failed)?);
                uploads = Some(Uploads::of(build.s3(bucket, uploading).build().map_err(failed)?));
                (objects, pages) = (Arc::clone(&client) as _, Some(client as _));
            }
            StoreId::Gcs { bucket } => {
                let client = Arc::new(build.gcs(bucket, reading).build().map_err(failed)?);
                uploads = Some(Uploads::of(build.gcs(bucket, uploading).build().map_err(failed)?));
                (objects, pages) = (Arc::clone(&client) as _, Some(client as _));
            }
            StoreId::Http { url } => {
                let client_options = build.client_options(reading).with_allow_http(true);
                let (object, client_options) = WebObject::new(url, client_options, options.retry)?;
                let client = HttpBuilder::new()
                    .with_url(object.url())
                    .with_client_options(client_options)
                    .with_retry(build.retry());
                (objects, pages, uploads) = (Arc::new(client.build().map_err(failed)?), None, None);
                web = Some(Arc::new(object));
                kind = StoreKind::Http;
            }
        }
        let (options, runtime) = (options.clone(), Runtime::shared()?);
        Ok(Self { objects, uploads, pages, web, kind, options, runtime, shown })
    }

    /// A store that the caller has made a client for, with credentials of its own perhaps; shown in messages as `shown`,
    /// such as `s3://bucket/`. Of the options, those about memory and requests count.
    ///
    /// Lists come from the client as they are: a name that the `object_store` crate refuses ends the list.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if no thread can be started.
    pub fn of_client<S>(client: Arc<S>, shown: impl Into<String>, options: &StoreOptions) -> Result<Self>
    where
        S: ObjectStore + MultipartStore,
    {
        Ok(Self {
            objects: Arc::clone(&client) as _,
            uploads: Some(Uploads { objects: Arc::clone(&client) as _, parts: client }),
            pages: None,
            web: None,
            kind: StoreKind::Objects,
            options: options.clone(),
            runtime: Runtime::shared()?,
            shown: shown.into(),
        })
    }

    /// A key as the user knows it.
    pub(crate) fn shown(&self, key: &str) -> String {
        match self.kind {
            StoreKind::Http => self.shown.clone(),
            StoreKind::Objects => format!("{}{key}", self.shown),
        }
    }

    /// The path of a key.
    pub(crate) fn path(&self, key: &str) -> Result<Path> {
        match self.kind {
            StoreKind::Http => Ok(Path::default()),
            StoreKind::Objects => crate::listing::path_of(key)
                .map_err(|why| Error::new(ErrorKind::InvalidOption, format!("{}: {why}", self.shown(key)))),
        }
    }
}

/// ring, for all of the process, unless the program has chosen another.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

struct Build<'a> {
    location: &'a Location,
    options: &'a StoreOptions,
}

impl Build<'_> {
    /// An endpoint that the caller has written with `http://` is meant so.
    fn allow_http(&self, endpoint: Option<&str>) -> bool {
        endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"))
    }

    fn client_options(&self, silence: Duration) -> ClientOptions {
        // No limit for a request as a whole: how long a part takes depends on the line. Silence is what ends it.
        ClientOptions::new()
            .with_timeout_disabled()
            .with_read_timeout(silence)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_pool_max_idle_per_host(self.options.requests_in_flight.max(StoreOptions::DEFAULT_REQUESTS_IN_FLIGHT))
    }

    fn retry(&self) -> RetryConfig {
        let retry = self.options.retry;
        RetryConfig {
            // The crate draws each wait at random from the first one on; with its own first wait of 100 ms ten attempts
            // may be over in two seconds.
            backoff: BackoffConfig {
                init_backoff: Retry::FIRST_WAIT,
                max_backoff: Retry::LONGEST_WAIT,
                ..BackoffConfig::default()
            },
            max_retries: retry.attempts as usize,
            retry_timeout: retry.total_time,
        }
    }

    fn azure(&self, silence: Duration) -> Result<MicrosoftAzureBuilder> {
        let StoreId::Azure { container, account, endpoint, sas } = &self.location.store else {
            unreachable!("called for Azure alone")
        };
        let invalid = |why: String| Error::new(ErrorKind::InvalidOption, format!("{}: {why}", self.location));
        if self.options.endpoint.is_none() && !self.options.anonymous && self.allow_http(endpoint.as_deref()) {
            return Err(invalid("credentials do not go to Azure unencrypted; write https://".to_owned()));
        }
        let is_other = |named: Option<&str>| {
            account.as_ref().zip(named).is_some_and(|(account, named)| !account.eq_ignore_ascii_case(named))
        };
        let mut given = match &self.options.connection_string {
            Some(given) => Some(given.clone()),
            None if self.options.from_environment => match std::env::var("AZURE_STORAGE_CONNECTION_STRING") {
                Ok(text) => Some(crate::credentials::ConnectionString::parse(&Zeroizing::new(text))?),
                Err(_) => None,
            },
            None => None,
        };
        // The URL goes before the string; its key opens no other account, and is none of that account's business.
        let passed_over = given.take_if(|given| is_other(given.account.as_deref()));
        let ask = self.options.from_environment && given.is_none();
        let mut settings = if ask { azure_environment() } else { Vec::new() };
        let of_options = self.options.settings_of("azure_");
        settings.extend(of_options.map(|(key, value)| (key, Zeroizing::new(value.to_owned()))));
        let of_account = settings.iter().rev().find(|(key, _)| *key == AzureConfigKey::AccountName);
        if is_other(of_account.map(|(_, name)| name.as_str())) {
            settings.retain(|(key, _)| !matches!(key, AzureConfigKey::AccessKey | AzureConfigKey::SasKey));
        }
        if passed_over.is_some()
            && sas.is_none()
            && !self.options.anonymous
            && !settings.iter().any(|(key, _)| signs_in(key))
        {
            let text = "the connection string is another account's; give this one's, or a URL with its SAS";
            return Err(invalid(text.to_owned()));
        }
        let mut builder = MicrosoftAzureBuilder::new();
        for (key, value) in &settings {
            builder = builder.with_config(*key, value.as_str());
        }
        if ask && let Ok(address) = std::env::var("IDENTITY_ENDPOINT") {
            builder = builder.with_msi_endpoint(address);
        }
        builder = builder.with_container_name(container);
        let mut address = self.options.endpoint.clone().or_else(|| endpoint.clone());
        if let Some(given) = given {
            if let Some(account) = &given.account {
                builder = builder.with_account(account);
            }
            if let Some(key) = &given.key {
                builder = builder.with_access_key(key.as_str());
            }
            if let Some(sas) = &given.sas {
                builder = with_sas(builder, sas);
            }
            address = address.or(given.endpoint);
        }
        if let Some(account) = account {
            builder = builder.with_account(account);
        }
        if let Some(sas) = sas {
            // The URL's own signature goes before a key that the environment has for the account.
            builder = with_sas(builder, sas).with_config(AzureConfigKey::CredentialType, "sas_token");
        }
        let allow_http = self.allow_http(address.as_deref());
        if let Some(address) = address {
            builder = builder.with_endpoint(address);
        }
        Ok(builder
            .with_skip_signature(self.options.anonymous)
            .with_client_options(self.client_options(silence).with_allow_http(allow_http))
            .with_http_connector(FilteringConnector)
            .with_retry(self.retry()))
    }

    fn s3(&self, bucket: &str, silence: Duration) -> AmazonS3Builder {
        let asked = self.options.from_environment;
        let mut builder = if asked { AmazonS3Builder::from_env() } else { AmazonS3Builder::new() };
        for (key, value) in self.options.settings_of("aws_") {
            builder = builder.with_config(key, value);
        }
        let mut address = self.options.endpoint.clone();
        if address.is_none() && asked {
            let key = object_store::aws::AmazonS3ConfigKey::Endpoint;
            address = builder.get_config_value(&key).or_else(|| std::env::var("AWS_ENDPOINT_URL_S3").ok());
        }
        let allow_http = self.allow_http(address.as_deref());
        if let Some(address) = address {
            builder = builder.with_endpoint(address);
        }
        builder
            .with_bucket_name(bucket)
            .with_skip_signature(self.options.anonymous)
            .with_client_options(self.client_options(silence).with_allow_http(allow_http))
            .with_http_connector(FilteringConnector)
            .with_retry(self.retry())
    }

    fn gcs(&self, bucket: &str, silence: Duration) -> GoogleCloudStorageBuilder {
        let asked = self.options.from_environment;
        let mut builder = if asked { GoogleCloudStorageBuilder::from_env() } else { GoogleCloudStorageBuilder::new() };
        for (key, value) in self.options.settings_of("google_") {
            builder = builder.with_config(key, value);
        }
        if let Some(address) = &self.options.endpoint {
            builder = builder.with_base_url(address);
        }
        let allow_http = self.allow_http(self.options.endpoint.as_deref());
        builder
            .with_bucket_name(bucket)
            .with_skip_signature(self.options.anonymous)
            .with_client_options(self.client_options(silence).with_allow_http(allow_http))
            .with_http_connector(FilteringConnector)
            .with_retry(self.retry())
    }
}

fn with_sas(builder: MicrosoftAzureBuilder, sas: &str) -> MicrosoftAzureBuilder {
    builder.with_config(AzureConfigKey::SasKey, sas)
}

/// The environment's settings for Azure. The crate's own builder reads the same, but cannot be made to leave a key out.
fn azure_environment() -> Vec<(AzureConfigKey, Zeroizing<String>)> {
    azure_settings(std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with("AZURE_"))?;
        Some((name, Zeroizing::new(value.into_string().ok()?)))
    }))
}

/// Those that are known, and two as Azure's own command line calls them, unless they are there under the usual names.
fn azure_settings(
    variables: impl Iterator<Item = (String, Zeroizing<String>)>,
) -> Vec<(AzureConfigKey, Zeroizing<String>)> {
    let (mut settings, mut aliases) = (Vec::new(), Vec::new());
    for (name, value) in variables {
        match name.as_str() {
            "AZURE_STORAGE_ACCOUNT" => aliases.push((AzureConfigKey::AccountName, value)),
            "AZURE_STORAGE_KEY" => aliases.push((AzureConfigKey::AccessKey, value)),
            _ => settings.extend(name.to_ascii_lowercase().parse().ok().map(|key: AzureConfigKey| (key, value))),
        }
    }
    aliases.retain(|(alias, _)| settings.iter().all(|(key, _)| key != alias));
    settings.extend(aliases);
    settings
}

/// Whether a setting is a way to sign in, or the first part of one.
fn signs_in(key: &AzureConfigKey) -> bool {
    use AzureConfigKey as Key;
    matches!(
        key,
        Key::AccessKey
            | Key::SasKey
            | Key::Token
            | Key::ClientId
            | Key::MsiEndpoint
            | Key::ObjectId
            | Key::MsiResourceId
            | Key::FederatedTokenFile
            | Key::UseAzureCli
            | Key::FabricTokenServiceUrl
            | Key::SkipSignature
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azures_own_names_count_unless_the_usual_ones_are_there() {
        let settings = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| (name.to_string(), Zeroizing::new(value.to_string())));
            azure_settings(variables).into_iter().map(|(key, value)| (key, value.to_string())).collect::<Vec<_>>()
        };
        let (name, key) = (AzureConfigKey::AccountName, AzureConfigKey::AccessKey);
        assert_eq!(
            settings(&[("AZURE_STORAGE_ACCOUNT", "a"), ("AZURE_STORAGE_KEY", "k"), ("AZURE_OTHER", "x")]),
            [(name, "a".to_owned()), (key, "k".to_owned())]
        );
        assert_eq!(
            settings(&[("AZURE_STORAGE_ACCOUNT", "a"), ("AZURE_STORAGE_ACCOUNT_NAME", "b")]),
            [(name, "b".to_owned())]
        );
    }

    const STRING: &str = "AccountName=mine;AccountKey=U0VDUkVU";

    fn options() -> StoreOptions {
        StoreOptions::new().from_environment(false)
    }

    fn built(url: &str, options: &StoreOptions) -> Result<MicrosoftAzureBuilder> {
        Build { location: &Location::parse(url).unwrap(), options }.azure(READ_SILENCE)
    }

    #[test]
    fn a_key_is_not_used_for_another_account() {
        let with_string = options().connection_string(STRING).unwrap();
        let key_of = |builder: &MicrosoftAzureBuilder| builder.get_config_value(&AzureConfigKey::AccessKey);
        for url in ["az://box/x", "https://mine.blob.core.windows.net/box/x", "abfss://box@Mine.dfs.core.windows.net/x"]
        {
            assert!(key_of(&built(url, &with_string).unwrap()).is_some(), "{url}");
        }
        let other = "https://other.blob.core.windows.net/box/x";
        let error = built(other, &with_string).unwrap_err().to_string();
        assert!(error.contains("another account's") && !error.contains("U0VDUkVU"), "{error}");
        assert!(built("abfss://box@other.dfs.core.windows.net/x", &with_string).is_err());
        for builder in [
            built(&format!("{other}?sig=x"), &with_string).unwrap(),
            built(other, &with_string.clone().anonymous(true)).unwrap(),
            built(other, &with_string.setting("AZURE_STORAGE_TOKEN", "t").unwrap()).unwrap(),
        ] {
            assert_eq!(key_of(&builder), None);
            assert_eq!(builder.get_config_value(&AzureConfigKey::AccountName).as_deref(), Some("other"));
        }
        let settings = [("AZURE_STORAGE_ACCOUNT_NAME", "mine"), ("AZURE_STORAGE_ACCOUNT_KEY", "U0VDUkVU")];
        let with_settings =
            settings.into_iter().try_fold(options(), |options, (name, value)| options.setting(name, value));
        let with_settings = with_settings.unwrap();
        assert!(key_of(&built("https://mine.blob.core.windows.net/box/x", &with_settings).unwrap()).is_some());
        assert_eq!(key_of(&built(other, &with_settings).unwrap()), None);
        let emulator = options().connection_string("UseDevelopmentStorage=true").unwrap();
        assert!(built(other, &emulator).is_err() && built("az://box/x", &emulator).is_ok());
    }

    #[test]
    fn credentials_do_not_go_unencrypted() {
        let url = "http://mine.blob.core.windows.net/box/x";
        let with_string = options().connection_string(STRING).unwrap();
        for url in [url.to_owned(), format!("{url}?sig=SECRET")] {
            let error = built(&url, &with_string).unwrap_err().to_string();
            assert!(error.contains("https://") && !error.contains("SECRET"), "{error}");
        }
        assert!(built(url, &with_string.clone().endpoint("http://127.0.0.1:10000/mine")).is_ok());
        assert!(built(url, &options().anonymous(true)).is_ok());
    }

    #[test]
    fn places_are_shown_once() {
        let options = options().anonymous(true).setting("AZURE_STORAGE_ACCOUNT_NAME", "acc").unwrap();
        for (url, key, shown) in [
            ("https://h/a%20b.bin?x", "a b.bin", "https://h/a%20b.bin"),
            ("http://me:pw@h/d/a.bin", "a.bin", "http://h/d/a.bin"),
            (
                "https://acc.blob.core.windows.net/box/d/a%20b?sig=x",
                "d/a b",
                "https://acc.blob.core.windows.net/box/d/a b",
            ),
            ("https://acc.blob.core.windows.net/box/d/%2A", "d/x", "https://acc.blob.core.windows.net/box/d/x"),
            ("az://box/d/*", "d/x y", "az://box/d/x y"),
            ("az://box", "x", "az://box/x"),
            ("abfss://box@acc.dfs.core.windows.net/d/", "d/x", "abfss://box@acc.dfs.core.windows.net/d/x"),
            ("s3://bucket/x", "x", "s3://bucket/x"),
        ] {
            let store = Store::connect(&Location::parse(url).unwrap(), &options).unwrap();
            assert_eq!(store.shown(key), shown, "{url}");
        }
    }
}
