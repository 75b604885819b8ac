//! The engine's events become the client's callbacks.
//!
//! No lock is held while a client's function runs. The thread knows meanwhile whose callback it is in ([`within`]), so
//! that a call which would wait for that very callback can tell.

use crate::abi::{
    self, DetailedFn, ErrorFn, EventFn, Hresult, InputItem, LookAheadFn, NextItemsFn, ProgressFn, Statistics,
    ThroughputFn, UserData,
};
use crate::failure::{E_INVALIDARG, S_OK, code_of};
use crate::statistics::RunStatistics;
use crate::wide;
use par7z::{CancelToken, Event, Observer, Totals};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

thread_local! {
    static WITHIN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Runs a callback of `owner`'s runs.
pub(crate) fn within<T>(owner: u64, callback: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            let _ = WITHIN.try_with(|owners| owners.borrow_mut().pop());
        }
    }
    // A thread at its very end has no place left for it: a client's own thread-local objects may call us there.
    let _ = WITHIN.try_with(|owners| owners.borrow_mut().push(owner));
    let _leave = Leave;
    callback()
}

/// Whether this thread is in a callback of `owner`'s runs.
pub(crate) fn is_within(owner: u64) -> bool {
    WITHIN.try_with(|owners| owners.borrow().contains(&owner)).unwrap_or(false)
}

/// The client's pointer, handed back to its own functions and never looked at.
#[derive(Clone, Copy)]
pub(crate) struct User(pub(crate) UserData);

// SAFETY: nothing here follows the pointer; the header tells clients that callbacks come from several threads.
unsafe impl Send for User {}
// SAFETY: as above.
unsafe impl Sync for User {}

impl Default for User {
    fn default() -> Self {
        Self(std::ptr::null_mut())
    }
}

/// Progress and error callback.
#[derive(Clone, Copy, Default)]
pub(crate) struct ItemCallbacks {
    pub(crate) progress: Option<ProgressFn>,
    pub(crate) error: Option<ErrorFn>,
    pub(crate) user: User,
}

impl ItemCallbacks {
    fn tell_progress(&self, index: u32, in_size: u64, out_size: u64) {
        if let Some(progress) = self.progress {
            // SAFETY: the client gave the function for this.
            unsafe { progress(index, in_size, out_size, self.user.0) };
        }
    }

    fn tell_error(&self, index: u32, code: Hresult, message: &str) {
        if let Some(error) = self.error {
            let message = wide::write(message);
            // SAFETY: the client gave the function for this; the text lives as long as the call.
            unsafe { error(index, code, message.as_ptr(), self.user.0) };
        }
    }
}

/// The look-ahead callback of the classic API.
#[derive(Clone, Copy)]
pub(crate) struct LookAhead {
    pub(crate) function: LookAheadFn,
    pub(crate) user: User,
}

/// Where a run gets more items from.
#[derive(Clone, Copy)]
pub(crate) enum MoreItems {
    Classic(LookAhead),
    Full { function: NextItemsFn, user: User },
}

impl MoreItems {
    /// Asks for items that follow the `taken` ones that came from here. The client's result, if it is a failure.
    pub(crate) fn ask(&self, taken: u32, capacity: u32) -> Result<Vec<abi::FullItem>, Hresult> {
        match *self {
            Self::Classic(LookAhead { function, user }) => {
                let items = collect(capacity, |items: *mut InputItem, returned| {
                    // SAFETY: the client gave the function for this; `items` has room for `capacity`.
                    unsafe { function(taken, capacity, items, returned, user.0) }
                })?;
                Ok(items.iter().map(InputItem::in_full).collect())
            }
            Self::Full { function, user } => collect(capacity, |items, returned| {
                // SAFETY: as above.
                unsafe { function(user.0, taken, capacity, items, returned) }
            }),
        }
    }
}

/// Lets `fill` write up to `capacity` items.
fn collect<T: Copy>(capacity: u32, fill: impl FnOnce(*mut T, *mut u32) -> Hresult) -> Result<Vec<T>, Hresult> {
    let mut items = Vec::with_capacity(capacity as usize);
    // SAFETY: the items are C structs of integers and pointers, for which zeros are a value.
    items.resize_with(capacity as usize, || unsafe { std::mem::zeroed() });
    let mut returned = 0;
    match fill(items.as_mut_ptr(), &raw mut returned) {
        S_OK if returned > capacity => return Err(E_INVALIDARG),
        S_OK => items.truncate(returned as usize),
        code if code < 0 => return Err(code),
        _ => items.clear(),
    }
    Ok(items)
}

/// The callbacks for a whole run's figures.
#[derive(Clone, Copy, Default)]
pub(crate) struct Detailed {
    pub(crate) detailed: Option<DetailedFn>,
    pub(crate) throughput: Option<ThroughputFn>,
    pub(crate) user: User,
}

impl Detailed {
    pub(crate) fn is_empty(&self) -> bool {
        self.detailed.is_none() && self.throughput.is_none()
    }

    pub(crate) fn tell(&self, figures: &Statistics) {
        if let Some(detailed) = self.detailed {
            // SAFETY: the client gave the function for this; the struct lives as long as the call.
            unsafe { detailed(figures, self.user.0) };
        }
        if let Some(throughput) = self.throughput {
            // SAFETY: as above.
            unsafe { throughput(figures.bytes_per_second, figures.files_per_second_x100, self.user.0) };
        }
    }
}

/// The event callback of one run.
#[derive(Clone, Copy)]
pub(crate) struct OnEvent {
    pub(crate) function: EventFn,
    pub(crate) user: User,
}

/// Told after each item that is over, good or bad.
pub(crate) type ItemEnded = Box<dyn Fn() + Send + Sync>;

/// Stands between the engine and the client for one run.
pub(crate) struct Events {
    pub(crate) owner: u64,
    pub(crate) callbacks: ItemCallbacks,
    pub(crate) on_event: Option<OnEvent>,
    pub(crate) interval: Duration,
    pub(crate) cancel: CancelToken,
    pub(crate) statistics: Arc<RunStatistics>,
    pub(crate) item_ended: Option<ItemEnded>,
    /// When the progress of items in work was told last.
    pub(crate) told: Mutex<HashMap<u64, Instant>>,
}

/// An event in the client's terms.
struct Told<'a> {
    kind: u32,
    index: u32,
    name: &'a str,
    in_size: u64,
    out_size: u64,
    failure: Option<(Hresult, String)>,
}

impl Observer for Events {
    fn event(&self, event: &Event<'_>, totals: &Totals) {
        self.statistics.record(totals);
        let Some(told) = translate(event) else { return };
        match (told.kind, &told.failure) {
            (abi::EVENT_FINISHED, _) => self.statistics.item_done(),
            (_, Some((_, reason))) => self.statistics.item_failed(told.name, reason),
            _ => {}
        }
        within(self.owner, || {
            self.tell_item(&told);
            self.tell_event(&told, totals);
        });
        if let (abi::EVENT_FINISHED | abi::EVENT_FAILED, Some(item_ended)) = (told.kind, &self.item_ended) {
            item_ended();
        }
    }
}

/// `None`: the client is not told.
fn translate<'a>(event: &Event<'a>) -> Option<Told<'a>> {
    let told = |kind, index: u64, name: &'a str, in_size, out_size: Option<u64>| Told {
        kind,
        index: u32::try_from(index).unwrap_or(u32::MAX),
        name,
        in_size,
        out_size: out_size.unwrap_or(0),
        failure: None,
    };
    Some(match *event {
        Event::ItemStarted { index, name, size } => told(abi::EVENT_STARTED, index, name, size.unwrap_or(0), None),
        Event::ItemProgress { index, name, bytes, packed_bytes } => {
            told(abi::EVENT_PROGRESS, index, name, bytes, packed_bytes)
        }
        Event::ItemFinished { index, name, bytes, packed_bytes } => {
            told(abi::EVENT_FINISHED, index, name, bytes, packed_bytes)
        }
        Event::ItemFailed { index, name, error } => {
            let failure = Some((code_of(error), error.message()));
            Told { failure, ..told(abi::EVENT_FAILED, index, name, 0, None) }
        }
        Event::ItemSkipped { index, name } => told(abi::EVENT_FINISHED, index, name, 0, None),
        _ => return None,
    })
}

impl Events {
    /// The classic callbacks.
    fn tell_item(&self, told: &Told<'_>) {
        if let Some((code, message)) = &told.failure {
            self.callbacks.tell_error(told.index, *code, &format!("{}: {message}", told.name));
        }
        if self.callbacks.progress.is_some() && self.is_due(told) {
            self.callbacks.tell_progress(told.index, told.in_size, told.out_size);
        }
    }

    /// Whether progress is told: at an item's end always, before that once in an interval.
    fn is_due(&self, told: &Told<'_>) -> bool {
        let mut times = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let index = u64::from(told.index);
        let now = Instant::now();
        match told.kind {
            abi::EVENT_STARTED => {
                times.insert(index, now);
                false
            }
            abi::EVENT_PROGRESS => {
                let last = times.entry(index).or_insert(now);
                let due = now.duration_since(*last) >= self.interval;
                if due {
                    *last = now;
                }
                due
            }
            _ => {
                times.remove(&index);
                true
            }
        }
    }

    fn tell_event(&self, told: &Told<'_>, totals: &Totals) {
        let Some(OnEvent { function, user }) = self.on_event else { return };
        let name = wide::write(told.name);
        let (result, message) = match &told.failure {
            Some((code, message)) => (*code, wide::write(message)),
            None => (S_OK, wide::write("")),
        };
        let event = abi::Event {
            struct_size: size_of::<abi::Event>() as u32,
            kind: told.kind,
            item_index: told.index,
            result,
            name: name.as_ptr(),
            message: message.as_ptr(),
            in_size: told.in_size,
            out_size: told.out_size,
            total_in_size: totals.bytes_in,
            total_out_size: totals.bytes_out,
        };
        // SAFETY: the client gave the function for this; the event and its texts live as long as the call.
        if unsafe { function(user.0, &raw const event) } < 0 {
            self.cancel.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_nest() {
        within(1, || {
            within(2, || assert!(is_within(1) && is_within(2)));
            assert!(is_within(1) && !is_within(2));
        });
        assert!(!is_within(1));
    }

    #[test]
    fn a_client_may_call_from_its_thread_local_destructors() {
        struct CallsAtTheEnd;
        impl Drop for CallsAtTheEnd {
            fn drop(&mut self) {
                within(1, || assert!(!is_within(2)));
            }
        }
        thread_local! {
            static OBJECT: CallsAtTheEnd = const { CallsAtTheEnd };
        }
        // Made before the list of callbacks, so it is dropped after that.
        let thread = std::thread::spawn(|| OBJECT.with(|_| within(1, || ())));
        thread.join().expect("no panic");
    }
}
