//! `ParallelStreamQueue_*`. What each does stands in the header; here arguments are checked.

use crate::abi::{FullItem, Hresult, InputItem, RunRequest, UserData, WideStr};
use crate::border;
use crate::compressor_api::{output_path, request_parts};
use crate::door::{self, enter};
use crate::failure::{Failure, S_OK};
use crate::handles;
use crate::queue::Queue;
use crate::run::Outcome;
use crate::sink::Target;
use libc::c_void;

type Handle = *mut c_void;

#[unsafe(no_mangle)]
extern "C" fn ParallelStreamQueue_Create() -> Handle {
    door::enter_or(|| Ok(handles::insert(Queue::new())), |_| std::ptr::null_mut())
}

#[unsafe(no_mangle)]
extern "C" fn ParallelStreamQueue_Destroy(handle: Handle) {
    let destroy = || {
        if let Some(queue) = handles::remove_if::<Queue>(handle, |_| true) {
            queue.close();
        }
        Ok(())
    };
    door::enter_or(destroy, |_| ());
}

#[unsafe(no_mangle)]
extern "C" fn ParallelStreamQueue_GetCompressor(handle: Handle) -> Handle {
    door::enter_or(|| Ok(handles::get::<Queue>(handle)?.compressor_handle()), |_| std::ptr::null_mut())
}

#[unsafe(no_mangle)]
extern "C" fn ParallelStreamQueue_SetMaxQueueSize(handle: Handle, max_items: u32) -> Hresult {
    enter(|| handles::get::<Queue>(handle)?.set_max_items(max_items).map(|()| S_OK))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelStreamQueue_AddStream(
    handle: Handle,
    data: *const c_void,
    data_size: usize,
    name: WideStr,
) -> Hresult {
    enter(|| {
        let queue = handles::get::<Queue>(handle)?;
        if data.is_null() {
            return Err(Failure::invalid("the data is NULL"));
        }
        let (file_path, user_data): (WideStr, UserData) = (std::ptr::null(), std::ptr::null_mut());
        let item = InputItem { data, data_size, file_path, name, size: 0, user_data };
        // SAFETY: the client's promise; without a Close callback everything is copied.
        unsafe { queue.add(&item.in_full()) }.map(|()| S_OK)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelStreamQueue_AddItem(handle: Handle, item: *const FullItem) -> Hresult {
    enter(|| {
        let queue = handles::get::<Queue>(handle)?;
        // SAFETY: the client's promise.
        unsafe { queue.add(border::reference(item, "the item")?) }.map(|()| S_OK)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelStreamQueue_StartProcessing(handle: Handle, path: WideStr) -> Hresult {
    enter(|| {
        let queue = handles::get::<Queue>(handle)?;
        // SAFETY: the client's promise.
        let target = unsafe { output_path(path)? }.map_or(Target::Nowhere, Target::Place);
        queue.start(target, None).map(|()| S_OK)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelStreamQueue_Start(handle: Handle, request: *const RunRequest) -> Hresult {
    enter(|| {
        let queue = handles::get::<Queue>(handle)?;
        // SAFETY: the client's promise.
        let (request, target, on_event) = unsafe { request_parts(request, queue.compressor().runs().owner())? };
        if request.num_items != 0 || request.next_items.is_some() {
            return Err(Failure::invalid("a queue's items come through AddStream and AddItem: NumItems is not 0"));
        }
        queue.start(target, on_event).map(|()| S_OK)
    })
}

#[unsafe(no_mangle)]
extern "C" fn ParallelStreamQueue_WaitForCompletion(handle: Handle) -> Hresult {
    enter(|| handles::get::<Queue>(handle)?.wait_for_completion().map(Outcome::tell))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelStreamQueue_GetStatus(
    handle: Handle,
    processed: *mut u32,
    failed: *mut u32,
    pending: *mut u32,
) -> Hresult {
    enter(|| {
        let status = handles::get::<Queue>(handle)?.status();
        let wanted = [(processed, status.processed), (failed, status.failed), (pending, status.pending)];
        // All are looked at before one is written.
        for (place, _) in wanted.iter().filter(|(place, _)| !place.is_null()) {
            border::check(*place, 1, "a place for a count")?;
        }
        for (place, count) in wanted.into_iter().filter(|(place, _)| !place.is_null()) {
            // SAFETY: the client's promise; NULL and misaligned were sorted out.
            unsafe { place.write(count) };
        }
        Ok(S_OK)
    })
}
