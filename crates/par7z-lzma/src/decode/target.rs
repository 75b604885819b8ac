//! Where decoded bytes go and matches come from: a buffer that is either a window, written round and round, or the whole
//! output of a stream.

/// A buffer in the hands of the decoder.
///
/// Bytes before `position` are the latest output. In a window that is `wrapped` the bytes from `position` on are the
/// output before these, from the end of the buffer backwards. Bytes from `position` on may be overwritten by wide
/// copies, since a window is [`SLACK_BYTES`] longer than the dictionary: no match may reach the oldest ones.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) buffer: &'a mut [u8],
    /// Where the next byte goes. Its low four bits are those of the position in the stream.
    pub(crate) position: usize,
    /// Where to stop: not before `position`, not behind the end of the buffer.
    pub(crate) limit: usize,
    /// Whether bytes from `position` on are output, too.
    pub(crate) wrapped: bool,
    /// The longest distance.
    pub(crate) dictionary_bytes: usize,
}

/// A window is longer than its dictionary by at least so much, so that wide copies do not overwrite what is needed.
pub(crate) const SLACK_BYTES: usize = 64;

impl Target<'_> {
    /// Bytes that may be written.
    pub(crate) fn room(&self) -> usize {
        self.limit - self.position
    }

    /// How far a match may reach back.
    pub(crate) fn reach(&self) -> usize {
        if self.wrapped { self.dictionary_bytes } else { self.position.min(self.dictionary_bytes) }
    }

    /// The byte that is `distance` bytes (from 0) before the next one; 0 where there is none.
    pub(crate) fn byte_back(&self, distance: u32) -> u8 {
        let back = distance as usize + 1;
        let at = match self.position.checked_sub(back) {
            Some(at) => at,
            None if self.wrapped => (self.buffer.len() + self.position).saturating_sub(back),
            None => return 0,
        };
        self.buffer.get(at).copied().unwrap_or(0)
    }

    /// Appends a byte; there must be room.
    pub(crate) fn push(&mut self, byte: u8) {
        self.buffer[self.position] = byte;
        self.position += 1;
    }

    /// Appends `length` bytes from `distance` (from 0, within [`reach`](Self::reach)) back, as far as there is room.
    /// Returns how many are left.
    pub(crate) fn copy_back(&mut self, distance: u32, length: u32) -> u32 {
        let back = distance as usize + 1;
        let now = (length as usize).min(self.room());
        let end = self.position + now;
        if back > self.position {
            // From behind the position, up to the end of the buffer.
            let from = self.position + self.buffer.len() - back;
            let piece = now.min(back - self.position);
            self.buffer.copy_within(from..from + piece, self.position);
            self.position += piece;
        }
        if self.position < end {
            // What has been copied is copied again: pieces become twice as long each time.
            let from = self.position - back;
            while self.position < end {
                let piece = (end - self.position).min(self.position - from);
                self.buffer.copy_within(from..from + piece, self.position);
                self.position += piece;
            }
        }
        length - now as u32
    }

    /// Appends as much of `bytes` as there is room for. Returns how many.
    pub(crate) fn extend(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        self.buffer[self.position..self.position + count].copy_from_slice(&bytes[..count]);
        self.position += count;
        count
    }
}
