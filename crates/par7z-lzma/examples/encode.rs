//! Encodes a file to raw LZMA2: `encode INPUT OUTPUT [NICE_LENGTH [CYCLES [DICTIONARY_LOG2]]]`. With cycles, binary trees find
//! the matches; with a dictionary too, hash chains for the fast parser. `encode INPUT OUTPUT level N` is a fast level.
//! `xz --format=raw --lzma2=dict=32MiB -d` decodes it.

use par7z_lzma::{EncoderOptions, Lzma2Encoder, MatchFinder, Parser};
use std::error::Error;

/// Dictionary (log2), nice length, cycles of levels 1 to 4.
const FAST_LEVELS: [(u32, u32, u32); 4] = [(20, 32, 8), (20, 32, 16), (22, 32, 16), (24, 32, 16)];

fn fast(dictionary_log2: u32, nice_length: u32, cycles: u32) -> EncoderOptions {
    EncoderOptions {
        dictionary_bytes: 1 << dictionary_log2,
        nice_length,
        finder: MatchFinder::HashChain { cycles },
        parser: Parser::Fast,
        ..EncoderOptions::default()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [input, output, rest @ ..] = &arguments[..] else {
        return Err("usage: encode INPUT OUTPUT [NICE_LENGTH [CYCLES [DICTIONARY_LOG2]] | level N]".into());
    };
    let mut options = EncoderOptions::default();
    match *rest {
        [] => {}
        ["level", level] => {
            let row = FAST_LEVELS.get(level.parse::<usize>()?.wrapping_sub(1)).ok_or("levels are 1 to 4")?;
            options = fast(row.0, row.1, row.2);
        }
        [nice_length] => options.nice_length = nice_length.parse()?,
        [nice_length, cycles] => {
            options.nice_length = nice_length.parse()?;
            options.finder = MatchFinder::BinaryTree { cycles: cycles.parse()? };
        }
        [nice_length, cycles, dictionary_log2, ..] => {
            options = fast(dictionary_log2.parse()?, nice_length.parse()?, cycles.parse()?);
        }
    }
    let mut packed = Vec::new();
    Lzma2Encoder::new(options)?.encode(&std::fs::read(input)?, &mut packed);
    packed.push(0);
    Ok(std::fs::write(output, packed)?)
}
