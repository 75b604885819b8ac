//! An encoder remembers nothing: neither texts that it packed nor those that it was stopped in.

use crate::support::{encoder, lzma, lzma2, mixed, noise, periodic, prepared, thue_morse, ways, words};
use par7z_lzma::{EncodeProgress, Encoder, EncoderOptions, LzmaStreamEncoder, SliceState, Stopped, Watch, unwatched};
use std::ops::ControlFlow;

/// How a text is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Lzma2,
    Lzma { end_marker: bool },
    Slices,
    Stream,
}

const FORMATS: [Format; 5] = [
    Format::Lzma2,
    Format::Lzma { end_marker: false },
    Format::Lzma { end_marker: true },
    Format::Slices,
    Format::Stream,
];

/// Both kinds of encoders.
struct Encoders {
    options: EncoderOptions,
    encoder: Encoder,
    stream: LzmaStreamEncoder,
}

impl Encoders {
    fn new(options: EncoderOptions) -> Self {
        let stream = LzmaStreamEncoder::new(options).expect("valid options");
        Self { options, encoder: encoder(options), stream }
    }

    fn pack(&mut self, format: Format, text: &[u8], watch: Watch<'_>) -> Result<Vec<u8>, Stopped> {
        let mut packed = Vec::new();
        match format {
            Format::Lzma2 => self.encoder.encode_lzma2(text, &mut packed, watch)?,
            Format::Lzma { end_marker } => self.encoder.encode_lzma(text, end_marker, &mut packed, watch)?,
            Format::Slices => {
                let history_bytes = text.len() / 3 / 16 * 16;
                let sliced = prepared(&self.options, text, history_bytes, 50_000);
                let mut state = SliceState::default();
                for index in 0..sliced.slices() {
                    self.encoder.encode_slice(&sliced, &mut state, text, index, &mut packed, watch)?;
                }
            }
            Format::Stream => {
                self.stream.begin();
                for piece in text.chunks(30_000) {
                    self.stream.write(piece, &mut packed, watch)?;
                }
                self.stream.finish(true, &mut packed, watch)?;
            }
        }
        Ok(packed)
    }
}

#[test]
fn what_was_packed_before_does_not_matter() {
    let texts = [
        words(90_000, 1),
        words(3_000, 2),
        mixed(80_000),
        vec![7],
        noise(70_000, 1),
        words(65_535, 3),
        Vec::new(),
        words(50, 2),
        periodic(100_000, 9),
        thue_morse(65_536),
    ];
    for options in ways() {
        for format in FORMATS {
            let mut used = Encoders::new(options);
            // Forth and back: each is followed by larger ones and by smaller ones.
            let mut first = Vec::new();
            for text in &texts {
                let packed = used.pack(format, text, &mut unwatched).expect("not stopped");
                let fresh = Encoders::new(options).pack(format, text, &mut unwatched).expect("not stopped");
                assert!(packed == fresh, "{options:?}, {format:?}, {} bytes", text.len());
                first.push(packed);
            }
            for (text, packed) in texts.iter().zip(first).rev().step_by(3) {
                let again = used.pack(format, text, &mut unwatched).expect("not stopped");
                assert!(packed == again, "{options:?}, {format:?}, {} bytes", text.len());
            }
        }
    }
}

#[test]
fn a_large_text_leaves_nothing_for_a_small_one() {
    let (large, small) = (mixed(1 << 20), words(1000, 9));
    for options in ways().step_by(3) {
        let mut used = encoder(options);
        let first = [lzma2(&mut used, &large), lzma(&mut used, &large, false)];
        assert!(lzma2(&mut used, &small) == lzma2(&mut encoder(options), &small), "{options:?}");
        assert!(lzma(&mut used, &large, false) == first[1], "{options:?}");
        assert!(lzma2(&mut used, &large) == first[0], "{options:?}");
    }
}

#[test]
fn a_stopped_encoder_is_as_good_as_new() {
    let text = [words(130_000, 4), noise(131_072, 4), words(20_000, 5)].concat();
    for options in ways().step_by(2) {
        for format in FORMATS.into_iter().filter(|format| *format != Format::Lzma { end_marker: true }) {
            let mut calls = 0;
            let mut last = EncodeProgress { unpacked_bytes: 0, packed_bytes: 0 };
            let expected = Encoders::new(options).pack(format, &text, &mut |progress| {
                calls += 1;
                last = progress;
                ControlFlow::Continue(())
            });
            let expected = expected.expect("not stopped");
            assert!((3..30).contains(&calls), "{options:?}, {format:?}: {calls} calls");
            let mut used = Encoders::new(options);
            for stop_at in 0..calls {
                let mut call = 0;
                let stopped = used.pack(format, &text, &mut |_| {
                    call += 1;
                    if call > stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                assert_eq!(stopped, Err(Stopped), "{options:?}, {format:?}");
                assert_eq!(call, stop_at + 1, "nothing is asked after a stop");
                // The others are cheap to try, too.
                if stop_at % 3 == calls % 3 {
                    let packed = used.pack(format, &text, &mut unwatched);
                    assert!(packed.as_ref() == Ok(&expected), "{options:?}, {format:?}, stopped at call {stop_at}");
                }
            }
            assert!(used.pack(format, &text, &mut unwatched) == Ok(expected), "{options:?}, {format:?}");
        }
    }
}

#[test]
fn progress_grows_up_to_what_is_there() {
    let text = mixed(300_000);
    for options in ways().step_by(2) {
        for format in FORMATS.into_iter().filter(|&format| format != Format::Slices) {
            let mut before = EncodeProgress { unpacked_bytes: 0, packed_bytes: 0 };
            let packed = Encoders::new(options).pack(format, &text, &mut |now| {
                assert!(now.unpacked_bytes >= before.unpacked_bytes && now.packed_bytes >= before.packed_bytes);
                assert!(now.unpacked_bytes <= text.len());
                before = now;
                ControlFlow::Continue(())
            });
            let packed = packed.expect("not stopped");
            assert!(before.unpacked_bytes + (128 << 10) > text.len(), "{options:?}, {format:?}: {before:?}");
            assert!((1..=packed.len()).contains(&before.packed_bytes), "{options:?}, {format:?}: {before:?}");
        }
    }
}
