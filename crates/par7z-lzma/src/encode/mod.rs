//! The encoder.

mod fast;
pub(crate) mod lzma2;
mod optimal;
mod price;
mod probs;
mod range;
mod symbols;
