//! The leaf rule: inside the crate, `pipeline`, `storage`, `crypto` and `codec` never import one another, except that
//! `codec` may use `crypto`; and nobody but `lib.rs` and `asynchronous` imports `archive`, which joins them, and nobody but
//! `lib.rs` imports `asynchronous`, which stands on top.

use std::fs;
use std::path::Path;

const LEAVES: [&str; 4] = ["pipeline", "storage", "crypto", "codec"];

/// Whether module `from` may name module `to`.
fn allowed(from: &str, to: &str) -> bool {
    let joiner = to == "archive" && !["archive", "asynchronous"].contains(&from);
    let top = to == "asynchronous" && from != "asynchronous";
    let sideways = LEAVES.contains(&from) && LEAVES.contains(&to) && from != to && (from, to) != ("codec", "crypto");
    !joiner && !top && !sideways
}

/// What re-exports at the crate's root stand for: `crate::Archive` is as much an import of `archive` as
/// `crate::archive::Archive`. Data types that say nothing about how an archive is joined are everybody's.
const ROOT_NAMES: [(&str, &str); 3] = [("Archive", "archive"), ("Compressor", "archive"), ("Session", "archive")];

/// The code of a file: without comments, doc comments, and what stands in string literals on the same line.
fn code(source: &str) -> String {
    let mut out = String::new();
    for line in source.lines() {
        let line = line.split("//").next().unwrap_or_default();
        out.extend(line.split('"').step_by(2));
        out.push('\n');
    }
    out
}

/// The modules that a file of module `from` names through `crate::`, also in `use crate::{a::X, b::{Y, Z}}`.
fn imports(source: &str) -> Vec<String> {
    let code = code(source);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '$') {
            continue;
        }
        let path = &code[at + "crate::".len()..];
        match path.strip_prefix('{') {
            Some(group) => first_segments(group, &mut found),
            None => found.push(first_segment(path)),
        }
    }
    for name in &mut found {
        if let Some((_, module)) = ROOT_NAMES.iter().find(|(root_name, _)| root_name == name) {
            *name = (*module).to_owned();
        }
    }
    found
}

fn first_segment(path: &str) -> String {
    path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first segments of the paths in a group, up to its closing brace.
fn first_segments(group: &str, found: &mut Vec<String>) {
    let (mut depth, mut begins) = (0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ if begins && !c.is_whitespace() => {
                found.push(first_segment(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
}

/// Lines that say which file breaks the rule, and how.
fn violations(module: &str, file: &str, source: &str) -> Vec<String> {
    imports(source)
        .into_iter()
        .filter(|import| !allowed(module, import))
        .map(|import| format!("{file}: `{module}` imports `{import}`"))
        .collect()
}

fn scan(folder: &Path, module: &str, found: &mut Vec<String>, files: &mut usize) {
    for entry in fs::read_dir(folder).expect("the sources are readable") {
        let path = entry.expect("the sources are readable").path();
        if path.is_dir() {
            scan(&path, module, found, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *files += 1;
            let source = fs::read_to_string(&path).expect("the sources are readable");
            found.extend(violations(module, &path.display().to_string(), &source));
        }
    }
}

#[test]
fn leaves_do_not_import_one_another() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut files) = (Vec::new(), 0);
    for entry in fs::read_dir(&root).expect("the sources are readable") {
        let path = entry.expect("the sources are readable").path();
        let module = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            scan(&path, &module, &mut found, &mut files);
        } else if module != "lib" {
            files += 1;
            let source = fs::read_to_string(&path).expect("the sources are readable");
            found.extend(violations(&module, &path.display().to_string(), &source));
        }
    }
    for leaf in LEAVES {
        let present = root.join(leaf).is_dir() || root.join(format!("{leaf}.rs")).is_file();
        assert!(present, "the module {leaf} is gone: this test looks at nothing");
    }
    assert!(files > LEAVES.len(), "only {files} files found");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_scanner_sees_each_kind_of_import() {
    let bad = [
        ("pipeline", "use crate::codec::Encoder;"),
        ("pipeline", "use crate::{Error, storage::{Sink, ReadAt}, Result};"),
        ("storage", "fn f() { crate::pipeline::run() }"),
        ("storage", "pub(crate) use crate::crypto;"),
        ("crypto", "use crate::{\n    codec,\n    Error,\n};"),
        ("codec", "use crate::archive::plan::Job;"),
        ("codec", "use crate::Compressor;"),
        ("codec", "use crate::{Error, storage};"),
        ("archive", "use crate::asynchronous::Progress;"),
    ];
    for (module, source) in bad {
        assert_eq!(violations(module, "x.rs", source).len(), 1, "{module}: {source}");
    }
    let good = [
        ("codec", "use crate::crypto::KeyRing;"),
        ("codec", "use crate::codec::filter::Bcj;"),
        ("archive", "use crate::{codec, crypto, pipeline::Budget, storage::Sink};"),
        ("storage", "use crate::{Error, ErrorKind, Result};"),
        ("asynchronous", "use crate::{Compressor, storage::Sink};"),
        ("storage", "// use crate::codec::Encoder;"),
        ("storage", "/// See [`Compressor`](crate::Compressor)."),
        ("storage", "let text = \"crate::codec\";"),
        ("pipeline", "macro_rules! m { () => { $crate::codec::x() } }"),
    ];
    for (module, source) in good {
        assert_eq!(violations(module, "x.rs", source), Vec::<String>::new(), "{module}: {source}");
    }
}
