//! Why a function fails: an HRESULT for code, a text for people.

use crate::abi::Hresult;
use par7z::ErrorKind;
use std::error::Error as _;
use std::fmt;
use std::io;

pub(crate) const S_OK: Hresult = 0;
pub(crate) const S_FALSE: Hresult = 1;
pub(crate) const E_NOTIMPL: Hresult = code(0x8000_4001);
pub(crate) const E_ABORT: Hresult = code(0x8000_4004);
pub(crate) const E_FAIL: Hresult = code(0x8000_4005);
pub(crate) const E_OUTOFMEMORY: Hresult = code(0x8007_000E);
pub(crate) const E_INVALIDARG: Hresult = code(0x8007_0057);
const E_NOT_ARCHIVE: Hresult = code(0x8004_0701);
const E_CORRUPT: Hresult = code(0x8004_0702);
const E_PASSWORD_REQUIRED: Hresult = code(0x8004_0703);
const E_WRONG_PASSWORD: Hresult = code(0x8004_0704);
const E_LIMIT: Hresult = code(0x8004_0705);
const E_UNSAFE_PATH: Hresult = code(0x8004_0706);
const E_EXISTS: Hresult = code(0x8004_0707);

/// Errors of the system: 7-Zip's facility for errno; on Windows, HRESULT_FROM_WIN32.
const SYSTEM_ERRORS: u32 = if cfg!(windows) { 0x8007_0000 } else { 0x8800_0000 };

const fn code(bits: u32) -> Hresult {
    bits.cast_signed()
}

/// A failed call.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) code: Hresult,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: Hresult, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// An argument that makes no sense.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(E_INVALIDARG, message)
    }
}

impl From<&par7z::Error> for Failure {
    fn from(error: &par7z::Error) -> Self {
        Self::new(code_of(error), error.to_string())
    }
}

impl From<par7z::Error> for Failure {
    fn from(error: par7z::Error) -> Self {
        Self::from(&error)
    }
}

/// The HRESULT of an engine error.
pub(crate) fn code_of(error: &par7z::Error) -> Hresult {
    let from_below = || error.source().and_then(|source| source.downcast_ref::<io::Error>()).and_then(code_of_io);
    match error.kind() {
        ErrorKind::InvalidOption => E_INVALIDARG,
        ErrorKind::Io | ErrorKind::Source => from_below().unwrap_or(E_FAIL),
        ErrorKind::NotArchive => E_NOT_ARCHIVE,
        ErrorKind::CorruptHeader | ErrorKind::CorruptData | ErrorKind::WrongCrc => E_CORRUPT,
        ErrorKind::Unsupported => E_NOTIMPL,
        ErrorKind::PasswordRequired => E_PASSWORD_REQUIRED,
        ErrorKind::WrongPassword => E_WRONG_PASSWORD,
        ErrorKind::LimitExceeded => E_LIMIT,
        ErrorKind::UnsafePath => E_UNSAFE_PATH,
        ErrorKind::AlreadyExists => E_EXISTS,
        ErrorKind::OutOfMemory => E_OUTOFMEMORY,
        ErrorKind::Cancelled => E_ABORT,
        _ => E_FAIL,
    }
}

fn code_of_io(error: &io::Error) -> Option<Hresult> {
    if let Some(callback) = error.get_ref().and_then(|inner| inner.downcast_ref::<CallbackError>()) {
        return Some(callback.code);
    }
    let system = error.raw_os_error().filter(|number| (1..=0xFFFF).contains(number))?;
    Some(code(SYSTEM_ERRORS | system.cast_unsigned()))
}

/// A client's function said no. It travels through the engine as an `io::Error` and comes out as the client's own code.
#[derive(Debug)]
pub(crate) struct CallbackError {
    code: Hresult,
    what: &'static str,
}

impl CallbackError {
    /// What callback `what` returned, if that is not S_OK. S_FALSE and other positive codes are no success for a stream.
    pub(crate) fn check(what: &'static str, code: Hresult) -> io::Result<()> {
        match code {
            S_OK => Ok(()),
            // A failure must be negative to be one for the client.
            code => Err(io::Error::other(Self { code: if code < 0 { code } else { E_FAIL }, what })),
        }
    }

    /// A callback that broke its contract.
    pub(crate) fn contract(what: &'static str) -> io::Error {
        io::Error::other(Self { code: E_FAIL, what })
    }
}

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (0x{:08X})", self.what, self.code)
    }
}

impl std::error::Error for CallbackError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_windows() {
        assert_eq!(E_ABORT.cast_unsigned(), 0x8000_4004);
        assert_eq!(E_INVALIDARG.cast_unsigned(), 0x8007_0057);
    }

    #[test]
    fn system_errors_keep_their_number() {
        let error = io::Error::from_raw_os_error(2);
        let expected = if cfg!(windows) { 0x8007_0002 } else { 0x8800_0002 };
        assert_eq!(code_of_io(&error).map(i32::cast_unsigned), Some(expected));
    }

    #[test]
    fn a_callbacks_code_comes_back_and_is_negative() {
        let failed = CallbackError::check("Read", E_ABORT).expect_err("negative");
        assert_eq!(code_of_io(&failed), Some(E_ABORT));
        let odd = CallbackError::check("Read", S_FALSE).expect_err("not S_OK");
        assert_eq!(code_of_io(&odd), Some(E_FAIL));
        assert!(CallbackError::check("Read", S_OK).is_ok());
    }
}
