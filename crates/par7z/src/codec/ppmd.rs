//! PPMd variant H with 7z's range coder.
//!
//! A model takes its whole memory when it is made, so readers check it against the caller's limit first.

use super::registry::{Opening, id, size_text, unsupported_properties};
use super::{BoxRead, Encoder, bug, coder, corrupt};
use crate::{Error, ErrorKind, PpmdParams, Result};
use par7z_format::Coder;
use ppmd_rust::{PPMD7_MAX_MEM_SIZE, PPMD7_MAX_ORDER, PPMD7_MIN_MEM_SIZE, PPMD7_MIN_ORDER, Ppmd7Decoder, Ppmd7Encoder};
use std::io::Write;

/// Level 5's model.
pub(super) const DEFAULT_MEMORY: u32 = 1 << 24;
/// Tables besides the model's memory, and the input buffer.
const OVERHEAD: u64 = 192 << 10;
/// 7-Zip's rule: a model needs no more than 16 bytes for each byte of input, and at least 64 KiB.
const MEMORY_PER_BYTE: u64 = 16;
const SHRUNK_MEMORY_LOG2: std::ops::Range<u32> = 16..32;

fn memory_for(params: &PpmdParams, size: Option<u64>) -> u32 {
    let asked = params.memory_bytes.unwrap_or(DEFAULT_MEMORY);
    let Some(size) = size else { return asked };
    let enough = SHRUNK_MEMORY_LOG2.map(|log2| 1u32 << log2).find(|&m| u64::from(m) / MEMORY_PER_BYTE >= size);
    asked.min(enough.unwrap_or(u32::MAX))
}

/// The model's memory (shrunk to 16 bytes for each byte of a stream) and its tables.
pub(super) fn encoder_memory_bytes(params: &PpmdParams, size: Option<u64>) -> u64 {
    u64::from(memory_for(params, size)) + OVERHEAD
}

/// Writes PPMd, without an end marker. The crate's encoder cannot be re-armed: each stream gets a new model.
pub(super) struct PpmdEncoder {
    params: PpmdParams,
    writer: Option<Ppmd7Encoder<Vec<u8>>>,
}

impl PpmdEncoder {
    pub(super) fn new(params: &PpmdParams) -> Self {
        Self { params: *params, writer: None }
    }
}

impl Encoder for PpmdEncoder {
    fn begin(&mut self, size: Option<u64>) -> Result<Coder> {
        let order = self.params.order.unwrap_or(6);
        let memory = memory_for(&self.params, size);
        self.writer = None;
        self.writer = Some(Ppmd7Encoder::new(Vec::new(), order, memory).map_err(|e| failed(e, bug))?);
        let mut properties = [order as u8, 0, 0, 0, 0];
        properties[1..].copy_from_slice(&memory.to_le_bytes());
        Ok(coder(id::PPMD, &properties))
    }

    fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let writer = self.writer.as_mut().ok_or_else(|| bug("PPMd", "write before begin"))?;
        writer.write_all(input).map_err(|e| bug("PPMd", e))?;
        out.append(writer.get_mut());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let writer = self.writer.take().ok_or_else(|| bug("PPMd", "finish before begin"))?;
        out.append(&mut writer.finish(false).map_err(|e| bug("PPMd", e))?);
        Ok(())
    }
}

/// The crate's error as ours; `otherwise` says what one that is not about memory means here.
fn failed(error: ppmd_rust::Error, otherwise: fn(&str, ppmd_rust::Error) -> Error) -> Error {
    match error {
        ppmd_rust::Error::MemoryAllocation => Error::new(ErrorKind::OutOfMemory, "not enough memory for PPMd's model"),
        other => otherwise("PPMd", other),
    }
}

/// Splits PPMd's five property bytes: order and memory.
fn parse(properties: &[u8]) -> Result<(u32, u32)> {
    if let &[order, a, b, c, d] = properties {
        let (order, memory) = (u32::from(order), u32::from_le_bytes([a, b, c, d]));
        let orders = PPMD7_MIN_ORDER..=PPMD7_MAX_ORDER;
        if orders.contains(&order) && (PPMD7_MIN_MEM_SIZE..=PPMD7_MAX_MEM_SIZE).contains(&memory) {
            return Ok((order, memory));
        }
    }
    Err(unsupported_properties("PPMd", properties))
}

/// Memory of a decoder: the model as stored, whatever the stream's size; its coding depends on it.
pub(super) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    Ok(u64::from(parse(properties)?.1) + OVERHEAD)
}

pub(super) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    let (order, memory) = parse(opening.properties)?;
    let decoder = Ppmd7Decoder::new(opening.buffered_input()?, order, memory).map_err(|e| failed(e, corrupt))?;
    Ok(Box::new(decoder))
}

/// `o6:mem24`: order and memory.
pub(super) fn describe(properties: &[u8]) -> Option<String> {
    let &[order, a, b, c, d] = properties else { return None };
    Some(format!("o{order}:mem{}", size_text(u32::from_le_bytes([a, b, c, d]))))
}
