//! Full disks, kills, cancelling, and sinks that fail: the older archive or the new one, and never a hang.

use crate::common::{
    CHILD, Gate, MIB, Pattern, Recorder, TestSink, child_argument, child_command, names_in, noise, options,
    output_text, text, tight, watchdog,
};
use par7z::storage::{PathSink, Sink, VolumeSink};
use par7z::{CancelToken, Compressor, Encryption, ErrorKind, Event, Item, Observer, Order, Solid, Stragglers, Totals};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const OLDER: &[u8] = b"the older archive";

fn noisy_items(count: u64) -> Vec<Item> {
    (0..count).map(|n| Item::from_bytes(format!("{n}"), noise(n, 300_000))).collect()
}

#[test]
#[cfg(unix)]
fn a_full_disk_leaves_the_older_archive() {
    let _watchdog = watchdog("a run on a full disk");
    for kind in ["file", "volumes"] {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.7z");
        std::fs::write(&path, OLDER).expect("written");
        // A limit of 512 blocks of 512 bytes (or of 1 KiB: the shells differ) stands for the full disk.
        let argument = format!("{kind}:{}", path.display());
        let mut command = child_command("faults::child_on_a_full_disk", &argument, "trap '' XFSZ; ulimit -f 512");
        let output = command.output().expect("it runs");
        let text = output_text(&output);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        assert!(text.contains("refused: Io: cannot write the archive"), "{text}");
        assert!(text.contains("too large") || text.contains("full"), "the system's own words: {text}");
        assert!(!text.contains(".par7z-part"), "the temporary file is nobody's business: {text}");
        assert_eq!(std::fs::read(&path).expect("there"), OLDER);
        assert_eq!(names_in(dir.path()), ["a.7z"], "nothing else is left");
    }
}

#[test]
// Works in a process of its own, which another test starts; by itself it has nothing to do.
fn child_on_a_full_disk() {
    let Some(argument) = child_argument() else { return eprintln!("{CHILD} is not set") };
    let (kind, path) = argument.split_once(':').expect("a kind and a path");
    let compressor = Compressor::new(options(2, 1)).expect("valid");
    let result = match kind {
        "file" => compressor.compress_to_path(noisy_items(10), path),
        _ => compressor.compress(noisy_items(10), VolumeSink::create(path, &[100_000, MIB]).expect("created")),
    };
    let error = result.expect_err("it does not fit");
    println!("refused: {:?}: {error}", error.kind());
}

#[test]
#[cfg(unix)]
fn a_killed_process_leaves_the_older_archive() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.7z");
    std::fs::write(&path, OLDER).expect("written");
    let argument = path.display().to_string();
    let mut child = child_command("faults::child_that_never_ends", &argument, "").spawn().expect("it runs");
    let largest = |dir: &Path| {
        let sizes = std::fs::read_dir(dir).expect("readable").map(|found| found.and_then(|found| found.metadata()));
        sizes.filter_map(|metadata| Some(metadata.ok()?.len())).max().unwrap_or(0)
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while largest(dir.path()) < MIB {
        assert!(Instant::now() < deadline, "it writes nothing");
        assert!(child.try_wait().expect("it is asked").is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("killed");
    child.wait().expect("it ends");
    assert_eq!(std::fs::read(&path).expect("there"), OLDER);
}

#[test]
// Works in a process of its own, which another test starts; by itself it has nothing to do.
fn child_that_never_ends() {
    let Some(path) = child_argument() else { return eprintln!("{CHILD} is not set") };
    let items = (0u64..).map(|n| Item::from_bytes(format!("{n}"), noise(n, 300_000)));
    let _ = Compressor::new(options(2, 1)).expect("valid").compress_to_path(items, path);
}

#[test]
fn cancelling_is_prompt_at_the_highest_level() {
    let _watchdog = watchdog("a run that is cancelled");
    // Nothing that is stored without trying.
    let content: Arc<[u8]> = text(1, 96 << 20).into();
    for solid in [Solid::OFF, Solid::ON] {
        let cancel = CancelToken::new();
        let options = options(2, 9).cancel_token(cancel.clone()).solid(solid).expect("valid");
        let sink = TestSink::new();
        let state = Arc::clone(&sink.state);
        let compressor = Compressor::new(options).expect("valid");
        let content = Arc::clone(&content);
        let run = std::thread::spawn(move || compressor.compress([Item::from_bytes("large", content)], sink));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!run.is_finished(), "the item is large enough");
        let asked = Instant::now();
        cancel.cancel();
        let error = run.join().expect("no panic").expect_err("cancelled");
        let took = asked.elapsed();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(took < Duration::from_secs(2), "it took {took:?}");
        assert!(state.aborted.load(Ordering::Acquire) && !state.finished.load(Ordering::Acquire));
    }
}

/// Lets a gate open at the end of a test, so that no thread stays behind.
struct Opens(Arc<AtomicBool>);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn cancelling_does_not_wait_for_a_source_that_blocks() {
    let _watchdog = watchdog("a run over a pipe that never ends");
    let dir = tempfile::tempdir().expect("a folder");
    for solid in [Solid::OFF, Solid::ON] {
        let gate = Opens(Arc::default());
        let cancel = CancelToken::new();
        let options = options(2, 1).cancel_token(cancel.clone()).solid(solid).expect("valid");
        let session = Compressor::new(options)
            .and_then(|compressor| compressor.start(PathSink::create(dir.path().join("a.7z"))?))
            .expect("it starts");
        session.add(Item::from_reader("pipe", Gate(Arc::clone(&gate.0)), None)).expect("added");
        session.add(Item::from_bytes("other", *b"other")).expect("added");
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            cancel.cancel();
        });
        let begun = Instant::now();
        assert_eq!(session.finish().expect_err("cancelled").kind(), ErrorKind::Cancelled);
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert!(names_in(dir.path()).is_empty());
    }
}

/// Tells that it is read, then keeps its worker for 300 ms.
struct Keeps(Arc<AtomicBool>);

impl io::Read for Keeps {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.store(true, Ordering::Release);
        std::thread::sleep(Duration::from_millis(300));
        Ok(0)
    }
}

#[test]
fn a_run_that_waits_for_stragglers_leaves_nothing_behind() {
    let _watchdog = watchdog("a run that waits for its stragglers");
    for (solid, finishes) in [(Solid::OFF, true), (Solid::ON, true), (Solid::OFF, false)] {
        let was_read = Arc::new(AtomicBool::new(false));
        let recorder = Arc::new(Recorder::default());
        let cancel = CancelToken::new();
        let options = options(2, 1).cancel_token(cancel.clone()).stragglers(Stragglers::Wait);
        // Two to a folder: the items behind wait in the queue, and one with the planner, when the run is cancelled.
        let options = options.observer(recorder.clone()).solid(Solid { max_items: solid.max_items.min(2), ..solid });
        let compressor = Compressor::new(options.expect("valid")).expect("valid");
        let sink = TestSink::new();
        let state = Arc::clone(&sink.state);
        let session = compressor.start(sink).expect("it starts");
        drop(compressor);
        for n in 0..7 {
            session.add(Item::from_reader(format!("{n}"), Keeps(Arc::clone(&was_read)), None)).expect("added");
        }
        while !was_read.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        if finishes {
            cancel.cancel();
            assert_eq!(session.finish().expect_err("cancelled").kind(), ErrorKind::Cancelled);
        } else {
            drop(session);
        }
        // Of every item, the sink and the observer, nobody but this test holds a part now.
        assert_eq!(Arc::strong_count(&was_read), 1);
        assert_eq!(Arc::strong_count(&state), 1);
        assert_eq!(Arc::strong_count(&recorder), 1);
    }
}

/// Every read of it was interrupted.
struct Interrupted(Arc<AtomicBool>);

impl io::Read for Interrupted {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.store(true, Ordering::Release);
        Err(io::ErrorKind::Interrupted.into())
    }
}

#[test]
fn cancelling_ends_the_retries_of_an_interrupted_source() {
    let _watchdog = watchdog("a run over a source that is always interrupted");
    for solid in [Solid::OFF, Solid::ON] {
        let was_read = Arc::new(AtomicBool::new(false));
        let cancel = CancelToken::new();
        let options = options(1, 1).cancel_token(cancel.clone()).solid(solid).expect("valid");
        let session = Compressor::new(options).and_then(|c| c.start(TestSink::new())).expect("it starts");
        session.add(Item::from_reader("item", Interrupted(Arc::clone(&was_read)), None)).expect("added");
        let finishing = std::thread::spawn(move || session.finish());
        while !was_read.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        cancel.cancel();
        assert_eq!(finishing.join().expect("no panic").expect_err("cancelled").kind(), ErrorKind::Cancelled);
        // The worker has dropped the item, so it is not left behind in a loop.
        while Arc::strong_count(&was_read) > 1 {
            std::thread::yield_now();
        }
    }
}

#[test]
fn adding_after_cancelling_is_refused() {
    let cancel = CancelToken::new();
    let compressor = Compressor::new(options(1, 1).cancel_token(cancel.clone())).expect("valid");
    let session = compressor.start(TestSink::new()).expect("it starts");
    cancel.cancel();
    let error = session.add(Item::from_bytes("late", *b"late")).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(session.finish().expect_err("cancelled").kind(), ErrorKind::Cancelled);
}

#[test]
fn a_session_that_is_dropped_leaves_nothing() {
    let _watchdog = watchdog("a dropped session");
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.7z");
    std::fs::write(&path, OLDER).expect("written");
    let compressor = Compressor::new(tight(2, 1)).expect("valid");
    let session = compressor.start(PathSink::create(&path).expect("created")).expect("it starts");
    for item in noisy_items(20) {
        session.add(item).expect("added");
    }
    drop(session);
    assert_eq!(std::fs::read(&path).expect("there"), OLDER);
    assert_eq!(names_in(dir.path()), ["a.7z"]);
}

#[test]
fn a_sink_that_fails_at_any_byte_ends_the_run() {
    let _watchdog = watchdog("a run into a sink that fails");
    let items = || {
        let mut items = noisy_items(6);
        items.push(Item::from_reader("bad", Pattern::dies_after(3 * MIB), None));
        items.push(Item::from_reader("stream", Pattern::of(5 * MIB), None));
        items
    };
    let encrypted = Encryption::password("secret").iv([1; 16]);
    let variants = [
        tight(4, 1),
        tight(2, 0).order(Order::Completion),
        tight(4, 1).solid(Solid::ON).expect("valid"),
        tight(3, 1).encryption(Some(encrypted)),
    ];
    for options in variants {
        let compressor = Compressor::new(options).expect("valid");
        let whole = compressor.compress(items(), TestSink::new()).expect("it runs").bytes_out;
        for step in 0..12 {
            // The last one is the header's first byte, about.
            let fails_at = (whole - 33) * step / 11;
            let sink = TestSink { fails_at, ..TestSink::new() };
            let state = Arc::clone(&sink.state);
            let error = compressor.compress(items(), sink).expect_err("the sink fails");
            assert_eq!(error.kind(), ErrorKind::Io, "at byte {fails_at} of {whole}: {error}");
            assert!(error.to_string().contains("the test's disk is full"), "{error}");
            assert!(state.aborted.load(Ordering::Acquire) && !state.finished.load(Ordering::Acquire));
        }
        let sink = TestSink { fails_in_finish: true, ..TestSink::new() };
        let error = compressor.compress(items(), sink).expect_err("the sink fails");
        assert!(error.to_string().contains("the test's finish fails"), "{error}");
    }
}

#[test]
fn a_sink_that_panics_ends_the_run() {
    struct Panics;
    impl Sink for Panics {
        fn append(&mut self, _: &[u8]) -> io::Result<()> {
            panic!("the sink's bug")
        }
        fn truncate(&mut self, _: u64) -> io::Result<bool> {
            Ok(false)
        }
        fn finish(self: Box<Self>, _: &[u8; 32]) -> par7z::Result<()> {
            Ok(())
        }
        fn abort(self: Box<Self>) {}
    }
    let _watchdog = watchdog("a run into a sink that panics");
    // More than the budget and the queue hold: the caller would wait for ever.
    let error = Compressor::new(tight(2, 1)).expect("valid").compress(noisy_items(80), Panics).expect_err("no archive");
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[test]
fn an_observer_that_panics_ends_the_run() {
    struct Panics(fn(&Event<'_>) -> bool);
    impl Observer for Panics {
        fn event(&self, event: &Event<'_>, _: &Totals) {
            assert!(!(self.0)(event), "the observer's bug");
        }
    }
    let _watchdog = watchdog("a run whose observer panics");
    let kinds: [fn(&Event<'_>) -> bool; 4] = [
        |event| matches!(event, Event::ItemStarted { index: 1, .. }),
        |event| matches!(event, Event::ItemProgress { .. }),
        |event| matches!(event, Event::ItemFinished { index: 1, .. }),
        |event| matches!(event, Event::ItemFailed { .. }),
    ];
    for kind in kinds {
        for threads in [1, 4] {
            let options = tight(threads, 1).observer(Arc::new(Panics(kind)));
            let mut items = noisy_items(4);
            items.push(Item::from_reader("large", Pattern::of(9 * MIB), None));
            items.push(Item::from_reader("bad", Pattern::dies_after(10), None));
            items.extend(noisy_items(30));
            let error = Compressor::new(options).expect("valid").compress_to_vec(items).expect_err("no archive");
            assert_eq!(error.kind(), ErrorKind::Internal);
            assert!(error.to_string().contains("the observer's bug"), "{error}");
        }
    }
}

#[test]
fn an_iterator_that_panics_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.7z");
    let run = std::panic::catch_unwind(|| {
        let items = (0..10u64).map(|n| if n == 5 { panic!("the iterator's bug") } else { noisy_items(1).remove(0) });
        Compressor::new(options(2, 1)).expect("valid").compress_to_path(items, &path)
    });
    assert!(run.is_err());
    assert!(names_in(dir.path()).is_empty());
}

#[test]
fn a_cancelled_run_tells_no_item_as_finished_after_its_end() {
    let recorder = Arc::new(Recorder::default());
    let cancel = CancelToken::new();
    let options = options(2, 1).cancel_token(cancel.clone()).observer(recorder.clone());
    cancel.cancel();
    let error = Compressor::new(options).expect("valid").compress_to_vec(noisy_items(3)).expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(recorder.events.lock().expect("no panic").is_empty());
}
