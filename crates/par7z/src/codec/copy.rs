//! Copy: the content as it is.

use super::registry::id;
use super::{Encoder, coder};
use crate::Result;
use par7z_format::Coder;

/// Passes its input on. Has no state, so any slices join.
pub(super) struct CopyEncoder;

impl Encoder for CopyEncoder {
    fn begin(&mut self, _size: Option<u64>) -> Result<Coder> {
        Ok(coder(id::COPY, &[]))
    }

    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(input);
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
