//! What is seen while a run goes on: a bar on a terminal, names with `-bb1`, events with `--json`, failures at once.

use super::json;
use super::units::printable;
use crate::console::Console;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use par7z::{ErrorKind, Event, Observer, Totals};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Between two JSON progress events.
const EVENT_INTERVAL: Duration = Duration::from_millis(200);
/// Drawings per second: enough to look alive.
const DRAWS_PER_SECOND: u8 = 8;

/// Passes the library's events on to the console.
pub(crate) struct Reporter {
    console: Arc<Console>,
    bar: Option<ProgressBar>,
    /// What names are printed with: 7-Zip's `+`, `-`, `T`; `None` without `-bb`.
    mark: Option<char>,
    /// How a failed item is announced: a warning when writing, an error when reading.
    writing: bool,
    /// Milliseconds since the start at which the last progress event was printed.
    last_event_ms: AtomicU64,
    finished: AtomicU64,
    failed: AtomicU64,
}

impl Reporter {
    /// For a run over `bytes` bytes.
    pub(crate) fn new(console: &Arc<Console>, mark: char, log_level: u32, bytes: u64) -> Arc<Self> {
        let bar = console.wants_bar().then(|| new_bar(bytes));
        console.set_bar(bar.clone());
        let mark_shown = (log_level > 0).then_some(mark);
        Arc::new(Self {
            console: Arc::clone(console),
            bar,
            mark: mark_shown,
            writing: mark == '+',
            last_event_ms: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    /// Whether items have failed, and not one was finished.
    pub(crate) fn all_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed) > 0 && self.finished.load(Ordering::Relaxed) == 0
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.console.set_bar(None);
    }

    fn failed(&self, name: &str, error: &par7z::Error) {
        let name = printable(name);
        let text = if self.writing {
            format!("\nWARNING: {}\n{name}\n", printable(&error.message()))
        } else {
            format!("ERROR: {} : {name}", printable(&entry_failure(error)))
        };
        self.console.error(&text);
    }

    fn progress_event(&self, totals: &Totals) {
        let now = u64::try_from(totals.elapsed.as_millis()).unwrap_or(u64::MAX);
        let last = self.last_event_ms.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= EVENT_INTERVAL.as_millis() as u64;
        // One of the threads that see it due prints it.
        if due && self.last_event_ms.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.console.event(&json::progress(totals));
        }
    }
}

/// 7-Zip's words for what is wrong with an entry, then ours.
fn entry_failure(error: &par7z::Error) -> String {
    let reason = error.message();
    match error.kind() {
        ErrorKind::WrongPassword => "Data Error in encrypted file. Wrong password?".to_owned(),
        ErrorKind::WrongCrc => "CRC Failed".to_owned(),
        ErrorKind::CorruptData => format!("Data Error ({reason})"),
        ErrorKind::Unsupported => format!("Unsupported Method ({reason})"),
        _ => reason,
    }
}

fn new_bar(bytes: u64) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
    let bar = ProgressBar::with_draw_target(Some(bytes), target);
    let template = "{percent:>3}% [{bar:24}] {bytes}/{total_bytes}  {bytes_per_sec}  {prefix}{wide_msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

impl Observer for Reporter {
    fn event(&self, event: &Event<'_>, totals: &Totals) {
        if let Some(bar) = &self.bar {
            // Objects are still being listed while others are packed.
            if bar.length().is_some_and(|length| length < totals.bytes_total) {
                bar.set_length(totals.bytes_total);
            }
            bar.set_position(totals.bytes_in);
            // Nothing while no rate is known, rather than "0s left".
            let left = totals.time_left().map(|left| format!("{:#} left  ", HumanDuration(left)));
            bar.set_prefix(left.unwrap_or_default());
            if let Event::ItemStarted { name, .. } = event {
                bar.set_message(printable(name));
            }
        }
        if self.console.is_json() {
            if let Some(value) = json::item(event) {
                self.console.event(&value);
            }
            self.progress_event(totals);
        }
        let count = match event {
            Event::ItemFinished { .. } => Some(&self.finished),
            Event::ItemFailed { .. } => Some(&self.failed),
            _ => None,
        };
        count.map(|count| count.fetch_add(1, Ordering::Relaxed));
        match event {
            Event::ItemFinished { name, .. } => {
                if let Some(mark) = self.mark {
                    self.console.line(&format!("{mark} {}", printable(name)));
                }
            }
            Event::ItemFailed { name, error, .. } if error.kind() != ErrorKind::Cancelled => self.failed(name, error),
            Event::ItemRetried { name, error, failures, .. } => {
                let (name, why) = (printable(name), printable(&error.message()));
                self.console.error(&format!("{name} : {why} : trying again ({failures})"));
            }
            _ => {}
        }
    }
}
