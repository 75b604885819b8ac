//! LZMA2: LZMA in chunks of at most 64 KiB packed, which may begin afresh; so slices that workers pack at the same time are
//! joined to one stream. The caller adds the end byte then.

use super::registry::{Opening, id, size_text, unsupported_properties};
use super::{BoxRead, Encoder, SliceState, SlicedText, Watch, coder, lzma, lzma2_parts};
use crate::Result;
use par7z_format::Coder;
use par7z_lzma::{Lzma2Decoder, lzma2_dictionary_bytes};

/// The largest stored dictionary: 40 stands for 4 GiB − 1.
const PROPERTY_MAX: u8 = 40;
/// A control byte: the end of the stream.
pub(super) const END: u8 = 0;

/// The property byte of the smallest dictionary of the form 2^n or 3·2^n that is at least `dictionary`.
fn property_for(dictionary: u32) -> u8 {
    (0..PROPERTY_MAX)
        .find(|&byte| lzma2_dictionary_bytes(byte).is_ok_and(|bytes| bytes >= dictionary))
        .unwrap_or(PROPERTY_MAX)
}

/// Writes LZMA2. What comes in pieces is gathered; [`pack`](Encoder::pack) makes no copy.
pub(super) struct Lzma2Encoder {
    dictionary_bytes: u32,
    encoder: par7z_lzma::Encoder,
    gathered: Vec<u8>,
}

impl Lzma2Encoder {
    pub(super) fn new(setup: &lzma::Setup) -> Self {
        Self { dictionary_bytes: setup.dictionary_bytes(), encoder: setup.encoder(), gathered: Vec::new() }
    }
}

impl Encoder for Lzma2Encoder {
    fn begin(&mut self, size: Option<u64>) -> Result<Coder> {
        let dictionary = lzma::dictionary_for(self.dictionary_bytes, size);
        self.gathered.clear();
        self.encoder.limit_dictionary(dictionary);
        Ok(coder(id::LZMA2, &[property_for(dictionary)]))
    }

    fn write(&mut self, input: &[u8], _out: &mut Vec<u8>) -> Result<()> {
        self.gathered.extend_from_slice(input);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let gathered = std::mem::take(&mut self.gathered);
        self.pack(&gathered, out, &mut |_, _| Ok(()))
    }

    fn pack(&mut self, input: &[u8], out: &mut Vec<u8>, watch: Watch<'_>) -> Result<()> {
        lzma::watched(watch, |watch| self.encoder.encode_lzma2(input, out, watch))?;
        out.push(END);
        Ok(())
    }

    fn pack_slice(
        &mut self,
        text: &SlicedText,
        state: &mut SliceState,
        window: &[u8],
        index: usize,
        out: &mut Vec<u8>,
        watch: Watch<'_>,
    ) -> Result<()> {
        // Another worker has begun the stream.
        self.encoder.limit_dictionary(self.dictionary_bytes);
        lzma::watched(watch, |watch| self.encoder.encode_slice(text, state, window, index, out, watch))
    }
}

fn parse(properties: &[u8]) -> Result<u32> {
    let unsupported = || unsupported_properties("LZMA2", properties);
    let &[byte] = properties else { return Err(unsupported()) };
    lzma2_dictionary_bytes(byte).map_err(|_| unsupported())
}

/// Memory of a decoder: the dictionary (no more than the stream's size), the literal model, the input buffer.
pub(super) fn decoder_memory(properties: &[u8], unpack_size: u64) -> Result<u64> {
    let decoder = Lzma2Decoder::memory_bytes(parse(properties)?, Some(unpack_size));
    Ok(decoder.saturating_add(lzma::READER_BYTES))
}

pub(super) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    let (size, dictionary_bytes) = (opening.unpack_size, parse(opening.properties)?);
    if let Some(helpers) = opening.helpers.filter(|_| lzma2_parts::may_have_parts(size)) {
        return Ok(Box::new(lzma2_parts::PartsReader::new(dictionary_bytes, opening.input()?, size, helpers)));
    }
    let decoder = Lzma2Decoder::new(dictionary_bytes, Some(size));
    Ok(Box::new(lzma::DecodingReader::new(decoder, opening.buffered_input()?, size)))
}

/// `24` or `48m`: the dictionary.
pub(super) fn describe(properties: &[u8]) -> Option<String> {
    match *properties {
        [byte] if byte & 1 == 0 => Some((u32::from(byte) / 2 + 12).to_string()),
        [byte] => Some(size_text(3u32.checked_shl(u32::from(byte) / 2 + 11).unwrap_or(0))),
        _ => None,
    }
}
