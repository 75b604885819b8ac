//! Swap2 and Swap4: the bytes of each unit in reverse order. Their own inverse; a shorter tail passes unchanged.

use super::super::registry::{Opening, id, no_properties};
use super::super::{BoxRead, FilterEncoder};
use super::stream::{Conversion, FilterReader, FilterWriter, READER_MEMORY_BYTES};
use crate::Result;

pub(super) struct Swap<const UNIT: usize>;

impl<const UNIT: usize> Conversion for Swap<UNIT> {
    fn convert(&mut self, bytes: &mut [u8]) -> usize {
        for unit in bytes.as_chunks_mut::<UNIT>().0 {
            unit.reverse();
        }
        bytes.len() - bytes.len() % UNIT
    }
}

/// New encoders.
pub(super) fn encoder2() -> Box<dyn FilterEncoder> {
    Box::new(FilterWriter::new(Swap::<2>))
}

pub(super) fn encoder4() -> Box<dyn FilterEncoder> {
    Box::new(FilterWriter::new(Swap::<4>))
}

/// The reader.
pub(in crate::codec) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    no_properties("Swap", properties)?;
    Ok(READER_MEMORY_BYTES)
}

pub(in crate::codec) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    no_properties("Swap", opening.properties)?;
    let source = opening.input()?;
    Ok(match opening.method {
        id::SWAP2 => Box::new(FilterReader::new(source, Swap::<2>)),
        _ => Box::new(FilterReader::new(source, Swap::<4>)),
    })
}
