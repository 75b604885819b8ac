//! From the command line to plain values: words are matched against the [`table`], become [`low::LowArgs`] (checked, not
//! yet acted upon), and [`high`] turns these into the library's options.

pub(crate) mod high;
pub(crate) mod low;
pub(crate) mod method;
pub(crate) mod size;
pub(crate) mod table;

use crate::exit::Failure;
use low::LowArgs;
use std::ffi::{OsStr, OsString};
use table::{Id, SWITCHES, Switch, Value};

/// Parses the words behind the program's name.
///
/// Switches may stand anywhere before `--`; the first other word is the command, the second one the archive (for
/// commands that have one), the rest are names.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<LowArgs, Failure> {
    let mut low = LowArgs::default();
    let mut positional = Vec::new();
    let mut words = words.into_iter();
    let mut switches_over = false;
    while let Some(word) = words.next() {
        if switches_over || !is_switch(&word) {
            positional.push((word, switches_over));
        } else if word == "--" {
            switches_over = true;
        } else if word.as_encoded_bytes().starts_with(b"--") {
            let (switch, value) = long_switch(&word, &mut words)?;
            low.apply(switch, &value)?;
        } else {
            let (switch, digit, value) = short_switch(&word)?;
            low.apply_numbered(switch, digit, &value)?;
        }
    }
    low.set_positional(positional)?;
    Ok(low)
}

/// A lone `-` is a name, as in 7-Zip.
fn is_switch(word: &OsStr) -> bool {
    word.len() > 1 && word.as_encoded_bytes()[0] == b'-'
}

fn long_switch(
    word: &OsStr,
    words: &mut impl Iterator<Item = OsString>,
) -> Result<(&'static Switch, OsString), Failure> {
    let text = word.to_str().ok_or_else(|| Failure::usage(format!("switch {} is not UTF-8", word.display())))?;
    let (name, glued) = match text[2..].split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (&text[2..], None),
    };
    let Some(switch) = SWITCHES.iter().find(|row| !row.long.is_empty() && row.long == name) else {
        return Err(unknown(&text[..2 + name.len()]));
    };
    let value = match (switch.value, glued) {
        (Value::None, None) => OsString::new(),
        (Value::None, Some(_)) => return Err(Failure::usage(format!("--{name} takes no value"))),
        (_, Some(value)) => value.into(),
        (_, None) => words.next().ok_or_else(|| Failure::usage(format!("--{name}: its value is missing")))?,
    };
    check(switch, &format!("--{name}"), &value)?;
    Ok((switch, value))
}

/// The row with the longest spelling that the word begins with, as 7-Zip finds it.
fn short_switch(word: &OsStr) -> Result<(&'static Switch, u32, OsString), Failure> {
    let text = word.to_string_lossy();
    let body = text.get(1..).unwrap_or_default();
    let matches = |row: &&Switch| !row.short.is_empty() && spelled(row.short, body);
    // A row without a value must match to the end; -ssx is not -ss with an x behind it.
    let whole = |row: &&Switch| row.value != Value::None || row.short.len() == body.len();
    let Some(switch) = SWITCHES.iter().filter(matches).filter(whole).max_by_key(|row| row.short.len()) else {
        return Err(unknown(&text));
    };
    let skip = 1 + switch.short.len();
    let digit = body.chars().nth(1).and_then(|c| c.to_digit(10)).unwrap_or(0);
    let mut value = tail(word, skip)?;
    if switch.short.starts_with('m') && value.as_encoded_bytes().first() == Some(&b'=') {
        value = tail(word, skip + 1)?;
    }
    check(switch, &text[..skip], &value)?;
    Ok((switch, digit, value))
}

fn spelled(short: &str, body: &str) -> bool {
    body.len() >= short.len()
        && short.bytes().zip(body.bytes()).all(|(want, have)| match want {
            b'#' => have.is_ascii_digit(),
            _ => want.eq_ignore_ascii_case(&have),
        })
}

/// What follows the first `skip` bytes, which are ASCII. Paths need not be UTF-8.
#[cfg(unix)]
fn tail(word: &OsStr, skip: usize) -> Result<OsString, Failure> {
    use std::os::unix::ffi::OsStrExt;
    Ok(OsStr::from_bytes(&word.as_bytes()[skip..]).to_owned())
}

/// What follows the first `skip` bytes, which are ASCII.
#[cfg(not(unix))]
fn tail(word: &OsStr, skip: usize) -> Result<OsString, Failure> {
    let text = word.to_str().ok_or_else(|| Failure::usage(format!("{} is not valid Unicode", word.display())))?;
    Ok(text[skip..].into())
}

fn check(switch: &Switch, shown: &str, value: &OsStr) -> Result<(), Failure> {
    match switch.value {
        Value::None | Value::Optional(_) => Ok(()),
        Value::Required(metavar) if value.is_empty() => {
            Err(Failure::usage(format!("{shown}: its value is missing; write {shown}{metavar}")))
        }
        Value::Required(_) => Ok(()),
        Value::OneOf(words) => {
            let fits = words.iter().any(|word| value.eq_ignore_ascii_case(word));
            if fits {
                return Ok(());
            }
            let shown_value = value.display();
            Err(Failure::usage(format!("{shown} followed by \"{shown_value}\": it is written {}", switch.spelling())))
        }
    }
}

fn unknown(given: &str) -> Failure {
    // 7-Zip's own words, which scripts look for.
    let mut message = format!("Unknown switch:\n{given}");
    if let Some(near) = nearest(given) {
        message.push_str(&format!("\nDid you mean {near}?"));
    }
    Failure::usage(message)
}

/// The spelling that is the fewest edits away, if that is near at all.
fn nearest(given: &str) -> Option<String> {
    let name = given.trim_start_matches('-').split('=').next()?.to_ascii_lowercase();
    let spellings = SWITCHES.iter().filter(|row| row.id != Id::Refused).flat_map(|row| {
        let short = (!row.short.is_empty()).then(|| (row.short, format!("-{}", row.short)));
        let long = (!row.long.is_empty()).then(|| (row.long, format!("--{}", row.long)));
        [short, long].into_iter().flatten()
    });
    let (distance, shown) =
        spellings.map(|(spelling, shown)| (edits(&name, spelling), shown)).min_by_key(|(distance, _)| *distance)?;
    let allowed = if name.len() <= 3 { 1 } else { 2 };
    (distance <= allowed).then_some(shown)
}

/// Levenshtein distance.
pub(crate) fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, have) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, want) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(have != *want);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests;
