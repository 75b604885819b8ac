//! The man page, in roff.

use crate::args::table::{COMMANDS, SWITCHES, Section};
use crate::exit::Exit;
use std::fmt::Write;

/// `par7z(1)`.
pub(crate) fn page() -> String {
    let mut out = format!(".TH PAR7Z 1 \"\" \"par7z {}\" \"User Commands\"\n", env!("CARGO_PKG_VERSION"));
    out.push_str(".SH NAME\npar7z \\- writes and reads 7z archives, compressing in parallel\n");
    out.push_str(".SH SYNOPSIS\n");
    for row in COMMANDS {
        let _ = writeln!(out, ".B par7z {}\n[SWITCHES] {}\n.br", row.name, escape(row.usage));
    }
    out.push_str(".SH DESCRIPTION\n");
    out.push_str(
        "Commands and switches are 7\\-Zip's. Switches stand anywhere and in any case; \\fB\\-\\-\\fR ends them. A word \
         \\fB@FILE\\fR takes names from a list file, one a line. Long options take their value after \\fB=\\fR or as the \
         next word.\n",
    );
    out.push_str(".SH COMMANDS\n");
    for row in COMMANDS {
        let _ = writeln!(out, ".TP\n.B {}\n{}", row.name, sentence(row.summary));
    }
    for (section, title) in Section::ALL {
        let _ = writeln!(out, ".SH \"{}\"", escape(&title.to_uppercase()));
        for switch in SWITCHES.iter().filter(|switch| switch.section == section) {
            let _ = writeln!(out, ".TP\n.B {}\n{}", escape(&switch.spelling()), sentence(switch.help));
        }
    }
    out.push_str(".SH EXAMPLES\n");
    for (line, meaning) in COMMANDS.iter().flat_map(|row| row.examples) {
        let _ = writeln!(out, ".TP\n.B {}\n{}", escape(line), sentence(meaning));
    }
    out.push_str(".SH \"EXIT STATUS\"\n");
    for (exit, meaning) in Exit::ALL {
        let _ = writeln!(out, ".TP\n.B {}\n{}", exit.code(), sentence(meaning));
    }
    out.push_str(".SH \"SEE ALSO\"\n.BR 7z (1)\n");
    out
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    escape(&format!("{first}{}.", chars.as_str()))
}

/// Text as it is: no line begins with a request, and dashes stay dashes.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}
