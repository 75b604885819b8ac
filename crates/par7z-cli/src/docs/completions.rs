//! Completions for shells.

use crate::args::table::{COMMANDS, SWITCHES, Section, Switch, Value};
use crate::exit::Failure;
use std::fmt::Write;

/// The script for a shell.
pub(crate) fn completions(shell: &str) -> Result<String, Failure> {
    match shell {
        "bash" => Ok(bash()),
        "zsh" => Ok(zsh()),
        "fish" => Ok(fish()),
        "" => Err(Failure::usage("completions: which shell? bash, zsh or fish")),
        other => Err(Failure::usage(format!("completions for \"{other}\": there are bash, zsh and fish"))),
    }
}

fn offered() -> impl Iterator<Item = &'static Switch> {
    SWITCHES.iter().filter(|switch| switch.section != Section::Refused)
}

/// Every word that a switch can begin with, with its explanation.
fn words() -> Vec<(String, &'static str)> {
    let mut words = Vec::new();
    for switch in offered() {
        let equals = if switch.short.starts_with('m') && switch.value != Value::None { "=" } else { "" };
        // `-m#` is shown for the digits people use.
        let spellings = match switch.short {
            "" => vec![],
            short if short.contains('#') => vec![short.replace('#', "0"), short.replace('#', "1")],
            short => vec![short.to_owned()],
        };
        for spelling in spellings {
            match switch.value {
                Value::OneOf(values) => {
                    words.extend(values.iter().map(|value| (glued(&spelling, equals, value), switch.help)));
                }
                Value::None => words.push((format!("-{spelling}"), switch.help)),
                Value::Required(_) | Value::Optional(_) => words.push((format!("-{spelling}{equals}"), switch.help)),
            }
        }
        if !switch.long.is_empty() {
            let equals = if switch.value == Value::None { "" } else { "=" };
            words.push((format!("--{}{equals}", switch.long), switch.help));
        }
    }
    words
}

/// `-mhe` and `-mhe=on`, `-aoa`, `-ssc-`.
fn glued(spelling: &str, equals: &str, value: &str) -> String {
    let equals = if value.is_empty() { "" } else { equals };
    format!("-{spelling}{equals}{value}")
}

fn commands() -> String {
    COMMANDS.iter().map(|row| row.name).collect::<Vec<_>>().join(" ")
}

fn bash() -> String {
    let words: Vec<String> = words().into_iter().map(|(word, _)| word).collect();
    format!(
        r#"# bash completion for par7z
_par7z() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}"
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 && $current != -* ]]; then
        COMPREPLY=($(compgen -W '{commands}' -- "$current"))
    elif [[ $current == -o* ]]; then
        COMPREPLY=($(compgen -d -P -o -- "${{current#-o}}"))
    elif [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W '{words}' -- "$current"))
        [[ ${{COMPREPLY[0]-}} == *= ]] && compopt -o nospace
    else
        compopt -o default
    fi
}}
complete -F _par7z par7z
"#,
        commands = commands(),
        words = words.join(" ")
    )
}

fn zsh() -> String {
    let mut out = String::from("#compdef par7z\n_par7z() {\n    local -a commands switches\n    commands=(\n");
    for row in COMMANDS {
        let _ = writeln!(out, "        '{}:{}'", row.name, quote(row.summary));
    }
    out.push_str("    )\n    switches=(\n");
    for (word, help) in words() {
        let _ = writeln!(out, "        '{}:{}'", word.replace(':', "\\:"), quote(help));
    }
    out.push_str(
        "    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n    elif [[ $PREFIX == -* ]]; then\n        \
         _describe switch switches -o nosort -S ''\n    else\n        _files\n    fi\n}\n_par7z \"$@\"\n",
    );
    out
}

fn fish() -> String {
    let mut out = String::from("# fish completion for par7z\n");
    for row in COMMANDS {
        let _ =
            writeln!(out, "complete -c par7z -n __fish_use_subcommand -f -a {} -d '{}'", row.name, quote(row.summary));
    }
    for (word, help) in words() {
        // As arguments: fish's own notion of options would not glue values on.
        let _ = writeln!(
            out,
            "complete -c par7z -n 'string match -q -- \"-*\" (commandline -ct)' -a '{word}' -d '{}'",
            quote(help)
        );
    }
    out
}

/// For single quotes, in all three shells.
fn quote(text: &str) -> String {
    text.replace('\'', "’")
}
