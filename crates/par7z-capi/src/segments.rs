//! Volumes for the client's function: each is lent to it for the time of the call, as a stream that it reads.

use crate::abi::{self, Hresult, SegmentFn, UserData};
use crate::border;
use crate::door::enter;
use crate::events::{self, User};
use crate::failure::{CallbackError, S_OK};
use libc::c_void;
use par7z::storage::{Segment, SegmentConsumer};
use std::io::{self, Read};

/// What a volume that is being made may take in memory, unless the client says otherwise.
const DEFAULT_MEMORY_BYTES: usize = 64 << 20;

/// The client's function, and what it is set with.
#[derive(Clone, Copy)]
pub(crate) struct SegmentCallback {
    function: SegmentFn,
    user: User,
    pub(crate) memory_bytes: usize,
}

impl SegmentCallback {
    /// `memory_bytes` 0: the default.
    pub(crate) fn new(function: SegmentFn, user: User, memory_bytes: u64) -> Self {
        let memory_bytes = match memory_bytes {
            0 => DEFAULT_MEMORY_BYTES,
            bytes => usize::try_from(bytes).unwrap_or(usize::MAX),
        };
        Self { function, user, memory_bytes }
    }
}

/// Hands the volumes of one run to the client.
pub(crate) struct ClientSegments {
    pub(crate) callback: SegmentCallback,
    /// Whose run it is.
    pub(crate) owner: u64,
}

impl SegmentConsumer for ClientSegments {
    fn segment(&mut self, mut segment: Segment<'_>) -> io::Result<()> {
        let SegmentCallback { function, user, .. } = self.callback;
        let lent = abi::Segment {
            struct_size: size_of::<abi::Segment>() as u32,
            flags: if segment.is_last() { abi::SEGMENT_LAST } else { 0 },
            number: segment.number(),
            size: segment.size_bytes(),
            read: Some(read_segment),
            stream: (&raw mut segment).cast(),
        };
        // SAFETY: the client gave the function for this. `lent` and the segment that it points to live as long as the call,
        // and nothing else touches the segment meanwhile.
        let call = || unsafe { function(user.0, &raw const lent) };
        CallbackError::check("the segment callback failed", events::within(self.owner, call))
    }
}

/// `Read` of a `ParallelSegmentC`.
///
/// # Safety
/// `stream` is that of a segment whose callback has not returned, and no other thread reads it; `data` has room for `size`
/// bytes; `processed` is NULL or a place for a result.
unsafe extern "C" fn read_segment(stream: UserData, data: *mut c_void, size: u32, processed: *mut u32) -> Hresult {
    enter(|| {
        // SAFETY: the caller's promise; it is a Segment that lives as long as the callback, lent to one reader.
        let segment = unsafe { border::reference_mut(stream.cast::<Segment<'_>>(), "the segment's stream")? };
        // SAFETY: the caller's promise.
        let processed = unsafe { border::place(processed, "the place for the number of bytes")? };
        processed.write(0);
        if size == 0 {
            return Ok(S_OK);
        }
        // SAFETY: the caller's promise.
        let room = unsafe { border::room(data.cast::<u8>(), size as usize, "the place for the bytes")? };
        let count = segment.read(room).map_err(|error| par7z::Error::io("cannot read the volume", error))?;
        processed.write(count as u32);
        Ok(S_OK)
    })
}
