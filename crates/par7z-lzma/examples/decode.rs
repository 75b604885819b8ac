//! Decodes a file of raw LZMA2 as `encode` writes it: `decode INPUT OUTPUT`. Dictionaries may have up to 256 MiB.

use par7z_lzma::Lzma2Decoder;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: decode INPUT OUTPUT".into());
    };
    let packed = std::fs::read(input)?;
    let mut decoder = Lzma2Decoder::new(256 << 20, None);
    let (mut unpacked, mut used, mut piece) = (Vec::new(), 0, vec![0; 1 << 20]);
    loop {
        let progress = decoder.decode(&packed[used..], &mut piece)?;
        used += progress.consumed;
        unpacked.extend_from_slice(&piece[..progress.produced]);
        if progress.finished {
            return Ok(std::fs::write(output, unpacked)?);
        }
        if progress.consumed == 0 && progress.produced == 0 {
            return Err("the input is cut off".into());
        }
    }
}
