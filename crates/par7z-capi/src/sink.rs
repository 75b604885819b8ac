//! Where a run's archive goes: a path or URL, volumes, memory for the client, or the client's own functions.

use crate::abi::{SeekFn, SetSizeFn, WriteFn};
use crate::events::{self, User};
use crate::failure::{CallbackError, E_NOTIMPL, Failure};
use crate::memory::MallocBuffer;
use crate::place::Place;
use crate::segments::{ClientSegments, SegmentCallback};
use crate::settings::Settings;
use crate::statistics::RunStatistics;
use crate::stores::Stores;
use par7z::storage::{CheckedSink, PathSink, SegmentSink, Sink, StreamSink, VolumeSink};
use par7z::{Error, ErrorKind};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// What a stream that cannot seek keeps in memory before it goes to a temporary file.
const SPOOL_MEMORY_BYTES: usize = 64 << 20;
/// Room for the start header, which is written last.
const START_HEADER_BYTES: usize = 32;

/// Where the client wants the archive.
pub(crate) enum Target {
    Place(Place),
    Memory(MemoryPlace),
    Stream(OutStream),
    /// Volumes, which have a name of their own.
    Nowhere,
}

/// Where an archive in memory is found once it is complete.
pub(crate) type MemoryPlace = Arc<Mutex<Option<MallocBuffer>>>;

/// Opens the sink of one of `owner`'s runs. It gives the archive up if not one item of `statistics` made it.
pub(crate) fn open(
    settings: &Settings,
    stores: &Stores,
    target: Target,
    owner: u64,
    statistics: &Arc<RunStatistics>,
) -> Result<impl Sink + use<>, Failure> {
    let statistics = Arc::clone(statistics);
    if let Some(callback) = settings.segments {
        let inner = Box::new(segments(settings, callback, &target, owner)?);
        return Ok(unless_all_failed(inner, statistics));
    }
    let inner: Box<dyn Sink> = match (settings.volumes(), target) {
        (Some((bytes, Some(place))), Target::Place(_) | Target::Stream(_) | Target::Nowhere)
        | (Some((bytes, None)), Target::Place(place)) => match place {
            Place::Path(path) => Box::new(VolumeSink::replace(path, &[bytes])?),
            Place::Store(location) => stores.volume_sink(&location, bytes)?,
        },
        (Some(_), _) => {
            let text = "volumes are set: they need an output path or SetVolumePrefix";
            return Err(Failure::invalid(text));
        }
        (None, Target::Place(Place::Path(path))) => Box::new(PathSink::create(path)?),
        (None, Target::Place(Place::Store(location))) => stores.sink(&location)?,
        (None, Target::Memory(place)) => {
            let mut buffer = MallocBuffer::default();
            buffer.extend(&[0; START_HEADER_BYTES]).map_err(|error| Error::io(CANNOT_WRITE, error))?;
            Box::new(MemorySink { buffer, place })
        }
        (None, Target::Stream(stream)) if stream.seek.is_some() => Box::new(SeekableSink::new(stream)?),
        (None, Target::Stream(stream)) => Box::new(StreamSink::new(stream, SPOOL_MEMORY_BYTES)),
        (None, Target::Nowhere) => return Err(Failure::invalid("there is no output: give a path or a Write callback")),
    };
    Ok(unless_all_failed(inner, statistics))
}

/// Completes the archive unless every item has failed: an old archive is worth more than an empty one.
fn unless_all_failed(inner: Box<dyn Sink>, statistics: Arc<RunStatistics>) -> impl Sink {
    CheckedSink::new(inner, move || match statistics.counts() {
        // The kind's code is E_FAIL, and the run adds the first item's reason.
        (0, failed) if failed > 0 => Err(Error::new(ErrorKind::Source, ALL_FAILED)),
        _ => Ok(()),
    })
}

/// Volumes for the client's callback.
fn segments(
    settings: &Settings,
    callback: SegmentCallback,
    target: &Target,
    owner: u64,
) -> Result<SegmentSink<ClientSegments>, Failure> {
    match (settings.volumes(), target) {
        (None, _) => Err(Failure::invalid("a segment callback is set: it needs SetSegmentSize")),
        (Some((_, Some(_))), _) | (_, Target::Memory(_)) => {
            let text = "a segment callback is set: volumes go there, and neither to SetVolumePrefix nor to memory";
            Err(Failure::invalid(text))
        }
        (Some((bytes, None)), _) => {
            Ok(SegmentSink::new(&[bytes], callback.memory_bytes, ClientSegments { callback, owner })?)
        }
    }
}

const CANNOT_WRITE: &str = "cannot write the archive";

/// What a run ends with if not one item made it.
const ALL_FAILED: &str = "every item failed, so nothing was written";

/// Memory for the client.
struct MemorySink {
    buffer: MallocBuffer,
    place: MemoryPlace,
}

impl Sink for MemorySink {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend(bytes)
    }

    fn truncate(&mut self, position: u64) -> io::Result<bool> {
        self.buffer.truncate(START_HEADER_BYTES + position as usize);
        Ok(true)
    }

    fn finish(mut self: Box<Self>, start_header: &[u8; 32]) -> par7z::Result<()> {
        self.buffer.bytes_mut()[..START_HEADER_BYTES].copy_from_slice(start_header);
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.buffer);
        Ok(())
    }

    fn abort(self: Box<Self>) {}
}

/// The client's output functions.
#[derive(Clone, Copy)]
pub(crate) struct OutStream {
    pub(crate) write: WriteFn,
    pub(crate) seek: Option<SeekFn>,
    pub(crate) set_size: Option<SetSizeFn>,
    pub(crate) user: User,
    /// Whose run it is.
    pub(crate) owner: u64,
}

/// Origins of a seek.
const FROM_START: u32 = 0;
const FROM_HERE: u32 = 1;

impl OutStream {
    fn seek(&self, offset: i64, origin: u32) -> io::Result<u64> {
        let Some(seek) = self.seek else { return Err(io::ErrorKind::Unsupported.into()) };
        let mut position = 0;
        // SAFETY: the client gave the function for this.
        let seek = || unsafe { seek(self.user.0, offset, origin, &raw mut position) };
        CallbackError::check("the seek callback failed", events::within(self.owner, seek))?;
        Ok(position)
    }

    fn seek_to(&self, position: u64) -> io::Result<()> {
        let position = i64::try_from(position).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.seek(position, FROM_START).map(drop)
    }

    /// `false`: the client has no such function, or says that it cannot.
    fn set_size(&self, size: u64) -> io::Result<bool> {
        let Some(set_size) = self.set_size else { return Ok(false) };
        // SAFETY: the client gave the function for this.
        match events::within(self.owner, || unsafe { set_size(self.user.0, size) }) {
            E_NOTIMPL => Ok(false),
            code => CallbackError::check("the set-size callback failed", code).map(|()| true),
        }
    }
}

impl Write for OutStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let size = u32::try_from(buf.len()).unwrap_or(u32::MAX);
        if size == 0 {
            return Ok(0);
        }
        let mut processed = 0;
        // SAFETY: the client gave the function for this; `size` bytes are at `buf`.
        let write = || unsafe { (self.write)(self.user.0, buf.as_ptr().cast(), size, &raw mut processed) };
        CallbackError::check("the write callback failed", events::within(self.owner, write))?;
        match processed {
            0 => Err(CallbackError::contract("the write callback took nothing")),
            taken if taken > size => Err(CallbackError::contract("the write callback took more than there was")),
            taken => Ok(taken as usize),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes gathered before a write: packed chunks of tiny items are small.
const BUFFER_BYTES: usize = 256 << 10;

/// The client's stream, written as the archive is made, from where it stands.
struct SeekableSink {
    stream: OutStream,
    /// Where the archive begins.
    start: u64,
    /// Bytes that are not written yet.
    buffer: Vec<u8>,
    /// Where the stream stands, counted from `start`.
    position: u64,
}

impl SeekableSink {
    fn new(stream: OutStream) -> Result<Self, Failure> {
        let start = stream.seek(0, FROM_HERE).map_err(|error| Error::io(CANNOT_WRITE, error))?;
        Ok(Self { stream, start, buffer: vec![0; START_HEADER_BYTES], position: 0 })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.buffer)?;
        self.position += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl Sink for SeekableSink {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() > BUFFER_BYTES {
            self.stream.write_all(bytes)?;
            self.position += bytes.len() as u64;
            return Ok(());
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, position: u64) -> io::Result<bool> {
        self.flush()?;
        let position = START_HEADER_BYTES as u64 + position;
        if !self.stream.set_size(self.start + position)? {
            return Ok(false);
        }
        self.stream.seek_to(self.start + position)?;
        self.position = position;
        Ok(true)
    }

    fn finish(mut self: Box<Self>, start_header: &[u8; 32]) -> par7z::Result<()> {
        let mut write = || -> io::Result<()> {
            self.flush()?;
            self.stream.seek_to(self.start)?;
            self.stream.write_all(start_header)?;
            self.stream.seek_to(self.start + self.position)
        };
        write().map_err(|error| Error::io(CANNOT_WRITE, error))
    }

    fn abort(self: Box<Self>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_keeps_room_for_the_header() {
        let place = MemoryPlace::default();
        let statistics = RunStatistics::new();
        let settings = Settings::default();
        let stores = Stores::new(&settings.stores);
        let mut sink = open(&settings, &stores, Target::Memory(Arc::clone(&place)), 0, &statistics)
            .map_err(|failure| failure.message)
            .expect("memory");
        sink.append(b"abcdef").expect("memory");
        assert!(sink.truncate(3).expect("memory"));
        Box::new(sink).finish(&[7; 32]).expect("memory");
        let mut buffer = place.lock().expect("not poisoned").take().expect("finished");
        assert_eq!(buffer.bytes_mut(), [&[7; 32][..], b"abc"].concat());
    }

    #[test]
    fn nothing_is_completed_if_everything_failed() {
        let place = MemoryPlace::default();
        let statistics = RunStatistics::new();
        let settings = Settings::default();
        let stores = Stores::new(&settings.stores);
        let sink = open(&settings, &stores, Target::Memory(Arc::clone(&place)), 0, &statistics)
            .map_err(|failure| failure.message)
            .expect("memory");
        statistics.item_failed("name", "reason");
        assert!(Box::new(sink).finish(&[7; 32]).is_err());
        assert!(place.lock().expect("not poisoned").is_none());
    }
}
