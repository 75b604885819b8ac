//! URLs on the command line, against Azurite and moto as real servers.
#![allow(dead_code, unreachable_pub, reason = "a part of what the tests of par7z-object-store have is used")]

mod common;

#[path = "../../par7z-object-store/tests/support/azure_auth.rs"]
mod azure_auth;
#[path = "../../par7z-object-store/tests/support/http.rs"]
mod http;
#[path = "../../par7z-object-store/tests/support/servers.rs"]
mod servers;

use common::{Run, Scratch, noise};
use servers::{Azurite, Moto};

/// What no output may ever show.
const KEY: &str = "cGFyN3ogdGVzdHM";

/// A scratch folder and a store.
struct Cloud {
    scratch: Scratch,
    server: Azurite,
    credentials: String,
}

impl Cloud {
    fn new() -> Self {
        let server = Azurite::start();
        server.create_container("raw");
        server.create_container("backup");
        let credentials = server.connection_string(server.port);
        assert!(credentials.contains(KEY), "the secret that is looked for");
        Self { scratch: Scratch::new(), server, credentials }
    }

    /// Runs par7z with the store's credentials in the environment. Neither stream may show the key.
    #[track_caller]
    fn par7z(&self, arguments: &[&str]) -> Run {
        let run = self.scratch.par7z_with(arguments, b"", &[("AZURE_STORAGE_CONNECTION_STRING", &self.credentials)]);
        for output in [&run.stdout, &run.stderr] {
            assert!(!output.contains(KEY), "{output}");
        }
        run
    }

    /// Downloads a blob as 7-Zip finds it.
    fn download(&self, key: &str) {
        let content = self.server.get("backup", key).unwrap_or_else(|| panic!("{key} is there"));
        self.scratch.file(key, &content);
    }

    /// What 7-Zip makes of a file that was downloaded.
    #[track_caller]
    fn sevenzip_tests(&self, archive: &str, switches: &[&str]) -> String {
        self.scratch.sevenzip(&[&["t", archive], switches].concat()).expect(0).stdout
    }
}

#[test]
fn two_thousand_blobs_become_one_archive_in_another_container() {
    let cloud = Cloud::new();
    for number in 0..2000_usize {
        let content = format!("blob {number}\n").repeat(number % 97 + 1);
        cloud.server.put("raw", &format!("2026/{:02}/{number}.json", number % 12), content.as_bytes());
    }
    cloud.server.put("raw", "2025/old.json", b"not this one");
    let run = cloud.par7z(&["a", "az://backup/2026.7z", "az://raw/2026/**", "-mmt=2"]).expect(0);
    assert!(run.stdout.contains("Creating archive: az://backup/2026.7z"), "{}", run.stdout);
    assert!(run.stdout.contains("Everything is Ok"), "{}", run.stdout);
    cloud.download("2026.7z");
    let tested = cloud.sevenzip_tests("2026.7z", &[]);
    assert!(tested.contains("Files: 2000\n"), "{tested}");
    // In place: listed, one entry, all.
    let listed = cloud.par7z(&["l", "-ba", "az://backup/2026.7z", "07/7.json"]).expect(0).stdout;
    assert!(listed.contains("07/7.json") && listed.lines().count() == 1, "{listed}");
    cloud.par7z(&["x", "az://backup/2026.7z", "07/7.json", "-oout"]).expect(0);
    let one = std::fs::read_to_string(cloud.scratch.path("out/07/7.json")).expect("extracted");
    assert_eq!(one, "blob 7\n".repeat(8));
    cloud.par7z(&["t", "az://backup/2026.7z"]).expect(0);
    // Some are left out by name.
    cloud.par7z(&["a", "az://backup/some.7z", "az://raw/2026/**", "-x!03", "-ms=off"]).expect(0);
    let expected = (0..2000).filter(|number| number % 12 != 3).count();
    assert_eq!(cloud.par7z(&["l", "-ba", "az://backup/some.7z"]).expect(0).stdout.lines().count(), expected);
    // A second run would replace it.
    let refused = cloud.par7z(&["a", "az://backup/2026.7z", "az://raw/2025/"]).expect(2);
    assert!(refused.stderr.contains("exists") && refused.stderr.contains("--overwrite"), "{}", refused.stderr);
    cloud.par7z(&["a", "--overwrite", "az://backup/2026.7z", "az://raw/2025/"]).expect(0);
    assert!(cloud.par7z(&["l", "-ba", "az://backup/2026.7z"]).expect(0).stdout.contains("old.json"));
}

#[test]
fn volumes_and_passwords() {
    let cloud = Cloud::new();
    for (number, content) in noise(4_000_000).chunks(100_000).enumerate() {
        cloud.server.put("raw", &format!("{number}.bin"), content);
    }
    cloud.scratch.file("local.txt", b"from the disk");
    let made = ["a", "az://backup/v", "local.txt", "az://raw/*.bin", "-v1m", "-pSECRET", "-mhe=on"];
    cloud.par7z(&made).expect(0);
    for volume in ["v.7z.001", "v.7z.002", "v.7z.003", "v.7z.004"] {
        cloud.download(volume);
    }
    let tested = cloud.sevenzip_tests("v.7z.001", &["-pSECRET"]);
    assert!(tested.contains("Files: 41\n") && tested.contains("Volumes = 4"), "{tested}");
    cloud.par7z(&["t", "az://backup/v.7z.001", "-pWRONG"]).expect(2);
    let tested = cloud.par7z(&["t", "az://backup/v.7z.001", "-pSECRET"]).expect(0).stdout;
    assert!(tested.contains("Files: 41"), "{tested}");
    // The set is replaced only if that is asked for, and by what is complete.
    let refused = cloud.par7z(&made).expect(2);
    assert!(refused.stderr.contains("--overwrite"), "{}", refused.stderr);
    cloud.par7z(&["a", "--overwrite", "az://backup/v", "local.txt", "-v1m"]).expect(0);
    assert!(cloud.server.get("backup", "v.7z.002").is_none(), "what is left of the older set is gone");
    assert!(cloud.par7z(&["l", "-ba", "az://backup/v.7z.001"]).expect(0).stdout.contains("local.txt"));
}

#[test]
fn what_is_wrong_is_said_and_leaves_nothing() {
    let cloud = Cloud::new();
    cloud.server.put("raw", "a/good.txt", b"good");
    cloud.server.put("raw", "a//bad.txt", b"bad");
    // The good one is in, the bad one is named.
    let run = cloud.par7z(&["a", "az://backup/a.7z", "az://raw/a/"]).expect(1);
    assert!(run.stdout.contains("/bad.txt"), "{}", run.stdout);
    assert_eq!(cloud.par7z(&["l", "-ba", "az://backup/a.7z"]).expect(0).stdout.lines().count(), 1);
    for (arguments, code, said) in [
        (&["a", "az://backup/b.7z", "az://nowhere/"][..], 2, "cannot be listed"),
        (&["a", "az://nowhere/b.7z", "az://raw/a/"], 2, "az://nowhere/b.7z"),
        (&["a", "az://backup/b.7z", "az://raw/a/", "--on-error=abort"], 2, "bad.txt"),
        (&["a", "ftp://backup/b.7z", "az://raw/a/"], 7, "ftp"),
        (&["a", "az://backup/b.7z", "az://raw/a/", "-sdel"], 7, "-sdel"),
        (&["a", "az://backup/b.7z", "az://raw/a/", "--memory=20m"], 7, "--memory"),
        (&["x", "az://backup/a.7z", "-oaz://raw/"], 7, "-o"),
        (&["l", "az://backup/none.7z"], 2, "does not exist"),
        (&["h", "az://raw/a/good.txt"], 7, "h reads files"),
    ] {
        let run = cloud.par7z(arguments).expect(code);
        assert!(run.stderr.contains(said) || run.stdout.contains(said), "{arguments:?}: {}{}", run.stdout, run.stderr);
        assert!(cloud.server.get("backup", "b.7z").is_none(), "{arguments:?}");
    }
    // Signatures in URLs are not repeated.
    for arguments in [
        &["a", "x.7z", "-x!https://h/a?sig=SIGNATURE"][..],
        &["https://h/a?sig=SIGNATURE"],
        &["l", &format!("http://user:SIGNATURE@127.0.0.1:{}/a.7z?sig=SIGNATURE", cloud.server.port)],
        &["a", "az://backup/x.7z?sv=1&sig=SIGNATURE", "az://raw/a/"],
    ] {
        let run = cloud.par7z(arguments);
        assert!(run.code != 0 && !format!("{}{}", run.stdout, run.stderr).contains("SIGNATURE"), "{arguments:?}");
    }
    let nobody = cloud.scratch.par7z(&["l", "az://backup/a.7z"]).expect(7);
    assert!(nobody.stderr.contains("AZURE_STORAGE_CONNECTION_STRING"), "{}", nobody.stderr);
    // Its value instead of the variable's name.
    let swapped = format!("--azure-connection-string-env={}", cloud.credentials);
    let run = cloud.par7z(&["l", &swapped, "az://backup/a.7z"]).expect(7);
    assert!(run.stderr.contains("not its value"), "{}", run.stderr);
    // The second of a name is left out, and named.
    let run = cloud.par7z(&["a", "az://backup/twice.7z", "az://raw/a/good.txt", "az://raw/a/*.txt"]).expect(1);
    assert!(run.stdout.contains("good.txt : ") && run.stdout.contains("Duplicate filename"), "{}", run.stdout);
    assert_eq!(cloud.par7z(&["l", "-ba", "az://backup/twice.7z"]).expect(0).stdout.lines().count(), 1);
    // A folder's own marker is no item; a bad name that is given costs itself alone.
    cloud.server.put("raw", "marked/", b"");
    cloud.server.put("raw", "marked/in.txt", b"in");
    cloud.par7z(&["a", "az://backup/marked.7z", "az://raw/marked/**"]).expect(0);
    let run = cloud.par7z(&["a", "az://backup/bad.7z", "az://raw/a//bad.txt", "az://raw/a/good.txt"]).expect(1);
    assert!(run.stdout.contains("bad.txt"), "{}", run.stdout);
    // A missing blob is one that failed, as a missing file is.
    let run = cloud.par7z(&["a", "az://backup/c.7z", "az://raw/a/good.txt", "az://raw/a/none.txt"]).expect(1);
    assert!(run.stdout.contains("none.txt"), "{}", run.stdout);
}

#[test]
fn s3_with_an_endpoint_and_json() {
    let (scratch, server) = (Scratch::new(), Moto::start());
    server.create_bucket("raw");
    server.create_bucket("backup");
    server.put("raw", "x/1.txt", b"one");
    server.put("raw", "x/y/2.txt", b"two");
    let endpoint = format!("--endpoint=http://127.0.0.1:{}", server.port);
    let credentials =
        [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "SECRETKEY"), ("AWS_REGION", "us-east-1")];
    let par7z = |arguments: &[&str]| scratch.par7z_with(arguments, b"", &credentials);
    let run = par7z(&["a", &endpoint, "--json", "s3://backup/x.7z", "s3://raw/x/"]).expect(0);
    assert!(!run.stdout.contains("SECRETKEY") && run.stdout.contains(r#""items_done":2"#), "{}", run.stdout);
    scratch.file("x.7z", &server.get("backup", "x.7z").expect("made"));
    assert_eq!(scratch.names("x.7z"), ["1.txt", "y/2.txt"]);
    let listed = par7z(&["l", "-ba", &endpoint, "s3://backup/x.7z"]).expect(0).stdout;
    assert!(listed.contains("y/2.txt"), "{listed}");
}

/// A list of two pages, and nothing but them: neither an object is lost at the border, nor does it come twice.
#[test]
fn two_thousand_objects_of_s3_with_their_times() {
    let (scratch, server) = (Scratch::new(), Moto::start());
    server.create_bucket("raw");
    server.create_bucket("backup");
    for number in 0..2000 {
        server.put("raw", &format!("{number:04}.txt"), format!("object {number}").as_bytes());
    }
    let endpoint = format!("--endpoint=http://127.0.0.1:{}", server.port);
    let credentials = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "us-east-1")];
    scratch.par7z_with(&["a", &endpoint, "s3://backup/x.7z", "s3://raw/"], b"", &credentials).expect(0);
    scratch.file("x.7z", &server.get("backup", "x.7z").expect("made"));
    let tested = scratch.sevenzip(&["t", "x.7z"]).expect(0).stdout;
    assert!(tested.contains("Files: 2000\n"), "{tested}");
    let expected: Vec<_> = (0..2000).map(|number| format!("{number:04}.txt")).collect();
    assert_eq!(scratch.names("x.7z"), expected);
    let listed = scratch.par7z(&["l", "-slt", "x.7z", "1999.txt"]).expect(0).stdout;
    assert!(listed.lines().any(|line| line.starts_with("Modified = 20")), "{listed}");
    scratch.par7z(&["x", "x.7z", "1000.txt"]).expect(0);
    assert_eq!(std::fs::read_to_string(scratch.path("1000.txt")).expect("extracted"), "object 1000");
}

/// A signature for a container is enough, from the environment, in a connection string and in the URL; and it is not shown.
#[test]
fn a_shared_access_signature_opens_its_container() {
    let cloud = Cloud::new();
    cloud.server.put("raw", "a.txt", b"one");
    let (sas, endpoint) = (cloud.server.sas("raw"), cloud.server.endpoint());
    let signature = sas.split("sig=").nth(1).expect("a signature");
    let by_string = format!("BlobEndpoint={endpoint};SharedAccessSignature={sas}");
    let endpoint = format!("--endpoint={endpoint}");
    let by_name = [("AZURE_STORAGE_ACCOUNT_NAME", "testaccount"), ("AZURE_STORAGE_SAS_KEY", sas.as_str())];
    let in_url = format!("https://testaccount.blob.core.windows.net/raw/?{sas}");
    for (archive, source, environment) in [
        ("az://raw/by-name.7z", "az://raw/a.txt", &by_name[..]),
        ("az://raw/by-string.7z", "az://raw/a.txt", &[("AZURE_STORAGE_CONNECTION_STRING", by_string.as_str())]),
        ("in-url.7z", &in_url, &[]),
    ] {
        let run = cloud.scratch.par7z_with(&["a", &endpoint, archive, source], b"", environment).expect(0);
        assert!(!format!("{}{}", run.stdout, run.stderr).contains(signature), "{archive}: {}", run.stdout);
    }
    assert!(cloud.server.get("raw", "by-name.7z").is_some() && cloud.server.get("raw", "by-string.7z").is_some());
    // It opens no other container.
    let run =
        cloud.scratch.par7z_with(&["a", &endpoint, "az://backup/x.7z", "az://raw/a.txt"], b"", &by_name).expect(2);
    assert!(!run.stderr.contains(signature), "{}", run.stderr);
}

/// Nothing that could be packed: the good archive that has the name stays.
#[test]
fn an_archive_of_nothing_replaces_none() {
    let cloud = Cloud::new();
    cloud.server.put("raw", "a.txt", b"one");
    cloud.par7z(&["a", "az://backup/a.7z", "az://raw/a.txt"]).expect(0);
    let good = cloud.server.get("backup", "a.7z");
    for source in ["az://raw/mistyped/", "az://raw/*.none", "az://raw/none.txt"] {
        let run = cloud.par7z(&["a", "--overwrite", "az://backup/a.7z", source]).expect(2);
        assert!(run.stderr.contains("nothing was written"), "{}", run.stderr);
        assert!(cloud.server.get("backup", "a.7z") == good, "{source}");
        cloud.par7z(&["a", "new.7z", source]).expect(2);
        assert!(!cloud.scratch.path("new.7z").exists(), "{source}");
    }
}

/// A server that takes a connection and says nothing: whatever waits for it ends at once.
#[cfg(unix)]
#[test]
fn an_interrupt_does_not_wait_for_a_silent_store() {
    let scratch = Scratch::new();
    scratch.file("a.txt", b"a");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("--endpoint=http://{}/devstoreaccount1", silent.local_addr().expect("an address"));
    for arguments in [
        ["l", &endpoint, "az://box/a.7z", "-bd"],
        ["a", &endpoint, "az://box/a.7z", "a.txt"],
        ["a", &endpoint, "b.7z", "az://box/raw/"],
        ["a", &endpoint, "b.7z", "az://box/raw/a.txt"],
    ] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_par7z"))
            .args(arguments)
            .current_dir(scratch.path("."))
            .env("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("par7z");
        // Once it has connected, it waits.
        let connection = silent.accept().expect("a connection");
        let begin = std::time::Instant::now();
        let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(kill.expect("kill").success());
        assert_eq!(child.wait().expect("a child").code(), Some(255), "{arguments:?}");
        assert!(begin.elapsed() < std::time::Duration::from_secs(10), "{arguments:?}: {:?}", begin.elapsed());
        drop(connection);
    }
    assert!(!scratch.path("b.7z").exists());
}

/// 300 MB from store to store with 64 MiB for all that is in flight.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_archive() {
    const MIB: u64 = 1 << 20;
    let cloud = Cloud::new();
    cloud.server.put("raw", "small/0.bin", b"what the program takes anyway");
    for number in 0..3 {
        cloud.server.put("raw", &format!("large/{number}.bin"), &noise(100_000_000 + number));
    }
    let peak_of = |archive: &str, blobs: &str| {
        peak_bytes(
            &["a", archive, blobs, "-mx=1", "-mmt=2", "-ms=off", "--memory=64m"],
            &[("AZURE_STORAGE_CONNECTION_STRING", &cloud.credentials)],
        )
    };
    let small = peak_of("az://backup/small.7z", "az://raw/small/");
    let large = peak_of("az://backup/large.7z", "az://raw/large/");
    assert!(cloud.server.get("backup", "large.7z").is_some_and(|archive| archive.len() > 300_000_000));
    // Each of two threads has an encoder (5 MiB at level 1) and a chunk (4 MiB) besides.
    let most = small + (64 + 2 * (5 + 4)) * MIB;
    assert!(small > MIB && large <= most, "{} MiB; a small archive takes {} MiB", large / MIB, small / MIB);
    cloud.par7z(&["t", "az://backup/large.7z"]).expect(0);
}

/// The most memory that a run of par7z has at any moment, as the kernel counts it.
#[cfg(target_os = "linux")]
fn peak_bytes(arguments: &[&str], environment: &[(&str, &str)]) -> u64 {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_par7z"));
    command.args(arguments).envs(environment.iter().copied()).stdout(std::process::Stdio::null());
    let mut child = command.spawn().expect("par7z");
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    while child.try_wait().expect("a child").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak_kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0).max(peak_kib);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(child.wait().expect("a child").success());
    peak_kib * 1024
}
