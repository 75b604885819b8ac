//! Passwords and keys: wiped when dropped, never printed.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password. Wiped from memory when dropped; its `Debug` shows nothing of it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Password(String);

impl Password {
    /// Takes the text over; no copy stays behind in par7z.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// UTF-16LE bytes, what 7-Zip derives keys from.
    pub(crate) fn utf16le(&self) -> zeroize::Zeroizing<Vec<u8>> {
        // Exact capacity: a growing Vec would leave unwiped copies behind.
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(self.0.encode_utf16().count() * 2));
        for unit in self.0.encode_utf16() {
            bytes.extend_from_slice(&unit.to_le_bytes());
        }
        bytes
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A raw AES-256 key. Wiped from memory when dropped; its `Debug` shows nothing of it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    /// The 32 bytes of the key.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}
