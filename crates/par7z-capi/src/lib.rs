//! The C ABI of par7z: `include/ParallelCompressAPI.h`, whose text is the contract. The C++ classes are header-only over it.
//!
//! ```text
//!  compressor_api  queue_api  archive_api     extern "C": checks arguments, nothing else
//!        │             │           │           (each through `door`: no panic gets out)
//!    compressor ◄─── queue      reader         what handles mean
//!        │             │
//!        └──► run ◄────┘                       one archive being made: items, sink, events → HRESULT
//!              ├ source   lent memory, Read callbacks   → par7z::Item
//!              ├ sink     path, volumes, memory, Write  → par7z::storage::Sink
//!              ├ stores   URLs, with the feature `cloud` → both
//!              ├ segments volumes for a callback        → par7z::storage::SegmentConsumer
//!              └ events   par7z::Observer → callbacks, statistics
//! ```
//!
//! Ownership is a type: a handle is a number in a table (`handles`), so a stale one is an error and not a crash; what a
//! client lends for the time of a run (`source`) is let go before the run's function returns, because the engine is
//! asked to join every thread first.

#[cfg(panic = "abort")]
compile_error!(
    "build with panic = \"unwind\": a bug must end in an error code, not in the end of the client's process"
);

mod abi;
mod archive_api;
mod border;
mod compressor;
mod compressor_api;
mod door;
mod events;
mod failure;
mod handles;
mod memory;
mod place;
mod queue;
mod queue_api;
mod reader;
mod run;
mod runs;
mod segments;
mod settings;
mod sink;
mod source;
mod statistics;
#[cfg_attr(not(feature = "cloud"), path = "no_stores.rs")]
mod stores;
mod wide;
