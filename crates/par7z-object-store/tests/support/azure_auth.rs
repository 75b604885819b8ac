//! Azure's Shared Key signature, for requests that the `object_store` crate does not make.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

/// Headers that sign a request. `path` is decoded no further than it is sent; `query` has the pairs, sorted.
pub fn headers(
    account: &str,
    key: &str,
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    body_bytes: usize,
    extra: &[(&str, &str)],
) -> Vec<(String, String)> {
    let date = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let mut headers: Vec<(String, String)> =
        extra.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    headers.push(("x-ms-date".into(), date));
    headers.push(("x-ms-version".into(), "2021-08-06".into()));
    headers.sort();
    let length = if body_bytes == 0 { String::new() } else { body_bytes.to_string() };
    let mut text = format!("{method}\n\n\n{length}\n\n\n\n\n\n\n\n\n");
    for (name, value) in &headers {
        text += &format!("{name}:{value}\n");
    }
    text += &format!("/{account}{path}");
    for (name, value) in query {
        text += &format!("\n{name}:{value}");
    }
    let signature = BASE64_STANDARD.encode(hmac(&BASE64_STANDARD.decode(key).unwrap(), text.as_bytes()));
    headers.push(("Authorization".into(), format!("SharedKey {account}:{signature}")));
    headers
}

/// A signature for a container that lets its holder do everything in it for an hour (a service SAS).
pub fn sas(account: &str, key: &str, container: &str) -> String {
    let until = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let text = format!("racwdl\n\n{until}\n/blob/{account}/{container}\n\n\n\n2018-11-09\nc\n\n\n\n\n\n");
    let signature = BASE64_STANDARD.encode(hmac(&BASE64_STANDARD.decode(key).unwrap(), text.as_bytes()));
    let encoded = |text: &str| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D").replace(':', "%3A");
    format!("sv=2018-11-09&sr=c&sp=racwdl&se={}&sig={}", encoded(&until), encoded(&signature))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5C)).chain_update(inner).finalize().to_vec()
}
