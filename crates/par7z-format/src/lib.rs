//! The `.7z` container: header bytes ↔ a validated model. No I/O, no threads, no `unsafe`.
//!
//! An archive is a 32-byte start header, the packed streams, and (at the place that the start header names) the
//! *next header*: either a plain [`Header`], or an *encoded header*, a [`Streams`] whose single folder unpacks to the
//! plain header. This crate turns those byte strings into types and back; who reads and unpacks them is not its concern.
//!
//! The bytes are taken as hostile: every count is checked against [`Limits`] and against the bytes that are there
//! before anything is allocated, and every error carries the offset of the byte that is wrong.
#![forbid(unsafe_code)]

mod emit;
mod entries;
mod error;
mod folder;
mod limits;
mod number;
mod parse;
mod property;
mod signature;
mod streams;

pub use emit::{emit_encoded_header, emit_header};
pub use entries::{Entry, EntryKind, FileTime};
pub use error::{FormatError, FormatErrorKind};
pub use folder::{Bond, Coder, Feed, Folder, MethodId};
pub use limits::Limits;
pub use parse::{NextHeader, parse_next_header};
pub use signature::{SIGNATURE, START_HEADER_BYTES, StartHeader, find_next_header};
pub use streams::{FolderStreams, Header, PackStream, Streams, Substream};
