//! Reversible filters: they make code and samples easier to compress and keep the length.

pub(super) mod bcj;
pub(super) mod bcj2;
mod branch;
pub(super) mod delta;
mod detect;
mod riscv;
mod scan;
mod stream;
pub(super) mod swap;
#[cfg(test)]
mod tests;
mod x86;

pub(crate) use detect::detect_filter;

use super::registry::id;
use super::{FilterEncoder, coder};
use crate::Filter;
use par7z_format::Coder;

/// The stored form of a filter.
pub(crate) fn filter_coder(filter: &Filter) -> Coder {
    match *filter {
        // Distance 1 to 256 is stored as 0 to 255.
        Filter::Delta { distance } => coder(id::DELTA, &[distance.clamp(1, 256).wrapping_sub(1) as u8]),
        _ => coder(method_of(filter), &[]),
    }
}

fn method_of(filter: &Filter) -> u64 {
    match filter {
        Filter::Delta { .. } => id::DELTA,
        Filter::BcjX86 => id::BCJ_X86,
        Filter::Arm => id::ARM,
        Filter::ArmThumb => id::ARMT,
        Filter::Arm64 => id::ARM64,
        Filter::PowerPc => id::PPC,
        Filter::Sparc => id::SPARC,
        Filter::Ia64 => id::IA64,
        Filter::RiscV => id::RISCV,
        Filter::Swap2 => id::SWAP2,
        Filter::Swap4 => id::SWAP4,
    }
}

/// A new encoder for a filter.
pub(crate) fn filter_encoder(filter: &Filter) -> Box<dyn FilterEncoder> {
    match *filter {
        Filter::Delta { distance } => delta::encoder(distance),
        Filter::Swap2 => swap::encoder2(),
        Filter::Swap4 => swap::encoder4(),
        Filter::BcjX86
        | Filter::Arm
        | Filter::ArmThumb
        | Filter::Arm64
        | Filter::PowerPc
        | Filter::Sparc
        | Filter::Ia64
        | Filter::RiscV => bcj::encoder(method_of(filter)),
    }
}
