//! LZMA and LZMA2 on slices: bytes in, bytes out. No I/O, no threads, `no_std` with `alloc`.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod model;
mod properties;

pub use properties::{Properties, PropertiesError};
