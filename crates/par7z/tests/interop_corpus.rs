//! Archives made by others: lists, tests and reads each one and compares with what 7-Zip says of it.
//!
//! The archives come from the folder that `PAR7Z_INTEROP` names, else from `shared/interop` beside the repository, else
//! from the small `interop/` in it. Each folder has a `manifest.json`; `interop/README.md` says what is in it.
//! `PAR7Z_INTEROP_ONLY` is a part of a name: only those archives are looked at.

use par7z::{Archive, Error, ErrorKind, ExtractOptions, OpenOptions, Password, Secret, Threads};
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A damaged archive ends in no time; this is for slow machines and unoptimized builds.
const TOO_LONG: Duration = Duration::from_secs(60);
/// Larger outputs are left to runs of optimized builds.
const LARGE: u64 = 512 << 20;

fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("PAR7Z_INTEROP") {
        let folder = PathBuf::from(folder);
        assert!(folder.join("manifest.json").is_file(), "PAR7Z_INTEROP: {} has no manifest.json", folder.display());
        return folder;
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = repository.join("../shared/interop");
    if shared.join("manifest.json").is_file() {
        return shared;
    }
    eprintln!("NOTE: the full corpus is not here (set PAR7Z_INTEROP); using the small one in interop/");
    repository.join("interop")
}

fn archives(class: &str) -> (PathBuf, Vec<Value>) {
    let folder = folder();
    let text = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let only = std::env::var("PAR7Z_INTEROP_ONLY").unwrap_or_default();
    let wanted = |archive: &&Value| archive["class"] == class && text_of(archive, "name").contains(&only);
    let chosen: Vec<Value> = manifest["archives"].as_array().unwrap().iter().filter(wanted).cloned().collect();
    if chosen.is_empty() {
        eprintln!("NOTE: no archive of class {class} in {}", folder.display());
    }
    (folder, chosen)
}

fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn has_feature(archive: &Value, feature: &str) -> bool {
    archive["features"].as_array().is_some_and(|features| features.iter().any(|found| found == feature))
}

fn open(folder: &Path, archive: &Value, password: Option<&str>) -> Result<Archive, Error> {
    let secret = password.map(|password| Secret::Password(Password::new(password)));
    Archive::open(folder.join(text_of(archive, "name")), OpenOptions::new().secret(secret))
}

fn test(archive: &Archive) -> Result<(), Error> {
    archive.test(ExtractOptions::new().threads(Threads::new(2)?))?.into_complete().map(drop)
}

/// What is wrong with a listing, if anything.
fn compare_list(folder: &Path, expected: &Value, archive: &Archive) -> Result<(), String> {
    let count = expected["n_entries"].as_u64().unwrap_or(0);
    if archive.entries().len() as u64 != count {
        return Err(format!("{} entries, should be {count}", archive.entries().len()));
    }
    let facts = [("physical_size", archive.physical_size()), ("headers_size", archive.headers_size())];
    for (key, value) in facts.into_iter().chain([("blocks", archive.folder_count())]) {
        let stored = text_of(&expected["archive"], key);
        if !stored.is_empty() && stored != value.to_string() {
            return Err(format!("{key} {value}, should be {stored}"));
        }
    }
    let solid = text_of(&expected["archive"], "solid");
    if !solid.is_empty() && (solid == "+") != archive.is_solid() {
        return Err(format!("solid {}", archive.is_solid()));
    }
    if let Some(methods) = expected["methods"].as_str()
        && methods != archive.methods().join(" ")
    {
        return Err(format!("methods {:?}, should be {methods}", archive.methods()));
    }
    let loaded;
    let entries = match expected["entries_gz"].as_str() {
        Some(name) => {
            let mut text = String::new();
            let file = std::fs::File::open(folder.join(name)).map_err(|error| error.to_string())?;
            flate2::read::GzDecoder::new(file).read_to_string(&mut text).map_err(|error| error.to_string())?;
            loaded = serde_json::from_str::<Value>(&text).map_err(|error| error.to_string())?;
            &loaded
        }
        None => &expected["entries"],
    };
    for (entry, expected) in archive.entries().iter().zip(entries.as_array().into_iter().flatten()) {
        compare_entry(entry, expected).map_err(|wrong| format!("{}: {wrong}", entry.name))?;
    }
    Ok(())
}

fn compare_entry(entry: &par7z::EntryInfo, expected: &Value) -> Result<(), String> {
    // 7-Zip shows some names otherwise than they are stored; "path_listed" marks these.
    if expected.get("path_listed").is_none()
        && entry.name.trim_end_matches('/') != text_of(expected, "path").trim_end_matches('/')
    {
        return Err(format!("the name should be {:?}", expected["path"]));
    }
    if expected["is_dir"] != entry.is_directory() {
        return Err("file or directory?".into());
    }
    if expected["size"].as_u64().is_some_and(|size| size != entry.size) {
        return Err(format!("size {}, should be {}", entry.size, expected["size"]));
    }
    if let Some(crc) = expected["crc32"].as_str()
        && entry.crc.map(|crc| format!("{crc:08x}")).as_deref() != Some(crc)
    {
        return Err(format!("CRC {:08x?}, should be {crc}", entry.crc));
    }
    if expected["encrypted"].as_bool().unwrap_or(false) != entry.encrypted {
        return Err(format!("encrypted {}", entry.encrypted));
    }
    let method = text_of(expected, "method");
    if !method.is_empty() && method != &*entry.method {
        return Err(format!("method {}, should be {method}", entry.method));
    }
    Ok(())
}

/// Reads every entry on its own where that is cheap.
fn read_entries(archive: &Archive) -> Result<(), Error> {
    let total: u64 = archive.entries().iter().map(|entry| entry.size).sum();
    if total > 4 << 20 || archive.entries().len() > 64 {
        return Ok(());
    }
    for entry in archive.entries().iter().filter(|entry| entry.kind == par7z::EntryKind::File) {
        let mut content = Vec::new();
        archive
            .read_entry(entry.index)?
            .read_to_end(&mut content)
            .map_err(|error| Error::new(ErrorKind::CorruptData, format!("{}: {error}", entry.name)))?;
        assert_eq!(content.len() as u64, entry.size);
    }
    Ok(())
}

fn check_valid(folder: &Path, expected: &Value, password: Option<&str>) -> Result<(), String> {
    let is_large = expected["entries"]
        .as_array()
        .is_some_and(|entries| entries.iter().filter_map(|entry| entry["size"].as_u64()).sum::<u64>() > LARGE);
    let archive = open(folder, expected, password).map_err(|error| format!("open: {error}"))?;
    compare_list(folder, expected, &archive)?;
    if is_large && cfg!(debug_assertions) {
        return Ok(());
    }
    test(&archive).map_err(|error| format!("test: {error}"))?;
    read_entries(&archive).map_err(|error| format!("read_entry: {error}"))
}

/// Runs a check over a class, and fails with all that failed.
fn for_each(class: &str, check: impl Fn(&Path, &Value) -> Result<(), String>) {
    let (folder, archives) = archives(class);
    let mut failures = Vec::new();
    for archive in &archives {
        let begin = Instant::now();
        let outcome = check(&folder, archive);
        let elapsed = begin.elapsed();
        let slow = (elapsed > TOO_LONG).then(|| format!("took {elapsed:?}"));
        if let Some(wrong) = outcome.err().or(slow) {
            failures.push(format!("{}: {wrong}", text_of(archive, "name")));
        }
    }
    eprintln!("{class}: {} of {} archives as they should be", archives.len() - failures.len(), archives.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn valid() {
    for_each("valid", |folder, archive| match check_valid(folder, archive, None) {
        Err(_) if archive["expect"] == "error_or_ok" => Ok(()),
        outcome => outcome,
    });
}

#[test]
fn valid_with_password() {
    for_each("valid_password", |folder, archive| {
        check_valid(folder, archive, archive["password"].as_str())?;
        for (password, kind) in
            [(Some("no-such-password"), ErrorKind::WrongPassword), (None, ErrorKind::PasswordRequired)]
        {
            let outcome = open(folder, archive, password).and_then(|archive| {
                // Nothing in it is encrypted if all its files are empty and the names are not.
                let is_encrypted = archive.entries().iter().any(|entry| entry.encrypted && entry.size > 0);
                if is_encrypted { test(&archive) } else { Err(Error::new(kind, "nothing is encrypted")) }
            });
            match outcome {
                Ok(()) => return Err(format!("opens with password {password:?}")),
                Err(error) if error.kind() == kind => {}
                Err(error) => {
                    return Err(format!("password {password:?}: {:?}, should be {kind:?}: {error}", error.kind()));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn malformed() {
    for_each("malformed", |folder, archive| {
        match open(folder, archive, archive["password"].as_str()).and_then(|archive| test(&archive)) {
            Ok(()) => Err("no error".into()),
            Err(error) if matches!(error.kind(), ErrorKind::Internal | ErrorKind::Io) => {
                Err(format!("{:?}: {error}", error.kind()))
            }
            Err(_) => Ok(()),
        }
    });
}

#[test]
fn fuzzed() {
    for_each("fuzzed", |folder, archive| {
        let outcome = open(folder, archive, archive["password"].as_str()).and_then(|archive| test(&archive));
        match outcome {
            Err(error) if error.kind() == ErrorKind::Internal => Err(error.to_string()),
            _ => Ok(()),
        }
    });
}

#[test]
fn unsupported_method() {
    for_each("unsupported_method", |folder, archive| {
        let password = archive["password"].as_str();
        match open(folder, archive, password).and_then(|archive| test(&archive)) {
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PasswordRequired) => Ok(()),
            Err(error) => Err(format!("{:?}: {error}", error.kind())),
            Ok(()) => Ok(()),
        }
    });
}

#[test]
fn password_unknown() {
    for_each("password_unknown", |folder, archive| {
        match open(folder, archive, Some("no-such-password")).and_then(|archive| test(&archive)) {
            Err(error) if error.kind() == ErrorKind::WrongPassword => Ok(()),
            outcome => Err(format!("{outcome:?}")),
        }
    });
}

#[test]
fn not_7z() {
    for_each("not_7z", |folder, archive| match open(folder, archive, None) {
        Err(error) if error.kind() == ErrorKind::NotArchive => Ok(()),
        outcome => Err(format!("{outcome:?}")),
    });
}

/// What is extracted has the bytes that the header promises, and nothing else is there.
#[test]
fn extracted_files() {
    let (folder, archives) = archives("valid");
    for expected in archives.iter().filter(|archive| archive["expect"] == "ok" && !has_feature(archive, "huge_output"))
    {
        let name = text_of(expected, "name");
        let archive = open(&folder, expected, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        let total: u64 = archive.entries().iter().map(|entry| entry.size).sum();
        if archive.entries().len() > 2000 || total > 64 << 20 {
            continue;
        }
        let out = tempfile::tempdir().unwrap();
        let options = ExtractOptions::new().overwrite(par7z::Overwrite::RenameNew);
        let report = archive.extract(out.path(), options).unwrap_or_else(|error| panic!("{name}: {error}"));
        let unsafe_names = has_feature(expected, "unsafe_or_missing_names");
        assert!(unsafe_names || report.is_complete(), "{name}: {:?}", report.failures);
        for entry in
            archive.entries().iter().filter(|entry| entry.kind == par7z::EntryKind::File && !entry.is_symlink())
        {
            if unsafe_names || has_feature(expected, "duplicate_paths") {
                continue;
            }
            let content = std::fs::read(out.path().join(&entry.name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(content.len() as u64, entry.size, "{name}: {}", entry.name);
            assert!(entry.crc.is_none_or(|crc| crc == crc32fast::hash(&content)), "{name}: {}", entry.name);
        }
    }
}
