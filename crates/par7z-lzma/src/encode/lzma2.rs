//! LZMA2: chunks of LZMA with resets between them, or bytes as they are where that is smaller.
//!
//! A chunk holds at most 2 MiB unpacked and 64 KiB packed (stored: 64 KiB). The parser chooses thousands of bytes at once, so
//! a chunk is closed early enough that whatever comes next still fits.
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

const MAX_UNPACKED: usize = 1 << 21;
const MAX_PACKED: usize = 1 << 16;
const MAX_STORED: usize = 1 << 16;
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
    let mut position = start;
    let mut needs_properties = true;
    while position < text.len() {
        let chunk_start = position;
        let packed_before = out.len();
        let stored = flat.next(position, text.len()).unwrap_or(text.len()..text.len());
        if stored.start == position {
            finder.leave_out(text, stored.len());
            emit_stored(&text[stored.clone()], position == 0, out);
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
        if packed.len() + 2 < unpacked.len() && packed.len() <= MAX_PACKED {
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
            emit_stored(unpacked, chunk_start == 0, out);
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
        let is_full =
            position - start + MAX_PARSE > MAX_UNPACKED || core.coder.range.len_if_ended() + PARSE_RESERVE > MAX_PACKED;
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

/// Stored chunks; the first of a text resets the dictionary.
pub(super) fn emit_stored(unpacked: &[u8], is_first: bool, out: &mut Vec<u8>) {
    for (index, piece) in unpacked.chunks(MAX_STORED).enumerate() {
        out.push(if is_first && index == 0 { 1 } else { 2 });
        out.extend_from_slice(&((piece.len() - 1) as u16).to_be_bytes());
        out.extend_from_slice(piece);
    }
}
