//! Pointers from C become references, or E_INVALIDARG: NULL, misaligned, or longer than memory can be.
//!
//! What cannot be checked - that memory is there and stays - is the client's promise, written in the header.

use crate::failure::Failure;
use std::mem::MaybeUninit;

/// `count` values of the client.
///
/// # Safety
/// If it is not NULL, `count` initialized values are at `data` and stay unchanged for `'a`.
pub(crate) unsafe fn slice<'a, T>(data: *const T, count: usize, what: &str) -> Result<&'a [T], Failure> {
    check(data, count, what)?;
    // SAFETY: the caller's promise; NULL, misaligned and oversized were refused.
    Ok(unsafe { std::slice::from_raw_parts(data, count) })
}

/// A struct of the client.
///
/// # Safety
/// As [`slice`] for one value.
pub(crate) unsafe fn reference<'a, T>(data: *const T, what: &str) -> Result<&'a T, Failure> {
    check(data, 1, what)?;
    // SAFETY: as above.
    Ok(unsafe { &*data })
}

/// A struct that a client was lent and gives back.
///
/// # Safety
/// If it is not NULL, an initialized value is at `data` and nobody else uses it for `'a`.
pub(crate) unsafe fn reference_mut<'a, T>(data: *mut T, what: &str) -> Result<&'a mut T, Failure> {
    check(data, 1, what)?;
    // SAFETY: the caller's promise.
    Ok(unsafe { &mut *data })
}

/// A place for a result. The client need not have initialized it.
///
/// # Safety
/// If it is not NULL, a value fits there and nobody else uses the place for `'a`.
pub(crate) unsafe fn place<'a, T>(place: *mut T, what: &str) -> Result<&'a mut MaybeUninit<T>, Failure> {
    check(place, 1, what)?;
    // SAFETY: as above; MaybeUninit asks nothing of what is there now.
    Ok(unsafe { &mut *place.cast::<MaybeUninit<T>>() })
}

/// Places for `count` bytes, which are set to 0. The client need not have initialized them.
///
/// # Safety
/// If it is not NULL, `count` bytes fit there and nobody else uses them for `'a`.
pub(crate) unsafe fn room<'a>(bytes: *mut u8, count: usize, what: &str) -> Result<&'a mut [u8], Failure> {
    check(bytes, count, what)?;
    // SAFETY: the caller's promise; written first, so that every byte is initialized.
    Ok(unsafe {
        bytes.write_bytes(0, count);
        std::slice::from_raw_parts_mut(bytes, count)
    })
}

/// The largest that anything can be: half the address space, or what processors of 64 bits give to a process.
const MAX_BYTES: usize = if usize::BITS == 64 { 1 << 56 } else { isize::MAX.cast_unsigned() };

/// Refuses NULL, misaligned, and more than an address space can hold.
pub(crate) fn check<T>(data: *const T, count: usize, what: &str) -> Result<(), Failure> {
    if data.is_null() {
        return Err(Failure::invalid(format!("{what} is NULL")));
    }
    if !data.is_aligned() {
        return Err(Failure::invalid(format!("{what} is not aligned")));
    }
    let bytes = count.checked_mul(size_of::<T>()).filter(|&bytes| bytes <= MAX_BYTES);
    if bytes.and_then(|bytes| data.addr().checked_add(bytes)).is_none() {
        return Err(Failure::invalid(format!("{what}: a size of {count} cannot be")));
    }
    Ok(())
}

/// Whether two ranges of bytes share any.
pub(crate) fn overlap(first: (usize, usize), second: (usize, usize)) -> bool {
    first.0 < second.0.saturating_add(second.1) && second.0 < first.0.saturating_add(first.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_memory_is_refused() {
        let words = [0u32; 4];
        let odd = words.as_ptr().cast::<u8>().wrapping_add(1).cast::<u32>();
        assert!(check(std::ptr::null::<u32>(), 1, "p").is_err());
        assert!(check(odd, 1, "p").is_err());
        assert!(check(words.as_ptr(), usize::MAX, "p").is_err());
        assert!(check(words.as_ptr(), usize::MAX / 8, "p").is_err());
        assert!(check(words.as_ptr(), 4, "p").is_ok());
    }

    #[test]
    fn ranges_that_touch_do_not_overlap() {
        assert!(!overlap((0, 4), (4, 4)));
        assert!(overlap((0, 5), (4, 4)));
        assert!(overlap((6, 1), (4, 4)));
    }
}
