//! emit

use crate::{Header, Streams};

/// The bytes of a plain header.
pub fn emit_header(header: &Header) -> Vec<u8> {
    let _ = header;
    unimplemented!()
}

/// The bytes of an encoded header: where and how the plain one is packed.
pub fn emit_encoded_header(streams: &Streams) -> Vec<u8> {
    let _ = streams;
    unimplemented!()
}
