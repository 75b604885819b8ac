//! Any text with any options comes back.

use crate::support::{
    encoder, lzma, lzma_comes_back, lzma2, lzma2_comes_back, noise, periodic, prepared, program, thue_morse, words,
};
use par7z_lzma::{EncoderOptions, LzmaStreamEncoder, MatchFinder, Parser, Properties, SliceState, unwatched};
use proptest::prelude::*;

/// A part of a text.
#[derive(Debug, Clone)]
struct Part {
    kind: u8,
    bytes: usize,
    seed: u64,
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let bytes = prop_oneof![4 => 0..40usize, 4 => 0..3_000usize, 1 => 60_000..140_000usize];
    let part = (0..8u8, bytes, 0..1000u64).prop_map(|(kind, bytes, seed)| Part { kind, bytes, seed });
    prop::collection::vec(part, 0..8)
}

fn text(parts: &[Part]) -> Vec<u8> {
    let mut text: Vec<u8> = Vec::new();
    for &Part { kind, bytes, seed } in parts {
        match kind {
            0 => text.extend(vec![seed as u8; bytes]),
            1 => text.extend(noise(bytes, seed)),
            2 => text.extend(words(bytes, seed)),
            3 => text.extend(periodic(bytes, 1 + seed as usize % 300)),
            4 => text.extend(program(bytes)),
            5 => text.extend(thue_morse(bytes)),
            // Noise of few letters.
            6 => text.extend(noise(bytes, seed).into_iter().map(|byte| byte % (2 + seed as u8 % 7))),
            _ => {
                // From before, perhaps with a byte changed.
                let from = if text.is_empty() { 0 } else { seed as usize * 7919 % text.len() };
                let mut copy = text[from..text.len().min(from + bytes)].to_vec();
                if let (true, Some(middle)) = (seed % 2 == 0, copy.len().checked_sub(1).map(|last| last / 2)) {
                    copy[middle] ^= 1;
                }
                text.extend(copy);
            }
        }
    }
    text
}

prop_compose! {
    fn options()(
        (lc, lp, pb) in (0..=8u32, 0..=4u32, 0..=4u32),
        dictionary_bytes in prop_oneof![Just(1u32 << 12), (1u32 << 12)..1 << 18, Just(1 << 25), Just(u32::MAX)],
        nice_length in prop_oneof![5..=273u32, Just(5), Just(36), Just(250), Just(251), Just(273)],
        finder in prop_oneof![
            (9..=18u32, any::<bool>())
                .prop_map(|(buckets_log2, thorough)| MatchFinder::HashBuckets { buckets_log2, thorough }),
            (1..60u32).prop_map(|cycles| MatchFinder::BinaryTree { cycles }),
            Just(MatchFinder::IntervalTree),
        ],
        parser in prop_oneof![Just(Parser::Fast), Just(Parser::Optimal)],
    ) -> EncoderOptions {
        EncoderOptions { properties: Properties { lc, lp, pb }, dictionary_bytes, nice_length, finder, parser }
    }
}

/// A decoder's dictionary need not be larger than the text.
fn for_decoding(options: &EncoderOptions, text: &[u8]) -> EncoderOptions {
    EncoderOptions { dictionary_bytes: options.dictionary_bytes.min(1 << 12 | text.len() as u32), ..*options }
}

/// What the test of the same name checks.
fn comes_back(text: &[u8], options: EncoderOptions, history_bytes: usize, slice_bytes: usize, cut: usize) {
    let mut encoder = encoder(options);
    let decoding = for_decoding(&options, text);
    for end_marker in [false, true] {
        let packed = lzma(&mut encoder, text, end_marker);
        lzma_comes_back(&packed, &decoding, end_marker, text, "LZMA");
    }
    let mut stream = LzmaStreamEncoder::new(options).expect("valid options");
    let mut packed = Vec::new();
    stream.begin();
    for piece in text.chunks(cut) {
        stream.write(piece, &mut packed, &mut unwatched).expect("not stopped");
    }
    stream.finish(true, &mut packed, &mut unwatched).expect("not stopped");
    lzma_comes_back(&packed, &decoding, true, text, "LZMA in pieces");

    if options.properties.lc + options.properties.lp > 4 {
        return;
    }
    let packed = lzma2(&mut encoder, text);
    lzma2_comes_back(&packed, decoding.dictionary_bytes, text, "LZMA2");
    let history_bytes = history_bytes % (text.len() + 1);
    let mut packed = lzma2(&mut encoder, &text[..history_bytes]);
    let sliced = prepared(&options, text, history_bytes, slice_bytes.max(text.len() / 20));
    let mut state = SliceState::default();
    for index in 0..sliced.slices() {
        encoder.encode_slice(&sliced, &mut state, text, index, &mut packed, &mut unwatched).expect("not stopped");
    }
    lzma2_comes_back(&packed, decoding.dictionary_bytes, text, "slices");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_with_any_options_comes_back(
        parts in parts(),
        options in options(),
        history_bytes in prop_oneof![Just(0usize), 0..200_000usize],
        slice_bytes in 1..100_000usize,
        cut in 1..50_000usize,
    ) {
        comes_back(&text(&parts), options, history_bytes, slice_bytes, cut);
    }
}
