//! Volumes that a function takes while later ones are being made: what comes, when, and what a consumer learns of a run
//! that ends early.

use crate::common::*;
use par7z::storage::{Segment, SegmentConsumer, SegmentSink, Sink};
use par7z::{CancelToken, Compressor, Encryption, ErrorKind, ErrorPolicy, Item};
use std::io::{self, Read};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a consumer was told.
#[derive(Debug, Default)]
struct Told {
    /// In the order in which they came: number, whether it is the last, bytes.
    segments: Vec<(u64, bool, Vec<u8>)>,
    aborts: u32,
}

impl Told {
    fn numbers(&self) -> Vec<u64> {
        self.segments.iter().map(|(number, ..)| *number).collect()
    }

    /// The archive, if the set is complete.
    fn joined(&self) -> Vec<u8> {
        let mut segments: Vec<_> = self.segments.iter().collect();
        segments.sort();
        for (place, (number, is_last, _)) in segments.iter().enumerate() {
            assert_eq!((*number, *is_last), (place as u64 + 1, place + 1 == segments.len()));
        }
        segments.into_iter().flat_map(|(.., bytes)| bytes.clone()).collect()
    }
}

/// Remembers everything; refuses one volume if told so.
#[derive(Clone, Default)]
struct Remember {
    told: Arc<Mutex<Told>>,
    refuses: Option<u64>,
}

impl SegmentConsumer for Remember {
    fn segment(&mut self, mut segment: Segment<'_>) -> io::Result<()> {
        let mut told = self.told.lock().expect("no panic");
        assert_eq!(told.aborts, 0, "nothing comes after abort");
        if self.refuses == Some(segment.number()) {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "the store is full"));
        }
        let mut bytes = Vec::new();
        segment.read_to_end(&mut bytes)?;
        assert_eq!(bytes.len() as u64, segment.size_bytes());
        told.segments.push((segment.number(), segment.is_last(), bytes));
        Ok(())
    }

    fn abort(&mut self) {
        self.told.lock().expect("no panic").aborts += 1;
    }
}

/// Volumes come in this order: behind those with the start header in order, then these, the first one last.
fn expected_order(count: u64, with_header: u64) -> Vec<u64> {
    let with_header = with_header.min(count);
    (with_header + 1..=count).chain(2..=with_header).chain([1]).collect()
}

fn items() -> Vec<Item> {
    (0..40).map(|n| Item::from_bytes(format!("{n}.bin"), noise(n, 500 + 37 * n as usize))).collect()
}

#[test]
fn joined_they_are_the_archive() {
    let (whole, _) = write(&options(2, 1), items());
    let length = whole.len() as u64;
    // The last ones: cut exactly at the end, exactly behind the header, all in the first.
    let cuts: [(&[u64], u64); 12] = [
        (&[1000], 1),
        (&[100, 5000, 300], 1),
        (&[33], 1),
        (&[32], 1),
        (&[31], 2),
        (&[10], 4),
        (&[1], 32),
        (&[5, 27, 400], 2),
        (&[5, 30_000, 400], 2),
        (&[length], 1),
        (&[32, length - 32], 1),
        (&[u64::MAX], 1),
    ];
    for (sizes, with_header) in cuts {
        // In memory, and in a file.
        for memory_bytes in [1 << 20, 0] {
            let consumer = Remember::default();
            let sink = SegmentSink::new(sizes, memory_bytes, consumer.clone()).expect("valid sizes");
            let report = Compressor::new(options(2, 1)).expect("valid").compress(items(), sink).expect("it runs");
            let told = consumer.told.lock().expect("no panic");
            assert!(told.joined() == whole, "{sizes:?}");
            assert_eq!(told.numbers(), expected_order(told.segments.len() as u64, with_header), "{sizes:?}");
            assert_eq!((report.bytes_out, told.aborts), (length, 0));
            for (number, is_last, bytes) in &told.segments {
                let size = sizes[(*number as usize - 1).min(sizes.len() - 1)];
                assert!(bytes.len() as u64 == size || (*is_last && !bytes.is_empty() && bytes.len() as u64 <= size));
            }
        }
    }
    test_bytes(&whole);
}

#[test]
fn an_archive_without_entries_is_one_volume_or_a_few() {
    for (size, count) in [(1000, 1), (32, 1), (31, 2), (8, 4)] {
        let consumer = Remember::default();
        let sink = SegmentSink::new(&[size], 100, consumer.clone()).expect("a valid size");
        Compressor::new(options(1, 1)).expect("valid").compress([], sink).expect("it runs");
        let told = consumer.told.lock().expect("no panic");
        assert_eq!(told.numbers(), expected_order(count, count));
        assert!(told.joined() == write(&options(1, 1), Vec::new()).0);
    }
}

#[test]
fn seven_zip_opens_an_encrypted_set() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().to_owned();
    let save = move |mut segment: Segment<'_>| {
        let name = format!("a.7z.{:03}", segment.number());
        io::copy(&mut segment, &mut std::fs::File::create_new(folder.join(name))?).map(drop)
    };
    let encryption = Encryption::password(PASSWORD).hide_names(true);
    let options = options(2, 5).encryption(Some(encryption));
    let sink = SegmentSink::new(&[4000], 1 << 20, save).expect("a valid size");
    Compressor::new(options).expect("valid").compress(items(), sink).expect("it runs");
    assert!(names_in(dir.path()).len() > 3);
    let first = dir.path().join("a.7z.001");
    test_path(&first);
    let contents = contents_of_path(&first);
    assert_eq!(contents.len(), 40);
    assert!(contents["7.bin"].as_deref() == Some(&noise(7, 500 + 37 * 7)[..]));
}

#[test]
fn a_volume_is_there_before_the_last_item_is_read() {
    let _watchdog = watchdog("a run whose last item waits for the second volume");
    /// Has nothing before the second volume has come.
    struct Waits(mpsc::Receiver<u64>);
    impl Read for Waits {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            let number = self.0.recv().map_err(io::Error::other)?;
            if number == 2 { Ok(0) } else { Err(io::Error::other(format!("volume {number} came first"))) }
        }
    }
    for threads in [1, 2] {
        let (sender, receiver) = mpsc::channel();
        let consume = move |segment: Segment<'_>| {
            // Nobody listens any more after the first.
            let _ = sender.send(segment.number());
            Ok(())
        };
        let sink = SegmentSink::new(&[10_000], 1 << 20, consume).expect("a valid size");
        let mut items: Vec<_> = (0..5).map(|n| Item::from_bytes(format!("{n}"), noise(n, 10_000))).collect();
        items.push(Item::from_reader("last", Waits(receiver), None));
        let report = Compressor::new(options(threads, 1)).expect("valid").compress(items, sink).expect("it runs");
        assert!(report.is_complete(), "{:?}", report.failures);
    }
}

#[test]
fn what_a_failed_item_left_is_taken_back_or_stepped_over() {
    let _watchdog = watchdog("failing items in volumes");
    let items = || {
        let dies = |name: &str, good| Item::from_reader(name, Noise(Pattern::dies_after(good)), None);
        let good = |name: &str, seed| Item::from_bytes(name, noise(seed, 50_000));
        vec![
            good("a", 1),
            dies("small", 3000),
            good("b", 2),
            dies("large", 30 << 20),
            good("c", 3),
            dies("end", 9 << 20),
        ]
    };
    // Stored, so that bytes come as they are read.
    for (sizes, waste) in [(&[1000][..], true), (&[1 << 20], true), (&[u64::MAX], false), (&[1, u64::MAX], false)] {
        let consumer = Remember::default();
        let sink = SegmentSink::new(sizes, 1 << 20, consumer.clone()).expect("valid sizes");
        let report = Compressor::new(tight(1, 0)).expect("valid").compress(items(), sink).expect("it runs");
        assert_eq!((report.items_done, report.failures.len()), (3, 3));
        let archive = consumer.told.lock().expect("no panic").joined();
        assert_eq!(archive.len() > 1 << 20, waste, "{sizes:?}: {} bytes", archive.len());
        test_bytes(&archive);
        let contents = contents(&archive);
        let names: Vec<_> = contents.keys().map(String::as_str).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(contents["c"].as_deref() == Some(&noise(3, 50_000)[..]));
    }
}

/// A pattern without a pattern: nothing finds out that it could be packed.
struct Noise(Pattern);

impl Read for Noise {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buf)?;
        buf[..count].copy_from_slice(&noise(self.0.position, count));
        Ok(count)
    }
}

#[test]
fn bytes_are_taken_back_up_to_what_was_handed_over() {
    let sink = |consumer: &Remember| Box::new(SegmentSink::new(&[50, 100], 1 << 20, consumer.clone()).expect("valid"));
    let content = noise(1, 1000);
    let consumer = Remember::default();
    let mut written = sink(&consumer);
    // Volume 1 holds 18 bytes behind the header, volume 2 the next 100.
    written.append(&content[..118]).expect("appended");
    assert!(consumer.told.lock().expect("no panic").numbers().is_empty(), "it could be the last");
    for position in [118, 100, 18, 17, 0] {
        assert!(written.truncate(position).expect("truncated"));
        written.append(&content[position as usize..118]).expect("appended");
    }
    written.append(&content[118..150]).expect("appended");
    assert_eq!(consumer.told.lock().expect("no panic").numbers(), [2]);
    for position in [0, 17, 18, 117, 118] {
        assert!(!written.truncate(position).expect("no error"), "{position} is out of reach");
    }
    assert!(written.truncate(119).expect("truncated"));
    written.append(&content[119..300]).expect("appended");
    written.finish(&[7; 32]).expect("finished");
    let told = consumer.told.lock().expect("no panic");
    assert_eq!((told.numbers(), told.aborts), (vec![2, 3, 4, 1], 0));
    assert!(told.joined() == [&[7; 32][..], &content[..300]].concat());
}

#[test]
fn a_consumers_error_ends_the_run_and_is_told_back() {
    let _watchdog = watchdog("a consumer that refuses");
    // In the middle of the run, at its end, and at the very last.
    for refused in [2, 6, 1] {
        let consumer = Remember { refuses: Some(refused), ..Remember::default() };
        let items = (0..6).map(|n| Item::from_bytes(format!("{n}"), noise(n, 10_000)));
        let sink = SegmentSink::new(&[11_000], 1 << 20, consumer.clone()).expect("a valid size");
        let error = Compressor::new(options(2, 1)).expect("valid").compress(items, sink).expect_err("refused");
        assert!(error.kind() == ErrorKind::Io && error.to_string().contains("the store is full"), "{error}");
        let told = consumer.told.lock().expect("no panic");
        assert_eq!(told.aborts, 1);
        assert_eq!(told.segments.len(), if refused == 1 { 5 } else { refused as usize - 2 });
    }
    // One that panics is told nothing more, and nobody waits for it.
    let told = Arc::new(Mutex::new(0));
    let count = Arc::clone(&told);
    let panics = move |_: Segment<'_>| -> io::Result<()> {
        *count.lock().expect("no panic") += 1;
        panic!("the test's consumer panics")
    };
    let sink = SegmentSink::new(&[5000], 1 << 20, panics).expect("a valid size");
    let items = (0..6).map(|n| Item::from_bytes(format!("{n}"), noise(n, 10_000)));
    let error = Compressor::new(options(2, 1)).expect("valid").compress(items, sink).expect_err("it panicked");
    assert_eq!((error.kind(), *told.lock().expect("no panic")), (ErrorKind::Internal, 1));
}

#[test]
fn a_run_that_ends_early_is_told_once() {
    let _watchdog = watchdog("runs into volumes that end early");
    // Cancelled after the first volume.
    let cancel = CancelToken::new();
    let consumer = Remember::default();
    let (inner, token) = (consumer.clone(), cancel.clone());
    struct Cancels<F>(F, Remember);
    impl<F: FnMut() + Send> SegmentConsumer for Cancels<F> {
        fn segment(&mut self, segment: Segment<'_>) -> io::Result<()> {
            (self.0)();
            self.1.segment(segment)
        }
        fn abort(&mut self) {
            self.1.abort();
        }
    }
    let sink = SegmentSink::new(&[5000], 0, Cancels(move || token.cancel(), inner)).expect("a valid size");
    let endless = Item::from_reader("endless", Noise(Pattern::of(u64::MAX)), None);
    let options_of_run = options(2, 0).cancel_token(cancel);
    let error = Compressor::new(options_of_run).expect("valid").compress([endless], sink).expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    {
        let told = consumer.told.lock().expect("no panic");
        assert!(told.aborts == 1 && !told.segments.is_empty() && !told.numbers().contains(&1));
    }
    // Ended by an item, and dropped before anything came.
    let consumer = Remember::default();
    let sink = || SegmentSink::new(&[5000], 1 << 20, consumer.clone()).expect("a valid size");
    let compressor = Compressor::new(options(1, 1).on_error(ErrorPolicy::Abort).expect("valid")).expect("valid");
    let dies = Item::from_reader("dies", Pattern::dies_after(100), None);
    compressor.compress([dies], sink()).expect_err("its item fails");
    assert_eq!(consumer.told.lock().expect("no panic").aborts, 1);
    drop(compressor.start(sink()).expect("it starts"));
    drop(sink());
    let told = consumer.told.lock().expect("no panic");
    assert_eq!((told.aborts, told.segments.len()), (3, 0));
}

#[test]
fn sizes_are_checked() {
    for sizes in [&[][..], &[0], &[100, 0]] {
        let error = SegmentSink::new(sizes, 100, |_: Segment<'_>| Ok(())).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidOption);
    }
}

#[test]
fn a_consumer_need_not_read_all() {
    let sink = SegmentSink::new(&[7], 3, |mut segment: Segment<'_>| segment.read(&mut [0; 2]).map(drop));
    Compressor::new(options(1, 1)).expect("valid").compress(items(), sink.expect("valid")).expect("it runs");
    // A slow one holds nothing up for ever, and gets each volume once.
    let consumer = Remember::default();
    let mut inner = consumer.clone();
    let slow = move |segment: Segment<'_>| {
        std::thread::sleep(Duration::from_millis(2));
        inner.segment(segment)
    };
    let sink = SegmentSink::new(&[3000], 1 << 20, slow).expect("a valid size");
    Compressor::new(tight(2, 1)).expect("valid").compress(items(), sink).expect("it runs");
    assert!(consumer.told.lock().expect("no panic").joined() == write(&tight(2, 1), items()).0);
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_archive() {
    const TEST: &str = "segments::memory_does_not_grow_with_the_archive";
    if child_argument().is_none() {
        run_child(TEST, "measure", "");
        return;
    }
    const LIMIT_BYTES: usize = 8 << 20;
    let run = |archive_bytes: u64| {
        let total = Arc::new(Mutex::new(0));
        let sum = Arc::clone(&total);
        let consume = move |mut segment: Segment<'_>| {
            *sum.lock().expect("no panic") += io::copy(&mut segment, &mut io::sink())?;
            Ok(())
        };
        let sink = SegmentSink::new(&[24 * MIB], LIMIT_BYTES, consume).expect("a valid size");
        let item = Item::from_reader("noise", Noise(Pattern::of(archive_bytes)), None);
        Compressor::new(tight(1, 0)).expect("valid").compress([item], sink).expect("it runs");
        assert!(*total.lock().expect("no panic") > archive_bytes);
    };
    // What any run takes.
    run(MIB);
    let before = peak_memory();
    run(200 * MIB);
    let growth = peak_memory() - before;
    // Two volumes of 24 MiB, each with at most the limit in memory (a vector may have twice that room), and the budget.
    let bound = 2 * 2 * LIMIT_BYTES as u64 + 16 * MIB;
    assert!(growth < bound, "grown by {growth} bytes for 200 MiB");
}
