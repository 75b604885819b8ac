//! `wchar_t` strings in and out.
//!
//! Where `wchar_t` has 32 bits, clients pass code points, or UTF-16 units as 7-Zip's own UString holds them: surrogate pairs
//! are joined. Where it has 16 bits it is UTF-16.

use crate::failure::Failure;
use libc::wchar_t;

/// Longer strings are taken for missing terminators.
const MAX_UNITS: usize = 1 << 20;

/// Reads a string of the client. `what` names it in the error. `None`: the pointer is NULL.
///
/// # Safety
/// `text` is NULL or points to a zero-terminated string.
pub(crate) unsafe fn read(text: *const wchar_t, what: &str) -> Result<Option<String>, Failure> {
    // SAFETY: the caller's promise.
    let Some(units) = (unsafe { units(text, what)? }) else { return Ok(None) };
    decode(units).map(Some).ok_or_else(|| not_unicode(what))
}

/// Checks a string without keeping it, and says whether it has any character. `None`: the pointer is NULL.
///
/// # Safety
/// As [`read`].
pub(crate) unsafe fn check(text: *const wchar_t, what: &str) -> Result<Option<bool>, Failure> {
    // SAFETY: the caller's promise.
    let Some(units) = (unsafe { units(text, what)? }) else { return Ok(None) };
    let valid = characters(units).all(|character| character.is_some());
    if valid { Ok(Some(!units.is_empty())) } else { Err(not_unicode(what)) }
}

/// The client's string without its terminator.
///
/// # Safety
/// As [`read`]; the result is used only while the client lends the string.
unsafe fn units<'a>(text: *const wchar_t, what: &str) -> Result<Option<&'a [wchar_t]>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    if !text.is_aligned() {
        return Err(Failure::invalid(format!("{what} is not aligned as wchar_t")));
    }
    for len in 0..MAX_UNITS {
        // SAFETY: the terminator was not found before, so the string goes on at least to here.
        if unsafe { *text.add(len) } == 0 {
            // SAFETY: these units were all read just now.
            return Ok(Some(unsafe { std::slice::from_raw_parts(text, len) }));
        }
    }
    Err(Failure::invalid(format!("{what} is longer than {MAX_UNITS} characters")))
}

fn not_unicode(what: &str) -> Failure {
    Failure::invalid(format!("{what} is not valid Unicode"))
}

fn decode(units: &[wchar_t]) -> Option<String> {
    // The capacity is enough for any content: a password must not leave copies behind when the string grows.
    let mut text = String::with_capacity(units.len() * 4);
    for character in characters(units) {
        text.push(character?);
    }
    Some(text)
}

/// The characters; `None` for what is none.
fn characters(units: &[wchar_t]) -> impl Iterator<Item = Option<char>> + '_ {
    let mut units = units.iter().copied().peekable();
    std::iter::from_fn(move || {
        let unit = u32::try_from(units.next()?).unwrap_or(u32::MAX);
        let is_high = (0xD800..0xDC00).contains(&unit);
        if !is_high {
            return Some(char::from_u32(unit));
        }
        let low = units.next_if(|&low| (0xDC00..0xE000).contains(&low));
        Some(low.and_then(|low| {
            let low = u32::try_from(low).ok()?;
            char::from_u32(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
        }))
    })
}

/// A string for the client, with its terminator. NUL characters inside would end it early; they become U+FFFD.
#[cfg(not(windows))]
pub(crate) fn write(text: &str) -> Box<[wchar_t]> {
    let character = |c: char| if c == '\0' { '\u{FFFD}' } else { c } as wchar_t;
    text.chars().map(character).chain(std::iter::once(0)).collect()
}

/// A string for the client, with its terminator. NUL characters inside would end it early; they become U+FFFD.
#[cfg(windows)]
pub(crate) fn write(text: &str) -> Box<[wchar_t]> {
    text.encode_utf16().map(|unit| if unit == 0 { 0xFFFD } else { unit }).chain(std::iter::once(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_units(units: &[u32]) -> Result<Option<String>, Failure> {
        let units: Vec<wchar_t> = units.iter().map(|&unit| unit as wchar_t).chain(std::iter::once(0)).collect();
        // SAFETY: zero-terminated just above.
        unsafe { read(units.as_ptr(), "text") }
    }

    #[test]
    fn text_goes_both_ways() {
        for text in ["", "plain.txt", "ünïcödé/名前", "emoji 🎼"] {
            let wide = write(text);
            // SAFETY: `write` terminates.
            let back = unsafe { read(wide.as_ptr(), "text") };
            assert_eq!(back.expect("valid").as_deref(), Some(text));
        }
    }

    #[test]
    fn pairs_of_utf16_units_are_joined() {
        assert_eq!(read_units(&[0xD83C, 0xDFBC]).expect("valid").as_deref(), Some("🎼"));
    }

    #[test]
    fn what_is_no_character_is_refused() {
        for units in [&[0xD83C][..], &[0xDFBC], &[0xDFBC, 0xD83C], &[0xD83C, 0x41]] {
            assert!(read_units(units).is_err(), "{units:x?}");
        }
        #[cfg(not(windows))]
        for units in [&[0x11_0000][..], &[u32::MAX]] {
            assert!(read_units(units).is_err(), "{units:x?}");
        }
    }

    #[test]
    fn null_is_no_string() {
        // SAFETY: NULL is allowed.
        assert!(unsafe { read(std::ptr::null(), "text") }.expect("valid").is_none());
        // SAFETY: as above.
        assert!(unsafe { check(std::ptr::null(), "text") }.expect("valid").is_none());
    }
}
