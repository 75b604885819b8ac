//! Random changes to seeds: the usual handful, from a seeded generator, so that a run can be repeated.

/// Values at which parsers go wrong.
const INTERESTING: [u64; 12] =
    [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 62, u64::MAX];

/// Inputs are not grown beyond this.
const MAX_BYTES: usize = 1 << 18;

pub struct Mutator {
    state: u64,
}

impl Mutator {
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    /// xorshift64*.
    fn random(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 to `bound - 1`; 0 for a bound of 0.
    fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { ((self.random() >> 16) % bound as u64) as usize }
    }

    /// A seed with 1 to 6 changes.
    pub fn next(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds.get(self.below(seeds.len())).cloned().unwrap_or_default();
        for _ in 0..=self.below(6) {
            self.change(&mut input, seeds);
        }
        input.truncate(MAX_BYTES);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.place(input.len());
        let length = self.below(16.min(input.len() - at) + 1);
        match self.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.random() as u8,
            2 if at < input.len() => input[at] = input[at].wrapping_add(self.below(9) as u8).wrapping_sub(4),
            3 => {
                let value = INTERESTING[self.below(INTERESTING.len())].to_le_bytes();
                let width = (1usize << self.below(4)).min(input.len() - at);
                input[at..at + width].copy_from_slice(&value[..width]);
            }
            4 => drop(input.drain(at..at + length)),
            5 => {
                let bytes: Vec<u8> = (0..length).map(|_| self.random() as u8).collect();
                input.splice(at..at, bytes);
            }
            6 => {
                let copy = input[at..at + length].to_vec();
                let to = self.place(input.len());
                input.splice(to..to, copy);
            }
            7 if self.below(4) == 0 => input.truncate(at),
            _ => {
                let Some(other) = seeds.get(self.below(seeds.len())) else { return };
                let from = self.place(other.len());
                let piece = &other[from..other.len().min(from + 64)];
                let end = input.len().min(at + piece.len());
                input.splice(at..end, piece.iter().copied());
            }
        }
    }

    /// A position, more often than not near one of the ends: that is where headers are.
    fn place(&mut self, length: usize) -> usize {
        match self.below(3) {
            0 => self.below(length + 1),
            1 => self.below(64.min(length + 1)),
            _ => length - self.below(256.min(length + 1)),
        }
    }
}
