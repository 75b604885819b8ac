//! Delta: each byte less the one `distance` before it, or 0 where there is none.

use super::super::registry::{Opening, unsupported_properties};
use super::super::{BoxRead, FilterEncoder};
use super::stream::{Conversion, FilterReader, FilterWriter, READER_MEMORY_BYTES};
use crate::Result;

/// The largest distance.
const MAX_DISTANCE: usize = 256;

/// What is subtracted at once.
const BLOCK_BYTES: usize = 2 << 10;

fn no_history(distance: u32) -> Box<[u8]> {
    vec![0; (distance as usize).clamp(1, MAX_DISTANCE)].into()
}

/// Delta on its way into the archive. `history` are the last bytes before it, as many as the distance.
pub(super) struct Subtraction {
    history: Box<[u8]>,
}

impl Subtraction {
    pub(super) fn new(distance: u32) -> Self {
        Self { history: no_history(distance) }
    }
}

impl Conversion for Subtraction {
    /// From a copy, in which the bytes before lie in front: then there is nothing to carry from byte to byte, and the
    /// compiler subtracts many at once, whatever the distance.
    fn convert(&mut self, bytes: &mut [u8]) -> usize {
        let distance = self.history.len();
        let mut copy = [0; MAX_DISTANCE + BLOCK_BYTES];
        for block in bytes.chunks_mut(BLOCK_BYTES) {
            copy[..distance].copy_from_slice(&self.history);
            copy[distance..distance + block.len()].copy_from_slice(block);
            for (byte, before) in block.iter_mut().zip(&copy) {
                *byte = byte.wrapping_sub(*before);
            }
            self.history.copy_from_slice(&copy[block.len()..block.len() + distance]);
        }
        bytes.len()
    }
}

/// Delta on its way out. `history` are the last bytes of content, as many as the distance.
pub(super) struct Addition {
    history: Box<[u8]>,
}

impl Addition {
    pub(super) fn new(distance: u32) -> Self {
        Self { history: no_history(distance) }
    }
}

/// Adds in steps of one distance, the sums so far in `sums`. Inlined with a distance that the compiler knows, the sums
/// stay in a register.
#[inline(always)]
fn add(steps: &mut [u8], sums: &mut [u8]) {
    for step in steps.chunks_exact_mut(sums.len()) {
        for (byte, sum) in step.iter_mut().zip(sums.iter_mut()) {
            *sum = sum.wrapping_add(*byte);
            *byte = *sum;
        }
    }
}

/// As [`add`], for a distance of `DISTANCE`.
fn add_fixed<const DISTANCE: usize>(steps: &mut [u8], history: &mut [u8]) {
    let mut sums = [0; DISTANCE];
    sums.copy_from_slice(history);
    for step in steps.as_chunks_mut::<DISTANCE>().0 {
        add(step, &mut sums);
    }
    history.copy_from_slice(&sums);
}

impl Conversion for Addition {
    fn convert(&mut self, bytes: &mut [u8]) -> usize {
        let distance = self.history.len();
        let (steps, rest) = bytes.split_at_mut(bytes.len() - bytes.len() % distance);
        // The samples of sound have one of these.
        match distance {
            1 => add_fixed::<1>(steps, &mut self.history),
            2 => add_fixed::<2>(steps, &mut self.history),
            3 => add_fixed::<3>(steps, &mut self.history),
            4 => add_fixed::<4>(steps, &mut self.history),
            6 => add_fixed::<6>(steps, &mut self.history),
            8 => add_fixed::<8>(steps, &mut self.history),
            _ => add(steps, &mut self.history),
        }
        for (byte, before) in rest.iter_mut().zip(self.history.iter_mut()) {
            *byte = byte.wrapping_add(*before);
            *before = *byte;
        }
        self.history.rotate_left(rest.len());
        bytes.len()
    }
}

/// A new encoder.
pub(super) fn encoder(distance: u32) -> Box<dyn FilterEncoder> {
    Box::new(FilterWriter::new(Subtraction::new(distance)))
}

fn distance(properties: &[u8]) -> Result<u32> {
    match *properties {
        [byte] => Ok(u32::from(byte) + 1),
        _ => Err(unsupported_properties("Delta", properties)),
    }
}

/// The reader, and at most 256 bytes of history in it.
pub(in crate::codec) fn decoder_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    distance(properties).map(|_| READER_MEMORY_BYTES)
}

pub(in crate::codec) fn open(mut opening: Opening<'_>) -> Result<BoxRead> {
    let addition = Addition::new(distance(opening.properties)?);
    Ok(Box::new(FilterReader::new(opening.input()?, addition)))
}

/// The distance.
pub(in crate::codec) fn describe(properties: &[u8]) -> Option<String> {
    distance(properties).ok().map(|distance| distance.to_string())
}
