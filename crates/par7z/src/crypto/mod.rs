//! 7zAES: key derivation, AES-256-CBC, secrets. Always compiled in.
//!
//! Invariants: a key exists only inside [`Zeroizing`] or a cipher that wipes itself; a key is derived once for each
//! (rounds, salt) of a run, however many threads ask; the work of a derivation is checked against the limit before it
//! begins; every stream of an archive has its own IV.

mod cbc;
mod kdf;
mod secret;

pub(crate) use cbc::{CbcEncryptor, CbcReader};
pub use secret::{Key, Password};

use crate::{Error, ErrorKind, ReadLimits, Result, Secret};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use zeroize::Zeroizing;

/// The cycle power that means: no derivation, the secret is the key.
const CYCLES_RAW: u8 = 0x3F;
/// What 7-Zip writes for passwords.
const CYCLES_WRITTEN: u8 = 19;
/// Keys kept at the most: an archive whose streams all have another salt must not fill the memory.
const KEYS_KEPT: usize = 1024;

type DerivedKey = Zeroizing<[u8; 32]>;
/// Rounds as a power of two, and the salt.
type KeyId = (u8, Vec<u8>);

/// Derives keys from the secret of a run, each (cycles, salt) once.
pub(crate) struct KeyRing {
    secret: Option<Secret>,
    /// The lock is held to find a slot, not to derive: other salts go on, and those who want this one wait for the slot.
    keys: Mutex<HashMap<KeyId, Arc<OnceLock<DerivedKey>>>>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("secret", &self.secret).finish_non_exhaustive()
    }
}

impl KeyRing {
    pub(crate) fn new(secret: Option<Secret>) -> Self {
        Self { secret, keys: Mutex::default() }
    }

    /// The AES key for these 7zAES properties. Derived on first use, then kept; safe to call from many threads.
    /// Errors: PasswordRequired without a secret; WrongPassword if the archive wants a password and the secret is a key;
    /// LimitExceeded above `limits.key_rounds_log2`.
    pub(crate) fn key(&self, properties: &AesProperties, limits: &ReadLimits) -> Result<DerivedKey> {
        let Some(secret) = &self.secret else {
            return Err(Error::new(ErrorKind::PasswordRequired, "encrypted: a password or key is needed"));
        };
        let (cycles, salt) = (properties.cycles_log2, &properties.salt);
        let password = match secret {
            Secret::Key(key) if cycles == CYCLES_RAW && salt.is_empty() => return Ok(Zeroizing::new(*key.bytes())),
            Secret::Key(_) => {
                let what = "the archive was encrypted with a password, not with a raw key";
                return Err(Error::new(ErrorKind::WrongPassword, what));
            }
            Secret::Password(password) => password,
        };
        if cycles != CYCLES_RAW && u32::from(cycles) > limits.key_rounds_log2 {
            let limit = limits.key_rounds_log2;
            let what = format!("the key asks for 2^{cycles} rounds, the limit is 2^{limit}");
            return Err(Error::new(ErrorKind::LimitExceeded, what));
        }
        let slot = {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            if keys.len() >= KEYS_KEPT {
                keys.clear();
            }
            Arc::clone(keys.entry((cycles, salt.clone())).or_default())
        };
        Ok(slot.get_or_init(|| kdf::derive(&password.utf16le(), salt, cycles)).clone())
    }
}

/// 7zAES's stored parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AesProperties {
    /// Rounds as a power of two; 63 means that the secret is the key.
    pub(crate) cycles_log2: u8,
    /// 0 to 16 bytes.
    pub(crate) salt: Vec<u8>,
    /// Padded with zeros to 16.
    pub(crate) iv: [u8; 16],
}

impl AesProperties {
    /// What is written for a secret: 2^19 rounds for a password, 63 for a raw key; no salt; the whole IV.
    pub(crate) fn for_writing(secret: &Secret, iv: [u8; 16]) -> Self {
        let cycles_log2 = match secret {
            Secret::Password(_) => CYCLES_WRITTEN,
            Secret::Key(_) => CYCLES_RAW,
        };
        Self { cycles_log2, salt: Vec::new(), iv }
    }

    /// Reads them. Byte 0: cycles, and in the top bits whether there are a salt (0x80) and an IV (0x40). Byte 1, if
    /// either is there: one less than their lengths, salt in the high half. Then both.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let malformed = || Error::new(ErrorKind::Unsupported, "unsupported 7zAES properties");
        let mut parsed = Self { cycles_log2: 0, salt: Vec::new(), iv: [0; 16] };
        let Some((&first, rest)) = bytes.split_first() else { return Ok(parsed) };
        parsed.cycles_log2 = first & 0x3F;
        let (&lengths, rest) = match (first & 0xC0, rest.split_first()) {
            (0, None) => return Ok(parsed),
            (0, Some(_)) | (_, None) => return Err(malformed()),
            (_, Some(split)) => split,
        };
        let salt_len = usize::from(first >> 7) + usize::from(lengths >> 4);
        let iv_len = usize::from(first >> 6 & 1) + usize::from(lengths & 0x0F);
        if rest.len() != salt_len + iv_len {
            return Err(malformed());
        }
        let (salt, iv) = rest.split_at(salt_len);
        parsed.salt = salt.to_vec();
        parsed.iv[..iv_len].copy_from_slice(iv);
        Ok(parsed)
    }

    /// Writes them, with the whole IV.
    pub(crate) fn emit(&self) -> Vec<u8> {
        let salt_len = self.salt.len().min(16);
        let mut bytes = Vec::with_capacity(2 + salt_len + 16);
        bytes.push(self.cycles_log2 & 0x3F | 0x40 | if salt_len > 0 { 0x80 } else { 0 });
        bytes.push((salt_len.saturating_sub(1) as u8) << 4 | 0x0F);
        bytes.extend_from_slice(&self.salt[..salt_len]);
        bytes.extend_from_slice(&self.iv);
        bytes
    }
}

/// What the IVs of runs are derived from instead of being random: 16 bytes, and the number of runs that began with them.
///
/// Clones share that number. The first run derives its IVs from the bytes alone, so that equal input gives equal bytes;
/// each later one mixes its number in, so that no IV comes twice with a key, however many runs are started with clones of
/// the same options.
///
/// Two seeds made of the same bytes know nothing of each other: with one key, make one seed of them, or never encrypt
/// different content.
#[derive(Debug, Clone)]
pub struct IvSeed {
    bytes: [u8; 16],
    runs: Arc<AtomicU64>,
}

impl IvSeed {
    /// A seed that no run has used.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self { bytes, runs: Arc::default() }
    }
}

impl From<[u8; 16]> for IvSeed {
    fn from(bytes: [u8; 16]) -> Self {
        Self::new(bytes)
    }
}

/// Gives each folder of a run its IV: random, or derived from the caller's seed.
pub(crate) struct IvSource {
    /// The seed's bytes and the number of the run, from 0, among those with this seed.
    seed: Option<([u8; 16], u64)>,
}

impl IvSource {
    /// Begins a run, which the seed counts.
    pub(crate) fn new(seed: Option<&IvSeed>) -> Self {
        Self { seed: seed.map(|seed| (seed.bytes, seed.runs.fetch_add(1, Ordering::Relaxed))) }
    }

    /// The IV of stream `number` (every number is used once). Random without a seed; with one, SHA-256 over a domain
    /// label, the seed, from the second run on the run's number, and the stream's number, cut to 16 bytes.
    pub(crate) fn iv(&self, number: u128) -> Result<[u8; 16]> {
        let mut iv = [0; 16];
        match self.seed {
            None => getrandom::fill(&mut iv)
                .map_err(|e| Error::new(ErrorKind::Io, format!("no random bytes from the system: {e}")))?,
            Some((seed, run)) => {
                let mut digest = Sha256::new();
                match run {
                    0 => digest.update(b"par7z folder iv"),
                    // Another label: what is hashed for a later run never equals what is hashed for the first.
                    _ => digest.update(b"par7z folder iv of a later run"),
                }
                digest.update(seed);
                if run > 0 {
                    digest.update(run.to_le_bytes());
                }
                digest.update(number.to_le_bytes());
                iv.copy_from_slice(&digest.finalize()[..16]);
            }
        }
        Ok(iv)
    }
}

#[cfg(test)]
mod tests;
