//! Vectors that are kept from text to text.

use crate::kernel::huge_pages;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::AtomicU32;

/// Makes a vector of numbers at least so long. What was in it may be lost. The memory is not touched.
pub(super) fn grow(values: &mut Vec<u64>, len: usize) {
    if values.len() < len {
        *values = Vec::new();
        *values = vec![0; len];
        huge_pages::advise(values);
    }
}

/// The same for numbers that several threads write.
pub(super) fn grow_shared(values: &mut Vec<AtomicU32>, len: usize) {
    if values.len() < len {
        *values = Vec::new();
        values.reserve_exact(len);
        huge_pages::advise(values);
        values.resize_with(len, AtomicU32::default);
    }
}
