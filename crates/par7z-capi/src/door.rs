//! The way in and out of every exported function: panics stop here, and the reason of a failure is kept for
//! `ParallelCompress_GetLastErrorMessage`.

use crate::abi::{Hresult, WideStr};
use crate::failure::{E_FAIL, Failure};
use crate::wide;
use libc::wchar_t;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::thread::Thread;

thread_local! {
    /// The text of this thread's last failure.
    static LAST_ERROR: RefCell<Box<[wchar_t]>> = RefCell::new(wide::write(""));
}

/// The main thread's handle. std makes one when something asks for it and never lets it go, and keeps only a pointer into
/// its middle: leak checkers take that for a leak of the client's. This one points to its begin.
static MAIN_THREAD: OnceLock<Thread> = OnceLock::new();

fn keep_main_thread_reachable() {
    #[cfg(target_os = "linux")]
    if MAIN_THREAD.get().is_none() {
        // SAFETY: both only read the process's own numbers.
        let is_main = unsafe { libc::getpid() == libc::gettid() };
        if is_main {
            MAIN_THREAD.get_or_init(std::thread::current);
        }
    }
}

/// Runs an exported function's body.
pub(crate) fn enter(body: impl FnOnce() -> Result<Hresult, Failure>) -> Hresult {
    enter_or(body, |failure| failure.code)
}

/// The same for functions with another result; `failed` makes one of a failure.
pub(crate) fn enter_or<T>(body: impl FnOnce() -> Result<T, Failure>, failed: impl FnOnce(&Failure) -> T) -> T {
    keep_main_thread_reachable();
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(result)) => return result,
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
            Failure::new(E_FAIL, format!("a bug in par7z, please report it: {text}"))
        }
    };
    remember(&failure.message);
    failed(&failure)
}

/// Keeps the reason of a failure for this thread.
pub(crate) fn remember(message: &str) {
    // A thread at its very end has no place left for it.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = wide::write(message));
}

/// This thread's last failure. The text lives until the next failure on the thread.
pub(crate) fn last_error() -> WideStr {
    static EMPTY: [wchar_t; 1] = [0];
    LAST_ERROR.try_with(|last| last.borrow().as_ptr()).unwrap_or(EMPTY.as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{E_INVALIDARG, S_OK};

    fn last_text() -> String {
        // SAFETY: the text is zero-terminated and lives on: no failure comes in between.
        unsafe { wide::read(last_error(), "text") }.expect("valid").expect("never NULL")
    }

    #[test]
    fn failures_leave_their_text_and_success_does_not_touch_it() {
        assert_eq!(enter(|| Err(Failure::invalid("no such thing"))), E_INVALIDARG);
        assert_eq!(last_text(), "no such thing");
        assert_eq!(enter(|| Ok(S_OK)), S_OK);
        assert_eq!(last_text(), "no such thing");
    }

    #[test]
    fn panics_become_errors() {
        assert_eq!(enter(|| panic!("oh")), E_FAIL);
        assert!(last_text().ends_with("oh"));
    }
}
