//! Tells content that no method here can shrink (photos, films, archives, ciphertext) from the rest, at a small part of
//! what trying would cost.
//!
//! Two things make content shrink: symbols that are not equally frequent or repeat nearby, and repeats far apart. The
//! first shows in samples: Deflate at a fast level has to save something on one of them. The second does not, so all of
//! the content is looked through for repeats: at about every 256th place, chosen by the content itself so that copies
//! choose the same places, 8 bytes are compared with the last ones that had the same hash.
//!
//! The answer is `true` only if both find nothing, so a wrong one costs under a percent of the size.

use flate2::{Compress, Compression, FlushCompress, Status};

/// The fastest level that makes its own Huffman codes.
const LEVEL: Compression = Compression::new(2);
/// Below this the encoder is as fast as the probe.
const MIN_BYTES: usize = 32 << 10;
/// One sample.
const SAMPLE_BYTES: usize = 16 << 10;
/// Samples, spread evenly.
const SAMPLES: usize = 5;
/// A sample shrinks if this much in a thousand is saved.
const SAVED_PER_MILLE: usize = 2;
/// One place in 2^8 is compared.
const PLACE_BITS: u32 = 8;
/// Entries of the table of places seen.
const TABLE_LOG2: u32 = 16;
/// Repeats at one in so many places looked at are no accident.
const PLACES_PER_REPEAT: usize = 200;
/// Odd and without a pattern (the golden ratio of 2^64): multiplying by it mixes all bytes into the top bits.
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// Whether encoding `content` would be in vain.
pub(crate) fn is_incompressible(content: &[u8]) -> bool {
    content.len() >= MIN_BYTES && !a_sample_shrinks(content) && !repeats(content)
}

fn a_sample_shrinks(content: &[u8]) -> bool {
    let last = content.len() - SAMPLE_BYTES;
    let samples = (0..SAMPLES).map(|number| {
        let start = last / (SAMPLES - 1) * number;
        &content[start..start + SAMPLE_BYTES]
    });
    // Text and programs, nearly all there is, are told by their frequent bytes at once.
    if samples.clone().any(has_frequent_bytes) {
        return true;
    }
    let mut packed = vec![0; SAMPLE_BYTES];
    samples.into_iter().any(|sample| {
        let mut deflate = Compress::new(LEVEL, false);
        let enough = SAMPLE_BYTES - SAMPLE_BYTES * SAVED_PER_MILLE / 1000;
        // It ends within so much room, or it does not shrink.
        matches!(deflate.compress(sample, &mut packed[..enough], FlushCompress::Finish), Ok(Status::StreamEnd))
    })
}

/// Whether the 32 most frequent bytes make up over a fifth of the sample; if all are equally frequent, an eighth.
fn has_frequent_bytes(sample: &[u8]) -> bool {
    let mut counts = [0u32; 256];
    for &byte in sample {
        counts[usize::from(byte)] += 1;
    }
    counts.select_nth_unstable_by(31, |a, b| b.cmp(a));
    counts[..32].iter().sum::<u32>() as usize > sample.len() / 5
}

fn repeats(content: &[u8]) -> bool {
    let mut seen = vec![0u64; 1 << TABLE_LOG2];
    let (mut places, mut repeats) = (0usize, 0usize);
    let mut window = 0u64;
    for &byte in content {
        window = window << 8 | u64::from(byte);
        let mixed = window.wrapping_mul(MIX);
        if mixed >> (64 - PLACE_BITS) == 0 {
            let slot = &mut seen[(mixed >> (64 - PLACE_BITS - TABLE_LOG2)) as usize];
            places += 1;
            repeats += usize::from(*slot == window);
            *slot = window;
        }
    }
    repeats * PLACES_PER_REPEAT > places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 1u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(bytes).collect()
    }

    #[test]
    fn noise_is_incompressible() {
        assert!(is_incompressible(&noise(MIN_BYTES)));
        assert!(is_incompressible(&noise(3_000_000)));
    }

    #[test]
    fn small_content_is_always_tried() {
        assert!(!is_incompressible(&noise(MIN_BYTES - 1)));
        assert!(!is_incompressible(&[]));
    }

    #[test]
    fn text_and_zeros_shrink() {
        assert!(!is_incompressible(&[0; 100_000]));
        assert!(!is_incompressible("all work and no play ".repeat(9000).as_bytes()));
    }

    #[test]
    fn a_compressible_part_is_noticed() {
        let mut content = noise(1_000_000);
        content[400_000..700_000].fill(b'x');
        assert!(!is_incompressible(&content));
    }

    #[test]
    fn repeats_far_apart_are_noticed() {
        let half = noise(1_000_000);
        let mut content = half.clone();
        content.extend(noise(2_000_001).split_off(1_000_001));
        assert!(is_incompressible(&content));
        // Shifted by an odd number: places are chosen by content, not by position.
        content.extend_from_slice(&half[77..]);
        assert!(!is_incompressible(&content));
    }

    #[test]
    fn skewed_bytes_shrink() {
        // Each byte has 7.9 bits: a sample saves 1 %.
        let skewed: Vec<u8> = noise(200_000).into_iter().map(|byte| byte.saturating_sub(8)).collect();
        assert!(!is_incompressible(&skewed));
    }
}
