//! Reads the headers of a folder of real, damaged and crafted archives, if there is one.
//!
//! `PAR7Z_INTEROP` names the folder; the default is `../shared/interop`, seen from the repository. Files that begin with
//! the 7z signature are read; a plain header is parsed, written and parsed again. Nothing may panic, and archives whose
//! names in the folder's `manifest.json` come with the class `valid` must be accepted. Encoded headers are only parsed,
//! since this crate unpacks nothing.

use par7z_format::{
    FormatError, Limits, NextHeader, START_HEADER_BYTES, StartHeader, emit_encoded_header, emit_header,
    find_next_header, parse_next_header,
};
use std::path::{Path, PathBuf};
use std::{env, fs};

fn folder() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/interop");
    env::var_os("PAR7Z_INTEROP").map_or_else(default, PathBuf::from)
}

/// The next header's bytes; `None` if the archive is empty or cut off.
fn next_header(archive: &[u8]) -> Result<Option<&[u8]>, FormatError> {
    let Some((start, rest)) = archive.split_first_chunk::<START_HEADER_BYTES>() else { return Ok(None) };
    if StartHeader::is_blank(start) {
        return Ok(find_next_header(rest).map(|at| &rest[at..]));
    }
    let start = StartHeader::parse(start)?;
    let (offset, size) = (start.next_header_offset as usize, start.next_header_size as usize);
    let bytes = rest.get(offset..).and_then(|rest| rest.get(..size));
    Ok(bytes.filter(|bytes| !bytes.is_empty() && crc32fast::hash(bytes) == start.next_header_crc))
}

/// Parses and checks that the model survives a round trip.
fn check(bytes: &[u8]) -> Result<NextHeader, FormatError> {
    let limits = Limits::default();
    let parsed = parse_next_header(bytes, &limits)?;
    let emitted = match &parsed {
        NextHeader::Plain(header) => emit_header(header),
        NextHeader::Encoded(streams) => emit_encoded_header(streams),
    };
    assert_eq!(parse_next_header(&emitted, &limits).as_ref(), Ok(&parsed));
    Ok(parsed)
}

/// The archives that the manifest calls valid: of each record, the name and the class that comes behind it.
fn valid_names(manifest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, key) in manifest.match_indices("\"class\"") {
        let behind = &manifest[at + key.len()..];
        let is_valid = behind.trim_start_matches([':', ' ', '"']).starts_with("valid");
        if let (true, Some(name_at)) = (is_valid, manifest[..at].rfind("\"name\"")) {
            let behind = &manifest[name_at + "\"name\"".len()..at];
            names.extend(behind.trim_start_matches([':', ' ', '"']).split('"').next());
        }
    }
    names
}

#[test]
fn real_archives() {
    let folder = folder();
    let Ok(manifest) = fs::read_to_string(folder.join("manifest.json")) else {
        eprintln!("SKIPPED: no archives in {}; set PAR7Z_INTEROP to test with some", folder.display());
        return;
    };
    let valid = valid_names(&manifest);
    assert!(!valid.is_empty(), "the manifest names no valid archive");
    let (mut plain, mut encoded, mut refused) = (0, 0, 0);
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(archive) = fs::read(&path) else { continue };
        if !archive.starts_with(&par7z_format::SIGNATURE) {
            continue;
        }
        match next_header(&archive).and_then(|bytes| bytes.map(check).transpose()) {
            Ok(Some(NextHeader::Plain(_))) => plain += 1,
            Ok(Some(NextHeader::Encoded(_))) => encoded += 1,
            Ok(None) => {}
            Err(error) => {
                refused += 1;
                eprintln!("{name}: {error}");
                assert!(!valid.contains(&name.as_str()), "{name} is valid, yet: {error}");
            }
        }
    }
    eprintln!("{plain} plain headers, {encoded} encoded headers, {refused} refused");
}
