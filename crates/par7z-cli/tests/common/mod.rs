//! What the end-to-end tests share: the program, 7-Zip, a scratch folder.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is gone when the test is.
pub struct Scratch(PathBuf);

impl Scratch {
    /// An empty one.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}-{number}/w", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("scratch folder");
        Self(path)
    }

    /// One with a small tree `t` in it.
    pub fn with_tree() -> Self {
        let scratch = Self::new();
        for directory in ["t/sub/deep", "t/empty"] {
            fs::create_dir_all(scratch.path(directory)).expect("folder");
        }
        scratch.file("t/a.txt", b"hi\n");
        scratch.file("t/zero", b"");
        scratch.file("t/ünïcode name.txt", "héllo".as_bytes());
        scratch.file("t/sub/seq.txt", (0..20_000).map(|n| format!("{n}\n")).collect::<String>().as_bytes());
        scratch.file("t/sub/prog.o", &noise(70_000));
        scratch.file("t/sub/deep/x.o", b"object");
        scratch
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it.
    pub fn file(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).expect("file");
    }

    /// Runs par7z in it.
    pub fn par7z(&self, arguments: &[&str]) -> Run {
        self.par7z_with(arguments, b"", &[])
    }

    /// Runs par7z in it with something on stdin and in the environment.
    pub fn par7z_with(&self, arguments: &[&str], stdin: &[u8], environment: &[(&str, &str)]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_par7z"));
        command.args(arguments).envs(environment.iter().copied());
        run(command, self.0.as_path(), stdin)
    }

    /// Runs 7-Zip in it.
    pub fn sevenzip(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(sevenzip());
        command.args(arguments);
        run(command, self.0.as_path(), b"")
    }

    /// The names in an archive, as 7-Zip lists them, sorted.
    pub fn names(&self, archive: &str) -> Vec<String> {
        let listed = self.sevenzip(&["l", "-slt", "-ba", archive]).expect(0).stdout;
        let mut names: Vec<String> =
            listed.lines().filter_map(|line| line.strip_prefix("Path = ")).map(str::to_owned).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // With the folder around it, where tests put archives that are not to be inputs.
        if let Some(root) = self.0.parent() {
            let _ = fs::remove_dir_all(root);
        }
    }
}

/// What a program said.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stdout_bytes: Vec<u8>,
    pub stderr: String,
}

impl Run {
    /// Itself, if the exit code is this one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

fn run(mut command: Command, directory: &Path, stdin: &[u8]) -> Run {
    let input = directory.join(".stdin");
    fs::write(&input, stdin).expect("stdin");
    let file = fs::File::open(&input).expect("stdin");
    fs::remove_file(&input).expect("stdin");
    command.current_dir(directory).stdin(Stdio::from(file)).env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Run {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stdout_bytes: stdout,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

fn sevenzip() -> &'static str {
    "7zz"
}

/// Whether 7-Zip is here. Its absence is a failure unless `PAR7Z_NO_7ZZ=1` says that it is meant.
pub fn have_7zip() -> bool {
    if std::env::var_os("PAR7Z_NO_7ZZ").is_some_and(|value| value == "1") {
        eprintln!("skipped: PAR7Z_NO_7ZZ=1");
        return false;
    }
    let found = Command::new(sevenzip()).stdout(Stdio::null()).status().is_ok();
    assert!(found, "7zz is not installed; these tests need it (set PAR7Z_NO_7ZZ=1 to skip them)");
    true
}

/// Bytes that do not pack.
pub fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(size)
    .collect()
}
