//! Where a new archive goes: a file, volumes, an object of a store or several, stdout.

use super::inputs::Inputs;
use crate::args::high;
use crate::args::low::LowArgs;
use crate::exit::Failure;
use crate::report::progress::Reporter;
use crate::stores;
use par7z::storage::{CheckedSink, PathSink, Sink, StreamSink, VolumeSink};
use par7z::{Compressor, Error, ErrorKind, Report, WriteOptions};
use par7z_object_store::{Location, ObjectSink, ObjectVolumeSink, StoreOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) enum Target {
    File(PathBuf),
    Volumes(PathBuf),
    Object(Location),
    ObjectVolumes(Location),
    Stdout,
}

impl Target {
    pub(super) fn new(low: &LowArgs) -> Result<Self, Failure> {
        if low.stdout {
            if !low.volumes.is_empty() {
                return Err(Failure::usage("-v and -so: volumes cannot go to stdout; leave one of them out"));
            }
            return Ok(Self::Stdout);
        }
        let given = low.archive.as_deref().unwrap_or(Path::new(""));
        let path = high::archive_path(given, low.name_mode);
        Ok(match (stores::url_in(&path), low.volumes.is_empty()) {
            (None, true) => Self::File(path),
            (None, false) => Self::Volumes(path),
            (Some(url), true) => Self::Object(stores::location(url)?),
            (Some(url), false) => Self::ObjectVolumes(stores::location(url)?),
        })
    }

    /// The file that must not exist yet, and that is never an input. Objects are looked for when they are begun.
    pub(super) fn first_file(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Volumes(path) => {
                let mut name = path.as_os_str().to_owned();
                name.push(".001");
                Some(name.into())
            }
            Self::Object(_) | Self::ObjectVolumes(_) | Self::Stdout => None,
        }
    }

    pub(super) fn is_in_a_store(&self) -> bool {
        matches!(self, Self::Object(_) | Self::ObjectVolumes(_))
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(path) | Self::Volumes(path) => path.display().to_string(),
            Self::Object(location) | Self::ObjectVolumes(location) => location.to_string(),
            Self::Stdout => "stdout".to_owned(),
        }
    }

    /// Makes the archive. If there are objects among the inputs and not one item makes it, there is none.
    pub(super) fn write(
        &self,
        low: &LowArgs,
        compressor: &Compressor,
        store_options: &StoreOptions,
        inputs: Inputs,
        reporter: &Arc<Reporter>,
    ) -> Result<Report, Failure> {
        // After a mistyped prefix, or with a key that may list and not read, an empty archive would take the place of a good one.
        let watched = inputs.has_objects().then(|| Arc::clone(reporter));
        let sink = CheckedSink::new(self.sink(low, store_options)?, move || match watched {
            Some(reporter) if reporter.all_failed() => {
                Err(Error::new(ErrorKind::Source, "nothing could be read, so nothing was written"))
            }
            _ => Ok(()),
        });
        run(compressor, inputs, sink)
    }

    fn sink(&self, low: &LowArgs, store_options: &StoreOptions) -> Result<Box<dyn Sink>, Failure> {
        let exists = |error: Error| match error.kind() {
            ErrorKind::AlreadyExists => already_there(&self.shown()),
            _ => error.into(),
        };
        Ok(match self {
            Self::File(path) => {
                create_folder_of(path)?;
                Box::new(PathSink::create(path)?)
            }
            Self::Volumes(path) => {
                create_folder_of(path)?;
                let create = if low.replace_archive { VolumeSink::replace } else { VolumeSink::create };
                Box::new(create(path, &low.volumes)?)
            }
            Self::Object(location) => {
                let create = if low.replace_archive { ObjectSink::replace } else { ObjectSink::create };
                Box::new(create(location, store_options).map_err(exists)?)
            }
            Self::ObjectVolumes(location) => {
                let create = if low.replace_archive { ObjectVolumeSink::replace } else { ObjectVolumeSink::create };
                Box::new(create(location, &low.volumes, store_options).map_err(exists)?)
            }
            Self::Stdout => {
                let memory = low.memory.unwrap_or(WriteOptions::DEFAULT_MEMORY_BUDGET_BYTES);
                Box::new(StreamSink::new(io::stdout(), usize::try_from(memory).unwrap_or(usize::MAX)))
            }
        })
    }
}

/// Refuses to touch an archive that exists.
pub(super) fn already_there(shown: &str) -> Failure {
    Failure::fatal(format!(
        "{shown}: the archive exists, and adding to one is not there yet.\nGive another name, or --overwrite to replace it with \
         all that is in it. Nothing was changed"
    ))
}

/// Items come while others are compressed. One that must not be left out ends the run: the session is dropped, and with it
/// what was written.
fn run(compressor: &Compressor, inputs: Inputs, sink: impl Sink + 'static) -> Result<Report, Failure> {
    let session = compressor.start(sink)?;
    for item in inputs {
        if session.add(item?).is_err() {
            // The run has ended early; `finish` says why.
            break;
        }
    }
    Ok(session.finish()?)
}

/// Makes the folder that the archive is to stand in, as 7-Zip does.
fn create_folder_of(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let failed = |error| Failure::fatal(format!("cannot create the folder {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)
}
