//! Help, man page and completions have every switch, and shells take the completions.

mod common;

use common::Scratch;
use std::process::Command;

/// The short and long switches that `--help` shows, taken from it: it is made from the table.
fn switches(help: &str) -> Vec<String> {
    let rows = help.lines().filter(|line| line.starts_with("  -"));
    let spellings = rows.flat_map(|line| {
        let term = line.trim_start().split("  ").next().unwrap_or_default().to_owned();
        term.split(", ").map(str::to_owned).collect::<Vec<_>>()
    });
    let name = |spelling: String| spelling.split(['[', '{', '=', ' ', '!']).next().unwrap_or_default().to_owned();
    let bare = |name: String| match name.strip_prefix("--") {
        Some(_) => name,
        // Values begin with a capital letter: -oDIR.
        None => name.trim_end_matches(|c: char| c.is_ascii_uppercase()).to_owned(),
    };
    spellings.map(name).map(bare).filter(|name| name.len() > 1).collect()
}

#[test]
fn man_page_and_completions_have_every_switch() {
    let scratch = Scratch::new();
    let help = scratch.par7z(&["--help"]).expect(0).stdout;
    let man = scratch.par7z(&["man"]).expect(0).stdout.replace("\\-", "-");
    let all = switches(&help);
    assert!(all.len() > 90 && all.contains(&"-mx".to_owned()) && all.contains(&"--password-fd".to_owned()), "{all:?}");
    let refused = ["-ad", "-ai", "-ax", "-an", "-mb", "-seml", "-sfx", "-sni", "-sns", "-snz", "-stm", "-stx", "-u"];
    for switch in &all {
        assert!(man.contains(switch.as_str()), "the man page lacks {switch}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = scratch.par7z(&["completions", shell]).expect(0).stdout;
        for switch in all.iter().filter(|switch| !refused.contains(&switch.as_str())) {
            let wanted = switch.replace('#', "0");
            assert!(script.contains(&wanted), "{shell} lacks {wanted}");
        }
    }
    scratch.par7z(&["completions"]).expect(7);
    scratch.par7z(&["completions", "tcsh"]).expect(7);
}

#[test]
fn each_command_has_help_with_examples() {
    let scratch = Scratch::new();
    for command in ["a", "x", "e", "l", "t", "b", "i", "h"] {
        let help = scratch.par7z(&[command, "--help"]).expect(0).stdout;
        assert!(help.contains("Examples\n  ") && help.contains("255"), "{command}: {help}");
        assert_eq!(help, scratch.par7z(&["help", command]).expect(0).stdout);
    }
    assert!(scratch.par7z(&[]).expect(0).stdout.contains("Usage:"));
    assert!(scratch.par7z(&["--version"]).expect(0).stdout.starts_with("par7z "));
    scratch.par7z(&["help", "nonsense"]).expect(7);
}

#[test]
fn bash_takes_the_completions() {
    let scratch = Scratch::new();
    let script = scratch.par7z(&["completions", "bash"]).expect(0).stdout;
    scratch.file("par7z.bash", script.as_bytes());
    let ask =
        "source par7z.bash; COMP_WORDS=(par7z a --lev); COMP_CWORD=2; _par7z 2>/dev/null; echo \"${COMPREPLY[@]}\"";
    let Ok(output) = Command::new("bash").args(["-c", ask]).current_dir(scratch.path(".")).output() else { return };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "--level=\n");
}
