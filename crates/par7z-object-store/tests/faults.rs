//! What networks and servers do: each ends in the correct archive or in a failed item with a name and a reason, never in
//! wrong bytes, and never in a run that does not end.

mod support;

use par7z::storage::Sink;
use par7z::{
    Archive, CancelToken, Compressor, ErrorKind, Event, Item, Observer, OpenOptions, Report, Threads, Totals,
    WriteOptions,
};
use par7z_object_store::{Location, ObjectReader, ObjectSink, ObjectVolumeSink, Objects, Retry, StoreOptions};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::content;
use support::proxy::{Harm, Proxy};
use support::servers::{Azurite, Moto};

const MIB: usize = 1 << 20;

/// Azurite or moto with objects in it.
enum Server {
    Azurite(Azurite),
    Moto(Moto),
}

impl Server {
    fn azurite() -> Self {
        let server = Azurite::start();
        server.create_container("box");
        Self::Azurite(server)
    }

    fn moto() -> Self {
        let server = Moto::start();
        server.create_bucket("box");
        Self::Moto(server)
    }

    fn port(&self) -> u16 {
        match self {
            Self::Azurite(server) => server.port,
            Self::Moto(server) => server.port,
        }
    }

    fn put(&self, key: &str, content: &[u8]) {
        match self {
            Self::Azurite(server) => server.put("box", key, content),
            Self::Moto(server) => server.put("box", key, content),
        }
    }

    fn get(&self, key: &str) -> Option<Vec<u8>> {
        match self {
            Self::Azurite(server) => server.get("box", key),
            Self::Moto(server) => server.get("box", key),
        }
    }

    fn options(&self, proxy: &Proxy) -> StoreOptions {
        match self {
            Self::Azurite(server) => server.options_through(proxy.port),
            Self::Moto(server) => server.options_through(proxy.port),
        }
    }

    fn location(&self, key: &str) -> Location {
        let scheme = if matches!(self, Self::Azurite(_)) { "az" } else { "s3" };
        Location::parse(&format!("{scheme}://box/{key}")).unwrap()
    }

    fn put_objects(&self, count: u64) -> BTreeMap<String, Vec<u8>> {
        let objects = (0..count).map(|number| {
            let len = if number % 10 == 3 { 5 * MIB } else { 1000 + number as usize * 3001 };
            let (name, bytes) = (format!("{number:03}.bin"), content(number, len));
            self.put(&format!("src/{name}"), &bytes);
            (name, bytes)
        });
        objects.collect()
    }
}

/// Compresses `src/` through the proxy, into memory: what the archive has, and the report.
fn compressed(server: &Server, options: &StoreOptions) -> (BTreeMap<String, Vec<u8>>, Report) {
    let objects = Objects::list(&server.location("src/"), options).unwrap();
    let writing = WriteOptions::new().level(0).unwrap().threads(Threads::new(3).unwrap());
    let (bytes, report) = Compressor::new(writing).unwrap().compress_to_vec(objects.items()).unwrap();
    let archive = Archive::from_bytes(bytes, OpenOptions::new()).unwrap();
    let mut found = BTreeMap::new();
    for (index, entry) in archive.entries().iter().enumerate() {
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut archive.read_entry(index as u64).unwrap(), &mut content).unwrap();
        found.insert(entry.name.clone(), content);
    }
    (found, report)
}

/// Every server, every harm that passes: the archive is right.
fn survives(harm: impl Fn(u64, &str) -> Harm + Send + Sync + Clone + 'static) {
    for server in [Server::azurite(), Server::moto()] {
        let expected = server.put_objects(12);
        let proxy = Proxy::start(server.port(), harm.clone());
        let (found, report) = compressed(&server, &server.options(&proxy));
        assert!(report.is_complete(), "{:?}", report.failures);
        assert!(found == expected);
    }
}

#[test]
fn connections_that_break_in_the_midst_are_gone_on_with() {
    survives(|number, line| match number % 3 {
        0 if line.contains("src/") || line.contains("list") => Harm::CutAfter(700_000 + 1000 * number as usize),
        1 => Harm::CutAfter(100 * (number as usize % 50)),
        _ => Harm::None,
    });
}

#[test]
fn connections_that_break_before_the_answer_are_tried_again() {
    survives(|number, _| if number % 3 == 0 { Harm::Drop } else { Harm::None });
}

#[test]
fn storms_of_503_and_429_are_waited_for() {
    survives(|number, _| match number % 5 {
        0 | 1 => Harm::Refuse(503),
        2 => Harm::Refuse(429),
        _ => Harm::None,
    });
}

#[test]
fn bodies_cut_short_are_noticed() {
    // Whole, as far as HTTP goes.
    survives(|number, line| match number % 3 {
        0 if line.starts_with("GET") && line.contains("src/0") => Harm::Shorten(500 * number as usize),
        // The list comes first: in the midst of a name, between two objects, not at all.
        _ if number < 4 && line.contains("list") => Harm::Shorten(180 * number as usize),
        _ => Harm::None,
    });
}

#[test]
fn a_second_of_latency_does_not_add_up() {
    let server = Server::moto();
    let expected = server.put_objects(40);
    let proxy = Proxy::start(server.port(), |_, _| Harm::Delay(Duration::from_secs(1)));
    let (found, report) = compressed(&server, &server.options(&proxy));
    assert!(report.is_complete() && found == expected);
    assert!((20..=32).contains(&proxy.most_in_flight()), "{}", proxy.most_in_flight());
}

/// A solid folder is read when all of its objects are listed: what reads ahead must not end with the list.
#[test]
fn objects_are_read_ahead_when_the_list_is_over() {
    let server = Server::moto();
    server.put_objects(40);
    let proxy = Proxy::start(server.port(), |_, _| Harm::Delay(Duration::from_millis(20)));
    let options = server.options(&proxy).requests_in_flight(2).unwrap();
    let items: Vec<Item> = Objects::list(&server.location("src/"), &options).unwrap().items().collect();
    let requested = || proxy.lines().iter().filter(|line| line.starts_with("GET") && line.contains(".bin")).count();
    let begin = Instant::now();
    while requested() < 40 {
        assert!(begin.elapsed() < Duration::from_secs(60), "{} of 40", requested());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(items.len(), 40);
}

#[test]
fn requests_in_flight_are_bounded() {
    let server = Server::azurite();
    let expected = server.put_objects(30);
    let proxy = Proxy::start(server.port(), |_, _| Harm::Delay(Duration::from_millis(30)));
    let options = server.options(&proxy).requests_in_flight(3).unwrap().read_ahead_bytes(1 << 20).unwrap();
    let (found, report) = compressed(&server, &options);
    assert!(report.is_complete() && found == expected);
    // The list is another request.
    assert!(proxy.most_in_flight() <= 4, "{}", proxy.most_in_flight());
}

#[test]
fn a_server_that_is_away_for_five_seconds_is_waited_for() {
    let server = Server::azurite();
    let expected = server.put_objects(15);
    let proxy = Arc::new(Proxy::start(server.port(), |_, _| Harm::Delay(Duration::from_millis(100))));
    let away = Arc::clone(&proxy);
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(250));
        away.set_away(true);
        std::thread::sleep(Duration::from_secs(5));
        away.set_away(false);
    });
    let options = server.options(&proxy).requests_in_flight(2).unwrap();
    let (found, report) = compressed(&server, &options);
    thread.join().unwrap();
    assert!(report.is_complete(), "{:?}", report.failures);
    assert!(found == expected);
}

#[test]
fn after_the_retry_limit_the_item_alone_fails() {
    for server in [Server::azurite(), Server::moto()] {
        let mut expected = server.put_objects(12);
        // One is always refused, one always breaks at the same byte.
        let proxy = Proxy::start(server.port(), |_, line| match line {
            line if line.contains("src/002") => Harm::Refuse(503),
            line if line.contains("src/005") => Harm::CutAfter(100),
            _ => Harm::None,
        });
        let retry = Retry { attempts: 2, total_time: Duration::from_secs(20) };
        let (found, report) = compressed(&server, &server.options(&proxy).retry(retry));
        expected.remove("002.bin");
        expected.remove("005.bin");
        assert!(found == expected);
        let failures: Vec<_> =
            report.failures.iter().map(|failure| (failure.name.as_str(), failure.error.to_string())).collect();
        assert_eq!(failures.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["002.bin", "005.bin"], "{failures:?}");
        assert!(failures[0].1.contains("503"), "{failures:?}");
        assert!(failures.iter().all(|(_, why)| !why.contains("sig=")), "{failures:?}");
    }
}

#[test]
fn an_object_replaced_while_it_is_read_fails() {
    for server in [Server::azurite(), Server::moto()] {
        let mut expected = server.put_objects(5);
        let server = Arc::new(server);
        let (replaced, replacer) = (Arc::new(AtomicBool::new(false)), Arc::clone(&server));
        let again = Arc::clone(&replaced);
        // Before the second chunk of the large one.
        let proxy = Proxy::start(server.port(), move |_, line| {
            if line.contains("src/003") && again.swap(true, Ordering::Relaxed) && !line.contains("list") {
                replacer.put("src/003.bin", &content(99, 5 * MIB));
            }
            Harm::None
        });
        let (found, report) = compressed(&server, &server.options(&proxy));
        assert!(replaced.load(Ordering::Relaxed));
        expected.remove("003.bin");
        assert!(found == expected);
        let [failure] = &report.failures[..] else { panic!("{:?}", report.failures) };
        assert_eq!(failure.name, "003.bin");
        assert!(failure.error.to_string().contains("changed while it was read"), "{}", failure.error);
    }
}

#[test]
fn uploads_survive_too_or_leave_nothing() {
    let server = Server::moto();
    let proxy = Proxy::start(server.port(), |number, _| match number % 4 {
        0 => Harm::Refuse(503),
        1 => Harm::Drop,
        _ => Harm::None,
    });
    let items = |count: u64| (0..count).map(|n| par7z::Item::from_bytes(format!("{n}"), content(n, 3 * MIB)));
    let compressor = Compressor::new(WriteOptions::new().level(0).unwrap()).unwrap();
    let options = server.options(&proxy);
    let sink = ObjectSink::create(&server.location("a.7z"), &options).unwrap();
    compressor.compress(items(10), sink).unwrap().into_complete().unwrap();
    let archive = Archive::from_bytes(server.get("a.7z").unwrap(), OpenOptions::new()).unwrap();
    archive.test(par7z::ExtractOptions::new()).unwrap().into_complete().unwrap();
    // Read through the same weather.
    let reader = ObjectReader::open(&server.location("a.7z"), &options).unwrap();
    let archive = Archive::from_source(reader, OpenOptions::new()).unwrap();
    archive.test(par7z::ExtractOptions::new()).unwrap().into_complete().unwrap();

    let refusing = Proxy::start(server.port(), |_, line| {
        if line.starts_with("PUT") && line.contains("partNumber=3") { Harm::Refuse(500) } else { Harm::None }
    });
    let options = server.options(&refusing).retry(Retry { attempts: 1, total_time: Duration::from_secs(5) });
    let sink = ObjectSink::create(&server.location("b.7z"), &options).unwrap();
    let error = compressor.compress(items(10), sink).unwrap_err().to_string();
    assert!(error.contains("b.7z") && error.contains("500"), "{error}");
    assert!(server.get("b.7z").is_none());
    let Server::Moto(moto) = &server else { unreachable!() };
    assert_eq!(moto.open_uploads("box"), 0);
}

#[test]
fn what_is_dropped_ends_its_requests() {
    let server = Server::azurite();
    server.put_objects(20);
    let proxy = Proxy::start(server.port(), |_, line| {
        if line.contains("list") { Harm::None } else { Harm::Delay(Duration::from_millis(200)) }
    });
    let requested = || proxy.lines().iter().filter(|line| line.contains(".bin")).count();
    let options = server.options(&proxy).requests_in_flight(2).unwrap();
    let mut objects = Objects::list(&server.location("src/"), &options).unwrap();
    let first = objects.next().unwrap().unwrap();
    while requested() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop((objects, first));
    let before = requested();
    // The others would follow two by two.
    std::thread::sleep(Duration::from_secs(2));
    assert!(requested() <= before + 1, "{before} before it was dropped, {} now", requested());
}

/// Items that are not packed, so that the archive is as long as they are.
fn compress_into(sink: impl Sink + 'static, seed: u64, len: usize) -> par7z::Result<Report> {
    let compressor = Compressor::new(WriteOptions::new().level(0).unwrap()).unwrap();
    compressor.compress([Item::from_bytes("a", content(seed, len))], sink)
}

/// What `a` holds in an archive, which is read past the proxy.
fn content_of(server: &Server, key: &str) -> Vec<u8> {
    let options = match server {
        Server::Azurite(server) => server.options(),
        Server::Moto(server) => server.options(),
    };
    let reader = ObjectReader::open(&server.location(key), &options).unwrap();
    let archive = Archive::from_source(reader, OpenOptions::new()).unwrap();
    archive.test(par7z::ExtractOptions::new()).unwrap().into_complete().unwrap();
    let mut found = Vec::new();
    std::io::Read::read_to_end(&mut archive.read_entry(0).unwrap(), &mut found).unwrap();
    found
}

const ONE_MORE: Retry = Retry { attempts: 1, total_time: Duration::from_secs(5) };

#[test]
fn an_archive_whose_last_answer_is_lost_is_there() {
    for server in [Server::azurite(), Server::moto()] {
        // Every answer to what makes an object visible.
        let proxy = Proxy::start(server.port(), |_, line| {
            let is_part = line.contains("comp=block&") || line.contains("partNumber=");
            let makes_visible = line.contains("comp=blocklist")
                || (line.starts_with("POST") && line.contains("uploadId="))
                || (line.starts_with("PUT") && !is_part);
            if makes_visible { Harm::LoseAnswer } else { Harm::None }
        });
        let options = server.options(&proxy).retry(ONE_MORE);
        for (key, len) in [("small.7z", 1000), ("large.7z", 11 * MIB)] {
            let location = server.location(key);
            compress_into(ObjectSink::create(&location, &options).unwrap(), 1, len).unwrap();
            assert!(content_of(&server, key) == content(1, len), "{key}");
            // Of the same size: what was there before is not taken for it.
            compress_into(ObjectSink::replace(&location, &options).unwrap(), 2, len).unwrap();
            assert!(content_of(&server, key) == content(2, len), "{key}");
        }
        let sizes = [6 * MIB as u64];
        let location = server.location("set.7z");
        compress_into(ObjectVolumeSink::create(&location, &sizes, &options).unwrap(), 3, 20 * MIB).unwrap();
        assert!(content_of(&server, "set.7z.001") == content(3, 20 * MIB));
    }
}

#[test]
fn an_archive_that_could_not_be_completed_is_not_taken_for_the_older_one() {
    for server in [Server::azurite(), Server::moto()] {
        let refusing = Arc::new(AtomicBool::new(false));
        let refuses = Arc::clone(&refusing);
        let proxy = Proxy::start(server.port(), move |_, line| {
            let completes = line.contains("comp=blocklist") || line.starts_with("POST") || line.contains("small.7z");
            let writes = !line.starts_with("GET") && !line.starts_with("HEAD") && !line.contains("uploads");
            if completes && writes && refuses.load(Ordering::Relaxed) { Harm::Refuse(500) } else { Harm::None }
        });
        let options = server.options(&proxy).retry(ONE_MORE);
        for (key, len) in [("small.7z", 1000), ("large.7z", 11 * MIB)] {
            let location = server.location(key);
            refusing.store(false, Ordering::Relaxed);
            compress_into(ObjectSink::create(&location, &options).unwrap(), 1, len).unwrap();
            refusing.store(true, Ordering::Relaxed);
            compress_into(ObjectSink::replace(&location, &options).unwrap(), 2, len).unwrap_err();
            assert!(content_of(&server, key) == content(1, len), "{key}");
        }
    }
}

#[test]
fn parts_get_new_attempts_after_those_of_their_request() {
    for server in [Server::azurite(), Server::moto()] {
        let broken = AtomicU64::new(0);
        let proxy = Proxy::start(server.port(), move |_, line| {
            let is_part = line.contains("comp=block&") || line.contains("partNumber=");
            // Two attempts are the request's own.
            if is_part && broken.fetch_add(1, Ordering::Relaxed) < 3 { Harm::Drop } else { Harm::None }
        });
        let options = server.options(&proxy).retry(ONE_MORE).upload_bytes(1).unwrap();
        compress_into(ObjectSink::create(&server.location("a.7z"), &options).unwrap(), 1, 20 * MIB).unwrap();
        assert!(content_of(&server, "a.7z") == content(1, 20 * MIB));
    }
}

#[test]
fn an_older_set_stands_until_all_of_the_new_one_is_there() {
    for server in [Server::azurite(), Server::moto()] {
        let away = Arc::new(AtomicU64::new(0));
        let is_away = Arc::clone(&away);
        let proxy = Proxy::start(server.port(), move |_, line| {
            let is_part = line.contains("comp=block&") || line.contains("partNumber=");
            let volume = is_away.load(Ordering::Relaxed);
            if is_part && line.contains(&format!("set.7z.{volume:03}")) { Harm::Refuse(500) } else { Harm::None }
        });
        let options = server.options(&proxy).retry(ONE_MORE);
        let (location, sizes) = (server.location("set.7z"), [6 * MIB as u64]);
        compress_into(ObjectVolumeSink::create(&location, &sizes, &options).unwrap(), 1, 20 * MIB).unwrap();
        // The first volume, the last one, the only one.
        for (volume, len) in [(1, 20 * MIB), (4, 20 * MIB), (1, 1000)] {
            away.store(volume, Ordering::Relaxed);
            let sink = ObjectVolumeSink::replace(&location, &sizes, &options).unwrap();
            let error = compress_into(sink, 2, len).unwrap_err().to_string();
            assert!(error.contains(&format!("set.7z.{volume:03}")), "{error}");
            assert!(content_of(&server, "set.7z.001") == content(1, 20 * MIB), "{volume}");
            if let Server::Moto(server) = &server {
                assert_eq!(server.open_uploads("box"), 0);
            }
        }
        away.store(0, Ordering::Relaxed);
        compress_into(ObjectVolumeSink::replace(&location, &sizes, &options).unwrap(), 2, 1000).unwrap();
        assert!(content_of(&server, "set.7z.001") == content(2, 1000));
    }
}

#[test]
fn volumes_are_taken_back_together() {
    let server = Server::moto();
    let refused = AtomicU64::new(0);
    let proxy = Proxy::start(server.port(), move |_, line| match line {
        line if !line.starts_with("DELETE") => Harm::None,
        _ if refused.fetch_add(1, Ordering::Relaxed) < 2 => Harm::Refuse(403),
        _ => Harm::Delay(Duration::from_millis(700)),
    });
    let options = server.options(&proxy);
    let mut sink = ObjectVolumeSink::create(&server.location("set.7z"), &[10_000], &options).unwrap();
    sink.append(&content(1, 500_000)).unwrap();
    let Server::Moto(moto) = &server else { unreachable!() };
    assert!(moto.open_uploads("box") >= 40);
    let begin = Instant::now();
    drop(sink);
    // One after the other it takes 34 s.
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    assert_eq!(moto.open_uploads("box"), 0);
}

#[test]
fn credentials_that_may_only_write_are_enough_to_replace() {
    for server in [Server::azurite(), Server::moto()] {
        let proxy = Proxy::start(server.port(), |_, line| {
            if line.starts_with("HEAD") || line.starts_with("GET") { Harm::Refuse(403) } else { Harm::None }
        });
        let options = server.options(&proxy);
        for (key, len) in [("small.7z", 1000), ("large.7z", 11 * MIB)] {
            let location = server.location(key);
            compress_into(ObjectSink::replace(&location, &options).unwrap(), 1, len).unwrap();
            assert!(content_of(&server, key) == content(1, len), "{key}");
            let error = ObjectSink::create(&location, &options).unwrap_err();
            assert!(error.kind() == ErrorKind::Io && error.to_string().contains("access is denied"), "{error}");
        }
    }
}

/// Whatever the store is silent about, whoever waits for it can stop at once.
#[test]
fn a_silent_server_can_be_cancelled() {
    let server = Server::azurite();
    server.put("src/a.bin", &content(1, 20 * MIB));
    let silent_at = |part: &'static str| {
        Proxy::start(server.port(), move |_, line| match line.contains(part) {
            true => Harm::Delay(Duration::from_secs(600)),
            false => Harm::None,
        })
    };
    let clear = silent_at("nothing");
    // A list; an object; is the archive's name free; a part of it.
    for (what, line) in [("list", "comp=list"), ("object", "GET /"), ("name", "HEAD /"), ("part", "comp=block&")] {
        let proxy = silent_at(line);
        let cancel = CancelToken::new();
        let options = server.options(&proxy).cancel_token(cancel.clone()).upload_bytes(1).unwrap();
        let is_source = matches!(what, "list" | "object");
        let source = if is_source { options.clone() } else { server.options(&clear) };
        let begin = Instant::now();
        let canceller = std::thread::spawn({
            let cancel = cancel.clone();
            move || {
                std::thread::sleep(Duration::from_millis(500));
                cancel.cancel();
                Instant::now()
            }
        });
        let writing = WriteOptions::new().level(0).unwrap().cancel_token(cancel);
        let compressor = Compressor::new(writing).unwrap();
        let items = Objects::list(&server.location("src/"), &source).unwrap();
        let error = match is_source {
            true => compressor.compress_to_vec(items.items()).unwrap_err(),
            false => match ObjectSink::create(&server.location("out.7z"), &options) {
                Ok(sink) => compressor.compress(items.items(), sink).unwrap_err(),
                Err(error) => error,
            },
        };
        let took = canceller.join().unwrap().elapsed();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{what}: {error}");
        assert!(begin.elapsed() > Duration::from_millis(400), "{what}: it waited for the store");
        // An upload that was begun is ended, which a server that answers does at once.
        assert!(took < Duration::from_secs(15), "{what}: {took:?} after it was cancelled");
    }
}

/// Whoever may only write cannot tell which volumes of an older set would be left, and hears that before anything is packed.
#[test]
fn with_write_access_alone_an_object_is_replaced_and_volumes_are_not() {
    let server = Server::azurite();
    server.put("out.7z", b"old");
    let blind =
        Proxy::start(server.port(), |_, line| if line.starts_with("HEAD") { Harm::Refuse(403) } else { Harm::None });
    let options = server.options(&blind);
    let sink = ObjectSink::replace(&server.location("out.7z"), &options).unwrap();
    compress_into(sink, 3, 100_000).unwrap().into_complete().unwrap();
    assert!(content_of(&server, "out.7z") == content(3, 100_000));
    let error = ObjectVolumeSink::replace(&server.location("set.7z"), &[50_000], &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("access is denied"), "{error}");
}

struct TellsFirst(Arc<AtomicBool>);

impl Observer for TellsFirst {
    fn event(&self, event: &Event<'_>, _: &Totals) {
        if matches!(event, Event::ItemFinished { .. }) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// The second page of a list comes when an object of the first one is packed, and not before.
#[test]
fn objects_are_packed_while_others_are_listed() {
    let server = Server::moto();
    for number in 0..1200 {
        server.put(&format!("src/{number:04}.bin"), b"x");
    }
    let is_packed = Arc::new(AtomicBool::new(false));
    let proxy = Proxy::start(server.port(), {
        let is_packed = Arc::clone(&is_packed);
        move |_, line| {
            let begin = Instant::now();
            while line.contains("continuation-token=") && !is_packed.load(Ordering::Relaxed) {
                if begin.elapsed() > Duration::from_secs(60) {
                    return Harm::Refuse(400);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            Harm::None
        }
    });
    let writing = WriteOptions::new().level(1).unwrap().observer(Arc::new(TellsFirst(is_packed)));
    let items = Objects::list(&server.location("src/"), &server.options(&proxy)).unwrap().items();
    let (_, report) = Compressor::new(writing).unwrap().compress_to_vec(items).unwrap();
    assert!(report.is_complete() && report.items_done == 1200, "{:?}", report.failures);
}
