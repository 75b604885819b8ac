//! `h`: hashes of files.

use super::Context;
use crate::args::low::HashArg;
use crate::exit::{Exit, Failure};
use crate::report::units;
use crate::scan::{self, Found, Kind, Names};
use par7z::CancelToken;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};

/// Runs `h`.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let (low, console) = (&context.low, &context.console);
    let names = Names::new(low)?;
    if let Some(location) = names.locations.first() {
        return Err(Failure::usage(format!(
            "{location}: h reads files on the disk; the store's own tools show its hashes"
        )));
    }
    console.line("Scanning");
    let scan = scan::walk(low, &names, None, &context.cancel)?;
    for (name, why) in &scan.problems {
        console.error(&format!("\nWARNING: {why}\n{name}\n"));
    }
    let found = units::counts(scan.directories(), scan.files());
    console.line(&format!("{found}, {}\n", units::bytes(scan.bytes())));
    let columns = Columns { crc32: low.hash != HashArg::Sha256, sha256: low.hash != HashArg::Crc32 };
    console.line(&columns.head());
    let mut failures = scan.problems.len();
    for found in &scan.found {
        match hash(found, &context.cancel) {
            Ok(hashes) => {
                console.line(&columns.row(hashes.as_ref(), found));
                if let Some((crc32, sha256)) = &hashes {
                    console.event(&json!({"event": "hash", "name": found.name, "size": found.size,
                                          "crc32": format!("{crc32:08X}"), "sha256": sha256}));
                }
            }
            Err(_) if context.cancel.is_cancelled() => return Err(Failure::cancelled("Break signaled")),
            Err(error) => {
                failures += 1;
                console.error(&format!("\nWARNING: {}\n{}\n", scan::reason(&error), found.path.display()));
            }
        }
    }
    console.line(&format!("\nFolders: {}\nFiles: {}\nSize: {}\n", scan.directories(), scan.files(), scan.bytes()));
    if failures > 0 {
        return Ok(Exit::Warning);
    }
    console.line("Everything is Ok");
    Ok(Exit::Ok)
}

struct Columns {
    crc32: bool,
    sha256: bool,
}

impl Columns {
    fn head(&self) -> String {
        let (mut names, mut rules) = (String::new(), String::new());
        for (shown, name, width) in [(self.crc32, "CRC32", 8), (self.sha256, "SHA256", 64)] {
            if shown {
                names.push_str(&format!("{name:width$} "));
                rules.push_str(&format!("{} ", "-".repeat(width)));
            }
        }
        format!("{names}{:>13}  Name\n{rules}-------------  ------------", "Size")
    }

    fn row(&self, hashes: Option<&(u32, String)>, found: &Found) -> String {
        let mut text = String::new();
        if self.crc32 {
            text.push_str(&format!("{:8} ", hashes.map(|(crc32, _)| format!("{crc32:08X}")).unwrap_or_default()));
        }
        if self.sha256 {
            text.push_str(&format!("{:64} ", hashes.map_or("", |(_, sha256)| sha256)));
        }
        let size = hashes.map(|_| found.size.to_string()).unwrap_or_default();
        let slash = if found.kind == Kind::Directory { "/" } else { "" };
        format!("{text}{size:>13}  {}{slash}", found.name)
    }
}

/// CRC-32 and SHA-256 of a file; a directory has none.
fn hash(found: &Found, cancel: &CancelToken) -> io::Result<Option<(u32, String)>> {
    if found.kind == Kind::Directory {
        return Ok(None);
    }
    let mut file = File::open(&found.path)?;
    let (mut crc32, mut sha256) = (crc32fast::Hasher::new(), Sha256::new());
    let mut buffer = vec![0; 1 << 18];
    loop {
        if cancel.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        match file.read(&mut buffer)? {
            0 => break,
            read => {
                crc32.update(&buffer[..read]);
                sha256.update(&buffer[..read]);
            }
        }
    }
    let digest: String = sha256.finalize().iter().map(|byte| format!("{byte:02X}")).collect();
    Ok(Some((crc32.finalize(), digest)))
}
