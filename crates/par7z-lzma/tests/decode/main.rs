//! What xz and 7-Zip pack comes back, wherever input and output are cut.
//!
//! Needs `xz`, and `7zz` unless `PAR7Z_NO_7ZZ` is set.

#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod support;

use common::Numbers;
use par7z_lzma::{
    DecodeError, Lzma2Decoder, Lzma2Header, LzmaDecoder, LzmaEnd, Properties, lzma2_dictionary_bytes, scan_lzma2,
};
use support::{
    Decoder, Kind, Outcome, Stream, check, contents, decode, decode_in_pieces, dictionary, has_7zz, streams_by_7zz,
    streams_by_xz,
};

#[test]
#[cfg_attr(miri, ignore = "starts xz")]
fn what_xz_packs_comes_back() {
    for (name, content) in contents() {
        streams_by_xz(name, &content).iter().for_each(check);
    }
}

#[test]
#[cfg_attr(miri, ignore = "starts 7zz")]
fn what_7zip_packs_comes_back() {
    if has_7zz() {
        for (name, content) in contents() {
            streams_by_7zz(name, &content).iter().for_each(check);
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "starts 7zz")]
fn seven_zips_parts_are_found() {
    if has_7zz() {
        let content = Numbers(1).bytes(1000).repeat(700);
        let packed = support::packed_in_7z(&["-m0=lzma2:d=64k:c=256k", "-mmt=2"], &content);
        let scan = scan_lzma2(&packed).expect("sound headers");
        assert_eq!(scan.parts.len(), 3, "700,000 bytes in parts of 256 KiB");
        for cut in 0..packed.len() {
            let scan = scan_lzma2(&packed[..cut]).expect("cut off, not damaged");
            assert_eq!(scan.packed_bytes, None);
        }
    }
}

/// Short streams of all kinds: literals, matches at all kinds of distances, stored chunks.
fn short_streams() -> Vec<Stream> {
    let mut numbers = Numbers(5);
    let (noise_bytes, zeros) = if cfg!(miri) { (30, 40) } else { (150, 300) };
    let noise = numbers.bytes(noise_bytes);
    let again = &noise[20..noise_bytes.min(100)];
    let content = [b"abcabcabcab, abracadabra, ", &noise[..], &vec![0; zeros], b"abracadabra.", again].concat();
    let mut streams = streams_by_xz("short", &content);
    if !cfg!(miri) {
        streams.extend(streams_by_xz("short noise", &noise));
    }
    if has_7zz() {
        streams.extend(streams_by_7zz("short", &content));
    }
    streams
}

#[test]
fn short_streams_are_cut_at_every_two_points() {
    for Stream { name, packed, unpacked, kind } in short_streams() {
        let complete = Outcome { output: unpacked.clone(), finished: Ok(true), consumed: Some(packed.len()) };
        // Under Miri, at a few.
        let (step, outputs_step) = if cfg!(miri) { (61, 3) } else { (1, 1) };
        for first in (0..=packed.len()).step_by(step) {
            for output_bytes in [1, 2, 7, unpacked.len() / 2 + 1, 0].into_iter().step_by(outputs_step) {
                let mut pieces = [first.max(1), 1, 3].into_iter();
                let cut = || (pieces.next().unwrap_or(0), output_bytes);
                let outcome = decode_in_pieces(&mut Decoder::new(kind), &packed, unpacked.len() + 9, cut);
                assert!(outcome == complete, "{name}, cut at {first}, output by {output_bytes}");
            }
        }
    }
}

#[test]
fn truncated_streams_are_unfinished_and_not_damaged() {
    for Stream { name, packed, unpacked, kind } in short_streams() {
        for length in (0..packed.len()).step_by(if cfg!(miri) { 53 } else { 1 }) {
            let outcome = decode(kind, &packed[..length], unpacked.len() + 9);
            // With a known size, an end marker may be missing.
            let marker_only = matches!(kind, Kind::Lzma { end: LzmaEnd::Size(_), .. }) && outcome.output == unpacked;
            assert!(marker_only || outcome.finished == Ok(false), "{name} cut at {length}: {:?}", outcome.finished);
            assert!(unpacked.starts_with(&outcome.output), "{name} cut at {length}");
            let by_byte = decode_in_pieces(&mut Decoder::new(kind), &packed[..length], unpacked.len() + 9, || (1, 3));
            assert!(outcome == by_byte, "{name} cut at {length}");
        }
    }
}

#[test]
fn a_decoder_is_used_again() {
    let text = b"again and again and again".repeat(if cfg!(miri) { 10 } else { 400 });
    let short = &text[..text.len() / 2];
    let wide = support::xz("--lzma1=lc=4,lp=0,pb=0,dict=64KiB", &text);
    let plain = support::xz("--lzma1=lc=3,lp=0,pb=2,dict=4KiB", short);
    let mut output = vec![0; text.len()];
    let mut decoder = LzmaDecoder::new(Properties::default(), 1, LzmaEnd::Marker).expect("sound");
    for _ in 0..if cfg!(miri) { 1 } else { 3 } {
        decoder.reset(Properties { lc: 4, lp: 0, pb: 0 }, 1 << 16, LzmaEnd::Marker).expect("sound");
        let progress = decoder.decode(&wide, &mut output).expect("sound");
        assert!(progress.finished && output[..progress.produced] == text[..]);
        decoder.reset(Properties::default(), 4096, LzmaEnd::Marker).expect("sound");
        // Not to the end.
        decoder.decode(&plain[..plain.len() / 2], &mut output).expect("sound");
        decoder.reset(Properties::default(), 4096, LzmaEnd::Marker).expect("sound");
        let progress = decoder.decode(&plain, &mut output).expect("sound");
        assert!(progress.finished && output[..progress.produced] == *short);
        assert!(decoder.reset(Properties { lc: 9, lp: 0, pb: 0 }, 4096, LzmaEnd::Marker).is_err());
        assert!(matches!(decoder.decode(&plain, &mut output), Err(DecodeError::Properties(_))));
    }
}

#[test]
fn sizes_must_be_right() {
    let text = b"one size fits one. one size fits one.";
    let packed = support::xz("--lzma1", text);
    let kind = |end| Kind::Lzma { properties: Properties::default(), dictionary_bytes: 1 << 16, end };
    let size = text.len() as u64;
    let outcome = |end| decode(kind(end), &packed, 1000).finished;
    assert_eq!(outcome(LzmaEnd::Size(size)), Ok(true));
    assert_eq!(outcome(LzmaEnd::Size(size - 1)), Err(DecodeError::LateEnd));
    assert_eq!(outcome(LzmaEnd::Size(size + 1)), Err(DecodeError::EarlyEnd));
    let packed = support::xz("--lzma2", text);
    for (limit, finished) in [(size + 1, true), (size, true), (size - 1, false)] {
        let mut decoder = Decoder::Lzma2(Lzma2Decoder::new(1 << 16, Some(limit)));
        let outcome = decode_in_pieces(&mut decoder, &packed, 1000, || (0, 0));
        assert_eq!(outcome.finished, if finished { Ok(true) } else { Err(DecodeError::TooLong) });
    }
}

#[test]
fn chunks_must_follow_from_one_another() {
    let decode = |packed: &[u8]| decode(Kind::Lzma2 { dictionary_bytes: 4096 }, packed, 1000).finished;
    assert_eq!(decode(&[0]), Ok(true));
    assert_eq!(decode(&[3]), Err(DecodeError::Control { byte: 3 }));
    assert_eq!(decode(&[0x7F]), Err(DecodeError::Control { byte: 0x7F }));
    assert_eq!(decode(&[2, 0, 0, 0, 0]), Err(DecodeError::MissingReset));
    assert_eq!(decode(&[1, 0, 0, 0, 2, 0, 0, 0, 0]), Ok(true));
    let packed =
        |control: u8, properties: &[u8]| [&[1, 0, 0, b'a', control, 0, 0, 0, 9], properties, &[0; 10]].concat();
    for control in [0x80, 0xA0] {
        assert_eq!(decode(&packed(control, &[])), Err(DecodeError::MissingReset), "properties after a dictionary");
    }
    assert_eq!(decode(&packed(0xC0, &[0x5D])), Err(DecodeError::ChunkSize), "one byte takes fewer than ten");
    assert!(matches!(decode(&packed(0xC0, &[0xE1])), Err(DecodeError::Properties(_))));
    let too_wide = Properties { lc: 4, lp: 1, pb: 0 }.to_byte();
    assert!(matches!(decode(&packed(0xE0, &[too_wide])), Err(DecodeError::Properties(_))));
    assert_eq!(decode(&[0xE0, 0, 0, 0, 0, 0x5D, 0, 0, 0, 0, 0]), Err(DecodeError::ChunkSize), "not even a beginning");
    assert_eq!(decode(&[0xE0, 0, 0, 0, 5, 0x5D, 1, 0, 0, 0, 0, 0]), Err(DecodeError::RangeCoderStart));
}

#[test]
fn headers_are_read_when_they_are_complete() {
    let header = [0xE1, 0, 1, 0, 9, 0x5D];
    for length in 0..header.len() {
        assert_eq!(Lzma2Header::parse(&header[..length]), Ok(None));
    }
    let chunk = |header_bytes, packed_bytes, unpacked_bytes, resets_dictionary| {
        Ok(Some(Lzma2Header::Chunk { header_bytes, packed_bytes, unpacked_bytes, resets_dictionary }))
    };
    assert_eq!(Lzma2Header::parse(&header), chunk(6, 10, 0x1_0002, true));
    assert_eq!(Lzma2Header::parse(&[0xC0, 0, 1, 0, 9, 0x5D]), chunk(6, 10, 2, false));
    assert_eq!(Lzma2Header::parse(&[0x80, 0, 1, 0, 9, 77]), chunk(5, 10, 2, false));
    assert_eq!(Lzma2Header::parse(&[1, 0, 7, 77]), chunk(3, 8, 8, true));
    assert_eq!(Lzma2Header::parse(&[2, 0, 7, 77]), chunk(3, 8, 8, false));
    assert_eq!(Lzma2Header::parse(&[0, 77]), Ok(Some(Lzma2Header::End)));
    assert_eq!(Lzma2Header::parse(&[3]), Err(DecodeError::Control { byte: 3 }));
}

#[test]
#[cfg_attr(miri, ignore = "packs too much")]
fn whole_streams_are_decoded_step_by_step() {
    let content = Numbers(3).bytes(70_000).repeat(60);
    let packed = support::xz("--lzma2=dict=1MiB", &content);
    let mut output = vec![0; content.len()];
    let mut asked = 0;
    let mut decoder = Lzma2Decoder::new(1 << 20, None);
    let mut count = || {
        asked += 1;
        true
    };
    let progress = decoder.decode_whole_while(&packed, &mut output, &mut count).expect("sound");
    assert!(progress.finished && progress.consumed == packed.len() && output == content);
    assert_eq!(asked, content.len() >> 20, "after each MiB");
    decoder.reset(1 << 20, None);
    let progress = decoder.decode_whole_while(&packed, &mut output, || false).expect("sound");
    assert!(!progress.finished && progress.produced == 1 << 20);
    assert_eq!(decoder.decode(&packed, &mut output), Err(DecodeError::MissingReset), "it cannot go on");
}

#[test]
fn dictionaries_and_memory() {
    assert_eq!([0, 1, 2, 39, 40].map(dictionary), [4096, 6144, 8192, 3 << 30, u32::MAX]);
    assert_eq!(lzma2_dictionary_bytes(41), Err(DecodeError::DictionaryProperty { byte: 41 }));
    let most = LzmaDecoder::memory_bytes(Properties::default(), u32::MAX, LzmaEnd::Marker).expect("sound");
    assert!((1 << 32..(1 << 32) + (1 << 17)).contains(&most));
    let small = LzmaDecoder::memory_bytes(Properties::default(), u32::MAX, LzmaEnd::Size(100)).expect("sound");
    assert!(small < 20_000, "{small}");
    let wide = LzmaDecoder::memory_bytes(Properties { lc: 8, lp: 4, pb: 4 }, 1, LzmaEnd::Size(0)).expect("sound");
    assert!(wide > 6 << 20);
    assert!(LzmaDecoder::memory_bytes(Properties { lc: 0, lp: 5, pb: 0 }, 1, LzmaEnd::Marker).is_err());
    assert!(Lzma2Decoder::memory_bytes(1 << 20, Some(1 << 12)) < 64 << 10);
    assert!(Lzma2Decoder::memory_bytes(1 << 20, None) > 1 << 20);
}
