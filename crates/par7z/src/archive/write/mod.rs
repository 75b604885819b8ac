//! Writing, in the order of the data: [`compressor`] (the public face) → [`plan`] (items become jobs) → [`job`] (a
//! worker opens and reads, through [`source`]) → [`folder_writer`] (filters, compresses, encrypts) → [`commit`] (writes
//! in order, keeps the records, closes the archive). [`run`] is what they share.

mod block;
mod commit;
mod compressor;
mod folder_writer;
mod job;
mod plan;
mod run;
mod source;

pub use compressor::{Compressor, Session};
