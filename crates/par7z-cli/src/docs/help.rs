//! `--help`, for the program and for a command.

use crate::args::low::LowArgs;
use crate::args::table::{COMMANDS, CommandRow, SWITCHES, Section, Switch};
use crate::exit::{Exit, Failure};
use std::fmt::Write;

/// Where the explanations begin, in columns.
const INDENT: usize = 30;
/// Lines are broken here.
const WIDTH: usize = 110;

/// The help that the arguments ask for.
pub(crate) fn help(low: &LowArgs) -> Result<String, Failure> {
    use crate::args::low::Command;
    let asked = match low.command {
        Command::Help => low.words.first().map(|word| word.to_string_lossy().to_ascii_lowercase()),
        Command::None => None,
        command => Some(name_of(command).to_owned()),
    };
    match asked {
        None => Ok(whole()),
        Some(name) => match COMMANDS.iter().find(|row| row.name == name) {
            Some(row) => Ok(of_command(row)),
            None => Err(Failure::usage(format!("Unsupported command:\n{name}\nSee par7z --help"))),
        },
    }
}

fn name_of(command: crate::args::low::Command) -> &'static str {
    use crate::args::low::Command;
    match command {
        Command::Add => "a",
        Command::Extract => "x",
        Command::ExtractFlat => "e",
        Command::List => "l",
        Command::Test => "t",
        Command::Bench => "b",
        Command::Info => "i",
        Command::Hash => "h",
        Command::Completions => "completions",
        Command::Man => "man",
        Command::None | Command::Help => "help",
    }
}

/// All commands and switches.
pub(crate) fn whole() -> String {
    let mut out = format!(
        "par7z {}: writes and reads 7z archives, compressing in parallel\n\n\
         Usage: par7z COMMAND [SWITCHES] ARCHIVE [NAME|@LIST]...\n\nCommands\n",
        env!("CARGO_PKG_VERSION")
    );
    for row in COMMANDS {
        entry(&mut out, row.name, row.summary);
    }
    out.push_str("\nSwitches stand anywhere, in any case; -- ends them. par7z COMMAND --help has examples.\n");
    sections(&mut out, |_| true);
    out.push_str(&exit_codes());
    out.trim_end().to_owned()
}

fn of_command(row: &CommandRow) -> String {
    let mut out = format!(
        "par7z {}: {}\n\nUsage: par7z {} [SWITCHES] {}\n\nExamples\n",
        row.name, row.summary, row.name, row.usage
    );
    for (line, meaning) in row.examples {
        let _ = writeln!(out, "  {line}\n      {meaning}");
    }
    let listed = |switch: &Switch| row.name.len() == 1 && switch.commands.contains(row.name);
    sections(&mut out, |switch| listed(switch) && switch.section != Section::Refused);
    out.push_str(&exit_codes());
    out.trim_end().to_owned()
}

fn sections(out: &mut String, wanted: impl Fn(&Switch) -> bool) {
    for (section, title) in Section::ALL {
        let rows: Vec<&Switch> = SWITCHES.iter().filter(|switch| switch.section == section && wanted(switch)).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{title}");
        for switch in rows {
            entry(out, &switch.spelling(), switch.help);
        }
    }
}

fn exit_codes() -> String {
    let mut out = String::from("\nExit codes\n");
    for (exit, meaning) in Exit::ALL {
        entry(&mut out, &exit.code().to_string(), meaning);
    }
    out
}

/// A term and its explanation, broken into lines.
fn entry(out: &mut String, term: &str, explanation: &str) {
    let mut line = format!("  {term}");
    if line.chars().count() + 2 > INDENT {
        let _ = writeln!(out, "{line}");
        line.clear();
    }
    line = format!("{line:INDENT$}");
    for word in explanation.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(INDENT);
        }
        if !line.ends_with(' ') {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "{}", line.trim_end());
}
