//! The two places that decoded bytes go to: through a window into pieces of output that come and go, or straight into
//! the whole output of a stream, which is its own window.

use super::DecodeError;
use super::target::Target;
use super::window::Window;

/// Where a decoder's output goes.
pub(crate) trait Output {
    /// Bytes that it can still take.
    fn room(&self) -> usize;
    /// Forgets the dictionary: no match reaches back beyond here.
    fn forget(&mut self);
    /// Lets `write` fill up to `wanted` bytes, which are no more than there is room for. It gets room for one byte at
    /// least if one is wanted.
    fn fill<T>(&mut self, wanted: usize, write: impl FnOnce(&mut Target<'_>) -> T) -> Result<T, DecodeError>;
}

/// Into a window, and copied from there.
pub(crate) struct Windowed<'a> {
    pub(crate) window: &'a mut Window,
    pub(crate) output: &'a mut [u8],
    /// Bytes of `output` that are filled.
    pub(crate) produced: usize,
}

impl Output for Windowed<'_> {
    fn room(&self) -> usize {
        self.output.len() - self.produced
    }

    fn forget(&mut self) {
        self.window.forget();
    }

    fn fill<T>(&mut self, wanted: usize, write: impl FnOnce(&mut Target<'_>) -> T) -> Result<T, DecodeError> {
        let mut target = self.window.target(wanted)?;
        let begin = target.position;
        let result = write(&mut target);
        let end = target.position;
        self.window.advance_to(end);
        let fresh = self.window.since(begin);
        self.output[self.produced..self.produced + fresh.len()].copy_from_slice(fresh);
        self.produced += fresh.len();
        Ok(result)
    }
}

/// Into the place where it stays.
pub(crate) struct Whole<'a> {
    pub(crate) output: &'a mut [u8],
    /// Where the dictionary begins.
    pub(crate) base: usize,
    /// Where the next byte goes; not before `base`.
    pub(crate) produced: usize,
    pub(crate) dictionary_bytes: usize,
}

impl Output for Whole<'_> {
    fn room(&self) -> usize {
        self.output.len() - self.produced
    }

    fn forget(&mut self) {
        self.base = self.produced;
    }

    fn fill<T>(&mut self, wanted: usize, write: impl FnOnce(&mut Target<'_>) -> T) -> Result<T, DecodeError> {
        let position = self.produced - self.base;
        let mut target = Target {
            buffer: &mut self.output[self.base..],
            position,
            limit: position + wanted,
            wrapped: false,
            dictionary_bytes: self.dictionary_bytes,
        };
        let result = write(&mut target);
        self.produced = self.base + target.position;
        Ok(result)
    }
}
