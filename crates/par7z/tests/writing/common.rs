//! Helpers: data, sources that misbehave, sinks that fail, stock 7-Zip, and a watchdog.

use par7z::storage::Sink;
use par7z::{Compressor, Event, Item, Observer, Report, Threads, Totals, WriteOptions};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const PASSWORD: &str = "secret";

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Bytes that compress as text does, the same for the same seed.
pub(crate) fn text(seed: u64, len: usize) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "the ", "archive ", "holds ", "many ", "items", ", ", "and ", "each ", "of ", "them ", "is ", "read ", "once",
        ".\n", "no ", "more ",
    ];
    let picks = noise(seed, len / 3 + 8);
    let mut bytes: Vec<u8> = Vec::with_capacity(len + 16);
    for pick in picks.iter().cycle() {
        if bytes.len() >= len {
            break;
        }
        bytes.extend_from_slice(WORDS[usize::from(pick % 16)].as_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A pattern that is cheap to make and to compress, of any length: byte `n` depends on `n` alone.
pub(crate) fn pattern_byte(n: u64) -> u8 {
    (n / 1000 % 251) as u8
}

/// Reads the pattern, in reads of at most `step` bytes; after `good` bytes it ends, or fails if there is an error.
pub(crate) struct Pattern {
    pub(crate) position: u64,
    pub(crate) good: u64,
    pub(crate) step: usize,
    pub(crate) error: Option<io::ErrorKind>,
}

impl Pattern {
    pub(crate) fn of(good: u64) -> Self {
        Self { position: 0, good, step: usize::MAX, error: None }
    }

    pub(crate) fn dies_after(good: u64) -> Self {
        Self { error: Some(io::ErrorKind::ConnectionReset), ..Self::of(good) }
    }
}

impl Read for Pattern {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.good - self.position;
        if left == 0 {
            return self.error.map_or(Ok(0), |kind| Err(io::Error::new(kind, "the line went dead")));
        }
        let count = buf.len().min(self.step).min(usize::try_from(left).unwrap_or(usize::MAX));
        for (offset, byte) in buf[..count].iter_mut().enumerate() {
            *byte = pattern_byte(self.position + offset as u64);
        }
        self.position += count as u64;
        Ok(count)
    }
}

pub(crate) fn pattern(len: u64) -> Vec<u8> {
    (0..len).map(pattern_byte).collect()
}

/// Blocks in `read` until it is let go, then is at its end.
pub(crate) struct Gate(pub(crate) Arc<AtomicBool>);

impl Read for Gate {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        while !self.0.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(0)
    }
}

/// Ends the process if the test is not done in time: a hang would say nothing.
pub(crate) struct Watchdog(Arc<AtomicBool>);

pub(crate) fn watchdog(what: &'static str) -> Watchdog {
    let done = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&done);
    std::thread::spawn(move || {
        let deadline = Instant::now() + Duration::from_secs(90);
        while Instant::now() < deadline {
            if watched.load(Ordering::Acquire) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        // Not the macro, whose output a test run holds back.
        let _ = writeln!(io::stderr(), "HANG: {what} is not done after 90 seconds");
        std::process::abort();
    });
    Watchdog(done)
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What happened to an item, as an [`Observer`] was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Started,
    Progress(u64),
    Finished(u64),
    Failed(String),
    Retried(u32),
}

/// Remembers all events.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) events: Mutex<Vec<(u64, String, Told)>>,
    pub(crate) last: Mutex<Totals>,
    pub(crate) most_active: AtomicU64,
}

impl Recorder {
    pub(crate) fn of(&self, index: u64) -> Vec<Told> {
        let events = self.events.lock().expect("no panic");
        events.iter().filter(|(of, ..)| *of == index).map(|(.., told)| told.clone()).collect()
    }
}

impl Observer for Recorder {
    fn event(&self, event: &Event<'_>, totals: &Totals) {
        let (index, name, told) = match event {
            Event::ItemStarted { index, name, .. } => (index, name, Told::Started),
            Event::ItemProgress { index, name, bytes, .. } => (index, name, Told::Progress(*bytes)),
            Event::ItemFinished { index, name, bytes, .. } => (index, name, Told::Finished(*bytes)),
            Event::ItemFailed { index, name, error } => (index, name, Told::Failed(error.to_string())),
            Event::ItemRetried { index, name, failures, .. } => (index, name, Told::Retried(*failures)),
            _ => return,
        };
        self.events.lock().expect("no panic").push((*index, (*name).to_owned(), told));
        self.most_active.fetch_max(totals.active_threads.into(), Ordering::Relaxed);
        // Events of several workers overtake one another; the last totals are those with the most that is over.
        let mut last = self.last.lock().expect("no panic");
        let over = |totals: &Totals| (totals.items_done + totals.items_failed, totals.elapsed);
        if over(totals) >= over(&last) {
            *last = *totals;
        }
    }
}

/// Where a [`TestSink`] leaves its traces.
#[derive(Default)]
pub(crate) struct SinkState {
    pub(crate) appended: AtomicU64,
    pub(crate) finished: AtomicBool,
    pub(crate) aborted: AtomicBool,
}

/// Counts, and fails at a byte if told so.
#[derive(Clone)]
pub(crate) struct TestSink {
    pub(crate) state: Arc<SinkState>,
    pub(crate) fails_at: u64,
    pub(crate) fails_in_finish: bool,
}

impl TestSink {
    pub(crate) fn new() -> Self {
        Self { state: Arc::default(), fails_at: u64::MAX, fails_in_finish: false }
    }
}

impl Sink for TestSink {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let before = self.state.appended.fetch_add(bytes.len() as u64, Ordering::AcqRel);
        if before + bytes.len() as u64 > self.fails_at {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the test's disk is full"));
        }
        Ok(())
    }
    fn truncate(&mut self, position: u64) -> io::Result<bool> {
        self.state.appended.store(position, Ordering::Release);
        Ok(true)
    }
    fn finish(self: Box<Self>, _: &[u8; 32]) -> par7z::Result<()> {
        if self.fails_in_finish {
            return Err(par7z::Error::new(par7z::ErrorKind::Io, "the test's finish fails"));
        }
        self.state.finished.store(true, Ordering::Release);
        Ok(())
    }
    fn abort(self: Box<Self>) {
        self.state.aborted.store(true, Ordering::Release);
    }
}

/// A `Write + Seek` whose bytes are found later.
#[derive(Clone, Default)]
pub(crate) struct Shared(pub(crate) Arc<Mutex<io::Cursor<Vec<u8>>>>);

impl Shared {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic").get_ref().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Seek for Shared {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.lock().expect("no panic").seek(to)
    }
}

/// Options with `threads` threads.
pub(crate) fn options(threads: u32, level: u32) -> WriteOptions {
    let options = WriteOptions::new().threads(Threads::new(threads).expect("in range"));
    options.level(level).expect("in range")
}

/// Options with the smallest budget: slices of 2 MiB, and every waiting that there can be.
pub(crate) fn tight(threads: u32, level: u32) -> WriteOptions {
    options(threads, level).memory_budget(16 * MIB).expect("in range")
}

pub(crate) fn write(options: &WriteOptions, items: Vec<Item>) -> (Vec<u8>, Report) {
    let compressor = Compressor::new(options.clone()).expect("the options fit");
    compressor.compress_to_vec(items).expect("the run ends well")
}

fn seven_zip() -> Option<PathBuf> {
    let path = std::env::var_os("PAR7Z_7ZZ").map_or_else(|| PathBuf::from("7zz"), PathBuf::from);
    match Command::new(&path).arg("i").output() {
        Ok(_) => Some(path),
        Err(_) if std::env::var_os("PAR7Z_NO_7ZZ").is_some() => {
            eprintln!("SKIPPED: stock 7-Zip is not installed and PAR7Z_NO_7ZZ is set");
            None
        }
        Err(error) => panic!("stock 7-Zip ({}) cannot be run: {error}; install it or set PAR7Z_NO_7ZZ", path.display()),
    }
}

/// Runs stock 7-Zip, which must find nothing to complain about. `None` where it is not installed.
fn run_7zz(arguments: &[&str], archive: &Path) -> Option<String> {
    let program = seven_zip()?;
    let output = Command::new(program).args(arguments).arg(archive).output().expect("7zz runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "7zz {arguments:?}: {}\n{text}", output.status);
    assert!(!text.to_lowercase().contains("warning"), "7zz {arguments:?} warns:\n{text}");
    Some(text)
}

/// `7zz t`.
pub(crate) fn test_path(archive: &Path) {
    if let Some(text) = run_7zz(&["t", "-psecret"], archive) {
        assert!(text.contains("Everything is Ok"), "{text}");
    }
}

/// `7zz t` over an archive in memory.
pub(crate) fn test_bytes(archive: &[u8]) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.7z");
    std::fs::write(&path, archive).expect("written");
    test_path(&path);
}

/// An archive's properties and its entries', as `7zz l -slt` lists them. Empty where 7-Zip is not installed.
pub(crate) fn list(archive: &[u8]) -> (BTreeMap<String, String>, Vec<BTreeMap<String, String>>) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.7z");
    std::fs::write(&path, archive).expect("written");
    let Some(text) = run_7zz(&["l", "-slt", "-psecret"], &path) else { return Default::default() };
    let (head, entries) = text.split_once("----------\n").expect("a line between");
    let (_, head) = head.split_once("--\n").expect("a line before");
    let block = |block: &str| -> BTreeMap<String, String> {
        let pairs = block.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
    };
    (block(head), entries.split("\n\n").map(block).filter(|entry| entry.contains_key("Path")).collect())
}

/// What an archive holds: content by name; `None` for a directory. Unpacked by stock 7-Zip where it is installed.
pub(crate) fn contents(archive: &[u8]) -> BTreeMap<String, Option<Vec<u8>>> {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.7z");
    std::fs::write(&path, archive).expect("written");
    contents_of_path(&path)
}

/// As [`contents`], of an archive file or a first volume.
pub(crate) fn contents_of_path(archive: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    fn walk(root: &Path, dir: &Path, tree: &mut BTreeMap<String, Option<Vec<u8>>>) {
        for found in std::fs::read_dir(dir).expect("readable") {
            let path = found.expect("readable").path();
            let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
            if path.is_dir() {
                walk(root, &path, tree);
                tree.insert(name, None);
            } else {
                tree.insert(name, Some(std::fs::read(&path).expect("readable")));
            }
        }
    }
    let out = tempfile::tempdir().expect("a folder");
    let to = format!("-o{}", out.path().display());
    if run_7zz(&["x", "-y", "-psecret", &to], archive).is_none() {
        let options = par7z::OpenOptions::new().secret(Some(par7z::Secret::Password(PASSWORD.into())));
        let archive = par7z::Archive::open(archive, options).expect("it opens");
        archive.extract(out.path(), par7z::ExtractOptions::new()).expect("it extracts");
    }
    let mut tree = BTreeMap::new();
    walk(out.path(), out.path(), &mut tree);
    tree
}

/// What is expected of an archive, without its directories.
pub(crate) fn files(contents: &BTreeMap<String, Option<Vec<u8>>>) -> BTreeMap<&str, &[u8]> {
    contents.iter().filter_map(|(name, content)| Some((name.as_str(), content.as_deref()?))).collect()
}

/// Names in a folder.
pub(crate) fn names_in(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).expect("readable").map(|found| found.expect("readable").file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// The environment variable that tells a test that it runs in a process of its own, and where.
pub(crate) const CHILD: &str = "PAR7Z_TEST_CHILD";

/// The argument that [`spawn_child`] gave, in such a process.
pub(crate) fn child_argument() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// A command that runs one test of this binary in a process of its own, after `prelude` in a shell.
pub(crate) fn child_command(test: &str, argument: &str, prelude: &str) -> Command {
    let program = std::env::current_exe().expect("a test is a program");
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{prelude}\nexec \"$0\" \"$@\"")).arg(program);
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, argument);
    command
}

/// Runs it to its end, which must be a good one.
pub(crate) fn run_child(test: &str, argument: &str, prelude: &str) -> String {
    let output = child_command(test, argument, prelude).output().expect("it runs");
    let text = output_text(&output);
    assert!(output.status.success() && text.contains("1 passed"), "{test}: {}\n{text}", output.status);
    text
}

pub(crate) fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The most memory this process ever had resident, in bytes.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux system");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}
