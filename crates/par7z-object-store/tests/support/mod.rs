//! Real servers for the tests: Azurite and moto's S3, on free ports of this machine, and what to ask of them.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

pub mod azure_auth;
pub mod http;
pub mod proxy;
pub mod servers;
pub mod web;

use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use par7z_object_store::{Location, Store, StoreOptions};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

/// A store under test, which has two containers, `in` and `out`.
pub enum Place {
    Azurite(servers::Azurite),
    Moto(servers::Moto),
    /// moto, asked in Google's way.
    Google(servers::Moto, proxy::Proxy),
    Memory {
        containers: BTreeMap<&'static str, Arc<InMemory>>,
    },
}

impl Place {
    pub fn azurite() -> Self {
        let server = servers::Azurite::start();
        for container in ["in", "out"] {
            // Azure wants three characters.
            server.create_container(&format!("{container}-box"));
        }
        Self::Azurite(server)
    }

    pub fn moto() -> Self {
        let server = servers::Moto::start();
        for container in ["in", "out"] {
            server.create_bucket(&format!("{container}-box"));
        }
        Self::Moto(server)
    }

    pub fn google() -> Self {
        let Self::Moto(server) = Self::moto() else { unreachable!("just made") };
        let proxy = proxy::Proxy::from_google_to_s3(server.port);
        Self::Google(server, proxy)
    }

    pub fn memory() -> Self {
        Self::Memory { containers: ["in", "out"].into_iter().map(|name| (name, Arc::default())).collect() }
    }

    pub fn options(&self) -> StoreOptions {
        match self {
            Self::Azurite(server) => server.options(),
            Self::Moto(server) => server.options(),
            Self::Google(_, proxy) => {
                // As its emulators have it: a token that nobody checks.
                let account = r#"{"disable_oauth":true,"client_email":"","private_key":"","private_key_id":""}"#;
                let options = StoreOptions::new().from_environment(false);
                let options = options.setting("GOOGLE_SERVICE_ACCOUNT_KEY", account).unwrap();
                options.endpoint(format!("http://127.0.0.1:{}", proxy.port))
            }
            Self::Memory { .. } => StoreOptions::new(),
        }
    }

    pub fn location(&self, container: &str, key: &str) -> Location {
        let scheme = match self {
            Self::Azurite(_) => "az",
            Self::Moto(_) => "s3",
            Self::Google(..) => "gs",
            Self::Memory { .. } => panic!("no URL"),
        };
        Location::parse(&format!("{scheme}://{container}-box/{key}")).unwrap()
    }

    /// A connection as a user makes it.
    pub fn store(&self, container: &str, options: &StoreOptions) -> Store {
        match self {
            Self::Memory { containers } => {
                Store::of_client(Arc::clone(&containers[container]), "memory:", options).unwrap()
            }
            _ => Store::connect(&self.location(container, ""), options).unwrap(),
        }
    }

    /// Puts an object, past par7z.
    pub fn put(&self, container: &str, key: &str, content: Vec<u8>) {
        match self {
            Self::Azurite(server) => server.put(&format!("{container}-box"), key, &content),
            Self::Moto(server) | Self::Google(server, _) => server.put(&format!("{container}-box"), key, &content),
            Self::Memory { containers } => {
                let store = Arc::clone(&containers[container]);
                let put = async move { store.put(&Path::parse(key).unwrap(), content.into()).await };
                run(put).unwrap();
            }
        }
    }

    /// Gets an object, past par7z.
    pub fn get(&self, container: &str, key: &str) -> Option<Vec<u8>> {
        match self {
            Self::Azurite(server) => server.get(&format!("{container}-box"), key),
            Self::Moto(server) | Self::Google(server, _) => server.get(&format!("{container}-box"), key),
            Self::Memory { containers } => run(async {
                let got = containers[container].get(&Path::parse(key).unwrap()).await.ok()?;
                Some(got.bytes().await.unwrap().to_vec())
            }),
        }
    }
}

/// Runs a future of a store in memory, which is always ready.
pub fn run<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::yield_now();
    }
}

/// Bytes that pack somewhat and differ from seed to seed.
pub fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(if state & 7 == 0 { b"the same " } else { &[0; 0] });
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// What 7-Zip itself unpacks from an archive: names and contents. It fails on the slightest warning.
pub fn unpacked_by_7zip(archive: &std::path::Path, password: Option<&str>) -> BTreeMap<String, Vec<u8>> {
    let target = tempfile::tempdir().unwrap();
    let password = format!("-p{}", password.unwrap_or("none"));
    for arguments in [vec!["t"], vec!["x", "-y"]] {
        let output = Command::new("7zz")
            .args(&arguments)
            .arg(&password)
            .arg(format!("-o{}", target.path().display()))
            .arg(archive)
            .output()
            .expect("7zz is missing: run scripts/install-test-deps.sh");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && !text.contains("WARNING"), "{text}");
    }
    let mut found = BTreeMap::new();
    let mut folders = vec![target.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(target.path()).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}
