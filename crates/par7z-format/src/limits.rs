//! Caps on what a header may ask for, checked before memory is spent on it.

/// What a parsed header may hold at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the (unpacked) next header. Default 1 GiB.
    pub header_bytes: u64,
    /// Entries. Default 16 Mi.
    pub entries: u64,
    /// Folders. Default 16 Mi.
    pub folders: u64,
    /// Coders in one folder. Default 32, 7-Zip's own.
    pub coders_per_folder: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header_bytes: 1 << 30, entries: 16 << 20, folders: 16 << 20, coders_per_folder: 32 }
    }
}
