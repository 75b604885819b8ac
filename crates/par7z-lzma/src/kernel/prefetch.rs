//! Asking for memory before it is needed.

#![cfg_attr(
    all(target_arch = "x86_64", not(miri)),
    expect(unsafe_code, reason = "the processor's prefetch instruction")
)]

/// Brings `values[index]` towards the caches. An index beyond the end does nothing that can be observed.
#[inline(always)]
pub(crate) fn prefetch<T>(values: &[T], index: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch reads nothing that the program can see and does not fault, whatever the address; the address is
    // computed without the promise that it is inside the slice.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().wrapping_add(index).cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (values, index);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_index_changes_nothing() {
        let values = [1u8, 2, 3];
        for index in [0, 2, 3, 1 << 20, usize::MAX] {
            prefetch(&values, index);
            prefetch::<u64>(&[], index);
        }
        assert_eq!(values, [1, 2, 3]);
    }
}
