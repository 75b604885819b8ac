//! An archive handle's object: the open archive, its strings for the client, and the runs that read it.

use crate::abi::{self, Hresult, UserData, WideStr, WriteFn};
use crate::events::{Events, ItemCallbacks, OnEvent, User};
use crate::failure::{E_ABORT, E_OUTOFMEMORY, Failure};
use crate::memory::MallocBuffer;
use crate::run::Outcome;
use crate::runs::Runs;
use crate::statistics::RunStatistics;
use crate::wide;
use libc::wchar_t;
use par7z::{Archive, CancelToken, EntryInfo, ExtractOptions, Report};
use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// Bytes of an entry unpacked at once.
const PIECE_BYTES: usize = 256 << 10;

/// An open archive.
pub(crate) struct Reader {
    archive: Archive,
    /// Each entry's strings, made when they are asked for and kept until the end.
    texts: Vec<OnceLock<Texts>>,
    runs: Arc<Runs>,
}

struct Texts {
    name: Box<[wchar_t]>,
    method: Box<[wchar_t]>,
}

impl Reader {
    pub(crate) fn new(archive: Archive) -> Arc<Self> {
        let texts = archive.entries().iter().map(|_| OnceLock::new()).collect();
        Arc::new(Self { archive, texts, runs: Runs::new() })
    }

    pub(crate) fn entry_count(&self) -> u32 {
        u32::try_from(self.archive.entries().len()).unwrap_or(u32::MAX)
    }

    fn info(&self, index: u32) -> Result<&EntryInfo, Failure> {
        self.archive.entries().get(index as usize).ok_or_else(|| {
            let count = self.entry_count();
            Failure::invalid(format!("there is no entry {index}: the archive has {count}"))
        })
    }

    /// Everything about an entry. The strings live as long as this object.
    pub(crate) fn entry(&self, index: u32) -> Result<abi::Entry, Failure> {
        let info = self.info(index)?;
        let texts = self.texts[index as usize]
            .get_or_init(|| Texts { name: wide::write(&info.name), method: wide::write(&info.method) });
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        Ok(abi::Entry {
            struct_size: size_of::<abi::Entry>() as u32,
            flags: flag(info.is_directory(), abi::ENTRY_DIRECTORY)
                | flag(info.encrypted, abi::ENTRY_ENCRYPTED)
                | flag(info.crc.is_some(), abi::ENTRY_HAS_CRC)
                | flag(info.is_symlink(), abi::ENTRY_SYMLINK),
            name: WideStr::from(texts.name.as_ptr()),
            method: WideStr::from(texts.method.as_ptr()),
            size: info.size,
            packed_size: info.packed_size.unwrap_or(0),
            modification_time: info.modified.map_or(0, |time| time.0),
            attributes: info.attributes.unwrap_or(0),
            crc: info.crc.unwrap_or(0),
        })
    }

    /// Gives an entry's content in pieces to `take`.
    fn read(&self, index: u32, mut take: impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<(), Failure> {
        let info = self.info(index)?;
        // Close waits for it: the archive's memory may be the client's, and so may `take`.
        let registration = self.runs.begin(CancelToken::new())?;
        let failed = |error| Failure::from(par7z::Error::io(format!("cannot unpack {}", info.name), error));
        let mut content = self.archive.read_entry(index.into())?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            if registration.cancel_token().is_cancelled() {
                return Err(Failure::new(E_ABORT, "cancelled"));
            }
            match content.read(&mut piece).map_err(failed)? {
                0 => return Ok(()),
                count => take(&piece[..count]).map_err(failed)?,
            }
        }
    }

    /// An entry's content. `max_bytes`: the most that it may have.
    pub(crate) fn read_to_memory(&self, index: u32, max_bytes: Option<usize>) -> Result<MallocBuffer, Failure> {
        let info = self.info(index)?;
        if let Some(max) = max_bytes.filter(|&max| info.size > max as u64) {
            let text = format!("{} has {} bytes, more than the {max} allowed", info.name, info.size);
            return Err(Failure::new(E_OUTOFMEMORY, text));
        }
        // It grows with what is really there: the size in the archive may be a lie.
        let mut buffer = MallocBuffer::default();
        self.read(index, |piece| buffer.extend(piece))?;
        Ok(buffer)
    }

    /// Gives an entry's content to the client's function.
    pub(crate) fn read_to(&self, index: u32, write: WriteFn, user_data: UserData) -> Result<(), Failure> {
        let mut out = crate::sink::OutStream {
            write,
            seek: None,
            set_size: None,
            user: User(user_data),
            owner: self.runs.owner(),
        };
        self.read(index, |piece| std::io::Write::write_all(&mut out, piece))
    }

    /// Runs an extraction or a test with its events.
    pub(crate) fn run(
        &self,
        options: ExtractOptions,
        on_event: Option<OnEvent>,
        run: impl FnOnce(&Archive, ExtractOptions) -> par7z::Result<Report>,
    ) -> Result<Outcome, Failure> {
        let registration = self.runs.begin(CancelToken::new())?;
        let events = Events {
            owner: registration.owner(),
            callbacks: ItemCallbacks::default(),
            on_event,
            interval: Duration::ZERO,
            cancel: registration.cancel_token().clone(),
            statistics: RunStatistics::new(),
            item_ended: None,
            told: Mutex::default(),
        };
        let options = options.observer(Arc::new(events)).cancel_token(registration.cancel_token().clone());
        let report = run(&self.archive, options)?;
        match report.failures.first() {
            // Of one entry, the reason is what the client wants to know; of several, the first one's.
            Some(first) if report.items_done + report.items_skipped == 0 => Err(Failure::from(&first.error)),
            _ => Ok(Outcome::of(&report)),
        }
    }

    pub(crate) fn cancel(&self) -> Hresult {
        self.runs.cancel()
    }

    /// Ends it: cancels what runs and waits for that.
    pub(crate) fn close(&self) {
        self.runs.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{S_FALSE, S_OK};
    use par7z::{Compressor, Item, Overwrite, WriteOptions};

    /// The code of an extraction over what is there already.
    fn extract(reader: &Reader, folder: &std::path::Path, overwrite: Overwrite) -> Hresult {
        let options = ExtractOptions::new().overwrite(overwrite);
        let outcome = reader.run(options, None, |archive, options| archive.extract(folder, options));
        outcome.map_or_else(|failure| failure.code, Outcome::tell)
    }

    #[test]
    fn skipped_entries_have_not_failed() {
        let items = ["good", "../bad"].map(|name| Item::from_bytes(name, *b"content"));
        let compressor = Compressor::new(WriteOptions::new()).expect("valid");
        let (bytes, _) = compressor.compress_to_vec(items).expect("it is made");
        let reader = Reader::new(Archive::from_bytes(bytes, par7z::OpenOptions::new()).expect("it opens"));
        let folder = std::env::temp_dir().join(format!("par7z-capi-skipped-{}", std::process::id()));
        let codes = [Overwrite::Refuse, Overwrite::Skip].map(|overwrite| extract(&reader, &folder, overwrite));
        std::fs::remove_dir_all(&folder).expect("it was made");
        assert_eq!(codes, [S_FALSE, S_FALSE]);
    }

    #[test]
    fn a_closed_archive_reads_no_more() {
        let compressor = Compressor::new(WriteOptions::new()).expect("valid");
        let (bytes, _) = compressor.compress_to_vec([Item::from_bytes("item", *b"content")]).expect("it is made");
        let reader = Reader::new(Archive::from_bytes(bytes, par7z::OpenOptions::new()).expect("it opens"));
        assert!(reader.read_to_memory(0, None).is_ok());
        reader.close();
        assert_eq!(reader.read_to_memory(0, None).map(drop).map_or_else(|failure| failure.code, |()| S_OK), E_ABORT);
    }
}
