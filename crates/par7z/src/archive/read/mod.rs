//! Reading, in the order of the data: [`open`] (finds the header and unpacks it) → [`layout`] (which entry is where) →
//! [`archive`] (the public face) → [`extract`] (folders in parallel on the threads of [`crew`], through [`unpack`]) →
//! [`destination`] (names checked by [`names`], files put in place by [`placing`]). [`run`] keeps the books of one run.

mod archive;
mod crew;
mod destination;
mod extract;
mod layout;
mod names;
mod open;
mod placing;
mod run;
mod unpack;

pub use archive::{Archive, EntryReader};
