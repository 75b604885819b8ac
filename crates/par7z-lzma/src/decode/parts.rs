//! Where an LZMA2 stream can be cut so that its parts are decoded on their own, for instance by several threads.

use super::DecodeError;
use super::lzma2::{Chunk, HEADER_BYTES_MAX, Header, Reset};
use alloc::vec::Vec;
use core::ops::Range;

/// What comes next in an LZMA2 stream, as the header of a chunk says it.
///
/// For callers that do not have all of a stream in memory; the others have [`scan_lzma2`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lzma2Header {
    /// The end of the stream: one byte.
    End,
    /// A chunk.
    Chunk {
        /// Bytes of the header itself.
        header_bytes: usize,
        /// Bytes of data behind the header.
        packed_bytes: usize,
        /// What the data unpacks to, in bytes.
        unpacked_bytes: usize,
        /// Whether a part begins here: nothing from here on refers to what was before.
        resets_dictionary: bool,
    },
}

impl Lzma2Header {
    /// The longest header.
    pub const BYTES_MAX: usize = HEADER_BYTES_MAX;

    /// Reads the header at the beginning of `bytes`. `None`: they are not all of it.
    ///
    /// # Errors
    /// [`DecodeError::Control`] if the first byte has no meaning.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut header = Header::EMPTY;
        let (header_bytes, chunk) = header.take(bytes)?;
        let Some(chunk) = chunk else { return Ok(None) };
        let (resets_dictionary, packed_bytes, unpacked_bytes) = match chunk {
            Chunk::End => return Ok(Some(Self::End)),
            Chunk::Stored { resets_dictionary, bytes } => (resets_dictionary, bytes, bytes),
            Chunk::Packed { reset, packed_bytes, unpacked_bytes } => {
                (matches!(reset, Reset::Dictionary(_)), packed_bytes, unpacked_bytes)
            }
        };
        Ok(Some(Self::Chunk { header_bytes, packed_bytes, unpacked_bytes, resets_dictionary }))
    }
}

/// Chunks from one that resets the dictionary to the next that does: no match in them reaches out of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lzma2Part {
    /// Where its chunks are in the packed stream. The end byte of the stream is behind the last part.
    pub packed: Range<u64>,
    /// Where its output belongs in the unpacked stream.
    pub unpacked: Range<u64>,
}

/// What [`scan_lzma2`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lzma2Scan {
    /// The parts, in order, without gaps.
    pub parts: Vec<Lzma2Part>,
    /// Bytes of the stream, with the end byte; `None` if the input is cut off before it. The last part is incomplete then
    /// (or there is none) and its ranges go as far as its last header says.
    pub packed_bytes: Option<u64>,
}

/// Reads the headers of all chunks of an LZMA2 stream, and nothing else of it, and says where it resets the dictionary.
///
/// The data of the chunks may still turn out damaged: each part's decoder checks it. A part is decoded by
/// [`Lzma2Decoder::decode_whole`](crate::Lzma2Decoder::decode_whole) into its own piece of the output:
///
/// ```
/// use par7z_lzma::{Lzma2Decoder, scan_lzma2};
///
/// // Two stored chunks, each of which resets the dictionary, and the end.
/// let packed = [1, 0, 2, b'a', b'b', b'c', 1, 0, 1, b'd', b'e', 0];
/// let scan = scan_lzma2(&packed)?;
/// assert_eq!(scan.packed_bytes, Some(12));
///
/// let mut unpacked = vec![0; scan.parts.last().map_or(0, |part| part.unpacked.end as usize)];
/// let mut rest = &mut unpacked[..];
/// std::thread::scope(|scope| {
///     for part in &scan.parts {
///         let (output, behind) = rest.split_at_mut((part.unpacked.end - part.unpacked.start) as usize);
///         rest = behind;
///         let input = &packed[part.packed.start as usize..part.packed.end as usize];
///         scope.spawn(move || {
///             let progress = Lzma2Decoder::new(1 << 20, None).decode_whole(input, output)?;
///             assert_eq!((progress.consumed, progress.produced), (input.len(), output.len()));
///             Ok::<(), par7z_lzma::DecodeError>(())
///         });
///     }
/// });
/// assert_eq!(unpacked, b"abcde");
/// # Ok::<(), par7z_lzma::DecodeError>(())
/// ```
///
/// # Errors
/// [`DecodeError::Control`] at a chunk header without meaning; [`DecodeError::MissingReset`] if the first chunk does not
/// reset the dictionary; [`DecodeError::OutOfMemory`].
pub fn scan_lzma2(packed: &[u8]) -> Result<Lzma2Scan, DecodeError> {
    let mut parts: Vec<Lzma2Part> = Vec::new();
    let mut at = 0;
    let mut unpacked = 0u64;
    loop {
        let begin = at as u64;
        let header = Lzma2Header::parse(packed.get(at..).unwrap_or_default())?;
        let (header_bytes, packed_bytes, unpacked_bytes, resets) = match header {
            None => return Ok(Lzma2Scan { parts, packed_bytes: None }),
            Some(Lzma2Header::End) => return Ok(Lzma2Scan { parts, packed_bytes: Some(begin + 1) }),
            Some(Lzma2Header::Chunk { header_bytes, packed_bytes, unpacked_bytes, resets_dictionary }) => {
                (header_bytes, packed_bytes, unpacked_bytes, resets_dictionary)
            }
        };
        if resets {
            let bytes = (parts.len() + 1) * size_of::<Lzma2Part>();
            parts.try_reserve(1).map_err(|_| DecodeError::OutOfMemory { bytes })?;
            parts.push(Lzma2Part { packed: begin..begin, unpacked: unpacked..unpacked });
        }
        at += header_bytes + packed_bytes;
        unpacked += unpacked_bytes as u64;
        let part = parts.last_mut().ok_or(DecodeError::MissingReset)?;
        part.packed.end = at as u64;
        part.unpacked.end = unpacked;
    }
}
