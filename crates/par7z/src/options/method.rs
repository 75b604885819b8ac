//! Compression methods with their parameters, and filters.

use super::{check_range, invalid};
use crate::Result;

/// Match finder of LZMA and LZMA2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LzmaMatchFinder {
    /// Hash buckets: fast; the levels up to 4 have them. They stand in for 7-Zip's `hc4` and `hc5`.
    HashBuckets,
    /// Binary trees: small, and lean on memory. 7-Zip's `bt2` to `bt5`.
    BinaryTree,
    /// The tree of all suffixes: small, and fast on large content; the levels from 5 on have it. Content below 64 KiB gets
    /// chains that find the same there, and content of 256 MiB and more binary trees; so does some up to 1 MiB
    /// that has few different bytes, to bound the memory.
    IntervalTree,
}

/// Parser of LZMA and LZMA2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LzmaMode {
    /// Greedy with one look ahead (`a=0`).
    Fast,
    /// Optimal over prices (`a=1`).
    Optimal,
}

/// Parameters of LZMA and LZMA2. `None` takes the level's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LzmaParams {
    /// Dictionary in bytes, 4 KiB to 3840 MiB. 7-Zip's `d`.
    pub dictionary_bytes: Option<u32>,
    /// A match of this length is taken at once, 5 to 273. 7-Zip's `fb`.
    pub nice_length: Option<u32>,
    /// Match finder steps per position, 1 to 1000000000. 7-Zip's `mc`. Binary trees alone have a use for it.
    pub cycles: Option<u32>,
    /// Match finder. 7-Zip's `mf`.
    pub match_finder: Option<LzmaMatchFinder>,
    /// Parser. 7-Zip's `a`.
    pub mode: Option<LzmaMode>,
    /// Literal context bits, 0 to 8 (LZMA2: `lc + lp` at most 4).
    pub lc: Option<u32>,
    /// Literal position bits, 0 to 4.
    pub lp: Option<u32>,
    /// Position bits, 0 to 4.
    pub pb: Option<u32>,
}

/// Parameters of PPMd (variant H). `None` takes the level's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PpmdParams {
    /// Model order, 2 to 32. 7-Zip's `o`.
    pub order: Option<u32>,
    /// Model memory in bytes, 2 KiB to 1 GiB. 7-Zip's `mem`.
    pub memory_bytes: Option<u32>,
}

/// Parameters of BZip2. `None` takes the level's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bzip2Params {
    /// Block size in units of 100,000 bytes, 1 to 9. 7-Zip's `d=900k` is 9.
    pub block_100k: Option<u32>,
}

/// Parameters of Deflate. `None` takes the level's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeflateParams {
    /// zlib's own level, 1 to 9.
    pub zlib_level: Option<u32>,
}

/// The compressor of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Store.
    Copy,
    /// LZMA.
    Lzma(LzmaParams),
    /// LZMA2: the default. Large items use all threads.
    Lzma2(LzmaParams),
    /// PPMd variant H.
    Ppmd(PpmdParams),
    /// BZip2.
    Bzip2(Bzip2Params),
    /// Deflate.
    Deflate(DeflateParams),
}

impl Default for Method {
    fn default() -> Self {
        Self::Lzma2(LzmaParams::default())
    }
}

/// A reversible filter in front of the compressor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// Differences between bytes `distance` (1 to 256) apart.
    Delta {
        /// Distance in bytes, 1 to 256.
        distance: u32,
    },
    /// x86 and x86-64 branch addresses.
    BcjX86,
    /// 32-bit ARM.
    Arm,
    /// ARM Thumb.
    ArmThumb,
    /// 64-bit ARM.
    Arm64,
    /// PowerPC, big-endian.
    PowerPc,
    /// SPARC.
    Sparc,
    /// Itanium.
    Ia64,
    /// RISC-V.
    RiscV,
    /// Swaps each 2 bytes.
    Swap2,
    /// Reverses each 4 bytes.
    Swap4,
}

/// Which filters items get.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FilterChoice {
    /// Executables get the filter of their CPU, as in 7-Zip; others none.
    #[default]
    Auto,
    /// None.
    Off,
    /// These for every item, the first one nearest the content; at most 3.
    Chain(Vec<Filter>),
}

pub(super) fn check_method(method: &Method) -> Result<()> {
    let check = |what: &str, value: Option<u32>, min, max| value.map_or(Ok(()), |v| check_range(what, v, min, max));
    match method {
        Method::Copy => Ok(()),
        Method::Lzma(p) | Method::Lzma2(p) => {
            check("the dictionary in bytes (d)", p.dictionary_bytes, 1 << 12, 15 << 28)?;
            check("the nice length (fb)", p.nice_length, 5, 273)?;
            check("the match finder's cycles (mc)", p.cycles, 1, 1_000_000_000)?;
            check("lc", p.lc, 0, 8)?;
            check("lp", p.lp, 0, 4)?;
            check("pb", p.pb, 0, 4)?;
            let (lc, lp) = (p.lc.unwrap_or(3), p.lp.unwrap_or(0));
            if matches!(method, Method::Lzma2(_)) && lc + lp > 4 {
                return Err(invalid(format!("lc={lc} and lp={lp}: LZMA2 allows 4 together")));
            }
            Ok(())
        }
        Method::Ppmd(p) => {
            check("PPMd's order (o)", p.order, 2, 32)?;
            check("PPMd's memory in bytes (mem)", p.memory_bytes, 1 << 11, 1 << 30)
        }
        Method::Bzip2(p) => check("BZip2's block in 100,000 bytes (d)", p.block_100k, 1, 9),
        Method::Deflate(p) => check("zlib's level", p.zlib_level, 1, 9),
    }
}
