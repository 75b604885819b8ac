//! LZMA and LZMA2 on slices: bytes in, bytes out. No I/O, no threads, `no_std` with `alloc`.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod decode;
mod kernel;
mod model;
mod properties;

pub use decode::{
    DecodeError, Lzma2Decoder, Lzma2Part, Lzma2Scan, LzmaDecoder, LzmaEnd, Progress, lzma2_dictionary_bytes, scan_lzma2,
};
pub use properties::{Properties, PropertiesError};
