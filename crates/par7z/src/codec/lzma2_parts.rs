//! LZMA2 on several threads: where a stream resets its dictionary it is cut, and the parts are unpacked at the same time.
//!
//! The thread that reads is the one that cuts: it gathers as many parts as there are threads, shares them out, and gives out
//! what they become in order. While it waits it unpacks a part itself.
//!
//! Only what is in order becomes a part: complete, of a usual size, within the stream's size, and followed by a reset or the
//! end. All else, and a part that turns out damaged, is decoded in its turn and its place by the decoder that one thread
//! would have used, which begins afresh there. So output and errors are those of one thread, and so is memory where there is
//! none for parts. (But if the input fails, and what was read before is damaged as well, the failure may be told first.)
//!
//! Invariant: the bytes of a part, packed and unpacked, are reserved before they are allocated. Chunk headers claim them,
//! which must be there to be counted.

use super::lzma::Decoding;
use super::{BoxRead, Helpers};
use par7z_lzma::{Lzma2Decoder, Lzma2Header};
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

#[cfg(test)]
mod tests;

/// The least that is a part, packed and unpacked: what is smaller is joined with what follows. A stream may reset its
/// dictionary every few bytes.
const PART_BYTES_MIN: usize = if cfg!(test) { 1 << 10 } else { 1 << 20 };
/// The most that is a part, packed and unpacked: 7-Zip resets the dictionary after 256 MiB at the latest, or never.
const PART_BYTES_MAX: usize = if cfg!(test) { 100 << 10 } else { 512 << 20 };
/// What a part's decoder takes besides, rounded up.
const DECODER_BYTES: u64 = 128 << 10;
/// Read at once where it is not the data of a chunk, which needs no buffer before it.
const INPUT_BYTES: usize = 1 << 10;
/// The byte that ends a stream. With it a part is a stream of its own.
const END: u8 = super::lzma2::END;

/// Whether a stream of `unpack_size` bytes may have parts that are worth it.
pub(super) fn may_have_parts(unpack_size: u64) -> bool {
    unpack_size > PART_BYTES_MIN as u64
}

/// Reads a stream, its parts unpacked by whoever is free.
pub(super) struct PartsReader {
    helpers: Arc<dyn Helpers>,
    dictionary_bytes: u32,
    cutter: Cutter,
    /// The part whose turn it is to be gathered.
    gathered: Gathered,
    /// What was gathered, and what follows up to a reset, is to be decoded here when its turn comes.
    is_odd: bool,
    /// Parts that are shared out, in order.
    in_flight: VecDeque<Arc<Part>>,
    /// What is being given out.
    unpacked: Option<Unpacked>,
    here: Here,
    /// Output that is still to come.
    remaining: u64,
    /// The parts in flight are not wanted any more.
    abandoned: Arc<AtomicBool>,
}

/// Decoding as one thread does it, from one reset of the dictionary to another, or to the end.
struct Here {
    decoding: Decoding<Lzma2Decoder>,
    is_active: bool,
    feed: Feed,
}

impl PartsReader {
    pub(super) fn new(dictionary_bytes: u32, input: BoxRead, unpack_size: u64, helpers: &Arc<dyn Helpers>) -> Self {
        let decoder = Lzma2Decoder::new(dictionary_bytes, Some(unpack_size));
        Self {
            helpers: Arc::clone(helpers),
            dictionary_bytes,
            cutter: Cutter::new(input, unpack_size),
            gathered: Gathered::new(helpers),
            is_odd: false,
            in_flight: VecDeque::new(),
            unpacked: None,
            here: Here {
                decoding: Decoding::new(decoder, unpack_size),
                is_active: false,
                feed: Feed::new(Gathered::new(helpers)),
            },
            remaining: unpack_size,
            abandoned: Arc::default(),
        }
    }

    /// Gathers parts and shares them out, as many as there are threads for.
    fn gather(&mut self) {
        let spare = self.helpers.spare_threads();
        let is_idle = self.in_flight.is_empty() && self.gathered.packed.is_empty();
        if is_idle && matches!(self.cutter.next(), Some(Lzma2Header::End)) {
            return;
        }
        if spare == 0 && self.in_flight.is_empty() {
            self.is_odd = true;
        }
        while !self.is_odd && self.in_flight.len() <= spare {
            match self.gather_part() {
                Gather::Part => self.share(),
                Gather::Odd => self.is_odd = true,
                Gather::Nothing => return,
            }
        }
    }

    /// Gathers a part, or goes on with one.
    fn gather_part(&mut self) -> Gather {
        let is_alone = self.in_flight.is_empty();
        loop {
            match self.cutter.next() {
                Some(Lzma2Header::Chunk { packed_bytes, unpacked_bytes, resets_dictionary, .. }) => {
                    if resets_dictionary && self.gathered.bytes() >= PART_BYTES_MIN {
                        return Gather::Part;
                    }
                    if self.gathered.bytes() + packed_bytes + unpacked_bytes > PART_BYTES_MAX {
                        return Gather::Odd;
                    }
                    if !self.gathered.make_room(packed_bytes, unpacked_bytes) {
                        // There may be room when the parts before it are gone.
                        return if is_alone { Gather::Odd } else { Gather::Nothing };
                    }
                    if !self.cutter.take(&mut self.gathered.packed) {
                        return Gather::Odd;
                    }
                    self.gathered.unpacked_bytes += unpacked_bytes;
                }
                Some(Lzma2Header::End) if self.gathered.packed.is_empty() => return Gather::Nothing,
                // What is alone has no use for other threads.
                Some(Lzma2Header::End) => return if is_alone { Gather::Odd } else { Gather::Part },
                None => return Gather::Odd,
            }
        }
    }

    fn share(&mut self) {
        let mut gathered = std::mem::replace(&mut self.gathered, Gathered::new(&self.helpers));
        gathered.packed.push(END);
        let part = Arc::new(Part {
            dictionary_bytes: self.dictionary_bytes,
            helpers: Arc::clone(&self.helpers),
            abandoned: Arc::clone(&self.abandoned),
            state: Mutex::new(State::Gathered(gathered)),
            done: Condvar::new(),
        });
        // A task that nobody is free for must not keep the part.
        let task = Arc::downgrade(&part);
        self.helpers.share(Box::new(move || {
            if let Some(part) = task.upgrade() {
                part.unpack();
            }
        }));
        self.in_flight.push_back(part);
    }

    /// Waits for a part, unpacking it or one behind it meanwhile.
    fn wait(&self, part: &Part) -> Result<Unpacked, Gathered> {
        let mut parts = std::iter::once(part).chain(self.in_flight.iter().map(|part| &**part));
        while !part.is_done() && parts.any(Part::unpack) {}
        part.wait()
    }

    /// Begins to decode here: `ahead`, and then what the cutter has.
    fn begin_here(&mut self, ahead: Gathered) {
        self.here.decoding.begin(|decoder| decoder.reset(self.dictionary_bytes, Some(self.remaining)), self.remaining);
        self.here.feed = Feed::new(ahead);
        self.here.is_active = true;
    }

    /// Decodes here. Nothing: the part is at its end, or the stream is.
    fn read_here(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let is_cut = self.helpers.spare_threads() > 0;
        let mut input = FeedFrom { feed: &mut self.here.feed, cutter: &mut self.cutter, is_cut };
        self.here.decoding.read(&mut input, buf)
    }
}

enum Gather {
    /// A part is complete.
    Part,
    /// It cannot be one.
    Odd,
    /// No part, or not yet.
    Nothing,
}

impl Read for PartsReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.remaining == 0 {
            return Ok(0);
        }
        loop {
            let mut count = self.unpacked.as_mut().map_or(0, |unpacked| unpacked.give(buf));
            if count == 0 && self.here.is_active {
                count = self.read_here(buf)?;
                self.here.is_active = count > 0;
            }
            if count > 0 {
                self.remaining = self.remaining.saturating_sub(count as u64);
                return Ok(count);
            }
            self.unpacked = None;
            self.gather();
            if let Some(part) = self.in_flight.pop_front() {
                match self.wait(&part) {
                    Ok(unpacked) => self.unpacked = Some(unpacked),
                    Err(damaged) => self.begin_here(damaged),
                }
            } else if std::mem::take(&mut self.is_odd) {
                let odd = std::mem::replace(&mut self.gathered, Gathered::new(&self.helpers));
                self.begin_here(odd);
            } else {
                return Ok(0);
            }
        }
    }
}

impl Drop for PartsReader {
    fn drop(&mut self) {
        self.abandoned.store(true, Ordering::Release);
    }
}

/// The bytes of a part.
struct Gathered {
    packed: Vec<u8>,
    unpacked_bytes: usize,
    reserved: Reserved,
}

impl Gathered {
    fn new(helpers: &Arc<dyn Helpers>) -> Self {
        Self { packed: Vec::new(), unpacked_bytes: 0, reserved: Reserved { helpers: Arc::clone(helpers), bytes: 0 } }
    }

    fn bytes(&self) -> usize {
        self.packed.len() + self.unpacked_bytes
    }

    /// Reserves a chunk, and room for what is packed of it. `false`: there is none.
    fn make_room(&mut self, packed_bytes: usize, unpacked_bytes: usize) -> bool {
        let (length, capacity) = (self.packed.len(), self.packed.capacity());
        // Behind the last chunk there is an end byte.
        let needed = Lzma2Header::BYTES_MAX + packed_bytes + 1;
        let more = if capacity - length < needed { needed.max(length / 4) } else { 0 };
        let growth = (length + more).saturating_sub(capacity);
        let decoder = if length == 0 { DECODER_BYTES } else { 0 };
        self.reserved.grow((growth + unpacked_bytes) as u64 + decoder) && self.packed.try_reserve_exact(more).is_ok()
    }

    /// Unpacks it; gives it back if that fails, for whatever reason.
    fn unpack(mut self, dictionary_bytes: u32, goes_on: impl FnMut() -> bool) -> Result<Unpacked, Self> {
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(self.unpacked_bytes).is_err() {
            return Err(self);
        }
        bytes.resize(self.unpacked_bytes, 0);
        let mut decoder = Lzma2Decoder::new(dictionary_bytes, None);
        let decode = AssertUnwindSafe(|| decoder.decode_whole_while(&self.packed, &mut bytes, goes_on));
        match catch_unwind(decode) {
            Ok(Ok(progress)) if progress.finished && progress.produced == bytes.len() => {
                self.packed = Vec::new();
                self.reserved.shrink_to(bytes.len() as u64);
                Ok(Unpacked { bytes, used: 0, _reserved: self.reserved })
            }
            _ => Err(self),
        }
    }
}

/// What a part unpacks to, on its way out.
struct Unpacked {
    bytes: Vec<u8>,
    used: usize,
    _reserved: Reserved,
}

impl Unpacked {
    fn give(&mut self, buf: &mut [u8]) -> usize {
        let count = buf.len().min(self.bytes.len() - self.used);
        buf[..count].copy_from_slice(&self.bytes[self.used..self.used + count]);
        self.used += count;
        count
    }
}

/// Reserved memory; dropping it releases it.
struct Reserved {
    helpers: Arc<dyn Helpers>,
    bytes: u64,
}

impl Reserved {
    fn grow(&mut self, bytes: u64) -> bool {
        let is_free = self.helpers.try_reserve(bytes);
        self.bytes += if is_free { bytes } else { 0 };
        is_free
    }

    fn shrink_to(&mut self, bytes: u64) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.bytes -= surplus;
        self.helpers.release(surplus);
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

/// A part in flight. Who comes first unpacks it.
struct Part {
    dictionary_bytes: u32,
    helpers: Arc<dyn Helpers>,
    abandoned: Arc<AtomicBool>,
    state: Mutex<State>,
    done: Condvar,
}

enum State {
    Gathered(Gathered),
    /// Somebody has it.
    Taken,
    Done(Result<Unpacked, Gathered>),
}

impl Part {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unpacks it, unless somebody does or has done so: `false`.
    fn unpack(&self) -> bool {
        let mut state = self.state();
        if !matches!(*state, State::Gathered(_)) {
            return false;
        }
        let State::Gathered(gathered) = std::mem::replace(&mut *state, State::Taken) else { return false };
        drop(state);
        let goes_on = || !self.abandoned.load(Ordering::Acquire) && !self.helpers.is_stopped();
        let done = gathered.unpack(self.dictionary_bytes, goes_on);
        *self.state() = State::Done(done);
        self.done.notify_all();
        true
    }

    fn is_done(&self) -> bool {
        matches!(*self.state(), State::Done(_))
    }

    /// Waits for it; somebody has it.
    fn wait(&self) -> Result<Unpacked, Gathered> {
        let mut state = self.state();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Done(done) => return done,
                other => *state = other,
            }
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Reads a stream chunk by chunk.
struct Cutter {
    input: BufReader<BoxRead>,
    /// What has been read of the next chunk's header.
    header: [u8; Lzma2Header::BYTES_MAX],
    header_bytes: usize,
    /// What the chunks to come may unpack to.
    unpacked_left: u64,
    /// From here on nothing is understood.
    is_odd: bool,
    failure: Option<io::Error>,
}

impl Cutter {
    fn new(input: BoxRead, unpack_size: u64) -> Self {
        Self {
            input: BufReader::with_capacity(INPUT_BYTES, input),
            header: [0; Lzma2Header::BYTES_MAX],
            header_bytes: 0,
            unpacked_left: unpack_size,
            is_odd: false,
            failure: None,
        }
    }

    /// What comes next. `None`: damage, an early end of the input, its failure, or more than there should be.
    fn next(&mut self) -> Option<Lzma2Header> {
        while !self.is_odd {
            match Lzma2Header::parse(&self.header[..self.header_bytes]) {
                Ok(Some(Lzma2Header::Chunk { unpacked_bytes, .. })) if unpacked_bytes as u64 > self.unpacked_left => {
                    self.is_odd = true;
                }
                Ok(Some(header)) => return Some(header),
                Err(_) => self.is_odd = true,
                Ok(None) => {
                    let mut byte = [0];
                    if self.fill(&mut byte) == 1 {
                        self.header[self.header_bytes] = byte[0];
                        self.header_bytes += 1;
                    }
                }
            }
        }
        None
    }

    /// Appends the next chunk, or as much of it as there is: `false`.
    fn take(&mut self, into: &mut Vec<u8>) -> bool {
        let Some(Lzma2Header::Chunk { packed_bytes, unpacked_bytes, .. }) = self.next() else { return false };
        // Nothing more than is needed: it was reserved.
        into.reserve_exact(self.header_bytes + packed_bytes);
        into.extend_from_slice(&self.header[..self.header_bytes]);
        self.header_bytes = 0;
        self.unpacked_left -= unpacked_bytes as u64;
        let begin = into.len();
        into.resize(begin + packed_bytes, 0);
        let count = self.fill(&mut into[begin..]);
        into.truncate(begin + count);
        count == packed_bytes
    }

    /// Appends bytes as they are. None are appended at the end of the input.
    fn take_odd(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        if let Some(failure) = self.failure.take_if(|_| self.header_bytes == 0) {
            return Err(failure);
        }
        into.extend_from_slice(&self.header[..self.header_bytes]);
        if std::mem::take(&mut self.header_bytes) == 0 {
            let bytes = self.input.fill_buf()?;
            into.extend_from_slice(bytes);
            let count = bytes.len();
            self.input.consume(count);
        }
        Ok(())
    }

    /// Fills `buf` as far as the input goes.
    fn fill(&mut self, buf: &mut [u8]) -> usize {
        let mut count = 0;
        while count < buf.len() {
            match self.input.read(&mut buf[count..]) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        self.is_odd |= count < buf.len();
        count
    }
}

/// Packed bytes for the decoder here.
struct Feed {
    ahead: Gathered,
    used: usize,
    /// All that it has had.
    bytes: usize,
}

impl Feed {
    fn new(ahead: Gathered) -> Self {
        Self { used: 0, bytes: ahead.packed.len(), ahead }
    }
}

/// A [`Feed`], and what comes behind it. It ends where the dictionary is reset if it `is_cut`.
struct FeedFrom<'a> {
    feed: &'a mut Feed,
    cutter: &'a mut Cutter,
    is_cut: bool,
}

impl BufRead for FeedFrom<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Self { feed, cutter, is_cut } = self;
        if feed.used == feed.ahead.packed.len() {
            let ahead = &mut feed.ahead;
            if ahead.reserved.bytes > 0 {
                // A part was gathered; from here on it is one chunk, which is the reader's own.
                ahead.packed = Vec::new();
                ahead.reserved.shrink_to(0);
            }
            ahead.packed.clear();
            feed.used = 0;
            match cutter.next() {
                Some(Lzma2Header::Chunk { resets_dictionary: true, .. }) if *is_cut && feed.bytes >= PART_BYTES_MIN => {
                    ahead.packed.push(END);
                }
                Some(Lzma2Header::Chunk { .. }) => {
                    cutter.take(&mut ahead.packed);
                }
                Some(Lzma2Header::End) => ahead.packed.push(END),
                None => cutter.take_odd(&mut ahead.packed)?,
            }
            feed.bytes = feed.bytes.saturating_add(ahead.packed.len());
        }
        Ok(&feed.ahead.packed[feed.used..])
    }

    fn consume(&mut self, count: usize) {
        self.feed.used += count;
    }
}

impl Read for FeedFrom<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buf)?;
        self.consume(count);
        Ok(count)
    }
}
