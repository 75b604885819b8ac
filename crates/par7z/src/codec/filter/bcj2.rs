//! BCJ2, read only: x86 code split into four streams.
//!
//! The *main* stream is the content without the operands that were taken out. The places where one may be missing are
//! found in it: behind `CALL` (E8), `JMP` (E9) and the long conditional jumps (0F 80 to 0F 8F). For each of them, the
//! stream of *decisions* has a bit, coded with adaptive probabilities as in LZMA, that says whether it is. If so, the
//! stream of *calls* or that of *jumps*, for the other two, has the operand, as an absolute address in big-endian order.
//!
//! Everything that is read is hostile. Each step takes bytes from the main stream or gives some out, so decoding ends;
//! a stream that ends too early is an error.

use super::super::registry::{Opening, no_properties};
use super::super::{BoxRead, bug};
use super::scan::{EACH_BYTE, zero_bytes};
use crate::Result;
use std::io::{self, ErrorKind, Read};

/// The buffer of a stream. None is larger than the content.
const BUFFER_BYTES: u64 = 64 << 10;
const MIN_BUFFER_BYTES: u64 = 16;

fn buffer_bytes(unpack_size: u64) -> u64 {
    unpack_size.clamp(MIN_BUFFER_BYTES, BUFFER_BYTES)
}

/// The buffers of the four streams, and the probabilities.
pub(in crate::codec) fn decoder_memory(properties: &[u8], unpack_size: u64) -> Result<u64> {
    no_properties("BCJ2", properties)?;
    Ok(4 * buffer_bytes(unpack_size) + (2 << 10))
}

pub(in crate::codec) fn open(opening: Opening<'_>) -> Result<BoxRead> {
    no_properties("BCJ2", opening.properties)?;
    // At most 64 KiB.
    let buffer = buffer_bytes(opening.unpack_size) as usize;
    let streams: Vec<Stream> = opening.inputs.into_iter().map(|source| Stream::new(source, buffer)).collect();
    let [main, calls, jumps, decisions] =
        streams.try_into().map_err(|streams: Vec<_>| bug("BCJ2", format!("{} inputs", streams.len())))?;
    let decisions = Decisions { stream: decisions, range: 0, code: 0, probabilities: [EVEN; CONTEXTS] };
    Ok(Box::new(Bcj2Reader {
        main,
        calls,
        jumps,
        decisions,
        remaining: opening.unpack_size,
        position: 0,
        previous: 0,
        pending: Pending::Nothing,
        failure: None,
    }))
}

fn damage(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// One of the four, behind its buffer.
struct Stream {
    source: BoxRead,
    buffer: Box<[u8]>,
    /// `buffer[given..filled]` is read and not taken.
    given: usize,
    filled: usize,
}

impl Stream {
    fn new(source: BoxRead, buffer: usize) -> Self {
        Self { source, buffer: vec![0; buffer].into(), given: 0, filled: 0 }
    }

    /// What is in the buffer: something, unless the stream has ended.
    fn available(&mut self) -> io::Result<&[u8]> {
        while self.given == self.filled {
            match self.source.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => (self.given, self.filled) = (0, count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&self.buffer[self.given..self.filled])
    }

    /// The next byte; `what` is said to be missing if there is none.
    #[inline(always)]
    fn byte(&mut self, what: &str) -> io::Result<u8> {
        let byte = match self.buffer[..self.filled].get(self.given) {
            Some(byte) => *byte,
            None => *self.available()?.first().ok_or_else(|| damage(what))?,
        };
        self.given += 1;
        Ok(byte)
    }

    /// The next four bytes as an address.
    #[inline(always)]
    fn address(&mut self) -> io::Result<u32> {
        if let Some(bytes) = self.buffer[self.given..self.filled].first_chunk() {
            self.given += 4;
            return Ok(u32::from_be_bytes(*bytes));
        }
        let mut bytes = [0; 4];
        for byte in &mut bytes {
            *byte = self.byte("an address is missing")?;
        }
        Ok(u32::from_be_bytes(bytes))
    }
}

/// One context for conditional jumps, one for `JMP`, one for `CALL` behind each byte.
const CONTEXTS: usize = 2 + 256;
/// Probabilities that a bit is 0, in 2048ths.
const PROBABILITY_BITS: u32 = 11;
const EVEN: u16 = 1 << (PROBABILITY_BITS - 1);
/// How fast they adapt.
const MOVE_BITS: u32 = 5;
/// The range is never smaller: the coder reads a byte.
const TOP: u32 = 1 << 24;

/// The stream of decisions.
struct Decisions {
    stream: Stream,
    /// 0 until it is begun.
    range: u32,
    /// Less than `range`, once begun.
    code: u32,
    probabilities: [u16; CONTEXTS],
}

impl Decisions {
    fn byte(&mut self) -> io::Result<u32> {
        self.stream.byte("its decisions end early").map(u32::from)
    }

    /// Five bytes: a 0 and the first code.
    fn begin(&mut self) -> io::Result<()> {
        let zero = self.byte()?;
        for _ in 0..4 {
            self.code = self.code << 8 | self.byte()?;
        }
        self.range = u32::MAX;
        if zero != 0 || self.code == u32::MAX {
            return Err(damage("its decisions begin wrongly"));
        }
        Ok(())
    }

    /// The next bit.
    fn bit(&mut self, context: usize) -> io::Result<bool> {
        let probability = &mut self.probabilities[context];
        let bound = (self.range >> PROBABILITY_BITS) * u32::from(*probability);
        let bit = self.code >= bound;
        if bit {
            self.range -= bound;
            self.code -= bound;
            *probability -= *probability >> MOVE_BITS;
        } else {
            self.range = bound;
            *probability += ((1 << PROBABILITY_BITS) - *probability) >> MOVE_BITS;
        }
        // A probability is 31 at least and 2017 at most, so one byte is enough.
        if self.range < TOP {
            self.code = self.code << 8 | self.byte()?;
            self.range <<= 8;
        }
        Ok(bit)
    }
}

/// Copies up to the first byte behind which an operand may be missing, into as much room. `previous` is the byte in
/// front. Returns how many bytes that is, and whether there is such a byte; what is written behind it has no meaning.
#[inline(always)]
fn copy_to_branch(previous: u8, from: &[u8], to: &mut [u8]) -> (usize, bool) {
    let mut previous = previous;
    let (groups, tail) = from.as_chunks::<8>();
    let (copies, tail_copy) = to.as_chunks_mut::<8>();
    for (index, (group, copy)) in groups.iter().zip(copies).enumerate() {
        *copy = *group;
        let here = u64::from_le_bytes(*group);
        let before = here << 8 | u64::from(previous);
        let near = here & (0xFE * EACH_BYTE) ^ (0xE8 * EACH_BYTE);
        let conditional = (here & (0xF0 * EACH_BYTE) ^ (0x80 * EACH_BYTE)) | (before ^ (0x0F * EACH_BYTE));
        let found = zero_bytes(near) | zero_bytes(conditional);
        if found != 0 {
            return (8 * index + found.trailing_zeros() as usize / 8 + 1, true);
        }
        previous = group[7];
    }
    let mut count = from.len() - tail.len();
    for (byte, copy) in tail.iter().zip(tail_copy) {
        *copy = *byte;
        count += 1;
        if byte & 0xFE == 0xE8 || (previous == 0x0F && byte & 0xF0 == 0x80) {
            return (count, true);
        }
        previous = *byte;
    }
    (count, false)
}

/// What comes before the next bytes of the main stream.
enum Pending {
    Nothing,
    /// The decision on the branch whose last byte was given out, and the byte in front of that.
    Decision {
        before: u8,
    },
    /// The bytes of an operand from the given one on.
    Operand {
        bytes: [u8; 4],
        given: usize,
    },
}

/// The content, from its four streams.
struct Bcj2Reader {
    main: Stream,
    calls: Stream,
    jumps: Stream,
    decisions: Decisions,
    /// Bytes of content that were not given out.
    remaining: u64,
    /// The position of the next byte. It wraps, as addresses do.
    position: u32,
    /// The byte in front of it.
    previous: u8,
    pending: Pending,
    /// To be told when what came before it has been given out.
    failure: Option<io::Error>,
}

impl Bcj2Reader {
    /// Gives out what there is up to the next decision; 0 at the end of the main stream. `out` is not empty.
    fn step(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.decisions.range == 0 {
            self.decisions.begin()?;
        }
        if let Pending::Decision { before } = self.pending {
            self.pending = self.decide(before)?;
        }
        let count = if let Pending::Operand { bytes, given } = &mut self.pending {
            let rest = &bytes[*given..];
            let count = rest.len().min(out.len());
            out[..count].copy_from_slice(&rest[..count]);
            *given += count;
            if *given == bytes.len() {
                self.pending = Pending::Nothing;
            }
            count
        } else {
            self.copy(out)?
        };
        self.position = self.position.wrapping_add(count as u32);
        self.remaining -= count as u64;
        if count > 0 {
            self.previous = out[count - 1];
        }
        Ok(count)
    }

    /// Copies the main stream's bytes up to a branch.
    fn copy(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.main.available()?;
        let most = available.len().min(out.len());
        let (count, branch) = copy_to_branch(self.previous, &available[..most], &mut out[..most]);
        if branch {
            let before = if count > 1 { out[count - 2] } else { self.previous };
            self.pending = Pending::Decision { before };
        }
        self.main.given += count;
        Ok(count)
    }

    /// Reads the decision on the branch that was given out last, and its operand if it was taken out.
    fn decide(&mut self, before: u8) -> io::Result<Pending> {
        let (context, addresses) = match self.previous {
            0xE8 => (2 + usize::from(before), &mut self.calls),
            0xE9 => (1, &mut self.jumps),
            _ => (0, &mut self.jumps),
        };
        if !self.decisions.bit(context)? {
            return Ok(Pending::Nothing);
        }
        // Relative to the byte behind the operand.
        let next = self.position.wrapping_add(4);
        let bytes = addresses.address()?.wrapping_sub(next).to_le_bytes();
        Ok(Pending::Operand { bytes, given: 0 })
    }

    /// Whether the decisions are used up where the content ends. That shows damage which made no difference before.
    fn check_end(&self) -> io::Result<()> {
        if self.decisions.code != 0 || matches!(self.pending, Pending::Operand { .. }) {
            return Err(damage("its decisions do not end with the content"));
        }
        Ok(())
    }
}

impl Read for Bcj2Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        // The last byte comes alone: it is all that a wrong end costs.
        let most = if self.remaining > 1 { self.remaining - 1 } else { self.remaining };
        let room = usize::try_from(most).unwrap_or(usize::MAX).min(buf.len());
        let out = &mut buf[..room];
        let mut filled = 0;
        while filled < out.len() {
            match self.step(&mut out[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if filled == 0 => return Err(error),
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        if self.remaining == 0 && filled > 0 {
            self.check_end()?;
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReadLimits;
    use crate::crypto::KeyRing;
    use proptest::prelude::*;
    use std::io::Cursor;

    /// The way there: splits content, and takes out the operands for which `take` says so.
    struct Splitter {
        /// Main, calls, jumps, decisions.
        streams: [Vec<u8>; 4],
        low: u64,
        range: u32,
        probabilities: [u16; CONTEXTS],
    }

    impl Splitter {
        fn split(content: &[u8], take: impl Fn(usize) -> bool) -> [Vec<u8>; 4] {
            // The first decision byte is 0; no carry goes so far.
            let streams = [vec![], vec![], vec![], vec![0]];
            let mut splitter = Self { streams, low: 0, range: u32::MAX, probabilities: [EVEN; CONTEXTS] };
            let (mut at, mut previous) = (0, 0);
            while let Some(&byte) = content.get(at) {
                splitter.streams[0].push(byte);
                at += 1;
                let before = std::mem::replace(&mut previous, byte);
                let (context, stream) = match byte {
                    0xE8 => (2 + usize::from(before), 1),
                    0xE9 => (1, 2),
                    0x80..0x90 if before == 0x0F => (0, 2),
                    _ => continue,
                };
                let operand = content[at..].first_chunk::<4>().filter(|_| take(at));
                splitter.encode(context, operand.is_some());
                if let Some(operand) = operand {
                    at += 4;
                    let target = u32::from_le_bytes(*operand).wrapping_add(at as u32);
                    splitter.streams[stream].extend(target.to_be_bytes());
                    previous = operand[3];
                }
            }
            splitter.streams[3].extend((splitter.low as u32).to_be_bytes());
            splitter.streams
        }

        fn encode(&mut self, context: usize, bit: bool) {
            let probability = &mut self.probabilities[context];
            let bound = (self.range >> PROBABILITY_BITS) * u32::from(*probability);
            if bit {
                self.low += u64::from(bound);
                self.range -= bound;
                *probability -= *probability >> MOVE_BITS;
            } else {
                self.range = bound;
                *probability += ((1 << PROBABILITY_BITS) - *probability) >> MOVE_BITS;
            }
            if self.low >> 32 != 0 {
                // The carry goes through what is written.
                for byte in self.streams[3].iter_mut().rev() {
                    *byte = byte.wrapping_add(1);
                    if *byte != 0 {
                        break;
                    }
                }
                self.low &= 0xFFFF_FFFF;
            }
            if self.range < TOP {
                self.streams[3].push((self.low >> 24) as u8);
                self.low = self.low << 8 & 0xFFFF_FFFF;
                self.range <<= 8;
            }
        }
    }

    /// What comes out in reads of these sizes, in turn, and the error at the end.
    fn join(streams: [Vec<u8>; 4], size: u64, sizes: &[usize]) -> (Vec<u8>, Option<io::Error>) {
        let inputs = streams.map(|stream| Box::new(Cursor::new(stream)) as BoxRead).into();
        let (keys, limits) = (KeyRing::new(None), ReadLimits::default());
        let opening = Opening {
            method: 0,
            properties: &[],
            unpack_size: size,
            inputs,
            keys: &keys,
            limits: &limits,
            helpers: None,
        };
        let mut reader = open(opening).unwrap();
        let (mut out, mut buffer) = (Vec::new(), vec![0; sizes.iter().copied().max().unwrap_or(1)]);
        for &size in sizes.iter().cycle() {
            match reader.read(&mut buffer[..size]) {
                Ok(0) => break,
                Ok(count) => out.extend_from_slice(&buffer[..count]),
                Err(error) => return (out, Some(error)),
            }
        }
        assert_eq!(reader.read(&mut buffer[..1]).unwrap_or(0), 0, "the end stays the end");
        (out, None)
    }

    /// Bytes with many branches of all kinds.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            Just(0xE8),
            Just(0xE9),
            Just(0x0F),
            0x80..0x90u8,
            Just(0),
            any::<u8>(),
            any::<u8>(),
            any::<u8>()
        ];
        (prop::collection::vec(byte, 1..3000), 1..60usize).prop_map(|(bytes, copies)| bytes.repeat(copies))
    }

    fn sizes() -> impl Strategy<Value = Vec<usize>> {
        prop::collection::vec(prop_oneof![1..20usize, 1..1000usize, 1..200_000usize], 1..5)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn what_was_split_is_joined(content in content(), sizes in sizes(), choice in any::<u64>()) {
            let streams = Splitter::split(&content, |at| choice >> (at % 64) & 1 == 1);
            let (out, error) = join(streams, content.len() as u64, &sizes);
            prop_assert!(error.is_none(), "{error:?}");
            prop_assert!(out == content);
        }

        #[test]
        fn damage_ends_in_an_error_or_not_at_all(
            content in content(),
            sizes in sizes(),
            stream in 0..4usize,
            at in any::<prop::sample::Index>(),
            flip in any::<u8>(),
            larger in any::<bool>(),
        ) {
            let mut streams = Splitter::split(&content, |at| at % 3 != 0);
            let damaged = &mut streams[stream];
            if !damaged.is_empty() {
                let at = at.index(damaged.len());
                if flip == 0 {
                    damaged.truncate(at);
                } else {
                    damaged[at] ^= flip;
                }
            }
            let size = content.len() as u64 + if larger { 1000 } else { 0 };
            let (out, error) = join(streams, size, &sizes);
            // What is missing is an error here, or for whoever counts the bytes.
            prop_assert!(out.len() as u64 <= size);
            prop_assert!(error.is_none() || (out.len() as u64) < size);
        }

        #[test]
        fn garbage_is_safe(
            main in content(),
            others in prop::array::uniform3(prop::collection::vec(any::<u8>(), 0..300)),
            size in 1..200_000u64,
            sizes in sizes(),
        ) {
            let [calls, jumps, mut decisions] = others;
            decisions.insert(0, 0);
            let (out, _) = join([main, calls, jumps, decisions], size, &sizes);
            prop_assert!(out.len() as u64 <= size);
        }
    }

    #[test]
    fn operands_are_relative_to_what_follows_them() {
        let content = [0x90, 0xE8, 0x10, 0, 0, 0, 0x0F, 0x85, 0xF8, 0xFF, 0xFF, 0xFF, 0x90];
        let streams = Splitter::split(&content, |_| true);
        assert_eq!(streams[0], [0x90, 0xE8, 0x0F, 0x85, 0x90]);
        assert_eq!((&streams[1][..], &streams[2][..]), (&[0, 0, 0, 0x16][..], &[0, 0, 0, 4][..]));
        let (out, error) = join(streams, content.len() as u64, &[5]);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(out, content);
    }

    #[test]
    fn what_is_missing_is_told_after_what_is_there() {
        let content = [0x90, 0x90, 0xE8, 1, 2, 3, 4, 0xE9, 1, 2, 3, 4, 0x90];
        let size = content.len() as u64;
        let whole = Splitter::split(&content, |_| true);
        // Which stream loses its last byte, how much comes out, and what is said.
        let cases =
            [(1, 3, "an address is missing"), (2, 8, "an address is missing"), (3, 0, "its decisions end early")];
        for (stream, count, what) in cases {
            let mut streams = whole.clone();
            streams[stream].pop();
            let (out, error) = join(streams, size, &[100]);
            assert_eq!(out, content[..count], "stream {stream}");
            assert_eq!(error.expect("an error").to_string(), what);
        }
        let mut streams = whole.clone();
        streams[0].pop();
        assert_eq!(join(streams, size, &[100]).0, content[..12], "the end of the main stream");
        for decisions in [&[1, 0, 0, 0, 0][..], &[0, 0xFF, 0xFF, 0xFF, 0xFF]] {
            let mut streams = whole.clone();
            streams[3] = decisions.to_vec();
            let (out, error) = join(streams, size, &[100]);
            assert_eq!((out.len(), error.expect("an error").to_string().as_str()), (0, "its decisions begin wrongly"));
        }
        let mut streams = whole;
        *streams[3].last_mut().unwrap() ^= 1;
        let (out, error) = join(streams, size, &[100]);
        assert_eq!(out, content[..12], "all but the last byte");
        assert_eq!(error.expect("an error").to_string(), "its decisions do not end with the content");
    }

    #[test]
    fn buffers_are_no_larger_than_the_content() {
        assert_eq!(decoder_memory(&[], 100).unwrap(), 4 * 100 + 2048);
        assert_eq!(decoder_memory(&[], u64::MAX).unwrap(), 4 * 65_536 + 2048);
        assert!(decoder_memory(&[0], 100).is_err());
    }
}
