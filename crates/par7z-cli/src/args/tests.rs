//! The parser against tables of what people type.

use super::low::{Command, HashArg, LowArgs, NameMode, NameSource, OverwriteArg, Recurse, SecretArg};
use super::table::{COMMANDS, Id, SWITCHES, Value};
use super::{edits, parse};
use crate::exit::{Exit, Failure};
use par7z::{ErrorPolicy, Filter, FilterChoice, LzmaMatchFinder, LzmaParams, Method, Order, Solid, Threads};
use std::ffi::OsString;

fn try_parse(line: &str) -> Result<LowArgs, Failure> {
    parse(line.split_whitespace().map(OsString::from))
}

fn parsed(line: &str) -> LowArgs {
    try_parse(line).unwrap_or_else(|failure| panic!("{line}: {failure}"))
}

/// With the switches behind `a x.7z f`.
fn add(switches: &str) -> LowArgs {
    parsed(&format!("a x.7z f {switches}"))
}

fn method(switches: &str) -> (Method, FilterChoice) {
    add(switches).method.resolve().unwrap_or_else(|failure| panic!("{switches}: {failure}"))
}

#[test]
fn encoders_can_be_limited_and_blocks_made_independent() {
    assert_eq!(add("").encoder_memory, None);
    assert_eq!(add("--encoder-memory=64m").encoder_memory, Some(64 << 20));
    assert!(!add("").independent_blocks && add("--independent-blocks").independent_blocks);
    assert!(try_parse("a x.7z f --encoder-memory=much").is_err());
}

/// Every form that a first release must take, and that it is taken in any case.
#[test]
fn must_accept() {
    let table = "-t7z -mx -mx0 -mx=0 -mx1 -mx=5 -mx9 -mx=9 -mmt -mmt4 -mmt=4 -mmt=on -mmt=off -ms=on -ms=off -ms -ms=64m \
        -ms=100f -ms=e -ms=100f64m -ms=e10f -m0=LZMA2:d=64m:fb=64 -m0=lzma2:d=32m -m0=lzma2 -m0=LZMA:d24:fb273:mc=100 \
        -m0=PPMd:o=8:mem=64m -m0=PPMd:o8:mem26 -m0=bzip2 -m0=BZip2:d=900k -m0=deflate -m0=copy -m0=LZMA2:d=64m:fb=64:lc=3 \
        -m0=LZMA2:a=1:mf=bt4:d=25 -m0=lzma2:mt=2 -mm=LZMA2 -md=64m -md24 -md=100k -mfb=64 -mfb64 -mf=off -mf=on -mf=BCJ \
        -mf=Delta:4 -mmf=bt4 -mmf=hc4 -mlc=3 -mlp=0 -mpb=2 -ma=1 -mmc=32 -mo=8 -mmem=64m -mhe -mhe=on -mhe=off -mhc \
        -mhc=on -mhc=off -mmemuse=1g -mmemuse=p80 -pSECRET -p -v100m -v1g -v700k -v1000 -v64b -r -r0 -r- -x!a -xr!*.o \
        -x@list -i!b -ir!*.txt -ir0!*.c -i@list -xr-!a -xrm-!a -xw-!a -xr@list -si -siname -so -y -aoa -aos -aot -aou -w \
        -wtmp -sdel -bd -bb -bb0 -bb1 -bb2 -bb3 -bso0 -bso1 -bse2 -bsp1 -bsp0 -bt -ba -slt -scsUTF-8 -scsUTF-16LE \
        -sccUTF-8 -ssc -ssc- -spd -spf -spf2 -spe -ssp -ssw -sse -snl -snl- -snh -snh- -stl -mtc -mtc=on -mta=on \
        -mtm=off -mtm- -mtr=off -mqs -mqs=on -myx=5 -saa -sae -sas -slp -scrcCRC32 -scrcSHA256 -odir";
    for switch in table.split_whitespace() {
        for spelling in [switch.to_owned(), switch.to_ascii_uppercase()] {
            // Before the command, behind it, and at the end.
            for line in [
                format!("{spelling} a x.7z f"),
                format!("a {spelling} x.7z f"),
                format!("a x.7z {spelling} f"),
                format!("a x.7z f {spelling}"),
            ] {
                let low = parsed(&line);
                assert_eq!(low.command, Command::Add, "{line}");
                assert_eq!(low.archive.as_deref(), Some("x.7z".as_ref()), "{line}");
                // PPMd's parameters alone are an error for LZMA2, as they should be.
                if switch.starts_with("-mo") || switch.starts_with("-mmem=") {
                    continue;
                }
                low.method.resolve().unwrap_or_else(|failure| panic!("{line}: {failure}"));
            }
        }
    }
}

#[test]
fn long_options() {
    let table = "--level=9|--level 9|--threads 4|--threads=off|--memory 1g|--password-file f|--password-env V|\
        --password-fd 3|--key-file=k|--iv 000102030405060708090a0b0c0d0e0f|--solid off|--volume-size 10m|--order input|\
        --order=completion|--on-error skip|--on-error retry:3|--on-error=abort|--json|--deterministic|--overwrite|--method ppmd";
    for switch in table.split('|') {
        assert_eq!(add(switch).archive.as_deref(), Some("x.7z".as_ref()), "{switch}");
    }
    assert_eq!(add("--level 7").level, Some(7));
    assert_eq!(add("--threads 3").threads, Threads::new(3).ok());
    assert_eq!(add("--on-error retry:3").error_policy, ErrorPolicy::Retry { times: 3 });
    assert_eq!(add("--order completion").order, Order::Completion);
    assert_eq!(add("--iv 000102030405060708090A0b0c0d0e0f").iv.map(|iv| iv[15]), Some(15));
    assert_eq!(add("--volume-size 10m -v1m").volumes, [10 << 20, 1 << 20]);
}

#[test]
fn values_arrive() {
    assert_eq!(add("-mx").level, Some(9));
    assert_eq!(add("-mx=3").level, Some(3));
    assert_eq!(add("-mmt=off").threads, Threads::new(1).ok());
    assert_eq!(add("-mmt").threads, Some(Threads::Auto));
    assert_eq!(add("-aou").overwrite, Some(OverwriteArg::RenameNew));
    assert_eq!(add("-siName.TXT").stdin, Some(Some("Name.TXT".to_owned())));
    assert_eq!(add("-si").stdin, Some(None));
    assert_eq!(add("-oDir").output_dir.as_deref(), Some("Dir".as_ref()));
    assert_eq!(add("-o=x").output_dir.as_deref(), Some("=x".as_ref()));
    assert_eq!(add("-r0").recurse, Recurse::Wildcards);
    assert_eq!(add("-snl").store_links, Some(true));
    assert_eq!(add("-snl-").store_links, Some(false));
    assert_eq!(add("-sae").name_mode, NameMode::Never);
    assert_eq!(add("-scrc*").hash, HashArg::All);
    assert!(matches!(add("-p").secret, SecretArg::Ask));
    assert!(matches!(add("-pA=b C").secret, SecretArg::Text(text) if *text == "A=b"));
    assert!(add("-ssc-").ignore_case && !add("-ssc").ignore_case);
    assert_eq!(add("-v100m -v1g").volumes, [100 << 20, 1 << 30]);
    assert_eq!(add("-ms=100f64m").solid, Some(Solid { max_items: 100, max_bytes: 64 << 20, by_extension: false }));
    assert_eq!(add("-ms=e").solid, Some(Solid { by_extension: true, ..Solid::ON }));
    assert_eq!(add("-ms=off").solid, Some(Solid::OFF));
}

#[test]
fn method_chains() {
    let lzma = |edit: fn(&mut LzmaParams)| {
        let mut params = LzmaParams::default();
        edit(&mut params);
        Method::Lzma2(params)
    };
    assert_eq!(method(""), (Method::default(), FilterChoice::Auto));
    assert_eq!(method("-m0=bcj -m1=lzma2").1, FilterChoice::Chain(vec![Filter::BcjX86]));
    assert_eq!(method("-m1=lzma2 -m0=delta:4").1, FilterChoice::Chain(vec![Filter::Delta { distance: 4 }]));
    assert_eq!(method("-mf=off").1, FilterChoice::Off);
    assert_eq!(method("-mf=arm64").1, FilterChoice::Chain(vec![Filter::Arm64]));
    assert_eq!(method("-md=24").0, lzma(|p| p.dictionary_bytes = Some(16 << 20)));
    assert_eq!(method("-md=1m -m0=lzma2:d=64m").0, lzma(|p| p.dictionary_bytes = Some(64 << 20)));
    assert_eq!(method("-m0=lzma2:mf=hc4").0, lzma(|p| p.match_finder = Some(LzmaMatchFinder::HashBuckets)));
    assert_eq!(method("-m0=LZMA2:d64m:fb64:mc1000:lc3").0, method("-m0=lzma2:d=64m:fb=64:mc=1000:lc=3").0);
    assert_eq!(method("-m0=ppmd -md=64m").0, method("-m0=ppmd").0, "-md is none of PPMd's");
    assert!(matches!(method("-m0=bzip2:d=900k").0, Method::Bzip2(params) if params.block_100k == Some(9)));
    assert!(matches!(method("-m0=bzip2:d=100k").0, Method::Bzip2(params) if params.block_100k == Some(1)));
}

#[test]
fn names() {
    let low = parsed("a x.7z one @list -- -two @three");
    let sources: Vec<&NameSource> = low.names.iter().map(|spec| &spec.source).collect();
    let pattern = |text: &str| NameSource::Pattern(text.into());
    assert_eq!(sources, [&pattern("one"), &NameSource::List("list".into()), &pattern("-two"), &pattern("@three")]);

    let low = parsed("x a.7z -xr!*.o -i@l -xw-!a*");
    assert!(!low.names[0].include && low.names[0].recurse == Some(Recurse::Yes));
    assert!(low.names[1].include && low.names[1].source == NameSource::List("l".into()));
    assert!(!low.names[2].wildcards && low.names[2].recurse.is_none());
    assert_eq!(parsed("A x.7z -").names.len(), 1, "a lone dash is a name");
    assert_eq!(parsed("l -si").archive, None, "the archive is stdin");
}

/// Lines that make no sense: exit code 7, and the text names what is wrong.
#[test]
fn refused() {
    let table = [
        ("a", "Cannot find archive name"),
        ("q x.7z", "Unsupported command"),
        ("u x.7z f", "not there yet"),
        ("d x.7z f", "not there yet"),
        ("rn x.7z a b", "not there yet"),
        ("a x.7z -zz", "-zz"),
        ("a x.7z -levl=9", "Unknown switch"),
        ("a x.7z --levl=9", "--level"),
        ("a x.7z --threds 9", "--threads"),
        ("a x.7z -mx=10", "0 (store) to 9"),
        ("a x.7z -mxx", "0 (store) to 9"),
        ("a x.7z -mmt=0x", "1 to 256"),
        ("a x.7z -mmt=257", "1 to 256"),
        ("a x.7z -mm=zstd", "cannot write it"),
        ("a x.7z -m0=zstd", "cannot write it"),
        ("a x.7z -m0=bcj2", "does not write it"),
        ("a x.7z -m0=7zAES", "-p"),
        ("a x.7z -m0=nonsense", "nonsense"),
        ("a x.7z -m0=lzma2 -m1=bcj", "filters come first"),
        ("a x.7z -m0=lzma2:zz=3", "no parameter"),
        ("a x.7z -mo=8", "no parameter"),
        ("a x.7z -m0=lzma2:q", "not understood"),
        ("a x.7z -m0=ppmd:lc=3", "no parameter"),
        ("a x.7z -ms=ä", "-ms"),
        ("a x.7z -ms=0f", "-ms"),
        ("a x.7z -tzip", "7z archives alone"),
        ("a x.7z -v0", "-v0"),
        ("a x.7z -vabc", "-vabc"),
        ("a x.7z -ao", "-ao{a|s|u|t}"),
        ("a x.7z -aox", "-ao{a|s|u|t}"),
        ("a x.7z -o", "-oDIR"),
        ("a x.7z -sfx", "not supported"),
        ("a -an", "not supported"),
        ("a x.7z -u-", "not supported"),
        ("a x.7z -x", "-x"),
        ("a x.7z -x!", "-x"),
        ("a x.7z -xq!a", "-x"),
        ("a x.7z --iv 12", "32 hex digits"),
        ("a x.7z --level", "missing"),
        ("a x.7z --json=1", "takes no value"),
        ("a x.7z --on-error retry:0", "--on-error"),
        ("a x.7z -bsx1", "-bs"),
        ("a x.7z -scsDOS", "-scs"),
        ("a x.7z --order sideways", "--order"),
        ("a x.7z -ydx", "-ydx"),
    ];
    for (line, expected) in table {
        let failure = match try_parse(line).and_then(|low| low.method.resolve().map(|_| low)) {
            Ok(_) => panic!("{line}: was taken"),
            Err(failure) => failure,
        };
        assert_eq!(failure.exit, Exit::CommandLine, "{line}");
        assert!(failure.message.contains(expected), "{line}: {failure}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let low = add("-pSECRET");
    assert!(!format!("{low:?}").contains("SECRET"));
    let failure = try_parse("a x.7z --iv SECRET").expect_err("no hex");
    assert!(!failure.message.contains("SECRET"));
}

/// Spellings are unique, and every command letter in a row is a command.
#[test]
fn the_table_is_sound() {
    for (number, row) in SWITCHES.iter().enumerate() {
        assert!(!row.short.is_empty() || !row.long.is_empty());
        assert!(!row.help.is_empty() && !row.help.ends_with('.'), "{}", row.spelling());
        for other in &SWITCHES[number + 1..] {
            assert!(row.short.is_empty() || row.short != other.short, "-{} twice", row.short);
            assert!(row.long.is_empty() || row.long != other.long, "--{} twice", row.long);
        }
        for letter in row.commands.chars() {
            assert!(COMMANDS.iter().any(|command| command.name == letter.to_string()), "{letter}");
        }
        // A long option cannot have an empty value, so its row must not need one to be switched on.
        if !row.long.is_empty() && row.id != Id::Level {
            assert!(!matches!(row.value, Value::OneOf(words) if words.contains(&"")), "--{}", row.long);
        }
    }
}

#[test]
fn distances() {
    assert_eq!(edits("", "abc"), 3);
    assert_eq!(edits("kitten", "sitting"), 3);
    assert_eq!(edits("level", "level"), 0);
}
