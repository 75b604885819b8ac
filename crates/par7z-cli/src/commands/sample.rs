//! The benchmark's own data: made from a fixed seed, so that every machine compresses the same bytes.
//!
//! A quarter each of prose-like text (words by Zipf's law), log lines, small binary records and noise. Levels differ
//! on it about as they do on a backup of documents; it is no measure of what your own data packs to.

/// A small generator with a good enough spread (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// 0 to `end`, small ones much more often.
    fn skewed(&mut self, end: u64) -> usize {
        let uniform = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((end as f64).powf(uniform) - 1.0) as usize
    }
}

/// `size` bytes.
pub(super) fn data(size: usize) -> Vec<u8> {
    const BLOCK: usize = 64 << 10;
    let mut random = Random(7);
    let words: Vec<String> = (0..8000).map(|_| word(&mut random)).collect();
    let mut out = Vec::with_capacity(size + BLOCK);
    while out.len() < size {
        let end = out.len() + BLOCK;
        match random.below(4) {
            0 => prose(&mut random, &words, end, &mut out),
            1 => log(&mut random, &words, end, &mut out),
            2 => records(&mut random, end, &mut out),
            _ => noise(&mut random, end, &mut out),
        }
    }
    out.truncate(size);
    out
}

fn word(random: &mut Random) -> String {
    const SYLLABLES: [&str; 16] =
        ["ta", "re", "mi", "no", "lu", "son", "ver", "al", "den", "qui", "po", "sta", "en", "th", "or", "ing"];
    let count = 1 + random.below(4);
    (0..count).map(|_| SYLLABLES[random.below(16) as usize]).collect()
}

fn prose(random: &mut Random, words: &[String], end: usize, out: &mut Vec<u8>) {
    while out.len() < end {
        for _ in 0..4 + random.below(12) {
            out.extend_from_slice(words[random.skewed(words.len() as u64)].as_bytes());
            out.push(b' ');
        }
        out.extend_from_slice(b". ");
    }
}

fn log(random: &mut Random, words: &[String], end: usize, out: &mut Vec<u8>) {
    let mut time = random.below(1 << 30);
    while out.len() < end {
        time += random.below(900);
        let (code, took) = ([200, 200, 200, 304, 404][random.below(5) as usize], random.below(5000));
        let (path, file) = (&words[random.skewed(300)], &words[random.skewed(3000)]);
        out.extend_from_slice(format!("{time:012} GET /{path}/{file}.html {code} {took}us\n").as_bytes());
    }
}

fn records(random: &mut Random, end: usize, out: &mut Vec<u8>) {
    let (mut id, mut value) = (0_u32, 0_u16);
    while out.len() < end {
        id = id.wrapping_add(1);
        value = value.wrapping_add((random.below(64) as u16).wrapping_sub(32));
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(&value.to_le_bytes());
        out.extend_from_slice(&[0, 0, random.below(3) as u8, 0xff]);
    }
}

fn noise(random: &mut Random, end: usize, out: &mut Vec<u8>) {
    // A fifth of the block: archives hold some data that does not pack, not a quarter of it.
    let end = out.len() + (end - out.len()) / 5;
    while out.len() < end {
        out.extend_from_slice(&random.next().to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_each_time() {
        let once = data(300_000);
        assert_eq!(once.len(), 300_000);
        assert_eq!(once, data(300_000));
        assert_eq!(once[..1000], data(1000)[..]);
    }
}
