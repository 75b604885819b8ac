//! LZMA and LZMA2 on slices: bytes in, bytes out. No I/O, no threads, `no_std` with `alloc`.
//!
//! ```
//! use par7z_lzma::{EncoderOptions, Lzma2Decoder, Lzma2Encoder};
//!
//! let text = b"a text that repeats itself, a text that repeats itself".repeat(100);
//! let options = EncoderOptions::default();
//! let mut packed = Vec::new();
//! Lzma2Encoder::new(options)?.encode(&text, &mut packed);
//! packed.push(0); // the end of an LZMA2 stream
//!
//! let mut unpacked = vec![0; text.len()];
//! let mut decoder = Lzma2Decoder::new(options.dictionary_bytes, Some(text.len() as u64));
//! decoder.decode_whole(&packed, &mut unpacked)?;
//! assert_eq!(unpacked, text);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The encoder is in three parts that do not know one another: match finders, the optimal parser, and the range coder with
//! the symbols.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod decode;
mod encode;
mod find;
mod kernel;
mod model;
mod properties;

pub use decode::{
    DecodeError, Lzma2Decoder, Lzma2Part, Lzma2Scan, LzmaDecoder, LzmaEnd, Progress, lzma2_dictionary_bytes, scan_lzma2,
};
pub use encode::lzma2::{EncoderOptions, Lzma2Encoder, MatchFinder, OptionsError};
pub use properties::{Properties, PropertiesError};
