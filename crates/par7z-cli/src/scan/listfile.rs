//! List files: a name per line, `"` around it if wanted, as 7-Zip reads them.

use crate::args::low::Charset;
use crate::exit::Failure;
use std::path::Path;

/// The names in a list file.
pub(crate) fn read(path: &Path, charset: Charset) -> Result<Vec<String>, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::fatal(format!("Cannot open listfile\n{} : {error}", path.display())))?;
    let text = decode(&bytes, charset).ok_or_else(|| {
        Failure::fatal(format!("Incorrect item in listfile.\n{}: not valid in its charset; see -scs", path.display()))
    })?;
    let lines = text.lines().map(|line| line.trim_end_matches('\r').trim().trim_matches('"'));
    Ok(lines.filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn decode(bytes: &[u8], charset: Charset) -> Option<String> {
    let text = match charset {
        Charset::Utf8 => String::from_utf8(bytes.to_vec()).ok()?,
        Charset::Utf16Le => utf16(bytes, u16::from_le_bytes)?,
        Charset::Utf16Be => utf16(bytes, u16::from_be_bytes)?,
    };
    Some(text.trim_start_matches('\u{feff}').to_owned())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets() {
        assert_eq!(decode("\u{feff}ä\n".as_bytes(), Charset::Utf8).as_deref(), Some("ä\n"));
        assert_eq!(decode(&[0xff, 0xfe, b'a', 0, 0xe4, 0], Charset::Utf16Le).as_deref(), Some("aä"));
        assert_eq!(decode(&[0, b'a', 0, 0xe4], Charset::Utf16Be).as_deref(), Some("aä"));
        assert_eq!(decode(&[0xff, 0x80], Charset::Utf8), None);
        assert_eq!(decode(&[0], Charset::Utf16Le), None);
    }
}
