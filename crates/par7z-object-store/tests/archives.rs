//! Archives from store to store, over Azurite, moto and in memory: the same functions for each.

mod support;

use par7z::{Compressor, WriteOptions};
use par7z_object_store::{ObjectSink, Objects, Selection};
use std::collections::BTreeMap;
use support::{Place, content, unpacked_by_7zip};

/// Objects below `logs/2024/`, of sizes around every border, and others that do not belong to them.
fn put_objects(place: &Place, count: u64) -> BTreeMap<String, Vec<u8>> {
    let mut expected = BTreeMap::new();
    for number in 0..count {
        let len = match number {
            0 => 0,
            1 => 1,
            2 => 4 << 20,
            3 => (4 << 20) + 1,
            4 => 13 << 20,
            _ => 40 + (number as usize * 7919) % 60_000,
        };
        let name = format!("{:02}/part {number:04} ü+%.txt", number % 7);
        let bytes = content(number, len);
        place.put("in", &format!("logs/2024/{name}"), bytes.clone());
        expected.insert(name, bytes);
    }
    place.put("in", "logs/2023/x.txt", b"another year".to_vec());
    place.put("in", "logs/2024", b"not below itself".to_vec());
    expected
}

fn options() -> WriteOptions {
    WriteOptions::new().level(1).unwrap()
}

fn from_store_to_store(place: &Place) {
    let expected = put_objects(place, 120);
    let (source, target) = (place.store("in", &place.options()), place.store("out", &place.options()));
    let objects = Objects::in_store(&source, &Selection::of_key("logs/2024/")).unwrap();
    let sink = ObjectSink::create_in(&target, "made/logs.7z").unwrap();
    let report = Compressor::new(options()).unwrap().compress(objects.items(), sink).unwrap();
    assert!(report.is_complete(), "{:?}", report.failures);
    assert_eq!(report.items_done, expected.len() as u64);
    let archive = tempfile::NamedTempFile::with_suffix(".7z").unwrap();
    std::fs::write(archive.path(), place.get("out", "made/logs.7z").expect("the archive is there")).unwrap();
    assert!(unpacked_by_7zip(archive.path(), None) == expected);
}

#[test]
fn azurite_from_store_to_store() {
    from_store_to_store(&Place::azurite());
}

#[test]
fn moto_from_store_to_store() {
    from_store_to_store(&Place::moto());
}

#[test]
fn memory_from_store_to_store() {
    from_store_to_store(&Place::memory());
}
