<<<<<<< HEAD
//! The hot loop of the decoder, and the few places where `unsafe` pays: each function is safe to call, and does nothing that
//! a program can see differ where it is left out.
=======
//! The hot loops. Each has a plain twin, and a test that both do the same.
>>>>>>> lzma-decoder

pub(crate) mod decode;
pub(crate) mod huge_pages;
pub(crate) mod prefetch;
