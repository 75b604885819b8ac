//! One large folder on several threads: where its LZMA2 stream resets the dictionary. Whatever the number of threads, the
//! content, the report and the failures are the same.
//!
//! Needs `7zz` (Debian's package `7zip`); its absence fails the tests unless `PAR7Z_NO_7ZZ` is set.

use par7z::{
    Archive, CancelToken, Compressor, Encryption, ErrorKind, Event, ExtractOptions, Filter, FilterChoice, Item,
    Observer, OpenOptions, Password, ReadLimits, Secret, Solid, Threads, Totals, WriteOptions,
};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

const MIB: usize = 1 << 20;
const THREADS: [u32; 3] = [1, 2, 7];
const PASSWORD: &str = "secret";
/// Packed streams begin behind the start header.
const PACKED_BEGIN: usize = 32;

/// Bytes that shrink by half: some noise, some repeats. The same for the same seed.
fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 64);
    while bytes.len() < len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = state.to_be_bytes();
        bytes.extend_from_slice(&noise[..4]);
        bytes.extend_from_slice(b"a word, or a call: \xE8\x10\x20\0\0");
    }
    bytes.truncate(len);
    bytes
}

fn files() -> BTreeMap<String, Vec<u8>> {
    let sizes = [1_900_000, 700_000, 2 * MIB - 17, 1, 1_800_000, MIB, 1_700_000];
    sizes.iter().enumerate().map(|(index, size)| (format!("file {index}"), content(index as u64, *size))).collect()
}

/// All files in one folder, in independent blocks of 2 MiB.
fn write(options: WriteOptions) -> Vec<u8> {
    let options = options.level(1).and_then(|options| options.memory_budget(16 * MIB as u64)).expect("in range");
    let options = options.independent_blocks(true).solid(Solid::ON).expect("valid");
    let items = files().into_iter().map(|(name, content)| Item::from_bytes(name, content));
    Compressor::new(options).expect("valid").compress_to_vec(items.collect::<Vec<_>>()).expect("it runs").0
}

fn by_7zz(switches: &[&str]) -> Option<Vec<u8>> {
    let program = std::env::var("PAR7Z_7ZZ").unwrap_or_else(|_| "7zz".into());
    let dir = tempfile::tempdir().expect("a folder");
    for (name, content) in files() {
        std::fs::write(dir.path().join(name), content).expect("written");
    }
    let output = Command::new(program)
        .args(["a", "-bd", "-ms=on", "-mx=1"])
        .args(switches)
        .args(["a.7z", "."])
        .current_dir(dir.path())
        .output();
    match output {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(_) if std::env::var_os("PAR7Z_NO_7ZZ").is_some() => return None,
        Err(error) => panic!("7zz cannot be run: {error}; install it or set PAR7Z_NO_7ZZ"),
    }
    Some(std::fs::read(dir.path().join("a.7z")).expect("readable"))
}

fn open_with(bytes: &[u8], limits: ReadLimits) -> Archive {
    let secret = Secret::Password(Password::new(PASSWORD));
    Archive::from_bytes(bytes.to_vec(), OpenOptions::new().secret(Some(secret)).limits(limits)).expect("it opens")
}

fn open(bytes: &[u8]) -> Archive {
    open_with(bytes, ReadLimits::default())
}

fn on(threads: u32) -> ExtractOptions {
    ExtractOptions::new().threads(Threads::new(threads).expect("in range"))
}

/// What was unpacked, and which entries failed how.
type Outcome = (BTreeMap<String, Vec<u8>>, Vec<(String, ErrorKind)>);

fn extract(archive: &Archive, threads: u32) -> Outcome {
    let out = tempfile::tempdir().expect("a folder");
    let report = archive.extract(out.path(), on(threads)).expect("it runs");
    let found = std::fs::read_dir(out.path()).expect("readable").map(|found| {
        let path = found.expect("readable").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
        (name, std::fs::read(&path).expect("readable"))
    });
    let failures = report.failures.iter().map(|failure| (failure.name.clone(), failure.error.kind()));
    (found.collect(), failures.collect())
}

/// Where the parts of the only folder begin in the archive.
fn parts(archive: &[u8]) -> Vec<usize> {
    let scan = par7z_lzma::scan_lzma2(&archive[PACKED_BEGIN..]).expect("LZMA2");
    scan.parts.iter().map(|part| PACKED_BEGIN + part.packed.start as usize).collect()
}

fn check(bytes: &[u8], what: &str) {
    let archive = open(bytes);
    assert_eq!(archive.folder_count(), 1, "{what}");
    for threads in THREADS {
        let (found, failures) = extract(&archive, threads);
        assert!(failures.is_empty() && found == files(), "{what}, {threads} threads: {failures:?}");
        let report = archive.test(on(threads)).expect("it runs");
        assert!(report.is_complete() && report.items_done == 7, "{what}, {threads} threads");
        let mut out = Vec::new();
        archive.extract_to(&mut out, on(threads)).expect("it runs");
        assert!(out == files().into_values().collect::<Vec<_>>().concat(), "{what}, {threads} threads");
    }
}

#[test]
fn independent_blocks_come_back() {
    let plain = write(WriteOptions::new());
    assert!(parts(&plain).len() >= 4, "{} parts", parts(&plain).len());
    check(&plain, "plain");
    let filter = || FilterChoice::Chain(vec![Filter::BcjX86]);
    check(&write(WriteOptions::new().filters(filter()).expect("valid")), "with a filter");
    let encryption = || Some(Encryption::password(PASSWORD));
    check(&write(WriteOptions::new().encryption(encryption())), "encrypted");
    check(&write(WriteOptions::new().filters(filter()).expect("valid").encryption(encryption())), "with both");
}

#[test]
fn chunks_of_7zip_come_back() {
    let Some(plain) = by_7zz(&["-m0=lzma2:d=1m:c=1m", "-mmt=2"]) else { return };
    assert!(parts(&plain).len() >= 8, "{} parts", parts(&plain).len());
    check(&plain, "7-Zip's");
    let filtered = by_7zz(&["-m0=bcj", "-m1=lzma2:d=1m:c=1m", "-mmt=2", "-psecret"]).expect("it was there before");
    check(&filtered, "7-Zip's with a filter, encrypted");
}

#[test]
fn damage_fails_in_its_place() {
    let bytes = write(WriteOptions::new());
    let parts = parts(&bytes);
    // In the data of a later part, in the header of a chunk, in a chunk's properties; and the end byte.
    for at in [parts[2] + 5000, parts[3], parts[3] + 5, parts[1] + 1, *parts.last().expect("some") + 100] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        let archive = open(&damaged);
        let expected = extract(&archive, 1);
        assert!(!expected.1.is_empty() && expected.0.len() + expected.1.len() == 7);
        for threads in THREADS {
            let outcome = extract(&archive, threads);
            assert_eq!(outcome.1, expected.1, "byte {at}, {threads} threads");
            assert!(outcome.0 == expected.0, "byte {at}, {threads} threads");
        }
    }
}

#[test]
fn little_memory_is_enough() {
    let bytes = write(WriteOptions::new());
    let limits = |bytes| {
        let mut limits = ReadLimits::default();
        limits.decoder_memory_bytes = bytes;
        limits
    };
    // The least that one thread needs, by halving.
    let (mut low, mut high) = (0, 1 << 30);
    while low + 1 < high {
        let middle = (low + high) / 2;
        let report = open_with(&bytes, limits(middle)).test(on(1)).expect("it runs");
        if report.is_complete() { high = middle } else { low = middle }
    }
    for more in [0, 1 << 20, 5 << 20, 12 << 20] {
        let (found, failures) = extract(&open_with(&bytes, limits(high + more)), 7);
        assert!(failures.is_empty() && found == files(), "{} bytes: {failures:?}", high + more);
    }
}

/// Cancels at the first progress.
struct Canceller(CancelToken);

impl Observer for Canceller {
    fn event(&self, event: &Event<'_>, _: &Totals) {
        if matches!(event, Event::ItemProgress { .. }) {
            self.0.cancel();
        }
    }
}

#[test]
fn a_run_is_cancelled_in_the_middle() {
    let archive = open(&write(WriteOptions::new()));
    for threads in THREADS {
        let cancel = CancelToken::new();
        let options = on(threads).cancel_token(cancel.clone()).observer(Arc::new(Canceller(cancel)));
        assert_eq!(archive.test(options).expect_err("it was cancelled").kind(), ErrorKind::Cancelled);
    }
}

#[test]
fn only_what_is_selected_is_unpacked() {
    let archive = open(&write(WriteOptions::new()));
    for threads in THREADS {
        let mut out = Vec::new();
        let options = on(threads).select(|entry| entry.name == "file 1");
        archive.extract_to(&mut out, options).expect("it runs");
        assert!(out == files()["file 1"], "{threads} threads");
    }
}
