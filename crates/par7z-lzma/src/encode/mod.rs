//! The encoder.

pub(crate) mod lzma2;
mod nodes;
mod optimal;
mod price;
mod probs;
mod range;
mod symbols;
