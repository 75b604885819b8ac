//! `l`: the table, the technical listing, or JSON.

use super::{Context, open};
use crate::exit::{Exit, Failure};
use crate::report::json;
use crate::report::table::{self, Fields, Sums};
use crate::scan::Names;
use jiff::tz::TimeZone;
use par7z::EntryInfo;

/// Runs `l`.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let low = &context.low;
    let names = Names::new(low)?;
    let opened = open::open(context, "Listing", false)?;
    let entries = opened.archive.entries();
    let chosen: Vec<&EntryInfo> =
        entries.iter().filter(|entry| names.chooses(&entry.name, entry.is_directory())).collect();
    if low.json {
        chosen.iter().for_each(|entry| context.console.event(&json::entry(entry)));
        return Ok(Exit::Ok);
    }
    let zone = TimeZone::system();
    if low.technical {
        technical(context, &chosen, Fields::of(entries), &zone);
    } else {
        plain(context, &chosen, &zone);
    }
    Ok(Exit::Ok)
}

fn technical(context: &Context, chosen: &[&EntryInfo], fields: Fields, zone: &TimeZone) {
    if !context.low.bare {
        context.console.line("----------");
    }
    for entry in chosen {
        context.console.line(&table::technical(entry, fields, zone));
    }
}

fn plain(context: &Context, chosen: &[&EntryInfo], zone: &TimeZone) {
    let console = &context.console;
    let mut sums = Sums::default();
    if !context.low.bare {
        console.line(&table::head());
    }
    for entry in chosen {
        sums.add(entry);
        console.line(&table::row(entry, zone));
    }
    if !context.low.bare {
        console.line(&table::foot(&sums, zone));
    }
}
