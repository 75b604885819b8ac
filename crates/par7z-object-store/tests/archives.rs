//! Archives from store to store, over Azurite, moto and in memory: the same functions for each.

mod support;

use par7z::storage::Sink;
use par7z::{
    Archive, Compressor, Encryption, ErrorKind, Item, Method, OpenOptions, Report, Secret, Solid, Threads, WriteOptions,
};
use par7z_object_store::{ObjectReader, ObjectSink, ObjectVolumeSink, Objects, Selection, StoreOptions};
use std::collections::BTreeMap;
use support::{Place, content, unpacked_by_7zip};

const MIB: usize = 1 << 20;

/// Objects below `logs/2024/`, of sizes around every border, and others that do not belong to them.
fn put_objects(place: &Place, count: u64) -> BTreeMap<String, Vec<u8>> {
    let mut expected = BTreeMap::new();
    for number in 0..count {
        let len = match number {
            0 => 0,
            1 => 1,
            2 => 4 * MIB,
            3 => 4 * MIB + 1,
            4 => 13 * MIB,
            _ => 40 + (number as usize * 7919) % 60_000,
        };
        let name = format!("{:02}/part {number:04} ü+%.txt", number % 7);
        let bytes = content(number, len);
        place.put("in", &format!("logs/2024/{name}"), bytes.clone());
        expected.insert(name, bytes);
    }
    place.put("in", "logs/2023/x.txt", b"another year".to_vec());
    place.put("in", "logs/2024-", b"not below it".to_vec());
    expected
}

fn options() -> WriteOptions {
    WriteOptions::new().level(1).unwrap().threads(Threads::new(2).unwrap())
}

fn compress(place: &Place, key: &str, options: WriteOptions, sink: impl Sink + 'static) -> Report {
    let objects = Objects::in_store(&place.store("in", &place.options()), &Selection::of_key(key)).unwrap();
    let report = Compressor::new(options).unwrap().compress(objects.items(), sink).unwrap();
    assert!(report.is_complete(), "{:?}", report.failures);
    report
}

/// Downloads objects of `out` into a folder and gives what 7-Zip unpacks from the first.
fn unpacked(place: &Place, keys: &[String], password: Option<&str>) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    for key in keys {
        let path = folder.path().join(key.rsplit('/').next().unwrap());
        std::fs::write(path, place.get("out", key).unwrap_or_else(|| panic!("{key} is missing"))).unwrap();
    }
    unpacked_by_7zip(&folder.path().join(keys[0].rsplit('/').next().unwrap()), password)
}

fn from_store_to_store(place: &Place, expected: &BTreeMap<String, Vec<u8>>) {
    let target = place.store("out", &place.options());
    let sink = ObjectSink::create_in(&target, "made/logs.7z").unwrap();
    let report = compress(place, "logs/2024/", options(), sink);
    assert_eq!(report.items_done, expected.len() as u64);
    assert!(unpacked(place, &["made/logs.7z".to_owned()], None) == *expected);
}

fn refuses_and_replaces(place: &Place) {
    let target = place.store("out", &place.options());
    let error = ObjectSink::create_in(&target, "made/logs.7z").unwrap_err();
    assert!(error.kind() == ErrorKind::AlreadyExists && error.to_string().contains("made/logs.7z"), "{error}");
    // One that appears while the archive is made.
    let sink = ObjectSink::create_in(&target, "late.7z").unwrap();
    place.put("out", "late.7z", b"somebody else's".to_vec());
    let item = Item::from_bytes("a", *b"content");
    let error = Compressor::new(options()).unwrap().compress([item], sink).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert_eq!(place.get("out", "late.7z").unwrap(), b"somebody else's");
    let sink = ObjectSink::replace_in(&target, "late.7z").unwrap();
    Compressor::new(options()).unwrap().compress([Item::from_bytes("a", *b"content")], sink).unwrap();
    let found = unpacked(place, &["late.7z".to_owned()], None);
    assert_eq!(found, BTreeMap::from([("a".to_owned(), b"content".to_vec())]));
}

fn reads_in_place(place: &Place, expected: &BTreeMap<String, Vec<u8>>) {
    let store = place.store("out", &place.options());
    let reader = std::sync::Arc::new(ObjectReader::open_in(&store, "made/logs.7z").unwrap());
    let archive = Archive::from_source(Shared(reader.clone()), OpenOptions::new()).unwrap();
    assert_eq!(archive.entries().len(), expected.len());
    let listed = reader.bytes_fetched();
    assert!(listed <= 192 << 10, "{listed} bytes to list an archive of {}", par7z::storage::ReadAt::len(&*reader));
    // A small entry from the midst: its packed bytes and little else.
    let (index, entry) =
        archive.entries().iter().enumerate().find(|(_, entry)| entry.name.contains("part 0077")).unwrap();
    let mut got = Vec::new();
    std::io::Read::read_to_end(&mut archive.read_entry(index as u64).unwrap(), &mut got).unwrap();
    assert!(got == expected[&entry.name]);
    let extracted = reader.bytes_fetched() - listed;
    assert!(extracted <= 256 << 10, "{extracted} bytes for an entry of {}", got.len());
    // All of it, and not much more than once.
    let before = reader.bytes_fetched();
    archive.test(par7z::ExtractOptions::new()).unwrap().into_complete().unwrap();
    let all = reader.bytes_fetched() - before;
    assert!(all <= par7z::storage::ReadAt::len(&*reader) + 2 * MIB as u64, "{all}");
}

/// A reader whose counts the test sees.
struct Shared(std::sync::Arc<ObjectReader>);

impl par7z::storage::ReadAt for Shared {
    fn len(&self) -> u64 {
        self.0.len()
    }
    fn read_at(&self, buf: &mut [u8], position: u64) -> std::io::Result<usize> {
        self.0.read_at(buf, position)
    }
}

fn globs_and_single_objects(place: &Place, expected: &BTreeMap<String, Vec<u8>>) {
    let source = place.store("in", &place.options());
    let names = |key: &str| -> Vec<String> {
        let objects = Objects::in_store(&source, &Selection::of_key(key)).unwrap();
        objects
            .map(|item| item.map(|item| item.name().to_owned()).unwrap_or_else(|failure| failure.to_string()))
            .collect()
    };
    let of_03 =
        expected.keys().filter(|name| name.starts_with("03/")).map(|name| name[3..].to_owned()).collect::<Vec<_>>();
    assert_eq!(names("logs/2024/03/*.txt"), of_03);
    assert_eq!(names("logs/2024/*.txt").len(), 1, "nothing matches, which is said");
    assert_eq!(names("logs/**/part 00?? *").len(), 100);
    assert_eq!(names("logs/2023/x.txt"), ["x.txt"]);
    let missing = names("logs/2023/y.txt");
    assert!(missing.len() == 1 && missing[0].contains("y.txt") && missing[0].contains("does not exist"), "{missing:?}");
    assert!(names("nothing/here/")[0].contains("no object matches"));
}

fn volumes(place: &Place, expected: &BTreeMap<String, Vec<u8>>) {
    let target = place.store("out", &place.options());
    let sizes = [6 * MIB as u64, 9 * MIB as u64 + 5, 2 * MIB as u64];
    let sink = ObjectVolumeSink::create_in(&target, "set/logs.7z", &sizes).unwrap();
    let objects = Objects::in_store(&place.store("in", &place.options()), &Selection::of_key("logs/2024/")).unwrap();
    let session = Compressor::new(options().method(Method::Copy).unwrap()).unwrap().start(sink).unwrap();
    for item in objects.items() {
        session.add(item).unwrap();
        assert!(place.get("out", "set/logs.7z.001").is_none() && place.get("out", "set/logs.7z.002").is_none());
    }
    let report = session.finish().unwrap().into_complete().unwrap();
    let mut keys = Vec::new();
    let mut bytes = 0;
    while bytes < report.bytes_out {
        let key = format!("set/logs.7z.{:03}", keys.len() + 1);
        let len = place.get("out", &key).unwrap_or_else(|| panic!("{key} is missing")).len() as u64;
        bytes += len;
        let size = sizes[keys.len().min(2)];
        assert!(len == size || bytes == report.bytes_out, "{key}: {len}");
        keys.push(key);
    }
    assert!(keys.len() > 3);
    assert!(unpacked(place, &keys, None) == *expected);
    // Read as one.
    let reader = ObjectReader::open_in(&target, "set/logs.7z.001").unwrap();
    assert_eq!(reader.volume_count(), keys.len());
    let archive = Archive::from_source(reader, OpenOptions::new()).unwrap();
    archive.test(par7z::ExtractOptions::new()).unwrap().into_complete().unwrap();
    // A second set, smaller, in its place.
    let error = ObjectVolumeSink::create_in(&target, "set/logs.7z", &sizes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    let sink = ObjectVolumeSink::replace_in(&target, "set/logs.7z", &[100, 200]).unwrap();
    Compressor::new(options()).unwrap().compress([Item::from_bytes("a", content(1, 900))], sink).unwrap();
    let present: Vec<_> =
        (1..20).map(|n| format!("set/logs.7z.{n:03}")).take_while(|key| place.get("out", key).is_some()).collect();
    assert!((3..8).contains(&present.len()), "{present:?}");
    assert!((present.len() + 1..20).all(|n| place.get("out", &format!("set/logs.7z.{n:03}")).is_none()));
    assert_eq!(unpacked(place, &present, None), BTreeMap::from([("a".to_owned(), content(1, 900))]));
}

fn encrypted(place: &Place, expected: &BTreeMap<String, Vec<u8>>) {
    let target = place.store("out", &place.options());
    let sink = ObjectSink::create_in(&target, "secret.7z").unwrap();
    let encryption = Encryption::password("correct horse").hide_names(true);
    compress(place, "logs/2024/", options().encryption(Some(encryption)).solid(Solid::ON).unwrap(), sink);
    assert!(unpacked(place, &["secret.7z".to_owned()], Some("correct horse")) == *expected);
    let reader = ObjectReader::open_in(&target, "secret.7z").unwrap();
    let options = OpenOptions::new().secret(Some(Secret::Password("correct horse".into())));
    let archive = Archive::from_source(reader, options).unwrap();
    archive.test(par7z::ExtractOptions::new()).unwrap().into_complete().unwrap();
}

/// A run that is dropped in the midst, with parts in the store already.
fn aborted(place: &Place) {
    let options = place.options().part_bytes(StoreOptions::MIN_PART_BYTES).unwrap();
    let target = place.store("out", &options);
    let sinks: [Box<dyn Fn() -> Box<dyn Sink>>; 2] = [
        Box::new(|| Box::new(ObjectSink::create_in(&target, "never.7z").unwrap())),
        Box::new(|| Box::new(ObjectVolumeSink::create_in(&target, "never.7z", &[7 * MIB as u64]).unwrap())),
    ];
    for sink in sinks {
        let mut sink = sink();
        for _ in 0..40 {
            sink.append(&content(5, MIB)).unwrap();
        }
        if let Place::Moto(server) | Place::Google(server, _) = place {
            assert!(server.open_uploads("out-box") > 0, "parts were sent");
        }
        sink.abort();
        for key in ["never.7z", "never.7z.001", "never.7z.002"] {
            assert!(place.get("out", key).is_none(), "{key}");
        }
        if let Place::Moto(server) | Place::Google(server, _) = place {
            assert_eq!(server.open_uploads("out-box"), 0);
        }
    }
}

/// What the store has taken already stays; what it has not can be taken back.
fn taken_back(place: &Place) {
    let target = place.store("out", &place.options().part_bytes(StoreOptions::MIN_PART_BYTES).unwrap());
    let mut sink = ObjectSink::create_in(&target, "back.7z").unwrap();
    sink.append(&vec![1; 6 * MIB]).unwrap();
    assert!(sink.truncate(1000).unwrap());
    sink.append(&vec![2; 11 * MIB]).unwrap();
    assert!(!sink.truncate(2000).unwrap() && !sink.truncate(9 * MIB as u64).unwrap());
    assert!(sink.truncate(11 * MIB as u64).unwrap());
    sink.append(&[3; 10]).unwrap();
    Box::new(sink).finish(&[9; 32]).unwrap();
    let expected = [vec![9; 32], vec![1; 1000], vec![2; 11 * MIB - 1000], vec![3; 10]].concat();
    assert!(place.get("out", "back.7z").unwrap() == expected);
}

fn all(place: &Place) {
    let expected = put_objects(place, 120);
    from_store_to_store(place, &expected);
    refuses_and_replaces(place);
    reads_in_place(place, &expected);
    globs_and_single_objects(place, &expected);
    volumes(place, &expected);
    encrypted(place, &expected);
    aborted(place);
    taken_back(place);
}

#[test]
fn azurite() {
    all(&Place::azurite());
}

#[test]
fn moto() {
    all(&Place::moto());
}

#[test]
fn google() {
    all(&Place::google());
}

#[test]
fn memory() {
    all(&Place::memory());
}

/// Names that no file can have fail alone, by name; the others of the page are there.
fn bad_names(place: &Place, bad: &[&str]) {
    for name in bad {
        place.put("in", &format!("odd/{name}"), b"x".to_vec());
    }
    for name in ["good 1", "sub/good 2", "z&<good>"] {
        place.put("in", &format!("odd/{name}"), name.as_bytes().to_vec());
    }
    place.put("in", "odd/folder/", Vec::new());
    let source = place.store("in", &place.options());
    let (sink, written) = par7z::storage::VecSink::new();
    let objects = Objects::in_store(&source, &Selection::of_key("odd/")).unwrap();
    let report = Compressor::new(options()).unwrap().compress(objects.items(), sink).unwrap();
    let mut failed: Vec<_> = report.failures.iter().map(|failure| failure.name.as_str()).collect();
    failed.sort_unstable();
    let mut expected = bad.to_vec();
    expected.sort_unstable();
    assert_eq!(failed, expected);
    assert!(
        report.failures.iter().all(|failure| failure.error.to_string().contains("which no file can have")),
        "{report:?}"
    );
    let archive = Archive::from_bytes(written.take().unwrap(), OpenOptions::new()).unwrap();
    let mut names: Vec<_> = archive.entries().iter().map(|entry| entry.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["folder", "good 1", "sub/good 2", "z&<good>"]);
}

#[test]
fn azurite_names_that_no_file_can_have() {
    bad_names(&Place::azurite(), &["a//b", "/lead", "full/", "tab\tbed"]);
}

#[test]
fn moto_names_that_no_file_can_have() {
    bad_names(&Place::moto(), &["a//b", "/lead", "full/", "tab\tbed", "x/../y"]);
}

#[test]
fn a_container_that_is_not_there_ends_the_list() {
    let place = Place::azurite();
    let location = par7z_object_store::Location::parse("az://nowhere-box/").unwrap();
    let failures: Vec<_> = Objects::list(&location, &place.options()).unwrap().map(Result::unwrap_err).collect();
    assert!(failures.len() == 1 && failures[0].ends_list(), "{failures:?}");
    assert_eq!(failures[0].name(), "az://nowhere-box/");
}

/// Solid by extension: the engine opens nothing before all is listed, so what is read ahead stays until then.
#[test]
fn items_that_are_held_back_do_not_stop_the_list() {
    let place = Place::memory();
    let expected = put_objects(&place, 120);
    let store = place.store("in", &place.options().read_ahead_bytes(MIB).unwrap().requests_in_flight(1).unwrap());
    let solid = Solid { by_extension: true, ..Solid::ON };
    let objects = Objects::in_store(&store, &Selection::of_key("logs/2024/")).unwrap();
    let compressor = Compressor::new(options().solid(solid).unwrap()).unwrap();
    let (archive, report) = compressor.compress_to_vec(objects.items()).unwrap();
    assert!(report.is_complete(), "{:?}", report.failures);
    let archive = Archive::from_bytes(archive, OpenOptions::new()).unwrap();
    assert_eq!(archive.entries().len(), expected.len());
    for (index, entry) in archive.entries().iter().enumerate().take(10) {
        let mut got = Vec::new();
        std::io::Read::read_to_end(&mut archive.read_entry(index as u64).unwrap(), &mut got).unwrap();
        assert!(got == expected[&entry.name], "{}", entry.name);
    }
}
