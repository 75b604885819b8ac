//! Where an archive is cut into volumes.

use crate::{Error, ErrorKind, Result};

/// Sizes of the first volumes in bytes, none of them 0; the last one repeats.
#[derive(Debug)]
pub(super) struct VolumeSizes(Vec<u64>);

impl VolumeSizes {
    /// [`ErrorKind::InvalidOption`] without sizes or with one of 0.
    pub(super) fn new(sizes: &[u64]) -> Result<Self> {
        if sizes.is_empty() || sizes.contains(&0) {
            return Err(Error::new(ErrorKind::InvalidOption, "a volume size of 0 bytes: give at least 1"));
        }
        Ok(Self(sizes.to_vec()))
    }

    /// The size of volume `number`, counted from 0.
    pub(super) fn of(&self, number: usize) -> u64 {
        self.0[number.min(self.0.len() - 1)]
    }
}
