//! Delta: each byte less the one `distance` before it.

use super::super::registry::{Opening, unsupported_properties};
use super::super::{BoxRead, FilterEncoder, bug};
use crate::Result;
use lzma_rust2::filter::delta::{DeltaReader, DeltaWriter};
use std::io::Write;

/// Delta on its way into the archive.
pub(in crate::codec) struct DeltaEncoder(DeltaWriter<Vec<u8>>);

impl DeltaEncoder {
    pub(super) fn new(distance: u32) -> Self {
        Self(DeltaWriter::new(Vec::new(), distance.clamp(1, 256) as usize))
    }
}

impl FilterEncoder for DeltaEncoder {
    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.0.write_all(input).map_err(|e| bug("Delta", e))?;
        out.append(self.0.inner_mut());
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

fn distance(properties: &[u8]) -> Result<usize> {
    match *properties {
        [byte] => Ok(usize::from(byte) + 1),
        _ => Err(unsupported_properties("Delta", properties)),
    }
}

/// 256 bytes of history.
pub(in crate::codec) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    distance(properties).map(|_| 1 << 10)
}

pub(in crate::codec) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    let distance = distance(opening.properties)?;
    Ok(Box::new(DeltaReader::new(opening.input()?, distance)))
}

/// The distance.
pub(in crate::codec) fn describe(properties: &[u8]) -> Option<String> {
    distance(properties).ok().map(|distance| distance.to_string())
}
