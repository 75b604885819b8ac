//! Each option changes what it says it changes, as stock 7-Zip lists it.

use crate::common::{PASSWORD, contents, files, list, noise, options, text, write};
use par7z::{
    Bzip2Params, Compressor, DeflateParams, Encryption, ErrorKind, ErrorPolicy, FileTime, Filter, FilterChoice, Item,
    IvSeed, Key, LzmaMatchFinder, LzmaMode, LzmaParams, Metadata, Method, Order, PpmdParams, Secret, Solid, Threads,
    TimeChoice, WriteOptions,
};

fn base() -> WriteOptions {
    options(2, 5)
}

/// Enough text that parameters matter.
fn content() -> Vec<u8> {
    let mut content = text(1, 200_000);
    content.extend(noise(1, 5_000));
    content.extend(text(2, 150_000));
    content.extend_from_within(..100_000);
    content
}

fn archive(options: &WriteOptions) -> Vec<u8> {
    let (bytes, report) = write(options, vec![Item::from_bytes("a.txt", content())]);
    assert!(report.is_complete());
    assert!(files(&contents(&bytes))["a.txt"] == content());
    bytes
}

fn method_of(bytes: &[u8]) -> Option<String> {
    Some(list(bytes).1.first()?["Method"].clone())
}

/// What stock 7-Zip lists; nothing is compared where it is not installed.
fn assert_method(options: &WriteOptions, expected: &str) {
    if let Some(method) = method_of(&archive(options)) {
        assert_eq!(method, expected);
    }
}

fn with(method: Method) -> WriteOptions {
    base().method(method).expect("valid")
}

#[test]
fn level() {
    assert_method(&options(1, 0), "Copy");
    let sizes: Vec<_> = [0, 1, 5, 9].map(|level| archive(&options(1, level)).len()).into();
    assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
    assert_eq!(WriteOptions::new().level(10).expect_err("too high").kind(), ErrorKind::InvalidOption);
}

#[test]
fn method() {
    assert_method(&with(Method::Copy), "Copy");
    let small = LzmaParams { dictionary_bytes: Some(1 << 16), ..LzmaParams::default() };
    assert_method(&with(Method::Lzma2(LzmaParams { dictionary_bytes: Some(1 << 18), ..small })), "LZMA2:18");
    assert_method(&with(Method::Lzma(small)), "LZMA:16");
    let contexts = LzmaParams { lc: Some(1), lp: Some(2), pb: Some(0), ..small };
    assert_method(&with(Method::Lzma(contexts)), "LZMA:16:lc1:lp2:pb0");
    let ppmd = PpmdParams { order: Some(9), memory_bytes: Some(1 << 20) };
    assert_method(&with(Method::Ppmd(ppmd)), "PPMD:o9:mem20");
    assert_method(&with(Method::Bzip2(Bzip2Params::default())), "BZip2");
    assert_method(&with(Method::Deflate(DeflateParams::default())), "Deflate");
}

#[test]
fn each_parameter() {
    let lzma = LzmaParams { dictionary_bytes: Some(1 << 20), ..LzmaParams::default() };
    let variants = [
        LzmaParams { dictionary_bytes: Some(1 << 12), ..lzma },
        LzmaParams { nice_length: Some(5), ..lzma },
        LzmaParams { match_finder: Some(LzmaMatchFinder::HashBuckets), mode: Some(LzmaMode::Fast), ..lzma },
        LzmaParams { mode: Some(LzmaMode::Fast), ..lzma },
        LzmaParams { lc: Some(0), ..lzma },
        LzmaParams { lp: Some(1), ..lzma },
        LzmaParams { pb: Some(4), ..lzma },
    ];
    let plain = archive(&with(Method::Lzma(lzma)));
    for variant in variants {
        assert!(archive(&with(Method::Lzma(variant))) != plain, "{variant:?}");
        assert!(archive(&with(Method::Lzma2(variant))) != archive(&with(Method::Lzma2(lzma))), "LZMA2 {variant:?}");
    }
    let trees = LzmaParams { match_finder: Some(LzmaMatchFinder::BinaryTree), ..lzma };
    let one_step = LzmaParams { cycles: Some(1), ..trees };
    assert!(archive(&with(Method::Lzma2(one_step))) != archive(&with(Method::Lzma2(trees))), "cycles");
    let bzip2 = |block| archive(&with(Method::Bzip2(Bzip2Params { block_100k: Some(block) })));
    assert!(bzip2(1) != bzip2(9));
    let deflate = |level| archive(&with(Method::Deflate(DeflateParams { zlib_level: Some(level) })));
    assert!(deflate(1).len() > deflate(9).len());
    let ppmd = |order, memory_bytes| archive(&with(Method::Ppmd(PpmdParams { order, memory_bytes })));
    assert!(ppmd(Some(2), None).len() > ppmd(Some(8), None).len());
    assert!(ppmd(None, Some(1 << 14)).len() > ppmd(None, Some(1 << 24)).len());
}

#[test]
fn filters() {
    let chain = |chain: Vec<Filter>| base().filters(FilterChoice::Chain(chain)).expect("valid");
    let lzma2 = method_of(&archive(&base())).unwrap_or_default();
    let all = [
        (Filter::Delta { distance: 4 }, "Delta:4"),
        (Filter::BcjX86, "BCJ"),
        (Filter::Arm, "ARM"),
        (Filter::ArmThumb, "ARMT"),
        (Filter::Arm64, "ARM64"),
        (Filter::PowerPc, "PPC"),
        (Filter::Sparc, "SPARC"),
        (Filter::Ia64, "IA64"),
        (Filter::RiscV, "RISCV"),
        (Filter::Swap2, "Swap2"),
        (Filter::Swap4, "Swap4"),
    ];
    for (filter, name) in all {
        let bytes = archive(&chain(vec![filter]));
        if let Some(method) = method_of(&bytes) {
            assert!(method.split(' ').any(|listed| listed == name) && method.contains("LZMA2"), "{filter:?}: {method}");
        }
    }
    let two = chain(vec![Filter::BcjX86, Filter::Delta { distance: 1 }]);
    if let Some(method) = method_of(&archive(&two)) {
        let mut names: Vec<_> = method.split(' ').collect();
        names.sort_unstable();
        assert_eq!(names, ["BCJ", "Delta:1", lzma2.as_str()]);
    }
    // A program gets its filter by itself, unless it is told not to.
    let mut program = std::fs::read(std::env::current_exe().expect("a test is a program")).expect("readable");
    program.truncate(200_000);
    let filtered = |options: &WriteOptions| {
        let (bytes, _) = write(options, vec![Item::from_bytes("program", program.clone())]);
        method_of(&bytes).map(|method| method.contains("BCJ") || method.contains("ARM64"))
    };
    let off = base().filters(FilterChoice::Off).expect("valid");
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert_ne!(filtered(&base()), Some(false));
    }
    assert_ne!(filtered(&off), Some(true));
}

#[test]
fn combinations_that_make_no_sense_are_refused() {
    let kind = |result: par7z::Result<WriteOptions>| result.expect_err("refused").kind();
    let chain = FilterChoice::Chain(vec![Filter::BcjX86]);
    for options in [options(1, 0), with(Method::Copy)] {
        let options = options.filters(chain.clone()).expect("valid alone");
        assert_eq!(Compressor::new(options).expect_err("refused").kind(), ErrorKind::InvalidOption);
    }
    let lzma = LzmaParams::default();
    let methods = [
        Method::Lzma2(LzmaParams { dictionary_bytes: Some(1), ..lzma }),
        Method::Lzma(LzmaParams { dictionary_bytes: Some(u32::MAX), ..lzma }),
        Method::Lzma(LzmaParams { nice_length: Some(4), ..lzma }),
        Method::Lzma(LzmaParams { lc: Some(9), ..lzma }),
        Method::Lzma2(LzmaParams { lc: Some(4), lp: Some(1), ..lzma }),
        Method::Ppmd(PpmdParams { order: Some(1), memory_bytes: None }),
        Method::Bzip2(Bzip2Params { block_100k: Some(10) }),
        Method::Deflate(DeflateParams { zlib_level: Some(0) }),
    ];
    for method in methods {
        assert_eq!(kind(base().method(method)), ErrorKind::InvalidOption, "{method:?}");
    }
    assert_eq!(kind(base().filters(FilterChoice::Chain(vec![Filter::BcjX86; 4]))), ErrorKind::InvalidOption);
    assert_eq!(
        kind(base().filters(FilterChoice::Chain(vec![Filter::Delta { distance: 257 }]))),
        ErrorKind::InvalidOption
    );
    assert_eq!(kind(base().solid(Solid { max_items: 0, ..Solid::ON })), ErrorKind::InvalidOption);
    assert_eq!(kind(base().memory_budget(1 << 20)), ErrorKind::InvalidOption);
    assert_eq!(kind(base().on_error(ErrorPolicy::Retry { times: 0 })), ErrorKind::InvalidOption);
    assert!(Threads::new(257).is_err() && Threads::new(256).is_ok());
}

/// Names by folder.
fn folders(solid: Solid, level: u32) -> Option<Vec<Vec<String>>> {
    let names = ["a.txt", "b.c", "c.txt", "d.c", "e.txt", "f.c"];
    let items = names.iter().enumerate().map(|(n, name)| Item::from_bytes(*name, text(n as u64, 1000))).collect();
    let (bytes, _) = write(&options(2, level).solid(solid).expect("valid"), items);
    assert_eq!(contents(&bytes).len(), names.len());
    let (_, entries) = list(&bytes);
    let mut folders: Vec<Vec<String>> = Vec::new();
    for entry in &entries {
        let block: usize = entry["Block"].parse().expect("a number");
        folders.resize(folders.len().max(block + 1), Vec::new());
        folders[block].push(entry["Path"].clone());
    }
    (!entries.is_empty()).then_some(folders)
}

#[test]
fn solid() {
    let sizes = |solid| folders(solid, 1).map(|folders| folders.iter().map(Vec::len).collect::<Vec<_>>());
    let Some(off) = sizes(Solid::OFF) else { return };
    assert_eq!(off, [1; 6]);
    assert_eq!(sizes(Solid::ON), Some(vec![6]));
    assert_eq!(sizes(Solid { max_items: 4, ..Solid::ON }), Some(vec![4, 2]));
    assert_eq!(sizes(Solid { max_bytes: 2500, ..Solid::ON }), Some(vec![2, 2, 2]));
    let by_extension = folders(Solid { by_extension: true, ..Solid::ON }, 1).expect("listed");
    assert_eq!(by_extension, [["b.c", "d.c", "f.c"], ["a.txt", "c.txt", "e.txt"]]);
}

#[test]
fn header_compression() {
    let items = || (0..200).map(|n| Item::from_bytes(format!("some/folder/{n}.txt"), text(n, 10))).collect();
    let (packed, _) = write(&base(), items());
    let (plain, _) = write(&base().compress_header(false), items());
    assert!(packed.len() < plain.len());
    assert_eq!(contents(&packed), contents(&plain));
    let utf16: Vec<u8> = "199.txt".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let shows = |bytes: &[u8]| bytes.windows(utf16.len()).any(|window| window == utf16);
    assert!(shows(&plain) && !shows(&packed));
}

#[test]
fn times_and_attributes() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a");
    std::fs::write(&path, "content").expect("written");
    let listed = |options: &WriteOptions| {
        let (bytes, _) = write(options, vec![Item::from_path("a", &path)]);
        let has = |entry: &std::collections::BTreeMap<String, String>, key: &str| {
            entry.get(key).is_some_and(|value| !value.is_empty())
        };
        let (_, entries) = list(&bytes);
        let entry = entries.first()?;
        Some(["Modified", "Created", "Accessed"].map(|key| has(entry, key)).to_vec())
    };
    let times = |modified, created, accessed| base().times(TimeChoice { modified, created, accessed });
    let Some(default) = listed(&base()) else { return };
    assert_eq!(default, [true, false, false]);
    assert_eq!(listed(&times(false, false, false)).expect("listed"), [false; 3]);
    assert_eq!(listed(&times(false, false, true)).expect("listed"), [false, false, true]);
    assert_eq!(listed(&times(true, false, true)).expect("listed"), [true, false, true]);

    let metadata = Metadata {
        modified: Some(FileTime::from_unix(1_000_000_000, 0)),
        attributes: Some(0x8000 | 0x20 | (0o100_640 << 16)),
        ..Metadata::default()
    };
    let item = || vec![Item::from_bytes("a", *b"content").with_metadata(metadata)];
    let entry = |options: &WriteOptions| list(&write(options, item()).0).1.remove(0);
    let full = entry(&base());
    assert!(full["Modified"].starts_with("2001-09-09"), "{full:?}");
    assert!(full["Attributes"].contains("-rw-r-----"), "{full:?}");
    let bare = entry(&base().attributes(false));
    assert!(!bare.get("Attributes").is_some_and(|value| value.contains("rw-r")), "{bare:?}");
}

fn encryption() -> Encryption {
    Encryption::password(PASSWORD)
}

#[test]
fn encrypting() {
    let plain = archive(&base());
    let bytes = archive(&base().encryption(Some(encryption())));
    assert!(bytes.len() > plain.len());
    if let Some(method) = method_of(&bytes) {
        assert!(method.contains("7zAES:19"), "{method}");
        assert_eq!(list(&bytes).1[0]["Encrypted"], "+");
        assert_eq!(list(&plain).1[0]["Encrypted"], "-");
    }
    let opens = |secret: Option<Secret>| {
        let archive = par7z::Archive::from_bytes(bytes.clone(), par7z::OpenOptions::new().secret(secret));
        archive.and_then(|archive| archive.test(par7z::ExtractOptions::new())?.into_complete().map(|_| ()))
    };
    opens(Some(Secret::Password(PASSWORD.into()))).expect("the right one");
    assert_eq!(opens(None).expect_err("none").kind(), ErrorKind::PasswordRequired);
    assert!(opens(Some(Secret::Password("wrong".into()))).is_err());
    assert!(opens(Some(Secret::Key(Key::new([1; 32])))).is_err());
}

#[test]
fn hiding_names() {
    let hidden = archive(&base().encryption(Some(encryption().hide_names(true))));
    let shown = archive(&base().encryption(Some(encryption())));
    let opens = |bytes: &[u8]| par7z::Archive::from_bytes(bytes.to_vec(), par7z::OpenOptions::new()).map(|_| ());
    opens(&shown).expect("names are not secret");
    assert_eq!(opens(&hidden).expect_err("names are").kind(), ErrorKind::PasswordRequired);
}

/// The packed streams of an archive with a plain header end where the header begins.
fn packed(bytes: &[u8]) -> &[u8] {
    let offset = u64::from_le_bytes(bytes[12..20].try_into().expect("8 bytes"));
    &bytes[32..32 + offset as usize]
}

#[test]
fn the_iv() {
    let items = || (0..3).map(|n| Item::from_bytes(format!("{n}"), noise(5, 1024))).collect();
    let bytes = |iv: Option<[u8; 16]>| {
        let encryption = Encryption { iv: iv.map(IvSeed::new), ..encryption() };
        write(&base().encryption(Some(encryption)).compress_header(false), items()).0
    };
    assert!(bytes(Some([1; 16])) == bytes(Some([1; 16])));
    assert!(bytes(Some([1; 16])) != bytes(Some([2; 16])));
    assert!(bytes(None) != bytes(None), "random");
    for iv in [None, Some([1; 16])] {
        // Equal content under one key shows as equal blocks if an IV is used twice.
        let bytes = bytes(iv);
        let streams: std::collections::HashSet<&[u8]> = packed(&bytes).chunks(16).collect();
        assert_eq!(streams.len(), packed(&bytes).len() / 16);
    }
    // Runs with clones of the same options.
    let shared = base().encryption(Some(encryption().iv([1; 16]))).compress_header(false);
    let runs: Vec<_> = (0..3).map(|_| write(&shared.clone(), items()).0).collect();
    assert!(runs[0] == bytes(Some([1; 16])), "the first run is as told");
    let blocks: Vec<_> = runs.iter().flat_map(|run| packed(run).chunks(16)).collect();
    let different: std::collections::HashSet<_> = blocks.iter().collect();
    assert_eq!(different.len(), blocks.len());
}

#[test]
fn order_of_completion_is_that_of_finishing() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let gate = std::sync::Arc::new(AtomicBool::new(false));
    struct Opens(std::sync::Arc<AtomicBool>);
    impl par7z::Observer for Opens {
        fn event(&self, event: &par7z::Event<'_>, _: &par7z::Totals) {
            if matches!(event, par7z::Event::ItemFinished { index: 1, .. }) {
                self.0.store(true, Ordering::Release);
            }
        }
    }
    let _watchdog = crate::common::watchdog("a run whose first item is last");
    let items = vec![
        Item::from_reader("slow", std::io::Read::chain(crate::common::Gate(gate.clone()), &b"slow"[..]), None),
        Item::from_bytes("quick", *b"quick"),
    ];
    let options = base().order(Order::Completion).observer(std::sync::Arc::new(Opens(gate)));
    let (bytes, _) = write(&options, items);
    let archive = par7z::Archive::from_bytes(bytes, par7z::OpenOptions::new()).expect("it opens");
    let names: Vec<_> = archive.entries().iter().map(|entry| entry.name.to_string()).collect();
    assert_eq!(names, ["quick", "slow"]);
}
