//! What the encoder packs comes back through this crate's decoder and through `xz`, whose decoder is the strictest about
//! resets; and it does not depend on what was packed before, nor on who packs it.

mod arbitrary;
#[path = "../common/mod.rs"]
mod common;
mod flat;
mod huge;
mod reuse;
mod round_trip;
mod slices;
mod support;

use par7z_lzma::{Encoder, EncoderOptions, MatchFinder, Properties};

#[test]
fn parameters_out_of_range_are_refused() {
    let good = EncoderOptions::default();
    let bad = [
        EncoderOptions { properties: Properties { lc: 9, lp: 0, pb: 0 }, ..good },
        EncoderOptions { properties: Properties { lc: 0, lp: 0, pb: 5 }, ..good },
        EncoderOptions { dictionary_bytes: 4095, ..good },
        EncoderOptions { nice_length: 4, ..good },
        EncoderOptions { nice_length: 274, ..good },
        EncoderOptions { finder: MatchFinder::BinaryTree { cycles: 0 }, ..good },
        EncoderOptions { finder: MatchFinder::HashBuckets { buckets_log2: 25, thorough: true }, ..good },
    ];
    assert!(bad.into_iter().all(|options| Encoder::new(options).is_err()));
}
