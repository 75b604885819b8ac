//! One folder's content as a stream: packed streams from the source, through the coders, with errors that say whether
//! the source, the data, or the password is at fault.
//!
//! [`FolderReader`] opens its decoders only when the first byte is wanted, so that a folder whose entries are all left
//! out costs nothing.

use super::layout::{content_size, has_cipher};
use crate::codec::{self, BoxRead, Helpers};
use crate::crypto::KeyRing;
use crate::storage::ReadAt;
use crate::{CancelToken, Error, ErrorKind, ReadLimits, Result};
use par7z_format::FolderStreams;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What is said when the format cannot tell a wrong password from damage.
pub(super) const WRONG_PASSWORD: &str = "wrong password? (or the encrypted data is damaged)";
/// Packed bytes read ahead per packed stream: decoders ask for a few bytes at a time.
const READ_AHEAD_BYTES: usize = 64 << 10;

/// What decoding needs besides the folder; lives as long as the archive.
pub(super) struct DecodeContext {
    pub(super) source: Arc<dyn ReadAt>,
    pub(super) keys: KeyRing,
    pub(super) limits: ReadLimits,
    /// Set once a CRC of encrypted content was right: from then on failures are damage, not a wrong password.
    key_verified: AtomicBool,
    /// Packed bytes read so far.
    packed_read: Arc<AtomicU64>,
}

impl DecodeContext {
    pub(super) fn new(source: Arc<dyn ReadAt>, keys: KeyRing, limits: ReadLimits) -> Self {
        Self { source, keys, limits, key_verified: AtomicBool::new(false), packed_read: Arc::default() }
    }

    pub(super) fn key_is_verified(&self) -> bool {
        self.key_verified.load(Ordering::Acquire)
    }

    pub(super) fn packed_read(&self) -> u64 {
        self.packed_read.load(Ordering::Relaxed)
    }

    /// The memory that decoding a folder takes, if it is within the limit.
    pub(super) fn check_decoder_memory(&self, folder: &FolderStreams) -> Result<u64> {
        let needed = codec::decoder_memory_bytes(folder)?;
        let limit = self.limits.decoder_memory_bytes;
        if needed > limit {
            let text = format!("unpacking takes {needed} bytes of memory, the limit is {limit}; raise ReadLimits");
            return Err(Error::new(ErrorKind::LimitExceeded, text));
        }
        Ok(needed)
    }
}

/// Reads a folder's content from its beginning.
pub(super) struct FolderReader<'a> {
    context: &'a DecodeContext,
    folder: &'a FolderStreams,
    packed: &'a [Range<u64>],
    cancel: CancelToken,
    helpers: Option<Arc<dyn Helpers>>,
    decoder: Option<BoxRead>,
    /// Bytes to pass over before the next one that is wanted.
    pending_skip: u64,
    /// The source's own failure, which decoders would disguise as damaged data.
    trouble: Arc<Mutex<Option<Error>>>,
}

impl<'a> FolderReader<'a> {
    pub(super) fn new(
        context: &'a DecodeContext,
        folder: &'a FolderStreams,
        packed: &'a [Range<u64>],
        cancel: CancelToken,
        helpers: Option<Arc<dyn Helpers>>,
    ) -> Self {
        Self { context, folder, packed, cancel, helpers, decoder: None, pending_skip: 0, trouble: Arc::default() }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        has_cipher(self.folder)
    }

    /// Passes over the next `count` bytes; they are unpacked only when something behind them is read.
    pub(super) fn skip(&mut self, count: u64) {
        self.pending_skip = self.pending_skip.saturating_add(count);
    }

    /// Reads at least one byte (`buf` is not empty); the end of the data is an error, since callers ask only for bytes
    /// that the header promises.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        if self.pending_skip > 0 {
            self.pass_over()?;
        }
        self.read_some(buf)
    }

    fn pass_over(&mut self) -> Result<()> {
        let mut scratch = [0; 16 << 10];
        while self.pending_skip > 0 {
            let want = usize::try_from(self.pending_skip).unwrap_or(usize::MAX).min(scratch.len());
            self.pending_skip -= self.read_some(&mut scratch[..want])? as u64;
        }
        Ok(())
    }

    fn read_some(&mut self, buf: &mut [u8]) -> Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(Error::cancelled());
        }
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            None => {
                let opened = self.open();
                match opened {
                    Ok(decoder) => self.decoder.insert(decoder),
                    Err(error) => return Err(self.blame(error)),
                }
            }
        };
        loop {
            match decoder.read(buf) {
                Ok(0) => return Err(self.blame(damaged("the data ends too early"))),
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let error = decode_error(error);
                    return Err(self.blame(error));
                }
            }
        }
    }

    fn open(&self) -> Result<BoxRead> {
        let len = self.context.source.len();
        let mut packed: Vec<BoxRead> = Vec::with_capacity(self.packed.len());
        for place in self.packed {
            if place.end > len {
                let text =
                    format!("unexpected end of archive: its data should reach to byte {}, it has {len}", place.end);
                return Err(Error::new(ErrorKind::CorruptData, text).at_offset(len));
            }
            packed.push(Box::new(PackedStream {
                source: Arc::clone(&self.context.source),
                rest: place.clone(),
                ahead: Vec::new(),
                used: 0,
                cancel: self.cancel.clone(),
                trouble: Arc::clone(&self.trouble),
                count: Arc::clone(&self.context.packed_read),
            }));
        }
        let DecodeContext { keys, limits, .. } = self.context;
        let content = codec::open_folder(self.folder, packed, keys, limits, self.helpers.as_ref())?;
        Ok(Box::new(content.take(content_size(self.folder))))
    }

    /// Compares CRCs.
    pub(super) fn check_crc(&self, stored: u32, found: u32) -> Result<()> {
        if stored != found {
            let text = format!("CRC failed: the archive says {stored:08X}, the data gives {found:08X}");
            return Err(self.blame(Error::new(ErrorKind::WrongCrc, text)));
        }
        // The CRC of no bytes at all proves nothing.
        if self.is_encrypted() && self.decoder.is_some() {
            self.context.key_verified.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Decides whose fault it is: the source's, the password's, or the data's.
    fn blame(&self, error: Error) -> Error {
        // Content that came is its own witness: the source may have failed farther on, where a decoder reads ahead.
        let is_content = error.kind() == ErrorKind::WrongCrc;
        if !is_content && let Some(trouble) = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return trouble;
        }
        let is_damage = matches!(error.kind(), ErrorKind::CorruptData | ErrorKind::WrongCrc | ErrorKind::CorruptHeader);
        if is_damage && self.is_encrypted() && !self.context.key_is_verified() {
            return Error::new(ErrorKind::WrongPassword, format!("{WRONG_PASSWORD}: {error}"));
        }
        error
    }
}

/// A decoder's own complaint, or a typed error that came through it.
fn decode_error(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(typed) => typed,
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => Error::io("cannot unpack", error),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => damaged("the data ends too early"),
        Err(error) => damaged("it cannot be unpacked").with_source(error),
    }
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::CorruptData, format!("data error: {what}"))
}

/// One packed stream, read ahead.
struct PackedStream {
    source: Arc<dyn ReadAt>,
    rest: Range<u64>,
    ahead: Vec<u8>,
    used: usize,
    cancel: CancelToken,
    trouble: Arc<Mutex<Option<Error>>>,
    count: Arc<AtomicU64>,
}

impl PackedStream {
    fn left(&self) -> usize {
        usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX)
    }

    fn read_source(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let failed = |error: Error, trouble: &Mutex<Option<Error>>| {
            let kind = if error.kind() == ErrorKind::Cancelled { "cancelled" } else { "the archive cannot be read" };
            trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            io::Error::other(kind)
        };
        if self.cancel.is_cancelled() {
            return Err(failed(Error::cancelled(), &self.trouble));
        }
        let count = loop {
            match self.source.read_at(buf, self.rest.start) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(Error::io("cannot read the archive", error), &self.trouble)),
            }
        };
        if count == 0 && !buf.is_empty() {
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read");
            return Err(failed(Error::io("cannot read the archive", error), &self.trouble));
        }
        self.rest.start += count as u64;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Read for PackedStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.used == self.ahead.len() {
            let left = self.left();
            if left == 0 || buf.is_empty() {
                return Ok(0);
            }
            if buf.len() >= READ_AHEAD_BYTES {
                let want = buf.len().min(left);
                return self.read_source(&mut buf[..want]);
            }
            let mut ahead = std::mem::take(&mut self.ahead);
            ahead.resize(left.min(READ_AHEAD_BYTES), 0);
            let count = self.read_source(&mut ahead)?;
            ahead.truncate(count);
            (self.ahead, self.used) = (ahead, 0);
        }
        let count = buf.len().min(self.ahead.len() - self.used);
        buf[..count].copy_from_slice(&self.ahead[self.used..self.used + count]);
        self.used += count;
        Ok(count)
    }
}
