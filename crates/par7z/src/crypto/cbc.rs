//! AES-256-CBC, many blocks for each call.
//!
//! Encryption is a chain (each block needs the one before), decryption is not: the `aes` crate runs both on AES-NI where
//! the CPU has it. The ciphers wipe their round keys when dropped.

use aes::Aes256;
use aes::cipher::{Array, Block, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use std::io::{self, Read};

const BLOCK: usize = 16;
/// Decrypted at once.
const BUFFER: usize = 64 << 10;

/// AES-256-CBC, encrypting in place.
pub(crate) struct CbcEncryptor(cbc::Encryptor<Aes256>);

impl CbcEncryptor {
    pub(crate) fn new(key: &[u8; 32], iv: &[u8; 16]) -> Self {
        Self(cbc::Encryptor::new(key.into(), iv.into()))
    }

    /// Encrypts whole blocks in place. `data.len()` is a multiple of 16.
    pub(crate) fn encrypt(&mut self, data: &mut [u8]) {
        let (blocks, rest) = blocks(data);
        debug_assert!(rest.is_empty(), "{} bytes are no whole blocks", rest.len());
        self.0.encrypt_blocks(blocks);
    }
}

fn blocks(data: &mut [u8]) -> (&mut [Block<Aes256>], &mut [u8]) {
    Array::slice_as_chunks_mut(data)
}

/// Decrypts what it reads. A tail that is no whole block is cut off: the stream just ends early.
pub(crate) struct CbcReader<R> {
    source: R,
    cipher: cbc::Decryptor<Aes256>,
    /// Grows to [`BUFFER`]: small streams do not pay for it.
    buffer: Vec<u8>,
    /// `buffer[given..ready]` is plain and not yet given out; `buffer[ready..filled]` begins a block.
    given: usize,
    ready: usize,
    filled: usize,
}

impl<R: Read> CbcReader<R> {
    pub(crate) fn new(source: R, key: &[u8; 32], iv: &[u8; 16]) -> Self {
        let cipher = cbc::Decryptor::new(key.into(), iv.into());
        Self { source, cipher, buffer: vec![0; 4 << 10], given: 0, ready: 0, filled: 0 }
    }

    /// Gets more; nothing is ready when it is called. `false` at the end.
    fn refill(&mut self) -> io::Result<bool> {
        if self.filled == self.buffer.len() && self.buffer.len() < BUFFER {
            self.buffer.resize(BUFFER, 0);
        }
        self.buffer.copy_within(self.ready..self.filled, 0);
        self.filled -= self.ready;
        (self.given, self.ready) = (0, 0);
        while self.filled < BLOCK {
            let count = self.source.read(&mut self.buffer[self.filled..])?;
            if count == 0 {
                return Ok(false);
            }
            self.filled += count;
        }
        self.ready = self.filled - self.filled % BLOCK;
        let (blocks, _) = blocks(&mut self.buffer[..self.ready]);
        self.cipher.decrypt_blocks(blocks);
        Ok(true)
    }
}

impl<R: Read> Read for CbcReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || (self.given == self.ready && !self.refill()?) {
            return Ok(0);
        }
        let count = buf.len().min(self.ready - self.given);
        buf[..count].copy_from_slice(&self.buffer[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}
