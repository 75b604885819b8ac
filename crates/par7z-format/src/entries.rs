//! The entries of an archive: names, times and attributes.
//!
//! Plain data: an entry does not know its content, the substreams do. Entries that have a stream take the substreams of
//! the folders in order.

use std::time::{Duration, SystemTime};

/// From 1601-01-01 to 1970-01-01.
const UNIX_EPOCH_SECONDS: i64 = 11_644_473_600;
const TICKS_PER_SECOND: u64 = 10_000_000;
const NANOSECONDS_PER_TICK: u32 = 100;

/// A point in time as 7z stores it: 100-nanosecond steps since 1601-01-01 00:00 UTC (a Windows `FILETIME`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(pub u64);

impl FileTime {
    /// 1970-01-01 00:00 UTC.
    pub const UNIX_EPOCH: Self = Self(UNIX_EPOCH_SECONDS as u64 * TICKS_PER_SECOND);

    /// From seconds since 1970 and the nanoseconds behind them (a billion or more carry over). What lies below a step
    /// of 100 ns is cut off; times before 1601 become 1601, times too late become the last one.
    ///
    /// ```
    /// # use par7z_format::FileTime;
    /// assert_eq!(FileTime::from_unix(0, 0), FileTime::UNIX_EPOCH);
    /// assert_eq!(FileTime::from_unix(-1, 999_999_999).to_unix(), (-1, 999_999_900));
    /// assert_eq!(FileTime::from_unix(i64::MIN, 0), FileTime(0));
    /// ```
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        let seconds_since_1601 = i128::from(seconds) + i128::from(UNIX_EPOCH_SECONDS);
        let ticks = seconds_since_1601 * i128::from(TICKS_PER_SECOND) + i128::from(nanoseconds / NANOSECONDS_PER_TICK);
        Self(ticks.clamp(0, i128::from(u64::MAX)) as u64)
    }

    /// Seconds since 1970 (negative before) and the nanoseconds (below a billion) behind them. Exact.
    pub fn to_unix(self) -> (i64, u32) {
        let seconds = (self.0 / TICKS_PER_SECOND) as i64 - UNIX_EPOCH_SECONDS;
        let nanoseconds = (self.0 % TICKS_PER_SECOND) as u32 * NANOSECONDS_PER_TICK;
        (seconds, nanoseconds)
    }

    /// As the standard library's time; `None` if the platform's clock does not reach that far.
    pub fn to_system_time(self) -> Option<SystemTime> {
        let (seconds, nanoseconds) = self.to_unix();
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let at_second = if seconds < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(whole)?
        } else {
            SystemTime::UNIX_EPOCH.checked_add(whole)?
        };
        at_second.checked_add(Duration::from_nanos(u64::from(nanoseconds)))
    }
}

/// Saturates and cuts off like [`FileTime::from_unix`].
impl From<SystemTime> for FileTime {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self::from_unix(i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
            Err(before) => {
                let before = before.duration();
                let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                // Seconds count down and nanoseconds up: -1.25 s is second -2 plus 0.75 s.
                match before.subsec_nanos() {
                    0 => Self::from_unix(-seconds, 0),
                    nanoseconds => Self::from_unix((-seconds).saturating_sub(1), 1_000_000_000 - nanoseconds),
                }
            }
        }
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EntryKind {
    /// A file (or a symbolic link, which its attributes tell).
    #[default]
    File,
    /// A directory.
    Directory,
    /// An anti-item: on extraction, delete what has this name.
    Anti,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// The name with `/` between its parts. `None` if the archive stores no names.
    pub name: Option<Box<str>>,
    /// File, directory or anti-item.
    pub kind: EntryKind,
    /// Whether a substream holds its content. An empty file, a directory and an anti-item have none: an entry with a
    /// stream is always stored as a file.
    pub has_stream: bool,
    /// Creation time.
    pub created: Option<FileTime>,
    /// Last access.
    pub accessed: Option<FileTime>,
    /// Last modification.
    pub modified: Option<FileTime>,
    /// Windows attributes in the low 16 bits; bit 15 (0x8000) set means that the high 16 bits are the unix mode.
    pub attributes: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        assert_eq!(FileTime::UNIX_EPOCH, FileTime(116_444_736_000_000_000));
        assert_eq!(FileTime(0).to_unix(), (-11_644_473_600, 0));
        assert_eq!(FileTime::from_unix(1_700_000_000, 123_456_789).to_unix(), (1_700_000_000, 123_456_700));
    }

    #[test]
    fn times_out_of_range_saturate() {
        assert_eq!(FileTime::from_unix(i64::MAX, u32::MAX), FileTime(u64::MAX));
        assert_eq!(FileTime::from_unix(i64::MIN, u32::MAX), FileTime(0));
    }

    #[test]
    fn times_before_1970() {
        let time = SystemTime::UNIX_EPOCH - Duration::from_millis(1250);
        assert_eq!(FileTime::from(time).to_unix(), (-2, 750_000_000));
        assert_eq!(FileTime::from(time).to_system_time(), Some(time));
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 88);
    }

    proptest! {
        #[test]
        fn times_round_trip(ticks: u64) {
            let time = FileTime(ticks);
            let (seconds, nanoseconds) = time.to_unix();
            prop_assert_eq!(FileTime::from_unix(seconds, nanoseconds), time);
            if let Some(system_time) = time.to_system_time() {
                prop_assert_eq!(FileTime::from(system_time), time);
            }
        }
    }
}
