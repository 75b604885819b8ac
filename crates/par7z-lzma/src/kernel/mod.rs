//! The hot loop of the decoder, which has a plain twin and a test that both do the same; and the few places where `unsafe`
//! pays: each function is safe to call, and changes nothing that a program can see.

pub(crate) mod decode;
pub(crate) mod huge_pages;
pub(crate) mod prefetch;
