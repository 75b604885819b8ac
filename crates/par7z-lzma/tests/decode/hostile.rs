//! Bytes that nobody packed: no panic, an end, and the same output and the same error wherever they are cut.

use crate::common::Numbers;
use crate::support::{Decoder, Kind, Outcome, decode, decode_in_pieces, xz};
use par7z_lzma::{DecodeError, LzmaEnd, Properties, scan_lzma2};
use proptest::prelude::*;
use std::ops::Range;

/// Garbage may unpack to more than anybody waits for.
const MOST: usize = if cfg!(miri) { 60 } else { 40_000 };

fn kinds() -> impl Strategy<Value = Kind> {
    let lzma =
        (0u8..=224, dictionaries(), proptest::option::of(0u64..10_000)).prop_map(|(byte, dictionary_bytes, size)| {
            let mut properties = Properties::from_byte(byte).expect("in range");
            if cfg!(miri) {
                // Wide ones take MB, which take minutes.
                (properties.lc, properties.lp) = (properties.lc % 3, properties.lp % 2);
            }
            Kind::Lzma { properties, dictionary_bytes, end: size.map_or(LzmaEnd::Marker, LzmaEnd::Size) }
        });
    prop_oneof![lzma, dictionaries().prop_map(|dictionary_bytes| Kind::Lzma2 { dictionary_bytes })]
}

fn dictionaries() -> Range<u32> {
    0..if cfg!(miri) { 200 } else { 100_000 }
}

/// Bytes of a stream.
fn lengths() -> Range<usize> {
    0..if cfg!(miri) { 50 } else { 600 }
}

/// All ways of cutting agree.
fn same_in_every_way(kind: Kind, packed: &[u8], seed: u64) -> Outcome {
    let at_once = decode(kind, packed, MOST);
    let mut numbers = Numbers(seed | 1);
    let cut = || (numbers.next(60), numbers.next(900));
    let in_pieces = decode_in_pieces(&mut Decoder::new(kind), packed, MOST, cut);
    assert_eq!(at_once, in_pieces);
    assert_eq!(at_once, decode_in_pieces(&mut Decoder::new(kind), packed, MOST, || (1, 0)));

    let mut output = vec![0; MOST];
    let whole = Decoder::new(kind).decode_whole(packed, &mut output);
    match (at_once.finished, whole) {
        (Ok(finished), Ok(progress)) => {
            assert_eq!(finished, progress.finished);
            assert_eq!(at_once.output, output[..progress.produced]);
        }
        (Err(error), whole) => assert_eq!(whole, Err(error)),
        (ended, whole) => panic!("in pieces {ended:?}, as a whole {whole:?}"),
    }
    let _ = scan_lzma2(packed);
    at_once
}

/// What keeps garbage from being refused at once.
fn dress(kind: Kind, garbage: &mut [u8]) {
    match (kind, garbage) {
        (Kind::Lzma { .. }, [first, ..]) => *first = 0,
        (Kind::Lzma2 { .. }, [control, _, _, _, _, properties, first, ..]) => {
            *control |= 0xE0;
            *properties %= 5;
            *first = 0;
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 1500 }))]

    #[test]
    fn garbage(kind in kinds(), mut bytes in proptest::collection::vec(any::<u8>(), lengths()), seed: u64, dressed: bool) {
        if dressed {
            dress(kind, &mut bytes);
        }
        same_in_every_way(kind, &bytes, seed);
    }

    #[test]
    fn no_entropy(kind in kinds(), byte: u8, count in lengths(), seed: u64) {
        let mut bytes = vec![byte; count];
        dress(kind, &mut bytes);
        same_in_every_way(kind, &bytes, seed);
    }
}

#[test]
fn changed_streams() {
    let mut numbers = Numbers(77);
    let (times, rounds) = if cfg!(miri) { (1, 1) } else { (50, 600) };
    let text = b"all work and no play makes jack a dull boy. ".repeat(times);
    let content = [&text[..], &numbers.bytes(10 * times), &text[..14 * times]].concat();
    let dictionary_bytes = 1 << 12;
    let end = LzmaEnd::Size(content.len() as u64);
    let properties = Properties::default();
    let lzma = xz("--lzma1=dict=4KiB", &content);
    let streams = [
        (Kind::Lzma { properties, dictionary_bytes, end }, lzma.clone()),
        (Kind::Lzma { properties, dictionary_bytes, end: LzmaEnd::Marker }, lzma),
        (Kind::Lzma2 { dictionary_bytes }, xz("--lzma2=dict=4KiB", &content)),
    ];
    let mut damaged = 0;
    for (kind, packed) in streams {
        for round in 0..rounds {
            let mut changed = packed.clone();
            for _ in 0..=round % 3 {
                let at = numbers.next(changed.len());
                match numbers.next(4) {
                    0 => changed[at] ^= 1 << numbers.next(8),
                    1 => changed[at] = numbers.next(256) as u8,
                    2 => drop(changed.remove(at)),
                    _ => changed.insert(at, numbers.next(256) as u8),
                }
            }
            let outcome = same_in_every_way(kind, &changed, round as u64);
            damaged += u32::from(outcome.finished != Ok(true));
        }
    }
    assert!(damaged > 1000 || cfg!(miri), "{damaged}: damage is found");
}

#[test]
fn a_match_before_the_beginning() {
    // A code of all ones is a match, and the farthest.
    let packed = [&[0][..], &[0xFF; 40]].concat();
    let dictionary_bytes = 1 << if cfg!(miri) { 8 } else { 16 };
    let kind = Kind::Lzma { properties: Properties::default(), dictionary_bytes, end: LzmaEnd::Marker };
    assert_eq!(decode(kind, &packed, 100).finished, Err(DecodeError::Distance));
    // Of zeros, a literal for ever.
    let outcome = decode(kind, &[0; 40], MOST);
    assert_eq!((outcome.finished, outcome.output.iter().any(|byte| *byte != 0)), (Ok(false), false));
}
