//! The three numbers that decoder and encoder must agree on, and how `.7z`, `.lzma` and LZMA2 store them.

use core::fmt;

/// Literal context, literal position and position bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Properties {
    /// High bits of the byte before that choose the literal's probabilities, 0 to 8 (LZMA2: `lc + lp` at most 4).
    pub lc: u32,
    /// Low bits of the position that choose the literal's probabilities, 0 to 4.
    pub lp: u32,
    /// Low bits of the position that choose other probabilities, 0 to 4.
    pub pb: u32,
}

impl Default for Properties {
    fn default() -> Self {
        Self { lc: 3, lp: 0, pb: 2 }
    }
}

/// Properties that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PropertiesError;

impl fmt::Display for PropertiesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LZMA properties out of range: lc is 0 to 8, lp and pb are 0 to 4, and in LZMA2 lc + lp at most 4")
    }
}

impl core::error::Error for PropertiesError {}

impl Properties {
    /// Whether each is in its range.
    ///
    /// # Errors
    /// [`PropertiesError`] if not.
    pub fn checked(self) -> Result<Self, PropertiesError> {
        if self.lc <= 8 && self.lp <= 4 && self.pb <= 4 { Ok(self) } else { Err(PropertiesError) }
    }

    /// The same for LZMA2.
    ///
    /// # Errors
    /// [`PropertiesError`] if not.
    pub fn checked_for_lzma2(self) -> Result<Self, PropertiesError> {
        let checked = self.checked()?;
        if checked.lc + checked.lp <= 4 { Ok(checked) } else { Err(PropertiesError) }
    }

    /// Their byte: `(pb * 5 + lp) * 9 + lc`.
    pub fn to_byte(self) -> u8 {
        ((self.pb * 5 + self.lp) * 9 + self.lc) as u8
    }

    /// From their byte.
    ///
    /// # Errors
    /// [`PropertiesError`] for a byte above 224.
    pub fn from_byte(byte: u8) -> Result<Self, PropertiesError> {
        let byte = u32::from(byte);
        Self { lc: byte % 9, lp: byte / 9 % 5, pb: byte / 45 }.checked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_its_properties() {
        for byte in 0..=224 {
            assert_eq!(Properties::from_byte(byte).map(Properties::to_byte), Ok(byte));
        }
        assert!((225..=255).all(|byte| Properties::from_byte(byte).is_err()));
        assert_eq!(Properties::default().to_byte(), 0x5D);
    }
}
