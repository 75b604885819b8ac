//! Asking for large pages where memory is read at random: the way from an address to its page is otherwise a cache miss of
//! its own.

#![expect(unsafe_code, reason = "madvise, and a vector that is advised before it is touched")]

use alloc::vec::Vec;

/// Below this there is nothing to gain.
const MIN_BYTES: usize = 4 << 20;

/// Advises the system to use large pages for a vector's memory, as far as it is not in use yet. It changes nothing that the
/// program can see.
pub(crate) fn advise<T>(values: &Vec<T>) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        const MADV_HUGEPAGE: i32 = 14;
        const PAGE: usize = 4096;
        // SAFETY: the signature is that of the system's C library, which every Linux target of std links.
        unsafe extern "C" {
            fn madvise(address: *mut core::ffi::c_void, length: usize, advice: i32) -> i32;
        }
        let start = values.as_ptr().addr().next_multiple_of(PAGE);
        let end = (values.as_ptr().addr() + values.capacity() * size_of::<T>()) / PAGE * PAGE;
        if end.saturating_sub(start) >= MIN_BYTES {
            let address = values.as_ptr().with_addr(start).cast_mut().cast();
            // SAFETY: whole pages inside the vector's own allocation; this advice changes no content and no access right.
            // A system that refuses it changes nothing.
            let _ = unsafe { madvise(address, end - start, MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = values;
}
