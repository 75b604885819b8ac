//! Feeds the coder from inputs that are cut anywhere: fast where there is plenty, carefully at the end, and with a symbol
//! that is cut kept until its other part comes.

use super::DecodeError;
use super::coder::{Coder, SYMBOL_BYTES_MAX};
use super::target::Target;
use crate::kernel;

/// Why decoding stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The target is full.
    Output,
    /// The next symbol is not all there.
    Input,
    EndMarker,
}

/// The first bytes of a symbol whose last bytes are still to come.
#[derive(Debug, Clone)]
pub(crate) struct Carry {
    bytes: [u8; SYMBOL_BYTES_MAX],
    length: usize,
}

impl Carry {
    pub(crate) const EMPTY: Self = Self { bytes: [0; SYMBOL_BYTES_MAX], length: 0 };

    /// Takes what fits, and says how much that was.
    fn fill(&mut self, input: &[u8]) -> usize {
        let count = input.len().min(SYMBOL_BYTES_MAX - self.length);
        self.bytes[self.length..self.length + count].copy_from_slice(&input[..count]);
        self.length += count;
        count
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Decodes until the target is full, the input used up, or the end marker found. Returns the bytes of input that are used.
///
/// `last`: behind the input there is nothing that belongs to it, so a symbol that is cut is not waited for.
pub(crate) fn advance(
    coder: &mut Coder,
    carry: &mut Carry,
    target: &mut Target<'_>,
    input: &[u8],
    last: bool,
) -> Result<(usize, Stop), DecodeError> {
    if coder.pending > 0 {
        coder.pending = target.copy_back(coder.reps[0], coder.pending);
    }
    let mut used = 0;
    while carry.length > 0 {
        if target.room() == 0 {
            return Ok((used, Stop::Output));
        }
        let before = carry.length;
        let added = carry.fill(input);
        if coder.peek(target, carry.bytes()).is_none() {
            return Ok((added, Stop::Input));
        }
        let Some(taken) = coder.take(target, carry.bytes())? else { return Ok((added, Stop::Input)) };
        // What was carried was not enough, so at least that is used now.
        used = taken.used.saturating_sub(before);
        carry.length = 0;
        if taken.end_marker {
            return Ok((used, Stop::EndMarker));
        }
    }
    loop {
        let run = kernel::decode::run(coder, target, &input[used..])?;
        used += run.used;
        if run.end_marker {
            return Ok((used, Stop::EndMarker));
        }
        // Fewer than `SYMBOL_BYTES_MAX` are left, or there is no room.
        let rest = &input[used..];
        if target.room() == 0 {
            return Ok((used, Stop::Output));
        }
        if !last && coder.peek(target, rest).is_none() {
            return Ok((used + carry.fill(rest), Stop::Input));
        }
        let Some(taken) = coder.take(target, rest)? else { return Ok((input.len(), Stop::Input)) };
        used += taken.used;
        if taken.end_marker {
            return Ok((used, Stop::EndMarker));
        }
    }
}

/// Whether the next symbol is the end marker, and if so, takes it. Returns the bytes of input that are used, and `None`
/// if the symbol is not all there.
pub(crate) fn take_end_marker(
    coder: &mut Coder,
    carry: &mut Carry,
    target: &Target<'_>,
    input: &[u8],
) -> (usize, Option<bool>) {
    let mut filled = carry.clone();
    let added = filled.fill(input);
    match coder.peek(target, filled.bytes()) {
        None => {
            *carry = filled;
            (added, None)
        }
        Some(symbol) if symbol.end_marker => {
            (coder.range, coder.code) = (symbol.range, symbol.code);
            let used = symbol.used.saturating_sub(carry.length);
            carry.length = 0;
            (used, Some(true))
        }
        Some(_) => (0, Some(false)),
    }
}
