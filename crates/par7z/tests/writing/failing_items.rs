//! An item's failure costs that item alone, wherever its source dies and whatever the sink can do.

use crate::common::{
    MIB, Pattern, Recorder, Shared, Told, contents, contents_of_path, files, names_in, noise, options, pattern,
    test_bytes, test_path, text, tight, watchdog, write,
};
use par7z::storage::{PathSink, SeekSink, StreamSink, VecSink, VolumeSink};
use par7z::{Compressor, ErrorKind, ErrorPolicy, Item, LzmaParams, Method, Report, Solid, WriteOptions};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The sink, what its archive holds, and the report.
type Outcome = (&'static str, BTreeMap<String, Option<Vec<u8>>>, Report);

/// Writes to each kind of sink in turn; gives what each archive holds, and the report.
fn through_every_sink(options: &WriteOptions, items: impl Fn() -> Vec<Item>) -> Vec<Outcome> {
    let compressor = Compressor::new(options.clone()).expect("the options fit");
    let dir = tempfile::tempdir().expect("a folder");
    let mut results = Vec::new();

    let (sink, written) = VecSink::new();
    let report = compressor.compress(items(), sink).expect("it runs");
    let vec_bytes = written.take().expect("it has finished");
    assert_eq!(report.bytes_out, vec_bytes.len() as u64);
    test_bytes(&vec_bytes);
    results.push(("VecSink", contents(&vec_bytes), report));

    let path = dir.path().join("path.7z");
    let report = compressor.compress(items(), PathSink::create(&path).expect("created")).expect("it runs");
    assert!(std::fs::read(&path).expect("there") == vec_bytes, "a file holds the same");
    results.push(("PathSink", contents_of_path(&path), report));

    let shared = Shared::default();
    let report = compressor.compress(items(), SeekSink::new(shared.clone()).expect("created")).expect("it runs");
    assert_eq!(report.bytes_out, shared.bytes().len() as u64, "SeekSink: the size is the archive's");
    test_bytes(&shared.bytes());
    results.push(("SeekSink", contents(&shared.bytes()), report));

    let shared = Shared::default();
    let report = compressor.compress(items(), StreamSink::new(shared.clone(), 1 << 20)).expect("it runs");
    assert!(shared.bytes() == vec_bytes, "a stream gets the same");
    results.push(("StreamSink", contents(&shared.bytes()), report));

    let base = dir.path().join("volumes.7z");
    let sink = VolumeSink::create(&base, &[100, 70_000, 1 << 20]).expect("created");
    let report = compressor.compress(items(), sink).expect("it runs");
    let first = dir.path().join("volumes.7z.001");
    test_path(&first);
    results.push(("VolumeSink", contents_of_path(&first), report));
    results
}

fn dies_at(places: &[u64], options: &WriteOptions) {
    let _watchdog = watchdog("a run with dying sources");
    let good = |n: usize| text(n as u64, 3_000 + n);
    let items = || {
        let mut items = vec![Item::from_bytes("good 0", good(0))];
        for (n, place) in places.iter().enumerate() {
            // Its size is known for one and unknown for the next.
            let size = (n % 2 == 0).then_some(place + 1000);
            items.push(Item::from_reader(format!("bad {n}"), Pattern::dies_after(*place), size));
            items.push(Item::from_bytes(format!("good {}", n + 1), good(n + 1)));
        }
        items
    };
    for (sink, contents, report) in through_every_sink(options, items) {
        let failures: Vec<_> = report.failures.iter().map(|f| (f.index, f.name.clone(), f.error.kind())).collect();
        let expected: Vec<_> =
            (0..places.len()).map(|n| (2 * n as u64 + 1, format!("bad {n}"), ErrorKind::Source)).collect();
        assert_eq!(failures, expected, "{sink}");
        assert!(report.failures.iter().all(|f| f.error.to_string().contains("the line went dead")), "{sink}");
        assert_eq!(report.items_done, places.len() as u64 + 1, "{sink}");
        assert_eq!(report.bytes_in, (0..=places.len()).map(|n| good(n).len() as u64).sum::<u64>(), "{sink}");
        assert!(!report.is_complete() && report.into_complete().is_err(), "{sink}");
        let found = files(&contents);
        assert_eq!(found.len(), places.len() + 1, "{sink}: {:?}", found.keys());
        for n in 0..=places.len() {
            assert!(found[format!("good {n}").as_str()] == good(n), "{sink}: good {n}");
        }
    }
}

/// About the borders of slices of 1 and 2 MiB, and of reads.
const BORDERS: [u64; 12] =
    [0, 1, 4095, 65_536, (256 << 10) + 1, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 4 * MIB];

#[test]
fn at_slice_borders() {
    let method = |method| tight(3, 1).method(method).expect("valid");
    dies_at(&BORDERS, &tight(2, 1));
    dies_at(&BORDERS, &tight(3, 0));
    dies_at(&BORDERS, &method(Method::Deflate(par7z::DeflateParams::default())));
    let slices_of_2_mib = LzmaParams { dictionary_bytes: Some(4 << 20), ..LzmaParams::default() };
    dies_at(&BORDERS, &method(Method::Lzma2(slices_of_2_mib)));
}

#[test]
fn at_slice_borders_in_solid_folders() {
    dies_at(&BORDERS, &tight(3, 1).solid(Solid::ON).expect("valid"));
    let few = Solid { max_items: 3, ..Solid::ON };
    dies_at(&BORDERS, &tight(3, 1).solid(few).expect("valid"));
}

#[test]
fn after_many_mebibytes() {
    for solid in [Solid::OFF, Solid::ON] {
        dies_at(&[63 * MIB, 64 * MIB, 65 * MIB], &options(2, 0).solid(solid).expect("valid"));
    }
}

#[test]
fn when_all_fail_the_archive_is_empty_but_valid() {
    let items = || (0..5).map(|n| Item::from_reader(format!("{n}"), Pattern::dies_after(n * MIB), None)).collect();
    for (sink, contents, report) in through_every_sink(&tight(2, 1), items) {
        assert_eq!(report.failures.len(), 5, "{sink}");
        assert!(contents.is_empty(), "{sink}");
        assert_eq!(report.bytes_in, 0, "{sink}");
    }
}

/// Fails after 100 bytes for the first `times` openings.
fn flaky(times: u32, good: u64, openings: &Arc<AtomicU32>) -> Item {
    let openings = Arc::clone(openings);
    let open = move || {
        if openings.fetch_add(1, Ordering::Relaxed) < times {
            if openings.load(Ordering::Relaxed).is_multiple_of(2) {
                return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
            }
            return Ok(Pattern::dies_after(good));
        }
        Ok(Pattern::of(3 * MIB))
    };
    Item::from_opener("flaky", open, None)
}

#[test]
fn a_source_that_recovers_is_in() {
    // It dies before and after the point up to which solid folders read ahead.
    for solid in [Solid::OFF, Solid::ON] {
        for good in [100, 2 * MIB + 5] {
            for failures in [1, 2, 3] {
                let openings = Arc::default();
                let recorder = Arc::new(Recorder::default());
                let options = tight(2, 1).on_error(ErrorPolicy::Retry { times: 3 }).expect("valid");
                let options = options.solid(solid).expect("valid").observer(recorder.clone());
                let (bytes, report) = write(&options, vec![flaky(failures, good, &openings)]);
                assert!(report.is_complete(), "{:?}", report.failures);
                assert_eq!(report.bytes_in, 3 * MIB);
                assert_eq!(openings.load(Ordering::Relaxed), failures + 1);
                assert!(files(&contents(&bytes))["flaky"] == pattern(3 * MIB));
                let retried: Vec<_> = recorder.of(0).into_iter().filter(|t| matches!(t, Told::Retried(_))).collect();
                assert_eq!(retried, (1..=failures).map(Told::Retried).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn retries_end_when_they_are_used_up() {
    for solid in [Solid::OFF, Solid::ON] {
        for good in [100, 2 * MIB + 5] {
            let openings = Arc::default();
            let options = tight(2, 1).on_error(ErrorPolicy::Retry { times: 3 }).expect("valid");
            let options = options.solid(solid).expect("valid");
            let (_, report) = write(&options, vec![flaky(100, good, &openings)]);
            assert_eq!(report.failures.len(), 1);
            assert_eq!(openings.load(Ordering::Relaxed), 4, "one attempt and three further ones ({solid:?}, {good})");
        }
    }
}

#[test]
fn a_stream_is_not_tried_twice() {
    let options = tight(1, 1).on_error(ErrorPolicy::Retry { times: 5 }).expect("valid");
    let (_, report) = write(&options, vec![Item::from_reader("once", Pattern::dies_after(10), None)]);
    assert_eq!(report.failures.len(), 1);
}

#[test]
fn aborting_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.7z");
    std::fs::write(&path, "the older archive").expect("written");
    for solid in [Solid::OFF, Solid::ON] {
        for place in [0, 3 * MIB] {
            let options = tight(2, 1).on_error(ErrorPolicy::Abort).and_then(|o| o.solid(solid)).expect("valid");
            let mut items: Vec<_> = (0..9).map(|n| Item::from_bytes(format!("{n}"), noise(n, 300_000))).collect();
            items.insert(5, Item::from_reader("bad", Pattern::dies_after(place), None));
            let error = Compressor::new(options).expect("valid").compress_to_path(items, &path).expect_err("aborted");
            assert_eq!(error.kind(), ErrorKind::Source);
            assert_eq!(error.entry(), Some("bad"));
            assert_eq!(std::fs::read(&path).expect("there"), b"the older archive");
            assert_eq!(names_in(dir.path()), ["a.7z"]);
        }
    }
}

/// Does something else than read, once some bytes are read.
struct Odd<F>(Cursor<Vec<u8>>, F);

impl<F: FnMut(u64) -> io::Result<()>> Read for Odd<F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (self.1)(self.0.position())?;
        let most = buf.len().min(1000);
        self.0.read(&mut buf[..most])
    }
}

fn fails_alone(name: &str, item: impl Fn() -> Item) -> String {
    let _watchdog = watchdog("a run with an odd source");
    let mut text = String::new();
    for solid in [Solid::OFF, Solid::ON] {
        let items = vec![Item::from_bytes("before", *b"before"), item(), Item::from_bytes("after", vec![1; 100_000])];
        let (bytes, report) = write(&tight(2, 1).solid(solid).expect("valid"), items);
        let failed: Vec<_> = report.failures.iter().map(|failure| failure.index).collect();
        assert_eq!(failed, [1], "{name}");
        assert_eq!(files(&contents(&bytes)).into_keys().collect::<Vec<_>>(), ["after", "before"], "{name}");
        text = report.failures[0].error.to_string();
    }
    text
}

#[test]
fn sources_that_panic_fail_alone() {
    for place in [0, 5_000, 1_500_000] {
        let panics = move |position| if position >= place { panic!("the reader's bug") } else { Ok(()) };
        let item = || Item::from_reader("panics", Odd(Cursor::new(vec![0; 3 << 20]), panics), None);
        assert!(fails_alone("a reader that panics", item).contains("the reader's bug"));
    }
    let item = || Item::from_opener("panics", || -> io::Result<io::Empty> { panic!("the opener's bug") }, None);
    assert!(fails_alone("an opener that panics", item).contains("the opener's bug"));
}

#[test]
fn a_reader_that_says_it_read_more_than_it_could_fails_alone() {
    struct Liar;
    impl Read for Liar {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            Ok(buf.len() + 1)
        }
    }
    fails_alone("a liar", || Item::from_reader("liar", Liar, None));
}

#[test]
fn interruptions_are_no_failures() {
    let mut turn = 0;
    let interrupted = move |_| {
        turn += 1;
        if turn % 3 == 0 { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
    };
    let item = Item::from_reader("interrupted", Odd(Cursor::new(text(1, 50_000)), interrupted), None);
    let (bytes, report) = write(&tight(2, 1), vec![item]);
    assert!(report.is_complete());
    assert!(files(&contents(&bytes))["interrupted"] == text(1, 50_000));
}

#[test]
fn a_wrong_size_changes_nothing_but_the_plan() {
    let methods = [
        Method::Lzma2(LzmaParams::default()),
        Method::Lzma(LzmaParams::default()),
        Method::Ppmd(par7z::PpmdParams::default()),
        Method::Copy,
    ];
    for method in methods {
        for solid in [Solid::OFF, Solid::ON] {
            let _watchdog = watchdog("a run with wrong sizes");
            let sizes = [0, 1, 2_999_999, 3_000_001, 4 * MIB, 100 << 30, u64::MAX];
            let item = |said: &u64| Item::from_reader(format!("{said}"), Cursor::new(text(9, 3_000_000)), Some(*said));
            let options = tight(2, 1).method(method).and_then(|o| o.solid(solid)).expect("valid");
            let (bytes, report) = write(&options, sizes.iter().map(item).collect());
            assert!(report.is_complete(), "{:?}", report.failures);
            let contents = contents(&bytes);
            assert_eq!(contents.len(), sizes.len());
            assert!(files(&contents).values().all(|content| **content == text(9, 3_000_000)), "{method:?} {solid:?}");
        }
    }
}

#[test]
fn paths_that_cannot_be_read_fail_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let missing = dir.path().join("missing");
    let text = fails_alone("a missing path", || Item::from_path("missing", &missing));
    assert!(text.contains("cannot open"), "{text}");
    let vanishes = || {
        let path = dir.path().join("vanishes");
        std::fs::write(&path, "soon gone").expect("written");
        let item = Item::from_path("vanishes", &path);
        std::fs::remove_file(&path).expect("removed");
        item
    };
    fails_alone("a path that vanishes", vanishes);
    #[cfg(target_os = "linux")]
    fails_alone("a file that cannot be read", || Item::from_path("mem", "/proc/self/mem"));
}

#[test]
fn a_directory_is_an_entry() {
    let dir = tempfile::tempdir().expect("a folder");
    for solid in [Solid::OFF, Solid::ON] {
        let (bytes, report) = write(&tight(1, 1).solid(solid).expect("valid"), vec![Item::from_path("d", dir.path())]);
        assert_eq!((report.items_done, report.directories), (1, 1));
        assert_eq!(contents(&bytes)["d"], None);
    }
}

#[test]
fn names_that_cannot_be_stored_fail_alone() {
    for name in ["", "a\0b"] {
        fails_alone("a bad name", || Item::from_bytes(name, *b"content"));
        fails_alone("a bad name", || Item::directory(name));
    }
}
