//! From plain values to the library's options.

use super::low::{LowArgs, NameMode, OverwriteArg, SecretArg, hex};
use crate::exit::Failure;
use crate::prompt;
use crate::stores;
use par7z::{CancelToken, Encryption, IvSeed, Key, Password, Secret, Solid, WriteOptions};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

/// Options of `a`, but for the observer.
pub(crate) fn write_options(
    low: &LowArgs,
    secret: Option<Secret>,
    cancel: CancelToken,
) -> Result<WriteOptions, Failure> {
    let (method, filters) = low.method.resolve()?;
    let mut solid = low.solid.unwrap_or(Solid::ON);
    // -mqs sorts by extension. In the library that goes with a folder per extension, which is what sorting is for.
    solid.by_extension |= low.sort_by_type && solid.max_items > 1;
    let mut options = WriteOptions::new()
        .level(low.level.unwrap_or(5))?
        .threads(low.threads.unwrap_or_default())
        .method(method)?
        .filters(filters)?
        .solid(solid)?
        .order(low.order)
        .encryption(encryption(low, secret)?)
        .compress_header(low.compress_header.unwrap_or(true))
        .times(low.times)
        .attributes(!low.no_attributes)
        .on_error(low.error_policy)?
        .cancel_token(cancel);
    options = options.encoder_memory(low.encoder_memory).independent_blocks(low.independent_blocks);
    if let Some(bytes) = low.memory {
        options = options.memory_budget(bytes)?;
    }
    Ok(options)
}

fn encryption(low: &LowArgs, secret: Option<Secret>) -> Result<Option<Encryption>, Failure> {
    let Some(secret) = secret else {
        // 7-Zip writes clear text here; whoever asks for hidden names does not want that.
        if low.hide_names || low.iv.is_some() {
            return Err(Failure::usage("-mhe and --iv need a password or key: add -p, --password-file or --key-file"));
        }
        return Ok(None);
    };
    if low.deterministic && low.iv.is_none() {
        return Err(Failure::usage(
            "--deterministic with a password needs --iv: otherwise each run has fresh random IVs",
        ));
    }
    Ok(Some(Encryption { secret, hide_names: low.hide_names, iv: low.iv.map(IvSeed::new) }))
}

/// The password or key, asked for if so given. `create`: it is asked for twice.
pub(crate) fn secret(low: &LowArgs, create: bool) -> Result<Option<Secret>, Failure> {
    let password = match &low.secret {
        SecretArg::None => return Ok(None),
        SecretArg::Ask => prompt::password(create)?,
        SecretArg::Text(text) => text.clone(),
        SecretArg::File(path) => first_line(path)?,
        SecretArg::Fd(fd) => first_line(&PathBuf::from(format!("/dev/fd/{fd}")))?,
        SecretArg::Env(name) => match std::env::var(name) {
            Ok(value) => Zeroizing::new(value),
            Err(_) => {
                return Err(Failure::fatal(format!("--password-env: {} is not set, or not UTF-8", name.display())));
            }
        },
        SecretArg::KeyFile(path) => return key_file(path).map(|key| Some(Secret::Key(key))),
    };
    if password.is_empty() && create {
        return Err(Failure::fatal("the password is empty: nothing was written"));
    }
    Ok(Some(Secret::Password(Password::new(password.as_str()))))
}

/// The first line of a file, without its end.
fn first_line(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let content = read_secret(path)?;
    let text = std::str::from_utf8(&content).map_err(|_| Failure::fatal(format!("{}: not UTF-8", path.display())))?;
    let line = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(Failure::fatal(format!("{}: its first line, the password, is empty", path.display())));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

fn key_file(path: &Path) -> Result<Key, Failure> {
    let content = read_secret(path)?;
    let mut key = [0; 32];
    let text = std::str::from_utf8(&content).map_or("", str::trim_end);
    if content.len() == 32 {
        key.copy_from_slice(&content);
    } else if hex(text, &mut key).is_none() {
        key.zeroize();
        return Err(Failure::fatal(format!(
            "{}: a key file holds 32 bytes or 64 hex digits, this one has {} bytes",
            path.display(),
            content.len()
        )));
    }
    let made = Key::new(key);
    key.zeroize();
    Ok(made)
}

fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error| Failure::fatal(format!("{}: cannot read it: {error}", path.display()));
    // A fixed buffer: one that grows would leave unwiped copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(4096));
    File::open(path).map_err(failed)?.take(4096).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// The archive's path for `a`: `.7z` appended as 7-Zip does.
pub(crate) fn archive_path(given: &Path, mode: NameMode) -> PathBuf {
    // Behind a `?` is a signature, not an extension.
    let is_signed_url = given.to_str().is_some_and(|text| stores::is_url(text) && text.contains('?'));
    let append = match mode {
        _ if is_signed_url => false,
        NameMode::Never => false,
        NameMode::Always => given.extension().is_none_or(|extension| extension != "7z"),
        NameMode::IfNoExtension => given.extension().is_none() && !given.as_os_str().to_string_lossy().ends_with('.'),
    };
    if !append {
        return given.to_owned();
    }
    let mut name = given.as_os_str().to_owned();
    name.push(".7z");
    name.into()
}

/// The folder to extract into.
pub(crate) fn output_dir(low: &LowArgs) -> PathBuf {
    let Some(dir) = &low.output_dir else { return PathBuf::from(".") };
    let stem = low.archive.as_deref().map_or("archive".to_owned(), archive_stem);
    match dir.to_str() {
        Some(text) if text.contains('*') => text.replace('*', &stem).into(),
        _ => dir.clone(),
    }
}

/// `a/b.7z.001` is `b`. What a URL has behind a `?` is a signature and no part of it.
pub(crate) fn archive_stem(path: &Path) -> String {
    let path = stores::url_in(path).and_then(|url| url.split('?').next()).map_or(path, Path::new);
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let name = name.strip_suffix(".001").unwrap_or(&name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => name.to_owned(),
    }
}

/// What `-y` and `-ao` come to; `None`: ask.
pub(crate) fn overwrite(low: &LowArgs) -> Option<OverwriteArg> {
    low.overwrite.or(low.yes.then_some(OverwriteArg::Replace))
}
