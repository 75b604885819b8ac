//! For async callers (cargo feature `tokio`): items from [`AsyncRead`](::tokio::io::AsyncRead), a future of the report,
//! progress as a stream, an archive to [`AsyncWrite`](::tokio::io::AsyncWrite).
//!
//! A thin layer over the engine, which stays what it is: threads. An async run is begun from within a tokio runtime, of
//! either flavour; a thread of its own takes the items, and the engine's threads read and write. Where one of them needs
//! an async object of the caller, it polls it itself, waits for it to wake, and looks at the run's stop flag meanwhile. So
//! there is no buffer in between: a reader is polled when its item's turn comes and as fast as it is compressed, and the
//! runtime's threads are never blocked. The objects' timers and sockets are driven by the runtime, which must go on
//! running: on a `current_thread` runtime, await the [`Compression`] and do not block.
//!
//! ```
//! use par7z::asynchronous::{Progress, iter};
//! use par7z::storage::PathSink;
//! use par7z::{Compressor, Item, WriteOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> par7z::Result<()> {
//! # let dir = tempfile::tempdir().expect("a folder");
//! # let path = dir.path().join("backup.7z");
//! // Readers are any `AsyncRead`: sockets, bodies of responses, files.
//! let items = (0..100).map(|n| {
//!     let reader = std::io::Cursor::new(format!("content {n}"));
//!     Item::from_async_read(format!("{n}.txt"), reader, None)
//! });
//! let compressor = Compressor::new(WriteOptions::new())?;
//! let compression = compressor.compress_async(iter(items), PathSink::create(&path)?);
//!
//! let mut progress = compression.progress();
//! let watch = tokio::spawn(async move {
//!     while let Some(told) = progress.next().await {
//!         match told {
//!             Progress::Totals(totals) => println!("{} of {}", totals.items_done, totals.items_total),
//!             Progress::ItemFailed { name, message, .. } => eprintln!("{name}: {message}"),
//!             _ => {}
//!         }
//!     }
//! });
//! let report = compression.await?;
//! assert_eq!(report.items_done, 100);
//! watch.await.expect("it ends with the run");
//! # Ok(())
//! # }
//! ```
//!
//! # Memory
//! As any run ([`Compressor`](crate::Compressor)), and nothing for each item but the reader itself.

mod compression;
mod items;
mod progress;
mod read;
mod wait;
mod write;

pub use compression::Compression;
pub use items::{Iter, iter};
pub use progress::{Progress, ProgressStream};
