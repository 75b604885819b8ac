//! Archives that mean harm: names and links that lead outside, duplicates, headers that ask for too much. Built here
//! with the header writer and the Copy method, so that each test shows the whole attack.

use par7z::{
    Archive, CancelToken, ErrorKind, ExtractOptions, OpenOptions, Overwrite, OverwriteAnswer, PathMode, ReadLimits,
    Report, Threads,
};
use par7z_format::{
    Coder, Entry, EntryKind, Folder, FolderStreams, Header, MethodId, PackStream, StartHeader, Streams, Substream,
    emit_encoded_header, emit_header,
};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

const FILE_MODE: u32 = (0o100_644 << 16) | 0x8000;
const LINK_MODE: u32 = (0o120_777 << 16) | 0x8000;

/// A file, a link or a directory to be.
struct Given {
    name: &'static str,
    content: Option<&'static [u8]>,
    attributes: Option<u32>,
}

fn file(name: &'static str, content: &'static str) -> Given {
    Given { name, content: Some(content.as_bytes()), attributes: Some(FILE_MODE) }
}

fn link(name: &'static str, target: &'static str) -> Given {
    Given { name, content: Some(target.as_bytes()), attributes: Some(LINK_MODE) }
}

fn directory(name: &'static str) -> Given {
    Given { name, content: None, attributes: None }
}

fn copy_folder(contents: &[&[u8]]) -> FolderStreams {
    let coder = Coder { method: MethodId(0), inputs: 1, properties: Box::default() };
    let size = contents.iter().map(|content| content.len() as u64).sum();
    let substream = |content: &&[u8]| Substream { size: content.len() as u64, crc: Some(crc32fast::hash(content)) };
    let substreams: Box<[Substream]> = contents.iter().map(substream).collect();
    let crc = if let [only] = &substreams[..] { only.crc } else { None };
    FolderStreams { folder: Arc::new(Folder::chain(vec![coder])), unpack_sizes: Box::new([size]), crc, substreams }
}

/// An archive of the given entries with `per_folder` of them in a folder.
fn build(given: &[Given], per_folder: usize) -> Vec<u8> {
    let contents: Vec<&[u8]> = given.iter().filter_map(|given| given.content).filter(|c| !c.is_empty()).collect();
    let mut streams = Streams::default();
    for group in contents.chunks(per_folder) {
        let folder = copy_folder(group);
        streams.pack_streams.push(PackStream { size: folder.unpack_sizes[0], crc: None });
        streams.folders.push(folder);
    }
    let entry = |given: &Given| Entry {
        name: Some(given.name.into()),
        kind: if given.content.is_some() { EntryKind::File } else { EntryKind::Directory },
        has_stream: given.content.is_some_and(|content| !content.is_empty()),
        attributes: given.attributes,
        ..Entry::default()
    };
    let header = emit_header(&Header { streams, entries: given.iter().map(entry).collect() });
    with_header(&contents.concat(), &header)
}

fn with_header(packed: &[u8], header: &[u8]) -> Vec<u8> {
    let start = StartHeader {
        next_header_offset: packed.len() as u64,
        next_header_size: header.len() as u64,
        next_header_crc: crc32fast::hash(header),
    };
    [&start.emit()[..], packed, header].concat()
}

fn open(bytes: Vec<u8>) -> Archive {
    Archive::from_bytes(bytes, OpenOptions::new()).unwrap()
}

/// A folder with a destination in it and a witness beside that.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("out")).unwrap();
        fs::create_dir(root.path().join("outside")).unwrap();
        fs::write(root.path().join("outside/witness"), "untouched").unwrap();
        Self { root }
    }

    fn out(&self) -> std::path::PathBuf {
        self.root.path().join("out")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.out().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn extract(&self, archive: &Archive, options: ExtractOptions) -> Report {
        let report = archive.extract(self.out(), options).unwrap();
        self.check();
        report
    }

    /// Nothing outside was touched, and no temporary file stayed.
    fn check(&self) {
        let mut names: Vec<_> = list(self.root.path());
        names.sort();
        assert_eq!(names, ["out", "outside"]);
        assert_eq!(list(&self.root.path().join("outside")), ["witness"]);
        assert_eq!(fs::read_to_string(self.root.path().join("outside/witness")).unwrap(), "untouched");
        assert!(list(&self.out()).iter().all(|name| !name.ends_with(".tmp")));
    }
}

fn list(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn kinds(report: &Report) -> Vec<(&str, ErrorKind)> {
    report.failures.iter().map(|failure| (&*failure.name, failure.error.kind())).collect()
}

fn replace() -> ExtractOptions {
    ExtractOptions::new().overwrite(Overwrite::Replace)
}

#[test]
fn names_that_lead_outside_fail_and_the_rest_goes_on() {
    let bad = ["../evil", "a/../../evil", "/tmp/par7z-evil", "C:/evil", "a//evil", ".", "a/.."];
    let mut given: Vec<Given> = bad.iter().map(|name| file(name, "evil")).collect();
    given.push(file("good/file", "good"));
    given.push(directory("../evildir"));
    let place = Place::new();
    let report = place.extract(&open(build(&given, 3)), ExtractOptions::new());
    assert_eq!(report.failures.len(), bad.len() + 1);
    assert!(report.failures.iter().all(|failure| failure.error.kind() == ErrorKind::UnsafePath), "{report:?}");
    assert_eq!((report.items_done, place.read("good/file").as_str()), (1, "good"));
    assert!(!Path::new("/tmp/par7z-evil").exists());
}

#[test]
fn flat_paths_take_the_last_part() {
    let place = Place::new();
    let archive = open(build(&[file("../../a", "1"), file("x/y/b", "2"), file("c/..", "3")], 2));
    let report = place.extract(&archive, ExtractOptions::new().paths(PathMode::Flat));
    assert_eq!(kinds(&report), [("c/..", ErrorKind::UnsafePath)]);
    assert_eq!(place.read("a") + &place.read("b"), "12");
}

#[cfg(unix)]
mod links {
    use super::*;
    use std::os::unix::fs::symlink;

    fn is_link(path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
    }

    #[test]
    fn links_that_stay_inside_are_made() {
        let place = Place::new();
        let given = [link("d/up", "../target"), file("target", "t"), link("plain", "d"), link("dangling", "nothing")];
        let report = place.extract(&open(build(&given, 9)), ExtractOptions::new());
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(place.read("d/up") + &place.read("plain/up"), "tt");
        assert_eq!(fs::read_link(place.out().join("dangling")).unwrap(), Path::new("nothing"));
    }

    #[test]
    fn links_that_lead_outside_are_refused() {
        let place = Place::new();
        let targets = ["/etc/passwd", "..", "../outside/witness", "x/../../outside", "./../outside"];
        for target in targets {
            let report = place.extract(&open(build(&[link("l", target)], 1)), replace());
            assert_eq!(kinds(&report), [("l", ErrorKind::UnsafePath)], "{target}");
            assert!(list(&place.out()).is_empty(), "{target}");
        }
    }

    /// A link that is inside by its text, but not once another link has moved its middle.
    #[test]
    fn links_do_not_combine_to_lead_outside() {
        let place = Place::new();
        let given = [link("p/q/a", "../.."), link("x/y/z", "../../p/q/a/.."), link("p/q/a/b", "..")];
        let report = place.extract(&open(build(&given, 1)), replace());
        assert!(report.failures.iter().all(|failure| failure.name != "p/q/a/b" || failure.index == 2));
        for name in ["x/y/z", "p/q/a/b"] {
            let path = place.out().join(name);
            assert!(
                !is_link(&path) || fs::canonicalize(&path).unwrap().starts_with(fs::canonicalize(place.out()).unwrap())
            );
        }
    }

    #[test]
    fn nothing_is_written_through_a_link_of_the_archive() {
        let place = Place::new();
        let given =
            [link("l", "target"), file("l", "content"), file("target", "safe"), link("d", "."), file("d/f", "f")];
        let report = place.extract(&open(build(&given, 1)), replace());
        assert_eq!((place.read("target"), place.read("l")), ("safe".into(), "content".into()));
        assert!(!is_link(&place.out().join("l")));
        assert_eq!(kinds(&report), [("d", ErrorKind::AlreadyExists)]);
        assert_eq!(place.read("d/f"), "f");
    }

    #[test]
    fn links_that_were_there_do_not_lead_outside() {
        let place = Place::new();
        symlink("../outside", place.out().join("dir")).unwrap();
        symlink("../outside/witness", place.out().join("file")).unwrap();
        let given = [
            file("dir/witness", "evil"),
            file("dir/new", "evil"),
            file("file", "mine"),
            directory("dir/sub"),
            link("through", "dir/witness"),
            link("dir/l", "x"),
        ];
        let report = place.extract(&open(build(&given, 9)), replace());
        let failed: Vec<&str> = report.failures.iter().map(|failure| &*failure.name).collect();
        assert_eq!(failed, ["dir/witness", "dir/new", "dir/sub", "through", "dir/l"], "{report:?}");
        assert_eq!(place.read("file"), "mine");
        assert!(!is_link(&place.out().join("file")) && !is_link(&place.out().join("through")));
    }

    #[test]
    fn links_become_files_on_request() {
        let place = Place::new();
        let report = place.extract(&open(build(&[link("l", "../..")], 1)), replace().restore_links(false));
        assert!(report.is_complete());
        assert_eq!(place.read("l"), "../..");
    }

    #[test]
    fn modes_lose_their_special_bits() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new();
        let mut given = file("suid", "x");
        given.attributes = Some((0o106_755 << 16) | 0x8000);
        place.extract(&open(build(&[given], 1)), ExtractOptions::new());
        let mode = fs::metadata(place.out().join("suid")).unwrap().permissions().mode();
        assert_eq!((mode & 0o7000, mode & 0o700), (0, 0o700));
    }
}

#[test]
fn the_last_of_a_name_wins_whatever_the_threads() {
    for per_folder in [1, 2, 40] {
        let mut given: Vec<Given> = (0..39).map(|_| file("same", "old")).collect();
        given.push(file("same", "last"));
        let place = Place::new();
        let report = place.extract(&open(build(&given, per_folder)), replace().threads(Threads::new(8).unwrap()));
        assert_eq!((report.items_done, place.read("same").as_str()), (40, "last"));
        assert_eq!(list(&place.out()), ["same"]);
    }
}

#[test]
fn a_file_and_a_directory_of_one_name_cost_one_of_them() {
    for given in [[file("p", "1"), file("p/q", "2")], [file("p/q", "2"), file("p", "1")]] {
        let place = Place::new();
        let options = replace().threads(Threads::new(1).unwrap());
        let report = place.extract(&open(build(&given, 1)), options);
        assert_eq!((report.items_done, report.failures.len()), (1, 1), "{report:?}");
    }
}

#[test]
fn each_overwrite_policy_does_what_it_says() {
    let archive = open(build(&[file("d/a.txt", "new"), file("b", "b")], 1));
    let run = |overwrite: Overwrite| {
        let place = Place::new();
        fs::create_dir(place.out().join("d")).unwrap();
        fs::write(place.out().join("d/a.txt"), "old").unwrap();
        let outcome = archive.extract(place.out(), ExtractOptions::new().overwrite(overwrite));
        place.check();
        let mut names = list(&place.out().join("d"));
        names.sort();
        (outcome, place.read("d/a.txt"), names)
    };
    let (report, content, _) = run(Overwrite::Refuse);
    assert_eq!((kinds(&report.unwrap()), &*content), (vec![("d/a.txt", ErrorKind::AlreadyExists)], "old"));
    let (report, content, names) = run(Overwrite::Replace);
    assert_eq!((report.unwrap().items_done, &*content, names.len()), (2, "new", 1));
    let (report, content, _) = run(Overwrite::Skip);
    assert_eq!((report.unwrap().items_skipped, &*content), (1, "old"));
    let (report, content, names) = run(Overwrite::RenameNew);
    assert_eq!((report.unwrap().items_done, &*content, names), (2, "old", vec!["a.txt".into(), "a_1.txt".into()]));
    let (report, content, names) = run(Overwrite::RenameExisting);
    assert_eq!((report.unwrap().items_done, &*content, names), (2, "new", vec!["a.txt".into(), "a_1.txt".into()]));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let (report, content, _) = run(Overwrite::Ask(Arc::new(move |question| {
        log.lock().unwrap().push((question.path.to_owned(), question.existing_size));
        OverwriteAnswer::Replace
    })));
    assert_eq!((report.unwrap().items_done, &*content), (2, "new"));
    assert_eq!(*asked.lock().unwrap(), [("d/a.txt".replace('/', std::path::MAIN_SEPARATOR_STR), 3)]);
    let (report, content, _) = run(Overwrite::Ask(Arc::new(|_| OverwriteAnswer::Cancel)));
    assert_eq!((report.unwrap_err().kind(), &*content), (ErrorKind::Cancelled, "old"));
}

#[test]
fn damaged_content_leaves_the_old_file_and_no_new_one() {
    let mut bytes = build(&[file("a", "content a"), file("b", "content b"), file("c", "content c")], 9);
    bytes[32] ^= 1;
    bytes[32 + 9] ^= 1;
    let archive = open(bytes);
    let place = Place::new();
    fs::write(place.out().join("a"), "old").unwrap();
    let report = place.extract(&archive, replace());
    assert_eq!(kinds(&report), [("a", ErrorKind::CorruptData), ("b", ErrorKind::CorruptData)]);
    assert_eq!((place.read("a"), place.read("c")), ("old".into(), "content c".into()));
    assert!(!place.out().join("b").exists());
    let mut out = Vec::new();
    let report = archive.extract_to(&mut out, ExtractOptions::new().select(|entry| entry.name == "c")).unwrap();
    assert_eq!((report.items_done, &out[..]), (1, &b"content c"[..]));
}

#[test]
fn limits_hold() {
    let bytes = build(&[file("a", "content"), file("b", "content")], 9);
    let open = |change: &dyn Fn(&mut ReadLimits)| {
        let mut limits = ReadLimits::default();
        change(&mut limits);
        Archive::from_bytes(bytes.clone(), OpenOptions::new().limits(limits))
    };
    assert_eq!(open(&|limits| limits.entries = 1).unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert_eq!(open(&|limits| limits.header_bytes = 8).unwrap_err().kind(), ErrorKind::LimitExceeded);
    let archive = open(&|limits| limits.output_bytes = 13).unwrap();
    assert_eq!(archive.test(ExtractOptions::new()).unwrap_err().kind(), ErrorKind::LimitExceeded);
    // Only what has to be unpacked counts.
    assert!(archive.test(ExtractOptions::new().select(|entry| entry.name == "a")).unwrap().is_complete());
}

#[test]
fn a_cancelled_run_stops_and_leaves_nothing_behind() {
    let cancel = CancelToken::new();
    cancel.cancel();
    let place = Place::new();
    let archive = open(build(&[file("a", "content")], 1));
    let outcome = archive.extract(place.out(), ExtractOptions::new().cancel_token(cancel));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(list(&place.out()).is_empty());
}

/// A header that unpacks to itself.
#[test]
fn a_quine_header_ends() {
    let size_of = |size: u64| {
        let mut folder = copy_folder(&[&[]]);
        folder.unpack_sizes = Box::new([size]);
        folder.substreams = Box::new([Substream { size, crc: None }]);
        folder.crc = None;
        emit_encoded_header(&Streams {
            pack_position: 0,
            pack_streams: vec![PackStream { size, crc: None }],
            folders: vec![folder],
        })
    };
    let header = size_of(size_of(0).len() as u64);
    let start = StartHeader {
        next_header_offset: 0,
        next_header_size: header.len() as u64,
        next_header_crc: crc32fast::hash(&header),
    };
    let bytes = [&start.emit()[..], &header].concat();
    let error = Archive::from_bytes(bytes, OpenOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CorruptHeader);
}

#[test]
fn cut_archives_say_that_they_end_too_early() {
    let bytes = build(&[file("a", "content")], 1);
    for len in 0..bytes.len() {
        let error = Archive::from_bytes(bytes[..len].to_vec(), OpenOptions::new()).unwrap_err();
        let expected = if len < 6 { ErrorKind::NotArchive } else { ErrorKind::CorruptHeader };
        assert_eq!(error.kind(), expected, "{len}: {error}");
    }
}

#[test]
fn stubs_and_trailing_bytes_are_tolerated() {
    let archive = build(&[file("a", "content")], 1);
    let fake = [&b"7z\xBC\xAF\x27\x1C"[..], &[0; 100]].concat();
    let bytes = [&b"MZ"[..], &vec![7; 200_000], &fake, &archive, b"tail"].concat();
    let stub = 2 + 200_000 + fake.len() as u64;
    let opened = open(bytes);
    assert_eq!((opened.stub_size(), opened.trailing_size()), (stub, 4));
    assert_eq!(opened.physical_size(), archive.len() as u64);
    assert!(opened.test(ExtractOptions::new()).unwrap().is_complete());
}

#[test]
fn a_missing_volume_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = build(&[file("a", "content"), file("b", "more")], 1);
    let write = |number: usize, byte: &[u8]| fs::write(folder.path().join(format!("x.7z.{number:03}")), byte).unwrap();
    for (index, byte) in bytes.iter().enumerate() {
        write(index + 1, &[*byte]);
    }
    let first = folder.path().join("x.7z.001");
    let archive = Archive::open(&first, OpenOptions::new()).unwrap();
    assert_eq!(archive.volume_count(), bytes.len() as u64);
    assert!(archive.test(ExtractOptions::new()).unwrap().is_complete());
    fs::remove_file(folder.path().join("x.7z.040")).unwrap();
    let error = Archive::open(&first, OpenOptions::new()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("x.7z.040") && text.contains(&format!("{} bytes", bytes.len())), "{text}");
    assert_eq!(error.kind(), ErrorKind::CorruptHeader);
}

#[test]
fn one_entry_is_read_as_a_stream() {
    use std::io::Read;
    let mut bytes = build(&[file("a", "first"), file("b", "second"), file("empty", "")], 9);
    let archive = open(bytes.clone());
    let mut text = String::new();
    archive.read_entry(1).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "second");
    assert_eq!(archive.read_entry(2).unwrap().read(&mut [0; 4]).unwrap(), 0);
    assert_eq!(archive.read_entry(3).unwrap_err().kind(), ErrorKind::InvalidOption);
    bytes[32 + 5] ^= 1;
    assert!(open(bytes).read_entry(1).unwrap().read_to_end(&mut Vec::new()).is_err());
}
