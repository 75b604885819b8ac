//! Opening an archive, and what `x`, `e`, `t` and `l` say about it.

use super::Context;
use crate::args::high;
use crate::args::low::SecretArg;
use crate::exit::{Exit, Failure};
use crate::prompt;
use crate::report::{table, units};
use crate::scan::Names;
use crate::stores;
use par7z::storage::ReadAt;
use par7z::{Archive, ErrorKind, OpenOptions, Password, Report, Secret};
use par7z_object_store::{Location, ObjectReader};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open archive and how it is called.
pub(super) struct Opened {
    pub(super) archive: Archive,
    pub(super) shown: String,
}

impl Opened {
    /// How many entries the names choose, and the bytes that the archive claims for them.
    pub(super) fn chosen(&self, names: &Names) -> (u64, u64) {
        let chosen = self.archive.entries().iter().filter(|entry| names.chooses(&entry.name, entry.is_directory()));
        chosen.fold((0, 0), |(items, bytes), entry| (items + 1, entry.size.saturating_add(bytes)))
    }
}

/// Opens the archive of the command line. `doing` is 7-Zip's word for the line before: `Testing`. A password is asked
/// for where it is needed and not given; `reads_content` says whether encrypted content needs one.
pub(super) fn open(context: &Context, doing: &str, reads_content: bool) -> Result<Opened, Failure> {
    let low = &context.low;
    let console = &context.console;
    let place = Place::find(context)?;
    let shown = place.shown();
    if let Some(size) = place.size()?
        && !low.bare
    {
        console.line(&format!("Scanning the drive for archives:\n1 file, {}", units::bytes(size)));
    }
    if !low.bare {
        console.line(&format!("\n{doing} archive: {shown}"));
    }
    let mut secret = high::secret(low, false)?;
    let attempt = |secret: &Option<Secret>| place.open(OpenOptions::new().secret(secret.clone()));
    let asks = matches!(low.secret, SecretArg::None) && low.stdin.is_none();
    let mut opened = attempt(&secret);
    let needs_password = match &opened {
        Ok(archive) => reads_content && archive.entries().iter().any(|entry| entry.encrypted),
        Err(error) => error.kind() == ErrorKind::PasswordRequired,
    };
    if asks && needs_password {
        secret = Some(Secret::Password(Password::new(prompt::password(false)?.as_str())));
        opened = attempt(&secret);
    }
    let archive = opened.map_err(|error| cannot_open(&shown, &error))?;
    if !low.bare && !low.json {
        console.line(&describe(&archive, &shown, doing));
    }
    Ok(Opened { archive, shown })
}

/// Where an archive is read from.
enum Place {
    File(PathBuf),
    /// Stdin can be read once, so what came from it is kept for a second try with a password.
    Stdin(Arc<[u8]>),
    Object(Location, Arc<ObjectReader>),
}

impl Place {
    fn find(context: &Context) -> Result<Self, Failure> {
        let low = &context.low;
        if low.stdin.is_some() {
            return read_stdin().map(Self::Stdin);
        }
        let path = low.archive.clone().unwrap_or_default();
        let Some(url) = stores::url_in(&path) else { return Ok(Self::File(path)) };
        let location = stores::location(url)?;
        let reader = ObjectReader::open(&location, &stores::options(low, 1, &context.cancel)?)?;
        Ok(Self::Object(location, Arc::new(reader)))
    }

    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin(_) => "stdin".to_owned(),
            Self::Object(location, _) => location.to_string(),
        }
    }

    /// In bytes; `None`: not worth a word.
    fn size(&self) -> Result<Option<u64>, Failure> {
        match self {
            Self::File(path) => match std::fs::metadata(path) {
                Ok(metadata) => Ok(Some(metadata.len())),
                Err(error) => Err(Failure::fatal(format!("{}\n{}", crate::scan::reason(&error), path.display()))),
            },
            Self::Stdin(_) => Ok(None),
            Self::Object(_, reader) => Ok(Some(reader.len())),
        }
    }

    fn open(&self, options: OpenOptions) -> par7z::Result<Archive> {
        match self {
            Self::File(path) => Archive::open(path, options),
            Self::Stdin(bytes) => Archive::from_bytes(Arc::clone(bytes), options),
            Self::Object(_, reader) => Archive::from_source(Arc::clone(reader), options),
        }
    }
}

fn describe(archive: &Archive, shown: &str, doing: &str) -> String {
    let gap = if doing == "Listing" { "\n" } else { "" };
    format!("{gap}{}", table::archive(archive, shown))
}

fn read_stdin() -> Result<Arc<[u8]>, Failure> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::fatal(format!("stdin: {error}")))?;
    Ok(bytes.into())
}

fn cannot_open(shown: &str, error: &par7z::Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::WrongPassword => "Cannot open encrypted archive. Wrong password?".to_owned(),
        ErrorKind::PasswordRequired => "Cannot open encrypted archive: it needs a password; give -p".to_owned(),
        ErrorKind::NotArchive => format!("Cannot open the file as archive\n{error}"),
        ErrorKind::CorruptHeader => format!("Open ERROR: Cannot open the file as [7z] archive\n{error}"),
        _ => return Failure { message: format!("{shown}\n{error}"), ..Failure::from(error_again(error)) },
    };
    Failure::fatal(format!("{shown}\n{why}\n\nCan't open as archive: 1"))
}

/// The error's kind alone: the text is made above.
fn error_again(error: &par7z::Error) -> par7z::Error {
    par7z::Error::new(error.kind(), String::new())
}

/// What `x`, `e` and `t` say at the end, and their exit code.
pub(super) fn finish(context: &Context, archive: &Archive, report: &Report) -> Exit {
    let console = &context.console;
    let errors = report.failures.len();
    if errors == 0 {
        if report.items_done + report.items_skipped == 0 {
            console.line("\nNo files to process");
        }
        console.line("Everything is Ok\n");
        let files = report.items_done - report.directories.min(report.items_done);
        if report.directories > 0 {
            console.line(&format!("Folders: {}", report.directories));
        }
        if files != 1 || report.directories > 0 {
            console.line(&format!("Files: {files}"));
        }
        console.line(&format!("Size:       {}\nCompressed: {}", report.bytes_in, archive.physical_size()));
    } else {
        console.line(&format!("\nSub items Errors: {errors}\n\nArchives with Errors: 1\n\nSub items Errors: {errors}"));
    }
    if context.low.timing {
        console.line(&format!("Time: {} s", units::seconds(report.elapsed)));
    }
    let exit = if errors == 0 { Exit::Ok } else { Exit::Fatal };
    console.event(&crate::report::json::summary(report, 0, exit));
    exit
}

/// The destination of `x`, with `-spe` heeded: if it ends with the archive's only root folder, that folder is not
/// repeated.
pub(super) fn destination(context: &Context, archive: &Archive) -> std::path::PathBuf {
    let dir = high::output_dir(&context.low);
    if !context.low.no_duplicate_root {
        return dir;
    }
    let mut roots: Vec<&str> = archive.entries().iter().filter_map(|entry| entry.name.split('/').next()).collect();
    roots.dedup();
    let only_root = roots.first().filter(|root| roots.len() == 1 && archive.entries().len() > 1 && !root.is_empty());
    match (only_root, dir.file_name(), dir.parent()) {
        (Some(root), Some(name), Some(parent)) if *name == **root => {
            if parent.as_os_str().is_empty() {
                Path::new(".").to_owned()
            } else {
                parent.to_owned()
            }
        }
        _ => dir,
    }
}
