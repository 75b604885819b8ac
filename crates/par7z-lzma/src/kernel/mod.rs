//! The few places where `unsafe` pays. Each function is safe to call; each has a twin without `unsafe` or needs none.

pub(crate) mod huge_pages;
pub(crate) mod prefetch;
