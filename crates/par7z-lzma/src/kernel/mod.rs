//! The hot loops.

pub(crate) mod decode;
