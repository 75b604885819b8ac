//! Azurite and moto as child processes.

use super::azure_auth;
use super::http::{encoded, request};
use par7z_object_store::StoreOptions;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server's process, which ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where scripts/install-cloud-test-deps.sh puts things.
fn installed(path: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let program = target.parent().unwrap().join("cloud-tests").join(path);
    assert!(program.exists(), "{path} is missing: run scripts/install-cloud-test-deps.sh");
    program
}

/// Starts a server and waits until it answers.
fn start(mut command: Command, port: u16) -> Process {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut process = Process(child.unwrap_or_else(|error| {
        panic!("{command:?} does not start ({error}): run scripts/install-cloud-test-deps.sh")
    }));
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = process.0.try_wait().unwrap() {
            panic!("{command:?} ended with {status}");
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{command:?} does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    process
}

pub struct Azurite {
    _process: Process,
    pub port: u16,
}

const ACCOUNT: &str = "testaccount";
/// Of the emulator that lives as long as the test.
const KEY: &str = "cGFyN3ogdGVzdHMgb25seSwgbm90IGEgc2VjcmV0";

impl Azurite {
    pub fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("node");
        command
            .arg(installed("azurite/node_modules/azurite/dist/src/blob/main.js"))
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .args(["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"])
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}"));
        Self { _process: start(command, port), port }
    }

    pub fn connection_string(&self, port: u16) -> String {
        format!("AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};")
    }

    pub fn options(&self) -> StoreOptions {
        self.options_through(self.port)
    }

    /// Over a proxy at that port.
    pub fn options_through(&self, port: u16) -> StoreOptions {
        StoreOptions::new().connection_string(&self.connection_string(port)).unwrap()
    }

    /// A signature for a container, in place of the key.
    pub fn sas(&self, container: &str) -> String {
        azure_auth::sas(ACCOUNT, KEY, container)
    }

    /// The address of the account.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        extra: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, Vec<u8>) {
        let path = format!("/{ACCOUNT}/{path}");
        let headers = azure_auth::headers(ACCOUNT, KEY, method, &path, query, body.len(), extra);
        let pairs: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let target = if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) };
        let answer = request(self.port, method, &target, &headers, body).unwrap();
        (answer.status, answer.body)
    }

    pub fn create_container(&self, name: &str) {
        let (status, body) = self.request("PUT", name, &[("restype", "container")], &[], &[]);
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
    }

    pub fn put(&self, container: &str, key: &str, content: &[u8]) {
        let path = format!("{container}/{}", encoded(key));
        let (status, body) = self.request("PUT", &path, &[], &[("x-ms-blob-type", "BlockBlob")], content);
        assert_eq!(status, 201, "{key:?}: {}", String::from_utf8_lossy(&body));
    }

    pub fn get(&self, container: &str, key: &str) -> Option<Vec<u8>> {
        let (status, body) = self.request("GET", &format!("{container}/{}", encoded(key)), &[], &[], &[]);
        (status == 200).then_some(body)
    }
}

pub struct Moto {
    _process: Process,
    pub port: u16,
}

/// moto wants a signature and does not check it.
pub const S3_SIGNATURE: &str =
    "AWS4-HMAC-SHA256 Credential=test/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

impl Moto {
    pub fn start() -> Self {
        let port = free_port();
        let mut command = Command::new(installed("moto/bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        Self { _process: start(command, port), port }
    }

    pub fn options(&self) -> StoreOptions {
        self.options_through(self.port)
    }

    /// Over a proxy at that port.
    pub fn options_through(&self, port: u16) -> StoreOptions {
        let options = StoreOptions::new().from_environment(false).endpoint(format!("http://127.0.0.1:{port}"));
        let options = options.setting("AWS_ACCESS_KEY_ID", "test").unwrap();
        options.setting("AWS_SECRET_ACCESS_KEY", "test").unwrap()
    }

    fn request(&self, method: &str, target: &str, body: &[u8]) -> super::http::Answer {
        request(self.port, method, target, &[("Authorization".to_owned(), S3_SIGNATURE.to_owned())], body).unwrap()
    }

    pub fn create_bucket(&self, name: &str) {
        let answer = self.request("PUT", &format!("/{name}"), &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    pub fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        let answer = self.request("PUT", &format!("/{bucket}/{}", encoded(key)), content);
        assert_eq!(answer.status, 200, "{key:?}: {}", answer.text());
    }

    pub fn get(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let answer = self.request("GET", &format!("/{bucket}/{}", encoded(key)), &[]);
        (answer.status == 200).then_some(answer.body)
    }

    /// Uploads of parts that were begun and neither completed nor ended.
    pub fn open_uploads(&self, bucket: &str) -> usize {
        let answer = self.request("GET", &format!("/{bucket}?uploads"), &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text().matches("<Upload>").count()
    }
}
