//! The hot loop of the decoder, and the few places where `unsafe` pays: each function is safe to call, and does nothing that
//! a program can see differ where it is left out.

pub(crate) mod decode;
pub(crate) mod huge_pages;
pub(crate) mod prefetch;
