//! Memory that the client frees: from `malloc`, so that both `free` and `ParallelCompressor_FreeMemory` do.

use libc::c_void;
use std::io;
use std::ptr::NonNull;

/// A growing buffer from `malloc`.
#[derive(Debug, Default)]
pub(crate) struct MallocBuffer {
    data: Option<NonNull<u8>>,
    len: usize,
    capacity: usize,
}

// SAFETY: it owns its memory alone, as a Vec does.
unsafe impl Send for MallocBuffer {}

impl MallocBuffer {
    /// Appends bytes. An error of kind `OutOfMemory` leaves the buffer as it was.
    pub(crate) fn extend(&mut self, bytes: &[u8]) -> io::Result<()> {
        let len = self.len.checked_add(bytes.len()).ok_or(io::ErrorKind::OutOfMemory)?;
        self.reserve(len)?;
        if let Some(data) = self.data {
            // SAFETY: `reserve` made room for `len` bytes, and nobody else knows the memory.
            unsafe { data.add(self.len).copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        }
        self.len = len;
        Ok(())
    }

    fn reserve(&mut self, len: usize) -> io::Result<()> {
        if len <= self.capacity {
            return Ok(());
        }
        let capacity = len.max(self.capacity.saturating_mul(2)).max(4096);
        let old = self.data.map_or(std::ptr::null_mut(), |data| data.as_ptr().cast());
        // SAFETY: `old` is NULL or came from realloc, and is not used after it has moved.
        let grown = unsafe { libc::realloc(old, capacity) };
        self.data = Some(NonNull::new(grown.cast()).ok_or(io::ErrorKind::OutOfMemory)?);
        self.capacity = capacity;
        Ok(())
    }

    /// Cuts it to at most so many bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Its bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match self.data {
            // SAFETY: `len` bytes were written there; the borrow keeps others away.
            Some(data) => unsafe { std::slice::from_raw_parts_mut(data.as_ptr(), self.len) },
            None => &mut [],
        }
    }

    /// Hands the memory over: a pointer for `free`, never NULL, and its length.
    pub(crate) fn into_raw(mut self) -> io::Result<(*mut c_void, usize)> {
        self.reserve(1)?;
        let raw = self.data.take().ok_or(io::ErrorKind::OutOfMemory)?;
        Ok((raw.as_ptr().cast(), self.len))
    }
}

impl Drop for MallocBuffer {
    fn drop(&mut self) {
        if let Some(data) = self.data {
            // SAFETY: it came from realloc and is not used any more.
            unsafe { libc::free(data.as_ptr().cast()) };
        }
    }
}

/// Frees what [`MallocBuffer::into_raw`] gave.
///
/// # Safety
/// `buffer` is NULL or came from there (or from `malloc`), and is not used any more.
pub(crate) unsafe fn free(buffer: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { libc::free(buffer) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_and_shrinks_and_is_handed_over() {
        let mut buffer = MallocBuffer::default();
        assert!(buffer.bytes_mut().is_empty());
        for number in 0..10_000u16 {
            buffer.extend(&number.to_le_bytes()).expect("memory");
        }
        buffer.truncate(6);
        assert_eq!(buffer.bytes_mut(), [0, 0, 1, 0, 2, 0]);
        let (raw, len) = buffer.into_raw().expect("memory");
        assert_eq!(len, 6);
        // SAFETY: just handed over.
        unsafe { free(raw) };
    }

    #[test]
    fn an_empty_buffer_is_not_null() {
        let (raw, len) = MallocBuffer::default().into_raw().expect("memory");
        assert!(!raw.is_null());
        assert_eq!(len, 0);
        // SAFETY: just handed over.
        unsafe { free(raw) };
    }
}
