//! Encodes a file to raw LZMA2: `encode INPUT OUTPUT NICE CYCLES DICTIONARY_LOG2`.
use par7z_lzma::{Lzma2Encoder, Options, Properties};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |index: usize, default: u32| args.get(index).map_or(default, |text| text.parse().expect("a number"));
    let text = std::fs::read(&args[1]).expect("the input is readable");
    let options = Options {
        properties: Properties::default(),
        dictionary_bytes: 1 << number(5, 25),
        nice_length: number(3, 32),
        cycles: number(4, 32),
    };
    let mut encoder = Lzma2Encoder::new(options);
    let mut out = Vec::new();
    encoder.encode(&text, &mut out);
    out.push(0);
    std::fs::write(&args[2], out).expect("the output is writable");
}
