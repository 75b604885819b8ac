//! The same command line, given to 7-Zip and to par7z, names the same entries.

mod common;

use common::{Scratch, have_7zip};

#[test]
fn names_are_7zips() {
    if !have_7zip() {
        return;
    }
    let scratch = Scratch::with_tree();
    std::fs::create_dir_all(scratch.path("out/t/sub")).expect("folder");
    scratch.file("out/t/a.txt", b"another");
    scratch.file("list", "t/a.txt\n\"t/zero\"\n\nt/sub/*.o\n".as_bytes());
    scratch.file("none", b"\n");
    scratch.file("no.o", b"");
    scratch.file("st*r", b"");
    scratch.file("star", b"");
    let absolute = scratch.path("t").display().to_string();
    let absolute_star = format!("{absolute}/*");
    let absolute_file = format!("{absolute}/a.txt");
    let lines: Vec<Vec<&str>> = vec![
        vec!["t"],
        vec!["t/"],
        vec!["./t"],
        vec!["t/*"],
        vec!["t/a.txt"],
        vec!["t/sub/../a.txt"],
        vec![&absolute],
        vec![&absolute_star],
        vec![&absolute_file],
        vec!["-spf2", &absolute],
        vec!["-spf", &absolute],
        vec!["-r", "*.txt"],
        vec!["-r0", "*.txt"],
        vec!["-r", "a.txt"],
        vec!["-r0", "a.txt", "no.o"],
        vec!["-r", "t/*.o"],
        vec!["-r", "t/a.txt"],
        vec!["-r-", "t"],
        vec!["-ir!*.o"],
        vec!["-i!t/a.txt"],
        vec!["@list"],
        vec!["-i@list"],
        vec!["@none"],
        vec!["-i@none"],
        vec!["t", "@none"],
        vec!["t", "-x@none"],
        vec!["t", "-x@list"],
        vec!["t", "-x!*.txt"],
        vec!["t", "-xr!*.txt"],
        vec!["t", "-x!t/sub"],
        vec!["t", "-xr!sub"],
        vec!["t", "-xr!sub/"],
        vec!["t", "-xr!sub/*"],
        vec!["t", "-x!sub"],
        vec!["t", "-xr!*.o", "-xr!empty"],
        vec!["t", "t/a.txt"],
        vec!["./t/sub/deep"],
        vec!["./t/*"],
        vec!["t/./sub/*"],
        vec!["t/sub", "out/t/sub"],
        vec!["t/s*"],
        vec!["t/?.txt"],
        vec!["t/z*", "t/s*/d*"],
        vec!["-spd", "st*r"],
        vec!["-ssc-", "-r", "A.TXT", "no.o"],
        vec!["t", "-ssc-", "-xr!*.O"],
        vec!["--", "t"],
        vec!["."],
        vec!["-x!out", "-x!list"],
    ];
    for line in lines {
        // 7-Zip warns (code 1) where a name is missing; so must par7z.
        let theirs = scratch.sevenzip(&[&["a", "-bd", "-ms=off", "../theirs.7z"][..], &line].concat());
        let ours = scratch.par7z(&[&["a", "../ours.7z"][..], &line].concat());
        assert_eq!(ours.code, theirs.code, "{line:?}\n{}{}\n{}", ours.stdout, ours.stderr, theirs.stderr);
        assert_eq!(scratch.names("../ours.7z"), scratch.names("../theirs.7z"), "{line:?}");
        for archive in ["../ours.7z", "../theirs.7z"] {
            std::fs::remove_file(scratch.path(archive)).expect("archive");
        }
    }
}

#[test]
fn parent_folder() {
    if !have_7zip() {
        return;
    }
    let scratch = Scratch::with_tree();
    for name in ["../a.txt", "..", "../", "../sub/deep"] {
        let inside = |program: &dyn Fn() -> std::process::Command, archive: &str| {
            let mut command = program();
            command.args(["a", archive, name]).current_dir(scratch.path("t/sub"));
            assert!(command.output().expect("run").status.success(), "{name}");
        };
        inside(&|| std::process::Command::new("7zz"), "../../theirs.7z");
        inside(&|| std::process::Command::new(env!("CARGO_BIN_EXE_par7z")), "../../ours.7z");
        assert_eq!(scratch.names("ours.7z"), scratch.names("theirs.7z"), "{name}");
        for archive in ["ours.7z", "theirs.7z"] {
            std::fs::remove_file(scratch.path(archive)).expect("archive");
        }
    }
}

#[cfg(unix)]
#[test]
fn link_loops_end() {
    if !have_7zip() {
        return;
    }
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.path("l/below")).expect("folder");
    scratch.file("l/f", b"x");
    std::os::unix::fs::symlink("../../l", scratch.path("l/below/loop")).expect("link");
    std::os::unix::fs::symlink("f", scratch.path("l/link")).expect("link");
    std::os::unix::fs::symlink("nowhere", scratch.path("l/dangling")).expect("link");
    let run = scratch.par7z(&["a", "followed.7z", "l"]).expect(1);
    assert!(run.stdout.contains("link back to a folder above"), "{}", run.stdout);
    assert_eq!(scratch.names("followed.7z"), ["l", "l/below", "l/f", "l/link"]);
    scratch.par7z(&["a", "-snl", "stored.7z", "l"]).expect(0);
    assert_eq!(scratch.names("stored.7z"), ["l", "l/below", "l/below/loop", "l/dangling", "l/f", "l/link"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf8_costs_itself_alone() {
    use std::os::unix::ffi::OsStrExt;
    if !have_7zip() {
        return;
    }
    let scratch = Scratch::with_tree();
    let odd = scratch.path("t").join(std::ffi::OsStr::from_bytes(b"bad\xff"));
    std::fs::write(odd, "x").expect("file");
    let run = scratch.par7z(&["a", "x.7z", "t/empty", "t/a.txt", "t/*"]).expect(1);
    assert!(run.stderr.contains("not UTF-8"), "{}", run.stderr);
    assert!(scratch.names("x.7z").contains(&"t/a.txt".to_owned()));
}

#[test]
fn one_name_for_two_files_is_refused() {
    let scratch = Scratch::new();
    for directory in ["one", "two"] {
        std::fs::create_dir(scratch.path(directory)).expect("folder");
        scratch.file(&format!("{directory}/f"), directory.as_bytes());
    }
    let two = scratch.path("two/f").display().to_string();
    let one = scratch.path("one/f").display().to_string();
    let run = scratch.par7z(&["a", "x.7z", &one, &two]).expect(2);
    assert!(run.stderr.contains("Duplicate filename"), "{}", run.stderr);
    assert!(!scratch.path("x.7z").exists());
}

/// A name from an archive may hold escape sequences; none of them reaches the terminal.
#[test]
#[cfg(unix)]
fn names_in_messages_cannot_steer_the_terminal() {
    let scratch = Scratch::new();
    let name = "evil\u{1b}[31m.txt";
    scratch.file(name, b"content");
    let runs = [
        scratch.par7z(&["a", "a.7z", "-bb1", name]).expect(0),
        scratch.par7z(&["t", "a.7z", "-bb1"]).expect(0),
        scratch.par7z(&["x", "a.7z", "-bb1"]).expect(255),
    ];
    for run in runs {
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(text.contains("evil_[31m.txt"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
