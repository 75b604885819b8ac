//! `t`: unpack and check, write nothing.

use super::{Context, open};
use crate::exit::{Exit, Failure};
use crate::report::json;
use crate::report::progress::Reporter;
use crate::scan::Names;
use par7z::ExtractOptions;

/// Runs `t`.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let low = &context.low;
    let names = Names::new(low)?;
    let opened = open::open(context, "Testing", true)?;
    let (items, bytes) = opened.chosen(&names);
    context.console.event(&json::start("test", &opened.shown, items, bytes));
    let reporter = Reporter::new(&context.console, 'T', low.log_level, bytes);
    let options = ExtractOptions::new()
        .threads(low.threads.unwrap_or_default())
        .select(move |entry| names.chooses(&entry.name, entry.is_directory()))
        .observer(reporter.clone())
        .cancel_token(context.cancel.clone());
    let result = opened.archive.test(options);
    reporter.finish();
    Ok(open::finish(context, &opened.archive, &result?))
}
