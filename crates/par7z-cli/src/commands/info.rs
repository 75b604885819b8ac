//! `i`: what this build can do.

use super::Context;
use crate::exit::{Exit, Failure};
use serde_json::json;

/// Runs `i`.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let console = &context.console;
    console.line("\nFormats:\n   C...F..........c.a.m+..  7z       7z            7 z BC AF ' 1C\n\nCodecs:");
    for codec in par7z::codecs() {
        let encodes = if codec.writes { 'E' } else { ' ' };
        let decodes = if codec.reads { 'D' } else { ' ' };
        console.line(&format!("    {encodes}{decodes} {:>9X} {}", codec.id, codec.name));
        console.event(&json!({"event": "codec", "id": format!("{:X}", codec.id), "name": codec.name,
                              "reads": codec.reads, "writes": codec.writes}));
    }
    console.line("\nHashers:\n      4        1 CRC32\n     32        A SHA256");
    Ok(Exit::Ok)
}
