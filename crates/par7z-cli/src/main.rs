//! `par7z`: 7-Zip's command line over the par7z library.
//!
//! Words become plain values ([`args`]), these become the library's options, and a command ([`commands`]) hands both to
//! the library. Policy lives there; here are words, tables and questions.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod console;
mod docs;
mod exit;
mod prompt;
mod report;
mod scan;
mod stores;

use args::low::LowArgs;
use commands::Context;
use console::Console;
use exit::{Exit, Failure};
use par7z::CancelToken;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let parsed = args::parse(std::env::args_os().skip(1));
    let (low, failure) = match parsed {
        Ok(low) => (low, None),
        Err(failure) => (LowArgs::default(), Some(failure)),
    };
    let console = Arc::new(Console::new(&low));
    let context = Context { low, console: Arc::clone(&console), cancel: CancelToken::new() };
    let result = match failure {
        Some(failure) => Err(failure),
        None => run(&context),
    };
    let exit = result.unwrap_or_else(|failure| {
        tell(&console, &failure);
        failure.exit
    });
    ExitCode::from(exit.code())
}

fn run(context: &Context) -> Result<Exit, Failure> {
    use args::low::Command;
    stop_on_interrupt(context);
    let speaks = !context.low.help && !context.low.version;
    let for_people = !matches!(context.low.command, Command::Completions | Command::Man | Command::Help);
    if speaks && for_people {
        context.console.banner(context.low.command);
    }
    commands::run(context)
}

/// The first Ctrl-C asks the run to stop, so that nothing half-written stays; the second one does not wait. `kill` asks
/// the same way.
fn stop_on_interrupt(context: &Context) {
    let (cancel, console) = (context.cancel.clone(), Arc::clone(&context.console));
    let stop = move || {
        if cancel.is_cancelled() {
            std::process::exit(i32::from(Exit::Cancelled.code()));
        }
        cancel.cancel();
        console.error("\nStopping; press Ctrl-C again to stop at once");
    };
    if let Err(error) = stop_on_terminate(stop.clone()) {
        context.console.error(&format!("WARNING: SIGTERM will leave temporary files behind: {error}"));
    }
    if let Err(error) = ctrlc::set_handler(stop) {
        context.console.error(&format!("WARNING: Ctrl-C will leave temporary files behind: {error}"));
    }
}

/// SIGTERM. The crate ctrlc could do it too, but would take SIGHUP with it, and nohup would no longer work.
#[cfg(unix)]
fn stop_on_terminate(stop: impl Fn() + Send + 'static) -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || signals.forever().for_each(|_| stop()))?;
    Ok(())
}

/// There is no such signal here.
#[cfg(not(unix))]
fn stop_on_terminate(_stop: impl Fn() + Send + 'static) -> std::io::Result<()> {
    Ok(())
}

/// Says why a run ended early, in 7-Zip's words where it has any.
fn tell(console: &Console, failure: &Failure) {
    console.set_bar(None);
    let text = match failure.exit {
        Exit::CommandLine => format!("\n\nCommand Line Error:\n{failure}"),
        Exit::Cancelled => format!("\n\nBreak signaled: {failure}"),
        Exit::Memory => format!("\n\nERROR: Can't allocate required memory!\n{failure}"),
        _ => format!("\nERROR: {failure}"),
    };
    console.error(&text);
    console.event(&report::json::failure(&failure.message, failure.exit));
}
