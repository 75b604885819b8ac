//! Whole runs: what par7z writes 7-Zip reads, and the other way round; codes, texts, streams.

mod common;

use common::{Scratch, have_7zip};
use serde_json::Value;
use std::fs;

/// Every way to write an archive gives one that 7-Zip tests, extracts and finds equal.
#[test]
fn seven_zip_reads_what_is_written() {
    if !have_7zip() {
        return;
    }
    let scratch = Scratch::with_tree();
    let ways = "-mx=0|-mx=1|-mx=3|-mx=9 -md=1m|-mmt=1|-mmt=4|-ms=off|-ms=e|-ms=2f|-ms=64k|-m0=LZMA|-m0=PPMd:o=4:mem=1m|\
        -m0=BZip2|-m0=Deflate|-m0=Copy|-m0=BCJ -m1=LZMA2:d=1m|-m0=Delta:4 -m1=LZMA|-mf=off|-mf=ARM64|-mhc=off|-mtc -mta|-mtm=off|\
        -mtr=off|-snl|-pSECRET|-pSECRET -mhe=on|-pSECRET -mhe --iv 000102030405060708090a0b0c0d0e0f --deterministic|\
        --order completion|--memory 16m|-mqs|-bd -y -ssw -bb0 -w/tmp -scsUTF-8 -sccUTF-8 -mmemuse=p80|--on-error retry:2|-stl";
    for way in ways.split('|') {
        let switches: Vec<&str> = way.split_whitespace().collect();
        let made = scratch.par7z(&[&["a", "made.7z", "t"][..], &switches].concat()).expect(0);
        assert!(made.stdout.ends_with("Everything is Ok\n"), "{way}: {}", made.stdout);
        let tested = scratch.sevenzip(&["t", "-pSECRET", "made.7z"]).expect(0).stdout;
        assert!(tested.contains("Everything is Ok") && !tested.contains("WARNING"), "{way}: {tested}");
        scratch.sevenzip(&["x", "-pSECRET", "-otheirs", "made.7z"]).expect(0);
        same_tree(&scratch, "theirs/t", way);
        scratch.par7z(&["t", "-pSECRET", "made.7z"]).expect(0);
        scratch.par7z(&["x", "-pSECRET", "-oours", "made.7z"]).expect(0);
        same_tree(&scratch, "ours/t", way);
        for name in ["theirs", "ours"] {
            fs::remove_dir_all(scratch.path(name)).expect("folder");
        }
        fs::remove_file(scratch.path("made.7z")).expect("archive");
    }
}

#[track_caller]
fn same_tree(scratch: &Scratch, copy: &str, what: &str) {
    for name in ["a.txt", "zero", "ünïcode name.txt", "sub/seq.txt", "sub/prog.o", "sub/deep/x.o"] {
        let want = fs::read(scratch.path("t").join(name)).expect("original");
        let have = fs::read(scratch.path(copy).join(name)).unwrap_or_else(|error| panic!("{what}: {name}: {error}"));
        assert!(want == have, "{what}: {name} differs");
    }
    assert!(scratch.path(copy).join("empty").is_dir(), "{what}: the empty folder is missing");
}

#[test]
fn listings_are_7zips() {
    if !have_7zip() {
        return;
    }
    let scratch = Scratch::with_tree();
    for switches in
        [&["-mx=5"][..], &["-ms=off"], &["-pSECRET"], &["-m0=BCJ", "-m1=LZMA"], &["-mtc=on", "-mta=on"], &["-snl"]]
    {
        scratch.sevenzip(&[&["a", "x.7z", "t"][..], switches].concat()).expect(0);
        for form in ["-ba x.7z", "-ba -slt x.7z", "-ba x.7z -r *.txt", "-ba x.7z t/sub", "-ba x.7z -xr!*.o"] {
            let line: Vec<&str> = ["l"].into_iter().chain(form.split(' ')).collect();
            let theirs = scratch.sevenzip(&line).expect(0).stdout;
            let ours = scratch.par7z(&line).expect(0).stdout;
            assert_eq!(ours.trim_end(), theirs.trim_end(), "{switches:?} {form:?}");
        }
        let (theirs, ours) = (scratch.sevenzip(&["l", "x.7z"]).stdout, scratch.par7z(&["l", "x.7z"]).stdout);
        let from = |text: &str| text[text.find("Listing archive").expect("head")..].trim_end().to_owned();
        assert_eq!(from(&ours), from(&theirs), "{switches:?}");
        fs::remove_file(scratch.path("x.7z")).expect("archive");
    }
}

#[test]
fn summaries_are_7zips() {
    if !have_7zip() {
        return;
    }
    let scratch = Scratch::with_tree();
    scratch.sevenzip(&["a", "x.7z", "t"]).expect(0);
    for line in
        [&["t", "x.7z"][..], &["x", "x.7z", "-oout", "-aoa"], &["t", "x.7z", "t/a.txt"], &["t", "x.7z", "nothing"]]
    {
        let from = |text: &str| text[text.find("Scanning").expect("head")..].trim_end().to_owned();
        let (theirs, ours) = (scratch.sevenzip(line).expect(0).stdout, scratch.par7z(line).expect(0).stdout);
        assert_eq!(from(&ours), from(&theirs), "{line:?}");
    }
}

#[test]
fn damaged_and_locked_archives() {
    if !have_7zip() {
        return;
    }
    let scratch = Scratch::with_tree();
    scratch.sevenzip(&["a", "-ms=off", "x.7z", "t"]).expect(0);
    let mut bytes = fs::read(scratch.path("x.7z")).expect("archive");
    fs::write(scratch.path("short.7z"), &bytes[..bytes.len() / 2]).expect("archive");
    bytes[35] ^= 0xff;
    fs::write(scratch.path("bad.7z"), &bytes).expect("archive");
    let bad = scratch.par7z(&["t", "bad.7z"]).expect(2);
    assert!(
        bad.stdout.contains("Sub items Errors: 1") && bad.stderr.contains("ERROR: "),
        "{}{}",
        bad.stdout,
        bad.stderr
    );
    assert!(!bad.stdout.contains("Everything is Ok"));
    scratch.par7z(&["t", "short.7z"]).expect(2);
    scratch.par7z(&["t", "missing.7z"]).expect(2);
    scratch.par7z(&["l", "t/a.txt"]).expect(2);
    scratch.sevenzip(&["a", "-pright", "p.7z", "t"]).expect(0);
    scratch.sevenzip(&["a", "-pright", "-mhe=on", "h.7z", "t"]).expect(0);
    for archive in ["p.7z", "h.7z"] {
        let wrong = scratch.par7z(&["t", "-pwrong", archive]).expect(2);
        assert!(wrong.stderr.contains("Wrong password?"), "{archive}: {}", wrong.stderr);
        scratch.par7z(&["t", "-pright", archive]).expect(0);
        // Asked for, and stdin has an answer or none.
        scratch.par7z_with(&["t", archive], b"right\n", &[]).expect(0);
        scratch.par7z(&["t", archive]).expect(255);
    }
    scratch.par7z(&["l", "p.7z"]).expect(0);
}

#[test]
fn overwriting() {
    let scratch = Scratch::with_tree();
    scratch.par7z(&["a", "x.7z", "t/a.txt"]).expect(0);
    fs::create_dir_all(scratch.path("out/t")).expect("folder");
    let existing = || fs::read_to_string(scratch.path("out/t/a.txt")).expect("file");
    scratch.file("out/t/a.txt", b"old");
    let stopped = scratch.par7z(&["x", "x.7z", "-oout"]).expect(255);
    assert!(stopped.stderr.contains("-aoa") && stopped.stdout.contains("(Y)es / (N)o"), "{}", stopped.stderr);
    assert_eq!(existing(), "old");
    scratch.par7z(&["x", "x.7z", "-oout", "-aos"]).expect(0);
    assert_eq!(existing(), "old");
    scratch.par7z_with(&["x", "x.7z", "-oout"], b"n\n", &[]).expect(0);
    assert_eq!(existing(), "old");
    scratch.par7z(&["x", "x.7z", "-oout", "-aou"]).expect(0);
    assert_eq!(existing(), "old");
    assert_eq!(fs::read_to_string(scratch.path("out/t/a_1.txt")).expect("renamed"), "hi\n");
    scratch.par7z(&["x", "x.7z", "-oout", "-aot"]).expect(0);
    assert_eq!(existing(), "hi\n");
    scratch.file("out/t/a.txt", b"old");
    scratch.par7z_with(&["x", "x.7z", "-oout"], b"what\ny\n", &[]).expect(0);
    assert_eq!(existing(), "hi\n");
    scratch.file("out/t/a.txt", b"old");
    scratch.par7z(&["e", "x.7z", "-oout/t", "-y"]).expect(0);
    assert_eq!(existing(), "hi\n");
}

#[test]
fn the_archive_s_folder_is_made() {
    let scratch = Scratch::with_tree();
    scratch.par7z(&["a", "new/folder/x.7z", "t"]).expect(0);
    scratch.par7z(&["t", "new/folder/x.7z"]).expect(0);
    fs::write(scratch.path("file"), "in the way").expect("written");
    let refused = scratch.par7z(&["a", "file/x.7z", "t"]).expect(2);
    assert!(refused.stderr.contains("cannot create the folder file"), "{}", refused.stderr);
}

#[test]
fn an_existing_archive_is_not_replaced_silently() {
    let scratch = Scratch::with_tree();
    scratch.par7z(&["a", "x.7z", "t"]).expect(0);
    let before = fs::read(scratch.path("x.7z")).expect("archive");
    for switches in [&[][..], &["-y"], &["-aoa"]] {
        let refused = scratch.par7z(&[&["a", "x.7z", "t/a.txt"][..], switches].concat()).expect(2);
        assert!(refused.stderr.contains("--overwrite"), "{}", refused.stderr);
        assert_eq!(fs::read(scratch.path("x.7z")).expect("archive"), before);
    }
    scratch.par7z(&["a", "x", "t/a.txt", "--overwrite"]).expect(0);
    assert!(fs::read(scratch.path("x.7z")).expect("archive").len() < before.len());
}

#[test]
fn volumes() {
    let scratch = Scratch::with_tree();
    scratch.par7z(&["a", "-v20k", "-v30k", "v.7z", "t"]).expect(0);
    let size = |name: &str| fs::metadata(scratch.path(name)).expect("volume").len();
    assert_eq!((size("v.7z.001"), size("v.7z.002")), (20 << 10, 30 << 10));
    assert!(!scratch.path("v.7z").exists());
    scratch.par7z(&["t", "v.7z.001"]).expect(0);
    scratch.par7z(&["a", "-v20k", "v.7z", "t"]).expect(2);
    scratch.par7z(&["a", "-v20k", "-so", "v.7z", "t"]).expect(7);
    if have_7zip() {
        scratch.sevenzip(&["t", "v.7z.001"]).expect(0);
    }
}

#[test]
fn pipes() {
    let scratch = Scratch::with_tree();
    let made = scratch.par7z_with(&["a", "-sinote.txt", "-so", "x"], b"from a pipe", &[]).expect(0);
    assert!(
        made.stdout_bytes.starts_with(b"7z\xbc\xaf") && made.stderr.contains("Everything is Ok"),
        "{}",
        made.stderr
    );
    fs::write(scratch.path("piped.7z"), &made.stdout_bytes).expect("archive");
    let content = scratch.par7z(&["x", "-so", "piped.7z", "note.txt"]).expect(0);
    assert_eq!(content.stdout, "from a pipe");
    let content = scratch.par7z_with(&["x", "-si", "-so"], &made.stdout_bytes, &[]).expect(0);
    assert_eq!(content.stdout, "from a pipe");
    // Without a name it is the archive's; with files beside it, both go in.
    scratch.par7z_with(&["a", "-si", "data.7z", "t/a.txt"], b"x", &[]).expect(0);
    let listed = scratch.par7z(&["l", "-ba", "data.7z"]).expect(0).stdout;
    assert!(listed.contains("  data\n") && listed.contains("  t/a.txt\n"), "{listed}");
}

#[test]
fn secrets_from_everywhere() {
    let scratch = Scratch::with_tree();
    scratch.file("pw", b"SECRET\nsecond line");
    scratch.file("key", b"A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6");
    let secret = [("PAR7Z_TEST_PASSWORD", "SECRET")];
    scratch.par7z(&["a", "x.7z", "t", "-mhe", "--password-file", "pw"]).expect(0);
    scratch.par7z(&["t", "x.7z", "-pSECRET"]).expect(0);
    scratch.par7z_with(&["t", "x.7z", "--password-env=PAR7Z_TEST_PASSWORD"], b"", &secret).expect(0);
    scratch.par7z_with(&["t", "x.7z", "-p"], b"SECRET\r\n", &[]).expect(0);
    scratch.par7z_with(&["t", "x.7z", "--password-fd", "0"], b"SECRET\n", &[]).expect(0);
    scratch.par7z(&["a", "k.7z", "t", "--key-file", "key"]).expect(0);
    scratch.par7z(&["t", "k.7z", "--key-file", "key"]).expect(0);
    for bad in [
        &["-mhe=on"][..],
        &["--key-file", "pw"],
        &["--password-file", "none"],
        &["--password-env", "PAR7Z_UNSET"],
        &["-p"],
    ] {
        let run = scratch.par7z(&[&["a", "y.7z", "t"][..], bad].concat());
        assert!([2, 7, 255].contains(&run.code), "{bad:?}: {}", run.code);
        assert!(!scratch.path("y.7z").exists(), "{bad:?}: no clear text is written");
        assert!(!run.stderr.contains("SECRET"));
    }
    scratch.par7z(&["a", "y.7z", "t", "-pSECRET", "--deterministic"]).expect(7);
}

#[test]
fn same_bytes_each_time() {
    let scratch = Scratch::with_tree();
    let iv = ["-pSECRET", "-mhe", "--iv", "000102030405060708090a0b0c0d0e0f", "--deterministic"];
    for switches in [&["--deterministic"][..], &iv] {
        for (name, threads) in [("1.7z", "-mmt1"), ("2.7z", "-mmt7")] {
            scratch.par7z(&[&["a", name, "t", threads, "--overwrite"][..], switches].concat()).expect(0);
        }
        let read = |name: &str| fs::read(scratch.path(name)).expect("archive");
        assert!(read("1.7z") == read("2.7z"), "{switches:?}");
    }
}

#[test]
fn json_lines() {
    let scratch = Scratch::with_tree();
    let lines = |run: common::Run| -> Vec<Value> {
        run.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect()
    };
    let events = lines(scratch.par7z(&["a", "x.7z", "t", "missing", "--json", "-pSECRET"]).expect(1));
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((named("start"), named("summary"), named("item_failed")), (1, 1, 1));
    assert_eq!(named("item_finished"), 10);
    assert!(events.iter().all(|event| !event.to_string().contains("SECRET")));
    let summary = events.last().expect("summary");
    assert_eq!((&summary["exit_code"], &summary["items_done"]), (&1.into(), &10.into()));
    let entries = lines(scratch.par7z(&["l", "x.7z", "--json"]).expect(0));
    assert!(entries.iter().any(|entry| entry["name"] == "t/a.txt" && entry["size"] == 3 && entry["encrypted"] == true));
    let events = lines(scratch.par7z(&["t", "x.7z", "--json", "-pSECRET"]).expect(0));
    assert_eq!(events.last().expect("summary")["items_failed"], 0);
    let events = lines(scratch.par7z(&["t", "none.7z", "--json"]).expect(2));
    assert_eq!(events.last().expect("error")["exit_code"], 2);
}

#[test]
fn what_a_failed_file_means() {
    let scratch = Scratch::with_tree();
    let skipped = scratch.par7z(&["a", "x.7z", "t", "missing"]).expect(1);
    assert!(skipped.stdout.ends_with("----------------\nScan WARNINGS: 1\n"), "{}", skipped.stdout);
    assert!(skipped.stderr.contains("WARNING: ") && scratch.path("x.7z").exists());
    for switch in ["-sse", "--on-error=abort"] {
        scratch.par7z(&["a", "y.7z", "t", "missing", switch]).expect(2);
        assert!(!scratch.path("y.7z").exists());
    }
}

#[test]
fn deleting_after() {
    let scratch = Scratch::with_tree();
    scratch.par7z(&["a", "x.7z", "t", "missing", "-sdel"]).expect(1);
    assert!(scratch.path("t/a.txt").exists(), "something failed, so nothing is deleted");
    scratch.par7z(&["a", "y.7z", "t", "-xr!deep", "-sdel"]).expect(0);
    assert!(!scratch.path("t/a.txt").exists() && scratch.path("t/sub/deep/x.o").exists());
    scratch.par7z(&["a", "z.7z", "t", "-sdel"]).expect(0);
    assert!(!scratch.path("t").exists());
}

#[test]
fn other_places() {
    let scratch = Scratch::with_tree();
    scratch.par7z(&["a", "x.7z", "t"]).expect(0);
    scratch.par7z(&["x", "x.7z", "-oto/*"]).expect(0);
    assert!(scratch.path("to/x/t/a.txt").exists());
    scratch.par7z(&["x", "x.7z", "-ospe/t", "-spe"]).expect(0);
    assert!(scratch.path("spe/t/a.txt").exists() && !scratch.path("spe/t/t").exists());
    scratch.par7z(&["e", "x.7z", "-oflat", "-r", "*.o"]).expect(0);
    assert!(scratch.path("flat/x.o").exists() && scratch.path("flat/prog.o").exists());
    let muted = scratch.par7z(&["t", "x.7z", "-bso0"]).expect(0);
    assert_eq!(muted.stdout, "");
    let named = scratch.par7z(&["t", "x.7z", "-bb1"]).expect(0);
    assert!(named.stdout.contains("T t/a.txt\n"), "{}", named.stdout);
}

#[test]
fn hashes() {
    if !have_7zip() {
        return;
    }
    let scratch = Scratch::with_tree();
    let theirs = scratch.sevenzip(&["h", "-scrcSHA256", "t"]).expect(0).stdout.to_lowercase();
    let ours = scratch.par7z(&["h", "-scrcSHA256", "t"]).expect(0).stdout.to_lowercase();
    for line in ours.lines().filter(|line| line.contains("t/") && line.len() > 64) {
        assert!(theirs.contains(&line[..64]), "{line}\n{theirs}");
    }
    let crc = scratch.par7z(&["h", "t/a.txt"]).expect(0).stdout;
    assert!(crc.contains("ED6F7A7A             3  a.txt") || crc.contains("ED6F7A7A             3  t/a.txt"), "{crc}");
}

#[test]
fn a_benchmark_draws() {
    let scratch = Scratch::new();
    let run = scratch.par7z(&["b", "--size", "1m", "-mmt=2", "--plot", "b.svg"]).expect(0);
    assert_eq!(run.stdout.lines().filter(|line| line.matches('|').count() == 2).count(), 8, "{}", run.stdout);
    let plot = fs::read_to_string(scratch.path("b.svg")).expect("plot");
    assert!(plot.starts_with("<svg") && plot.matches("<circle").count() >= 5);
}

/// Ctrl-C and `kill`: code 255, and nothing half-written stays.
#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing() {
    for signal in ["-INT", "-TERM"] {
        interrupt_with(signal);
    }
}

#[cfg(unix)]
fn interrupt_with(signal: &str) {
    let scratch = Scratch::new();
    scratch.file("big", &common::noise(60 << 20));
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_par7z"))
        .args(["a", "-mx=9", "-mmt=1", "-bb1", "-bsp0", "x.7z", "big"])
        .current_dir(scratch.path("."))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("par7z");
    // When the temporary file is there, the run is under way and the handler is installed.
    let files = || fs::read_dir(scratch.path(".")).expect("folder").count();
    while files() < 2 && child.try_wait().expect("child").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(kill.expect("kill").success());
    assert_eq!(child.wait().expect("child").code(), Some(255), "{signal}");
    assert_eq!(files(), 1, "only the input stays");
}

#[test]
fn a_set_of_volumes_is_replaced_if_asked_for() {
    let scratch = Scratch::with_tree();
    scratch.par7z(&["a", "v.7z", "t", "-mx=0", "-v64k"]).expect(0);
    assert!(scratch.path("v.7z.003").exists());
    scratch.par7z(&["a", "v.7z", "t/a.txt", "-v64k"]).expect(2);
    scratch.par7z(&["a", "v.7z", "t/a.txt", "-v64k", "--overwrite"]).expect(0);
    assert!(!scratch.path("v.7z.002").exists(), "what is left of the older set is gone");
    let tested = scratch.sevenzip(&["t", "v.7z.001"]).expect(0).stdout;
    assert!(tested.contains("Volumes = 1") && tested.contains("Size:       3\n"), "{tested}");
}

#[test]
fn a_leaner_match_finder_is_told_and_independent_blocks_are_read() {
    let scratch = Scratch::with_tree();
    let run = scratch.par7z(&["a", "x.7z", "t", "--encoder-memory=8m"]).expect(0);
    assert!(run.stdout.contains("Match finder: hash buckets instead of an interval tree"), "{}", run.stdout);
    let run = scratch.par7z(&["a", "y.7z", "t", "--encoder-memory=8m", "--json"]).expect(0);
    assert!(run.stdout.contains(r#"{"event":"note","text":"Match finder: "#), "{}", run.stdout);
    let run = scratch.par7z(&["a", "z.7z", "t", "--encoder-memory=4g", "--independent-blocks"]).expect(0);
    assert!(!run.stdout.contains("Match finder"), "{}", run.stdout);
    scratch.sevenzip(&["t", "z.7z"]).expect(0);
}
