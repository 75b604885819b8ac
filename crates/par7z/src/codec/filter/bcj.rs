//! Branch filters: relative targets of calls and jumps become absolute, so that equal targets look equal.
//!
//! A tail that is shorter than an instruction passes unchanged, as in 7-Zip.

use super::super::registry::{Opening, id, unsupported_properties};
use super::super::{BoxRead, FilterEncoder, bug};
use crate::{Filter, Result};
use lzma_rust2::filter::bcj::{BcjReader, BcjWriter};
use std::io::Write;

/// The filter of a CPU on its way into the archive.
pub(in crate::codec) struct BcjEncoder {
    /// `None` after `finish`.
    writer: Option<BcjWriter<Vec<u8>>>,
}

impl BcjEncoder {
    /// `filter` is a branch filter; x86 stands in for any other.
    pub(super) fn new(filter: &Filter) -> Self {
        let make = match filter {
            Filter::Arm => BcjWriter::new_arm,
            Filter::ArmThumb => BcjWriter::new_arm_thumb,
            Filter::Arm64 => BcjWriter::new_arm64,
            Filter::PowerPc => BcjWriter::new_ppc,
            Filter::Sparc => BcjWriter::new_sparc,
            Filter::Ia64 => BcjWriter::new_ia64,
            Filter::RiscV => BcjWriter::new_riscv,
            _ => BcjWriter::new_x86,
        };
        Self { writer: Some(make(Vec::new(), 0)) }
    }
}

impl FilterEncoder for BcjEncoder {
    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let writer = self.writer.as_mut().ok_or_else(|| bug("branch filter", "write after finish"))?;
        writer.write_all(input).map_err(|e| bug("branch filter", e))?;
        out.append(writer.inner_mut());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let writer = self.writer.take().ok_or_else(|| bug("branch filter", "finished twice"))?;
        out.append(&mut writer.finish().map_err(|e| bug("branch filter", e))?);
        Ok(())
    }
}

/// The position of the first byte: none is 0, or four bytes, which the ids of 7-Zip's older filters do not have.
fn start(method: u64, properties: &[u8]) -> Result<usize> {
    let alignment = match method {
        id::BCJ_X86 | id::PPC | id::IA64 | id::ARM | id::ARMT | id::SPARC => None,
        0x04 => Some(1),
        0x06 => Some(16),
        0x08 | id::RISCV => Some(2),
        _ => Some(4),
    };
    match (properties, alignment) {
        ([], _) => Ok(0),
        (&[a, b, c, d], Some(alignment)) => {
            let position = u32::from_le_bytes([a, b, c, d]);
            if position % alignment == 0 {
                Ok(position as usize)
            } else {
                Err(unsupported_properties("filter", properties))
            }
        }
        _ => Err(unsupported_properties("filter", properties)),
    }
}

/// A small buffer. Whether a method has a start position at all is checked when it is opened.
pub(in crate::codec) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    match properties.len() {
        0 | 4 => Ok(8 << 10),
        _ => Err(unsupported_properties("filter", properties)),
    }
}

pub(in crate::codec) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    let start = start(opening.method, opening.properties)?;
    let make = match opening.method {
        id::PPC | 0x05 => BcjReader::new_ppc,
        id::IA64 | 0x06 => BcjReader::new_ia64,
        id::ARM | 0x07 => BcjReader::new_arm,
        id::ARMT | 0x08 => BcjReader::new_arm_thumb,
        id::SPARC | 0x09 => BcjReader::new_sparc,
        id::ARM64 => BcjReader::new_arm64,
        id::RISCV => BcjReader::new_riscv,
        _ => BcjReader::new_x86,
    };
    Ok(Box::new(make(opening.input()?, start)))
}

/// The start position, if it is stored.
pub(in crate::codec) fn describe(properties: &[u8]) -> Option<String> {
    let &[a, b, c, d] = properties else { return None };
    Some(u32::from_le_bytes([a, b, c, d]).to_string())
}
