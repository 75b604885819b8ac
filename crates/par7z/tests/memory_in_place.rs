//! A large buffer is compressed without a copy of it. In a binary of its own: other tests would add to the peak.
#![cfg(target_os = "linux")]

use par7z::storage::Sink;
use par7z::{Compressor, Item, Threads, WriteOptions};
use std::io;
use std::sync::Arc;

const MIB: u64 = 1 << 20;

/// Forgets what it gets.
struct Nowhere;

impl Sink for Nowhere {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn truncate(&mut self, _: u64) -> io::Result<bool> {
        Ok(true)
    }
    fn finish(self: Box<Self>, _: &[u8; 32]) -> par7z::Result<()> {
        Ok(())
    }
    fn abort(self: Box<Self>) {}
}

/// The most memory this process had resident since the last reset, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux system");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// Begins to measure anew; where that is not allowed, the peak so far is the buffer's and little else.
fn reset_peak_memory() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

#[test]
fn a_large_buffer_is_not_copied() {
    let size = 192 * MIB;
    // Cheap to compress, and every page is there before the peak is looked at.
    let content: Arc<[u8]> = (0..size).map(|n| (n / 1000 % 251) as u8).collect();
    // The smallest budget, and one into which a copy would fit: slices wait for two workers, so they would all be copied.
    for budget in [WriteOptions::MIN_MEMORY_BUDGET_BYTES, WriteOptions::DEFAULT_MEMORY_BUDGET_BYTES] {
        let options = WriteOptions::new().level(1).and_then(|options| options.memory_budget(budget)).expect("in range");
        let options = options.threads(Threads::new(2).expect("in range"));
        let compressor = Compressor::new(options).expect("valid");
        let encoders = 2 * compressor.encoder_memory_bytes(None);
        reset_peak_memory();
        let before = peak_memory();
        let report = compressor.compress([Item::from_bytes("large", Arc::clone(&content))], Nowhere).expect("it runs");
        assert_eq!(report.bytes_in, size);
        let growth = peak_memory() - before;
        println!("budget {} MiB: grown by {:.1} MiB, encoders {:.1} MiB", budget >> 20, mib(growth), mib(encoders));
        assert!(growth < encoders + 32 * MIB, "grown by {growth} bytes");
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}
