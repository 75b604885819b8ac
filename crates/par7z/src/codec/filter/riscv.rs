//! The branch conversion of RISC-V, as xz defined it and 7-Zip took it over: `JAL`, and pairs that begin with `AUIPC`.
//!
//! A *pair* is `AUIPC` with the upper twenty bits of an address, and the instruction behind it, which reads the register
//! (a jump, a load, a store, an addition) and has the lower twelve bits. Encoded, it is *packed*: the address in one
//! big-endian number, and before it the rest of the second instruction in an `AUIPC` of x2, which no compiler makes.
//!
//! | | bits 0 to 6 | 7 to 11 | 12 to 31 | 32 to 63 |
//! |---|---|---|---|---|
//! | pair | `AUIPC` | register | upper 20 | second instruction, its upper 12 bits the lower ones of the address |
//! | packed | `AUIPC` | x2 | the second's lower 20 | address |
//!
//! What looks packed before it is encoded is exchanged for the pair that it would be read as, without a position added;
//! so the way back knows all that is packed. Both directions step over what they leave alone by the same lengths.

use super::branch::moved;
use super::scan::{EACH_HALF, skip, zero_halves};

/// An `AUIPC` and the instruction behind it: what must be there to convert anything.
const PAIR_BYTES: usize = 8;

/// `JAL` with an odd `rd`.
const JAL: u8 = 0xEF;

/// `AUIPC` with `rd` 0.
const AUIPC: u32 = 0x17;

/// `AUIPC` of x2, the beginning of what is packed.
const PACKED: u32 = AUIPC | 2 << 7;

pub(super) fn riscv<const ENCODE: bool>(bytes: &mut [u8], pc: u32, _: &mut u32) -> usize {
    let opcodes = |halves: u64| {
        let auipc = halves & (0x7F * EACH_HALF) ^ (u64::from(AUIPC) * EACH_HALF);
        let jal = halves & (0xFF * EACH_HALF) ^ (u64::from(JAL) * EACH_HALF);
        zero_halves(auipc) | zero_halves(jal)
    };
    let mut at = 0;
    loop {
        at += skip(&bytes[at..], opcodes);
        let Some(pair) = bytes[at..].first_chunk_mut::<PAIR_BYTES>() else { return at };
        let pc = pc.wrapping_add(at as u32);
        at += if pair[0] == JAL { jal::<ENCODE>(pair, pc) } else { auipc::<ENCODE>(pair, pc) };
    }
}

/// `JAL` to x1 or x5, a call: its 20 bits become the address in big-endian order. Returns the length to go on by.
#[inline(always)]
fn jal<const ENCODE: bool>(pair: &mut [u8; PAIR_BYTES], pc: u32) -> usize {
    let [first, second, third, fourth, ..] = *pair;
    if second & 0x0D != 0 {
        return 2;
    }
    // The CPU has, from bit 31 down, the address bits 20, 10 to 1, 11, 19 to 12.
    let (upper, middle, lower) = if ENCODE {
        let word = u32::from_le_bytes([first, second, third, fourth]);
        let target = word >> 11 & 0x0010_0000 | word & 0x000F_F000 | word >> 9 & 0x0800 | word >> 20 & 0x07FE;
        let [_, upper, middle, lower] = (moved::<true>(target, pc) >> 1).to_be_bytes();
        (upper << 4, middle, lower)
    } else {
        let target = u32::from_be_bytes([0, second >> 4, third, fourth]) << 1;
        let target = moved::<false>(target, pc);
        let word =
            (target & 0x0010_0000) << 11 | target & 0x000F_F000 | (target & 0x0800) << 9 | (target & 0x07FE) << 20;
        let [_, upper, middle, lower] = word.to_le_bytes();
        (upper, middle, lower)
    };
    pair[1] = second & 0x0F | upper & 0xF0;
    pair[2] = middle;
    pair[3] = lower;
    4
}

/// `AUIPC` and what follows. Returns the length to go on by.
#[inline(always)]
fn auipc<const ENCODE: bool>(pair: &mut [u8; PAIR_BYTES], pc: u32) -> usize {
    let [one, two, three, four, rest @ ..] = *pair;
    let word = u32::from_le_bytes([one, two, three, four]);
    let (first, second) = if word & 0x0E80 != 0 {
        // `rd` is neither x0 nor x2. The next instruction is of four bytes and reads it?
        let second = u32::from_le_bytes(rest);
        if (word << 8 ^ second) & 0x000F_8003 != 3 {
            return 6;
        }
        let upper = word & 0xFFFF_F000;
        let address = if ENCODE {
            let low = (second as i32 >> 20) as u32;
            moved::<true>(upper.wrapping_add(low), pc).to_be_bytes()
        } else {
            // What looked packed before it was encoded.
            (upper | second >> 20).to_le_bytes()
        };
        (PACKED | second << 12, address)
    } else {
        // The second's `rs1` becomes the `rd`: not x0 or x2, or the way back would not take it for a pair.
        let rs1 = word >> 27;
        if word & 0x3FFF != PACKED | 3 << 12 || rs1 & 0x1D == 0 {
            return 4;
        }
        let (upper, low) = if ENCODE {
            let address = u32::from_le_bytes(rest);
            (address & 0xFFFF_F000, address)
        } else {
            let address = moved::<false>(u32::from_be_bytes(rest), pc);
            // The lower twelve bits have a sign.
            (address.wrapping_add(0x0800) & 0xFFFF_F000, address)
        };
        (AUIPC | rs1 << 7 | upper, (word >> 12 | low << 20).to_le_bytes())
    };
    *pair = (u64::from(u32::from_le_bytes(second)) << 32 | u64::from(first)).to_le_bytes();
    8
}
