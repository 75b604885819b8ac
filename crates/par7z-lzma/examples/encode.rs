//! Encodes a file to raw LZMA2: `encode INPUT OUTPUT [NICE_LENGTH [CYCLES]]`. With cycles, binary trees find the matches.
//! `xz --format=raw --lzma2=dict=32MiB -d` decodes it.

use par7z_lzma::{Encoder, EncoderOptions, MatchFinder, unwatched};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: encode INPUT OUTPUT [NICE_LENGTH [CYCLES]]".into());
    };
    let mut options = EncoderOptions::default();
    if let Some(nice_length) = arguments.next() {
        options.nice_length = nice_length.parse()?;
    }
    if let Some(cycles) = arguments.next() {
        options.finder = MatchFinder::BinaryTree { cycles: cycles.parse()? };
    }
    let mut packed = Vec::new();
    Encoder::new(options)?.encode_lzma2(&std::fs::read(input)?, &mut packed, &mut unwatched)?;
    packed.push(0);
    Ok(std::fs::write(output, packed)?)
}
