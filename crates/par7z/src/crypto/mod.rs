//! 7zAES: key derivation, AES-256-CBC, secrets. Always compiled in.

mod secret;

pub use secret::{Key, Password};

use crate::{Error, ErrorKind, ReadLimits, Result, Secret};
use zeroize::Zeroizing;

/// Derives keys from the secret of a run, each (cycles, salt) once.
#[derive(Debug)]
pub(crate) struct KeyRing {
    secret: Option<Secret>,
}

impl KeyRing {
    pub(crate) fn new(secret: Option<Secret>) -> Self {
        Self { secret }
    }

    /// The AES key for these 7zAES properties. Derived on first use, then kept; safe to call from many threads.
    /// Errors: PasswordRequired without a secret; LimitExceeded above `limits.key_rounds_log2`; CorruptHeader if malformed.
    pub(crate) fn key(&self, properties: &AesProperties, limits: &ReadLimits) -> Result<Zeroizing<[u8; 32]>> {
        let _ = (properties, limits, &self.secret);
        Err(Error::new(ErrorKind::Unsupported, "stub"))
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
        let _ = secret;
        Self { cycles_log2: 19, salt: Vec::new(), iv }
    }
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let _ = bytes;
        unimplemented!()
    }
    pub(crate) fn emit(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// AES-256-CBC, encrypting in place.
pub(crate) struct CbcEncryptor {}

impl CbcEncryptor {
    pub(crate) fn new(key: &[u8; 32], iv: &[u8; 16]) -> Self {
        let _ = (key, iv);
        Self {}
    }
    /// Encrypts whole blocks in place. `data.len()` is a multiple of 16.
    pub(crate) fn encrypt(&mut self, data: &mut [u8]) {
        let _ = data;
    }
}

/// Gives each folder its IV: random, or derived from the caller's.
pub(crate) struct IvSource {
    seed: Option<[u8; 16]>,
}

impl IvSource {
    pub(crate) fn new(seed: Option<[u8; 16]>) -> Self {
        Self { seed }
    }
    /// The IV of stream `number` (every number is used once). Random without a seed; with one, SHA-256 over a domain
    /// label, the seed and the number, cut to 16 bytes.
    pub(crate) fn iv(&self, number: u128) -> Result<[u8; 16]> {
        let _ = (number, self.seed);
        Ok([0; 16])
    }
}
