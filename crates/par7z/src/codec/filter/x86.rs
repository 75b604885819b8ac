//! The branch conversion of x86: the 32-bit operands of `CALL` (E8) and `JMP` (E9).
//!
//! Instructions have any length, so every byte may be an opcode. Three rules keep false ones down and the way back open:
//!
//! - An operand is converted if its highest byte, the *sign*, is 00 or FF: then the target is within 16 MiB. It is
//!   written back with 25 bits, so that the sign is 00 or FF again.
//! - An opcode that was *passed*, not converted, casts doubt on the three bytes behind it: an opcode there lies in what
//!   may be the passed one's operand. With more than one passed opcode so near, or with one whose sign is 00 or FF all
//!   the same, it is passed, too.
//! - With one passed opcode near, the conversion must not make that one's sign, which is inside the operand, 00 or FF:
//!   the way back would take it for doubtful. If it would, all bits up to there are inverted and the address is added
//!   once more; then that byte is the original one, inverted, and so neither.

use super::branch::moved;
use super::scan::{EACH_BYTE, skip, zero_bytes};

/// An opcode and its operand.
const BRANCH_BYTES: usize = 5;

/// The opcodes passed in the last three bytes: bit 0 for the last byte, bit 1 for the one before.
const PASSED_MASK: u32 = 7;

/// Whether a byte is the sign of a near target.
#[inline(always)]
fn is_sign(byte: u8) -> bool {
    matches!(byte, 0x00 | 0xFF)
}

/// How many bytes come before the first opcode; all of them, if there is none.
#[inline(always)]
fn skip_to_opcode(bytes: &[u8]) -> usize {
    let skipped = skip(bytes, |bytes| zero_bytes(bytes & (0xFE * EACH_BYTE) ^ (0xE8 * EACH_BYTE)));
    skipped + bytes[skipped..].iter().take_while(|byte| **byte & 0xFE != 0xE8).count()
}

/// The operand of the opcode before `next`, converted; `None` if it is passed.
#[inline(always)]
fn convert_operand<const ENCODE: bool>(operand: [u8; 4], next: u32, passed: u32) -> Option<[u8; 4]> {
    if !is_sign(operand[3]) {
        return None;
    }
    let source = u32::from_le_bytes(operand);
    let mut target = moved::<ENCODE>(source, next);
    if passed != 0 {
        // The passed opcode's sign is the byte of the operand at this index.
        let index = 2 - passed.trailing_zeros() as usize;
        if !passed.is_power_of_two() || is_sign(operand[index]) {
            return None;
        }
        if is_sign(target.to_le_bytes()[index]) {
            let inverted = target ^ ((0x100 << (8 * index)) - 1);
            target = moved::<ENCODE>(inverted, next);
        }
    }
    let sign = (target >> 24 & 1).wrapping_neg();
    Some((target & 0x00FF_FFFF | sign << 24).to_le_bytes())
}

/// `passed` is kept between calls: see [`PASSED_MASK`], relative to the first byte.
pub(super) fn x86<const ENCODE: bool>(bytes: &mut [u8], pc: u32, passed: &mut u32) -> usize {
    let Some(last) = bytes.len().checked_sub(BRANCH_BYTES) else { return 0 };
    let mut at = 0;
    while at <= last {
        let skipped = skip_to_opcode(&bytes[at..=last]);
        *passed = if skipped < 3 { *passed << skipped & PASSED_MASK } else { 0 };
        at += skipped;
        if at > last {
            break;
        }
        let next = pc.wrapping_add((at + BRANCH_BYTES) as u32);
        let Some(operand) = bytes[at + 1..].first_chunk_mut::<4>() else { break };
        if let Some(converted) = convert_operand::<ENCODE>(*operand, next, *passed) {
            *operand = converted;
            *passed = 0;
            at += BRANCH_BYTES;
        } else {
            *passed = (*passed << 1 | 1) & PASSED_MASK;
            at += 1;
        }
    }
    at
}
