//! An open archive: what it holds, and the ways to get it out.
//!
//! An [`Archive`] never changes after it was opened and can be shared between threads; every call that unpacks makes
//! its own decoders.

use super::layout::{Layout, lay_out};
use super::unpack::{DecodeContext, FolderReader};
use super::{destination, extract, open};
use crate::codec::{self, Helpers};
use crate::crypto::KeyRing;
use crate::storage::{FileSource, MemorySource, ReadAt, VolumeSet};
use crate::{CancelToken, EntryInfo, Error, ErrorKind, ExtractOptions, OpenOptions, Report, Result};
use par7z_format::Folder;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

/// An open archive.
pub struct Archive {
    pub(super) context: DecodeContext,
    pub(super) layout: Layout,
    pub(super) entries: Vec<EntryInfo>,
    stub_size: u64,
    physical_size: u64,
    headers_size: u64,
    volume_count: u64,
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive")
            .field("entries", &self.entries.len())
            .field("folders", &self.layout.folders.len())
            .field("physical_size", &self.physical_size)
            .finish_non_exhaustive()
    }
}

impl Archive {
    /// Opens an archive file, the first volume of a set (`name.7z.001`), or a file with an archive behind a stub (SFX).
    ///
    /// # Errors
    /// The file or a volume cannot be read; it is no archive ([`ErrorKind::NotArchive`]) or a damaged one
    /// ([`ErrorKind::CorruptHeader`], which names the volume that is missing); its names are encrypted and the password
    /// is missing or wrong; a limit of [`ReadLimits`](crate::ReadLimits) would be exceeded.
    pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        let failed = |error| Error::io(format!("cannot open {}", path.display()), error);
        let name = default_name(path);
        let Some(volumes) = VolumeSet::find(path).map_err(failed)? else {
            let source = FileSource::open(path).map_err(failed)?;
            return Self::open_with(Arc::new(source), 1, &name, options);
        };
        let (count, len, next) = (volumes.volume_count(), volumes.len(), volumes.next_path());
        Self::open_with(Arc::new(volumes), count, &name, options).map_err(|error| {
            // An archive that ends too early at the end of a set lacks volumes; say which.
            if error.kind() == ErrorKind::CorruptHeader && error.offset() == Some(len) {
                let text = format!("volume {} is missing: {error} in {count} volumes", next.display());
                return Error::new(ErrorKind::CorruptHeader, text).at_offset(len);
            }
            error
        })
    }

    /// Opens an archive that is in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: impl AsRef<[u8]> + Send + Sync + 'static, options: OpenOptions) -> Result<Self> {
        Self::from_source(MemorySource::new(bytes), options)
    }

    /// Opens an archive from any source.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_source(source: impl ReadAt + 'static, options: OpenOptions) -> Result<Self> {
        Self::open_with(Arc::new(source), 1, DEFAULT_NAME, options)
    }

    fn open_with(source: Arc<dyn ReadAt>, volume_count: u64, name: &str, options: OpenOptions) -> Result<Self> {
        let context = DecodeContext::new(source, KeyRing::new(options.secret), options.limits);
        let opened = open::open(&context)?;
        let (layout, entries) = lay_out(opened.header, opened.places, name)?;
        Ok(Self {
            context,
            layout,
            entries,
            stub_size: opened.stub_size,
            physical_size: opened.physical_size,
            headers_size: opened.headers_size,
            volume_count,
        })
    }

    /// The entries in the archive's order.
    pub fn entries(&self) -> &[EntryInfo] {
        &self.entries
    }

    /// Bytes of the archive without stub and trailing bytes: 32 + packed streams + header.
    pub fn physical_size(&self) -> u64 {
        self.physical_size
    }

    /// Bytes of start header and header, packed as they are.
    pub fn headers_size(&self) -> u64 {
        self.headers_size
    }

    /// Bytes before the archive's first (an SFX stub), 0 for a plain archive.
    pub fn stub_size(&self) -> u64 {
        self.stub_size
    }

    /// Bytes behind the archive's end.
    pub fn trailing_size(&self) -> u64 {
        self.context.source.len().saturating_sub(self.stub_size.saturating_add(self.physical_size))
    }

    /// Number of folders ("blocks").
    pub fn folder_count(&self) -> u64 {
        self.layout.folders.len() as u64
    }

    /// Number of volumes, 1 for a plain file.
    pub fn volume_count(&self) -> u64 {
        self.volume_count
    }

    /// Whether a folder holds several entries.
    pub fn is_solid(&self) -> bool {
        self.layout.folders.iter().any(|folder| folder.substreams.len() > 1)
    }

    /// The methods used, as 7-Zip lists them: each once, by method id, LZMA and LZMA2 with the largest dictionary.
    pub fn methods(&self) -> Vec<String> {
        // Name to (id, text): few, however many entries there are.
        let mut methods: Vec<(u64, String)> = Vec::new();
        let codecs = codec::codecs();
        let mut seen: Option<&Arc<Folder>> = None;
        for streams in &self.layout.folders {
            // The graph is shared between folders with the same methods: most need no look at all.
            if seen.is_some_and(|seen| Arc::ptr_eq(seen, &streams.folder)) {
                continue;
            }
            seen = Some(&streams.folder);
            let names = codec::method_names(streams);
            for method in names.split(' ') {
                let name = method_name(method);
                match methods.iter_mut().find(|(_, known)| method_name(known) == name) {
                    Some((_, known)) if dictionary_bytes(method) > dictionary_bytes(known) => {
                        method.clone_into(known);
                    }
                    Some(_) => {}
                    None => {
                        let row = codecs.iter().find(|codec| codec.name == name);
                        // A method without a row is listed under its id in hexadecimal.
                        let id = row.map_or_else(|| u64::from_str_radix(name, 16).unwrap_or(u64::MAX), |row| row.id);
                        methods.push((id, method.to_owned()));
                    }
                }
            }
        }
        methods.sort_by_key(|(id, _)| *id);
        methods.into_iter().map(|(_, method)| short_method(&method)).collect()
    }

    /// Unpacks everything selected and checks every CRC, writing nothing. Entries that fail are in the report, the
    /// others go on.
    ///
    /// Its threads, and those of all the other ways to unpack, have ended when it returns, also when it was cancelled.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`]; [`ErrorKind::LimitExceeded`] if more than
    /// [`ReadLimits::output_bytes`](crate::ReadLimits) would be unpacked.
    pub fn test(&self, options: ExtractOptions) -> Result<Report> {
        extract::test(self, &options)
    }

    /// Unpacks what is selected below `destination`, which is created if missing. Entries that fail are in the report,
    /// the others go on.
    ///
    /// Nothing is ever written outside `destination`: names that would lead there are refused
    /// ([`ErrorKind::UnsafePath`]), and so are links; links are made after all files. A file that is replaced stays
    /// until the new one is complete and its CRC is right. Modes lose setuid, setgid and sticky bits, and what the
    /// process's umask takes. Times that the file system cannot hold are left out.
    ///
    /// # Errors
    /// The destination cannot be made or opened; otherwise as [`test`](Self::test).
    pub fn extract(&self, destination: impl AsRef<Path>, options: ExtractOptions) -> Result<Report> {
        destination::extract(self, destination.as_ref(), &options)
    }

    /// Writes the selected entries' contents to `out`, one after another in the archive's order (7-Zip's `x -so`).
    ///
    /// What was written before an entry turned out to be damaged is not taken back; the report says which it was.
    ///
    /// # Errors
    /// Writing to `out` fails; otherwise as [`test`](Self::test).
    pub fn extract_to(&self, out: &mut dyn io::Write, options: ExtractOptions) -> Result<Report> {
        extract::extract_to(self, out, &options)
    }

    /// Reads one entry. The CRC is checked when the end is reached.
    ///
    /// In a solid folder everything before the entry is unpacked first.
    ///
    /// # Errors
    /// There is no such entry, or it is a directory; unpacking would exceed a limit.
    pub fn read_entry(&self, index: u64) -> Result<EntryReader<'_>> {
        let entry = usize::try_from(index).ok().and_then(|index| self.entries.get(index)).ok_or_else(|| {
            let text = format!("there is no entry {index}: the archive has {}", self.entries.len());
            Error::new(ErrorKind::InvalidOption, text)
        })?;
        if entry.kind != par7z_format::EntryKind::File {
            return Err(Error::new(ErrorKind::InvalidOption, "it is no file").in_entry(&entry.name));
        }
        let content = match entry.folder {
            Some(folder) => {
                Some(self.content_at(folder as usize, index as usize).map_err(|e| e.in_entry(&entry.name))?)
            }
            None => None,
        };
        Ok(EntryReader { entry, content, left: entry.size, crc: crc32fast::Hasher::new() })
    }

    fn content_at(&self, folder: usize, entry: usize) -> Result<FolderReader<'_>> {
        let mut content = self.folder_reader(folder, CancelToken::new(), None);
        self.context.check_decoder_memory(&self.layout.folders[folder])?;
        for before in self.layout.entries_of(folder).iter().take_while(|before| **before != entry) {
            content.skip(self.entries[*before].size);
        }
        Ok(content)
    }

    pub(super) fn folder_reader(
        &self,
        folder: usize,
        cancel: CancelToken,
        helpers: Option<Arc<dyn Helpers>>,
    ) -> FolderReader<'_> {
        let packed = self.layout.places.of_folder(folder);
        FolderReader::new(&self.context, &self.layout.folders[folder], packed, cancel, helpers)
    }
}

/// The content of one entry.
pub struct EntryReader<'a> {
    entry: &'a EntryInfo,
    content: Option<FolderReader<'a>>,
    left: u64,
    crc: crc32fast::Hasher,
}

impl fmt::Debug for EntryReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryReader").field("entry", self.entry).field("left", &self.left).finish_non_exhaustive()
    }
}

impl EntryReader<'_> {
    /// The entry that is read.
    pub fn entry(&self) -> &EntryInfo {
        self.entry
    }
}

impl Read for EntryReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(content) = self.content.as_mut().filter(|_| self.left > 0 && !buf.is_empty()) else { return Ok(0) };
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let count = content.read(&mut buf[..want]).map_err(|error| error.in_entry(&self.entry.name))?;
        self.crc.update(&buf[..count]);
        self.left -= count as u64;
        if let (0, Some(stored)) = (self.left, self.entry.crc) {
            let check = content.check_crc(stored, self.crc.clone().finalize());
            check.map_err(|error| error.in_entry(&self.entry.name))?;
        }
        Ok(count)
    }
}

/// What 7-Zip calls the entry of an archive without names: the archive's name without `.001` and extension.
fn default_name(path: &Path) -> String {
    let mut name = Path::new(path.file_name().unwrap_or(path.as_os_str())).to_owned();
    let is_volume = |extension: &std::ffi::OsStr| extension.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    if name.extension().is_some_and(is_volume) {
        name.set_extension("");
    }
    name.set_extension("");
    let name = name.to_string_lossy().into_owned();
    if name.is_empty() { DEFAULT_NAME.to_owned() } else { name }
}

/// The entry of an archive that has neither names nor a file name.
const DEFAULT_NAME: &str = "content";

fn method_name(method: &str) -> &str {
    method.split(':').next().unwrap_or(method)
}

/// A method's text in an archive's list: of all parameters only the dictionary of LZMA and LZMA2.
fn short_method(method: &str) -> String {
    let name = method_name(method);
    match method.split(':').nth(1) {
        Some(dictionary) if matches!(name, "LZMA" | "LZMA2") => format!("{name}:{dictionary}"),
        _ => name.to_owned(),
    }
}

/// The dictionary in a method's text: `LZMA2:24` (a power of two), `LZMA:48k`, `LZMA:3m`, `LZMA:100b`.
fn dictionary_bytes(method: &str) -> u64 {
    let Some(text) = method.split(':').nth(1) else { return 0 };
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().unwrap_or(0);
    match &text[digits.len()..] {
        "" => 1_u64.checked_shl(u32::try_from(number).unwrap_or(u32::MAX)).unwrap_or(u64::MAX),
        "k" => number.saturating_mul(1 << 10),
        "m" => number.saturating_mul(1 << 20),
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_compare_by_size() {
        assert!(dictionary_bytes("LZMA2:24") > dictionary_bytes("LZMA2:1536k"));
        assert!(dictionary_bytes("LZMA2:192k") > dictionary_bytes("LZMA2:16"));
        assert!(dictionary_bytes("LZMA:4294967295b") < dictionary_bytes("LZMA:32"));
        assert_eq!(dictionary_bytes("Copy"), 0);
    }

    #[test]
    fn the_default_name_is_the_archives() {
        assert_eq!(default_name(Path::new("/a/b.7z")), "b");
        assert_eq!(default_name(Path::new("b.7z.001")), "b");
        assert_eq!(default_name(Path::new("b")), "b");
    }
}
