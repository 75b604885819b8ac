//! What is packed has exactly the size that it had: a finder that loses matches, or a parser that chooses badly, still gives
//! streams that decode. A size is the same on every platform. Who makes the encoder better on purpose brings the table up
//! to date; that a size changes where it should not, smaller or larger, is a mistake.

use par7z_lzma::{Encoder, EncoderOptions, unwatched};

/// Numbers that look like chance, the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % end
    }
}

/// Lines of words, some often and some seldom, with numbers.
fn prose(len: usize) -> Vec<u8> {
    let mut chance = Chance(1);
    let words: Vec<String> = (0..2000)
        .map(|_| {
            (0..2 + chance.below(9)).map(|_| char::from(b'a' + chance.below(26).min(chance.below(26)) as u8)).collect()
        })
        .collect();
    let mut text = Vec::new();
    while text.len() < len {
        for _ in 0..3 + chance.below(9) {
            let rank = chance.below(2000).min(chance.below(2000)).min(chance.below(2000));
            text.extend_from_slice(words[rank as usize].as_bytes());
            text.push(b' ');
        }
        text.extend_from_slice(format!("{}\n", chance.below(5000)).as_bytes());
    }
    text.truncate(len);
    text
}

/// Records of fixed length with fields that change slowly, as tables and programs have them.
fn records(len: usize) -> Vec<u8> {
    let mut chance = Chance(2);
    let (mut address, mut text) = (0x40_0000_u32, Vec::new());
    while text.len() < len {
        address += chance.below(64) * 4;
        text.extend_from_slice(&address.to_le_bytes());
        text.extend_from_slice(&(chance.below(16) as u16).to_le_bytes());
        text.extend_from_slice(&[0, chance.below(3) as u8]);
        text.extend_from_slice(&(chance.below(200) * chance.below(200)).to_le_bytes());
    }
    text.truncate(len);
    text
}

#[test]
fn everything_packs_to_the_size_that_it_did() {
    // In the order of the levels: for texts of 30 KB, 100 KB and 600 KB, each finder's, and of more than 1 MiB, from which on
    // the parser has other margins.
    const LEVELS: [u32; 5] = [1, 3, 4, 5, 9];
    type Text = (&'static str, fn(usize) -> Vec<u8>, usize, [usize; 5]);
    const TEXTS: [Text; 8] = [
        ("prose", prose, 30_000, [13_005, 13_005, 13_005, 12_641, 12_603]),
        ("prose", prose, 100_000, [37_853, 37_635, 37_635, 36_225, 36_059]),
        ("prose", prose, 600_000, [210_897, 209_547, 209_480, 198_135, 196_813]),
        ("prose", prose, 1_200_000, [418_111, 415_212, 415_044, 389_038, 387_542]),
        ("records", records, 30_000, [13_402, 13_402, 13_402, 12_361, 12_069]),
        ("records", records, 100_000, [44_366, 44_331, 44_331, 39_716, 39_128]),
        ("records", records, 600_000, [267_083, 267_833, 267_820, 234_045, 234_013]),
        ("records", records, 1_200_000, [535_416, 538_546, 538_519, 467_704, 467_759]),
    ];
    let mut changed = Vec::new();
    for (name, make, len, known) in TEXTS {
        let text = make(len);
        let sizes = LEVELS.map(|level| {
            let options = EncoderOptions::level(level).expect("1 to 9");
            let mut packed = Vec::new();
            let encoded = Encoder::new(options).expect("valid").encode_lzma2(&text, &mut packed, &mut unwatched);
            encoded.expect("never stopped");
            packed.len()
        });
        println!("{name}, {len}: {sizes:?}");
        for ((level, size), known) in LEVELS.into_iter().zip(sizes).zip(known) {
            if size != known {
                let verdict = if size > known { "worse" } else { "better" };
                changed.push(format!("level {level}, {name} of {len} bytes: {size} bytes, {verdict} than {known}"));
            }
        }
    }
    assert!(
        changed.is_empty(),
        "the encoder changed; if it got better on purpose, bring the table up to date: {changed:#?}"
    );
}
