//! The work of bench.c through the Rust API: one file, cut into 2,000 items, into an archive.
//!
//! bench INPUT OUTPUT THREADS

use par7z::{Compressor, Item, LzmaParams, Method, Threads, WriteOptions};
use std::sync::Arc;

const ITEMS: usize = 2000;

/// A part of the input, which all items share.
struct Part {
    input: Arc<Vec<u8>>,
    begin: usize,
    end: usize,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.input[self.begin..self.end]
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, input, output, threads] = &arguments[..] else { panic!("usage: bench INPUT OUTPUT THREADS") };
    let input = Arc::new(std::fs::read(input).expect("the input"));
    let threads = Threads::new(threads.parse().expect("a number of threads")).expect("1 to 256 threads");
    let options = WriteOptions::new()
        .level(5)
        .and_then(|options| options.method(Method::Lzma(LzmaParams::default())))
        .expect("valid options")
        .threads(threads);
    let items = (0..ITEMS).map(|number| {
        let (begin, end) = (input.len() * number / ITEMS, input.len() * (number + 1) / ITEMS);
        Item::from_bytes(format!("part {number:04}"), Part { input: Arc::clone(&input), begin, end })
    });
    let compressor = Compressor::new(options).expect("valid options");
    let report = compressor.compress_to_path(items, output).expect("an archive");
    assert!(report.is_complete());
}
