//! What every sink keeps: bytes in order, taking back, the start header last, and nothing left when it is given up.

use crate::common::{MIB, Pattern, Shared, names_in, noise, test_path, text, tight, watchdog, write};
use par7z::storage::{PathSink, SeekSink, Segment, SegmentSink, Sink, StreamSink, VecSink, VolumeSink};
use par7z::{Compressor, ErrorKind, ErrorPolicy, Item, WriteOptions};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const START: &[u8; 32] = b"the start header of 32 bytes....";

/// A new sink, and what it has written once it has finished.
type Made = (Box<dyn Sink>, Box<dyn Fn() -> Option<Vec<u8>>>);

/// Volumes joined, if there are any; no number is left out.
fn joined(base: &Path) -> Option<Vec<u8>> {
    let path = |number: usize| PathBuf::from(format!("{}.{number:03}", base.display()));
    let count = (1..).take_while(|number| path(*number).exists()).count();
    (count > 0).then(|| (1..=count).flat_map(|number| std::fs::read(path(number)).expect("readable")).collect())
}

fn sinks(dir: &Path) -> Vec<(String, Made)> {
    let mut sinks: Vec<(String, Made)> = Vec::new();
    let (sink, written) = VecSink::new();
    sinks.push(("VecSink".into(), (Box::new(sink), Box::new(move || written.take()))));
    let path = dir.join("path.7z");
    let sink = PathSink::create(&path).expect("created");
    sinks.push(("PathSink".into(), (Box::new(sink), Box::new(move || std::fs::read(&path).ok()))));
    let full = |bytes: Vec<u8>| (!bytes.is_empty()).then_some(bytes);
    for memory in [0, 10, 1 << 20] {
        let shared = Shared::default();
        let sink = StreamSink::new(shared.clone(), memory);
        sinks.push((format!("StreamSink {memory}"), (Box::new(sink), Box::new(move || full(shared.bytes())))));
    }
    let shared = Shared::default();
    let sink = SeekSink::new(shared.clone()).expect("created");
    let complete = move |bytes: Vec<u8>| bytes.starts_with(START).then_some(bytes);
    sinks.push(("SeekSink".into(), (Box::new(sink), Box::new(move || complete(shared.bytes())))));
    let sizes: [&[u64]; 9] =
        [&[1], &[31], &[32], &[33], &[100], &[1000], &[1, 2, 29, 5], &[40, 1, 1 << 40], &[u64::MAX]];
    for sizes in sizes {
        let base = dir.join(format!("volumes{}.7z", sinks.len()));
        let sink = VolumeSink::create(&base, sizes).expect("created");
        sinks.push((format!("VolumeSink {sizes:?}"), (Box::new(sink), Box::new(move || joined(&base)))));
    }
    for sizes in sizes {
        let volumes = Arc::new(Mutex::new(BTreeMap::new()));
        let taken = Arc::clone(&volumes);
        let take = move |mut segment: Segment<'_>| {
            let mut bytes = Vec::new();
            segment.read_to_end(&mut bytes)?;
            assert!(!bytes.is_empty() && taken.lock().expect("no panic").insert(segment.number(), bytes).is_none());
            Ok(())
        };
        let sink = SegmentSink::new(sizes, 50, take).expect("created");
        // What is no archive without volume 1 is not visible yet.
        let complete = move || {
            let volumes = volumes.lock().expect("no panic");
            volumes.contains_key(&1).then(|| volumes.values().flatten().copied().collect())
        };
        sinks.push((format!("SegmentSink {sizes:?}"), (Box::new(sink), Box::new(complete))));
    }
    let base = dir.join("replacing.7z");
    let sink = VolumeSink::replace(&base, &[40]).expect("created");
    sinks.push(("VolumeSink that replaces".into(), (Box::new(sink), Box::new(move || joined(&base)))));
    sinks
}

#[test]
fn bytes_come_in_order_behind_the_start_header() {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, (mut sink, written)) in sinks(dir.path()) {
        let content = noise(1, 150);
        let mut rest = content.as_slice();
        for len in [0, 1, 31, 1, 67, 50] {
            let (part, behind) = rest.split_at(len);
            sink.append(part).expect("appended");
            rest = behind;
        }
        assert!(written().is_none(), "{name}: nothing is visible before the end");
        sink.finish(START).expect("finished");
        assert_eq!(written().expect("visible"), [START.as_slice(), &content].concat(), "{name}");
    }
}

#[test]
fn what_is_taken_back_is_gone() {
    // From the places of borders of volumes, and across them.
    let dir = tempfile::tempdir().expect("a folder");
    for back_to in [0, 1, 2, 31, 32, 33, 68, 69, 99, 100] {
        let dir = dir.path().join(back_to.to_string());
        std::fs::create_dir(&dir).expect("created");
        for (name, (mut sink, written)) in sinks(&dir) {
            let content = noise(1, 100);
            sink.append(&content).expect("appended");
            let mut expected = START.to_vec();
            if sink.truncate(back_to).expect("it is said whether it can") {
                expected.extend_from_slice(&content[..back_to as usize]);
            } else {
                assert!(name == "SeekSink" || name.starts_with("SegmentSink"), "{name}");
                expected.extend_from_slice(&content);
            }
            if back_to % 2 == 0 {
                sink.append(b"more").expect("appended");
                expected.extend_from_slice(b"more");
            }
            sink.finish(START).expect("finished");
            assert_eq!(written().expect("visible"), expected, "{name} back to {back_to}");
        }
        assert!(names_in(&dir).iter().all(|name| !name.starts_with('.')), "no temporary file is left");
        let empty = |name: &String| std::fs::metadata(dir.join(name)).expect("there").len() == 0;
        assert_eq!(names_in(&dir).into_iter().find(empty), None, "no volume is empty, back to {back_to}");
    }
}

#[test]
fn giving_up_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    for dropped in [false, true] {
        for (name, (mut sink, written)) in sinks(dir.path()) {
            sink.append(&noise(1, 500)).expect("appended");
            if dropped {
                drop(sink);
            } else {
                sink.abort();
            }
            assert!(written().is_none(), "{name}");
        }
        assert!(names_in(dir.path()).is_empty());
    }
}

fn options() -> WriteOptions {
    tight(2, 1)
}

fn items() -> Vec<Item> {
    let mut items: Vec<_> = (0..4).map(|n| Item::from_bytes(format!("{n}"), text(n, 400))).collect();
    items.insert(2, Item::from_reader("bad", Pattern::dies_after(3 * MIB), None));
    items
}

#[test]
fn joined_volumes_are_the_single_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let (single, _) = write(&options(), items());
    let size = single.len() as u64;
    let sizes: [&[u64]; 10] =
        [&[1], &[31], &[32], &[33], &[100], &[1000], &[5, 50, 500], &[size], &[size - 1], &[size + 1]];
    for (number, sizes) in sizes.into_iter().enumerate() {
        let base = dir.path().join(format!("{number}.7z"));
        let sink = VolumeSink::create(&base, sizes).expect("created");
        let report = Compressor::new(options()).expect("valid").compress(items(), sink).expect("it runs");
        assert_eq!(report.bytes_out, size);
        assert!(joined(&base).expect("there") == single, "{sizes:?}");
        // Stock 7-Zip takes its time over volumes of a byte.
        test_path(&dir.path().join(format!("{number}.7z.001")));
    }
}

#[test]
fn volumes_are_not_replaced_unasked() {
    let dir = tempfile::tempdir().expect("a folder");
    let base = dir.path().join("a.7z");
    std::fs::write(dir.path().join("a.7z.001"), "older").expect("written");
    assert_eq!(VolumeSink::create(&base, &[100]).expect_err("refused").kind(), ErrorKind::AlreadyExists);
    // One that appears while the run goes on.
    std::fs::remove_file(dir.path().join("a.7z.001")).expect("removed");
    for later in ["a.7z.001", "a.7z.002", "a.7z.004"] {
        let mut sink = Box::new(VolumeSink::create(&base, &[100]).expect("created"));
        sink.append(&noise(1, 200)).expect("appended");
        std::fs::write(dir.path().join(later), "appeared").expect("written");
        let error = sink.finish(START).expect_err("three volumes, and a fourth would be taken for one of them");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{later}: {error}");
        assert_eq!(std::fs::read(dir.path().join(later)).expect("there"), b"appeared");
        assert_eq!(names_in(dir.path()), [later], "nothing else is left");
        std::fs::remove_file(dir.path().join(later)).expect("removed");
    }
}

#[test]
fn volumes_are_replaced_where_that_is_asked_for() {
    let dir = tempfile::tempdir().expect("a folder");
    let base = dir.path().join("a.7z");
    let (single, _) = write(&options(), items());
    let compress = |items: Vec<Item>, size: u64, policy| {
        let sink = VolumeSink::replace(&base, &[size]).expect("created");
        Compressor::new(options().on_error(policy).expect("valid")).expect("valid").compress(items, sink)
    };
    let count = |size: u64| (single.len() as u64).div_ceil(size) as usize;
    // None before; then a longer set, a shorter one, one of the same length.
    for size in [500, 100, 300, 300, 1 << 30] {
        compress(items(), size, ErrorPolicy::Skip).expect("it runs");
        assert!(joined(&base).expect("there") == single);
        assert_eq!(names_in(dir.path()).len(), count(size), "nothing else is left");
        test_path(&dir.path().join("a.7z.001"));
    }
    // A run that fails, one that is dropped, and one that finds a folder in its way.
    compress(items(), 100, ErrorPolicy::Skip).expect("it runs");
    let older = names_in(dir.path());
    compress(items(), 70, ErrorPolicy::Abort).expect_err("one item fails");
    drop(Compressor::new(options()).and_then(|c| c.start(VolumeSink::replace(&base, &[70])?)).expect("it starts"));
    assert!(joined(&base).expect("there") == single && names_in(dir.path()) == older);
    let next = dir.path().join(format!("a.7z.{:03}", count(100) + 1));
    std::fs::create_dir(&next).expect("created");
    let error = compress(items(), 70, ErrorPolicy::Skip).expect_err("not a file");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains(&*next.to_string_lossy()), "{error}");
    std::fs::remove_dir(&next).expect("it is still a folder");
    assert!(joined(&base).expect("there") == single && names_in(dir.path()) == older);
}

#[test]
fn volume_sizes_are_checked() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("folder.001")).expect("created");
    let error = VolumeSink::replace(dir.path().join("folder"), &[100]).expect_err("not a file");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    std::fs::remove_dir(dir.path().join("folder.001")).expect("still there");
    for sizes in [&[][..], &[0], &[100, 0]] {
        for make in [VolumeSink::create, VolumeSink::replace] {
            let error = make(dir.path().join("a.7z"), sizes).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidOption);
        }
    }
    assert!(names_in(dir.path()).is_empty());
}

#[test]
#[cfg(unix)]
fn a_file_gets_the_mode_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a folder");
    let mode = |name: &str| std::fs::metadata(dir.path().join(name)).expect("there").permissions().mode();
    std::fs::write(dir.path().join("plain"), "").expect("written");
    Compressor::new(options()).expect("valid").compress_to_path(items(), dir.path().join("a.7z")).expect("it runs");
    assert_eq!(mode("a.7z"), mode("plain"));
}

#[test]
fn a_path_may_be_as_long_as_the_system_allows() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("n".repeat(252) + ".7z");
    Compressor::new(options()).expect("valid").compress_to_path(items(), &path).expect("it runs");
    test_path(&path);
}

#[test]
fn an_older_file_is_replaced_and_other_things_are_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.7z");
    std::fs::write(&path, "older").expect("written");
    let compressor = Compressor::new(options()).expect("valid");
    compressor.compress_to_path(items(), &path).expect("it runs");
    test_path(&path);
    assert_eq!(names_in(dir.path()), ["a.7z"]);
    let error = compressor.compress_to_path(items(), dir.path()).expect_err("a folder");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let error = compressor.compress_to_path(items(), dir.path().join("no/a.7z")).expect_err("no such folder");
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[test]
fn a_spool_keeps_its_limit() {
    let _watchdog = watchdog("a run into a spool with a limit");
    let items = || vec![Item::from_bytes("noise", noise(1, 200_000)), Item::from_bytes("more", noise(2, 200_000))];
    let compressor = Compressor::new(options()).expect("valid");
    let out = Shared::default();
    let sink = StreamSink::new(out.clone(), 1000).max_spool_bytes(300_000);
    let error = compressor.compress(items(), sink).expect_err("too much");
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("300000"), "{error}");
    assert!(out.bytes().is_empty(), "an aborted run sends nothing");
    let sink = StreamSink::new(out.clone(), 1000).max_spool_bytes(500_000);
    compressor.compress(items(), sink).expect("it fits");
    assert!(out.bytes() == write(&options(), items()).0);
}

#[test]
fn a_seekable_writer_is_written_from_where_it_stands() {
    use std::io::Write;
    let mut out = Shared::default();
    out.write_all(b"before").expect("written");
    let sink = SeekSink::new(out.clone()).expect("created");
    let good = || vec![Item::from_bytes("a", text(1, 1000))];
    let report = Compressor::new(options()).expect("valid").compress(good(), sink).expect("it runs");
    out.write_all(b"after").expect("it stands at the end");
    let bytes = out.bytes();
    let archive = &bytes[6..bytes.len() - 5];
    assert_eq!(archive.len() as u64, report.bytes_out);
    assert!(bytes.starts_with(b"before") && bytes.ends_with(b"after") && archive == write(&options(), good()).0);
}

#[test]
fn errors_name_the_archive_and_not_its_temporary_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("missing").join("a.7z");
    let errors = [
        PathSink::create(&path).expect_err("there is no such folder"),
        VolumeSink::create(&path, &[100]).expect_err("there is no such folder"),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains(&*path.to_string_lossy()), "{text}");
        assert!(!text.contains(".par7z-part"), "{text}");
        assert!(std::error::Error::source(&error).is_some_and(|source| source.is::<std::io::Error>()), "{text}");
    }
}
