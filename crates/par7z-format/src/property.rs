//! The ids that introduce every part of a header, in one table.
//!
//! An id is stored as a 7z number. Inside the file table each one is followed by the size of its data, elsewhere only
//! the ids that a reader may skip are.

/// Ends the list that it stands in.
pub(crate) const END: u64 = 0x00;
/// A plain header.
pub(crate) const HEADER: u64 = 0x01;
/// Properties of the whole archive; nobody writes any.
pub(crate) const ARCHIVE_PROPERTIES: u64 = 0x02;
/// Streams that hold parts of the header ("external" data); nobody writes any.
pub(crate) const ADDITIONAL_STREAMS_INFO: u64 = 0x03;
/// Packed streams and folders.
pub(crate) const MAIN_STREAMS_INFO: u64 = 0x04;
/// The entries.
pub(crate) const FILES_INFO: u64 = 0x05;
/// Place and sizes of the packed streams.
pub(crate) const PACK_INFO: u64 = 0x06;
/// The folders.
pub(crate) const UNPACK_INFO: u64 = 0x07;
/// What is inside the folders.
pub(crate) const SUB_STREAMS_INFO: u64 = 0x08;
/// Sizes of packed streams or substreams.
pub(crate) const SIZE: u64 = 0x09;
/// CRC-32s of packed streams, folders or substreams.
pub(crate) const CRC: u64 = 0x0A;
/// The coder graphs.
pub(crate) const FOLDER: u64 = 0x0B;
/// Output sizes of all coders.
pub(crate) const CODERS_UNPACK_SIZE: u64 = 0x0C;
/// Substreams per folder.
pub(crate) const NUM_UNPACK_STREAM: u64 = 0x0D;
/// Which entries have no stream.
pub(crate) const EMPTY_STREAM: u64 = 0x0E;
/// Which entries without a stream are files, not directories.
pub(crate) const EMPTY_FILE: u64 = 0x0F;
/// Which entries without a stream are anti-items.
pub(crate) const ANTI: u64 = 0x10;
/// Names.
pub(crate) const NAMES: u64 = 0x11;
/// Creation times.
pub(crate) const CREATION_TIME: u64 = 0x12;
/// Times of last access.
pub(crate) const ACCESS_TIME: u64 = 0x13;
/// Times of last modification.
pub(crate) const MODIFICATION_TIME: u64 = 0x14;
/// Windows attributes, with a unix mode in the high half.
pub(crate) const ATTRIBUTES: u64 = 0x15;
/// An encoded header.
pub(crate) const ENCODED_HEADER: u64 = 0x17;
/// Start positions of the parts of a file; obsolete.
pub(crate) const START_POSITION: u64 = 0x18;
/// Zeros that align what follows.
pub(crate) const DUMMY: u64 = 0x19;
