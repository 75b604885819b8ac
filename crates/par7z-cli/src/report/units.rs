//! Numbers, times and errors in words.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use par7z::FileTime;

/// `408900 bytes (400 KiB)`, rounded as 7-Zip does: up, in the unit that leaves at least 10.
pub(crate) fn bytes(count: u64) -> String {
    const MEBI_10: u64 = 10 << 20;
    const GIBI_10: u64 = 10 << 30;
    let (shift, unit) = match count {
        0 => return "0 bytes".to_owned(),
        MEBI_10..GIBI_10 => (20, "MiB"),
        GIBI_10.. => (30, "GiB"),
        _ => (10, "KiB"),
    };
    format!("{count} bytes ({} {unit})", count.div_ceil(1 << shift))
}

/// `3 folders, 5 files`, `1 file`: 7-Zip's way of counting.
pub(crate) fn counts(folders: u64, files: u64) -> String {
    let plural = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match folders {
        0 => plural(files, "file"),
        _ => format!("{}, {}", plural(folders, "folder"), plural(files, "file")),
    }
}

/// Megabytes (10^6) per second.
pub(crate) fn megabytes_per_second(bytes: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { bytes as f64 / 1e6 / seconds } else { 0.0 }
}

/// Local time; `fraction`: with the seven digits that 7z keeps.
pub(crate) fn local_time(time: FileTime, zone: &TimeZone, fraction: bool) -> String {
    const UNIX_EPOCH: i128 = 116_444_736_000_000_000;
    let nanoseconds = (i128::from(time.0) - UNIX_EPOCH) * 100;
    let Ok(stamp) = Timestamp::from_nanosecond(nanoseconds) else { return String::new() };
    let local = stamp.to_zoned(zone.clone());
    let seconds = local.strftime("%Y-%m-%d %H:%M:%S");
    if fraction { format!("{seconds}.{:07}", local.subsec_nanosecond() / 100) } else { seconds.to_string() }
}

/// A span as people read it.
pub(crate) fn seconds(span: std::time::Duration) -> String {
    let span = SignedDuration::try_from(span).unwrap_or_default();
    format!("{:.3}", span.as_secs_f64())
}

/// A name, or a line with names in it, that cannot steer the terminal: control characters become `_`, as in 7-Zip.
pub(crate) fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_7zip_writes_them() {
        assert_eq!(bytes(3), "3 bytes (1 KiB)");
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(408_900), "408900 bytes (400 KiB)");
        assert_eq!(bytes(306_969), "306969 bytes (300 KiB)");
        assert_eq!(bytes(1 << 30), "1073741824 bytes (1024 MiB)");
    }

    #[test]
    fn times() {
        let zone = TimeZone::UTC;
        let time = FileTime(116_444_736_000_000_000 + 1_234_567);
        assert_eq!(local_time(time, &zone, false), "1970-01-01 00:00:00");
        assert_eq!(local_time(time, &zone, true), "1970-01-01 00:00:00.1234567");
        assert_eq!(local_time(FileTime(u64::MAX), &zone, true), "");
    }

    #[test]
    fn counting() {
        assert_eq!(counts(0, 1), "1 file");
        assert_eq!(counts(3, 5), "3 folders, 5 files");
        assert_eq!(counts(1, 0), "1 folder, 0 files");
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n"), "a_[31mb_");
    }
}
