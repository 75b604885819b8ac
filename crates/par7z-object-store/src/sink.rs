//! Archives uploaded while they are made: one object, or one for each volume.
//!
//! An object's bytes are cut into parts, which are uploaded at the same time and in any order; the object becomes visible
//! when the upload is completed. A 7z archive begins with its start header, which is known last, so part 0 is kept in
//! memory and goes last. What fits into one part is put in one request.
//!
//! ```text
//! append ─► [part 0, kept] [part being filled] ─► uploads in flight (bounded bytes) ─► finish: part 0, complete
//! ```
//!
//! Invariants: nothing is visible before `finish`; a sink that is dropped or aborted has ended its uploads (or told the
//! store to, where the store takes no answer). A process that is killed cannot: then S3 and Google keep the parts, which
//! cost money, until a lifecycle rule or the user removes the unfinished upload; Azure drops them after a week.

use crate::location::Location;
use crate::options::StoreOptions;
use crate::store::Store;
use crate::upload::{Existing, Line, Target, Upload, check_all_free, end};
use futures_util::StreamExt;
use par7z::storage::Sink;
use par7z::{Error, ErrorKind, Result};
use std::fmt;
use std::io;
use std::sync::Arc;

/// Bytes of the start header, for which a sink leaves room.
const START_HEADER_BYTES: usize = 32;
/// Volumes that are completed at the same time.
const COMPLETED_AT_ONCE: usize = 16;

/// An archive that becomes an object.
///
/// # Memory
/// The first part (8 MiB), the part that is being filled and [`StoreOptions::upload_bytes`]. Parts have 8 MiB at first
/// and get larger with the archive: 16 MiB from 8 GB on, 128 MiB from 125 GB, 1 GiB from 1 TB, at most 2 GiB.
pub struct ObjectSink {
    upload: Upload,
    shown: String,
}

impl fmt::Debug for ObjectSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectSink").field("at", &self.shown).finish_non_exhaustive()
    }
}

impl ObjectSink {
    /// A new object. Its name must be free now and at the end: where the store has no request that fails if the object
    /// exists (none has one that completes an upload of parts), it is asked just before; another writer in that moment
    /// is not noticed.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`]: the location is a prefix or a glob, a web server, or no name for an object;
    /// [`ErrorKind::AlreadyExists`]; [`ErrorKind::Io`]: the store cannot be reached or refuses.
    pub fn create(location: &Location, options: &StoreOptions) -> Result<Self> {
        Self::create_in(&Store::connect(location, options)?, location.selection().key())
    }

    /// As [`create`](Self::create), but replaces an object that has the name, in one step at the end.
    ///
    /// # Errors
    /// As [`create`](Self::create), without [`ErrorKind::AlreadyExists`].
    pub fn replace(location: &Location, options: &StoreOptions) -> Result<Self> {
        Self::replace_in(&Store::connect(location, options)?, location.selection().key())
    }

    /// As [`create`](Self::create), in a store that is connected already.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_in(store: &Store, key: &str) -> Result<Self> {
        Self::new(store, key, Existing::Refuse)
    }

    /// As [`replace`](Self::replace), in a store that is connected already.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn replace_in(store: &Store, key: &str) -> Result<Self> {
        Self::new(store, key, Existing::Replace)
    }

    fn new(store: &Store, key: &str, existing: Existing) -> Result<Self> {
        let target = Target::new(store, key, existing)?;
        target.check_free()?;
        let line = Line::new(store.options.upload_bytes);
        let shown = target.shown().to_owned();
        let mut upload = Upload::new(target, line, true);
        upload.append(&[0; START_HEADER_BYTES]).map_err(|error| Error::io("cannot begin the archive", error))?;
        Ok(Self { upload, shown })
    }
}

impl Sink for ObjectSink {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.upload.append(bytes)
    }

    fn truncate(&mut self, position: u64) -> io::Result<bool> {
        Ok(self.upload.truncate(START_HEADER_BYTES as u64 + position))
    }

    fn finish(mut self: Box<Self>, start_header: &[u8; 32]) -> Result<()> {
        self.upload.seal()?;
        self.upload.patch(start_header);
        self.upload.deliver(true)?;
        let target = self.upload.target().clone();
        let mut upload = self.upload;
        // Uploads come back from the runtime, which cannot wait until one that failed is ended.
        let (mut upload, delivered) = target.wait(async move {
            let delivered = upload.delivered().await;
            Ok((upload, delivered))
        })?;
        delivered?;
        target.check_free()?;
        let (_upload, completed) = target.wait(async move {
            let completed = upload.complete().await;
            Ok((upload, completed))
        })?;
        completed
    }

    fn abort(self: Box<Self>) {
        // Dropping the upload ends it.
    }
}

/// An archive cut into volumes `key.001`, `key.002`, …, each an object.
///
/// No volume is visible before the archive is complete; then they appear within moments, the first one last, so that a
/// set that broke off is not taken for an archive. Parts of several volumes are uploaded at the same time.
///
/// # Memory
/// As [`ObjectSink`], whatever the number of volumes; and some 100 bytes for each part.
pub struct ObjectVolumeSink {
    store: Store,
    /// `name.7z`.
    key: String,
    existing: Existing,
    /// Sizes of the first volumes; the last one repeats.
    sizes: Vec<u64>,
    volumes: Vec<Upload>,
    /// Bytes in the last volume.
    current_bytes: u64,
    line: Arc<Line>,
}

impl fmt::Debug for ObjectVolumeSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectVolumeSink").field("at", &self.store.shown(&self.key)).finish_non_exhaustive()
    }
}

impl ObjectVolumeSink {
    /// Volumes of the given sizes in bytes; the last size repeats. The location names `name.7z`, without `.001`.
    ///
    /// # Errors
    /// As [`ObjectSink::create`], for any volume; [`ErrorKind::InvalidOption`] without sizes or with one below 32 bytes,
    /// which the start header takes.
    pub fn create(location: &Location, sizes: &[u64], options: &StoreOptions) -> Result<Self> {
        Self::create_in(&Store::connect(location, options)?, location.selection().key(), sizes)
    }

    /// As [`create`](Self::create), but replaces a set that has the names. The older set stands until all bytes of the new
    /// one are in the store; then its first volume is deleted, the new ones appear, and what is left of the older one is
    /// deleted. If that breaks off, there is no first volume, and the error says so.
    ///
    /// # Errors
    /// As [`create`](Self::create), without [`ErrorKind::AlreadyExists`].
    pub fn replace(location: &Location, sizes: &[u64], options: &StoreOptions) -> Result<Self> {
        Self::replace_in(&Store::connect(location, options)?, location.selection().key(), sizes)
    }

    /// As [`create`](Self::create), in a store that is connected already.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_in(store: &Store, key: &str, sizes: &[u64]) -> Result<Self> {
        Self::new(store, key, sizes, Existing::Refuse)
    }

    /// As [`replace`](Self::replace), in a store that is connected already.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn replace_in(store: &Store, key: &str, sizes: &[u64]) -> Result<Self> {
        Self::new(store, key, sizes, Existing::Replace)
    }

    fn new(store: &Store, key: &str, sizes: &[u64], existing: Existing) -> Result<Self> {
        if sizes.is_empty() || sizes.iter().any(|size| *size < START_HEADER_BYTES as u64) {
            let text = "a volume of less than 32 bytes: the archive's start header takes that much";
            return Err(Error::new(ErrorKind::InvalidOption, text));
        }
        let line = Line::new(store.options.upload_bytes);
        let (store, key, sizes) = (store.clone(), key.to_owned(), sizes.to_vec());
        let mut sink = Self { store, key, existing, sizes, volumes: Vec::new(), current_bytes: 0, line };
        match existing {
            Existing::Refuse => sink.target(0)?.check_free()?,
            // At the end the volumes that an older set has more are deleted: better known now than then.
            Existing::Replace => sink.target(0)?.check_visible()?,
        }
        sink.begin_volume()?;
        sink.append(&[0; START_HEADER_BYTES]).map_err(|error| Error::io("cannot begin the archive", error))?;
        Ok(sink)
    }

    fn target(&self, volume: usize) -> Result<Target> {
        Target::new(&self.store, &volume_key(&self.key, volume), self.existing)
    }

    fn size_of(&self, volume: usize) -> u64 {
        self.sizes[volume.min(self.sizes.len() - 1)]
    }

    fn begin_volume(&mut self) -> Result<()> {
        let number = self.volumes.len();
        // The first one waits for the start header.
        self.volumes.push(Upload::new(self.target(number)?, Arc::clone(&self.line), number == 0));
        self.current_bytes = 0;
        Ok(())
    }

    /// Everything behind the parts: makes the volumes visible.
    fn publish(mut self) -> Result<()> {
        let targets: Vec<_> = self.volumes.iter().map(|volume| volume.target().clone()).collect();
        let behind = self.target(targets.len())?;
        // One that takes another's place has to be in the store before the other one goes.
        let in_one_request = targets.len() == 1 && self.existing == Existing::Refuse;
        for volume in &mut self.volumes {
            volume.deliver(in_one_request)?;
        }
        let runtime = &targets[0];
        let mut volumes = std::mem::take(&mut self.volumes);
        let (volumes, delivered) = runtime.wait(async move {
            let mut delivered = Ok(());
            for volume in &mut volumes {
                delivered = volume.delivered().await;
                if delivered.is_err() {
                    break;
                }
            }
            Ok((volumes, delivered))
        })?;
        // Back, so that what fails is ended together.
        self.volumes = volumes;
        delivered?;
        if self.existing == Existing::Refuse {
            // A reader goes on as long as there is a next number.
            check_all_free(targets.iter().chain([&behind]).cloned().collect())?;
        } else {
            targets[0].delete()?;
        }
        let mut others = std::mem::take(&mut self.volumes);
        let mut first = others.remove(0);
        let (volumes, results) = runtime.wait(async move {
            // All are tried, so that it is known which ones stand.
            let all = futures_util::stream::iter(others).map(|mut volume| async move {
                let completed = volume.complete().await;
                (volume, completed)
            });
            let (mut volumes, mut results): (Vec<_>, Vec<_>) = all.buffered(COMPLETED_AT_ONCE).unzip().await;
            if results.iter().all(Result::is_ok) {
                results.push(first.complete().await);
            }
            volumes.push(first);
            Ok((volumes, results))
        })?;
        self.volumes = volumes;
        let result: Result<()> = results.into_iter().collect();
        if let Err(error) = result {
            end(&mut self.volumes);
            // An object that somebody else has made in the meantime is not ours to delete.
            if !in_one_request || error.kind() != ErrorKind::AlreadyExists {
                for target in &targets {
                    // Without its first volume none is of use.
                    let _ = target.delete();
                }
            }
            return Err(error);
        }
        if self.existing == Existing::Replace {
            let mut number = targets.len();
            while self.target(number)?.delete_if_there()? {
                number += 1;
            }
        }
        Ok(())
    }
}

impl Drop for ObjectVolumeSink {
    fn drop(&mut self) {
        end(&mut self.volumes);
    }
}

/// `name.7z.001` for volume 0.
fn volume_key(key: &str, volume: usize) -> String {
    format!("{key}.{:03}", volume + 1)
}

impl Sink for ObjectVolumeSink {
    fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let number = self.volumes.len() - 1;
            let room = self.size_of(number) - self.current_bytes;
            if room == 0 {
                self.volumes[number].seal().map_err(io::Error::from)?;
                self.begin_volume().map_err(io::Error::from)?;
                continue;
            }
            let (part, rest) = bytes.split_at(room.min(bytes.len() as u64) as usize);
            self.volumes[number].append(part)?;
            self.current_bytes += part.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    fn truncate(&mut self, position: u64) -> io::Result<bool> {
        let number = self.volumes.len() - 1;
        let before: u64 = (0..number).map(|volume| self.size_of(volume)).sum();
        let position = START_HEADER_BYTES as u64 + position;
        // The volumes before are on their way. An empty volume would be left at a border.
        if position < before || (position == before && number > 0) || !self.volumes[number].truncate(position - before)
        {
            return Ok(false);
        }
        self.current_bytes = position - before;
        Ok(true)
    }

    fn finish(mut self: Box<Self>, start_header: &[u8; 32]) -> Result<()> {
        for volume in &mut self.volumes {
            volume.seal()?;
        }
        self.volumes[0].patch(start_header);
        self.publish()
    }

    fn abort(self: Box<Self>) {
        // Dropping the sink ends them.
    }
}
