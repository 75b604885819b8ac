//! Items that are added while the run goes on.

use crate::common::{
    CHILD, Gate, child_argument, contents, files, noise, options, peak_memory, run_child, text, tight, watchdog, write,
};
use par7z::storage::VecSink;
use par7z::{Compressor, Item, Solid};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[test]
fn several_threads_add_at_once() {
    let _watchdog = watchdog("a session fed by several threads");
    for solid in [Solid::OFF, Solid { max_items: 10, ..Solid::ON }] {
        let (sink, written) = VecSink::new();
        let compressor = Compressor::new(tight(3, 1).solid(solid).expect("valid")).expect("valid");
        let session = compressor.start(sink).expect("it starts");
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let session = &session;
                scope.spawn(move || {
                    for n in 0..50 {
                        let content = text(thread * 100 + n, 5_000 + n as usize);
                        session.add(Item::from_bytes(format!("{thread}/{n}"), content)).expect("added");
                    }
                });
            }
        });
        let report = session.finish().expect("it ends well");
        assert_eq!(report.items_done, 200);
        let contents = contents(&written.take().expect("finished"));
        let found = files(&contents);
        assert_eq!(found.len(), 200);
        for thread in 0..4u64 {
            for n in 0..50 {
                assert!(found[format!("{thread}/{n}").as_str()] == text(thread * 100 + n, 5_000 + n as usize));
            }
        }
    }
}

#[test]
fn whoever_adds_waits_while_the_head_is_blocked() {
    let _watchdog = watchdog("a session with a blocked head");
    let gate = Arc::new(AtomicBool::new(false));
    let added = AtomicU64::new(0);
    let (sink, written) = VecSink::new();
    let session = Compressor::new(tight(2, 1)).expect("valid").start(sink).expect("it starts");
    session.add(Item::from_reader("head", Gate(Arc::clone(&gate)), None)).expect("added");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..200 {
                session.add(Item::from_bytes(format!("{n}"), noise(n, 200_000))).expect("added");
                added.fetch_add(1, Ordering::AcqRel);
            }
        });
        // Until nothing moves any more.
        let (mut before, mut since) = (0, Instant::now());
        while since.elapsed() < Duration::from_millis(1500) {
            std::thread::sleep(Duration::from_millis(20));
            let now = added.load(Ordering::Acquire);
            if now != before || now == 0 {
                (before, since) = (now, Instant::now());
            }
        }
        // 16 MiB of packed bytes, and what waits in the queue.
        assert!(before < 100, "{before} items of 200 KB were taken with 16 MiB of budget and a blocked head");
        gate.store(true, Ordering::Release);
    });
    assert_eq!(session.finish().expect("it ends well").items_done, 201);
    assert_eq!(files(&contents(&written.take().expect("finished"))).len(), 201);
}

fn tiny(count: u64) -> Vec<Item> {
    (0..count).map(|n| Item::from_bytes(format!("folder/{n}.txt"), n.to_string().into_bytes())).collect()
}

#[test]
fn the_time_grows_with_the_number_of_items() {
    for solid in [Solid::OFF, Solid::ON] {
        let options = options(2, 1).solid(solid).expect("valid");
        let time = |count| {
            let begun = Instant::now();
            assert_eq!(write(&options, tiny(count)).1.items_done, count);
            begun.elapsed().as_secs_f64()
        };
        time(1000);
        let (small, large) = (time(10_000), time(40_000));
        assert!(large < small * 8.0 + 0.2, "{solid:?}: 4 times the items take {:.1} times as long", large / small);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_item_costs_less_than_a_kilobyte() {
    let text = run_child("feeding::child_with_many_items", "run", "");
    assert!(text.contains("bytes per item"), "{text}");
}

#[test]
// Works in a process of its own, which another test starts; by itself it has nothing to do.
fn child_with_many_items() {
    if child_argument().is_none() {
        return eprintln!("{CHILD} is not set");
    }
    let compressor = Compressor::new(options(2, 1)).expect("valid");
    let item = |n: u64| Item::from_bytes(format!("folder/{n}.txt"), n.to_string().into_bytes());
    // Encoders and threads are there before the measurement begins.
    compressor.compress_to_vec((0..5_000).map(item)).expect("it runs");
    let before = peak_memory();
    let count = 60_000;
    let (_, report) = compressor.compress_to_vec((0..count).map(item)).expect("it runs");
    assert_eq!(report.items_done, count);
    let each = (peak_memory() - before) / count;
    println!("{each} bytes per item");
    assert!(each < 1000);
}
