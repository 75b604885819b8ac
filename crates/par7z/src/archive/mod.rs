//! The joiner: what turns items into an archive and an archive into entries, out of the leaves `pipeline`, `codec`,
//! `crypto` and `storage`, which do not know each other.

mod destination;
mod entry;
mod extract;
mod layout;
mod names;
mod open;
mod placing;
mod reader;
mod run;
mod unpack;
mod write;

pub use entry::EntryInfo;
pub use reader::{Archive, EntryReader};
pub use write::{Compressor, Session};
