//! The joiner: what turns items into an archive and an archive into entries, out of the leaves `pipeline`, `codec`,
//! `crypto` and `storage`, which do not know each other.

mod entry;
mod reader;
mod write;

pub use entry::EntryInfo;
pub use reader::{Archive, EntryReader};
pub use write::{Compressor, Session};
