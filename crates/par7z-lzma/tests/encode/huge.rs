//! Texts around the longest that an interval tree has room for; a binary tree packs longer ones.
//!
//! They take 3 GB of memory and a minute, which not everybody who runs the tests has: they are left out unless asked for, as
//! `.ci/run` does: `cargo test -p par7z-lzma --test encode -- --ignored huge --test-threads=1`

use crate::support::{encoder, level, lzma2, lzma2_comes_back, noise, prepared, words};
use par7z_lzma::{EncoderOptions, SliceState, unwatched};

/// The longest text that gets an interval tree.
const LAST_WITH_TREE: usize = (1 << 28) - 2;
const NOISE_BYTES: usize = 1 << 20;

/// Words, more than come behind 2^28: matches there are near, whatever a position that has no room is taken for.
const WORDS_BYTES: usize = 5000;

/// Noise, what costs next to nothing, and the noise again, which is as far away as can be; then words.
fn text(len: usize) -> Vec<u8> {
    let noise = noise(NOISE_BYTES, 28);
    let mut text = Vec::with_capacity(len);
    text.extend_from_slice(&noise);
    text.resize(len / 2, 0);
    text.extend((text.len()..len - NOISE_BYTES - WORDS_BYTES).map(|n| (n % 7) as u8));
    text.extend_from_slice(&noise);
    text.extend(words(WORDS_BYTES, 28));
    text
}

/// The noise is in it once. The rest takes matches of 273 bytes, of less than a bit each.
fn check(packed: &[u8], dictionary_bytes: u32, text: &[u8], what: &str) {
    let what = format!("{what}, {} bytes, dictionary of {dictionary_bytes}", text.len());
    assert!(packed.len() < NOISE_BYTES * 3 / 2, "{what}: {} bytes", packed.len());
    lzma2_comes_back(packed, dictionary_bytes, text, &what);
}

#[test]
#[ignore = "takes 3 GB of memory; .ci/run asks for it"]
fn huge_texts_find_what_is_at_their_beginning() {
    for len in [LAST_WITH_TREE, LAST_WITH_TREE + 1, (1 << 28) + 4099] {
        let text = text(len);
        for dictionary_bytes in [1 << 28, 1 << 30] {
            let options = EncoderOptions { dictionary_bytes, ..level(5) };
            let packed = lzma2(&mut encoder(options), &text);
            check(&packed, dictionary_bytes, &text, "whole");
        }
    }
}

/// A shared tree has the same bound.
#[test]
#[ignore = "takes 3 GB of memory; .ci/run asks for it"]
fn huge_texts_come_back_in_slices() {
    for len in [LAST_WITH_TREE, LAST_WITH_TREE + 1] {
        let text = text(len);
        let options = EncoderOptions { dictionary_bytes: 1 << 28, ..level(5) };
        let sliced = prepared(&options, &text, 0, NOISE_BYTES);
        assert_eq!(sliced.slices() > 1, len == LAST_WITH_TREE, "binary trees have one slice");
        let (mut encoder, mut state, mut packed) = (encoder(options), SliceState::default(), Vec::new());
        for index in 0..sliced.slices() {
            encoder.encode_slice(&sliced, &mut state, &text, index, &mut packed, &mut unwatched).expect("not stopped");
        }
        check(&packed, options.dictionary_bytes, &text, "in slices");
    }
}
