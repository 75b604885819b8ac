//! Stretches that nothing shrinks are stored and left out of the finders; what is around them is not.

use crate::support::{
    ForXz, encoder, level, lzma2, lzma2_comes_back, noise, periodic, prepared, thue_morse, ways, words,
};
use par7z_lzma::{EncoderOptions, SliceState, unwatched};

/// Bytes of a stretch, and of a stored chunk.
const STRETCH: usize = 1 << 16;

/// What is before a stretch stood before it twice, and follows behind it with the stretch's first byte and then what followed
/// then: where a binary tree was sorted without that byte, it is taken for the one that stood there before.
fn near_copies() -> Vec<u8> {
    let letters = |len, seed| -> Vec<u8> { noise(len, seed).into_iter().map(|byte| byte % 3 + b'1').collect() };
    let (start, end) = (letters(8, 1), letters(25, 2));
    let mut before = words(STRETCH, 4);
    for (at, followed_by) in [(1000, [&b"2"[..], &end].concat()), (2000, letters(30, 3)), (STRETCH - 8, vec![])] {
        let copy = [&start[..], &followed_by].concat();
        before[at..at + copy.len()].copy_from_slice(&copy);
    }
    before[2008] = b'1';
    let mut stretch = noise(2 * STRETCH, 40);
    stretch[..2].copy_from_slice(&[200, 0]);
    let behind = [&start[..], &[200], &end[..5], b"3, ", &start, &[200], &end].concat();
    [&before[..], &stretch, &words(1000, 5), &behind, &words(1000, 6)].concat()
}

/// Texts with stretches at the borders of chunks and beside them.
fn texts() -> Vec<(&'static str, Vec<u8>)> {
    let (first, second, third) = (noise(2 * STRETCH, 1), noise(STRETCH, 2), noise(STRETCH, 3));
    vec![
        ("noise alone", first.clone()),
        ("noise and a byte", [&first[..], b"a"].concat()),
        ("a byte and noise", [b"a", &first[..]].concat()),
        ("noise first", [&first[..], &words(70_000, 1), &second].concat()),
        ("noise last", [&words(STRETCH, 1)[..], &first].concat()),
        ("noise by turns", {
            let words = words(2 * STRETCH, 2);
            [&second[..], &words[..STRETCH], &third, &words[STRETCH..], &first, &words[..STRETCH]].concat()
        }),
        ("noise off the borders", {
            [&words(1000, 3)[..], &first, &words(17, 3), &second, &words(60_000, 3), &third, b"."].concat()
        }),
        ("repeated noise", [&first[..], &words(STRETCH, 1), &second, &first[5..], &words(9, 1)].concat()),
        ("a chunk that ends before noise", [&vec![0; (1 << 21) - 2 * STRETCH][..], &first, &vec![0; STRETCH]].concat()),
        ("a period and noise", [&periodic(STRETCH, 3)[..], &second, &thue_morse(STRETCH), &third].concat()),
        ("near copies", near_copies()),
    ]
}

#[test]
fn stretches_are_stored_among_others() {
    let mut for_xz = ForXz::default();
    for (name, text) in texts() {
        for options in ways() {
            let options = EncoderOptions { dictionary_bytes: 1 << 20, ..options };
            let what = format!("{name}, {options:?}");
            let packed = lzma2(&mut encoder(options), &text);
            lzma2_comes_back(&packed, options.dictionary_bytes, &text, &what);
            for_xz.add(&packed, options.dictionary_bytes, &text, &what);
            assert!(packed.len() <= text.len() + 3 * text.len().div_ceil(STRETCH), "{what}: {}", packed.len());
        }
    }
    for_xz.come_back();
}

/// Slices begin before stretches, where they begin, and within.
#[test]
fn slices_begin_anywhere_in_a_stretch() {
    let mut for_xz = ForXz::default();
    for (name, text) in texts().into_iter().filter(|(_, text)| text.len() < 1 << 20) {
        for options in ways().step_by(2) {
            let options = EncoderOptions { dictionary_bytes: 1 << 20, ..options };
            for (history_bytes, slice_bytes) in [(0, STRETCH), (STRETCH + 160, 110_000)] {
                let known = history_bytes.min(text.len());
                let sliced = prepared(&options, &text, known, slice_bytes);
                let (mut encoder, mut state) = (encoder(options), SliceState::default());
                let mut packed = if known > 0 { lzma2(&mut encoder, &text[..known]) } else { Vec::new() };
                for index in 0..sliced.slices() {
                    encoder
                        .encode_slice(&sliced, &mut state, &text, index, &mut packed, &mut unwatched)
                        .expect("not stopped");
                }
                let what = format!("{name}, {slice_bytes} bytes each, {options:?}");
                lzma2_comes_back(&packed, options.dictionary_bytes, &text, &what);
                for_xz.add(&packed, options.dictionary_bytes, &text, &what);
            }
        }
    }
    for_xz.come_back();
}

#[test]
fn repeated_noise_is_found() {
    let (noise, words) = (noise(300_000, 7), words(100_000, 7));
    let text = [&noise[..], &words, &noise[5..]].concat();
    for options in ways() {
        let packed = lzma2(&mut encoder(options), &text);
        assert!(packed.len() < noise.len() + words.len() / 2, "{options:?}: {} bytes", packed.len());
    }
}

#[test]
fn noise_grows_by_its_chunk_headers_alone() {
    let noise = noise((1 << 20) + 777, 5);
    for options in ways().chain([level(1), level(9)]) {
        let packed = lzma2(&mut encoder(options), &noise);
        assert!(packed.len() <= noise.len() + 3 * 17 + 3, "{options:?}: {} bytes", packed.len());
    }
}
