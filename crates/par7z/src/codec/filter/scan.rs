//! Looking for opcodes in eight bytes at a time: most bytes of a program are none.

/// Times a byte: that byte eight times.
pub(super) const EACH_BYTE: u64 = 0x0101_0101_0101_0101;

/// Times a halfword: that halfword four times.
pub(super) const EACH_HALF: u64 = 0x0001_0001_0001_0001;

/// The highest bit of the bytes that are 0. Above the lowest of them, a borrow may add others: only the lowest is sure.
#[inline(always)]
pub(super) fn zero_bytes(bytes: u64) -> u64 {
    bytes.wrapping_sub(EACH_BYTE) & !bytes & (0x80 * EACH_BYTE)
}

/// The same for halfwords, of which the lower byte is marked.
#[inline(always)]
pub(super) fn zero_halves(halves: u64) -> u64 {
    (halves.wrapping_sub(EACH_HALF) & !halves & (0x8000 * EACH_HALF)) >> 8
}

/// How many bytes come before the first one that `found` marks, given eight bytes of which the first is the lowest. Less
/// than eight bytes at the end are not looked at, and not counted.
#[inline(always)]
pub(super) fn skip(bytes: &[u8], found: impl Fn(u64) -> u64) -> usize {
    let (groups, _) = bytes.as_chunks::<8>();
    for (index, group) in groups.iter().enumerate() {
        let found = found(u64::from_le_bytes(*group));
        if found != 0 {
            return 8 * index + found.trailing_zeros() as usize / 8;
        }
    }
    8 * groups.len()
}
