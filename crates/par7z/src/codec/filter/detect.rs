//! Which filter suits a file, from its first bytes, by 7-Zip's rules.
//!
//! Every field is read through [`Head`], which knows no out-of-range: heads may be short, cut or hostile.

use crate::Filter;

/// The first bytes of a file; a field beyond them is `None`.
#[derive(Clone, Copy)]
struct Head<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Head<'_> {
    fn u16(self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

/// The filter that 7-Zip would give a file that begins so (`head`: its first 4 KiB or all), if it is an executable (the
/// branch filter of its CPU) or uncompressed sound (Delta over one sample of all channels).
pub(crate) fn detect_filter(head: &[u8]) -> Option<Filter> {
    let little = Head { bytes: head, big_endian: false };
    match head.first_chunk::<4>()? {
        [b'M', b'Z', ..] => portable_executable(little),
        b"\x7FELF" => elf(head),
        [0xFE, 0xED, 0xFA, 0xCE | 0xCF] => mach_o(Head { big_endian: true, ..little }),
        [0xCE | 0xCF, 0xFA, 0xED, 0xFE] => mach_o(little),
        b"RIFF" => wave(little),
        _ => None,
    }
}

fn portable_executable(head: Head<'_>) -> Option<Filter> {
    let pe = head.u32(0x3C)? as usize;
    if pe >= 0x1000 || !pe.is_multiple_of(8) || head.u32(pe)? != u32::from_le_bytes(*b"PE\0\0") {
        return None;
    }
    match head.u16(pe + 4)? {
        0x014C | 0x8664 => Some(Filter::BcjX86),
        0xAA64 => Some(Filter::Arm64),
        0x01C0 | 0x01C2 => Some(Filter::Arm),
        0x01C4 => Some(Filter::ArmThumb),
        0x0200 => Some(Filter::Ia64),
        _ => None,
    }
}

fn elf(bytes: &[u8]) -> Option<Filter> {
    let big_endian = match (bytes.get(4)?, bytes.get(5)?) {
        (1 | 2, 1) => false,
        (1 | 2, 2) => true,
        _ => return None,
    };
    let head = Head { bytes, big_endian };
    match head.u16(18)? {
        3 | 6 | 62 => Some(Filter::BcjX86),
        2 | 18 | 43 => Some(Filter::Sparc),
        20 | 21 if big_endian => Some(Filter::PowerPc),
        40 if !big_endian => Some(Filter::Arm),
        183 if !big_endian => Some(Filter::Arm64),
        // 7-Zip 26 has no ELF case for these two, though it has the filters; reading RISC-V needs 7-Zip 24 or later.
        50 if !big_endian => Some(Filter::Ia64),
        243 if !big_endian => Some(Filter::RiscV),
        _ => None,
    }
}

fn mach_o(head: Head<'_>) -> Option<Filter> {
    // The top byte says 64-bit.
    match (head.u32(4)? & 0x00FF_FFFF, head.big_endian) {
        (7, _) => Some(Filter::BcjX86),
        (12, false) if head.u32(4)? >> 24 == 1 => Some(Filter::Arm64),
        (12, false) => Some(Filter::Arm),
        (14, true) => Some(Filter::Sparc),
        (18, true) => Some(Filter::PowerPc),
        _ => None,
    }
}

/// PCM in a RIFF file: Delta over the bytes of one sample of all channels.
fn wave(head: Head<'_>) -> Option<Filter> {
    if head.bytes.get(8..16)? != b"WAVEfmt " || head.u32(16)? < 16 || head.u16(20)? != 1 {
        return None;
    }
    let (channels, bits) = (u32::from(head.u16(22)?), u32::from(head.u16(34)?));
    if bits == 0 || !bits.is_multiple_of(8) || bits > 32 {
        return None;
    }
    let distance = channels * bits / 8;
    (1..=256).contains(&distance).then_some(Filter::Delta { distance })
}
