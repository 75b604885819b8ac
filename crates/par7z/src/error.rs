//! The one error type: what went wrong ([`ErrorKind`], for code), where (entry, volume, offset), and why (the source).

use par7z_format::FormatError;
use std::fmt;
use std::io;

/// A result with par7z's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is. Its text is for people; match on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option's value is out of range or contradicts another one. The caller's mistake.
    InvalidOption,
    /// Reading or writing failed; the source is the [`io::Error`].
    Io,
    /// An item's source could not be opened or read; the source is the [`io::Error`].
    Source,
    /// The file is no 7z archive.
    NotArchive,
    /// The archive's structure is damaged or ends too early.
    CorruptHeader,
    /// An entry's data is damaged: it cannot be decoded.
    CorruptData,
    /// An entry's data was decoded, but its CRC-32 is not the stored one.
    WrongCrc,
    /// The archive uses a method or a feature this build does not have.
    Unsupported,
    /// The archive or entry is encrypted and no password or key was given.
    PasswordRequired,
    /// The password or key is wrong (or, where the format cannot tell, the encrypted data is damaged).
    WrongPassword,
    /// A limit of [`ReadLimits`](crate::ReadLimits) would be exceeded.
    LimitExceeded,
    /// An entry's name or link would lead outside the destination.
    UnsafePath,
    /// The destination exists and the policy forbids to replace it.
    AlreadyExists,
    /// Not enough memory, or the budget is too small for the options.
    OutOfMemory,
    /// The run was cancelled.
    Cancelled,
    /// A bug in par7z; please report it.
    Internal,
}

/// An error: kind, text, and where it happened.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    entry: Option<String>,
    offset: Option<u64>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of a kind with a text that says what, where and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), entry: None, offset: None, source: None }
    }

    /// An [`ErrorKind::Io`] error (or [`ErrorKind::OutOfMemory`], if that is what the system says) with what was being
    /// done. An `Error` that travelled inside the `io::Error` comes back as it was.
    pub fn io(context: impl Into<String>, source: io::Error) -> Self {
        match source.downcast::<Error>() {
            Ok(inner) => inner,
            Err(source) => {
                let kind = match source.kind() {
                    io::ErrorKind::OutOfMemory => ErrorKind::OutOfMemory,
                    _ => ErrorKind::Io,
                };
                Self { source: Some(Box::new(source)), ..Self::new(kind, context) }
            }
        }
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "cancelled")
    }

    #[must_use]
    pub(crate) fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    #[must_use]
    pub(crate) fn in_entry(mut self, name: &str) -> Self {
        self.entry.get_or_insert_with(|| name.to_owned());
        self
    }

    #[must_use]
    pub(crate) fn at_offset(mut self, offset: u64) -> Self {
        self.offset.get_or_insert(offset);
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What went wrong and why, without the entry's name, for those who show that themselves.
    pub fn message(&self) -> String {
        match &self.source {
            Some(source) => format!("{}: {source}", self.message),
            None => self.message.clone(),
        }
    }

    /// The entry or item it is about.
    pub fn entry(&self) -> Option<&str> {
        self.entry.as_deref()
    }

    /// The offset it is about, in bytes: in the archive's header for [`ErrorKind::CorruptHeader`].
    pub fn offset(&self) -> Option<u64> {
        self.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entry) = &self.entry {
            write!(f, "{entry}: ")?;
        }
        // The cause belongs to the line that a user reads: "cannot open: No such file or directory".
        f.write_str(&self.message())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::OutOfMemory => io::ErrorKind::OutOfMemory,
            // Not `Interrupted`, which makes `Read::read_exact` and friends retry for ever.
            ErrorKind::Cancelled => io::ErrorKind::Other,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

impl From<FormatError> for Error {
    fn from(error: FormatError) -> Self {
        use par7z_format::FormatErrorKind as F;
        let kind = match error.kind {
            F::NotSevenZip => ErrorKind::NotArchive,
            F::UnsupportedVersion { .. } | F::Unsupported(_) => ErrorKind::Unsupported,
            F::LimitExceeded { .. } => ErrorKind::LimitExceeded,
            _ => ErrorKind::CorruptHeader,
        };
        Self::new(kind, error.to_string()).at_offset(error.offset)
    }
}
