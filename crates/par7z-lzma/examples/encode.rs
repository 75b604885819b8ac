//! Encodes a file to raw LZMA2: `encode INPUT OUTPUT [LEVEL [NICE_LENGTH]]`, level 5 unless given.
//! `xz --format=raw --lzma2=dict=256MiB -dc OUTPUT` decodes it.

use par7z_lzma::{Encoder, EncoderOptions, unwatched};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: encode INPUT OUTPUT [LEVEL [NICE_LENGTH]]".into());
    };
    let level = arguments.next().map_or(Ok(5), |level| level.parse())?;
    let mut options = EncoderOptions::level(level)?;
    if let Some(nice_length) = arguments.next() {
        options.nice_length = nice_length.parse()?;
    }
    let mut packed = Vec::new();
    Encoder::new(options)?.encode_lzma2(&std::fs::read(input)?, &mut packed, &mut unwatched)?;
    packed.push(0);
    Ok(std::fs::write(output, packed)?)
}
