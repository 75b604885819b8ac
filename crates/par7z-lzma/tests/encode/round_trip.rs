//! Every level and every parameter, over lengths and contents.

use crate::support::{
    ForXz, contents, de_bruijn, encoder, level, levels_for, lzma, lzma_by_xz, lzma_comes_back, lzma2, lzma2_comes_back,
    mixed, noise, periodic, thue_morse, ways,
};
use par7z_lzma::{EncoderOptions, Lzma2Decoder, LzmaStreamEncoder, Properties, unwatched};

/// Packs with options, both as LZMA2 and as LZMA, and unpacks.
fn check(options: EncoderOptions, texts: &[(String, Vec<u8>)], for_xz: &mut ForXz) {
    let mut encoder = encoder(options);
    for (name, text) in texts {
        let what = format!("{name}, {} bytes, {options:?}", text.len());
        let packed = lzma2(&mut encoder, text);
        assert!(packed.len() <= text.len() + text.len() / 10_000 + 4, "{what}: {} bytes", packed.len());
        lzma2_comes_back(&packed, options.dictionary_bytes, text, &what);
        for_xz.add(&packed, options.dictionary_bytes, text, &what);
        let end_marker = text.len().is_multiple_of(2);
        let packed = lzma(&mut encoder, text, end_marker);
        lzma_comes_back(&packed, &options, end_marker, text, &what);
    }
}

#[test]
fn short_texts_come_back_at_every_level() {
    let mut for_xz = ForXz::default();
    for len in (0..=300).chain(4095..=4097) {
        let texts = contents(len);
        for options in levels_for(len) {
            check(options, &texts, &mut for_xz);
        }
    }
    for_xz.come_back();
}

#[test]
fn short_texts_come_back_in_every_way() {
    let mut for_xz = ForXz::default();
    let lengths = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 40, 273, 300, 4097];
    // One of them is enough for Miri.
    for len in lengths.into_iter().filter(|&len| len == 40 || !cfg!(miri)) {
        let texts = contents(len);
        for options in ways() {
            check(options, &texts, &mut for_xz);
        }
    }
    for_xz.come_back();
}

#[test]
fn texts_around_64_kib_come_back_at_every_level() {
    let mut for_xz = ForXz::default();
    for len in [(1 << 16) - 1, 1 << 16, (1 << 16) + 1] {
        let texts = contents(len);
        for options in levels_for(len) {
            check(options, &texts, &mut for_xz);
        }
    }
    for_xz.come_back();
}

/// A chunk's other bound: what shrinks so well that 2 MiB pack to less than 64 KiB.
#[test]
fn texts_around_2_mib_come_back_at_every_level() {
    let mut for_xz = ForXz::default();
    for (number, len) in [(1 << 21) - 1, 1 << 21, (1 << 21) + 1].into_iter().enumerate() {
        let texts = [("zeros", vec![0; len]), ("period 7", periodic(len, 7)), ("Thue-Morse", thue_morse(len))];
        for (turn, options) in levels_for(len).into_iter().enumerate() {
            let mut encoder = encoder(options);
            // Each level meets each length and each content.
            for (name, text) in texts.iter().skip((number + turn) % 3).step_by(2) {
                let what = format!("{name}, {len} bytes, {options:?}");
                let packed = lzma2(&mut encoder, text);
                assert!(packed.len() < 30_000, "{what}: {} bytes", packed.len());
                lzma2_comes_back(&packed, options.dictionary_bytes, text, &what);
                for_xz.add(&packed, options.dictionary_bytes, text, &what);
            }
        }
    }
    for_xz.come_back();
}

/// The finders of the levels, the optimal parser with patience and without, and contents that finders dislike.
#[test]
fn texts_of_8_mib_come_back() {
    let len = 8 << 20;
    let texts = [
        ("mixed", mixed(len)),
        ("zeros", vec![0; len]),
        ("period 7", periodic(len, 7)),
        ("Thue-Morse", thue_morse(len)),
        ("de Bruijn, 2 letters", de_bruijn(len, 2)),
    ];
    let texts = texts.map(|(name, text)| (name.to_owned(), text));
    for options in [1, 3, 5, 9].map(level) {
        let options = EncoderOptions { dictionary_bytes: options.dictionary_bytes.min(8 << 20), ..options };
        let mut for_xz = ForXz::default();
        check(options, &texts, &mut for_xz);
        for_xz.come_back();
    }
}

#[test]
fn every_parameter_comes_back() {
    let mut for_xz = ForXz::default();
    let text = ("all".to_owned(), contents(6_000).into_iter().flat_map(|(_, text)| text).collect());
    let texts = [text];
    let mut turn = 0;
    for (lc, lp, pb) in [(3, 0, 2), (0, 0, 0), (4, 0, 0), (0, 4, 4), (1, 3, 1), (2, 2, 3)] {
        for (dictionary_bytes, nice_length) in [(1 << 12, 5), (1 << 16, 273), (1 << 20, 64)] {
            // Each set of parameters meets some of the ways, and each way all of the parameters.
            for options in ways().skip(turn % 2).step_by(2) {
                let properties = Properties { lc, lp, pb };
                let options = EncoderOptions { properties, dictionary_bytes, nice_length, ..options };
                check(options, &texts, &mut for_xz);
            }
            turn += 1;
        }
    }
    for_xz.come_back();
}

#[test]
fn lzma_has_wider_properties_than_lzma2() {
    for len in [0, 1, 2, 300, 20_000] {
        for (name, text) in contents(len) {
            for options in ways() {
                let options = EncoderOptions { properties: Properties { lc: 8, lp: 4, pb: 4 }, ..options };
                for end_marker in [false, true] {
                    let packed = lzma(&mut encoder(options), &text, end_marker);
                    lzma_comes_back(&packed, &options, end_marker, &text, &format!("{name}, {len}, {options:?}"));
                }
            }
        }
    }
}

#[test]
fn lzma_comes_back_through_xz() {
    let text = mixed(300_000);
    for options in levels_for(text.len()).into_iter().chain(ways()) {
        let packed = lzma(&mut encoder(options), &text, true);
        assert!(lzma_by_xz(&packed, &options) == text, "{options:?}");
    }
}

#[test]
fn lzma_in_pieces_slides_its_window() {
    // What comes again is farther back than one window is long, and noise.
    let round = [mixed(300_000), noise(300_000, 8)].concat();
    let text = round.repeat(3);
    for (dictionary_bytes, level) in [(1 << 12, 1), (1 << 14, 5), (1 << 20, 1), (1 << 20, 5)] {
        let options = EncoderOptions { dictionary_bytes, ..self::level(level) };
        let mut encoder = LzmaStreamEncoder::new(options).expect("valid options");
        let mut by_cut = Vec::new();
        for cut in [1 << 30, 1_000_003] {
            let mut packed = Vec::new();
            encoder.begin();
            for piece in text.chunks(cut) {
                encoder.write(piece, &mut packed, &mut unwatched).expect("not stopped");
            }
            encoder.finish(true, &mut packed, &mut unwatched).expect("not stopped");
            by_cut.push(packed);
        }
        assert!(by_cut[0] == by_cut[1], "how it is cut does not matter");
        lzma_comes_back(&by_cut[0], &options, true, &text, "in pieces");
        assert!(lzma_by_xz(&by_cut[0], &options) == text, "{options:?}");
        let mut packed = Vec::new();
        encoder.encode_whole(&text, true, &mut packed, &mut unwatched).expect("not stopped");
        lzma_comes_back(&packed, &options, true, &text, "whole");
        if dictionary_bytes == 1 << 20 {
            // All but the first of the three rounds is found again, the noise too.
            for packed in [&by_cut[0], &packed] {
                assert!(packed.len() < text.len() / 3, "{} of {}", packed.len(), text.len());
            }
        }
    }
}

#[test]
fn texts_after_one_another_are_one_stream() {
    let texts = contents(30_000);
    let mut encoder = encoder(level(5));
    let packed: Vec<u8> = texts.iter().flat_map(|(_, text)| lzma2(&mut encoder, text)).chain([0]).collect();
    let whole: Vec<u8> = texts.into_iter().flat_map(|(_, text)| text).collect();
    let mut unpacked = vec![0; whole.len()];
    let mut decoder = Lzma2Decoder::new(1 << 15, None);
    assert!(decoder.decode_whole(&packed, &mut unpacked).is_ok_and(|progress| progress.finished));
    assert!(unpacked == whole);
}
