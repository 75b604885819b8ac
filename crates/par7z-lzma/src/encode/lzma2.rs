//! LZMA2: chunks of LZMA with resets between them, or bytes as they are where that is smaller.
//!
//! A chunk holds at most 2 MiB unpacked and 64 KiB packed (stored: 64 KiB). The parser chooses thousands of bytes at once, so
//! a chunk is closed early enough that whatever comes next still fits. Limits are values, so that tests can make them tiny and
//! meet every border; those of the format are met by few texts.
//!
//! Invariants: the first chunk of a text resets the dictionary, the first packed one the state and the properties; behind a
//! stored chunk the coder is as it was before it. No chunk is larger than its bytes stored.

use super::core::{Core, Watched};
use super::encoder::Stopped;
use super::nodes::MAX_PARSE;
use crate::Properties;
use crate::find::Finder;
use crate::find::flat::FlatStretches;
use alloc::vec::Vec;

/// Bytes of a chunk at the most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    unpacked: usize,
    packed: usize,
    pub(super) stored: usize,
}

impl Limits {
    /// What the format's headers have room for.
    pub(super) const FORMAT: Self = Self { unpacked: 1 << 21, packed: 1 << 16, stored: 1 << 16 };
}

/// What a parse packs to at the most, usually: no step costs more than its bytes would as literals, about nine bits each. A
/// chunk that all the same gets too long is stored.
const PARSE_RESERVE: usize = MAX_PARSE + MAX_PARSE / 4 + 64;

/// Appends the chunks of `text` from `start`, where the finder stands. The first resets the state, and at 0 the dictionary.
/// Flat stretches are stored and left out of the finder.
pub(super) fn encode<F: Finder>(
    core: &mut Core,
    text: &[u8],
    flat: &FlatStretches,
    start: usize,
    finder: &mut F,
    out: &mut Vec<u8>,
    watched: &mut Watched<'_>,
) -> Result<(), Stopped> {
    assert!(core.options.properties.checked_for_lzma2().is_ok(), "LZMA2 has lc + lp of at most 4");
    let limits = core.chunk_limits;
    let mut position = start;
    let mut needs_properties = true;
    while position < text.len() {
        let chunk_start = position;
        let packed_before = out.len();
        let stored = flat.next(position, text.len()).unwrap_or(text.len()..text.len());
        if stored.start == position {
            finder.leave_out(text, stored.len());
            emit_stored(&text[stored.clone()], position == 0, limits.stored, out);
            position = stored.end;
            watched.packed(out.len() - packed_before);
            watched.coded(stored.len())?;
            continue;
        }
        core.coder.save_into(&mut core.saved);
        core.coder.range.reset();
        position = encode_chunk(core, &text[..stored.start], position, finder, watched)?;
        core.coder.range.finish();
        let unpacked = &text[chunk_start..position];
        let packed = core.coder.range.bytes();
        if packed.len() + 2 < unpacked.len() && packed.len() <= limits.packed {
            let reset = match (chunk_start, needs_properties) {
                (0, _) => RESET_ALL,
                (_, true) => RESET_STATE_AND_PROPERTIES,
                (_, false) => RESET_NOTHING,
            };
            let properties = needs_properties.then_some(core.options.properties);
            emit_packed(unpacked.len(), packed, reset, properties, out);
            needs_properties = false;
        } else {
            // Stored, as if it had not been coded: what was learned from it is forgotten.
            if let Some(saved) = &core.saved {
                core.coder.restore(saved);
            }
            core.prices.expire();
            emit_stored(unpacked, chunk_start == 0, limits.stored, out);
        }
        watched.packed(out.len() - packed_before);
    }
    Ok(())
}

/// Codes steps until the chunk is full or the text ends; gives the position behind them.
fn encode_chunk<F: Finder>(
    core: &mut Core,
    text: &[u8],
    start: usize,
    finder: &mut F,
    watched: &mut Watched<'_>,
) -> Result<usize, Stopped> {
    let mut position = start;
    while position < text.len() {
        let next = core.advance(text, position, finder);
        watched.coded(next - position)?;
        position = next;
        let limits = core.chunk_limits;
        let is_full = position - start + MAX_PARSE > limits.unpacked
            || core.coder.range.len_if_ended() + PARSE_RESERVE > limits.packed;
        if is_full {
            break;
        }
    }
    Ok(position)
}

const RESET_ALL: u8 = 0xE0;
const RESET_STATE_AND_PROPERTIES: u8 = 0xC0;
const RESET_NOTHING: u8 = 0x80;

/// A packed chunk: sizes less one, the unpacked one's highest bits beside the reset.
fn emit_packed(unpacked_len: usize, packed: &[u8], reset: u8, properties: Option<Properties>, out: &mut Vec<u8>) {
    out.push(reset | ((unpacked_len - 1) >> 16) as u8);
    out.extend_from_slice(&((unpacked_len - 1) as u16).to_be_bytes());
    out.extend_from_slice(&((packed.len() - 1) as u16).to_be_bytes());
    out.extend(properties.map(Properties::to_byte));
    out.extend_from_slice(packed);
}

/// Stored chunks of at most `chunk_bytes`; the first of a text resets the dictionary.
pub(super) fn emit_stored(unpacked: &[u8], is_first: bool, chunk_bytes: usize, out: &mut Vec<u8>) {
    for (index, piece) in unpacked.chunks(chunk_bytes).enumerate() {
        out.push(if is_first && index == 0 { 1 } else { 2 });
        out.extend_from_slice(&((piece.len() - 1) as u16).to_be_bytes());
        out.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::binary_tree::BinaryTree;
    use crate::find::hash_buckets::ThoroughBuckets;
    use crate::find::short_chain::{self, ShortChain};
    use crate::{EncoderOptions, Lzma2Decoder, Parser, unwatched};
    use proptest::prelude::*;

    /// A part of a text.
    #[derive(Debug, Clone)]
    enum Part {
        Byte {
            count: usize,
            byte: u8,
        },
        /// Bytes of so many different ones: 256 do not shrink.
        Noise {
            count: usize,
            letters: u64,
            seed: u64,
        },
        /// What stood so far back in the text, as a share of 256.
        Again {
            count: usize,
            back: usize,
        },
    }

    fn part() -> impl Strategy<Value = Part> {
        let count = || prop_oneof![1..40usize, 1..3_000usize, Just(4096), 4_000..5_000usize];
        prop_oneof![
            (count(), any::<u8>()).prop_map(|(count, byte)| Part::Byte { count, byte }),
            (count(), prop_oneof![Just(256), 2..30u64], any::<u64>()).prop_map(|(count, letters, seed)| Part::Noise {
                count,
                letters,
                seed
            }),
            (count(), 1..=256usize).prop_map(|(count, back)| Part::Again { count, back }),
        ]
    }

    fn text(parts: &[Part]) -> Vec<u8> {
        let mut text: Vec<u8> = Vec::new();
        for part in parts {
            match *part {
                Part::Byte { count, byte } => text.extend((0..count).map(|_| byte)),
                Part::Noise { count, letters, mut seed } => text.extend((0..count).map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    ((seed >> 33) % letters) as u8
                })),
                Part::Again { count, back } => {
                    let from = text.len() - text.len() * back / 256;
                    let copy: Vec<u8> = text[from..].iter().copied().take(count).collect();
                    text.extend(copy);
                }
            }
        }
        text.truncate(short_chain::MAX_TEXT);
        text
    }

    fn limits() -> impl Strategy<Value = Limits> {
        // From less than a parse on: then each is a chunk. A chunk of more than its bytes in the format has no header.
        let unpacked = prop_oneof![1..100usize, MAX_PARSE - 2..MAX_PARSE + 3, MAX_PARSE..5 * MAX_PARSE];
        let packed =
            prop_oneof![6..100usize, 1_000..4_000usize, PARSE_RESERVE - 3..PARSE_RESERVE + 3, PARSE_RESERVE..20_000];
        let stored = prop_oneof![1..50usize, 4_000..5_000usize, Just(1 << 16)];
        (unpacked, packed, stored).prop_map(|(unpacked, packed, stored)| Limits { unpacked, packed, stored })
    }

    /// The chunks' sizes are within the limits, and the text comes back.
    fn check(text: &[u8], limits: Limits, packed: &[u8]) {
        let (mut at, mut unpacked) = (0, 0);
        while at < packed.len() {
            let number = |at: usize| usize::from(u16::from_be_bytes([packed[at], packed[at + 1]])) + 1;
            let (control, low) = (packed[at], number(at + 1));
            if control < 0x80 {
                assert_eq!(control, if unpacked == 0 { 1 } else { 2 });
                assert!(low <= limits.stored, "{low} bytes stored, {limits:?}");
                unpacked += low;
                at += 3 + low;
            } else {
                let (len, chunk) = (low + (usize::from(control & 0x1F) << 16), number(at + 3));
                assert!(len <= limits.unpacked.max(MAX_PARSE), "{len} bytes, {limits:?}");
                assert!(chunk <= limits.packed, "{len} bytes packed to {chunk}, {limits:?}");
                assert!(chunk + 2 < len, "{len} bytes packed to {chunk}");
                unpacked += len;
                at += 5 + usize::from(control >= 0xC0) + chunk;
            }
        }
        assert_eq!((at, unpacked), (packed.len(), text.len()));
        let packed = [packed, &[0]].concat();
        let mut decoded = alloc::vec![0xA5; text.len()];
        let mut decoder = Lzma2Decoder::new(1 << 16, Some(text.len() as u64));
        let progress = decoder.decode_whole(&packed, &mut decoded).expect("what is packed is sound");
        assert!(progress.finished && progress.consumed == packed.len());
        assert!(decoded == text, "the text came back changed, {limits:?}");
    }

    /// Packs text after text with one coder, and the same text again.
    fn packed_by<F: Finder>(core: &mut Core, text: &[u8], mut begin: impl FnMut() -> F) -> Vec<u8> {
        let mut first: Option<Vec<u8>> = None;
        for _ in 0..2 {
            core.begin_stream(text.len());
            core.begin_text(text.len(), core.options.nice_length as usize);
            let (mut out, mut watch) = (Vec::new(), unwatched);
            let mut watched = Watched::new(&mut watch);
            let done = encode(core, text, &FlatStretches::default(), 0, &mut begin(), &mut out, &mut watched);
            done.expect("not stopped");
            if let Some(first) = &first {
                assert!(*first == out, "what was packed before matters, {:?}", core.chunk_limits);
            }
            first = Some(out);
        }
        first.unwrap_or_default()
    }

    proptest! {
        // `PROPTEST_CASES` sets another number of them.
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Limits so low that every parse meets one, with each parser: chunks that are full, and those that must be stored though they
        /// would shrink, whose coder is put back.
        #[test]
        #[cfg_attr(miri, ignore = "packs too much")]
        fn chunks_keep_to_any_limits(
            parts in prop::collection::vec(part(), 0..8),
            limits in limits(),
            nice_length in prop_oneof![Just(5u32), Just(40), Just(273)],
            is_fast in any::<bool>(),
        ) {
            let text = text(&parts);
            let parser = if is_fast { Parser::Fast } else { Parser::Optimal };
            let options = EncoderOptions { parser, nice_length, dictionary_bytes: 1 << 16, ..EncoderOptions::default() };
            let (mut core, limit) = (Core::new(&options), nice_length as usize);
            core.chunk_limits = limits;
            let packed = [
                packed_by(&mut core, &text, || {
                    let mut finder = ShortChain::new();
                    finder.begin(text.len(), limit, 1 << 16);
                    finder
                }),
                packed_by(&mut core, &text, || {
                    let mut finder = BinaryTree::new();
                    finder.begin(text.len(), limit, 16, 1 << 16);
                    finder
                }),
                packed_by(&mut core, &text, || {
                    let mut finder = ThoroughBuckets::new();
                    finder.begin(text.len(), limit, 12, 1 << 16);
                    finder
                }),
            ];
            for packed in packed {
                check(&text, limits, &packed);
            }
        }
    }
}
