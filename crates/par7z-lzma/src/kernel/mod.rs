//! The hot loops. Each has a plain twin, and a test that both do the same.

pub(crate) mod decode;
