//! Buffers for chunks and parts, whose memory is the system's again when they are dropped.
//!
//! Chunks of some MiB that are filled on one thread and dropped on another make an allocator keep several times what is in
//! use (glibc: 40 MiB more with a budget of 64). Pages that are mapped for one buffer are there while it is; those that are not
//! written to take nothing.

use bytes::Bytes;
use memmap2::MmapMut;
use std::io;

/// Bytes up to a capacity that is given once.
#[derive(Default)]
pub(crate) struct Buffer {
    pages: Option<MmapMut>,
    len: usize,
}

impl Buffer {
    /// An empty one with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> io::Result<Self> {
        Ok(Self { pages: Some(MmapMut::map_anon(bytes)?), len: 0 })
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn capacity(&self) -> usize {
        self.pages.as_ref().map_or(0, |pages| pages.len())
    }

    /// Appends bytes, for which there has to be room.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if let Some(pages) = &mut self.pages {
            pages[self.len..end].copy_from_slice(bytes);
            self.len = end;
        }
    }

    /// Drops what is behind the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Writes over the first bytes, which have to be there.
    pub(crate) fn overwrite(&mut self, bytes: &[u8]) {
        if let Some(pages) = &mut self.pages {
            pages[..self.len][..bytes.len()].copy_from_slice(bytes);
        }
    }

    /// The same bytes, shared.
    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.pages.as_ref().map_or(&[], |pages| &pages[..self.len])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_is_pushed() {
        let mut buffer = Buffer::with_capacity(10_000).unwrap();
        assert!(buffer.is_empty() && buffer.capacity() >= 10_000);
        buffer.push(b"0123456789");
        buffer.push(&[7; 9_990]);
        buffer.overwrite(b"abc");
        buffer.truncate(12);
        assert_eq!(buffer.len(), 12);
        buffer.push(b"z");
        assert_eq!(&buffer.freeze()[..], b"abc3456789\x07\x07z");
        assert!(Buffer::default().freeze().is_empty() && Buffer::with_capacity(0).unwrap().freeze().is_empty());
    }
}
