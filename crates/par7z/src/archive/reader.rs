//! Opening, listing, testing and extracting. (stub: signatures)

use crate::{EntryInfo, ExtractOptions, OpenOptions, Report, Result};
use std::io::Read;
use std::path::Path;

/// An open archive.
#[derive(Debug)]
pub struct Archive {}

/// The content of one entry.
#[derive(Debug)]
pub struct EntryReader<'a> {
    _archive: &'a Archive,
}

impl Read for EntryReader<'_> {
    fn read(&mut self, _buf: &mut [u8]) -> std::io::Result<usize> {
        Ok(0)
    }
}

impl Archive {
    /// Opens an archive file, the first volume of a set (`name.7z.001`), or a file with an archive behind a stub (SFX).
    pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self> {
        let _ = (path.as_ref(), options);
        Ok(Self {})
    }
    /// Opens an archive that is in memory.
    pub fn from_bytes(bytes: impl AsRef<[u8]> + Send + Sync + 'static, options: OpenOptions) -> Result<Self> {
        let _ = (bytes.as_ref(), options);
        Ok(Self {})
    }
    /// The entries in the archive's order.
    pub fn entries(&self) -> &[EntryInfo] {
        &[]
    }
    /// Bytes of the archive without stub and trailing bytes: 32 + packed streams + header.
    pub fn physical_size(&self) -> u64 {
        0
    }
    /// Bytes of start header and header.
    pub fn headers_size(&self) -> u64 {
        0
    }
    /// Bytes before the archive's first (an SFX stub), 0 for a plain archive.
    pub fn stub_size(&self) -> u64 {
        0
    }
    /// Bytes behind the archive's end.
    pub fn trailing_size(&self) -> u64 {
        0
    }
    /// Number of folders ("blocks").
    pub fn folder_count(&self) -> u64 {
        0
    }
    /// Number of volumes, 1 for a plain file.
    pub fn volume_count(&self) -> u64 {
        1
    }
    /// Whether a folder holds several entries.
    pub fn is_solid(&self) -> bool {
        false
    }
    /// The methods used, as 7-Zip lists them.
    pub fn methods(&self) -> Vec<String> {
        Vec::new()
    }
    /// Unpacks everything selected and checks every CRC, writing nothing.
    pub fn test(&self, options: ExtractOptions) -> Result<Report> {
        let _ = options;
        Ok(Report::default())
    }
    /// Unpacks what is selected below `destination`, which is created if missing.
    pub fn extract(&self, destination: impl AsRef<Path>, options: ExtractOptions) -> Result<Report> {
        let _ = (destination.as_ref(), options);
        Ok(Report::default())
    }
    /// Writes the selected entries' contents to `out`, one after another in the archive's order (7-Zip's `x -so`).
    pub fn extract_to(&self, out: &mut dyn std::io::Write, options: ExtractOptions) -> Result<Report> {
        let _ = (out, options);
        Ok(Report::default())
    }
    /// Reads one entry. The CRC is checked when the end is reached.
    pub fn read_entry(&self, index: u64) -> Result<EntryReader<'_>> {
        let _ = index;
        Ok(EntryReader { _archive: self })
    }
}
