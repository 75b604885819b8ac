//! Archives made straight from and to object stores, with nothing staged on a disk: Azure Blob Storage, S3 (and what
//! speaks its protocol), Google Cloud Storage, and for reading web servers.
//!
//! ```no_run
//! use par7z::{Archive, Compressor, OpenOptions, WriteOptions};
//! use par7z_object_store::{Location, ObjectReader, ObjectSink, Objects, StoreOptions};
//!
//! let options = StoreOptions::new();
//! let logs = Location::parse("az://logs/2024/**/*.json")?;
//! let target = Location::parse("s3://archive/2024.7z")?;
//!
//! let sink = ObjectSink::create(&target, &options)?;
//! let objects = Objects::list(&logs, &options)?;
//! let report = Compressor::new(WriteOptions::new())?.compress(objects.items(), sink)?;
//! for failure in &report.failures {
//!     println!("{}: {}", failure.name, failure.error);
//! }
//!
//! let archive = Archive::from_source(ObjectReader::open(&target, &options)?, OpenOptions::new())?;
//! println!("{} entries", archive.entries().len());
//! # Ok::<(), par7z::Error>(())
//! ```
//!
//! Everything here is synchronous; the one place where asynchronous I/O meets the engine's threads is inside. TLS is by
//! rustls with ring; a program that has installed another provider of rustls keeps it.
//!
//! # URLs
//!
//! | URL | what |
//! |---|---|
//! | `az://container/key`, `azure://`, `abfs://`, `abfss://` | Azure; the account comes from the options. `abfss://container@account.dfs.core.windows.net/key` names it |
//! | `https://account.blob.core.windows.net/container/key?SAS` | Azure, with or without a signature |
//! | `s3://bucket/key` | S3 |
//! | `gs://bucket/key` | Google Cloud Storage |
//! | `http://host/path`, `https://host/path` | one object of a web server, to be read |
//!
//! A key is an object's name as it is, not percent-encoded, in the clouds' own schemes; in `http` and `https` URLs it is
//! encoded as in any URL. Empty, or with `/` at its end, it is a prefix: all objects below it. With `*` or `?` it is a
//! glob; see [`Selection`].
#![forbid(unsafe_code)]

mod buffer;
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

pub use location::{Location, Selection, shown_url};
pub use options::{Retry, StoreOptions};
pub use read::ObjectReader;
pub use sink::{ObjectSink, ObjectVolumeSink};
pub use source::{ObjectFailure, Objects};
pub use store::Store;
