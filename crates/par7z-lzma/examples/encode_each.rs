//! Encodes files each on its own with one encoder, and prints how many bytes they pack to in total:
//! `encode_each NICE_LENGTH CYCLES REPEATS (FILE | DIRECTORY)...`. Without cycles (0), the interval tree finds the matches.
//! Decodes each again with `REPEATS` 0.

use par7z_lzma::{EncoderOptions, Lzma2Decoder, Lzma2Encoder, MatchFinder};
use std::error::Error;
use std::fs;
use std::path::Path;

/// Reads a file, or all below a directory, in the order of their names.
fn read_into(path: &Path, texts: &mut Vec<Vec<u8>>) -> Result<(), Box<dyn Error>> {
    if path.is_dir() {
        let mut inner =
            fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
        inner.sort();
        return inner.iter().try_for_each(|path| read_into(path, texts));
    }
    if path.is_file() {
        texts.push(fs::read(path)?);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [nice_length, cycles, repeats, paths @ ..] = &arguments[..] else {
        return Err("usage: encode_each NICE_LENGTH CYCLES REPEATS (FILE | DIRECTORY)...".into());
    };
    let mut options = EncoderOptions { nice_length: nice_length.parse()?, ..EncoderOptions::default() };
    let cycles: u32 = cycles.parse()?;
    if cycles > 0 {
        options.finder = MatchFinder::BinaryTree { cycles };
    }
    let repeats: u32 = repeats.parse()?;
    let mut texts = Vec::new();
    for path in paths {
        read_into(Path::new(path), &mut texts)?;
    }
    let mut encoder = Lzma2Encoder::new(options)?;
    let mut packed = Vec::new();
    let mut total = 0;
    for _ in 0..repeats.max(1) {
        total = 0;
        for text in &texts {
            packed.clear();
            encoder.encode(text, &mut packed);
            packed.push(0);
            total += packed.len();
            if repeats == 0 {
                let mut unpacked = vec![0; text.len()];
                Lzma2Decoder::new(options.dictionary_bytes, Some(text.len() as u64))
                    .decode_whole(&packed, &mut unpacked)?;
                if unpacked != *text {
                    return Err("other bytes came back".into());
                }
            }
        }
    }
    println!("{} files, {total} bytes", texts.len());
    Ok(())
}
