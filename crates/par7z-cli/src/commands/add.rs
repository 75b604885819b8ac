//! `a`: a new archive.

mod inputs;
mod target;

use super::Context;
use crate::args::high;
use crate::args::low::LowArgs;
use crate::exit::{Exit, Failure};
use crate::report::progress::Reporter;
use crate::report::{json, units};
use crate::scan::{self, Found, Kind, Names, Scan};
use crate::stores::{self, Shares};
use inputs::{Inputs, LISTED_AT_ONCE};
use par7z::{Compressor, ErrorPolicy, LzmaMatchFinder, Report, Solid};
use std::fs;
use std::io;
use std::path::Path;
use target::Target;

/// Folders of objects, unless the user says how large they are: compression begins when the first one's items are listed.
const SOLID_OBJECTS: Solid = Solid { max_bytes: 64 << 20, ..Solid::ON };

/// Runs `a`.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let low = &context.low;
    let target = Target::new(low)?;
    // Bad options are found before a long scan, and before a password is asked for.
    high::write_options(&LowArgs { hide_names: false, iv: None, ..low.clone() }, None, context.cancel.clone())?;
    let first_file = target.first_file();
    refuse_existing(first_file.as_deref(), low)?;
    let names = Names::new(low)?;
    let has_objects = !names.locations.is_empty();
    let shares = Shares::new(low.memory, stores::requests(low), has_objects, target.is_in_a_store())?;
    let lists = names.locations.len().min(LISTED_AT_ONCE).min(stores::requests(low));
    let store_options = shares.apply(stores::options(low, lists, &context.cancel)?, lists)?;
    refuse_what_stores_lack(low, &names, &target)?;
    // A folder is begun when it is full: with no bound that would be when all is listed.
    let solid = low.solid.or(has_objects.then_some(SOLID_OBJECTS));
    let low = &LowArgs { memory: Some(shares.engine_bytes), solid, ..low.clone() };
    let secret = high::secret(low, true)?;
    let options = high::write_options(low, secret, context.cancel.clone())?;

    let scan = scan_inputs(context, &names, first_file.as_deref())?;
    announce(context, &names, &scan, &target);
    let reporter = Reporter::new(&context.console, '+', low.log_level, scan.bytes());
    let compressor = Compressor::new(options.clone().observer(reporter.clone()))?;
    tell_leaner_finder(context, &compressor, &Compressor::new(options.encoder_memory(None))?);
    let inputs = Inputs::new(low, &names, &scan, &store_options, lists);
    let result = target.write(low, &compressor, &store_options, inputs, &reporter);
    reporter.finish();
    let report = result?;
    finish(context, &scan, &target, &report)
}

/// Says so if a tight `--encoder-memory` has led to a leaner match finder.
fn tell_leaner_finder(context: &Context, compressor: &Compressor, unlimited: &Compressor) {
    let (Some(finder), Some(usual)) = (compressor.match_finder(), unlimited.match_finder()) else { return };
    if finder == usual {
        return;
    }
    let name = |finder: LzmaMatchFinder| match finder {
        LzmaMatchFinder::HashBuckets => "hash buckets",
        LzmaMatchFinder::BinaryTree => "a binary tree",
        LzmaMatchFinder::IntervalTree => "an interval tree",
        _ => "another one",
    };
    let text = format!("Match finder: {} instead of {} (--encoder-memory)", name(finder), name(usual));
    context.console.line(&format!("{text}\n"));
    context.console.event(&json::note(&text));
}

/// What would be passed over in silence otherwise.
fn refuse_what_stores_lack(low: &LowArgs, names: &Names, target: &Target) -> Result<(), Failure> {
    if low.delete_after && !names.locations.is_empty() {
        return Err(Failure::usage("-sdel deletes files on the disk; leave it out, objects are not deleted"));
    }
    if low.archive_time && target.is_in_a_store() {
        return Err(Failure::usage("-stl: an object's time is that of its upload; leave it out"));
    }
    Ok(())
}

fn refuse_existing(path: Option<&Path>, low: &LowArgs) -> Result<(), Failure> {
    match path.filter(|path| !low.replace_archive && path.symlink_metadata().is_ok()) {
        Some(path) => Err(target::already_there(&path.display().to_string())),
        None => Ok(()),
    }
}

fn scan_inputs(context: &Context, names: &Names, own: Option<&Path>) -> Result<Scan, Failure> {
    let low = &context.low;
    // `-si` alone reads stdin alone.
    if low.stdin.is_some() && names.takes_all() {
        return Ok(Scan::default());
    }
    if names.include.is_empty() && names.not_utf8.is_empty() && !names.locations.is_empty() {
        return Ok(Scan::default());
    }
    context.console.line("Scanning the drive:");
    let scan = scan::walk(low, names, own, &context.cancel)?;
    for (name, why) in &scan.problems {
        context.console.error(&format!("\nWARNING: {why}\n{name}\n"));
        context.console.event(&json::scan_problem(name, why));
    }
    if low.error_policy == ErrorPolicy::Abort && !scan.problems.is_empty() {
        return Err(Failure::fatal(
            "a file cannot be read, and -sse or --on-error abort is given: nothing was written",
        ));
    }
    Ok(scan)
}

/// Says what will be written.
fn announce(context: &Context, names: &Names, scan: &Scan, target: &Target) {
    let console = &context.console;
    let (stdin, files) = (context.low.stdin.is_some(), !scan.found.is_empty());
    let mut amounts = Vec::new();
    if files || (!stdin && names.locations.is_empty()) {
        let files = units::counts(scan.directories(), scan.files());
        amounts.push(format!("{files}, {}", units::bytes(scan.bytes())));
        console.line(&format!("{}\n", amounts[0]));
    }
    if stdin {
        amounts.push(if files { "stdin" } else { "1 file" }.to_owned());
    }
    amounts.extend(names.locations.iter().map(ToString::to_string));
    let amount = amounts.join(", and ");
    console.line(&format!("Creating archive: {}\n\nAdd new data to archive: {amount}\n", target.shown()));
    let items = scan.found.len() as u64 + u64::from(context.low.stdin.is_some());
    console.event(&json::start("add", &target.shown(), items, scan.bytes()));
}

fn finish(context: &Context, scan: &Scan, target: &Target, report: &Report) -> Result<Exit, Failure> {
    let console = &context.console;
    let complete = report.is_complete() && scan.problems.is_empty();
    let exit = if complete { Exit::Ok } else { Exit::Warning };
    console.line(&format!(
        "\nFiles read from disk: {}\nArchive size: {}",
        report.items_done - report.directories.min(report.items_done),
        units::bytes(report.bytes_out)
    ));
    if context.low.timing {
        console.line(&format!("Time: {} s", units::seconds(report.elapsed)));
    }
    warn_about_failures(context, scan, report);
    if context.low.archive_time {
        set_archive_time(scan, target)?;
    }
    if context.low.delete_after {
        delete_inputs(context, scan, complete)?;
    }
    if complete {
        console.line("Everything is Ok");
    }
    console.event(&json::summary(report, scan.problems.len() as u64, exit));
    Ok(exit)
}

/// 7-Zip's two closing sections.
fn warn_about_failures(context: &Context, scan: &Scan, report: &Report) {
    let console = &context.console;
    if !scan.problems.is_empty() {
        let lines: String = scan.problems.iter().map(|(name, why)| format!("{name} : {why}\n")).collect();
        console.line(&format!(
            "\nScan WARNINGS for files and folders:\n\n{lines}----------------\nScan WARNINGS: {}",
            scan.problems.len()
        ));
    }
    let failures = &report.failures;
    if !failures.is_empty() {
        let line = |failure: &par7z::ItemFailure| format!("{} : {}\n", failure.name, &failure.error.message());
        let lines: String = failures.iter().map(line).collect();
        let plural = if failures.len() == 1 { "file" } else { "files" };
        console.line(&format!(
            "\nWARNINGS for files:\n\n{lines}----------------\nWARNING: Cannot open {} {plural}",
            failures.len()
        ));
    }
}

fn set_archive_time(scan: &Scan, target: &Target) -> Result<(), Failure> {
    let newest =
        scan.found.iter().filter(|found| found.kind != Kind::Directory).filter_map(|found| found.modified).max();
    let (Target::File(path), Some(time)) = (target, newest) else { return Ok(()) };
    let set = || fs::File::options().write(true).open(path)?.set_modified(time);
    set().map_err(|error| Failure::fatal(format!("{}: cannot set its time: {error}", path.display())))
}

/// `-sdel`. Deletes nothing unless every file is in the archive.
fn delete_inputs(context: &Context, scan: &Scan, complete: bool) -> Result<(), Failure> {
    if !complete {
        context.console.error("WARNING: -sdel: some files are not in the archive, so none were deleted");
        return Ok(());
    }
    let failed = |found: &Found, error: io::Error| {
        Failure::fatal(format!("{}: it is in the archive, but cannot be deleted: {error}", found.path.display()))
    };
    for found in scan.found.iter().filter(|found| found.kind != Kind::Directory) {
        fs::remove_file(&found.path).map_err(|error| failed(found, error))?;
    }
    // Children come behind their folder. One that still has something in it (left out by -x) stays.
    for found in scan.found.iter().rev().filter(|found| found.kind == Kind::Directory) {
        match fs::remove_dir(&found.path) {
            Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => return Err(failed(found, error)),
            _ => {}
        }
    }
    Ok(())
}
