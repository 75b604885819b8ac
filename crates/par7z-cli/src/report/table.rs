//! Listings, column for column as 7-Zip prints them.

use super::units::{local_time, printable};
use jiff::tz::TimeZone;
use par7z::{Archive, EntryInfo, FileTime};

const RULE: &str = "------------------- ----- ------------ ------------  ------------------------";

/// The block of lines about the archive.
pub(crate) fn archive(archive: &Archive, path: &str) -> String {
    let mut text = format!("--\nPath = {path}\nType = 7z\n");
    let warnings = archive.trailing_size() > 0;
    if warnings {
        text.push_str("WARNINGS:\nThere are data after the end of archive\n");
    }
    if archive.stub_size() > 0 {
        text.push_str(&format!("Offset = {}\n", archive.stub_size()));
    }
    text.push_str(&format!("Physical Size = {}\n", archive.physical_size()));
    if warnings {
        text.push_str(&format!("Tail Size = {}\n", archive.trailing_size()));
    }
    text.push_str(&format!("Headers Size = {}\n", archive.headers_size()));
    let methods = archive.methods();
    if !methods.is_empty() {
        text.push_str(&format!("Method = {}\n", methods.join(" ")));
    }
    let solid = if archive.is_solid() { '+' } else { '-' };
    text.push_str(&format!("Solid = {solid}\nBlocks = {}\n", archive.folder_count()));
    if archive.volume_count() > 1 {
        text.push_str(&format!("Volumes = {}\n", archive.volume_count()));
    }
    text
}

/// Sums at the foot of a listing.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    files: u64,
    folders: u64,
    size: u64,
    packed: u64,
    newest: Option<FileTime>,
}

impl Sums {
    /// Takes an entry in.
    pub(crate) fn add(&mut self, entry: &EntryInfo) {
        if entry.is_directory() {
            self.folders += 1;
        } else {
            self.files += 1;
        }
        // What an archive claims may be any number.
        self.size = self.size.saturating_add(entry.size);
        self.packed = self.packed.saturating_add(entry.packed_size.unwrap_or(0));
        self.newest = self.newest.max(entry.modified);
    }
}

/// The head of the table.
pub(crate) fn head() -> String {
    format!("   Date      Time    Attr         Size   Compressed  Name\n{RULE}")
}

/// One line of the table.
pub(crate) fn row(entry: &EntryInfo, zone: &TimeZone) -> String {
    let time = entry.modified.map(|time| local_time(time, zone, false)).unwrap_or_default();
    let attributes = letters(entry, '.');
    let packed = packed(entry);
    format!("{time:19} {attributes:5} {:>12} {packed:>12}  {}", entry.size, printable(&entry.name))
}

/// The foot of the table.
pub(crate) fn foot(sums: &Sums, zone: &TimeZone) -> String {
    let time = sums.newest.map(|time| local_time(time, zone, false)).unwrap_or_default();
    let mut text = format!("{RULE}\n{time:19}       {:>12} {:>12}  {} files", sums.size, sums.packed, sums.files);
    if sums.folders > 0 {
        text.push_str(&format!(", {} folders", sums.folders));
    }
    text
}

/// Which optional fields the technical listing has; 7-Zip shows one for all entries or for none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fields {
    created: bool,
    accessed: bool,
}

impl Fields {
    /// As the archive's entries need.
    pub(crate) fn of(entries: &[EntryInfo]) -> Self {
        Self {
            created: entries.iter().any(|entry| entry.created.is_some()),
            accessed: entries.iter().any(|entry| entry.accessed.is_some()),
        }
    }
}

/// An entry in the technical listing.
pub(crate) fn technical(entry: &EntryInfo, fields: Fields, zone: &TimeZone) -> String {
    let time = |time: Option<FileTime>| time.map(|time| local_time(time, zone, true)).unwrap_or_default();
    let mut text = format!(
        "Path = {}\nSize = {}\nPacked Size = {}\nModified = {}\n",
        printable(&entry.name),
        entry.size,
        packed(entry),
        time(entry.modified)
    );
    if fields.created {
        text.push_str(&format!("Created = {}\n", time(entry.created)));
    }
    if fields.accessed {
        text.push_str(&format!("Accessed = {}\n", time(entry.accessed)));
    }
    let crc = entry.crc.map(|crc| format!("{crc:08X}")).unwrap_or_default();
    let encrypted = if entry.encrypted { '+' } else { '-' };
    let folder = entry.folder.map(|folder| folder.to_string()).unwrap_or_default();
    text.push_str(&format!(
        "Attributes = {}\nCRC = {crc}\nEncrypted = {encrypted}\nMethod = {}\nBlock = {folder}\n",
        attributes(entry),
        entry.method
    ));
    text
}

fn packed(entry: &EntryInfo) -> String {
    match (entry.packed_size, entry.folder) {
        (Some(packed), _) => packed.to_string(),
        // Without content nothing is packed; within a solid block the first entry has the size.
        (None, None) => "0".to_owned(),
        (None, Some(_)) => String::new(),
    }
}

/// `D....`: directory, read-only, hidden, system, archive.
fn letters(entry: &EntryInfo, blank: char) -> String {
    let bits = entry.attributes.unwrap_or(0);
    let flag = |set: bool, letter: char| if set { letter } else { blank };
    [
        flag(entry.is_directory() || bits & 0x10 != 0, 'D'),
        flag(bits & 0x01 != 0, 'R'),
        flag(bits & 0x02 != 0, 'H'),
        flag(bits & 0x04 != 0, 'S'),
        flag(bits & 0x20 != 0, 'A'),
    ]
    .iter()
    .collect()
}

/// `D drwxr-xr-x`.
fn attributes(entry: &EntryInfo) -> String {
    let windows = letters(entry, ' ').replace(' ', "");
    match entry.unix_mode() {
        Some(mode) if windows.is_empty() => mode_letters(mode),
        Some(mode) => format!("{windows} {}", mode_letters(mode)),
        None => windows,
    }
}

fn mode_letters(mode: u32) -> String {
    let kind = match mode & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o060_000 => 'b',
        0o020_000 => 'c',
        0o010_000 => 'p',
        0o140_000 => 's',
        _ => '-',
    };
    let mut text = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        assert_eq!(mode_letters(0o040_755), "drwxr-xr-x");
        assert_eq!(mode_letters(0o100_644), "-rw-r--r--");
        assert_eq!(mode_letters(0o120_777), "lrwxrwxrwx");
        assert_eq!(mode_letters(0o104_755), "-rwsr-xr-x");
        assert_eq!(mode_letters(0o041_777), "drwxrwxrwt");
        assert_eq!(mode_letters(0o106_644), "-rwSr-Sr--");
    }
}
