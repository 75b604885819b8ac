//! Events for programs: one JSON object per line. No secret is in any of them, for none is ever in the types they are
//! made from.

use crate::exit::Exit;
use par7z::{EntryInfo, Event, FileTime, Report, Totals};
use serde_json::{Value, json};

/// The run begins.
pub(crate) fn start(command: &str, archive: &str, items: u64, bytes: u64) -> Value {
    json!({"event": "start", "command": command, "archive": archive, "items": items, "bytes": bytes})
}

/// Something that the user should know and need not act on.
pub(crate) fn note(text: &str) -> Value {
    json!({"event": "note", "text": text})
}

/// Something happened to an item. Running progress of one item gives nothing: [`progress`] sums it up.
pub(crate) fn item(event: &Event<'_>) -> Option<Value> {
    Some(match event {
        Event::ItemStarted { index, name, size } => {
            json!({"event": "item_started", "index": index, "name": name, "bytes": size})
        }
        Event::ItemFinished { index, name, bytes, .. } => {
            json!({"event": "item_finished", "index": index, "name": name, "bytes": bytes})
        }
        Event::ItemFailed { index, name, error } => {
            json!({"event": "item_failed", "index": index, "name": name,
                   "kind": format!("{:?}", error.kind()), "error": error.message()})
        }
        Event::ItemRetried { index, name, error, failures } => {
            json!({"event": "item_retried", "index": index, "name": name, "failures": failures,
                   "error": error.message()})
        }
        Event::ItemSkipped { index, name } => json!({"event": "item_skipped", "index": index, "name": name}),
        _ => return None,
    })
}

/// A path that could not be scanned.
pub(crate) fn scan_problem(name: &str, why: &str) -> Value {
    json!({"event": "item_failed", "index": null, "name": name, "kind": "Source", "error": why})
}

/// Where the run stands.
pub(crate) fn progress(totals: &Totals) -> Value {
    json!({
        "event": "progress",
        "items_done": totals.items_done,
        "items_failed": totals.items_failed,
        "items_total": totals.items_total,
        "items_in_progress": totals.items_in_progress,
        "bytes_in": totals.bytes_in,
        "bytes_out": totals.bytes_out,
        "bytes_total": totals.bytes_total,
        "bytes_per_second": totals.bytes_per_second(),
        "seconds_left": totals.time_left().map(|left| left.as_secs_f64()),
        "threads": totals.active_threads,
        "seconds": totals.elapsed.as_secs_f64(),
    })
}

/// The run is over.
pub(crate) fn summary(report: &Report, scan_problems: u64, exit: Exit) -> Value {
    json!({
        "event": "summary",
        "items_done": report.items_done,
        "directories": report.directories,
        "items_skipped": report.items_skipped,
        "items_failed": report.failures.len() as u64 + scan_problems,
        "bytes_in": report.bytes_in,
        "bytes_out": report.bytes_out,
        "seconds": report.elapsed.as_secs_f64(),
        "exit_code": exit.code(),
    })
}

/// The run ended early.
pub(crate) fn failure(message: &str, exit: Exit) -> Value {
    json!({"event": "error", "error": message, "exit_code": exit.code()})
}

/// An entry of a listing.
pub(crate) fn entry(entry: &EntryInfo) -> Value {
    json!({
        "event": "entry",
        "index": entry.index,
        "name": entry.name,
        "kind": format!("{:?}", entry.kind).to_ascii_lowercase(),
        "symlink": entry.is_symlink(),
        "size": entry.size,
        "packed_size": entry.packed_size,
        "crc": entry.crc.map(|crc| format!("{crc:08X}")),
        "modified": time(entry.modified),
        "created": time(entry.created),
        "accessed": time(entry.accessed),
        "attributes": entry.attributes,
        "mode": entry.unix_mode().map(|mode| format!("{mode:o}")),
        "encrypted": entry.encrypted,
        "method": &*entry.method,
        "block": entry.folder,
    })
}

fn time(time: Option<FileTime>) -> Option<String> {
    let local = super::units::local_time(time?, &jiff::tz::TimeZone::UTC, true);
    (!local.is_empty()).then(|| format!("{}Z", local.replace(' ', "T")))
}
