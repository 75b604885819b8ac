//! Levels: one table, a row per level, and what it makes of a [`Method`].
//!
//! Invariant: a [`ResolvedMethod`] has every parameter decided (`Some`), each within the range that its codec accepts;
//! the codecs rely on it. A level is one row of [`LEVELS`], and one of par7z-lzma's; nothing else knows what it means.

use super::lzma::Setup;
use super::{Encoder, SlicedText, bzip2, copy, deflate, lzma, lzma2, ppmd};
use crate::{Bzip2Params, DeflateParams, LzmaMatchFinder, Method, PpmdParams};
use par7z_lzma::{EncoderOptions, LzmaStreamEncoder};

/// What a level means for each method but LZMA and LZMA2.
struct Level {
    ppmd_order: u32,
    ppmd_memory: u32,
    bzip2_block_100k: u32,
    zlib_level: u32,
}

const fn row((ppmd_order, ppmd_memory): (u32, u32), bzip2_block_100k: u32, zlib_level: u32) -> Level {
    Level { ppmd_order, ppmd_memory, bzip2_block_100k, zlib_level }
}

/// The meaning of levels 1 to 9, as in 7-Zip 26 (level 0 stores). LZMA's and LZMA2's are par7z-lzma's
/// ([`EncoderOptions::level`](par7z_lzma::EncoderOptions::level)).
#[rustfmt::skip]
const LEVELS: [Level; 9] = [
    //  PPMd: order, memory  BZip2  zlib
    row((4, 1 << 20),        1,     1),
    row((4, 1 << 21),        3,     3),
    row((5, 1 << 22),        5,     4),
    row((5, 1 << 23),        7,     5),
    row((6, 1 << 24),        9,     6),
    row((8, 1 << 25),        9,     7),
    row((16, 1 << 26),       9,     8),
    row((24, 1 << 27),       9,     9),
    row((32, 1 << 28),       9,     9),
];

/// Bytes of LZMA2 that are gathered before they are packed: four or eight slices.
const LZMA2_BLOCK_BYTES: u64 = 64 << 20;

/// A [`Method`] with every parameter decided: the level's row of the table under what the caller set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ResolvedMethod {
    Copy,
    Lzma(Setup),
    Lzma2(Setup),
    Ppmd(PpmdParams),
    Bzip2(Bzip2Params),
    Deflate(DeflateParams),
}

impl ResolvedMethod {
    /// Fills in what `method` leaves open from `level`'s row. Level 0 gives Copy.
    pub(crate) fn new(method: &Method, level: u32) -> Self {
        let Some(index) = level.checked_sub(1) else { return Self::Copy };
        let row = &LEVELS[(index as usize).min(LEVELS.len() - 1)];
        match method {
            Method::Copy => Self::Copy,
            Method::Lzma(params) => Self::Lzma(Setup::new(level, params)),
            Method::Lzma2(params) => Self::Lzma2(Setup::new(level, params)),
            Method::Ppmd(params) => Self::Ppmd(PpmdParams {
                order: params.order.or(Some(row.ppmd_order)),
                memory_bytes: params.memory_bytes.or(Some(row.ppmd_memory)),
            }),
            Method::Bzip2(params) => {
                Self::Bzip2(Bzip2Params { block_100k: params.block_100k.or(Some(row.bzip2_block_100k)) })
            }
            Method::Deflate(params) => {
                Self::Deflate(DeflateParams { zlib_level: params.zlib_level.or(Some(row.zlib_level)) })
            }
        }
    }

    /// Whether content is stored as it is.
    pub(crate) fn stores(&self) -> bool {
        matches!(self, Self::Copy)
    }

    /// The dictionary (or block, or model) in bytes.
    pub(crate) fn dictionary_bytes(&self) -> u64 {
        match self {
            Self::Copy => 0,
            Self::Lzma(setup) | Self::Lzma2(setup) => setup.dictionary_bytes().into(),
            Self::Ppmd(params) => u64::from(params.memory_bytes.unwrap_or(ppmd::DEFAULT_MEMORY)),
            Self::Bzip2(params) => u64::from(params.block_100k.unwrap_or(9)) * 100_000,
            Self::Deflate(_) => 32 << 10,
        }
    }

    /// Bytes that are best taken at a time where a folder is large.
    pub(crate) fn block_bytes(&self) -> u64 {
        match self {
            Self::Lzma2(_) => LZMA2_BLOCK_BYTES,
            _ => self.dictionary_bytes(),
        }
    }

    /// Whether a large folder's blocks are packed in slices, by all workers at the same time (LZMA2).
    pub(crate) fn has_slices(&self) -> bool {
        matches!(self, Self::Lzma2(_))
    }

    /// Whether a block of so many bytes has several slices.
    pub(crate) fn is_sliced(&self, bytes: usize) -> bool {
        match self {
            Self::Lzma2(setup) => SlicedText::slice_count(setup.options(), bytes, setup.options().slice_bytes()) > 1,
            _ => false,
        }
    }

    /// How much of the blocks before a block of `block_bytes` its slices refer to.
    pub(crate) fn history_bytes(&self, block_bytes: u64) -> usize {
        self.dictionary_bytes().min(block_bytes) as usize
    }

    /// Prepares a block for its slices, which are what comes behind the history.
    pub(crate) fn sliced_text(&self, window: &[u8], history_bytes: usize) -> SlicedText {
        let options = match self {
            Self::Lzma2(setup) => *setup.options(),
            _ => EncoderOptions::default(),
        };
        SlicedText::new(&options, window, history_bytes, options.slice_bytes())
    }

    /// What comes behind a folder's last slice.
    pub(crate) fn end_of_slices(&self) -> &'static [u8] {
        &[lzma2::END]
    }

    /// The same with an encoder that takes less memory, if there is one.
    pub(crate) fn leaner(&self) -> Option<Self> {
        match self {
            Self::Lzma(setup) => setup.leaner().map(Self::Lzma),
            Self::Lzma2(setup) => setup.leaner().map(Self::Lzma2),
            _ => None,
        }
    }

    /// How matches are found, if they are.
    pub(crate) fn match_finder(&self) -> Option<LzmaMatchFinder> {
        match self {
            Self::Lzma(setup) | Self::Lzma2(setup) => Some(setup.match_finder()),
            _ => None,
        }
    }

    /// Memory to pack a block of so many bytes, history included: shared by all workers, and each worker's.
    pub(crate) fn block_memory_bytes(&self, bytes: u64) -> (u64, u64) {
        match self {
            Self::Lzma2(setup) if self.is_sliced(bytes as usize) => {
                SlicedText::memory_bytes(setup.options(), bytes as usize)
            }
            _ => (0, 0),
        }
    }

    /// Memory of one encoder in bytes, for streams of at most `size` bytes.
    pub(crate) fn encoder_memory_bytes(&self, size: Option<u64>) -> u64 {
        match self {
            Self::Copy => 0,
            Self::Lzma(setup) => LzmaStreamEncoder::memory_bytes(setup.options(), size.unwrap_or(u64::MAX)),
            Self::Lzma2(setup) => setup.options().memory_bytes(size.unwrap_or(LZMA2_BLOCK_BYTES) as usize),
            Self::Ppmd(params) => ppmd::encoder_memory_bytes(params, size),
            Self::Bzip2(params) => bzip2::encoder_memory_bytes(params),
            Self::Deflate(_) => deflate::ENCODER_MEMORY_BYTES,
        }
    }

    /// A new encoder.
    pub(crate) fn encoder(&self) -> Box<dyn Encoder> {
        match self {
            Self::Copy => Box::new(copy::CopyEncoder),
            Self::Lzma(setup) => Box::new(lzma::LzmaEncoder::new(*setup)),
            Self::Lzma2(setup) => Box::new(lzma2::Lzma2Encoder::new(setup)),
            Self::Ppmd(params) => Box::new(ppmd::PpmdEncoder::new(params)),
            Self::Bzip2(params) => Box::new(bzip2::Bzip2Encoder::new(params)),
            Self::Deflate(params) => Box::new(deflate::DeflateEncoder::new(params)),
        }
    }
}
