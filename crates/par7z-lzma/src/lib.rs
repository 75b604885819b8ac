//! LZMA and LZMA2 on slices: bytes in, bytes out. No I/O, no threads, `no_std` with `alloc`.
//!
//! # Decoding
//!
//! [`LzmaDecoder`] and [`Lzma2Decoder`] take input and output in pieces of any size: what a call gives out does not depend
//! on how they are cut. Memory is taken as output comes, never more than `memory_bytes` says beforehand. Damage is a
//! [`DecodeError`]; input that merely stops early is a stream that is not [`finished`](Progress::finished).
//! `decode_whole` decodes a stream that is in memory into its place, without a dictionary of its own. [`scan_lzma2`] finds
//! the parts of an LZMA2 stream that the caller's threads can decode at the same time.
//!
//! ```
//! use par7z_lzma::{DecodeError, Lzma2Decoder, lzma2_dictionary_bytes};
//! use std::io::Read;
//!
//! /// Unpacks LZMA2 with a dictionary property as `.7z` stores it.
//! fn unpack(mut packed: impl Read, property: u8) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
//!     let dictionary_bytes = lzma2_dictionary_bytes(property)?;
//!     if Lzma2Decoder::memory_bytes(dictionary_bytes, None) > 100 << 20 {
//!         return Err("its dictionary is too large".into());
//!     }
//!     let mut decoder = Lzma2Decoder::new(dictionary_bytes, None);
//!     let mut unpacked = Vec::new();
//!     let (mut input, mut output) = ([0; 4096], [0; 4096]);
//!     loop {
//!         let count = packed.read(&mut input)?;
//!         let mut rest = &input[..count];
//!         loop {
//!             let progress = decoder.decode(rest, &mut output)?;
//!             rest = &rest[progress.consumed..];
//!             unpacked.extend_from_slice(&output[..progress.produced]);
//!             if progress.finished {
//!                 return Ok(unpacked);
//!             }
//!             if progress.produced < output.len() {
//!                 break; // All of the input is used.
//!             }
//!         }
//!         if count == 0 {
//!             return Err("it is cut off".into());
//!         }
//!     }
//! }
//!
//! // Two stored chunks, and the end.
//! let packed = [1, 0, 2, b'a', b'b', b'c', 2, 0, 1, b'd', b'e', 0];
//! assert_eq!(unpack(&packed[..], 0).unwrap(), b"abcde");
//! assert!(unpack(&packed[..11], 0).is_err());
//! let damaged = unpack(&[7][..], 0).unwrap_err();
//! assert_eq!(damaged.downcast_ref(), Some(&DecodeError::Control { byte: 7 }));
//! ```
//!
//! # Encoding
//!
//! [`Encoder`] takes a whole text at a time; its tables are kept from text to text. [`EncoderOptions::level`] has the table
//! of levels. [`LzmaStreamEncoder`] takes a text in pieces.
//!
//! ```
//! use par7z_lzma::{Encoder, EncoderOptions, Lzma2Decoder, unwatched};
//!
//! let text = b"a text that repeats itself, a text that repeats itself".repeat(100);
//! let options = EncoderOptions::level(5)?;
//! let mut packed = Vec::new();
//! Encoder::new(options)?.encode_lzma2(&text, &mut packed, &mut unwatched)?;
//! packed.push(0); // the end of an LZMA2 stream
//!
//! let mut unpacked = vec![0; text.len()];
//! let mut decoder = Lzma2Decoder::new(options.dictionary_bytes, Some(text.len() as u64));
//! decoder.decode_whole(&packed, &mut unpacked)?;
//! assert_eq!(unpacked, text);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is in three parts that do not know one another: match finders, parsers, and the range coder with the symbols.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod decode;
mod encode;
mod find;
mod kernel;
mod model;
mod properties;

pub use decode::{
    DecodeError, Lzma2Decoder, Lzma2Header, Lzma2Part, Lzma2Scan, LzmaDecoder, LzmaEnd, Progress,
    lzma2_dictionary_bytes, scan_lzma2,
};
pub use encode::encoder::{EncodeProgress, Encoder, Stopped, Watch, unwatched};
pub use encode::lzma::LzmaStreamEncoder;
pub use encode::options::{EncoderOptions, MatchFinder, OptionsError, Parser};
pub use encode::sliced::{SliceState, SlicedText, TaskResult, TaskScratch};
pub use properties::{Properties, PropertiesError};
