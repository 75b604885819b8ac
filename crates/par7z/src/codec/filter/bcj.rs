//! The branch filters as methods: ids, start positions, the table of CPUs. What they do is in [`branch`](super::branch).
//!
//! A tail that is shorter than an instruction passes unchanged, as in 7-Zip.

use super::super::registry::{Opening, id, unsupported_properties};
use super::super::{BoxRead, FilterEncoder};
use super::branch::{Branch, Convert, arm, arm_thumb, arm64, ia64, ppc, sparc};
use super::riscv::riscv;
use super::stream::{FilterReader, FilterWriter, READER_MEMORY_BYTES};
use super::x86::x86;
use crate::Result;

/// The filter of a CPU.
pub(super) struct Cpu {
    pub(super) method: u64,
    /// Its id in the xz family, with which a start position may be stored. The newer ones have no other id.
    positioned: u64,
    /// Start positions are multiples of it.
    pub(super) alignment: u32,
    pub(super) encode: Convert,
    pub(super) decode: Convert,
}

#[rustfmt::skip]
pub(super) static CPUS: [Cpu; 8] = [
    Cpu { method: id::BCJ_X86, positioned: 0x04, alignment: 1, encode: x86::<true>, decode: x86::<false> },
    Cpu { method: id::PPC, positioned: 0x05, alignment: 4, encode: ppc::<true>, decode: ppc::<false> },
    Cpu { method: id::IA64, positioned: 0x06, alignment: 16, encode: ia64::<true>, decode: ia64::<false> },
    Cpu { method: id::ARM, positioned: 0x07, alignment: 4, encode: arm::<true>, decode: arm::<false> },
    Cpu { method: id::ARMT, positioned: 0x08, alignment: 2, encode: arm_thumb::<true>, decode: arm_thumb::<false> },
    Cpu { method: id::SPARC, positioned: 0x09, alignment: 4, encode: sparc::<true>, decode: sparc::<false> },
    Cpu { method: id::ARM64, positioned: id::ARM64, alignment: 4, encode: arm64::<true>, decode: arm64::<false> },
    Cpu { method: id::RISCV, positioned: id::RISCV, alignment: 2, encode: riscv::<true>, decode: riscv::<false> },
];

impl Cpu {
    /// The row of a method, by either id; x86 stands in for what is no branch filter.
    pub(super) fn of(method: u64) -> &'static Self {
        CPUS.iter().find(|cpu| cpu.method == method || cpu.positioned == method).unwrap_or(&CPUS[0])
    }

    /// The position of the first byte: none is 0, or four bytes, which the ids of 7-Zip's older filters do not have.
    fn start(&self, method: u64, properties: &[u8]) -> Result<u32> {
        match properties {
            [] => Ok(0),
            &[a, b, c, d] if method == self.positioned => {
                let position = u32::from_le_bytes([a, b, c, d]);
                if position.is_multiple_of(self.alignment) {
                    Ok(position)
                } else {
                    Err(unsupported_properties("filter", properties))
                }
            }
            _ => Err(unsupported_properties("filter", properties)),
        }
    }
}

/// A new encoder of the filter with this id.
pub(super) fn encoder(method: u64) -> Box<dyn FilterEncoder> {
    Box::new(FilterWriter::new(Branch::new(Cpu::of(method).encode, 0)))
}

/// A small buffer. Whether a method has a start position at all is checked when it is opened.
pub(in crate::codec) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    match properties.len() {
        0 | 4 => Ok(READER_MEMORY_BYTES),
        _ => Err(unsupported_properties("filter", properties)),
    }
}

pub(in crate::codec) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    let cpu = Cpu::of(opening.method);
    let start = cpu.start(opening.method, opening.properties)?;
    Ok(Box::new(FilterReader::new(opening.input()?, Branch::new(cpu.decode, start))))
}

/// The start position, if it is stored.
pub(in crate::codec) fn describe(properties: &[u8]) -> Option<String> {
    let &[a, b, c, d] = properties else { return None };
    Some(u32::from_le_bytes([a, b, c, d]).to_string())
}
