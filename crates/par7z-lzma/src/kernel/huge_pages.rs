//! Asking for large pages where memory is read at random: the way from an address to its page is otherwise a cache miss of
//! its own.

#![cfg_attr(
    all(target_os = "linux", not(miri)),
    expect(unsafe_code, reason = "madvise, and a vector that is advised before it is touched")
)]

use alloc::vec::Vec;

/// Below this there is nothing to gain.
const MIN_BYTES: usize = 4 << 20;

/// Advises the system to use large pages for a vector's memory, as far as it is not in use yet. It changes nothing that the
/// program can see.
pub(crate) fn advise<T>(values: &Vec<T>) {
    const HUGEPAGE: i32 = 14;
    tell_system(values.as_ptr().addr(), values.capacity() * size_of::<T>(), HUGEPAGE, values.as_ptr().cast());
}

/// Asks the system to gather memory that is in use into large pages, at once (Linux 6.1 and later; others refuse). It changes
/// nothing that the program can see.
pub(crate) fn gather(text: &[u8]) {
    const COLLAPSE: i32 = 25;
    tell_system(text.as_ptr().addr(), text.len(), COLLAPSE, text.as_ptr());
}

/// Gives advice, which must not change what the memory holds nor how it may be used, on the whole pages of an allocation.
fn tell_system(start: usize, bytes: usize, advice: i32, memory: *const u8) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        const PAGE: usize = 4096;
        // SAFETY: the signature is that of the system's C library, which every Linux target of std links.
        unsafe extern "C" {
            fn madvise(address: *mut core::ffi::c_void, length: usize, advice: i32) -> i32;
        }
        let end = (start + bytes) / PAGE * PAGE;
        let start = start.next_multiple_of(PAGE);
        if end.saturating_sub(start) >= MIN_BYTES {
            let address = memory.with_addr(start).cast_mut().cast();
            // SAFETY: whole pages inside one allocation, or one slice; both pieces of advice change no content and no access
            // right. A system that refuses them changes nothing.
            let _ = unsafe { madvise(address, end - start, advice) };
        }
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = (start, bytes, advice, memory);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn advice_changes_no_content() {
        let value = |index: usize| (index * 31 % 251) as u8;
        // Miri is slow, and advice does nothing there.
        let part_bytes = if cfg!(miri) { 200 } else { MIN_BYTES };
        let mut bytes: Vec<u8> = Vec::with_capacity(3 * part_bytes);
        advise(&bytes);
        bytes.extend((0..2 * part_bytes).map(value));
        // In use, in part, and from the middle of a page on.
        advise(&bytes);
        gather(&bytes);
        gather(&bytes[part_bytes / 3..]);
        bytes.extend((2 * part_bytes..3 * part_bytes).map(value));
        assert!(bytes.iter().enumerate().all(|(index, &byte)| byte == value(index)));
        // Too short to be advised about.
        advise(&Vec::<u8>::new());
        gather(&[]);
        gather(&vec![1; 4096]);
    }
}
