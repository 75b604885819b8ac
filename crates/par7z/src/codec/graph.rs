//! From a folder's coder graph to one running chain of decoders.
//!
//! The walk begins at the coder whose output is the content and goes down through what feeds it to the packed streams.
//! Each coder is fenced on both sides, whatever the foreign crate inside does:
//!
//! - [`Tap`] at each input keeps the first error of what lies below, since decoders tend to replace it by their own;
//! - [`Step`] at the output gives exactly the coder's unpack size, turns an early end, an error or a panic of the
//!   decoder into one error of ours, and lets go of the decoder's memory at its last byte.

use super::registry::{self, Opening};
use super::{BoxRead, Helpers, is_cipher, lzma2_parts};
use crate::crypto::KeyRing;
use crate::{Error, ErrorKind, ReadLimits, Result};
use par7z_format::{Feed, FolderStreams};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Fences cost little, but are counted.
const STEP_BYTES: u64 = 1 << 10;

/// Memory that decoding the folder takes, in bytes. An error if a coder is unknown or its properties are malformed.
pub(crate) fn decoder_memory_bytes(folder: &FolderStreams) -> Result<u64> {
    let mut total = 0u64;
    for (index, coder) in folder.folder.coders().iter().enumerate() {
        let row = registry::find_or_unsupported(coder.method)?;
        if coder.inputs as usize != row.inputs {
            let what = format!("{} with {} inputs: it has {}", row.name, coder.inputs, row.inputs);
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        let unpack_size = unpack_size(folder, index)?;
        total = total.saturating_add((row.memory)(&coder.properties, unpack_size)?).saturating_add(STEP_BYTES);
    }
    Ok(total)
}

/// Whether other threads may be of use when the folder is decoded.
pub(crate) fn may_have_parts(folder: &FolderStreams) -> bool {
    let mut coders = folder.folder.coders().iter().zip(&folder.unpack_sizes);
    coders.any(|(coder, size)| coder.method.0 == registry::id::LZMA2 && lzma2_parts::may_have_parts(*size))
}

/// Joins a folder's coders into a reader of its content. `packed` are its packed streams, each limited to its length. With
/// `helpers`, decoders that can do so use other threads.
///
/// Its errors, when read, are [`Error`]s inside [`io::Error`]s. In a folder with a cipher, data that cannot be decoded
/// has the kind `WrongPassword`, since the format cannot tell a wrong password from damage.
pub(crate) fn open_folder(
    folder: &FolderStreams,
    packed: Vec<BoxRead>,
    keys: &KeyRing,
    limits: &ReadLimits,
    helpers: Option<&Arc<dyn Helpers>>,
) -> Result<BoxRead> {
    let needed = decoder_memory_bytes(folder)?;
    if needed > limits.decoder_memory_bytes {
        let limit = limits.decoder_memory_bytes;
        let what = format!("unpacking needs {needed} bytes of memory, the limit is {limit}");
        return Err(Error::new(ErrorKind::LimitExceeded, what));
    }
    let encrypted = folder.folder.coders().iter().any(|coder| is_cipher(coder.method));
    let damage = if encrypted { ErrorKind::WrongPassword } else { ErrorKind::CorruptData };
    let packed = packed.into_iter().map(Some).collect();
    let mut walk = Walk { folder, packed, keys, limits, helpers, damage, opened: 0 };
    walk.open(folder.folder.main_coder())
}

/// The methods of a folder as 7-Zip lists them: `BCJ LZMA2:25 7zAES:19`.
///
/// 7-Zip lists coders from the last stored to the first; it stores what reads the packed stream first.
pub(crate) fn method_names(folder: &FolderStreams) -> String {
    let names = folder.folder.coders().iter().rev().map(|coder| match registry::find(coder.method) {
        None => registry::hex(coder.method.0),
        Some(row) => match (row.describe)(&coder.properties) {
            None => row.name.to_owned(),
            Some(parameters) => format!("{}:{parameters}", row.name),
        },
    });
    names.collect::<Vec<_>>().join(" ")
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::CorruptHeader, format!("malformed folder: {what}"))
}

fn unpack_size(folder: &FolderStreams, coder: usize) -> Result<u64> {
    folder.unpack_sizes.get(coder).copied().ok_or_else(|| malformed("a coder without a size"))
}

struct Walk<'a> {
    folder: &'a FolderStreams,
    /// Each is taken once.
    packed: Vec<Option<BoxRead>>,
    keys: &'a KeyRing,
    limits: &'a ReadLimits,
    helpers: Option<&'a Arc<dyn Helpers>>,
    /// What data that cannot be decoded means.
    damage: ErrorKind,
    /// Coders so far: in a tree each is opened once, so more than there are would be a cycle.
    opened: usize,
}

impl Walk<'_> {
    fn open(&mut self, index: usize) -> Result<BoxRead> {
        let coders = self.folder.folder.coders();
        self.opened += 1;
        let coder = coders.get(index).ok_or_else(|| malformed("a bond to no coder"))?;
        if self.opened > coders.len() {
            return Err(malformed("its coders form a cycle"));
        }
        let row = registry::find_or_unsupported(coder.method)?;
        let unpack_size = unpack_size(self.folder, index)?;

        let fault = Fault::default();
        let mut inputs: Vec<BoxRead> = Vec::with_capacity(row.inputs);
        for input in 0..row.inputs {
            let source = match self.folder.folder.feed(index, input) {
                Feed::Coder(below) => self.open(below)?,
                Feed::PackStream(stream) => self
                    .packed
                    .get_mut(stream)
                    .and_then(Option::take)
                    .ok_or_else(|| malformed("a packed stream is missing or used twice"))?,
            };
            inputs.push(Box::new(Tap { source, fault: fault.clone() }));
        }
        let mut step =
            Step { decoder: None, name: row.name, remaining: unpack_size, damage: self.damage, fault: fault.clone() };
        if unpack_size > 0 {
            let method = coder.method.0;
            let properties = &coder.properties;
            let (keys, limits, helpers) = (self.keys, self.limits, self.helpers);
            let opening = Opening { method, properties, unpack_size, inputs, keys, limits, helpers };
            // Some decoders read their first bytes here: what lies below may be the one to blame.
            let decoder = catch_unwind(AssertUnwindSafe(|| (row.open)(opening)))
                .unwrap_or_else(|_| Err(step.damaged("its decoder failed")));
            step.decoder = Some(decoder.map_err(|error| match fault.take() {
                Some(below) => Error::io("cannot read packed data", below),
                None if error.kind() == ErrorKind::CorruptData => Error::new(self.damage, error.to_string()),
                None => error,
            })?);
        }
        Ok(Box::new(step))
    }
}

/// The first error of what a decoder reads from, if there was one.
#[derive(Clone, Default)]
struct Fault(Arc<Mutex<Option<io::Error>>>);

impl Fault {
    fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, error: io::Error) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// An input of a decoder.
struct Tap {
    source: BoxRead,
    fault: Fault,
}

impl Read for Tap {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.source.read(buf).map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.fault.keep(error);
            }
            kind.into()
        })
    }
}

/// The output of a decoder.
struct Step {
    /// `None` when it is done (`remaining` is 0) or has failed.
    decoder: Option<BoxRead>,
    name: &'static str,
    remaining: u64,
    damage: ErrorKind,
    fault: Fault,
}

impl Step {
    fn damaged(&self, what: impl std::fmt::Display) -> Error {
        Error::new(self.damage, format!("damaged {} data: {what}", self.name))
    }

    fn failed(&mut self, error: Option<io::Error>) -> io::Error {
        self.decoder = None;
        if let Some(below) = self.fault.take() {
            return below;
        }
        let Some(error) = error else { return self.damaged("its decoder failed").into() };
        if error.kind() == io::ErrorKind::OutOfMemory {
            let what = format!("not enough memory to decode {}", self.name);
            return Error::new(ErrorKind::OutOfMemory, what).into();
        }
        match error.downcast::<Error>() {
            Ok(own) => own.into(),
            Err(foreign) => self.damaged(foreign).into(),
        }
    }
}

impl Read for Step {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buf.len());
        if wanted == 0 {
            return Ok(0);
        }
        let Some(decoder) = &mut self.decoder else {
            return Err(self.damaged("it failed before").into());
        };
        // The decoder is dropped after a panic, so no broken state is seen again.
        match catch_unwind(AssertUnwindSafe(|| decoder.read(&mut buf[..wanted]))) {
            Ok(Ok(0)) => {
                let early = self.damaged(format!("it ends {} bytes early", self.remaining));
                Err(self.failed(Some(early.into())))
            }
            Ok(Ok(count)) => {
                let count = count.min(wanted);
                self.remaining -= count as u64;
                if self.remaining == 0 {
                    self.decoder = None;
                }
                Ok(count)
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Ok(Err(error)) => Err(self.failed(Some(error))),
            Err(_panic) => Err(self.failed(None)),
        }
    }
}
