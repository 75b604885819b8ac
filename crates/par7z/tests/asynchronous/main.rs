//! Async callers: the same archives as from the engine itself, on every kind of runtime, and nothing left behind when they
//! lose interest.

#[path = "../writing/common.rs"]
#[expect(dead_code, reason = "the tests of the engine use the rest")]
mod common;

use common::*;
use futures_core::Stream;
use par7z::asynchronous::{Compression, Progress, iter};
use par7z::storage::{PathSink, VecSink};
use par7z::{CancelToken, Compressor, ErrorKind, ErrorPolicy, Item, Stragglers, WriteOptions};
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

/// Every flavour of runtime, with and without threads to spare.
fn runtimes() -> Vec<Runtime> {
    let mut builders = [Builder::new_current_thread(), Builder::new_multi_thread(), Builder::new_multi_thread()];
    builders[1].worker_threads(1);
    builders[2].worker_threads(2);
    builders.iter_mut().map(|builder| builder.enable_all().build().expect("a runtime")).collect()
}

fn compressor(options: WriteOptions) -> Compressor {
    Compressor::new(options).expect("valid")
}

/// What comes out of the other end of a pipe, written by a task of the runtime in pieces and with pauses.
fn piped(content: Vec<u8>, pause: Duration) -> DuplexStream {
    let (mut writer, reader) = duplex(1000);
    tokio::spawn(async move {
        for piece in content.chunks(700) {
            tokio::time::sleep(pause).await;
            // Nobody reads any more if the run has ended.
            if writer.write_all(piece).await.is_err() {
                return;
            }
        }
    });
    reader
}

/// Gives a few bytes, and then an error, or nothing ever; knows whether it is still there.
struct Bad {
    left: usize,
    fails: bool,
    alive: Arc<AtomicBool>,
    polled: Arc<AtomicUsize>,
}

impl Bad {
    fn new(left: usize, fails: bool) -> Self {
        Self { left, fails, alive: Arc::new(AtomicBool::new(true)), polled: Arc::default() }
    }

    fn fails_after(left: usize) -> Self {
        Self::new(left, true)
    }

    fn hangs_after(left: usize) -> Self {
        Self::new(left, false)
    }
}

impl AsyncRead for Bad {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.polled.fetch_add(1, Ordering::AcqRel);
        if self.left == 0 {
            let error = || io::Error::new(io::ErrorKind::ConnectionReset, "the line went dead");
            return if self.fails { Poll::Ready(Err(error())) } else { Poll::Pending };
        }
        let count = self.left.min(buf.remaining());
        buf.put_slice(&vec![7; count]);
        self.left -= count;
        Poll::Ready(Ok(()))
    }
}

impl Drop for Bad {
    fn drop(&mut self) {
        // As objects do that clean up asynchronously: it needs the runtime.
        drop(tokio::spawn(async {}));
        self.alive.store(false, Ordering::Release);
    }
}

/// Threads of this process that belong to runs.
#[cfg(target_os = "linux")]
fn run_threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a Linux system");
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("par7z-")).collect()
}

/// Waits until something holds, which it must soon.
fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn items_from_async_readers_on_every_runtime() {
    let _watchdog = watchdog("500 async readers");
    let content = |n: u64| text(n, n as usize * 13 % 4000);
    let plain = |n| Item::from_bytes(format!("{n}.txt"), content(n));
    let (expected, _) = write(&options(3, 1), (0..500).map(plain).collect());
    for runtime in runtimes() {
        let (sink, written) = VecSink::new();
        let report = runtime.block_on(async {
            // Made by the thread that feeds the run, which is in the runtime's context.
            let items = (0..500).map(move |n| {
                let pause = Duration::from_millis(if n % 50 == 0 { 3 } else { 0 });
                match n % 3 {
                    0 => Item::from_async_read(format!("{n}.txt"), piped(content(n), pause), None),
                    1 => Item::from_async_read(format!("{n}.txt"), io::Cursor::new(content(n)), Some(4000)),
                    _ => Item::from_bytes(format!("{n}.txt"), content(n)),
                }
            });
            compressor(options(3, 1)).compress_async(iter(items), sink).await.expect("it runs")
        });
        assert!(report.is_complete() && report.items_done == 500, "{:?}", report.failures);
        let archive = written.take().expect("it is there");
        assert!(archive == expected, "the same bytes as from buffers");
    }
    test_bytes(&expected);
    let unpacked = contents(&expected);
    assert!((0..500).all(|n| unpacked[&format!("{n}.txt")].as_deref() == Some(&content(n)[..])));
}

#[test]
fn a_failing_reader_fails_its_item_alone() {
    let _watchdog = watchdog("failing async readers");
    for runtime in runtimes() {
        for threads in [1, 3] {
            let (sink, written) = VecSink::new();
            let report = runtime.block_on(async {
                let items = (0..30).map(|n| match n {
                    3 => Item::from_async_read("3", Bad::fails_after(0), None),
                    7 => Item::from_async_read("7", Bad::fails_after(3 << 20), None),
                    n => Item::from_async_read(format!("{n}"), piped(text(n, 3000), Duration::ZERO), None),
                });
                compressor(tight(threads, 1)).compress_async(iter(items), sink).await.expect("it runs")
            });
            let failed: Vec<_> = report.failures.iter().map(|failure| (failure.index, failure.error.kind())).collect();
            assert_eq!(failed, [(3, ErrorKind::Source), (7, ErrorKind::Source)]);
            assert!(report.failures[1].error.to_string().contains("the line went dead"));
            let archive = written.take().expect("it is there");
            test_bytes(&archive);
            assert_eq!(contents(&archive).len(), 28);
        }
        // Where a failure ends the run, it is the future's error.
        let error = runtime.block_on(async {
            let options = options(1, 1).on_error(ErrorPolicy::Abort).expect("valid");
            let items = [Item::from_async_read("bad", Bad::fails_after(10), None)];
            compressor(options).compress_async(iter(items), VecSink::new().0).await.expect_err("it fails")
        });
        assert_eq!((error.kind(), error.entry()), (ErrorKind::Source, Some("bad")));
    }
}

#[test]
fn readers_wait_for_their_turn() {
    let _watchdog = watchdog("readers that count one another");
    /// Polled and not dropped yet.
    struct Counts {
        open: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
        polls: usize,
    }
    impl AsyncRead for Counts {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            self.polls += 1;
            match self.polls {
                1 => {
                    self.most.fetch_max(self.open.fetch_add(1, Ordering::AcqRel) + 1, Ordering::AcqRel);
                    // Wakes while it is polled.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                2..5 => buf.put_slice(b"some"),
                _ => {}
            }
            Poll::Ready(Ok(()))
        }
    }
    impl Drop for Counts {
        fn drop(&mut self) {
            self.open.fetch_sub(usize::from(self.polls > 0), Ordering::AcqRel);
        }
    }
    let runtime = &runtimes()[0];
    let most = Arc::new(AtomicUsize::new(0));
    let open = Arc::new(AtomicUsize::new(0));
    let report = runtime.block_on(async {
        let items = (0..300).map(|n| {
            let reader = Counts { open: Arc::clone(&open), most: Arc::clone(&most), polls: 0 };
            Item::from_async_read(format!("{n}"), reader, None)
        });
        let items: Vec<_> = items.collect();
        compressor(options(2, 1)).compress_async(iter(items), VecSink::new().0).await.expect("it runs")
    });
    assert_eq!((report.items_done, report.bytes_in), (300, 300 * 12));
    assert!((1..=2).contains(&most.load(Ordering::Acquire)) && open.load(Ordering::Acquire) == 0);
}

/// A channel as a stream.
struct Received(mpsc::Receiver<Item>);

impl Stream for Received {
    type Item = Item;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        self.0.poll_recv(context)
    }
}

#[test]
fn items_may_come_from_a_stream_while_the_run_goes_on() {
    let _watchdog = watchdog("items from a channel");
    for runtime in runtimes() {
        let (sink, written) = VecSink::new();
        runtime.block_on(async {
            let (sender, receiver) = mpsc::channel(1);
            let compression = compressor(options(2, 1)).compress_async(Received(receiver), sink);
            let mut progress = compression.progress();
            for n in 0..20u64 {
                sender.send(Item::from_bytes(format!("{n}"), text(n, 5000))).await.expect("it runs");
                // The next one comes when this one is done.
                loop {
                    match progress.next().await.expect("it goes on") {
                        Progress::Totals(totals) if totals.items_done == n + 1 => break,
                        Progress::Totals(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
            drop(sender);
            let report = compression.await.expect("it runs");
            assert_eq!(report.items_done, 20);
        });
        test_bytes(&written.take().expect("it is there"));
    }
}

#[test]
fn progress_ends_with_the_reports_totals_and_loses_no_failure() {
    let _watchdog = watchdog("progress that is looked at late");
    for runtime in runtimes() {
        for looks_at_once in [true, false] {
            runtime.block_on(async {
                let recorder = Arc::new(Recorder::default());
                let items = (0..400).map(|n| match n % 2 {
                    0 => Item::from_async_read(format!("{n}"), io::Cursor::new(text(n, 2000)), Some(2000)),
                    _ => Item::from_async_read(format!("{n}"), Bad::fails_after(n as usize), None),
                });
                let items: Vec<_> = items.collect();
                let options = options(2, 1).observer(recorder.clone());
                let compression = compressor(options).compress_async(iter(items), VecSink::new().0);
                let mut progress = compression.progress();
                let watch = async move {
                    let (mut failed, mut last, mut count) = (Vec::new(), None, 0);
                    while let Some(told) = progress.next().await {
                        count += 1;
                        match told {
                            Progress::Totals(totals) => last = Some(totals),
                            Progress::ItemFailed { index, name, kind, message } => {
                                assert!(kind == ErrorKind::Source && message.contains("went dead"), "{message}");
                                assert_eq!(name, index.to_string());
                                failed.push(index);
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                    assert!(progress.next().await.is_none(), "it stays at its end");
                    failed.sort();
                    (failed, last.expect("totals are the last to come"), count)
                };
                let (report, (failed, last, count)) = if looks_at_once {
                    let watch = tokio::spawn(watch);
                    (compression.await.expect("it runs"), watch.await.expect("no panic"))
                } else {
                    (compression.await.expect("it runs"), watch.await)
                };
                assert!(looks_at_once || count == 201, "the failures and one of totals, not {count}");
                assert!(failed == (0..400).filter(|n| n % 2 == 1).collect::<Vec<u64>>());
                assert_eq!((last.items_total, last.items_done, last.items_failed), (400, 200, 200));
                assert_eq!((last.items_done, last.bytes_in), (report.items_done, report.bytes_in));
                assert_eq!((last.bytes_out, last.elapsed), (report.bytes_out, report.elapsed));
                assert_eq!((last.items_in_progress, last.active_threads, last.bytes_total), (0, 0, 200 * 2000));
                // The caller's own observer is told as ever.
                assert_eq!(recorder.of(0), [Told::Started, Told::Finished(2000)]);
            });
        }
    }
}

/// A run into `path` that hangs: one item is in, and a reader gives nothing more.
async fn hanging(path: &Path, options: WriteOptions) -> (Compression, Arc<AtomicBool>) {
    let bad = Bad::hangs_after(100_000);
    let (alive, polled) = (Arc::clone(&bad.alive), Arc::clone(&bad.polled));
    let items = [
        Item::from_bytes("good", noise(1, 300_000)),
        Item::from_async_read("bad", bad, None),
        Item::from_async_read("never", Bad::hangs_after(0), None),
    ];
    let sink = PathSink::create(path).expect("a folder");
    let compression = compressor(options).compress_async(iter(items), sink);
    while polled.load(Ordering::Acquire) < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (compression, alive)
}

#[test]
#[cfg(target_os = "linux")]
fn a_dropped_run_leaves_no_thread_and_no_file() {
    const TEST: &str = "a_dropped_run_leaves_no_thread_and_no_file";
    if child_argument().is_none() {
        // Other tests have threads, too.
        run_child(TEST, "count", "");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.7z");
    std::fs::write(&path, "older").expect("written");
    let nothing_left = |alive: &AtomicBool| {
        soon("no thread is left", || run_threads().is_empty());
        assert!(!alive.load(Ordering::Acquire), "the reader is dropped");
        assert_eq!(names_in(dir.path()), ["a.7z"]);
        assert_eq!(std::fs::read(&path).expect("there"), b"older");
    };
    for runtime in runtimes() {
        for stragglers in [Stragglers::Leave, Stragglers::Wait] {
            let options = options(2, 1).stragglers(stragglers);
            // Dropped by its task.
            let alive = runtime.block_on(async {
                let (compression, alive) = hanging(&path, options.clone()).await;
                assert!(run_threads().len() >= 4, "feeder, committer, workers");
                drop(compression);
                alive
            });
            nothing_left(&alive);
            // Cancelled and awaited: all is over then.
            runtime.block_on(async {
                let (compression, alive) = hanging(&path, options.clone()).await;
                let mut progress = compression.progress();
                compression.cancel();
                assert_eq!(compression.await.expect_err("cancelled").kind(), ErrorKind::Cancelled);
                assert_eq!(names_in(dir.path()), ["a.7z"]);
                nothing_left(&alive);
                while let Some(told) = progress.next().await {
                    assert!(matches!(told, Progress::Totals(totals) if totals.items_failed == 0), "{told:?}");
                }
            });
            // By the caller's token, which a dropped run leaves as it was.
            runtime.block_on(async {
                let token = CancelToken::new();
                let (compression, alive) = hanging(&path, options.clone().cancel_token(token.clone())).await;
                drop(compression);
                nothing_left(&alive);
                assert!(!token.is_cancelled());
                let (compression, alive) = hanging(&path, options.cancel_token(token.clone())).await;
                token.cancel();
                assert_eq!(compression.await.expect_err("cancelled").kind(), ErrorKind::Cancelled);
                nothing_left(&alive);
            });
        }
        // A stream that never gives an item, and a writer that takes nothing.
        runtime.block_on(async {
            let (sender, receiver) = mpsc::channel(1);
            drop(compressor(options(1, 1)).compress_async(Received(receiver), VecSink::new().0));
            soon("the stream is dropped", || sender.is_closed());
            let (mut ours, theirs) = duplex(10);
            let items = [Item::from_bytes("noise", noise(1, 1000))];
            let compression = compressor(options(1, 1)).compress_to_async_write(iter(items), theirs, 1 << 20);
            // It is sending.
            ours.read_u8().await.expect("the first byte");
            drop(compression);
            soon("no thread is left", || run_threads().is_empty());
            let mut rest = Vec::new();
            ours.read_to_end(&mut rest).await.expect("the writer is dropped");
            assert!(rest.len() < 100);
        });
        // The whole runtime goes, with the run's task in it.
        let alive = {
            let path = path.clone();
            let (compression, alive) = runtime.block_on(hanging(&path, options(2, 1)));
            runtime.spawn(compression);
            drop(runtime);
            alive
        };
        nothing_left(&alive);
    }
}

#[test]
fn a_drop_does_not_wait() {
    let _watchdog = watchdog("the drop of a run that cannot end yet");
    for runtime in runtimes() {
        let gate = Arc::new(AtomicBool::new(false));
        let items = [Item::from_reader("blocks", Gate(Arc::clone(&gate)), None)];
        runtime.block_on(async {
            let options = options(1, 1).stragglers(Stragglers::Wait);
            drop(compressor(options).compress_async(iter(items), VecSink::new().0));
        });
        gate.store(true, Ordering::Release);
    }
}

#[test]
fn an_archive_may_go_to_an_async_writer() {
    let _watchdog = watchdog("an archive to an async writer");
    let items = || (0..50).map(|n| Item::from_bytes(format!("{n}"), text(n, 3000)));
    let (expected, _) = write(&options(2, 1), items().collect());
    for runtime in runtimes() {
        // In memory, and through a file.
        for memory_bytes in [1 << 20, 100] {
            runtime.block_on(async {
                let (mut ours, theirs) = duplex(64);
                let compression =
                    compressor(options(2, 1)).compress_to_async_write(iter(items()), theirs, memory_bytes);
                let mut received = Vec::new();
                // Its end comes when the writer is shut down.
                ours.read_to_end(&mut received).await.expect("it is sent");
                assert_eq!(compression.await.expect("it runs").bytes_out, expected.len() as u64);
                assert!(received == expected);
            });
        }
        // A writer that fails.
        runtime.block_on(async {
            let (ours, theirs) = duplex(64);
            drop(ours);
            let compression = compressor(options(2, 1)).compress_to_async_write(iter(items()), theirs, 1 << 20);
            assert_eq!(compression.await.expect_err("nobody listens").kind(), ErrorKind::Io);
        });
    }
}

#[test]
fn async_items_serve_a_blocking_run_too() {
    let _watchdog = watchdog("async items in a blocking run");
    for runtime in runtimes() {
        let (archive, report) = runtime.block_on(async {
            let items: Vec<_> = (0..20)
                .map(|n| Item::from_async_read(format!("{n}"), piped(text(n, 2000), Duration::ZERO), None))
                .collect();
            let run = move || compressor(options(2, 1)).compress_to_vec(items).expect("it runs");
            tokio::task::spawn_blocking(run).await.expect("no panic")
        });
        assert!(report.is_complete());
        test_bytes(&archive);
    }
}

#[test]
fn a_runtime_that_is_gone_is_an_items_failure() {
    let _watchdog = watchdog("items of a runtime that is gone");
    /// Needs a timer.
    struct Sleeps(Pin<Box<tokio::time::Sleep>>);
    impl AsyncRead for Sleeps {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            self.0.as_mut().poll(cx).map(Ok)
        }
    }
    for runtime in runtimes() {
        let items = runtime.block_on(async {
            let sleep = tokio::time::sleep(Duration::from_secs(1000));
            vec![Item::from_async_read("sleeps", Sleeps(Box::pin(sleep)), None), Item::from_bytes("good", text(1, 100))]
        });
        drop(runtime);
        let (_, report) = write(&options(1, 1), items);
        assert_eq!((report.items_done, report.failures.len()), (1, 1));
        assert_eq!(report.failures[0].error.kind(), ErrorKind::Source);
    }
}

#[test]
fn a_stream_that_panics_ends_the_run() {
    let _watchdog = watchdog("a stream that panics");
    for runtime in runtimes() {
        let dir = tempfile::tempdir().expect("a folder");
        let sink = PathSink::create(dir.path().join("a.7z")).expect("a folder");
        let error = runtime.block_on(async {
            let items = (0..10).map(|n| {
                assert!(n < 5, "the test's stream panics");
                Item::from_bytes(format!("{n}"), text(n, 100))
            });
            let compression = compressor(options(1, 1)).compress_async(iter(items), sink);
            let mut progress = compression.progress();
            let error = compression.await.expect_err("it panicked");
            while progress.next().await.is_some() {}
            error
        });
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(names_in(dir.path()).is_empty());
    }
}
