//! Options of writing, opening and extracting: types, checked when set, never clamped.

mod method;
mod read;
mod write;

pub use method::{
    Bzip2Params, DeflateParams, Filter, FilterChoice, LzmaMatchFinder, LzmaMode, LzmaParams, Method, PpmdParams,
};
pub use read::{ExtractOptions, OpenOptions, Overwrite, OverwriteAnswer, OverwriteQuestion, PathMode, ReadLimits};
pub use write::{Encryption, ErrorPolicy, Order, Solid, Stragglers, TimeChoice, WriteOptions};

use crate::crypto::{Key, Password};
use crate::{Error, ErrorKind, Result};
use std::fmt;
use std::num::NonZeroU32;

/// How many threads compress (or unpack).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Threads {
    /// As many as the machine has cores.
    #[default]
    Auto,
    /// That many, 1 to 256.
    Count(NonZeroU32),
}

impl Threads {
    /// The most threads a run may have.
    pub const MAX: u32 = 256;

    /// `count` threads; 0 means one per core.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] if `count` is over 256.
    pub fn new(count: u32) -> Result<Self> {
        match NonZeroU32::new(count) {
            None => Ok(Self::Auto),
            Some(count) if count.get() <= Self::MAX => Ok(Self::Count(count)),
            Some(count) => Err(invalid(format!("{count} threads: the range is 1 to {}, 0 = one per core", Self::MAX))),
        }
    }

    /// The number this machine gets.
    pub fn resolve(self) -> usize {
        match self {
            Self::Auto => std::thread::available_parallelism().map_or(1, |n| n.get().min(Self::MAX as usize)),
            Self::Count(count) => count.get() as usize,
        }
    }
}

/// Password or raw key.
#[derive(Clone)]
pub enum Secret {
    /// A password: 7-Zip's key derivation (SHA-256, 2^19 rounds).
    Password(Password),
    /// The AES-256 key itself (7zAES with cycle power 63 and no salt). Opens in stock 7-Zip when the 32 bytes are 16
    /// UTF-16LE characters, with these as the password.
    Key(Key),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(..)",
            Self::Key(_) => "Key(..)",
        })
    }
}
fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOption, message)
}

fn check_range(what: &str, value: u32, min: u32, max: u32) -> Result<()> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(invalid(format!("{what} is {value}: the range is {min} to {max}")))
}
