//! Events and totals.

use crate::common::{MIB, Pattern, Recorder, TestSink, Told, noise, options, text, tight, watchdog, write};
use par7z::{
    Bzip2Params, CancelToken, Compressor, DeflateParams, Encryption, ErrorKind, Event, Item, Key, LzmaParams, Method,
    Observer, Order, Solid, Totals,
};
use std::collections::HashSet;
use std::io::Cursor;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering as Atomic};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

fn items() -> Vec<Item> {
    let mut items: Vec<_> = (0..30).map(|n| Item::from_bytes(format!("{n}"), text(n, n as usize * 100))).collect();
    items.push(Item::directory("directory"));
    items.push(Item::from_reader("bad", Pattern::dies_after(3 * MIB), None));
    items.push(Item::from_reader("large", Cursor::new(text(1, 9_500_000)), None));
    items.push(Item::from_bytes("large bytes", text(1, 5_500_000)));
    items
}

#[test]
fn each_item_begins_moves_on_and_ends() {
    let methods = [Method::default(), Method::Lzma(LzmaParams::default()), Method::Copy];
    for method in methods {
        for threads in [1, 4] {
            for (solid, order) in
                [(Solid::OFF, Order::Input), (Solid::ON, Order::Input), (Solid::OFF, Order::Completion)]
            {
                let _watchdog = watchdog("a watched run");
                let recorder = Arc::new(Recorder::default());
                let options = tight(threads, 1).observer(recorder.clone()).order(order);
                let options = options.solid(solid).and_then(|o| o.method(method)).expect("valid");
                let (_, report) = write(&options, items());
                for index in 0..34 {
                    check(index, &recorder.of(index), threads == 1);
                }
                let last = *recorder.last.lock().expect("no panic");
                assert_eq!((last.items_total, last.items_done, last.items_failed), (34, 33, 1));
                assert_eq!(last.items_in_progress, 0);
                assert_eq!((report.items_done, report.directories), (33, 1));
                assert_eq!(last.bytes_in, report.bytes_in);
                assert!(last.bytes_out < report.bytes_out, "the archive is its folders and its header");
                assert!(last.elapsed <= report.elapsed);
                let expected: u64 = (0..30).map(|n| n * 100).sum::<u64>() + 9_500_000 + 5_500_000;
                assert_eq!(report.bytes_in, expected);
                assert!(recorder.most_active.load(Atomic::Relaxed) <= threads.into(), "active threads");
            }
        }
    }
}

/// Started once, at its end once, and between them ever more bytes.
fn check(index: u64, told: &[Told], in_order: bool) {
    assert_eq!(told.first(), Some(&Told::Started), "item {index}: {told:?}");
    let size = match (index, told.last().expect("something was told")) {
        (31, Told::Failed(text)) => {
            assert!(text.contains("the line went dead"), "{text}");
            3 * MIB
        }
        (_, Told::Finished(bytes)) => *bytes,
        (_, other) => panic!("item {index} ends with {other:?}"),
    };
    let mut progress = Vec::new();
    for event in &told[1..told.len() - 1] {
        let Told::Progress(bytes) = event else { panic!("item {index}: {event:?} in the middle") };
        progress.push(*bytes);
    }
    if in_order {
        assert!(progress.is_sorted(), "item {index}: {progress:?}");
    }
    assert!(progress.iter().all(|bytes| *bytes <= size), "item {index}: {progress:?} of {size}");
    let different: HashSet<_> = progress.iter().collect();
    assert_eq!(different.len(), progress.len(), "item {index}: {progress:?}");
    if index >= 32 {
        assert!(progress.len() as u64 >= size / MIB, "item {index} of {size} bytes: {progress:?}");
    }
}

/// Content that is stored without trying is told of like any other.
#[test]
fn incompressible_items_move_on_too() {
    for threads in [1, 4] {
        let recorder = Arc::new(Recorder::default());
        let items = vec![
            Item::from_reader("slices", Cursor::new(noise(1, 9_500_000)), None),
            Item::from_bytes("one slice", noise(2, 1_500_000)),
        ];
        let options = options(threads, 5).memory_budget(16 * MIB).expect("valid").observer(recorder.clone());
        let (_, report) = write(&options, items);
        assert_eq!(report.bytes_in, 11_000_000);
        for (index, slices) in [(0, 5), (1, 1)] {
            let told = recorder.of(index);
            let progress = told.iter().filter(|event| matches!(event, Told::Progress(_))).count();
            assert!(progress >= slices, "item {index}: {told:?}");
        }
    }
}

/// Packed bytes as told: index, and whether that was the end.
#[derive(Default)]
struct Packed(Mutex<Vec<(u64, bool, Option<u64>)>>);

impl Observer for Packed {
    fn event(&self, event: &Event<'_>, _: &Totals) {
        let told = match event {
            Event::ItemProgress { index, packed_bytes, .. } => (*index, false, *packed_bytes),
            Event::ItemFinished { index, packed_bytes, .. } => (*index, true, *packed_bytes),
            _ => return,
        };
        self.0.lock().expect("no panic").push(told);
    }
}

#[test]
fn packed_bytes_of_items_are_those_of_their_folders() {
    let methods = [
        Method::default(),
        Method::Lzma(LzmaParams::default()),
        Method::Bzip2(Bzip2Params::default()),
        Method::Deflate(DeflateParams::default()),
        Method::Copy,
    ];
    // 30 texts, a directory, one that fails, two large ones; and noise of one slice and of many.
    let items = || {
        let mut items = items();
        items.push(Item::from_bytes("noise", noise(1, 900_001)));
        items.push(Item::from_bytes("large noise", noise(2, 5_500_000)));
        items
    };
    for (method, encrypted) in methods.into_iter().zip([false, true, false, true, true]) {
        for (threads, solid) in [(1, Solid::OFF), (4, Solid::OFF), (1, Solid::ON)] {
            let observer = Arc::new(Packed::default());
            let encryption = encrypted.then(|| Encryption::key(Key::new([1; 32])));
            let options = tight(threads, 1).observer(observer.clone()).compress_header(false).encryption(encryption);
            let (archive, _) = write(&options.solid(solid).and_then(|o| o.method(method)).expect("valid"), items());
            let told = observer.0.lock().expect("no panic");
            let end =
                |index: u64| told.iter().find(|(of, ended, _)| *of == index && *ended).map(|(.., packed)| *packed);
            let mut sum = 0;
            for index in (0..36).filter(|index| *index != 31) {
                let shares = solid == Solid::ON && matches!(index, 1..30 | 34);
                let Some(packed) = end(index).expect("it ended") else {
                    assert!(shares, "{method:?} item {index}");
                    continue;
                };
                assert!(!shares && (packed == 0) == (index == 0 || index == 30), "item {index} takes {packed}");
                let mut progress: Vec<_> = told.iter().filter(|(of, ended, _)| *of == index && !ended).collect();
                if threads > 1 {
                    progress.sort_by_key(|(.., packed)| *packed);
                }
                let progress: Vec<_> =
                    progress.iter().map(|(.., packed)| packed.expect("a folder of its own")).collect();
                assert!(progress.is_sorted(), "{method:?} item {index}: {progress:?}");
                assert!(progress.last().is_none_or(|last| *last <= packed), "{progress:?} of {packed}");
                assert!(index < 35 || progress.iter().any(|packed| *packed > MIB), "{progress:?}");
                sum += packed;
            }
            let header_offset = u64::from_le_bytes(archive[12..20].try_into().expect("8 bytes"));
            assert!(if solid == Solid::ON { sum < header_offset } else { sum == header_offset }, "{method:?}");
        }
    }
}

/// All workers are inside the observer at once: with a lock around the call they could not be.
#[test]
fn no_lock_is_held_around_a_call() {
    struct Meets(Barrier, AtomicU64);
    impl Observer for Meets {
        fn event(&self, event: &Event<'_>, _: &Totals) {
            if matches!(event, Event::ItemStarted { .. }) && self.1.fetch_add(1, Atomic::AcqRel) < 3 {
                self.0.wait();
            }
        }
    }
    let _watchdog = watchdog("a run whose workers meet in the observer");
    let observer = Arc::new(Meets(Barrier::new(3), AtomicU64::new(0)));
    let items = (0..3).map(|n| Item::from_bytes(format!("{n}"), noise(n, 1000))).collect();
    let (_, report) = write(&options(3, 1).observer(observer), items);
    assert_eq!(report.items_done, 3);
}

#[test]
fn an_observer_that_blocks_stops_its_own_worker_only() {
    /// Keeps item 0 until all others are done.
    struct Keeps(AtomicU64);
    impl Observer for Keeps {
        fn event(&self, event: &Event<'_>, _: &Totals) {
            match event {
                Event::ItemStarted { index: 0, .. } => {
                    while self.0.load(Atomic::Acquire) < 50 {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
                Event::ItemFinished { .. } => {
                    self.0.fetch_add(1, Atomic::AcqRel);
                }
                _ => {}
            }
        }
    }
    let _watchdog = watchdog("a run whose observer blocks");
    let items = (0..51).map(|n| Item::from_bytes(format!("{n}"), noise(n, 1000))).collect();
    let (_, report) = write(&options(2, 1).observer(Arc::new(Keeps(AtomicU64::new(0)))), items);
    assert_eq!(report.items_done, 51);
}

#[test]
fn an_observer_may_cancel() {
    struct Cancels(CancelToken, AtomicBool);
    impl Observer for Cancels {
        fn event(&self, event: &Event<'_>, _: &Totals) {
            if matches!(event, Event::ItemFinished { index: 3, .. }) {
                self.1.store(true, Atomic::Release);
                self.0.cancel();
            }
        }
    }
    let cancel = CancelToken::new();
    let observer = Arc::new(Cancels(cancel.clone(), AtomicBool::new(false)));
    let options = options(2, 1).cancel_token(cancel).observer(observer.clone());
    let items = (0..2000).map(|n| Item::from_bytes(format!("{n}"), noise(n, 1000)));
    let error = Compressor::new(options).expect("valid").compress(items, TestSink::new()).expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(observer.1.load(Atomic::Acquire));
}

#[test]
fn totals_never_go_back_while_nothing_fails() {
    #[derive(Default)]
    struct Watches(Mutex<Totals>);
    impl Observer for Watches {
        fn event(&self, _: &Event<'_>, now: &Totals) {
            let mut before = self.0.lock().expect("no panic");
            assert!(now.items_done >= before.items_done && now.bytes_in >= before.bytes_in);
            assert!(now.bytes_out >= before.bytes_out && now.bytes_in <= now.bytes_total);
            assert!(now.items_done + now.items_failed + now.items_in_progress <= now.items_total);
            *before = *now;
        }
    }
    let items = (0..100).map(|n| Item::from_bytes(format!("{n}"), text(n, 40_000))).collect();
    let (_, report) = write(&options(1, 1).observer(Arc::new(Watches::default())), items);
    assert_eq!(report.bytes_in, 4_000_000);
}
