//! The joiner: what turns items into an archive and an archive into entries, out of the leaves `pipeline`, `codec`,
//! `crypto` and `storage`, which do not know each other.
//!
//! Writing, in the order of the data: [`writer`] (the public face) → [`plan`] (items become jobs) → [`job`] (a worker
//! opens and reads, through [`source`]) → [`folder_writer`] (filters, compresses, encrypts) → [`commit`] (writes in
//! order, keeps the records, closes the archive). [`run`] is what they share.

mod commit;
mod entry;
mod folder_writer;
mod job;
mod plan;
mod reader;
mod run;
mod source;
mod writer;

pub use entry::EntryInfo;
pub use reader::{Archive, EntryReader};
pub use writer::{Compressor, Session};
