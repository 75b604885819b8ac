//! Handles: numbers in a table. A handle that was destroyed, never existed, or is of another kind is found out instead of
//! followed; a number is never given twice. The table holds one reference, a running call another.

use crate::compressor::Compressor;
use crate::failure::Failure;
use crate::queue::Queue;
use crate::reader::Reader;
use libc::c_void;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What a handle stands for.
pub(crate) enum Object {
    Compressor(Arc<Compressor>),
    Queue(Arc<Queue>),
    Archive(Arc<Reader>),
}

/// A kind of object that has handles.
pub(crate) trait Handled: Sized {
    /// The kind's name in messages, with its article.
    const KIND: &'static str;
    fn to_object(this: Arc<Self>) -> Object;
    fn from_object(object: &Object) -> Option<&Arc<Self>>;
}

macro_rules! handled {
    ($type:ty, $variant:ident, $kind:literal) => {
        impl Handled for $type {
            const KIND: &'static str = $kind;
            fn to_object(this: Arc<Self>) -> Object {
                Object::$variant(this)
            }
            fn from_object(object: &Object) -> Option<&Arc<Self>> {
                if let Object::$variant(found) = object { Some(found) } else { None }
            }
        }
    };
}

handled!(Compressor, Compressor, "a compressor");
handled!(Queue, Queue, "a stream queue");
handled!(Reader, Archive, "an archive");

static TABLE: RwLock<BTreeMap<usize, Object>> = RwLock::new(BTreeMap::new());
static NEXT: AtomicUsize = AtomicUsize::new(STEP);
/// Handles look aligned, as pointers do: some clients keep flags in the low bits.
const STEP: usize = 16;

/// Gives an object its handle.
pub(crate) fn insert<T: Handled>(object: Arc<T>) -> *mut c_void {
    let number = NEXT.fetch_add(STEP, Ordering::Relaxed);
    TABLE.write().unwrap_or_else(PoisonError::into_inner).insert(number, T::to_object(object));
    std::ptr::without_provenance_mut(number)
}

/// The object of a handle.
pub(crate) fn get<T: Handled>(handle: *mut c_void) -> Result<Arc<T>, Failure> {
    let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
    let object = table.get(&handle.addr()).and_then(T::from_object);
    object.cloned().ok_or_else(|| Failure::invalid(format!("this is no handle of {} (any more)", T::KIND)))
}

/// Takes a handle out of the table, if it is one of this kind and `may_go` agrees.
pub(crate) fn remove_if<T: Handled>(handle: *mut c_void, may_go: impl FnOnce(&T) -> bool) -> Option<Arc<T>> {
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    let object = Arc::clone(table.get(&handle.addr()).and_then(T::from_object)?);
    if !may_go(&object) {
        return None;
    }
    table.remove(&handle.addr());
    Some(object)
}
