//! Azure's connection strings, which the `object_store` crate does not read.
//!
//! Invariant: key and signature are wiped when dropped and never shown.

use par7z::{Error, ErrorKind, Result};
use std::fmt;
use zeroize::Zeroizing;

/// What a connection string says of the Blob service.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct ConnectionString {
    pub(crate) account: Option<String>,
    pub(crate) key: Option<Zeroizing<String>>,
    pub(crate) sas: Option<Zeroizing<String>>,
    /// The Blob service's address.
    pub(crate) endpoint: Option<String>,
}

/// What `UseDevelopmentStorage=true` stands for: the emulator's account and key, which Microsoft's documentation gives.
const DEVELOPMENT_STORAGE: &str = "AccountName=devstoreaccount1;\
    AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;\
    BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1";

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionString").field("account", &self.account).finish_non_exhaustive()
    }
}

impl ConnectionString {
    /// `Name=value` pairs joined by `;`. Names are compared without case, as Azure's own libraries do.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut parsed = Self::default();
        let (mut suffix, mut protocol) = ("core.windows.net".to_owned(), "https".to_owned());
        for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
            // Nothing of the text is repeated in an error: it may be the key.
            let Some((name, value)) = pair.split_once('=') else {
                return Err(invalid("a part of it is no Name=value; copy it whole, with its ; between the parts"));
            };
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "accountname" => parsed.account = Some(value.to_owned()),
                "accountkey" => parsed.key = Some(Zeroizing::new(value.to_owned())),
                "sharedaccesssignature" => {
                    parsed.sas = Some(Zeroizing::new(value.trim_start_matches('?').to_owned()));
                }
                "blobendpoint" => parsed.endpoint = Some(value.trim_end_matches('/').to_owned()),
                "endpointsuffix" => suffix = value.to_owned(),
                "defaultendpointsprotocol" => protocol = value.to_ascii_lowercase(),
                "usedevelopmentstorage" if value.eq_ignore_ascii_case("true") => {
                    return Self::parse(DEVELOPMENT_STORAGE);
                }
                _ => {}
            }
        }
        if !matches!(protocol.as_str(), "http" | "https") {
            return Err(invalid("DefaultEndpointsProtocol is http or https"));
        }
        match (&parsed.account, &parsed.endpoint) {
            (Some(account), None) => parsed.endpoint = Some(format!("{protocol}://{account}.blob.{suffix}")),
            (None, Some(endpoint)) => parsed.account = Some(account_of(endpoint)?),
            (None, None) => return Err(invalid("it has neither AccountName nor BlobEndpoint")),
            (Some(_), Some(_)) => {}
        }
        Ok(parsed)
    }
}

/// The account that a Blob endpoint names: its first label, or with an IP address its first path segment.
fn account_of(endpoint: &str) -> Result<String> {
    let failed = || invalid("its BlobEndpoint is no URL that names an account; add AccountName");
    let url = url::Url::parse(endpoint).map_err(|_| failed())?;
    let account = match url.host() {
        Some(url::Host::Domain(host)) => host.split('.').next().map(str::to_owned),
        Some(_) => url.path_segments().and_then(|mut segments| segments.next().map(str::to_owned)),
        None => None,
    };
    account.filter(|account| !account.is_empty()).ok_or_else(failed)
}

fn invalid(why: &str) -> Error {
    Error::new(ErrorKind::InvalidOption, format!("the Azure connection string cannot be used: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portals_strings_are_read() {
        let text = "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=a+b/c==;EndpointSuffix=core.windows.net";
        let parsed = ConnectionString::parse(text).unwrap();
        assert_eq!(parsed.endpoint.as_deref(), Some("https://acc.blob.core.windows.net"));
        assert_eq!(parsed.key.as_ref().map(|key| key.as_str()), Some("a+b/c=="));
        let sas = "BlobEndpoint=https://acc.blob.core.windows.net/;QueueEndpoint=https://acc.queue.core.windows.net/;\
                   SharedAccessSignature=sv=2024-08-04&ss=b&sig=x%3D";
        let parsed = ConnectionString::parse(sas).unwrap();
        assert_eq!(parsed.account.as_deref(), Some("acc"));
        assert_eq!(parsed.sas.as_ref().map(|sas| sas.as_str()), Some("sv=2024-08-04&ss=b&sig=x%3D"));
        let local =
            ConnectionString::parse("AccountKey=k;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;").unwrap();
        assert_eq!(local.account.as_deref(), Some("devstoreaccount1"));
        let emulator = ConnectionString::parse("UseDevelopmentStorage=true").unwrap();
        assert_eq!(emulator.account.as_deref(), Some("devstoreaccount1"));
        assert_eq!(emulator.endpoint.as_deref(), Some("http://127.0.0.1:10000/devstoreaccount1"));
        assert_eq!(
            ConnectionString::parse("UseDevelopmentStorage=false;AccountName=a").unwrap().account.as_deref(),
            Some("a")
        );
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for text in [
            "AccountName=acc;SECRET",
            "AccountKey=SECRET",
            "AccountName=a;AccountKey=SECRET;DefaultEndpointsProtocol=ftp",
        ] {
            let error = ConnectionString::parse(text).unwrap_err().to_string();
            assert!(!error.contains("SECRET"), "{error}");
        }
        let parsed = ConnectionString::parse("AccountName=acc;AccountKey=SECRET").unwrap();
        assert!(!format!("{parsed:?}").contains("SECRET"));
    }
}
