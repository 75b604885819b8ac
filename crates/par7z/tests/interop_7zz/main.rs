//! Both ways against stock 7-Zip: every method × solid × encryption × hidden names × volumes.
//!
//! Needs `7zz` (Debian's package `7zip`); its absence fails the tests unless `PAR7Z_NO_7ZZ` is set.

mod levels;

use par7z::storage::{PathSink, VolumeSink};
use par7z::{
    Archive, Compressor, Encryption, ExtractOptions, Filter, FilterChoice, Item, IvSeed, Metadata, Method, OpenOptions,
    Overwrite, Password, Secret, Solid, WriteOptions,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const PASSWORD: &str = "pässwörd 7";

/// Names and contents. Directories have none.
type Tree = BTreeMap<String, Option<Vec<u8>>>;

fn tree() -> Tree {
    let mut tree = Tree::new();
    tree.insert("leer".into(), None);
    tree.insert("ünïcödé/日本語/😀.txt".into(), Some("Grüße ".repeat(500).into_bytes()));
    tree.insert("empty".into(), Some(Vec::new()));
    tree.insert("one byte".into(), Some(vec![0x42]));
    tree.insert("zeros".into(), Some(vec![0; 300_000]));
    let mut state = 1u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    tree.insert("noise.bin".into(), Some(noise.take(150_000).collect()));
    // A program: it gets the x86 filter.
    let mut program = std::fs::read(std::env::current_exe().expect("a test is a program")).expect("readable");
    program.truncate(700_000);
    tree.insert("program.so".into(), Some(program));
    for n in 0..40 {
        tree.insert(format!("many/{n}.txt"), Some(format!("file number {n}\n").repeat(n * 7 + 1).into_bytes()));
    }
    tree
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

fn read_tree(root: &Path) -> Tree {
    fn walk(root: &Path, dir: &Path, tree: &mut Tree) {
        for found in std::fs::read_dir(dir).expect("readable") {
            let path = found.expect("readable").path();
            let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
            if path.is_dir() {
                if std::fs::read_dir(&path).expect("readable").next().is_none() {
                    tree.insert(name, None);
                }
                walk(root, &path, tree);
            } else {
                tree.insert(name, Some(std::fs::read(&path).expect("readable")));
            }
        }
    }
    let mut tree = Tree::new();
    walk(root, root, &mut tree);
    tree
}

fn run_7zz(program: &Path, arguments: &[&str], paths: &[&Path], dir: &Path) -> String {
    let output = Command::new(program).args(arguments).args(paths).current_dir(dir).output().expect("7zz runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "7zz {arguments:?} {paths:?}: {}\n{text}", output.status);
    assert!(!text.to_lowercase().contains("warning"), "7zz {arguments:?} warns:\n{text}");
    text
}

fn items(tree: &Tree) -> Vec<Item> {
    let item = |(name, content): (&String, &Option<Vec<u8>>)| match content {
        None => Item::directory(name.as_str()),
        Some(bytes) => Item::from_bytes(name.as_str(), bytes.clone()),
    };
    tree.iter().map(item).collect()
}

fn open_options(encrypted: bool) -> OpenOptions {
    OpenOptions::new().secret(encrypted.then(|| Secret::Password(Password::new(PASSWORD))))
}

fn check_with_par7z(path: &Path, encrypted: bool, expected: &Tree) {
    let archive = Archive::open(path, open_options(encrypted)).expect("it opens");
    let report = archive.test(ExtractOptions::new()).expect("it runs");
    assert!(report.is_complete(), "{}: {:?}", path.display(), report.failures);
    let out = tempfile::tempdir().expect("a folder");
    let report = archive.extract(out.path(), ExtractOptions::new().overwrite(Overwrite::Refuse)).expect("it runs");
    assert!(report.is_complete(), "{}: {:?}", path.display(), report.failures);
    assert!(read_tree(out.path()) == *expected, "{}: the contents differ", path.display());
}

fn check_with_7zz(program: &Path, path: &Path, expected: &Tree) {
    let out = tempfile::tempdir().expect("a folder");
    let password = format!("-p{PASSWORD}");
    let text = run_7zz(program, &["t", &password], &[path], out.path());
    assert!(text.contains("Everything is Ok"), "{text}");
    run_7zz(program, &["x", "-y", &password], &[path], out.path());
    assert!(read_tree(out.path()) == *expected, "{}: the contents differ", path.display());
}

const METHODS: [(&str, Method); 6] = [
    ("Copy", Method::Copy),
    ("LZMA", Method::Lzma(LZMA)),
    ("LZMA2", Method::Lzma2(LZMA)),
    ("PPMd", Method::Ppmd(par7z::PpmdParams { order: None, memory_bytes: Some(1 << 20) })),
    ("BZip2", Method::Bzip2(par7z::Bzip2Params { block_100k: None })),
    ("Deflate", Method::Deflate(par7z::DeflateParams { zlib_level: None })),
];
const LZMA: par7z::LzmaParams = par7z::LzmaParams {
    dictionary_bytes: Some(1 << 20),
    nice_length: None,
    cycles: None,
    match_finder: None,
    mode: None,
    lc: None,
    lp: None,
    pb: None,
};

/// Encrypted, names hidden.
const SECRECY: [(bool, bool); 3] = [(false, false), (true, false), (true, true)];

#[test]
fn stock_7zip_reads_every_combination_that_par7z_writes() {
    let Some(program) = seven_zip() else { return };
    let tree = tree();
    for (method_name, method) in METHODS {
        for solid in [Solid::OFF, Solid::ON] {
            for (encrypted, hide_names) in SECRECY {
                for volumes in [false, true] {
                    let dir = tempfile::tempdir().expect("a folder");
                    let what = format!("{method_name} {solid:?} {encrypted} {hide_names} {volumes}");
                    let mut options = WriteOptions::new().method(method).and_then(|o| o.solid(solid)).expect("valid");
                    if encrypted {
                        options = options.encryption(Some(Encryption::password(PASSWORD).hide_names(hide_names)));
                    }
                    let compressor = Compressor::new(options).expect("valid");
                    let base = dir.path().join("out.7z");
                    let report = if volumes {
                        compressor
                            .compress(items(&tree), VolumeSink::create(&base, &[50_000, 100_000]).expect("created"))
                    } else {
                        compressor.compress(items(&tree), PathSink::create(&base).expect("created"))
                    };
                    let report = report.unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert!(report.is_complete(), "{what}: {:?}", report.failures);
                    let path = if volumes { dir.path().join("out.7z.001") } else { base };
                    check_with_7zz(&program, &path, &tree);
                    check_with_par7z(&path, encrypted, &tree);
                }
            }
        }
    }
}

#[test]
fn par7z_reads_every_combination_that_stock_7zip_writes() {
    let Some(program) = seven_zip() else { return };
    let tree = tree();
    let input = tempfile::tempdir().expect("a folder");
    for (name, content) in &tree {
        let path = input.path().join(name);
        match content {
            None => std::fs::create_dir_all(path).expect("created"),
            Some(bytes) => {
                std::fs::create_dir_all(path.parent().expect("below")).expect("created");
                std::fs::write(path, bytes).expect("written");
            }
        }
    }
    let methods = ["Copy", "LZMA:d=20", "LZMA2:d=20", "PPMd:mem=20", "BZip2", "Deflate", "Deflate64"];
    for method in methods {
        for solid in ["-ms=off", "-ms=on"] {
            for secrecy in [vec![], vec!["-p"], vec!["-p", "-mhe=on"]] {
                for volumes in [None, Some("-v50000b")] {
                    let dir = tempfile::tempdir().expect("a folder");
                    let path = dir.path().join("in.7z");
                    let encrypted = !secrecy.is_empty();
                    let (method, password) = (format!("-m0={method}"), format!("-p{PASSWORD}"));
                    let mut arguments = vec!["a", "-mx=3", &method, solid];
                    arguments
                        .extend(secrecy.iter().map(|switch| if *switch == "-p" { password.as_str() } else { switch }));
                    arguments.extend(volumes);
                    run_7zz(&program, &arguments, &[&path, Path::new(".")], input.path());
                    let path = if volumes.is_some() { dir.path().join("in.7z.001") } else { path };
                    check_with_par7z(&path, encrypted, &tree);
                }
            }
        }
    }
}

/// Nothing but branches of all CPUs, or nearly: what few programs have, filters meet here.
fn branches() -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 32) as u32
    };
    let mut out = Vec::new();
    // Bits that are kept and bits that are set: ARM, ARM64 (two), ARMT, PPC, SPARC (two), RISC-V (four), x86 (two).
    let little = [
        (0x00FF_FFFF, 0xEB00_0000),
        (0x03FF_FFFF, 0x9400_0000),
        (0x60FF_FFFF, 0x9000_0000),
        (0x07FF_07FF, 0xF800_F000),
        (0xFFFF_F2FF, 0x0000_00EF),
        (0xFFFF_FF80, 0x0000_0017),
        (0xFFFF_C000, 0x0000_3117),
        (0xFFFF_F000, 0x0000_0097),
        (0x00FF_FFFF, 0xE800_0000),
        (0x00FF_E9E8, 0xFF00_E8E9),
    ];
    let big = [(0x03FF_FFFC, 0x4800_0001), (0x003F_FFFF, 0x4000_0000), (0x003F_FFFF, 0x7FC0_0000)];
    for (keep, set) in little {
        out.extend((0..4000).flat_map(|_| (next() & keep | set).to_le_bytes()));
    }
    for (keep, set) in big {
        out.extend((0..4000).flat_map(|_| (next() & keep | set).to_be_bytes()));
    }
    for _ in 0..2000 {
        // AUIPC, and what reads its register.
        let register = next() & 31;
        out.extend((next() & 0xFFFF_F000 | register << 7 | 0x17).to_le_bytes());
        out.extend((next() & 0xFFF0_7FFC | register << 15 | 3).to_le_bytes());
        // IA-64: a bundle of three calls.
        let slot = u128::from(next()) << 8 & 0x10_FFFF_F1FF | 5 << 37;
        out.extend((slot << 87 | slot << 46 | slot << 5 | 0x16).to_le_bytes());
        // x86: opcodes among signs.
        let digits = next();
        out.extend((0..16).map(|at| [0xE8, 0x00, 0xE9, 0xFF][(digits >> (2 * at)) as usize % 4]));
        out.extend([0x0F, 0x80 | (digits >> 28) as u8, 1, 2, 0, 0]);
    }
    out.push(0xE8);
    out
}

#[test]
fn filters_agree_both_ways() {
    let Some(program) = seven_zip() else { return };
    let mut tree = tree();
    tree.retain(|name, _| name.starts_with("program") || name == "zeros");
    tree.insert("program of branches".into(), Some(branches()));
    let filters = [
        ("Delta:4", Filter::Delta { distance: 4 }),
        ("BCJ", Filter::BcjX86),
        ("ARM", Filter::Arm),
        ("ARMT", Filter::ArmThumb),
        ("ARM64", Filter::Arm64),
        ("PPC", Filter::PowerPc),
        ("SPARC", Filter::Sparc),
        ("IA64", Filter::Ia64),
        ("RISCV", Filter::RiscV),
        ("Swap2", Filter::Swap2),
        ("Swap4", Filter::Swap4),
    ];
    let input = tempfile::tempdir().expect("a folder");
    for (name, content) in &tree {
        std::fs::write(input.path().join(name), content.as_deref().unwrap_or_default()).expect("written");
    }
    for (name, filter) in filters {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("out.7z");
        let options = WriteOptions::new().level(1).and_then(|o| o.filters(FilterChoice::Chain(vec![filter])));
        let compressor = Compressor::new(options.expect("valid")).expect("valid");
        assert!(compressor.compress_to_path(items(&tree), &path).expect("written").is_complete());
        let text = run_7zz(&program, &["l", "-slt"], &[&path], dir.path());
        assert!(text.contains(&format!(" {name}")) || text.contains(&format!("= {name}")), "{name}: {text}");
        check_with_7zz(&program, &path, &tree);
        check_with_par7z(&path, false, &tree);

        let path = dir.path().join("in.7z");
        let first = format!("-m0={name}");
        run_7zz(&program, &["a", &first, "-m1=LZMA2:d=20", "-mx=1"], &[&path, Path::new(".")], input.path());
        check_with_par7z(&path, false, &tree);
    }
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("bcj2.7z");
    let bcj2 = ["a", "-mx=3", "-mf=BCJ2"];
    run_7zz(&program, &bcj2, &[&path, Path::new(".")], input.path());
    assert!(run_7zz(&program, &["l", "-slt"], &[&path], dir.path()).contains("BCJ2"), "the archive has BCJ2");
    check_with_par7z(&path, false, &tree);
}

#[test]
fn programs_get_their_filter_by_default_and_noise_is_stored() {
    let Some(program) = seven_zip() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("out.7z");
    let compressor = Compressor::new(WriteOptions::new()).expect("valid");
    assert!(compressor.compress_to_path(items(&tree()), &path).expect("written").is_complete());
    let text = run_7zz(&program, &["l", "-slt"], &[&path], dir.path());
    let method = |name: &str| {
        let entry = text.split("\n\n").find(|entry| entry.contains(&format!("Path = {name}\n"))).expect("listed");
        entry.lines().find_map(|line| line.strip_prefix("Method = ")).expect("a method").to_owned()
    };
    assert!(method("program.so").contains("BCJ"), "{}", method("program.so"));
    assert_eq!(method("noise.bin"), "Copy");
    assert!(method("zeros").starts_with("LZMA2"));
}

#[test]
fn a_raw_key_that_is_text_opens_in_stock_7zip_with_the_text() {
    let Some(program) = seven_zip() else { return };
    let text = "sixteen letters!";
    let mut key = [0; 32];
    for (place, unit) in key.chunks_exact_mut(2).zip(text.encode_utf16()) {
        place.copy_from_slice(&unit.to_le_bytes());
    }
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("key.7z");
    for hide_names in [false, true] {
        let encryption = Encryption::key(par7z::Key::new(key)).hide_names(hide_names);
        let compressor = Compressor::new(WriteOptions::new().encryption(Some(encryption))).expect("valid");
        assert!(compressor.compress_to_path(items(&tree()), &path).expect("written").is_complete());
        let password = format!("-p{text}");
        assert!(run_7zz(&program, &["t", &password], &[&path], dir.path()).contains("Everything is Ok"));
        for secret in [Secret::Key(par7z::Key::new(key)), Secret::Password(Password::new(text))] {
            let archive = Archive::open(&path, OpenOptions::new().secret(Some(secret))).expect("it opens");
            assert!(archive.test(ExtractOptions::new()).expect("it runs").is_complete());
        }
    }
}

#[test]
fn equal_files_share_no_ciphertext_and_no_clear_text_is_written() {
    let content = b"the quick brown fox jumps over the lazy dog, said nobody in particular".repeat(3);
    for iv in [None, Some([7; 16])] {
        let mut encryption = Encryption::password(PASSWORD);
        encryption.iv = iv.map(IvSeed::new);
        let options = WriteOptions::new().level(0).expect("valid").encryption(Some(encryption));
        let items = (0..2).map(|n| Item::from_bytes(format!("{n}"), content.clone()));
        let (archive, _) = Compressor::new(options).and_then(|c| c.compress_to_vec(items)).expect("written");
        let packed = content.len().next_multiple_of(16);
        let (first, second) = (&archive[32..32 + packed], &archive[32 + packed..32 + 2 * packed]);
        assert!(first.chunks(16).zip(second.chunks(16)).all(|(a, b)| a != b));
        assert!(!archive.windows(16).any(|window| content.starts_with(window)));
    }
}

#[test]
fn metadata_survives_both_ways() {
    let Some(program) = seven_zip() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("out.7z");
    let time = |n: u64| Some(par7z::FileTime(133_000_000_000_000_000 + n));
    let metadata = Metadata {
        created: time(1),
        accessed: time(22),
        modified: time(1_234_567),
        attributes: Some(0x8020 | 0o100_640 << 16),
    };
    let item = Item::from_bytes("file", "x").with_metadata(metadata);
    let link = Item::symlink("link", "file");
    let mode = Metadata { attributes: Some(0x8010 | 0o040_750 << 16), ..metadata };
    let folders = [Item::directory("dir").with_metadata(mode), Item::directory("dir/sub").with_metadata(mode)];
    let inner = Item::from_bytes("dir/sub/file", "y");
    let report = Compressor::new(WriteOptions::new())
        .and_then(|c| c.compress_to_path([item, link].into_iter().chain(folders).chain([inner]), &path));
    assert!(report.expect("written").is_complete());
    let text = run_7zz(&program, &["l", "-slt"], &[&path], dir.path());
    assert!(text.contains(".1234567") && text.contains("-rw-r-----") && text.contains("lrwxrwxrwx"), "{text}");
    let archive = Archive::open(&path, OpenOptions::new()).expect("it opens");
    let entry = &archive.entries()[0];
    assert_eq!(entry.modified, metadata.modified);
    assert_eq!(
        (entry.created, entry.accessed, entry.attributes),
        (metadata.created, metadata.accessed, metadata.attributes)
    );
    assert!(archive.entries()[1].is_symlink());
    let out = dir.path().join("x");
    assert!(archive.extract(&out, ExtractOptions::new()).expect("it runs").is_complete());
    let seven = dir.path().join("7");
    run_7zz(&program, &["x", &format!("-o{}", seven.display())], &[&path], dir.path());
    #[cfg(unix)]
    for root in [&out, &seven] {
        use std::os::unix::fs::MetadataExt;
        let found = std::fs::metadata(root.join("file")).expect("extracted");
        assert_eq!(found.mode() & 0o777, 0o640);
        assert_eq!(found.mtime_nsec() % 1_000_000_000, i64::from(metadata.modified.expect("set").to_unix().1));
        for folder in ["dir", "dir/sub"] {
            let found = std::fs::metadata(root.join(folder)).expect("extracted");
            assert_eq!(found.mode() & 0o777, 0o750, "{folder}");
            let (seconds, nanoseconds) = metadata.modified.expect("set").to_unix();
            assert_eq!((found.mtime(), found.mtime_nsec()), (seconds, i64::from(nanoseconds)), "{folder}");
        }
        assert_eq!(std::fs::read_link(root.join("link")).expect("a link"), Path::new("file"));
    }
}
