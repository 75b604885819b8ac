//! The registry: one row per method, filter and cipher that archives may name.
//!
//! A row is all that reading needs to know of a method: how to check its properties, what its decoder costs, how to
//! open it, how 7-Zip prints it. A new method is one file and one row here (and, to be written, a variant of
//! [`Method`](crate::Method)).

use super::{BoxRead, CodecInfo, Helpers, aes, bug, bzip2, deflate, deflate64, filter, lzma, lzma2, ppmd};
use crate::crypto::KeyRing;
use crate::{Error, ErrorKind, ReadLimits, Result};
use par7z_format::MethodId;
use std::io::BufReader;
use std::sync::Arc;

/// Method ids, as 7-Zip's `Methods.txt` lists them.
pub(super) mod id {
    pub(in crate::codec) const COPY: u64 = 0x00;
    pub(in crate::codec) const DELTA: u64 = 0x03;
    pub(in crate::codec) const ARM64: u64 = 0x0A;
    pub(in crate::codec) const RISCV: u64 = 0x0B;
    pub(in crate::codec) const LZMA2: u64 = 0x21;
    pub(in crate::codec) const SWAP2: u64 = 0x02_0302;
    pub(in crate::codec) const SWAP4: u64 = 0x02_0304;
    pub(in crate::codec) const LZMA: u64 = 0x03_0101;
    pub(in crate::codec) const PPMD: u64 = 0x03_0401;
    pub(in crate::codec) const DEFLATE: u64 = 0x04_0108;
    pub(in crate::codec) const DEFLATE64: u64 = 0x04_0109;
    pub(in crate::codec) const BZIP2: u64 = 0x04_0202;
    pub(in crate::codec) const BCJ_X86: u64 = 0x0303_0103;
    pub(in crate::codec) const BCJ2: u64 = 0x0303_011B;
    pub(in crate::codec) const PPC: u64 = 0x0303_0205;
    pub(in crate::codec) const IA64: u64 = 0x0303_0401;
    pub(in crate::codec) const ARM: u64 = 0x0303_0501;
    pub(in crate::codec) const ARMT: u64 = 0x0303_0701;
    pub(in crate::codec) const SPARC: u64 = 0x0303_0805;
    pub(in crate::codec) const AES: u64 = 0x06F1_0701;
}

/// What a decoder is opened with.
pub(super) struct Opening<'a> {
    /// The id in the archive: it tells filters that share code apart.
    pub(super) method: u64,
    pub(super) properties: &'a [u8],
    /// What its output is limited to.
    pub(super) unpack_size: u64,
    /// As many as the row says.
    pub(super) inputs: Vec<BoxRead>,
    pub(super) keys: &'a KeyRing,
    pub(super) limits: &'a ReadLimits,
    pub(super) helpers: Option<&'a Arc<dyn Helpers>>,
}

/// Buffers in front of decoders that read byte by byte.
pub(super) const INPUT_BUFFER: usize = 64 << 10;

impl Opening<'_> {
    /// The only input.
    pub(super) fn input(&mut self) -> Result<BoxRead> {
        self.inputs.pop().ok_or_else(|| bug("decoder", "no input"))
    }

    /// The only input behind a buffer, no larger than the output makes likely: small items are many.
    pub(super) fn buffered_input(&mut self) -> Result<BufReader<BoxRead>> {
        let likely = usize::try_from(self.unpack_size).unwrap_or(INPUT_BUFFER);
        Ok(BufReader::with_capacity(likely.clamp(512, INPUT_BUFFER), self.input()?))
    }
}

/// One method.
pub(super) struct Row {
    pub(super) id: u64,
    /// Other ids for the same decoder (those of the xz family).
    pub(super) aliases: &'static [u64],
    /// As 7-Zip prints it.
    pub(super) name: &'static str,
    /// Inputs of its decoder.
    pub(super) inputs: usize,
    /// Whether it is written too.
    pub(super) writes: bool,
    /// Checks the properties; the decoder's memory in bytes for an output of that size.
    pub(super) memory: fn(&[u8], u64) -> Result<u64>,
    pub(super) open: fn(Opening<'_>) -> Result<BoxRead>,
    /// What 7-Zip prints behind the name, from the properties.
    pub(super) describe: fn(&[u8]) -> Option<String>,
}

const fn method(
    id: u64,
    name: &'static str,
    writes: bool,
    memory: fn(&[u8], u64) -> Result<u64>,
    open: fn(Opening<'_>) -> Result<BoxRead>,
    describe: fn(&[u8]) -> Option<String>,
) -> Row {
    Row { id, aliases: &[], name, inputs: 1, writes, memory, open, describe }
}

/// A branch filter; `alias` is its id in the xz family.
const fn branch(id: u64, aliases: &'static [u64], name: &'static str) -> Row {
    use filter::bcj;
    Row { aliases, ..method(id, name, true, bcj::decoder_memory, bcj::open, bcj::describe) }
}

fn plain(_properties: &[u8]) -> Option<String> {
    None
}

#[rustfmt::skip]
static ROWS: [Row; 20] = [
    method(id::COPY, "Copy", true, copy_memory, copy_open, plain),
    method(id::LZMA2, "LZMA2", true, lzma2::decoder_memory, lzma2::open, lzma2::describe),
    method(id::LZMA, "LZMA", true, lzma::decoder_memory, lzma::open, lzma::describe),
    method(id::PPMD, "PPMD", true, ppmd::decoder_memory, ppmd::open, ppmd::describe),
    method(id::BZIP2, "BZip2", true, bzip2::decoder_memory, bzip2::open, plain),
    method(id::DEFLATE, "Deflate", true, deflate::decoder_memory, deflate::open, plain),
    method(id::DEFLATE64, "Deflate64", false, deflate64::decoder_memory, deflate64::open, plain),
    method(id::DELTA, "Delta", true, filter::delta::decoder_memory, filter::delta::open, filter::delta::describe),
    branch(id::BCJ_X86, &[0x04], "BCJ"),
    Row { inputs: 4, ..method(id::BCJ2, "BCJ2", false, filter::bcj2::decoder_memory, filter::bcj2::open, plain) },
    branch(id::PPC, &[0x05], "PPC"),
    branch(id::IA64, &[0x06], "IA64"),
    branch(id::ARM, &[0x07], "ARM"),
    branch(id::ARMT, &[0x08], "ARMT"),
    branch(id::SPARC, &[0x09], "SPARC"),
    branch(id::ARM64, &[], "ARM64"),
    branch(id::RISCV, &[], "RISCV"),
    method(id::SWAP2, "Swap2", true, filter::swap::decoder_memory, filter::swap::open, plain),
    method(id::SWAP4, "Swap4", true, filter::swap::decoder_memory, filter::swap::open, plain),
    method(id::AES, "7zAES", true, aes::decoder_memory, aes::open, aes::describe),
];

/// Methods of other programs: not read here, but named in messages.
const FOREIGN: [(u64, &str); 9] = [
    (0x04_0301, "RAR1"),
    (0x04_0302, "RAR2"),
    (0x04_0303, "RAR3"),
    (0x04F7_1101, "ZSTD"),
    (0x04F7_1102, "BROTLI"),
    (0x04F7_1104, "LZ4"),
    (0x04F7_1105, "LZ5"),
    (0x04F7_1106, "LIZARD"),
    (0x06F1_0101, "ZipCrypto"),
];

/// The row of a method, if there is one.
pub(super) fn find(method: MethodId) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.id == method.0 || row.aliases.contains(&method.0))
}

/// The row of a method, or an error that names the method.
pub(super) fn find_or_unsupported(method: MethodId) -> Result<&'static Row> {
    find(method).ok_or_else(|| {
        let known = FOREIGN.iter().find(|(id, _)| *id == method.0).map_or("unknown", |(_, name)| name);
        Error::new(ErrorKind::Unsupported, format!("unsupported method {} ({known})", hex(method.0)))
    })
}

/// The rows as [`super::codecs`] gives them.
pub(super) fn infos() -> Vec<CodecInfo> {
    ROWS.iter().map(|row| CodecInfo { id: row.id, name: row.name, reads: true, writes: row.writes }).collect()
}

/// A method id as 7-Zip prints it: whole bytes.
pub(super) fn hex(id: u64) -> String {
    let text = format!("{id:X}");
    if text.len() % 2 == 1 { format!("0{text}") } else { text }
}

/// A size as 7-Zip prints it: the exponent of a power of two, else with the largest unit that divides it.
pub(super) fn size_text(size: u32) -> String {
    match size {
        _ if size.is_power_of_two() => size.trailing_zeros().to_string(),
        _ if size.is_multiple_of(1 << 20) => format!("{}m", size >> 20),
        _ if size.is_multiple_of(1 << 10) => format!("{}k", size >> 10),
        _ => format!("{size}b"),
    }
}

/// The error for properties that a method does not have.
pub(super) fn unsupported_properties(name: &str, properties: &[u8]) -> Error {
    let shown: String = properties.iter().take(8).map(|byte| format!("{byte:02X}")).collect();
    let count = properties.len();
    Error::new(ErrorKind::Unsupported, format!("unsupported {name} properties ({count} bytes: {shown})"))
}

/// Checks that there are none.
pub(super) fn no_properties(name: &str, properties: &[u8]) -> Result<()> {
    if properties.is_empty() { Ok(()) } else { Err(unsupported_properties(name, properties)) }
}

fn copy_memory(properties: &[u8], _unpack_size: u64) -> Result<u64> {
    no_properties("Copy", properties)?;
    Ok(0)
}

fn copy_open(mut opening: Opening<'_>) -> Result<BoxRead> {
    opening.input()
}
