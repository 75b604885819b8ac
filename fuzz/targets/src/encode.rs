//! The LZMA and LZMA2 encoder.

use crate::Bytes;
use par7z_lzma::{
    Encoder, EncoderOptions, Lzma2Decoder, LzmaDecoder, LzmaEnd, LzmaStreamEncoder, MatchFinder, Parser, Properties,
    SliceState, SlicedText, TaskScratch, scan_lzma2, unwatched,
};
use std::cell::RefCell;

/// A text is not grown beyond this.
const MAX_TEXT: usize = 200_000;
/// A text has at most so many slices: each goes through what is before it.
const MAX_SLICES: usize = 5;
/// Encoders that are kept for inputs to come.
const MAX_KEPT: usize = 8;

thread_local! {
    /// Encoders that were used before, by their options.
    static KEPT: RefCell<Vec<(Encoder, LzmaStreamEncoder)>> = const { RefCell::new(Vec::new()) };
}

/// A text, packed with options, in every way there is: it comes back, and packs to the same as with a new encoder.
///
/// The input is read as: 6 bytes of options; the size of slices and of pieces in 2 bytes each, the history in 2 bytes; the
/// text (see [`expand`]).
pub fn encode_lzma(data: &[u8]) {
    let mut data = Bytes(data);
    let options = options(&mut data);
    let mut number = || usize::from(u16::from_le_bytes([data.byte(), data.byte()]));
    let (slice_bytes, cut, history) = (number() + 1, number() + 1, number() * 4);
    let text = expand(data);
    let (mut encoder, mut stream) = take(options);

    lzma(&mut encoder, &mut stream, &options, &text, cut);
    if options.properties.lc + options.properties.lp <= 4 {
        lzma2(&mut encoder, &options, &text);
        slices(&mut encoder, &options, &text, history % (text.len() + 1), slice_bytes);
    }
    KEPT.with_borrow_mut(|kept| {
        if kept.len() == MAX_KEPT {
            kept.remove(0);
        }
        kept.push((encoder, stream));
    });
}

/// Encoders with these options, used before if there are some.
fn take(options: EncoderOptions) -> (Encoder, LzmaStreamEncoder) {
    let kept = KEPT.with_borrow_mut(|kept| {
        let index = kept.iter().position(|(encoder, _)| *encoder.options() == options)?;
        Some(kept.remove(index))
    });
    kept.unwrap_or_else(|| {
        let stream = LzmaStreamEncoder::new(options).expect("options in range");
        (Encoder::new(options).expect("options in range"), stream)
    })
}

/// Three bytes for parameters, three for the ways.
fn options(data: &mut Bytes<'_>) -> EncoderOptions {
    let [properties, dictionary, nice, finder, cycles, parser] = std::array::from_fn(|_| data.byte());
    let properties = Properties::from_byte(properties).unwrap_or_default();
    let dictionary_bytes = match dictionary {
        0..0x40 => (1 << 12) + u32::from(dictionary) * 10,
        0x40..0x80 => u32::from(dictionary) << 8,
        _ => u32::from(dictionary) << 24 | 0x00FF_FFFF,
    };
    let nice_length = 5 + u32::from(nice) + u32::from(nice) / 16;
    let cycles = u32::from(cycles % 64) + 1;
    let finder = match finder % 4 {
        0 => MatchFinder::HashBuckets { buckets_log2: 9 + cycles / 8, thorough: cycles % 2 == 0 },
        1 => MatchFinder::BinaryTree { cycles },
        _ => MatchFinder::IntervalTree,
    };
    let parser = if parser % 2 == 0 { Parser::Fast } else { Parser::Optimal };
    let options = EncoderOptions { properties, dictionary_bytes, nice_length: nice_length.min(273), finder, parser };
    // A level as it is, now and then.
    if properties == Properties::default() && nice < 9 {
        return EncoderOptions::level(u32::from(nice) + 1).expect("1 to 9");
    }
    options
}

/// A long text from little: a byte 0xFE or 0xFF is followed by what is to be done. The rest is taken as it is.
///
/// 0xFF: eight times a count in 2 bytes, and how far back what is repeated so many bytes long begins, in 2 bytes. 0xFE: a count in
/// multiples of 1 KiB, and a number from which so many bytes come that nothing shrinks.
fn expand(mut data: Bytes<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    while !data.0.is_empty() && text.len() < MAX_TEXT {
        match data.byte() {
            0xFF => {
                let count = usize::from(u16::from_le_bytes([data.byte(), data.byte()])) / 8;
                let back = usize::from(u16::from_le_bytes([data.byte(), data.byte()])) + 1;
                for _ in 0..count {
                    let byte = text.len().checked_sub(back).map_or(0, |from| text[from]);
                    text.push(byte);
                }
            }
            0xFE => {
                let (count, mut state) = (usize::from(data.byte()) << 10, u64::from(data.byte()));
                text.extend((0..count).map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                }));
            }
            byte => text.push(byte),
        }
    }
    text.truncate(MAX_TEXT);
    text
}

fn lzma(encoder: &mut Encoder, stream: &mut LzmaStreamEncoder, options: &EncoderOptions, text: &[u8], cut: usize) {
    let mut with_marker = Vec::new();
    encoder.encode_lzma(text, true, &mut with_marker, &mut unwatched).expect("not stopped");
    lzma_comes_back(&with_marker, options, LzmaEnd::Marker, text);

    let mut packed = Vec::new();
    encoder.encode_lzma(text, false, &mut packed, &mut unwatched).expect("not stopped");
    lzma_comes_back(&packed, options, LzmaEnd::Size(text.len() as u64), text);

    let mut in_pieces = Vec::new();
    stream.begin();
    for piece in text.chunks(cut) {
        stream.write(piece, &mut in_pieces, &mut unwatched).expect("not stopped");
    }
    stream.finish(true, &mut in_pieces, &mut unwatched).expect("not stopped");
    lzma_comes_back(&in_pieces, options, LzmaEnd::Marker, text);
}

fn lzma_comes_back(packed: &[u8], options: &EncoderOptions, end: LzmaEnd, text: &[u8]) {
    let dictionary_bytes = for_decoding(options, text);
    let mut decoder = LzmaDecoder::new(options.properties, dictionary_bytes, end).expect("properties in range");
    let mut unpacked = vec![0xA5; text.len() + 1];
    let progress = decoder.decode_whole(packed, &mut unpacked).expect("what is packed is sound");
    assert!(progress.finished && progress.consumed == packed.len(), "{progress:?} of {}", packed.len());
    assert!(unpacked[..progress.produced] == *text, "the text came back changed");
}

/// The smallest dictionary that serves.
fn for_decoding(options: &EncoderOptions, text: &[u8]) -> u32 {
    options.dictionary_bytes.min(1 << 12 | text.len() as u32)
}

fn lzma2(encoder: &mut Encoder, options: &EncoderOptions, text: &[u8]) {
    let mut packed = Vec::new();
    encoder.encode_lzma2(text, &mut packed, &mut unwatched).expect("not stopped");
    let mut fresh = Vec::new();
    let mut new_encoder = Encoder::new(*options).expect("options in range");
    new_encoder.encode_lzma2(text, &mut fresh, &mut unwatched).expect("not stopped");
    assert!(packed == fresh, "what was packed before matters");
    lzma2_comes_back(packed, options, text, 1);
}

/// `starts`: how often a chunk begins early.
fn lzma2_comes_back(mut packed: Vec<u8>, options: &EncoderOptions, text: &[u8], starts: usize) {
    // Chunks that are stored have 48 KiB or more, but where a text or a slice ends.
    assert!(packed.len() <= text.len() + 3 * (text.len() / (48 << 10) + 2 * starts), "{} bytes", packed.len());
    packed.push(0);
    let mut unpacked = vec![0xA5; text.len()];
    let mut decoder = Lzma2Decoder::new(for_decoding(options, text), Some(text.len() as u64));
    let progress = decoder.decode_whole(&packed, &mut unpacked).expect("what is packed is sound");
    assert!(progress.finished && progress.consumed == packed.len(), "{progress:?} of {}", packed.len());
    assert!(unpacked[..progress.produced] == *text, "the text came back changed");
    let scan = scan_lzma2(&packed).expect("what is packed is sound");
    assert_eq!(scan.packed_bytes, Some(packed.len() as u64));
}

/// The history first, as a text of its own; then the slices, of which the odd ones are packed by a new encoder.
fn slices(encoder: &mut Encoder, options: &EncoderOptions, text: &[u8], history_bytes: usize, slice_bytes: usize) {
    let slice_bytes = slice_bytes.max(text.len() / MAX_SLICES + 1);
    let mut sliced = SlicedText::new(options, text, history_bytes, slice_bytes);
    let mut scratch = TaskScratch::default();
    while sliced.tasks() > 0 {
        let results: Vec<_> = (0..sliced.tasks()).map(|task| sliced.run_task(text, task, &mut scratch)).collect();
        sliced.next_round(text, results);
    }
    let mut packed = Vec::new();
    encoder.encode_lzma2(&text[..history_bytes], &mut packed, &mut unwatched).expect("not stopped");
    let mut state = SliceState::default();
    for index in 0..sliced.slices() {
        let mut other = (index % 4 == 1).then(|| (Encoder::new(*options).expect("in range"), SliceState::default()));
        let (encoder, state) = match &mut other {
            Some((encoder, state)) => (encoder, state),
            None => (&mut *encoder, &mut state),
        };
        encoder.encode_slice(&sliced, state, text, index, &mut packed, &mut unwatched).expect("not stopped");
    }
    lzma2_comes_back(packed, options, text, sliced.slices() + 1);
}
