//! An archive cut into volumes that are handed to the caller's own function, each as soon as it is complete, while later
//! ones are still being made.
//!
//! A volume that was handed over is out of reach. So those that hold a byte of the start header, which is known last, are
//! kept back to the end (`head`: their bytes, joined), and so is any volume that might still be the last one: a volume
//! goes out when the first byte behind it comes. Whatever happens, the consumer is told the end once: by volume 1, which
//! is always the last to come, or by `abort`.

use super::spool::Spool;
use super::volume_sizes::VolumeSizes;
use super::{START_HEADER_BYTES, Sink};
use crate::{Error, Result};
use std::fmt;
use std::io::{self, Read};

/// A complete volume on its way to the consumer. Reading it gives its bytes.
pub struct Segment<'a> {
    number: u64,
    size_bytes: u64,
    is_last: bool,
    content: io::Take<&'a mut (dyn Read + Send)>,
}

impl Segment<'_> {
    /// Its number, from 1: what `name.7z.001` ends in.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its size in bytes: as many can be read.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Whether it has the highest number of all: the archive ends with it. (The one that comes last is volume 1.)
    pub fn is_last(&self) -> bool {
        self.is_last
    }
}

impl Read for Segment<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.content.read(buf)
    }
}

impl fmt::Debug for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Segment");
        debug.field("number", &self.number).field("size_bytes", &self.size_bytes).field("is_last", &self.is_last);
        debug.finish_non_exhaustive()
    }
}

/// Takes volumes. A closure that takes a [`Segment`] is one; who must also learn that a set will not become complete
/// implements the trait.
///
/// Calls come one at a time, from the thread that writes the archive. While one lasts, workers go on until the memory
/// budget is full; then they wait for it. (The thread belongs to no async runtime: `Handle::block_on` works there.)
pub trait SegmentConsumer: Send {
    /// Takes a volume; what it does not read is lost. When volume 1 has been taken, the set is complete.
    ///
    /// # Errors
    /// Whatever hinders it. The run ends with that error, after [`abort`](Self::abort).
    fn segment(&mut self, segment: Segment<'_>) -> io::Result<()>;

    /// The set will not become complete (the run was cancelled or has failed, perhaps by an error from here): what was
    /// taken of it is of no use. Comes at most once, nothing comes after it, and it does not come after volume 1 was
    /// taken. The default does nothing.
    fn abort(&mut self) {}
}

impl<F: FnMut(Segment<'_>) -> io::Result<()> + Send> SegmentConsumer for F {
    fn segment(&mut self, segment: Segment<'_>) -> io::Result<()> {
        self(segment)
    }
}

/// Volumes that a function takes: to upload them, to burn them, to write them to names of one's own. Joined in the order
/// of their numbers they are the archive; named `name.7z.001`, `.002`, … they are a set that 7-Zip opens.
///
/// # Order
/// 2, 3, …, n, and 1 last: it holds the start header, which points to the archive's end. Each of the others comes as soon
/// as the first byte behind it is there. If volumes are so small that several hold parts of the 32-byte start header,
/// volumes 1 to k, these come last: k + 1, …, n, then 2, …, k, then 1. So a set without volume 1 is one that was not
/// finished, and no reader takes it for an archive.
///
/// # Failing items
/// A failed item's bytes are taken back as long as no volume with any of them was handed over. Else they stay in the
/// archive, belonging to no entry, and readers step over them.
///
/// # Memory
/// Two volumes are held at a time, the first and the one that is being made: each in memory up to `memory_bytes`, beyond
/// that in an unnamed temporary file in the system's folder for these. So at most twice `memory_bytes`, and on the disk
/// the size of two volumes.
///
/// ```
/// use par7z::storage::{Segment, SegmentSink};
/// use par7z::{Compressor, Item, WriteOptions};
/// use std::collections::BTreeMap;
/// use std::io::Read;
/// use std::sync::{Arc, Mutex};
///
/// let volumes = Arc::new(Mutex::new(BTreeMap::new()));
/// let taken = Arc::clone(&volumes);
/// let upload = move |mut segment: Segment<'_>| {
///     let mut bytes = Vec::new();
///     segment.read_to_end(&mut bytes)?;
///     taken.lock().expect("no panic").insert(format!("backup.7z.{:03}", segment.number()), bytes);
///     Ok(())
/// };
/// let items = (0..100).map(|n| Item::from_bytes(format!("{n}.txt"), format!("content {n}")));
/// let sink = SegmentSink::new(&[1000], 16 << 20, upload)?;
/// Compressor::new(WriteOptions::new())?.compress(items, sink)?;
///
/// let volumes = volumes.lock().expect("no panic");
/// assert!(volumes.len() > 1 && volumes["backup.7z.001"].starts_with(b"7z"));
/// # Ok::<(), par7z::Error>(())
/// ```
pub struct SegmentSink<C: SegmentConsumer> {
    sizes: VolumeSizes,
    /// `None` once it need not be told anything any more, and while it is being called: if it panics, it has heard enough.
    consumer: Option<C>,
    /// The volumes that hold parts of the start header, joined: `head_volumes` of them, `head_bytes` when they are full.
    head: Spool,
    head_volumes: usize,
    head_bytes: u64,
    /// The volume being made, behind the head. Empty only as long as it is the first one there.
    current: Spool,
    /// Its number, from 0.
    current_number: usize,
    /// Where it begins in the archive.
    current_start: u64,
}

impl<C: SegmentConsumer> fmt::Debug for SegmentSink<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SegmentSink");
        debug.field("current_number", &self.current_number).field("current", &self.current).finish_non_exhaustive()
    }
}

impl<C: SegmentConsumer> SegmentSink<C> {
    /// Volumes of the given sizes in bytes for `consumer`; the last size repeats. Each of the two volumes that are held
    /// at a time stays in memory up to `memory_bytes`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) without sizes or with one of 0;
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if `memory_bytes` is below 32 and there is no place for a temporary file.
    pub fn new(sizes: &[u64], memory_bytes: usize, consumer: C) -> Result<Self> {
        let sizes = VolumeSizes::new(sizes)?;
        let mut head = Spool::new(memory_bytes);
        head.append(&[0; START_HEADER_BYTES as usize]).map_err(|error| Error::io(CANNOT_KEEP, error))?;
        let (mut head_volumes, mut head_bytes) = (0, 0u64);
        while head_bytes < START_HEADER_BYTES {
            head_bytes = head_bytes.saturating_add(sizes.of(head_volumes));
            head_volumes += 1;
        }
        Ok(Self {
            sizes,
            consumer: Some(consumer),
            head,
            head_volumes,
            head_bytes,
            current: Spool::new(memory_bytes),
            current_number: head_volumes,
            current_start: head_bytes,
        })
    }

    /// The current volume is complete, and there is more: hands it over and begins the next.
    fn next_volume(&mut self) -> io::Result<()> {
        self.hand_over_current(false)?;
        self.current_start += self.current.len_bytes();
        self.current_number += 1;
        self.current.truncate(0)
    }

    fn hand_over_current(&mut self, is_last: bool) -> io::Result<()> {
        let size_bytes = self.current.len_bytes();
        hand_over(&mut self.consumer, &mut self.current, 0, size_bytes, self.current_number, is_last)
    }

    /// Hands over what is left.
    fn complete(&mut self, start_header: &[u8; 32]) -> io::Result<()> {
        self.head.patch(start_header)?;
        let ends_in_head = self.current.len_bytes() == 0;
        if !ends_in_head {
            self.hand_over_current(true)?;
        }
        let mut parts = Vec::new();
        let mut start = 0;
        while start < self.head.len_bytes() {
            let size = self.sizes.of(parts.len()).min(self.head.len_bytes() - start);
            parts.push((start, size));
            start += size;
        }
        let last = parts.len() - 1;
        for number in (1..parts.len()).chain([0]) {
            let (start, size) = parts[number];
            hand_over(&mut self.consumer, &mut self.head, start, size, number, ends_in_head && number == last)?;
        }
        Ok(())
    }
}

const CANNOT_KEEP: &str = "cannot keep the volume that is being made";

/// Gives the consumer `size_bytes` of `spool` as volume `number`, counted from 0.
fn hand_over<C: SegmentConsumer>(
    consumer: &mut Option<C>,
    spool: &mut Spool,
    start_bytes: u64,
    size_bytes: u64,
    number: usize,
    is_last: bool,
) -> io::Result<()> {
    let content = spool.read_from(start_bytes)?.take(size_bytes);
    let Some(mut called) = consumer.take() else { return Err(io::Error::other("the set was given up")) };
    let result = called.segment(Segment { number: number as u64 + 1, size_bytes, is_last, content });
    *consumer = Some(called);
    result
}

impl<C: SegmentConsumer> Sink for SegmentSink<C> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = (self.head_bytes - self.head.len_bytes()).min(bytes.len() as u64);
        let (part, mut bytes) = bytes.split_at(room as usize);
        self.head.append(part)?;
        while !bytes.is_empty() {
            let room = self.sizes.of(self.current_number) - self.current.len_bytes();
            if room == 0 {
                self.next_volume()?;
                continue;
            }
            let (part, rest) = bytes.split_at(room.min(bytes.len() as u64) as usize);
            self.current.append(part)?;
            bytes = rest;
        }
        Ok(())
    }

    fn truncate(&mut self, position: u64) -> io::Result<bool> {
        let position = START_HEADER_BYTES + position;
        let is_first_behind_head = self.current_number == self.head_volumes;
        // At a border the volume before it would be the last one, and the consumer was told that it is not.
        if !is_first_behind_head && position <= self.current_start {
            return Ok(false);
        }
        self.current.truncate(position.saturating_sub(self.current_start))?;
        if position < self.head.len_bytes() {
            self.head.truncate(position)?;
        }
        Ok(true)
    }

    fn finish(mut self: Box<Self>, start_header: &[u8; 32]) -> Result<()> {
        self.complete(start_header).map_err(|error| Error::io("cannot hand over the archive's volumes", error))?;
        self.consumer = None;
        Ok(())
    }

    fn abort(self: Box<Self>) {
        // Dropping tells the consumer.
    }
}

impl<C: SegmentConsumer> Drop for SegmentSink<C> {
    fn drop(&mut self) {
        if let Some(mut consumer) = self.consumer.take() {
            consumer.abort();
        }
    }
}
