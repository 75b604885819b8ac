//! The joiner: what turns items into an archive ([`write`]) and an archive into entries ([`read`]), out of the leaves
//! `pipeline`, `codec`, `crypto` and `storage`, which do not know each other.

mod entry;
mod read;
mod write;

pub use entry::EntryInfo;
pub use read::{Archive, EntryReader};
pub use write::{Compressor, Session};
