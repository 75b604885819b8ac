//! `x` and `e`.

use super::Context;
use super::open::{self, Opened};
use crate::args::high;
use crate::args::low::{Command, OverwriteArg, StreamArg};
use crate::exit::{Exit, Failure};
use crate::prompt::{self, Answer};
use crate::report::progress::Reporter;
use crate::report::{json, units};
use crate::scan::Names;
use crate::stores;
use jiff::tz::TimeZone;
use par7z::{ExtractOptions, Overwrite, OverwriteAnswer, OverwriteQuestion, PathMode, Report};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Runs `x` or `e`.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let low = &context.low;
    if low.output_dir.as_deref().is_some_and(|dir| stores::url_in(dir).is_some()) {
        return Err(Failure::usage("-o: files are extracted to a folder on the disk; give one, or -so"));
    }
    let names = Names::new(low)?;
    let opened = open::open(context, "Extracting", true)?;
    let (items, bytes) = opened.chosen(&names);
    context.console.event(&json::start("extract", &opened.shown, items, bytes));
    let reporter = Reporter::new(&context.console, '-', low.log_level, bytes);
    let asker = Arc::new(Asker::new(context));
    let options = ExtractOptions::new()
        .threads(low.threads.unwrap_or_default())
        .paths(if low.command == Command::ExtractFlat { PathMode::Flat } else { PathMode::Full })
        .overwrite(overwrite(context, &asker))
        .restore_links(low.store_links.unwrap_or(true))
        .select(move |entry| names.chooses(&entry.name, entry.is_directory()))
        .observer(reporter.clone())
        .cancel_token(context.cancel.clone());
    let result = unpack(context, &opened, options);
    reporter.finish();
    if asker.stdin_ended.load(Ordering::Relaxed) {
        return Err(Failure::cancelled(
            "a file exists and stdin gave no answer: say what to do with -y or -aoa (replace), -aos (skip), -aou or -aot \
             (rename)",
        ));
    }
    Ok(open::finish(context, &opened.archive, &result?))
}

fn unpack(context: &Context, opened: &Opened, options: ExtractOptions) -> par7z::Result<Report> {
    if context.low.stdout {
        let mut out = io::stdout().lock();
        let report = opened.archive.extract_to(&mut out, options)?;
        let _ = out.flush();
        return Ok(report);
    }
    opened.archive.extract(open::destination(context, &opened.archive), options)
}

fn overwrite(context: &Context, asker: &Arc<Asker>) -> Overwrite {
    match high::overwrite(&context.low) {
        Some(OverwriteArg::Replace) => Overwrite::Replace,
        Some(OverwriteArg::Skip) => Overwrite::Skip,
        Some(OverwriteArg::RenameNew) => Overwrite::RenameNew,
        Some(OverwriteArg::RenameExisting) => Overwrite::RenameExisting,
        None => {
            let asker = Arc::clone(asker);
            Overwrite::Ask(Arc::new(move |question| asker.ask(question)))
        }
    }
}

/// Asks 7-Zip's question, and remembers the answers that are for all.
struct Asker {
    for_all: Mutex<Option<OverwriteAnswer>>,
    stdin_ended: AtomicBool,
    to_stderr: bool,
    zone: TimeZone,
}

impl Asker {
    fn new(context: &Context) -> Self {
        let low = &context.low;
        Self {
            for_all: Mutex::new(None),
            stdin_ended: AtomicBool::new(false),
            // The question belongs to the user, not into data or JSON.
            to_stderr: low.json || low.out_stream.is_some_and(|stream| stream != StreamArg::Stdout),
            zone: TimeZone::system(),
        }
    }

    fn ask(&self, question: &OverwriteQuestion<'_>) -> OverwriteAnswer {
        let mut for_all = self.for_all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = *for_all {
            return answer;
        }
        let mut out: Box<dyn Write> = if self.to_stderr { Box::new(io::stderr()) } else { Box::new(io::stdout()) };
        let time = |time: Option<par7z::FileTime>| {
            time.map(|time| units::local_time(time, &self.zone, false)).unwrap_or_default()
        };
        let _ = write!(
            out,
            "\nWould you like to replace the existing file:\n  Path:     {}\n  Size:     {}\n  Modified: {}\n\
             with the file from archive:\n  Path:     {}\n  Size:     {}\n  Modified: {}\n",
            units::printable(question.path),
            units::bytes(question.existing_size),
            time(question.existing_modified),
            units::printable(&question.entry.name),
            units::bytes(question.entry.size),
            time(question.entry.modified),
        );
        let (answer, all) = match prompt::overwrite(&mut out, &mut io::stdin().lock()) {
            Answer::Yes => (OverwriteAnswer::Replace, false),
            Answer::No => (OverwriteAnswer::Skip, false),
            Answer::Always => (OverwriteAnswer::Replace, true),
            Answer::SkipAll => (OverwriteAnswer::Skip, true),
            Answer::RenameAll => (OverwriteAnswer::RenameNew, true),
            Answer::Quit => (OverwriteAnswer::Cancel, true),
            Answer::Nothing => {
                self.stdin_ended.store(true, Ordering::Relaxed);
                (OverwriteAnswer::Cancel, true)
            }
        };
        if all {
            *for_all = Some(answer);
        }
        answer
    }
}
