//! Compresses many independent inputs in parallel into one standard `.7z` archive, and reads `.7z` archives.
//!
//! # Write
//!
//! ```
//! use par7z::{Compressor, Item, WriteOptions};
//!
//! let compressor = Compressor::new(WriteOptions::new().level(5)?)?;
//! let items = (0..100).map(|n| Item::from_bytes(format!("{n}.txt"), format!("content {n}")));
//! let (archive, report) = compressor.compress_to_vec(items)?;
//! assert_eq!(report.items_done, 100);
//! assert_eq!(&archive[..2], b"7z");
//! # Ok::<(), par7z::Error>(())
//! ```
//!
//! # Read
//!
//! ```no_run
//! use par7z::{Archive, ExtractOptions, OpenOptions};
//!
//! let archive = Archive::open("backup.7z", OpenOptions::new())?;
//! for entry in archive.entries() {
//!     println!("{} {}", entry.size, entry.name);
//! }
//! archive.extract("restored", ExtractOptions::new())?;
//! # Ok::<(), par7z::Error>(())
//! ```
//!
//! # Async
//!
//! With the cargo feature `tokio` (off by default) the module `asynchronous` takes items from `AsyncRead`, makes a run a
//! future of its report and its progress a stream, and writes to `AsyncWrite`.
#![forbid(unsafe_code)]

mod archive;
#[cfg(feature = "tokio")]
pub mod asynchronous;
mod cancel;
mod codec;
mod crypto;
mod error;
mod item;
mod options;
mod pipeline;
mod progress;
pub mod storage;

pub use archive::{Archive, Compressor, EntryInfo, EntryReader, Session};
pub use cancel::CancelToken;
pub use codec::{CodecInfo, codecs};
pub use crypto::{IvSeed, Key, Password};
pub use error::{Error, ErrorKind, Result};
pub use item::{Item, Links, Metadata};
pub use options::{
    Bzip2Params, DeflateParams, Encryption, ErrorPolicy, ExtractOptions, Filter, FilterChoice, LzmaMatchFinder,
    LzmaMode, LzmaParams, Method, OpenOptions, Order, Overwrite, OverwriteAnswer, OverwriteQuestion, PathMode,
    PpmdParams, ReadLimits, Secret, Solid, Stragglers, Threads, TimeChoice, WriteOptions,
};
pub use par7z_format::{EntryKind, FileTime, FormatError, FormatErrorKind};
pub use progress::{Event, ItemFailure, Observer, Report, Totals};

/// The README's examples compile, and run unless they are async.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
