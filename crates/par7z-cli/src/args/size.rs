//! Numbers with units, as 7-Zip writes them.

use crate::exit::Failure;

/// `100`, `64b`, `10k`, `64m`, `1g`, `2t`: bytes. Units are powers of 1024.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let (digits, unit) = split(text)?;
    let shift = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    digits.checked_mul(1 << shift)
}

/// A dictionary: as [`bytes`], but a bare number is a power of two, as in 7-Zip (`24` is 16 MiB).
pub(crate) fn dictionary(text: &str) -> Option<u64> {
    let (digits, unit) = split(text)?;
    if !unit.is_empty() {
        return bytes(text);
    }
    (digits < 63).then(|| 1 << digits)
}

/// [`dictionary`] for a method's parameter.
pub(crate) fn dictionary_u32(what: &str, text: &str) -> Result<u32, Failure> {
    dictionary(text).and_then(|size| u32::try_from(size).ok()).ok_or_else(|| {
        Failure::usage(format!(
            "{what}={text}: give a size such as 64m, 100k or 1g, or a power of two such as 24 (16 MiB)"
        ))
    })
}

fn split(text: &str) -> Option<(u64, String)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        let table = [("100", 100), ("64b", 64), ("10k", 10 << 10), ("64M", 64 << 20), ("1g", 1 << 30), ("2t", 2 << 40)];
        for (text, value) in table {
            assert_eq!(bytes(text), Some(value), "{text}");
        }
        for text in ["", "m", "1x", "1.5m", "99999999999999999999", "99999999999999999t"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn dictionaries() {
        assert_eq!(dictionary("24"), Some(16 << 20));
        assert_eq!(dictionary("64m"), Some(64 << 20));
        assert_eq!(dictionary("900k"), Some(900 << 10));
        assert_eq!(dictionary("900000b"), Some(900_000));
        assert_eq!(dictionary("64"), None);
    }
}
