//! What a run says: progress, tables, events, numbers.

pub(crate) mod json;
pub(crate) mod plot;
pub(crate) mod progress;
pub(crate) mod table;
pub(crate) mod units;
