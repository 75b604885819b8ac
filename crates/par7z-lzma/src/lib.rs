//! LZMA and LZMA2 on slices: bytes in, bytes out. No I/O, no threads, `no_std` with `alloc`.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod encode;
mod find;
mod kernel;
mod model;
mod properties;

pub use encode::lzma2::{Lzma2Encoder, Options};
pub use properties::{Properties, PropertiesError};
