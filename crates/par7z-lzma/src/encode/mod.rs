//! The encoder.

mod core;
pub(crate) mod encoder;
mod fast;
pub(crate) mod lzma;
mod lzma2;
mod nodes;
mod optimal;
pub(crate) mod options;
mod price;
mod probs;
mod range;
pub(crate) mod sliced;
mod symbols;
