//! `a`: a new archive.

use super::Context;
use crate::args::high;
use crate::args::low::LowArgs;
use crate::exit::{Exit, Failure};
use crate::report::progress::Reporter;
use crate::report::{json, units};
use crate::scan::{self, Found, Kind, Names, Scan};
use par7z::storage::{StreamSink, VolumeSink};
use par7z::{Compressor, ErrorPolicy, Item, Links, Report, WriteOptions};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the archive goes.
enum Target {
    File(PathBuf),
    Volumes(PathBuf),
    Stdout,
}

impl Target {
    fn new(low: &LowArgs) -> Result<Self, Failure> {
        if low.stdout {
            if !low.volumes.is_empty() {
                return Err(Failure::usage("-v and -so: volumes cannot go to stdout; leave one of them out"));
            }
            return Ok(Self::Stdout);
        }
        let given = low.archive.as_deref().unwrap_or(Path::new(""));
        let path = high::archive_path(given, low.name_mode);
        Ok(if low.volumes.is_empty() { Self::File(path) } else { Self::Volumes(path) })
    }

    /// The file that must not exist yet, and that is never an input.
    fn first_file(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Volumes(path) => {
                let mut name = path.as_os_str().to_owned();
                name.push(".001");
                Some(name.into())
            }
            Self::Stdout => None,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::File(path) | Self::Volumes(path) => path.display().to_string(),
            Self::Stdout => "stdout".to_owned(),
        }
    }
}

/// Runs `a`.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let low = &context.low;
    let target = Target::new(low)?;
    // Bad options are found before a long scan, and before a password is asked for.
    high::write_options(&LowArgs { hide_names: false, iv: None, ..low.clone() }, None, context.cancel.clone())?;
    let first_file = target.first_file();
    refuse_existing(first_file.as_deref(), low)?;
    let secret = high::secret(low, true)?;
    let options = high::write_options(low, secret, context.cancel.clone())?;

    let names = Names::new(low)?;
    let scan = scan_inputs(context, &names, first_file.as_deref())?;
    announce(context, &scan, &target);
    let reporter = Reporter::new(&context.console, '+', low.log_level, scan.bytes());
    let result = write(low, options.observer(reporter.clone()), &scan, &target);
    reporter.finish();
    let report = result?;
    finish(context, &scan, &target, &report)
}

fn refuse_existing(path: Option<&Path>, low: &LowArgs) -> Result<(), Failure> {
    let Some(path) = path.filter(|path| !low.replace_archive && path.symlink_metadata().is_ok()) else { return Ok(()) };
    Err(Failure::fatal(format!(
        "{}: the archive exists, and adding to one is not there yet.\nGive another name, or --overwrite to replace it with \
         all that is in it. Nothing was changed",
        path.display()
    )))
}

fn scan_inputs(context: &Context, names: &Names, own: Option<&Path>) -> Result<Scan, Failure> {
    let low = &context.low;
    // `-si` alone reads stdin alone.
    if low.stdin.is_some() && names.takes_all() {
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
fn announce(context: &Context, scan: &Scan, target: &Target) {
    let console = &context.console;
    let mut amount = match (scan.found.is_empty(), &context.low.stdin) {
        (true, Some(_)) => "1 file".to_owned(),
        _ => format!("{}, {}", units::counts(scan.directories(), scan.files()), units::bytes(scan.bytes())),
    };
    if !scan.found.is_empty() || context.low.stdin.is_none() {
        console.line(&format!("{amount}\n"));
    }
    if !scan.found.is_empty() && context.low.stdin.is_some() {
        amount.push_str(", and stdin");
    }
    console.line(&format!("Creating archive: {}\n\nAdd new data to archive: {amount}\n", target.shown()));
    let items = scan.found.len() as u64 + u64::from(context.low.stdin.is_some());
    console.event(&json::start("add", &target.shown(), items, scan.bytes()));
}

fn write(low: &LowArgs, options: WriteOptions, scan: &Scan, target: &Target) -> Result<Report, Failure> {
    let memory = low.memory.unwrap_or(WriteOptions::DEFAULT_MEMORY_BUDGET_BYTES);
    let compressor = Compressor::new(options)?;
    let links = if low.store_links == Some(true) { Links::Store } else { Links::Follow };
    let stdin = low.stdin.as_ref().map(|name| stdin_item(low, name.as_deref()));
    let files =
        scan.found.iter().map(|found| Item::from_path_with_links(found.name.clone(), found.path.clone(), links));
    let items = stdin.into_iter().chain(files);
    if let Target::File(path) | Target::Volumes(path) = target {
        create_folder_of(path)?;
    }
    Ok(match target {
        Target::File(path) => compressor.compress_to_path(items, path)?,
        Target::Volumes(path) => compressor.compress(items, VolumeSink::create(path, &low.volumes)?)?,
        Target::Stdout => {
            compressor.compress(items, StreamSink::new(io::stdout(), usize::try_from(memory).unwrap_or(usize::MAX)))?
        }
    })
}

/// Makes the folder that the archive is to stand in, as 7-Zip does.
fn create_folder_of(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let failed = |error| Failure::fatal(format!("cannot create the folder {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)
}

/// 7-Zip stores an empty name if none is given and then shows the archive's; we store what it would show.
fn stdin_item(low: &LowArgs, name: Option<&str>) -> Item {
    let fallback = || low.archive.as_deref().map_or("stdin".to_owned(), high::archive_stem);
    Item::from_reader(name.map_or_else(fallback, str::to_owned), io::stdin(), None)
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
