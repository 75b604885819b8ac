//! Plain web servers of every skill: with ranges or without, with or without HEAD and lengths.

mod support;

use par7z::{Archive, Compressor, ErrorPolicy, OpenOptions, Report, WriteOptions};
use par7z_object_store::{Location, ObjectReader, ObjectSink, Objects, Retry, StoreOptions};
use std::time::Duration;
use support::content;
use support::proxy::{Harm, Proxy};
use support::web::{Skills, WebServer};

const ALL: Skills = Skills { ranges: true, head: true, length: true, e_tag: true };

fn compressed(port: u16, path: &str, policy: ErrorPolicy) -> (Vec<(String, Vec<u8>)>, Report) {
    let location = Location::parse(&format!("http://127.0.0.1:{port}{path}")).unwrap();
    let options = StoreOptions::new().retry(Retry { attempts: 3, total_time: Duration::from_secs(20) });
    let objects = Objects::list(&location, &options).unwrap();
    let writing = WriteOptions::new().level(0).unwrap().on_error(policy).unwrap();
    let (bytes, report) = Compressor::new(writing).unwrap().compress_to_vec(objects.items()).unwrap();
    let archive = Archive::from_bytes(bytes, OpenOptions::new()).unwrap();
    let entries = archive.entries().iter().enumerate().map(|(index, entry)| {
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut archive.read_entry(index as u64).unwrap(), &mut content).unwrap();
        (entry.name.clone(), content)
    });
    (entries.collect(), report)
}

#[test]
fn servers_of_every_skill_are_read() {
    for skill in 0..16_u8 {
        let has = |bit: u8| skill & (1 << bit) != 0;
        let skills = Skills { ranges: has(0), head: has(1), length: has(2), e_tag: has(3) };
        let server = WebServer::start(skills);
        let expected = content(u64::from(skill), 9 << 20);
        server.files.lock().unwrap().insert("/dir/a%20b.bin?token=SECRET".into(), expected.clone());
        let (found, report) = compressed(server.port, "/dir/a%20b.bin?token=SECRET", ErrorPolicy::Skip);
        assert!(report.is_complete(), "{skills:?}: {:?}", report.failures);
        assert!(found == [("a b.bin".to_owned(), expected)], "{skills:?}");
    }
}

#[test]
fn what_is_not_there_is_named_without_the_query() {
    for head in [true, false] {
        let server = WebServer::start(Skills { head, ..ALL });
        let (found, report) = compressed(server.port, "/x.bin?token=SECRET", ErrorPolicy::Skip);
        let text = format!("{:?}", report.failures);
        assert!(found.is_empty() && report.failures.len() == 1 && report.failures[0].name == "x.bin", "{text}");
        assert!(text.contains("does not exist") && !text.contains("SECRET"), "{text}");
    }
}

#[test]
fn without_ranges_a_broken_answer_fails_and_may_be_tried_again() {
    for length in [true, false] {
        let server = WebServer::start(Skills { ranges: false, head: false, length, e_tag: false });
        let expected = content(1, 3 << 20);
        server.files.lock().unwrap().insert("/a.bin".into(), expected.clone());
        let breaking = |number, line: &str| {
            if line.starts_with("GET") && number < 3 { Harm::CutAfter(1_000_000) } else { Harm::None }
        };
        let proxy = Proxy::start(server.port, breaking);
        let (found, report) = compressed(proxy.port, "/a.bin", ErrorPolicy::Skip);
        assert!(found.is_empty() && report.failures.len() == 1, "{report:?}");
        let proxy = Proxy::start(server.port, breaking);
        let (found, report) = compressed(proxy.port, "/a.bin", ErrorPolicy::Retry { times: 5 });
        assert!(report.is_complete() && found == [("a.bin".to_owned(), expected)], "{report:?}");
    }
}

#[test]
fn archives_are_read_in_place_and_not_written() {
    let server = WebServer::start(ALL);
    let items = (0..50_u64).map(|n| par7z::Item::from_bytes(format!("{n}"), content(n, 200_000)));
    let compressor = Compressor::new(WriteOptions::new().level(0).unwrap()).unwrap();
    let (archive, _) = compressor.compress_to_vec(items).unwrap();
    server.files.lock().unwrap().insert("/a.7z".into(), archive);
    let location = Location::parse(&format!("http://127.0.0.1:{}/a.7z", server.port)).unwrap();
    let reader = ObjectReader::open(&location, &StoreOptions::new()).unwrap();
    let archive = Archive::from_source(reader, OpenOptions::new()).unwrap();
    assert_eq!(archive.entries().len(), 50);
    archive.test(par7z::ExtractOptions::new()).unwrap().into_complete().unwrap();
    let error = ObjectSink::create(&location, &StoreOptions::new()).unwrap_err().to_string();
    assert!(error.contains("cannot write to http://127.0.0.1"), "{error}");
}
