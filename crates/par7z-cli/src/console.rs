//! Where messages go. Everything printed passes through here, so that `-bs`, `-so`, `--json` and a progress bar agree,
//! and a reader that goes away (`par7z l x.7z | head`) is no error.

use crate::args::low::{Command, LowArgs, StreamArg};
use indicatif::ProgressBar;
use serde_json::Value;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// The program's voice.
#[derive(Debug)]
pub(crate) struct Console {
    out: StreamArg,
    err: StreamArg,
    progress: bool,
    json: bool,
    bare: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Console {
    /// As the switches say.
    pub(crate) fn new(low: &LowArgs) -> Self {
        // With -so stdout belongs to the data.
        let out = match low.out_stream {
            None | Some(StreamArg::Stdout) if low.stdout => StreamArg::Stderr,
            None => StreamArg::Stdout,
            Some(stream) => stream,
        };
        let shown = low.progress_stream != Some(StreamArg::Nowhere) && !low.no_progress && !low.json;
        let on_terminal = io::stderr().is_terminal() && (low.stdout || io::stdout().is_terminal());
        Self {
            out,
            err: low.err_stream.unwrap_or(StreamArg::Stderr),
            progress: shown && on_terminal,
            json: low.json,
            bare: low.bare,
            bar: Mutex::new(None),
        }
    }

    /// Whether a progress bar is wanted.
    pub(crate) fn wants_bar(&self) -> bool {
        self.progress
    }

    /// Whether stdout is for JSON alone.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Announces a bar, or its end: lines are then printed above it.
    pub(crate) fn set_bar(&self, bar: Option<ProgressBar>) {
        let mut place = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = place.take() {
            old.finish_and_clear();
        }
        *place = bar;
    }

    /// The first line of a run, unless only bare or JSON output is wanted.
    pub(crate) fn banner(&self, command: Command) {
        if self.bare || command == Command::None {
            return;
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let bits = usize::BITS;
        self.line(&format!(
            "\npar7z {} : 7z archives in parallel\n {bits}-bit {} Threads:{cores}\n",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::ARCH
        ));
    }

    /// A line of output.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            self.write(self.out, text);
        }
    }

    /// A line of errors.
    pub(crate) fn error(&self, text: &str) {
        self.write(self.err, text);
    }

    /// An event for programs.
    pub(crate) fn event(&self, event: &Value) {
        if self.json {
            self.write(StreamArg::Stdout, &event.to_string());
        }
    }

    fn write(&self, stream: StreamArg, text: &str) {
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let write = || {
            // Failures are ignored on purpose: nobody is left who could be told.
            let _ = match stream {
                StreamArg::Nowhere => Ok(()),
                StreamArg::Stdout => writeln!(io::stdout().lock(), "{text}"),
                StreamArg::Stderr => writeln!(io::stderr().lock(), "{text}"),
            };
        };
        match &*bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}
