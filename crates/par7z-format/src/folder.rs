//! The coder graph of a folder.
//!
//! A folder is a tree: coder 0.. each make **one** output from one or more inputs (only BCJ2 has more than one: four).
//! An input is fed either by another coder's output (a [`Bond`]) or by a packed stream of the archive. Exactly one
//! output is bound to nothing: it is the folder's content. [`Folder::new`] is the only way in, so a value of the type is
//! always such a tree: every input fed exactly once, every output used at most once, no cycle.

use crate::FormatErrorKind;
use std::fmt;

/// The id of a compression method, filter or cipher, as 7-Zip's `Methods.txt` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MethodId(pub u64);

impl MethodId {
    /// No compression.
    pub const COPY: Self = Self(0x00);
    /// Delta filter.
    pub const DELTA: Self = Self(0x03);
    /// x86 branch filter (BCJ), the id of newer writers.
    pub const BCJ: Self = Self(0x04);
    /// PowerPC branch filter, newer id.
    pub const PPC: Self = Self(0x05);
    /// Itanium branch filter, newer id.
    pub const IA64: Self = Self(0x06);
    /// ARM branch filter, newer id.
    pub const ARM: Self = Self(0x07);
    /// ARM Thumb branch filter, newer id.
    pub const ARMT: Self = Self(0x08);
    /// SPARC branch filter, newer id.
    pub const SPARC: Self = Self(0x09);
    /// ARM64 branch filter.
    pub const ARM64: Self = Self(0x0A);
    /// RISC-V branch filter.
    pub const RISCV: Self = Self(0x0B);
    /// LZMA2.
    pub const LZMA2: Self = Self(0x21);
    /// Swaps the bytes of 16-bit words.
    pub const SWAP2: Self = Self(0x02_0302);
    /// Reverses the bytes of 32-bit words.
    pub const SWAP4: Self = Self(0x02_0304);
    /// LZMA.
    pub const LZMA: Self = Self(0x03_0101);
    /// PPMd variant H.
    pub const PPMD: Self = Self(0x03_0401);
    /// x86 branch filter, the id that 7-Zip writes.
    pub const X86_BCJ: Self = Self(0x0303_0103);
    /// x86 branch filter with four packed streams.
    pub const BCJ2: Self = Self(0x0303_011B);
    /// PowerPC branch filter, the id that 7-Zip writes.
    pub const PPC_BCJ: Self = Self(0x0303_0205);
    /// Itanium branch filter, the id that 7-Zip writes.
    pub const IA64_BCJ: Self = Self(0x0303_0401);
    /// ARM branch filter, the id that 7-Zip writes.
    pub const ARM_BCJ: Self = Self(0x0303_0501);
    /// ARM Thumb branch filter, the id that 7-Zip writes.
    pub const ARMT_BCJ: Self = Self(0x0303_0701);
    /// SPARC branch filter, the id that 7-Zip writes.
    pub const SPARC_BCJ: Self = Self(0x0303_0805);
    /// Deflate.
    pub const DEFLATE: Self = Self(0x04_0108);
    /// Deflate64.
    pub const DEFLATE64: Self = Self(0x04_0109);
    /// bzip2.
    pub const BZIP2: Self = Self(0x04_0202);
    /// Zstandard, an id of the 7-Zip ZS family.
    pub const ZSTD: Self = Self(0x04F7_1101);
    /// Brotli, an id of the 7-Zip ZS family.
    pub const BROTLI: Self = Self(0x04F7_1102);
    /// LZ4, an id of the 7-Zip ZS family.
    pub const LZ4: Self = Self(0x04F7_1104);
    /// Lizard's predecessor LZ5, an id of the 7-Zip ZS family.
    pub const LZ5: Self = Self(0x04F7_1105);
    /// Lizard, an id of the 7-Zip ZS family.
    pub const LIZARD: Self = Self(0x04F7_1106);
    /// AES-256 with a key from SHA-256.
    pub const AES: Self = Self(0x06F1_0701);
}

/// The way 7-Zip shows an id: upper-case hexadecimal, two digits per byte, `030101` for LZMA.
impl fmt::Display for MethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let byte_count = (64 - self.0.leading_zeros()).div_ceil(8).max(1) as usize;
        write!(f, "{:0width$X}", self.0, width = 2 * byte_count)
    }
}

/// One step of a folder, as stored: its method, its properties and how many inputs its decoder reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coder {
    /// The method.
    pub method: MethodId,
    /// The number of streams its decoder reads: 1 for all methods but BCJ2 (4).
    pub inputs: u32,
    /// Parameters that the decoder needs, in the method's own layout; empty if it has none.
    pub properties: Box<[u8]>,
}

/// Says that input `input` (numbered over all coders in order) is fed by the output of coder `coder`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bond {
    /// Index of the input, counted over the inputs of all coders in order.
    pub input: u32,
    /// Index of the coder whose output feeds it.
    pub coder: u32,
}

/// What feeds an input of a coder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// The output of the coder of that index.
    Coder(usize),
    /// The folder's packed stream of that index (0 = the folder's first).
    PackStream(usize),
}

/// A validated graph of coders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    coders: Vec<Coder>,
    bonds: Vec<Bond>,
    /// Inputs fed by packed streams, in the order of the packed streams.
    packed_inputs: Vec<u32>,
    /// The coder whose output is the folder's content.
    main: usize,
}

impl Folder {
    /// Checks a graph as stored.
    ///
    /// # Errors
    /// What makes it no tree.
    pub fn new(coders: Vec<Coder>, bonds: Vec<Bond>, packed_inputs: Vec<u32>) -> Result<Self, FormatErrorKind> {
        use FormatErrorKind::Invalid;
        if coders.is_empty() {
            return Err(Invalid("a folder without coders"));
        }
        if coders.iter().any(|coder| coder.inputs == 0) {
            return Err(Invalid("a coder without inputs"));
        }
        if bonds.len() != coders.len() - 1 {
            return Err(Invalid("a folder needs one bond less than it has coders"));
        }
        let input_count: u64 = coders.iter().map(|coder| u64::from(coder.inputs)).sum();
        // Also bounds the allocation below by the size of what was passed.
        if input_count != (bonds.len() + packed_inputs.len()) as u64 {
            return Err(Invalid("an input of a coder that nothing feeds"));
        }
        let mut fed = vec![false; bonds.len() + packed_inputs.len()];
        for input in bonds.iter().map(|bond| bond.input).chain(packed_inputs.iter().copied()) {
            match fed.get_mut(input as usize) {
                Some(is_fed) if !*is_fed => *is_fed = true,
                Some(_) => return Err(Invalid("an input of a coder that is fed twice")),
                None => return Err(Invalid("an input that no coder has")),
            }
        }
        let mut bound = vec![false; coders.len()];
        for bond in &bonds {
            match bound.get_mut(bond.coder as usize) {
                Some(is_bound) if !*is_bound => *is_bound = true,
                Some(_) => return Err(Invalid("an output of a coder that is used twice")),
                None => return Err(Invalid("a bond to no coder")),
            }
        }
        // One bond less than coders, no output used twice: exactly one is free.
        let main = bound.iter().position(|is_bound| !is_bound).ok_or(Invalid("a folder without a free output"))?;
        let folder = Self { coders, bonds, packed_inputs, main };
        if folder.reachable_coders() == folder.coders.len() { Ok(folder) } else { Err(Invalid("a cycle of coders")) }
    }

    /// Coders that the main coder reads from, itself included. Ends on any graph with outputs used at most once: the
    /// main coder's is not, so no coder is met twice.
    fn reachable_coders(&self) -> usize {
        let mut first_inputs = Vec::with_capacity(self.coders.len());
        let mut next_input = 0_u64;
        for coder in &self.coders {
            first_inputs.push(next_input);
            next_input += u64::from(coder.inputs);
        }
        let mut feeders: Vec<Vec<usize>> = vec![Vec::new(); self.coders.len()];
        for bond in &self.bonds {
            let owner = first_inputs.partition_point(|first| *first <= u64::from(bond.input)) - 1;
            feeders[owner].push(bond.coder as usize);
        }
        let mut pending = vec![self.main];
        let mut count = 0;
        while let Some(coder) = pending.pop() {
            count += 1;
            pending.append(&mut feeders[coder]);
        }
        count
    }

    /// A simple chain, in the order in which 7-Zip stores it: the first coder reads the packed stream, each further one
    /// the output of the one before it, and the last one's output is the content. Every coder has one input.
    ///
    /// # Panics
    /// If `coders` is empty or one has several inputs.
    pub fn chain(coders: Vec<Coder>) -> Self {
        assert!(!coders.is_empty(), "a folder needs a coder");
        assert!(coders.iter().all(|coder| coder.inputs == 1), "a coder of a chain has one input");
        let bonds = (1..coders.len() as u32).map(|coder| Bond { input: coder, coder: coder - 1 }).collect();
        let main = coders.len() - 1;
        Self { coders, bonds, packed_inputs: vec![0], main }
    }

    /// The coders.
    pub fn coders(&self) -> &[Coder] {
        &self.coders
    }
    /// The bonds.
    pub fn bonds(&self) -> &[Bond] {
        &self.bonds
    }
    /// Inputs fed by packed streams.
    pub fn packed_inputs(&self) -> &[u32] {
        &self.packed_inputs
    }
    /// Number of packed streams, at least 1.
    pub fn pack_stream_count(&self) -> usize {
        self.packed_inputs.len()
    }
    /// The coder whose output is the content.
    pub fn main_coder(&self) -> usize {
        self.main
    }
    /// What feeds input `input` (0-based within that coder) of coder `coder`.
    ///
    /// # Panics
    /// If there is no such coder, or it has no such input.
    pub fn feed(&self, coder: usize, input: usize) -> Feed {
        assert!(input < self.coders[coder].inputs as usize, "coder {coder} has no input {input}");
        let inputs_before: usize = self.coders[..coder].iter().map(|earlier| earlier.inputs as usize).sum();
        let wanted = inputs_before + input;
        if let Some(bond) = self.bonds.iter().find(|bond| bond.input as usize == wanted) {
            return Feed::Coder(bond.coder as usize);
        }
        let stream = self.packed_inputs.iter().position(|packed| *packed as usize == wanted);
        Feed::PackStream(stream.expect("`Folder::new` saw that every input is fed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coder(inputs: u32) -> Coder {
        Coder { method: MethodId::COPY, inputs, properties: Box::default() }
    }

    fn bonds(pairs: &[(u32, u32)]) -> Vec<Bond> {
        pairs.iter().map(|&(input, coder)| Bond { input, coder }).collect()
    }

    #[test]
    fn ids_print_like_7zip() {
        assert_eq!(MethodId::COPY.to_string(), "00");
        assert_eq!(MethodId::LZMA2.to_string(), "21");
        assert_eq!(MethodId::LZMA.to_string(), "030101");
        assert_eq!(MethodId::BCJ2.to_string(), "0303011B");
        assert_eq!(MethodId(u64::MAX).to_string(), "FFFFFFFFFFFFFFFF");
    }

    #[test]
    fn a_chain_is_valid() {
        for length in 1..5 {
            let chain = Folder::chain(vec![coder(1); length]);
            let checked = Folder::new(chain.coders.clone(), chain.bonds.clone(), chain.packed_inputs.clone());
            assert_eq!(checked, Ok(chain.clone()));
            assert_eq!(chain.feed(0, 0), Feed::PackStream(0));
            assert!((1..length).all(|index| chain.feed(index, 0) == Feed::Coder(index - 1)));
            assert_eq!(chain.main_coder(), length - 1);
        }
    }

    #[test]
    fn the_bcj2_graph_of_7zip() {
        // Coder 0 is BCJ2 (inputs 0 to 3); 1, 2 and 3 feed its first three inputs.
        let coders = vec![coder(4), coder(1), coder(1), coder(1)];
        let folder = Folder::new(coders, bonds(&[(0, 1), (1, 2), (2, 3)]), vec![4, 5, 6, 3]).unwrap();
        assert_eq!(folder.main_coder(), 0);
        assert_eq!(folder.pack_stream_count(), 4);
        assert_eq!(folder.feed(0, 1), Feed::Coder(2));
        assert_eq!(folder.feed(0, 3), Feed::PackStream(3));
        assert_eq!(folder.feed(3, 0), Feed::PackStream(2));
    }

    #[test]
    fn the_main_coder_may_be_the_last() {
        let folder = Folder::new(vec![coder(1), coder(1)], bonds(&[(1, 0)]), vec![0]).unwrap();
        assert_eq!(folder.main_coder(), 1);
        assert_eq!(folder.feed(1, 0), Feed::Coder(0));
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let refused = |inputs: &[u32], pairs: &[(u32, u32)], packed: &[u32]| {
            let coders = inputs.iter().map(|&count| coder(count)).collect();
            Folder::new(coders, bonds(pairs), packed.to_vec()).unwrap_err()
        };
        let invalid = FormatErrorKind::Invalid;
        assert_eq!(refused(&[], &[], &[]), invalid("a folder without coders"));
        assert_eq!(refused(&[0], &[], &[]), invalid("a coder without inputs"));
        assert_eq!(refused(&[1], &[], &[]), invalid("an input of a coder that nothing feeds"));
        assert_eq!(refused(&[u32::MAX], &[], &[0]), invalid("an input of a coder that nothing feeds"));
        assert_eq!(refused(&[1], &[], &[1]), invalid("an input that no coder has"));
        assert_eq!(refused(&[2], &[], &[0, 0]), invalid("an input of a coder that is fed twice"));
        assert_eq!(refused(&[1, 1], &[], &[0, 1]), invalid("a folder needs one bond less than it has coders"));
        assert_eq!(refused(&[1, 1], &[(0, 2)], &[1]), invalid("a bond to no coder"));
        assert_eq!(refused(&[2, 1, 1], &[(0, 1), (1, 1)], &[2, 3]), invalid("an output of a coder that is used twice"));
        assert_eq!(refused(&[1, 1], &[(1, 1)], &[0]), invalid("a cycle of coders"));
        assert_eq!(refused(&[1, 1, 1], &[(1, 2), (2, 1)], &[0]), invalid("a cycle of coders"));
    }
}
