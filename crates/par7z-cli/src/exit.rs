//! How a run ends: the exit codes, which are 7-Zip's, and the failure that carries one.
//!
//! [`Exit::ALL`] is the only list of codes: `--help`, the man page and the program itself read it.

use par7z::ErrorKind;
use std::fmt;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything is done.
    Ok,
    /// Done, but for some items.
    Warning,
    /// The command could not be carried out, or entries are damaged.
    Fatal,
    /// The command line makes no sense.
    CommandLine,
    /// Not enough memory.
    Memory,
    /// Stopped by the user.
    Cancelled,
}

impl Exit {
    /// Every code with its meaning.
    pub(crate) const ALL: [(Self, &'static str); 6] = [
        (Self::Ok, "everything is done"),
        (Self::Warning, "done, but some items failed and were left out"),
        (Self::Fatal, "fatal: the command could not be carried out, or entries are damaged or were not written"),
        (Self::CommandLine, "the command line is wrong"),
        (Self::Memory, "not enough memory"),
        (Self::Cancelled, "stopped by the user"),
    ];

    /// The number the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Fatal => 2,
            Self::CommandLine => 7,
            Self::Memory => 8,
            Self::Cancelled => 255,
        }
    }
}

/// Why a command ended early: the code, and the text that says what, where and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    /// A mistake on the command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::CommandLine, message: message.into() }
    }

    /// Anything else that ends a command.
    pub(crate) fn fatal(message: impl Into<String>) -> Self {
        Self { exit: Exit::Fatal, message: message.into() }
    }

    /// The user said stop.
    pub(crate) fn cancelled(message: impl Into<String>) -> Self {
        Self { exit: Exit::Cancelled, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<par7z::Error> for Failure {
    fn from(error: par7z::Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::InvalidOption => Exit::CommandLine,
            ErrorKind::OutOfMemory => Exit::Memory,
            ErrorKind::Cancelled => Exit::Cancelled,
            _ => Exit::Fatal,
        };
        Self { exit, message: error.to_string() }
    }
}
