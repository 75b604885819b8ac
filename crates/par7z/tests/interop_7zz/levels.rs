//! Every level over contents that match finders dislike, at lengths around what has a border.

use super::{Tree, check_with_7zz, check_with_par7z, items, open_options, run_7zz, seven_zip};
use par7z::{Archive, Compressor, ExtractOptions, LzmaParams, Method, Solid, WriteOptions};
use std::path::Path;
use std::process::Command;

/// Bytes that nothing shrinks.
fn noise(len: usize, mut state: u64) -> Vec<u8> {
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Numbers, of which some are frequent.
fn text(len: usize) -> Vec<u8> {
    let picks = noise(len / 2 + 1, 9);
    let numbers = picks.into_iter().flat_map(|pick| format!("{} ", u32::from(pick % 16).pow(3)).into_bytes());
    numbers.take(len).collect()
}

/// Machine code and what else a program has.
fn machine_code() -> Vec<u8> {
    let program = std::fs::read(std::env::current_exe().expect("a test is a program")).expect("readable");
    program.into_iter().cycle().skip(1 << 20).take(1 << 18).collect()
}

fn periodic(len: usize, period: usize) -> Vec<u8> {
    (0..len).map(|n| (n % period * 29 + 1) as u8).collect()
}

fn thue_morse(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n.count_ones() % 2) as u8).collect()
}

/// Items of all kinds, of a length.
fn contents(tree: &mut Tree, len: usize, machine_code: &[u8]) {
    let mut add = |name: &str, content: Vec<u8>| tree.insert(format!("{len:07} {name}.bin"), Some(content));
    add("zeros", vec![0; len]);
    add("noise", noise(len, 1));
    add("text", text(len));
    add("program", machine_code[..len].to_vec());
    add("Thue-Morse", thue_morse(len));
    for period in 1..=9 {
        add(&format!("period {period}"), periodic(len, period));
    }
    // Every two bytes after one another once (de Bruijn), as far as the length goes.
    let pairs = (0..=255u8).flat_map(|a| [a].into_iter().chain((a..=255).skip(1).flat_map(move |b| [a, b])));
    add("de Bruijn", pairs.cycle().take(len).collect());
}

/// Packs a level's items with each level as LZMA and as LZMA2.
fn at_every_level(program: &Path, tree_for: impl Fn(u32) -> Tree, check: impl Fn(&Path, &Tree)) {
    let dir = tempfile::tempdir().expect("a folder");
    for level in 1..=9 {
        let tree = tree_for(level);
        for (name, method) in
            [("LZMA", Method::Lzma(LzmaParams::default())), ("LZMA2", Method::Lzma2(LzmaParams::default()))]
        {
            // By turns a stream for each item and one for all.
            let solid = if (level % 2 == 0) == (name == "LZMA") { Solid::ON } else { Solid::OFF };
            let options = WriteOptions::new()
                .level(level)
                .and_then(|options| options.method(method))
                .and_then(|options| options.solid(solid));
            let path = dir.path().join(format!("{level} {name}.7z"));
            let compressor = Compressor::new(options.expect("valid")).expect("valid");
            assert!(compressor.compress_to_path(items(&tree), &path).expect("written").is_complete());
            let listed = run_7zz(program, &["l", "-slt"], &[&path], dir.path());
            assert!(listed.contains(&format!("Method = {name}:")), "{listed}");
            check(&path, &tree);
        }
    }
}

#[test]
fn stock_7zip_reads_every_level() {
    let Some(program) = seven_zip() else { return };
    let machine_code = machine_code();
    let mut tree = Tree::new();
    for len in [1, 2, 3, 4, 5, 8, 17, 33, 64, 129, 273, 300, 4095, 4096, 4097, 65_535, 65_536, 65_537] {
        contents(&mut tree, len, &machine_code);
    }
    let mixed = [noise(300_000, 3), vec![0; (1 << 21) - 200_000], noise(200_000, 3)].concat();
    tree.insert("around 2 MiB.bin".into(), Some(mixed));
    // Most of it costs little time.
    let parts = [&text(1 << 18), &noise(1 << 18, 4), &periodic(7 << 20, 8)[..], &machine_code[..1 << 18]];
    let mixed = [&parts.concat(), &noise(1 << 18, 4)[..]].concat();
    tree.insert("8 MiB.bin".into(), Some(mixed));
    let tree_for = |level| {
        let mut tree = tree.clone();
        let lengths = [(1 << 21) - 1, 1 << 21, (1 << 21) + 1];
        for (turn, len) in (level..).zip(lengths) {
            let (name, content) = match turn % 3 {
                0 => ("zeros", vec![0; len]),
                1 => ("period 6", periodic(len, 6)),
                _ => ("Thue-Morse", thue_morse(len)),
            };
            tree.insert(format!("{len} {name}.bin"), Some(content));
        }
        tree
    };
    at_every_level(&program, tree_for, |path, tree| {
        check_with_7zz(&program, path, tree);
        check_with_par7z(path, false, tree);
    });
}

/// Thousands of items: into a pipe, as files would take most of the time.
#[test]
fn stock_7zip_reads_every_short_length() {
    let Some(program) = seven_zip() else { return };
    let machine_code = machine_code();
    let mut tree = Tree::new();
    for len in 0..=300 {
        contents(&mut tree, len, &machine_code);
    }
    let joined = tree.values().flatten().flatten().copied().collect::<Vec<u8>>();
    at_every_level(
        &program,
        |_| tree.clone(),
        |path, _| {
            let text = run_7zz(&program, &["t"], &[path], Path::new("."));
            assert!(text.contains("Everything is Ok"), "{text}");
            let unpacked = Command::new(&program).args(["x", "-so"]).arg(path).output().expect("7zz runs");
            assert!(unpacked.status.success() && unpacked.stdout == joined, "{}: the contents differ", path.display());
            let archive = Archive::open(path, open_options(false)).expect("it opens");
            let report = archive.test(ExtractOptions::new()).expect("it runs");
            assert!(report.is_complete(), "{}: {:?}", path.display(), report.failures);
        },
    );
}
