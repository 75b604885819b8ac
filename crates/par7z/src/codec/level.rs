//! Levels: one table, a row per level, and what it makes of a [`Method`].
//!
//! Invariant: a [`ResolvedMethod`] has every parameter decided (`Some`), each within the range that its codec accepts;
//! the codecs rely on it. A level is one row of [`LEVELS`]; nothing else in the crate knows what a level means.

use super::{Encoder, bzip2, copy, deflate, lzma, lzma2, ppmd};
use crate::{Bzip2Params, DeflateParams, LzmaMatchFinder, LzmaMode, LzmaParams, Method, PpmdParams};

/// What a level means for each method.
struct Level {
    /// LZMA and LZMA2: dictionary as a power of two.
    dictionary_log2: u32,
    /// LZMA and LZMA2: 7-Zip's `fb`.
    nice_length: u32,
    mode: LzmaMode,
    match_finder: LzmaMatchFinder,
    ppmd_order: u32,
    ppmd_memory: u32,
    bzip2_block_100k: u32,
    zlib_level: u32,
}

const FAST: (LzmaMode, LzmaMatchFinder) = (LzmaMode::Fast, LzmaMatchFinder::Hc4);
const BEST: (LzmaMode, LzmaMatchFinder) = (LzmaMode::Optimal, LzmaMatchFinder::Bt4);

const fn row(
    dictionary_log2: u32,
    nice_length: u32,
    (mode, match_finder): (LzmaMode, LzmaMatchFinder),
    (ppmd_order, ppmd_memory): (u32, u32),
    bzip2_block_100k: u32,
    zlib_level: u32,
) -> Level {
    Level { dictionary_log2, nice_length, mode, match_finder, ppmd_order, ppmd_memory, bzip2_block_100k, zlib_level }
}

/// The meaning of levels 1 to 9, as in 7-Zip 26 (level 0 stores).
///
/// One thing differs on purpose, see [`SMALL_STREAMS_AT_5`].
#[rustfmt::skip]
const LEVELS: [Level; 9] = [
    //  LZMA: dictionary, nice length, parser and finder   PPMd: order, memory   BZip2  zlib
    row(18, 32, FAST, (4, 1 << 20), 1, 1),
    row(20, 32, FAST, (4, 1 << 21), 3, 3),
    row(22, 32, FAST, (5, 1 << 22), 5, 4),
    row(24, 32, FAST, (5, 1 << 23), 7, 5),
    row(25, 32, BEST, (6, 1 << 24), 9, 6),
    row(26, 32, BEST, (8, 1 << 25), 9, 7),
    row(27, 64, BEST, (16, 1 << 26), 9, 8),
    row(28, 64, BEST, (24, 1 << 27), 9, 9),
    row(28, 64, BEST, (32, 1 << 28), 9, 9),
];

/// Level 5 on streams (or with dictionaries) of at most [`SMALL_STREAM_BYTES`], unless the caller sets `fb` or `mc`. Over
/// 2,816 small source files this is 17 % faster than the level's row and 1.9 % larger, which leaves it within 2 % of
/// 7-Zip's size: the trade that many small items are made for, with the match finder used here. Larger streams get what
/// 7-Zip gives them.
const SMALL_STREAMS_AT_5: Effort = Effort { nice_length: 18, cycles: 16 };
/// What counts as small.
pub(super) const SMALL_STREAM_BYTES: u32 = 1 << 20;

/// How hard LZMA looks for matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effort {
    pub(super) nice_length: u32,
    pub(super) cycles: u32,
}

/// A [`Method`] with every parameter decided: the level's row of the table under what the caller set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResolvedMethod {
    method: Method,
    /// LZMA and LZMA2: what small streams get instead, if anything.
    small_streams: Option<Effort>,
}

impl ResolvedMethod {
    /// Fills in what `method` leaves open from `level`'s row. Level 0 gives Copy.
    pub(crate) fn new(method: &Method, level: u32) -> Self {
        let Some(index) = level.checked_sub(1) else { return Self { method: Method::Copy, small_streams: None } };
        let row = &LEVELS[(index as usize).min(LEVELS.len() - 1)];
        let small_streams = match method {
            Method::Lzma(params) | Method::Lzma2(params)
                if level == 5 && params.nice_length.is_none() && params.cycles.is_none() =>
            {
                Some(SMALL_STREAMS_AT_5)
            }
            _ => None,
        };
        let method = match method {
            Method::Copy => Method::Copy,
            Method::Lzma(params) => Method::Lzma(row.lzma(params)),
            Method::Lzma2(params) => Method::Lzma2(row.lzma(params)),
            Method::Ppmd(params) => Method::Ppmd(PpmdParams {
                order: params.order.or(Some(row.ppmd_order)),
                memory_bytes: params.memory_bytes.or(Some(row.ppmd_memory)),
            }),
            Method::Bzip2(params) => {
                Method::Bzip2(Bzip2Params { block_100k: params.block_100k.or(Some(row.bzip2_block_100k)) })
            }
            Method::Deflate(params) => {
                Method::Deflate(DeflateParams { zlib_level: params.zlib_level.or(Some(row.zlib_level)) })
            }
        };
        Self { method, small_streams }
    }

    /// Whether content is stored as it is.
    pub(crate) fn stores(&self) -> bool {
        matches!(self.method, Method::Copy)
    }

    /// The parameters of LZMA or LZMA2.
    pub(super) fn lzma_setup(&self) -> lzma::Setup {
        let params = match self.method {
            Method::Lzma(params) | Method::Lzma2(params) => params,
            _ => LzmaParams::default(),
        };
        lzma::Setup { params, small_streams: self.small_streams }
    }

    /// The dictionary (or block, or model) in bytes.
    pub(crate) fn dictionary_bytes(&self) -> u64 {
        match &self.method {
            Method::Copy => 0,
            Method::Lzma(params) | Method::Lzma2(params) => {
                u64::from(params.dictionary_bytes.unwrap_or(lzma::DICTIONARY_MIN))
            }
            Method::Ppmd(params) => u64::from(params.memory_bytes.unwrap_or(ppmd::DEFAULT_MEMORY)),
            Method::Bzip2(params) => u64::from(params.block_100k.unwrap_or(9)) * 100_000,
            Method::Deflate(_) => 32 << 10,
        }
    }

    /// Whether slices, each encoded from a fresh `begin`, join to one stream (LZMA2).
    pub(crate) fn joins_slices(&self) -> bool {
        matches!(self.method, Method::Lzma2(_))
    }

    /// Memory of one encoder in bytes, for streams of at most `size` bytes.
    pub(crate) fn encoder_memory_bytes(&self, size: Option<u64>) -> u64 {
        match &self.method {
            Method::Copy => 0,
            Method::Lzma(_) => lzma::encoder_memory_bytes(&self.lzma_setup(), size),
            Method::Lzma2(_) => lzma2::encoder_memory_bytes(&self.lzma_setup(), size),
            Method::Ppmd(params) => ppmd::encoder_memory_bytes(params, size),
            Method::Bzip2(params) => bzip2::encoder_memory_bytes(params),
            Method::Deflate(_) => deflate::ENCODER_MEMORY_BYTES,
        }
    }

    /// A new encoder.
    pub(crate) fn encoder(&self) -> Box<dyn Encoder> {
        match &self.method {
            Method::Copy => Box::new(copy::CopyEncoder),
            Method::Lzma(_) => Box::new(lzma::LzmaEncoder::new(self.lzma_setup())),
            Method::Lzma2(_) => Box::new(lzma2::Lzma2Encoder::new(self.lzma_setup())),
            Method::Ppmd(params) => Box::new(ppmd::PpmdEncoder::new(params)),
            Method::Bzip2(params) => Box::new(bzip2::Bzip2Encoder::new(params)),
            Method::Deflate(params) => Box::new(deflate::DeflateEncoder::new(params)),
        }
    }
}

impl Level {
    fn lzma(&self, params: &LzmaParams) -> LzmaParams {
        let nice_length = params.nice_length.unwrap_or(self.nice_length);
        let match_finder = params.match_finder.unwrap_or(self.match_finder);
        let full = 16 + nice_length / 2;
        let cycles = match match_finder {
            // A chain is walked half as far as a tree, 7-Zip's rule.
            LzmaMatchFinder::Hc4 => full / 2,
            LzmaMatchFinder::Bt4 => full,
        };
        LzmaParams {
            dictionary_bytes: params.dictionary_bytes.or(Some(1 << self.dictionary_log2)),
            nice_length: Some(nice_length),
            cycles: params.cycles.or(Some(cycles)),
            match_finder: Some(match_finder),
            mode: params.mode.or(Some(self.mode)),
            lc: params.lc.or(Some(3)),
            lp: params.lp.or(Some(0)),
            pb: params.pb.or(Some(2)),
        }
    }
}
