//! Texts to pack, ways to pack them, and ways to see that they come back.

pub(crate) use crate::common::Numbers;
use crate::common::run;
use par7z_lzma::{
    Encoder, EncoderOptions, Lzma2Decoder, LzmaDecoder, LzmaEnd, MatchFinder, Parser, Properties, SlicedText,
    TaskScratch, unwatched,
};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::OnceLock;

/// Each finder with each parser.
pub(crate) const WAYS: [(MatchFinder, Parser); 7] = [
    (MatchFinder::BinaryTree { cycles: 24 }, Parser::Optimal),
    (MatchFinder::BinaryTree { cycles: 24 }, Parser::Fast),
    (MatchFinder::IntervalTree, Parser::Optimal),
    (MatchFinder::IntervalTree, Parser::Fast),
    (MatchFinder::HashBuckets { buckets_log2: 16, thorough: true }, Parser::Optimal),
    (MatchFinder::HashBuckets { buckets_log2: 16, thorough: true }, Parser::Fast),
    (MatchFinder::HashBuckets { buckets_log2: 17, thorough: false }, Parser::Fast),
];

/// The options of each way, else those of level 5.
pub(crate) fn ways() -> impl Iterator<Item = EncoderOptions> {
    WAYS.into_iter().map(|(finder, parser)| EncoderOptions { finder, parser, ..EncoderOptions::default() })
}

/// The options of a level.
pub(crate) fn level(level: u32) -> EncoderOptions {
    EncoderOptions::level(level).expect("1 to 9")
}

/// The options of levels 1 to 9 as far as they differ for texts of so many bytes.
pub(crate) fn levels_for(text_bytes: usize) -> Vec<EncoderOptions> {
    let enough = u32::try_from(text_bytes.next_power_of_two().max(1 << 12)).expect("short texts");
    let mut differing = Vec::new();
    for mut options in (1..=9).map(level) {
        options.dictionary_bytes = options.dictionary_bytes.min(enough);
        if !differing.contains(&options) {
            differing.push(options);
        }
    }
    differing
}

/// Words, of which some are frequent.
pub(crate) fn words(len: usize, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers(seed * 2 + 1);
    let mut letters = |count: usize| -> Vec<u8> { (0..count).map(|_| b'a' + numbers.next(26) as u8).collect() };
    let words: Vec<Vec<u8>> = (0..200).map(|n| letters(2 + n * 7 % 9)).collect();
    let mut text = Vec::with_capacity(len + 12);
    while text.len() < len {
        text.extend_from_slice(&words[numbers.next(15) * numbers.next(14)]);
        text.push(b' ');
    }
    text.truncate(len);
    text
}

/// Bytes that nothing shrinks.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1).bytes(len)
}

/// Machine code and what else a program has.
pub(crate) fn program(len: usize) -> Vec<u8> {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    let program =
        PROGRAM.get_or_init(|| std::fs::read(std::env::current_exe().expect("a test is a program")).expect("readable"));
    program.iter().copied().cycle().skip(program.len() / 3).take(len).collect()
}

/// The bytes 0 to `period - 1`, spread, over and over.
pub(crate) fn periodic(len: usize, period: usize) -> Vec<u8> {
    (0..len).map(|n| (n % period * 29 + 1) as u8).collect()
}

/// No part occurs three times in a row.
pub(crate) fn thue_morse(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n.count_ones() % 2) as u8).collect()
}

/// As short a sequence of `letters` letters as has every combination of some length: no combination comes twice. These are
/// the Lyndon words in order.
pub(crate) fn de_bruijn(len: usize, letters: u8) -> Vec<u8> {
    let order = (1..).find(|&order| usize::from(letters).pow(order) >= len).expect("some time") as usize;
    let mut text = Vec::with_capacity(len + order);
    let mut word = vec![0u8];
    while text.len() < len {
        if order.is_multiple_of(word.len()) {
            text.extend_from_slice(&word);
        }
        let period = word.len();
        for at in period..order {
            word.push(word[at - period]);
        }
        while word.last() == Some(&(letters - 1)) {
            word.pop();
        }
        match word.last_mut() {
            Some(last) => *last += 1,
            None => word.push(0),
        }
    }
    text.truncate(len);
    text
}

/// Some of everything.
pub(crate) fn mixed(len: usize) -> Vec<u8> {
    let part = len / 8;
    let noise = noise(part, 77);
    let mut text = [words(part * 2, 5), noise.clone(), program(part), vec![0; part], noise, thue_morse(part)].concat();
    text.extend(words(len - text.len(), 6));
    text
}

/// Texts of a length, of all kinds.
pub(crate) fn contents(len: usize) -> Vec<(String, Vec<u8>)> {
    if cfg!(miri) {
        // One for all: Miri is slow.
        let noise = noise(len / 4, 3);
        let rest = vec![0; len - len / 4 * 3];
        return vec![("some of each".to_owned(), [&noise[..], &periodic(len / 4, 5), &noise, &rest].concat())];
    }
    let mut contents = vec![
        ("zeros".to_owned(), vec![0; len]),
        ("noise".to_owned(), noise(len, len as u64 + 1)),
        ("text".to_owned(), words(len, len as u64)),
        ("a program".to_owned(), program(len)),
        ("Thue-Morse".to_owned(), thue_morse(len)),
        ("de Bruijn, 2 letters".to_owned(), de_bruijn(len, 2)),
        ("de Bruijn, 16 letters".to_owned(), de_bruijn(len, 16)),
        ("half and half".to_owned(), [noise(len / 2, 3), words(len - len / 2, 3)].concat()),
    ];
    contents.extend((1..10).map(|period| (format!("period {period}"), periodic(len, period))));
    contents
}

/// A new encoder.
pub(crate) fn encoder(options: EncoderOptions) -> Encoder {
    Encoder::new(options).expect("valid options")
}

/// The chunks of a text, without an end.
pub(crate) fn lzma2(encoder: &mut Encoder, text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    encoder.encode_lzma2(text, &mut packed, &mut unwatched).expect("not stopped");
    packed
}

/// A raw LZMA stream.
pub(crate) fn lzma(encoder: &mut Encoder, text: &[u8], end_marker: bool) -> Vec<u8> {
    let mut packed = Vec::new();
    encoder.encode_lzma(text, end_marker, &mut packed, &mut unwatched).expect("not stopped");
    packed
}

/// A text prepared for slices, all tasks done.
pub(crate) fn prepared(options: &EncoderOptions, text: &[u8], history_bytes: usize, slice_bytes: usize) -> SlicedText {
    let mut sliced = SlicedText::new(options, text, history_bytes, slice_bytes);
    let mut scratch = TaskScratch::default();
    while sliced.tasks() > 0 {
        let results: Vec<_> = (0..sliced.tasks()).map(|task| sliced.run_task(text, task, &mut scratch)).collect();
        sliced.next_round(text, results);
    }
    sliced
}

/// Chunks without an end come back through this crate's decoder.
pub(crate) fn lzma2_comes_back(packed: &[u8], dictionary_bytes: u32, text: &[u8], what: &str) {
    let packed = [packed, &[0]].concat();
    let mut unpacked = vec![0xA5; text.len()];
    let mut decoder = Lzma2Decoder::new(dictionary_bytes, Some(text.len() as u64));
    let progress = decoder.decode_whole(&packed, &mut unpacked).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(progress.finished && progress.consumed == packed.len(), "{what}: {progress:?} of {}", packed.len());
    assert_same(&unpacked[..progress.produced], text, what);
}

/// A raw LZMA stream comes back through this crate's decoder. `end_marker`: whether it has one.
pub(crate) fn lzma_comes_back(packed: &[u8], options: &EncoderOptions, end_marker: bool, text: &[u8], what: &str) {
    let end = if end_marker { LzmaEnd::Marker } else { LzmaEnd::Size(text.len() as u64) };
    let mut decoder = LzmaDecoder::new(options.properties, options.dictionary_bytes, end).expect("enough memory");
    let mut unpacked = vec![0xA5; text.len() + 1];
    let progress = decoder.decode_whole(packed, &mut unpacked).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(progress.finished && progress.consumed == packed.len(), "{what}: {progress:?} of {}", packed.len());
    assert_same(&unpacked[..progress.produced], text, what);
}

/// Equality with the first difference as its failure.
pub(crate) fn assert_same(unpacked: &[u8], text: &[u8], what: &str) {
    if unpacked != text {
        let same = unpacked.iter().zip(text).take_while(|(a, b)| a == b).count();
        panic!("{what}: {} of {} bytes, other ones from {same} on", unpacked.len(), text.len());
    }
}

/// Chunks of many texts, which are one stream: each begins with a reset of the dictionary. So a process is started for
/// each dictionary only.
#[derive(Default)]
pub(crate) struct ForXz(BTreeMap<u32, Joined>);

#[derive(Default)]
struct Joined {
    packed: Vec<u8>,
    unpacked: Vec<u8>,
    /// Where each text begins, and what it is.
    texts: Vec<(usize, String)>,
}

impl ForXz {
    pub(crate) fn add(&mut self, packed: &[u8], dictionary_bytes: u32, text: &[u8], what: &str) {
        let joined = self.0.entry(dictionary_bytes).or_default();
        joined.texts.push((joined.unpacked.len(), what.to_owned()));
        joined.packed.extend_from_slice(packed);
        joined.unpacked.extend_from_slice(text);
    }

    /// Unpacks with xz, whose dictionary is no larger than it must be, and compares. Miri starts no programs.
    pub(crate) fn come_back(self) {
        if cfg!(miri) {
            return;
        }
        for (dictionary_bytes, mut joined) in self.0 {
            joined.packed.push(0);
            let filter = format!("--lzma2=dict={dictionary_bytes}");
            let unpacked = run(Command::new("xz").args(["--format=raw", &filter, "-dc"]), &joined.packed);
            let same = unpacked.iter().zip(&joined.unpacked).take_while(|(a, b)| a == b).count();
            let at = joined.texts.partition_point(|(start, _)| *start <= same);
            let what = at.checked_sub(1).map_or("", |index| &joined.texts[index].1);
            assert_same(&unpacked, &joined.unpacked, &format!("xz, dictionary {dictionary_bytes}, {what}"));
        }
    }
}

/// Unpacks a raw LZMA stream with an end marker.
pub(crate) fn lzma_by_xz(packed: &[u8], options: &EncoderOptions) -> Vec<u8> {
    let Properties { lc, lp, pb } = options.properties;
    let filter = format!("--lzma1=lc={lc},lp={lp},pb={pb},dict={}", options.dictionary_bytes);
    run(Command::new("xz").args(["--format=raw", &filter, "-dc"]), packed)
}
