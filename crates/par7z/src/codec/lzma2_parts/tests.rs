//! What comes out with helpers is what comes out without: bytes, errors, and where they are.

use super::*;
use crate::codec::tests::{folder, noise, text};
use crate::codec::{coder, open_folder, registry};
use crate::crypto::KeyRing;
use crate::{Error, ErrorKind, ReadLimits};
use par7z_lzma::{Encoder, EncoderOptions, scan_lzma2, unwatched};
use proptest::prelude::*;
use std::io::Cursor;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;

/// A dictionary of 64 KiB.
const DICTIONARY: u8 = 8;

/// Threads that come when they are called, and memory that is counted.
struct Crowd {
    spare_threads: AtomicUsize,
    limit: u64,
    /// Reserved now, and at most so far.
    memory: Mutex<(u64, u64)>,
    /// Whether tasks are run at all; else the reader has to do everything itself.
    works: bool,
    threads: Mutex<Vec<JoinHandle<()>>>,
    shared: AtomicUsize,
    stopped: AtomicBool,
}

impl Crowd {
    fn new(spare_threads: usize, limit: u64, works: bool) -> Arc<Self> {
        Arc::new(Self {
            spare_threads: AtomicUsize::new(spare_threads),
            limit,
            memory: Mutex::default(),
            works,
            threads: Mutex::default(),
            shared: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        })
    }

    /// When the reader is gone: all that was reserved was released.
    fn check(&self) {
        for thread in std::mem::take(&mut *self.threads.lock().unwrap()) {
            thread.join().unwrap();
        }
        let (now, peak) = *self.memory.lock().unwrap();
        assert_eq!(now, 0);
        assert!(peak <= self.limit, "{peak} of {}", self.limit);
    }
}

impl Helpers for Crowd {
    fn spare_threads(&self) -> usize {
        self.spare_threads.load(Ordering::Relaxed)
    }
    fn share(&self, task: Box<dyn FnOnce() + Send>) {
        self.shared.fetch_add(1, Ordering::Relaxed);
        if self.works {
            self.threads.lock().unwrap().push(std::thread::spawn(task));
        }
    }
    fn try_reserve(&self, bytes: u64) -> bool {
        let mut memory = self.memory.lock().unwrap();
        let fits = memory.0 + bytes <= self.limit;
        memory.0 += if fits { bytes } else { 0 };
        memory.1 = memory.1.max(memory.0);
        fits
    }
    fn release(&self, bytes: u64) {
        self.memory.lock().unwrap().0 -= bytes;
    }
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Gives bytes in pieces, and fails at their end if told so.
struct Source {
    bytes: Cursor<Vec<u8>>,
    fails: bool,
}

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = buf.len().min(5000);
        match self.bytes.read(&mut buf[..most])? {
            0 if self.fails => Err(Error::new(ErrorKind::Io, "the source fails").into()),
            count => Ok(count),
        }
    }
}

/// All that comes out, in reads of `piece` bytes, and the error after it.
fn read(packed: &[u8], fails: bool, size: u64, piece: usize, helpers: Option<&Arc<dyn Helpers>>) -> (Vec<u8>, String) {
    let folder = folder(vec![coder(registry::id::LZMA2, &[DICTIONARY])], size);
    let source: BoxRead = Box::new(Source { bytes: Cursor::new(packed.to_vec()), fails });
    let mut out = Vec::new();
    let mut reader =
        open_folder(&folder, vec![source], &KeyRing::new(None), &ReadLimits::default(), helpers).expect("it opens");
    let mut buffer = vec![0; piece];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (out, String::new()),
            Ok(count) => out.extend_from_slice(&buffer[..count]),
            Err(error) => return (out, error.to_string()),
        }
    }
}

fn check(packed: &[u8], fails: bool, size: u64, piece: usize, crowd: &Arc<Crowd>) {
    let (expected, expected_error) = read(packed, fails, size, piece, None);
    let helpers = Arc::clone(crowd) as Arc<dyn Helpers>;
    let (out, error) = read(packed, fails, size, piece, Some(&helpers));
    crowd.check();
    assert_eq!(error, expected_error);
    // A read that fails has lost the bytes that it had.
    let common = out.len().min(expected.len());
    assert!(out.len().abs_diff(expected.len()) < piece && out[..common] == expected[..common]);
    if error.is_empty() {
        assert_eq!(out.len(), expected.len());
    }
}

fn lzma2(content: &[u8]) -> Vec<u8> {
    let mut options = EncoderOptions::level(1).expect("it exists");
    options.dictionary_bytes = 64 << 10;
    let mut packed = Vec::new();
    Encoder::new(options).expect("valid").encode_lzma2(content, &mut packed, &mut unwatched).expect("not stopped");
    packed
}

/// Stored chunks of `chunk` bytes, the first of which resets the dictionary, or each.
fn stored(content: &[u8], chunk: usize, each: bool) -> Vec<u8> {
    let mut packed = Vec::new();
    for (index, bytes) in content.chunks(chunk.clamp(1, 1 << 16)).enumerate() {
        packed.push(if each || index == 0 { 1 } else { 2 });
        packed.extend_from_slice(&u16::try_from(bytes.len() - 1).expect("at most 64 KiB").to_be_bytes());
        packed.extend_from_slice(bytes);
    }
    packed
}

/// A stream of `parts` parts of LZMA, and what it unpacks to.
fn stream(parts: usize, part_bytes: usize) -> (Vec<u8>, u64) {
    let content = text(parts * part_bytes);
    let mut packed: Vec<u8> = content.chunks(part_bytes).flat_map(lzma2).collect();
    packed.push(END);
    (packed, content.len() as u64)
}

#[test]
fn parts_are_shared_out() {
    let (packed, size) = stream(10, 20_000);
    assert_eq!(scan_lzma2(&packed).unwrap().parts.len(), 10);
    for (spare, works) in [(1, true), (6, true), (3, false)] {
        let crowd = Crowd::new(spare, u64::MAX, works);
        check(&packed, false, size, 4096, &crowd);
        assert_eq!(crowd.shared.load(Ordering::Relaxed), 10);
        let parts = spare as u64 + 1;
        assert!(crowd.memory.lock().unwrap().1 < parts * (20_000 * 2 + DECODER_BYTES));
    }
}

#[test]
fn without_resets_or_threads_or_memory_nothing_is_shared_out() {
    let (many, size) = stream(10, 20_000);
    let one = [&stored(&text(90_000), 4096, false)[..], &[END]].concat();
    let large = [&stored(&text(300_000), 4096, false)[..], &[END]].concat();
    let cases = [(&many, size, 0, u64::MAX), (&many, size, 3, 30_000), (&one, 90_000, 3, u64::MAX)];
    for (packed, size, spare, limit) in cases.into_iter().chain([(&large, 300_000, 3, u64::MAX)]) {
        let crowd = Crowd::new(spare, limit, true);
        check(packed, false, size, 4096, &crowd);
        assert_eq!(crowd.shared.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn after_a_part_that_is_too_large_parts_are_shared_out_again() {
    let contents = [text(20_000), text(300_000), text(20_000), text(20_000), text(20_000)];
    let mut packed: Vec<u8> = contents.iter().flat_map(|content| stored(content, 5000, false)).collect();
    packed.push(END);
    let crowd = Crowd::new(2, u64::MAX, true);
    check(&packed, false, contents.iter().map(|content| content.len() as u64).sum(), 4096, &crowd);
    assert_eq!(crowd.shared.load(Ordering::Relaxed), 4);
}

#[test]
fn tiny_parts_are_joined() {
    let packed = [&stored(&noise(50_000), 1, true)[..], &[END]].concat();
    let crowd = Crowd::new(3, u64::MAX, true);
    check(&packed, false, 50_000, 4096, &crowd);
    assert!((100..=50_000 * 5 / PART_BYTES_MIN).contains(&crowd.shared.load(Ordering::Relaxed)));
}

#[test]
fn claims_are_not_believed() {
    // Chunks that say 2 MiB each in 6 bytes, all of which reset the dictionary.
    let packed = [0xFF, 0xFF, 0xFF, 0, 4, 0x5D, 0, 0, 0, 0, 0].repeat(1000);
    let crowd = Crowd::new(3, 1 << 20, true);
    check(&packed, false, 1 << 40, 4096, &crowd);
    assert!(crowd.memory.lock().unwrap().1 < 1 << 20);
}

#[test]
fn a_reader_that_is_dropped_leaves_nothing() {
    let (packed, size) = stream(10, 20_000);
    for (works, stopped) in [(true, false), (false, false), (true, true)] {
        let crowd = Crowd::new(4, u64::MAX, works);
        crowd.stopped.store(stopped, Ordering::Relaxed);
        let helpers = Arc::clone(&crowd) as Arc<dyn Helpers>;
        let mut reader = PartsReader::new(64 << 10, Box::new(Cursor::new(packed.clone())), size, &helpers);
        reader.read_exact(&mut [0; 1000]).unwrap();
        drop(reader);
        crowd.check();
    }
}

#[derive(Debug, Clone)]
enum Piece {
    Lzma(usize),
    Stored { bytes: usize, chunk: usize, each: bool },
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        (1usize..60_000).prop_map(Piece::Lzma),
        (1usize..3000).prop_map(Piece::Lzma),
        (1usize..20_000, 1usize..3000, any::<bool>()).prop_map(|(bytes, chunk, each)| Piece::Stored {
            bytes,
            chunk,
            each
        }),
        (1usize..150_000).prop_map(|bytes| Piece::Stored { bytes, chunk: 1 << 16, each: false }),
    ];
    prop::collection::vec(piece, 1..12)
}

#[derive(Debug, Clone)]
enum Harm {
    Nothing,
    Byte {
        place: f64,
        xor: u8,
    },
    Cut {
        place: f64,
        fails: bool,
    },
    Size(i64),
    /// Another stream, or garbage, in place of the end.
    Behind(Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::Nothing),
        (0.0..1.0, 1u8..).prop_map(|(place, xor)| Harm::Byte { place, xor }),
        (0.0..1.0, any::<bool>()).prop_map(|(place, fails)| Harm::Cut { place, fails }),
        (-3000i64..3000).prop_map(Harm::Size),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Harm::Behind),
        Just(Harm::Behind(vec![1, 0, 0, 7, 0])),
        Just(Harm::Behind(vec![2, 0, 0, 7, 0])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn one_thread_says_the_same(
        pieces in pieces(),
        harm in harm(),
        spare in 0usize..5,
        limit in prop_oneof![Just(u64::MAX), 0u64..800_000],
        works in any::<bool>(),
        piece in prop_oneof![Just(1usize), Just(4096), Just(1 << 20)],
    ) {
        let (mut packed, mut size) = (Vec::new(), 0i64);
        for piece in &pieces {
            let bytes = match *piece {
                Piece::Lzma(bytes) => { packed.extend(lzma2(&text(bytes))); bytes }
                Piece::Stored { bytes, chunk, each } => { packed.extend(stored(&noise(bytes), chunk, each)); bytes }
            };
            size += bytes as i64;
        }
        packed.push(END);
        let at = |place: f64, length: usize| (place * length as f64) as usize;
        let mut fails_at_end = false;
        match harm {
            Harm::Nothing => {}
            Harm::Byte { place, xor } => { let index = at(place, packed.len()); packed[index] ^= xor; }
            Harm::Cut { place, fails } => { packed.truncate(at(place, packed.len())); fails_at_end = fails; }
            Harm::Size(more) => size = (size + more).max(1),
            Harm::Behind(bytes) => { packed.pop(); packed.extend(bytes); }
        }
        let crowd = Crowd::new(spare, limit, works);
        check(&packed, fails_at_end, size as u64, piece, &crowd);
    }
}
