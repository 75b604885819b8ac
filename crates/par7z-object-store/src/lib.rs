//! Archives made straight from and to object stores, with nothing staged on a disk.
#![forbid(unsafe_code)]

mod credentials;
mod error;
mod fetch;
mod listing;
mod location;
mod options;
mod read;
mod runtime;
mod sink;
mod source;
mod store;
mod upload;
mod web;

pub use location::{Location, Selection};
pub use options::{Retry, StoreOptions};
pub use read::ObjectReader;
pub use sink::{ObjectSink, ObjectVolumeSink};
pub use source::{ObjectFailure, Objects};
pub use store::Store;
