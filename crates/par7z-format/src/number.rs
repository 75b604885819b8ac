//! The smallest parts of a header: numbers, bit vectors and a reader that cannot leave its bytes.
//!
//! Invariants: a [`Reader`] never reads behind its end, its position is always the offset in the bytes that the caller
//! passed (also in a part cut off with [`Reader::part`]), and nothing here allocates while reading.

use crate::{FormatError, FormatErrorKind};

/// Reads a byte string from front to back.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    /// All bytes up to this reader's end.
    bytes: &'a [u8],
    /// Offset of the next byte, at most `bytes.len()`.
    position: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Offset of the next byte.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Bytes that are left.
    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// The bytes that are left, without taking them.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }

    /// The bytes from `start`, a position seen earlier, up to the next one.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.bytes[start..self.position]
    }

    /// An error about the next byte.
    pub(crate) fn error(&self, kind: FormatErrorKind) -> FormatError {
        error_at(self.position, kind)
    }

    /// Takes `count` bytes.
    pub(crate) fn bytes(&mut self, count: u64) -> Result<&'a [u8], FormatError> {
        match usize::try_from(count) {
            Ok(count) if count <= self.remaining() => {
                let taken = &self.bytes[self.position..self.position + count];
                self.position += count;
                Ok(taken)
            }
            _ => Err(self.error(FormatErrorKind::UnexpectedEnd)),
        }
    }

    /// Takes `count` bytes and gives a reader of just these.
    pub(crate) fn part(&mut self, count: u64) -> Result<Self, FormatError> {
        let position = self.position;
        self.bytes(count)?;
        Ok(Self { bytes: &self.bytes[..self.position], position })
    }

    pub(crate) fn byte(&mut self) -> Result<u8, FormatError> {
        Ok(self.bytes(1)?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FormatError> {
        let taken = self.bytes(4)?;
        Ok(u32::from_le_bytes([taken[0], taken[1], taken[2], taken[3]]))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, FormatError> {
        let low = u64::from(self.u32()?);
        Ok(u64::from(self.u32()?) << 32 | low)
    }

    /// A 7z number: the count of leading one bits in the first byte is the count of bytes that follow (little endian);
    /// the bits behind the first zero bit are the value's highest.
    pub(crate) fn number(&mut self) -> Result<u64, FormatError> {
        let first = u64::from(self.byte()?);
        let mut value = 0;
        for index in 0..8 {
            let mask = 0x80 >> index;
            if first & mask == 0 {
                return Ok(value | (first & (mask - 1)) << (8 * index));
            }
            value |= u64::from(self.byte()?) << (8 * index);
        }
        Ok(value)
    }

    /// A number of things that each take at least one more byte of this reader: so at most as many as bytes are left,
    /// and a caller may allocate for them.
    pub(crate) fn count(&mut self) -> Result<usize, FormatError> {
        let start = self.position;
        let value = self.number()?;
        match usize::try_from(value) {
            Ok(count) if count <= self.remaining() => Ok(count),
            _ => Err(error_at(start, FormatErrorKind::UnexpectedEnd)),
        }
    }

    /// A vector of `count` bits, the highest bit of a byte first.
    pub(crate) fn bits(&mut self, count: usize) -> Result<Bits<'a>, FormatError> {
        let bytes = self.bytes(count.div_ceil(8) as u64)?;
        Ok(Bits { bytes: Some(bytes), count })
    }

    /// The same behind a byte that, if not 0, says that all bits are set and are left out.
    pub(crate) fn optional_bits(&mut self, count: usize) -> Result<Bits<'a>, FormatError> {
        if self.byte()? == 0 { self.bits(count) } else { Ok(Bits { bytes: None, count }) }
    }

    /// A list of CRC-32s, some of which may be missing.
    pub(crate) fn digests(&mut self, count: usize) -> Result<Digests<'a>, FormatError> {
        let defined = self.optional_bits(count)?;
        let values = self.part(4 * defined.count_ones() as u64)?;
        Ok(Digests { defined, values, index: 0 })
    }

    /// Skips data of an unknown kind: its size, then its bytes.
    pub(crate) fn skip_data(&mut self) -> Result<(), FormatError> {
        let size = self.number()?;
        self.bytes(size).map(drop)
    }
}

/// An error about the byte at `offset`.
pub(crate) fn error_at(offset: usize, kind: FormatErrorKind) -> FormatError {
    FormatError { offset: offset as u64, kind }
}

/// A bit vector as it lies in the header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bits<'a> {
    /// `None`: all bits are set.
    bytes: Option<&'a [u8]>,
    count: usize,
}

impl Bits<'_> {
    /// Whether bit `index` is set; none is behind the end.
    pub(crate) fn get(&self, index: usize) -> bool {
        index < self.count && self.bytes.is_none_or(|bytes| bytes[index / 8] & (0x80 >> (index % 8)) != 0)
    }

    pub(crate) fn count_ones(&self) -> usize {
        let Some(bytes) = self.bytes else { return self.count };
        let (whole, tail) = bytes.split_at(self.count / 8);
        let whole_ones: usize = whole.iter().map(|byte| byte.count_ones() as usize).sum();
        // The bits that fill up the last byte count for nothing.
        let tail_mask = !(0xFF_u8 >> (self.count % 8));
        whole_ones + tail.iter().map(|byte| (byte & tail_mask).count_ones() as usize).sum::<usize>()
    }
}

/// CRC-32s as they lie in the header, read one after the other.
#[derive(Debug)]
pub(crate) struct Digests<'a> {
    defined: Bits<'a>,
    /// Exactly four bytes for each one that is defined.
    values: Reader<'a>,
    index: usize,
}

impl Digests<'_> {
    /// The next one: `None` if the header leaves it out (or has no more).
    pub(crate) fn next_crc(&mut self) -> Option<u32> {
        self.index += 1;
        if self.defined.get(self.index - 1) { self.values.u32().ok() } else { None }
    }
}

/// Appends a 7z number in its shortest form.
pub(crate) fn push_number(out: &mut Vec<u8>, value: u64) {
    let mut extra_bytes = 0;
    while extra_bytes < 8 && value >> (7 * (extra_bytes + 1)) != 0 {
        extra_bytes += 1;
    }
    let length_bits = !(0xFF_u16 >> extra_bytes) as u8;
    let high_bits = if extra_bytes < 8 { (value >> (8 * extra_bytes)) as u8 } else { 0 };
    out.push(length_bits | high_bits);
    out.extend_from_slice(&value.to_le_bytes()[..extra_bytes]);
}

/// Appends a bit vector, the highest bit of a byte first.
pub(crate) fn push_bits(out: &mut Vec<u8>, bits: impl Iterator<Item = bool>) {
    let mut used = 8;
    for bit in bits {
        if used == 8 {
            out.push(0);
            used = 0;
        }
        if let Some(last) = out.last_mut() {
            *last |= u8::from(bit) << (7 - used);
        }
        used += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        push_number(&mut out, value);
        out
    }

    #[test]
    fn numbers_have_their_documented_forms() {
        assert_eq!(written(0), [0]);
        assert_eq!(written(0x7F), [0x7F]);
        assert_eq!(written(0x80), [0x80, 0x80]);
        assert_eq!(written(0x3FFF), [0xBF, 0xFF]);
        assert_eq!(written(0x4000), [0xC0, 0x00, 0x40]);
        assert_eq!(written((1 << 56) - 1), [0xFE, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(written(1 << 56), [0xFF, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(written(u64::MAX), [255; 9]);
    }

    #[test]
    fn a_number_may_be_longer_than_needed() {
        assert_eq!(Reader::new(&[0xC0, 5, 0]).number().unwrap(), 5);
        assert_eq!(Reader::new(&[0xFF, 5, 0, 0, 0, 0, 0, 0, 0]).number().unwrap(), 5);
    }

    #[test]
    fn the_end_is_an_error_with_its_offset() {
        let mut reader = Reader::new(&[1, 0xC0, 2]);
        reader.byte().unwrap();
        assert_eq!(reader.number().unwrap_err(), error_at(3, FormatErrorKind::UnexpectedEnd));
        let mut reader = Reader::new(&[0, 9, 1, 2]);
        reader.byte().unwrap();
        assert_eq!(reader.count().unwrap_err(), error_at(1, FormatErrorKind::UnexpectedEnd));
        assert!(reader.bytes(u64::MAX).is_err());
    }

    #[test]
    fn padding_bits_do_not_count() {
        let bits = Reader::new(&[0b1010_0000, 0xFF]).bits(9).unwrap();
        assert_eq!(bits.count_ones(), 3);
        assert!(bits.get(0) && !bits.get(1) && bits.get(8) && !bits.get(9));
        assert_eq!(Reader::new(&[]).bits(0).unwrap().count_ones(), 0);
        assert_eq!(Reader::new(&[1]).optional_bits(77).unwrap().count_ones(), 77);
    }

    #[test]
    fn too_few_bytes_for_a_bit_vector() {
        assert!(Reader::new(&[0; 4]).bits(33).is_err());
        assert!(Reader::new(&[0; 4]).bits(usize::MAX).is_err());
        assert!(Reader::new(&[1, 0, 0]).digests(usize::MAX / 8).is_err());
    }

    proptest! {
        #[test]
        fn numbers_round_trip(value: u64, shift in 0_u32..64) {
            let value = value >> shift;
            let bytes = written(value);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.number().unwrap(), value);
            prop_assert_eq!(reader.remaining(), 0);
        }

        #[test]
        fn bits_round_trip(bits: Vec<bool>) {
            let mut bytes = Vec::new();
            push_bits(&mut bytes, bits.iter().copied());
            let read = Reader::new(&bytes).bits(bits.len()).unwrap();
            prop_assert_eq!(read.count_ones(), bits.iter().filter(|bit| **bit).count());
            prop_assert!(bits.iter().enumerate().all(|(index, bit)| read.get(index) == *bit));
        }
    }
}
