//! Branch conversions: targets of calls and jumps, stored relative to the instruction, become absolute and back.
//!
//! A program calls the same function from many places; made absolute, these calls are equal bytes. Each conversion looks
//! at bytes alone and cannot know what is code, so it changes data that looks like a branch, too; all that matters is
//! that the way back finds the same places. It does, because no conversion changes the bits that it goes by, or else
//! undoes what it did to them (x86 and RISC-V, which are files of their own).
//!
//! `ENCODE` is the direction into the archive. `pc` is the position of the first byte in the stream, and wraps.

use super::scan::{EACH_HALF, skip, zero_halves};
use super::stream::Conversion;

/// Converts the front of the bytes, which are at `pc`; returns how many are done. The last argument is what x86 keeps
/// between calls, 0 in the beginning; no other CPU uses it.
pub(super) type Convert = fn(&mut [u8], u32, &mut u32) -> usize;

/// A CPU's conversion in one direction, somewhere in a stream.
pub(super) struct Branch {
    convert: Convert,
    /// The position of the next byte.
    pc: u32,
    state: u32,
}

impl Branch {
    pub(super) fn new(convert: Convert, start: u32) -> Self {
        Self { convert, pc: start, state: 0 }
    }
}

impl Conversion for Branch {
    fn convert(&mut self, bytes: &mut [u8]) -> usize {
        let done = (self.convert)(bytes, self.pc, &mut self.state);
        // A stream may be longer than 4 GiB; positions are not.
        self.pc = self.pc.wrapping_add(done as u32);
        done
    }
}

/// A target moved by `pc`: relative to absolute, or back.
#[inline(always)]
pub(super) fn moved<const ENCODE: bool>(target: u32, pc: u32) -> u32 {
    if ENCODE { target.wrapping_add(pc) } else { target.wrapping_sub(pc) }
}

/// Converts instruction by instruction, where all have four bytes. Every word is written, changed or not: without a
/// branch in the loop, the compiler takes several words at once.
#[inline(always)]
fn words<const BIG_ENDIAN: bool>(bytes: &mut [u8], pc: u32, instruction: impl Fn(u32, u32) -> u32) -> usize {
    let (words, tail) = bytes.as_chunks_mut::<4>();
    let mut pc = pc;
    for word in words {
        *word = if BIG_ENDIAN {
            instruction(u32::from_be_bytes(*word), pc).to_be_bytes()
        } else {
            instruction(u32::from_le_bytes(*word), pc).to_le_bytes()
        };
        pc = pc.wrapping_add(4);
    }
    let tail = tail.len();
    bytes.len() - tail
}

/// ARM: `BL`, always executed. The target counts words, from two instructions further.
pub(super) fn arm<const ENCODE: bool>(bytes: &mut [u8], pc: u32, _: &mut u32) -> usize {
    words::<false>(bytes, pc, |word, pc| {
        let target = moved::<ENCODE>(word << 2, pc.wrapping_add(8)) >> 2;
        if word >> 24 == 0xEB { 0xEB00_0000 | target & 0x00FF_FFFF } else { word }
    })
}

/// ARM64: `BL`, whose target counts words, and `ADRP`, whose target counts pages of 4 KiB.
///
/// `ADRP` has 21 bits for the page. Converted are pages within 512 MiB, which leaves three bits that must be equal on
/// both sides: data that is no code is hit less often.
pub(super) fn arm64<const ENCODE: bool>(bytes: &mut [u8], pc: u32, _: &mut u32) -> usize {
    words::<false>(bytes, pc, |word, pc| {
        let call = 0x9400_0000 | moved::<ENCODE>(word, pc >> 2) & 0x03FF_FFFF;
        // The two lowest bits are at 29, the others at 5.
        let page = word >> 29 & 3 | word >> 3 & 0x001F_FFFC;
        let near = page.wrapping_add(0x0002_0000) & 0x001C_0000 == 0;
        let target = moved::<ENCODE>(page, pc >> 12);
        let sign = (target & 0x0002_0000).wrapping_neg() & 0x00E0_0000;
        let load = word & 0x9000_001F | (target & 3) << 29 | (target & 0x0003_FFFC) << 3 | sign;
        if word >> 26 == 0x25 {
            call
        } else if word & 0x9F00_0000 == 0x9000_0000 && near {
            load
        } else {
            word
        }
    })
}

/// PowerPC, big endian: `bl`, relative. The target's two lowest bits are the instruction's flags.
pub(super) fn ppc<const ENCODE: bool>(bytes: &mut [u8], pc: u32, _: &mut u32) -> usize {
    words::<true>(bytes, pc, |word, pc| {
        let target = moved::<ENCODE>(word, pc) & 0x03FF_FFFC;
        if word & 0xFC00_0003 == 0x4800_0001 { 0x4800_0001 | target } else { word }
    })
}

/// SPARC: `call`, whose target counts words. Converted are targets of 23 bits with sign, so the upper bits are all equal
/// before and after.
pub(super) fn sparc<const ENCODE: bool>(bytes: &mut [u8], pc: u32, _: &mut u32) -> usize {
    words::<true>(bytes, pc, |word, pc| {
        let target = moved::<ENCODE>(word << 2, pc) >> 2;
        let sign = (target & 0x0040_0000).wrapping_neg() & 0x3FC0_0000;
        let near = matches!(word >> 22, 0x100 | 0x1FF);
        if near { 0x4000_0000 | sign | target & 0x003F_FFFF } else { word }
    })
}

/// ARM Thumb: `BL` as two halfwords, the upper and the lower eleven bits of a target that counts halfwords, from the
/// instruction after it.
pub(super) fn arm_thumb<const ENCODE: bool>(bytes: &mut [u8], pc: u32, _: &mut u32) -> usize {
    let upper_halves = |halves: u64| zero_halves(halves & (0xF800 * EACH_HALF) ^ (0xF000 * EACH_HALF));
    let mut at = 0;
    loop {
        at += skip(&bytes[at..], upper_halves);
        let Some(pair) = bytes[at..].first_chunk_mut::<4>() else { return at };
        let halves = u32::from_le_bytes(*pair);
        if halves & 0xF800_F800 == 0xF800_F000 {
            let target = (halves & 0x07FF) << 11 | halves >> 16 & 0x07FF;
            let next = pc.wrapping_add(at as u32).wrapping_add(4);
            let target = moved::<ENCODE>(target << 1, next) >> 1;
            *pair = (0xF800_F000 | target >> 11 & 0x07FF | (target & 0x07FF) << 16).to_le_bytes();
            at += 4;
        } else {
            at += 2;
        }
    }
}

/// IA-64: a bundle is 5 bits that say which of its slots do what, and three slots of 41 bits. By those 5 bits, the slots
/// in which there may be a branch.
const BRANCH_SLOTS: [u8; 32] =
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 6, 6, 0, 0, 7, 7, 4, 4, 0, 0, 4, 4, 0, 0];

/// IA-64: `br.call`, relative. The target counts bundles: twenty bits at 13, the sign at 36.
pub(super) fn ia64<const ENCODE: bool>(bytes: &mut [u8], pc: u32, _: &mut u32) -> usize {
    let (bundles, tail) = bytes.as_chunks_mut::<16>();
    let mut pc = pc;
    for bundle in bundles {
        let slots = BRANCH_SLOTS[usize::from(bundle[0] & 0x1F)];
        if slots != 0 {
            let mut bits = u128::from_le_bytes(*bundle);
            for slot in (0..3).filter(|slot| slots >> slot & 1 == 1) {
                let at = 5 + 41 * slot;
                let instruction = (bits >> at) as u64;
                if instruction >> 37 & 0xF == 5 && instruction >> 9 & 7 == 0 {
                    let target = instruction >> 13 & 0x000F_FFFF | instruction >> 16 & 0x0010_0000;
                    let target = u64::from(moved::<ENCODE>(target as u32, pc >> 4));
                    let converted = (target & 0x000F_FFFF) << 13 | (target & 0x0010_0000) << 16;
                    let changed = (instruction ^ converted) & (0x008F_FFFF << 13);
                    bits ^= u128::from(changed) << at;
                }
            }
            *bundle = bits.to_le_bytes();
        }
        pc = pc.wrapping_add(16);
    }
    let tail = tail.len();
    bytes.len() - tail
}
