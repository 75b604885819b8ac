//! Every level over contents that match finders dislike, at lengths around what has a border.

use super::{Tree, check_with_7zz, check_with_par7z, items, run_7zz, seven_zip};
use par7z::{Compressor, LzmaParams, Method, Solid, WriteOptions};

/// Bytes that nothing shrinks.
fn noise(len: usize, mut state: u64) -> Vec<u8> {
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Items of all kinds, of a length.
fn contents(tree: &mut Tree, len: usize) {
    let mut add = |name: &str, content: Vec<u8>| tree.insert(format!("{len:07} {name}.bin"), Some(content));
    let picks = noise(len / 4 + 1, 9);
    let text: Vec<u8> =
        picks.iter().flat_map(|&pick| format!("{} ", u32::from(pick % 16).pow(3)).into_bytes()).collect();
    let program = std::fs::read(std::env::current_exe().expect("a test is a program")).expect("readable");
    add("zeros", vec![0; len]);
    add("noise", noise(len, 1));
    add("text", text[..len.min(text.len())].to_vec());
    add("program", program.into_iter().cycle().skip(1 << 20).take(len).collect());
    add("Thue-Morse", (0..len).map(|n| (n.count_ones() % 2) as u8).collect());
    for period in [1, 2, 3, 4, 5, 7, 9] {
        add(&format!("period {period}"), (0..len).map(|n| (n % period * 29 + 1) as u8).collect());
    }
    // Every two bytes after one another once (de Bruijn), as far as the length goes.
    let pairs = (0..=255u8).flat_map(|a| [a].into_iter().chain((a..=255).skip(1).flat_map(move |b| [a, b])));
    add("de Bruijn", pairs.cycle().take(len).collect());
}

#[test]
fn stock_7zip_reads_every_level() {
    let Some(program) = seven_zip() else { return };
    let mut tree = Tree::new();
    for len in [1, 2, 3, 4, 5, 8, 17, 33, 64, 129, 273, 300, 4095, 4096, 4097, 65_535, 65_537] {
        contents(&mut tree, len);
    }
    let mixed = [noise(300_000, 3), vec![0; (1 << 21) - 200_000], noise(200_000, 3)].concat();
    tree.insert("around 2 MiB.bin".into(), Some(mixed));
    let dir = tempfile::tempdir().expect("a folder");
    for level in 1..=9 {
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
            let listed = run_7zz(&program, &["l", "-slt"], &[&path], dir.path());
            assert!(listed.contains(&format!("Method = {name}:")), "{listed}");
            check_with_7zz(&program, &path, &tree);
            check_with_par7z(&path, false, &tree);
        }
    }
}
