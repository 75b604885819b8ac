//! One file per command. A command gets the arguments, says what happens through the console, and gives an exit code.

mod add;
mod bench;
mod extract;
mod hash;
mod info;
mod list;
mod open;
mod sample;
mod test;

use crate::args::low::{Command, LowArgs};
use crate::console::Console;
use crate::docs;
use crate::exit::{Exit, Failure};
use par7z::CancelToken;
use std::sync::Arc;

/// What every command gets.
pub(crate) struct Context {
    pub(crate) low: LowArgs,
    pub(crate) console: Arc<Console>,
    pub(crate) cancel: CancelToken,
}

/// Runs the command.
pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let low = &context.low;
    if low.version {
        context.console.line(&format!("par7z {}", env!("CARGO_PKG_VERSION")));
        return Ok(Exit::Ok);
    }
    if low.help || matches!(low.command, Command::None | Command::Help) {
        context.console.line(&docs::help::help(low)?);
        return Ok(Exit::Ok);
    }
    match low.command {
        Command::Add => add::run(context),
        Command::Extract | Command::ExtractFlat => extract::run(context),
        Command::List => list::run(context),
        Command::Test => test::run(context),
        Command::Bench => bench::run(context),
        Command::Info => info::run(context),
        Command::Hash => hash::run(context),
        Command::Completions => {
            let shell = low.words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
            context.console.line(docs::completions::completions(&shell)?.trim_end());
            Ok(Exit::Ok)
        }
        Command::Man => {
            context.console.line(docs::man::page().trim_end());
            Ok(Exit::Ok)
        }
        Command::None | Command::Help => Ok(Exit::Ok),
    }
}
