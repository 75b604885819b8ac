//! The header's structs and callback types, in Rust. Layouts are the contract: `tests/c/layout.c` checks the C side, the
//! assertions here the Rust side.

use libc::{c_void, wchar_t};

/// COM's result: negative is failure.
pub(crate) type Hresult = i32;
/// A zero-terminated string of the client.
pub(crate) type WideStr = *const wchar_t;
/// What the client wants to see again in its callbacks.
pub(crate) type UserData = *mut c_void;

/// `ParallelInputItemC`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct InputItem {
    pub(crate) data: *const c_void,
    pub(crate) data_size: usize,
    pub(crate) file_path: WideStr,
    pub(crate) name: WideStr,
    pub(crate) size: u64,
    pub(crate) user_data: UserData,
}

pub(crate) type ReadFn = unsafe extern "C" fn(UserData, *mut c_void, u32, *mut u32) -> Hresult;
pub(crate) type CloseFn = unsafe extern "C" fn(UserData);

/// `ParallelItemC`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct FullItem {
    pub(crate) struct_size: u32,
    pub(crate) attributes: u32,
    pub(crate) name: WideStr,
    pub(crate) data: *const c_void,
    pub(crate) data_size: usize,
    pub(crate) file_path: WideStr,
    pub(crate) read: Option<ReadFn>,
    pub(crate) close: Option<CloseFn>,
    pub(crate) user_data: UserData,
    pub(crate) size: u64,
    pub(crate) modification_time: u64,
}

pub(crate) type ProgressFn = unsafe extern "C" fn(u32, u64, u64, UserData);
pub(crate) type ErrorFn = unsafe extern "C" fn(u32, Hresult, WideStr, UserData);
pub(crate) type LookAheadFn = unsafe extern "C" fn(u32, u32, *mut InputItem, *mut u32, UserData) -> Hresult;
pub(crate) type DetailedFn = unsafe extern "C" fn(*const Statistics, UserData);
pub(crate) type ThroughputFn = unsafe extern "C" fn(u64, u64, UserData);

/// `ParallelStatisticsC`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Statistics {
    pub(crate) items_total: u32,
    pub(crate) items_completed: u32,
    pub(crate) items_failed: u32,
    pub(crate) items_in_progress: u32,
    pub(crate) total_in_size: u64,
    pub(crate) total_out_size: u64,
    pub(crate) bytes_per_second: u64,
    pub(crate) files_per_second_x100: u64,
    pub(crate) elapsed_ms: u64,
    pub(crate) remaining_ms: u64,
    pub(crate) compression_ratio_x100: u32,
    pub(crate) active_threads: u32,
}

pub(crate) type NextItemsFn = unsafe extern "C" fn(UserData, u32, u32, *mut FullItem, *mut u32) -> Hresult;
pub(crate) type WriteFn = unsafe extern "C" fn(UserData, *const c_void, u32, *mut u32) -> Hresult;
pub(crate) type SeekFn = unsafe extern "C" fn(UserData, i64, u32, *mut u64) -> Hresult;
pub(crate) type SetSizeFn = unsafe extern "C" fn(UserData, u64) -> Hresult;

pub(crate) const SEGMENT_LAST: u32 = 1;

/// `ParallelSegmentC`.
#[repr(C)]
pub(crate) struct Segment {
    pub(crate) struct_size: u32,
    pub(crate) flags: u32,
    pub(crate) number: u64,
    pub(crate) size: u64,
    pub(crate) read: Option<ReadFn>,
    pub(crate) stream: UserData,
}

pub(crate) type SegmentFn = unsafe extern "C" fn(UserData, *const Segment) -> Hresult;

pub(crate) const EVENT_STARTED: u32 = 1;
pub(crate) const EVENT_PROGRESS: u32 = 2;
pub(crate) const EVENT_FINISHED: u32 = 3;
pub(crate) const EVENT_FAILED: u32 = 4;

/// `ParallelEventC`.
#[repr(C)]
pub(crate) struct Event {
    pub(crate) struct_size: u32,
    pub(crate) kind: u32,
    pub(crate) item_index: u32,
    pub(crate) result: Hresult,
    pub(crate) name: WideStr,
    pub(crate) message: WideStr,
    pub(crate) in_size: u64,
    pub(crate) out_size: u64,
    pub(crate) total_in_size: u64,
    pub(crate) total_out_size: u64,
}

pub(crate) type EventFn = unsafe extern "C" fn(UserData, *const Event) -> Hresult;

/// `ParallelRunC`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RunRequest {
    pub(crate) struct_size: u32,
    pub(crate) num_items: u32,
    pub(crate) items: *const FullItem,
    pub(crate) next_items: Option<NextItemsFn>,
    pub(crate) output_path: WideStr,
    pub(crate) write: Option<WriteFn>,
    pub(crate) seek: Option<SeekFn>,
    pub(crate) set_size: Option<SetSizeFn>,
    pub(crate) on_event: Option<EventFn>,
    pub(crate) user_data: UserData,
}

pub(crate) const ENTRY_DIRECTORY: u32 = 1;
pub(crate) const ENTRY_ENCRYPTED: u32 = 2;
pub(crate) const ENTRY_HAS_CRC: u32 = 4;
pub(crate) const ENTRY_SYMLINK: u32 = 8;

/// `ParallelEntryC`.
#[repr(C)]
pub(crate) struct Entry {
    pub(crate) struct_size: u32,
    pub(crate) flags: u32,
    pub(crate) name: WideStr,
    pub(crate) method: WideStr,
    pub(crate) size: u64,
    pub(crate) packed_size: u64,
    pub(crate) modification_time: u64,
    pub(crate) attributes: u32,
    pub(crate) crc: u32,
}

/// `ParallelExtractC`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ExtractRequest {
    pub(crate) struct_size: u32,
    pub(crate) num_threads: u32,
    pub(crate) overwrite: u32,
    pub(crate) num_indices: u32,
    pub(crate) indices: *const u32,
    pub(crate) on_event: Option<EventFn>,
    pub(crate) user_data: UserData,
}

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<InputItem>() == 48);
    assert!(size_of::<FullItem>() == 80);
    assert!(size_of::<Statistics>() == 72);
    assert!(size_of::<Segment>() == 40);
    assert!(size_of::<Event>() == 64);
    assert!(size_of::<RunRequest>() == 72);
    assert!(size_of::<Entry>() == 56);
    assert!(size_of::<ExtractRequest>() == 40);
};
