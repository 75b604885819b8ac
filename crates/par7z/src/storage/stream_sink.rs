//! Writers that the caller brings: seekable ones, and pipes and sockets.

use super::spool::Spool;
use super::{START_HEADER_BYTES, Sink};
use crate::{Error, Result};
use std::fmt;
use std::io::{self, Seek, SeekFrom, Write};

/// Any `Write + Seek`. The archive begins where the writer stands.
///
/// Bytes go straight to the writer; an aborted run leaves what was written, without a start header, so that no reader
/// takes it for an archive. To withdraw a failed item's bytes it has no means: they stay, belonging to no entry. Nor can
/// it shorten the target: over a longer file the old file's tail stays behind the archive, where readers take it for
/// trailing bytes. Truncate such a file first, or use [`PathSink`](super::PathSink).
pub struct SeekSink<W> {
    writer: W,
    start: u64,
}

impl<W> fmt::Debug for SeekSink<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeekSink").field("start", &self.start).finish_non_exhaustive()
    }
}

impl<W: Write + Seek + Send> SeekSink<W> {
    /// Leaves room for the start header at the writer's position.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(mut writer: W) -> Result<Self> {
        let prepare = |writer: &mut W| -> io::Result<u64> {
            let start = writer.stream_position()?;
            writer.write_all(&[0; START_HEADER_BYTES as usize])?;
            Ok(start)
        };
        let start = prepare(&mut writer).map_err(|error| Error::io("cannot write the archive", error))?;
        Ok(Self { writer, start })
    }
}

impl<W: Write + Seek + Send> Sink for SeekSink<W> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }

    fn truncate(&mut self, _position: u64) -> io::Result<bool> {
        Ok(false)
    }

    fn finish(mut self: Box<Self>, start_header: &[u8; 32]) -> Result<()> {
        let mut write = || -> io::Result<()> {
            let end = self.writer.stream_position()?;
            self.writer.seek(SeekFrom::Start(self.start))?;
            self.writer.write_all(start_header)?;
            self.writer.seek(SeekFrom::Start(end))?;
            self.writer.flush()
        };
        write().map_err(|error| Error::io("cannot write the archive", error))
    }

    fn abort(self: Box<Self>) {}
}

/// Any `Write`, without seeking: stdout, a pipe, a socket.
///
/// A 7z archive begins with a pointer to its end, so not a byte can be sent before the last one is known. The sink keeps
/// the archive in memory up to a bound, then in an unnamed temporary file (in the system's folder for these), and sends
/// it when it is complete. The spool holds packed, and if asked for encrypted, bytes alone. An aborted run sends nothing.
pub struct StreamSink<W> {
    writer: W,
    spool: Spool,
    max_spool_bytes: u64,
}

impl<W> fmt::Debug for StreamSink<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSink").field("spool", &self.spool).finish_non_exhaustive()
    }
}

impl<W: Write + Send> StreamSink<W> {
    /// Keeps up to `memory_bytes` in memory before it goes to disk. The spool is not bounded; see
    /// [`max_spool_bytes`](Self::max_spool_bytes).
    pub fn new(writer: W, memory_bytes: usize) -> Self {
        Self { writer, spool: Spool::new(memory_bytes), max_spool_bytes: u64::MAX }
    }

    /// Ends the run with an error rather than spool more than so many bytes.
    #[must_use]
    pub fn max_spool_bytes(mut self, bytes: u64) -> Self {
        self.max_spool_bytes = bytes;
        self
    }
}

impl<W: Write + Send> Sink for StreamSink<W> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.spool.len_bytes() + bytes.len() as u64 > self.max_spool_bytes {
            let text = format!("the archive is larger than the spool's limit of {} bytes", self.max_spool_bytes);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        self.spool.append(bytes)
    }

    fn truncate(&mut self, position: u64) -> io::Result<bool> {
        self.spool.truncate(position)?;
        Ok(true)
    }

    fn finish(mut self: Box<Self>, start_header: &[u8; 32]) -> Result<()> {
        let mut write = || -> io::Result<()> {
            let spooled = self.spool.read_from(0)?;
            self.writer.write_all(start_header)?;
            let mut buffer = vec![0; 256 << 10];
            loop {
                let count = spooled.read(&mut buffer)?;
                if count == 0 {
                    return self.writer.flush();
                }
                self.writer.write_all(&buffer[..count])?;
            }
        };
        write().map_err(|error| Error::io("cannot send the archive", error))
    }

    fn abort(self: Box<Self>) {}
}
