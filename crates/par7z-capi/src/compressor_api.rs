//! `ParallelCompress_*` and `ParallelCompressor_*`. What each does stands in the header; here arguments are checked.
//!
//! Every function takes what C gives it: handles may be anything, pointers are NULL or what the header asks for.

use crate::abi::{
    DetailedFn, ErrorFn, FullItem, Hresult, InputItem, LookAheadFn, ProgressFn, RunRequest, SegmentFn, Statistics,
    ThroughputFn, UserData, WideStr,
};
use crate::border;
use crate::compressor::Compressor;
use crate::door::{self, enter};
use crate::events::{Detailed, ItemCallbacks, LookAhead, MoreItems, OnEvent, User};
use crate::failure::{Failure, S_OK};
use crate::handles;
use crate::memory;
use crate::place::Place;
use crate::run::{self, Items, MAX_ITEMS};
use crate::segments::SegmentCallback;
use crate::settings::Settings;
use crate::sink::{MemoryPlace, OutStream, Target};
use crate::wide;
use libc::{c_char, c_int, c_void};
use par7z::{Encryption, Key};
use std::sync::{Arc, PoisonError};

type Handle = *mut c_void;

const KEY_BYTES: u32 = 32;
const IV_BYTES: u32 = 16;

#[unsafe(no_mangle)]
extern "C" fn ParallelCompress_GetVersion() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompress_GetVersionNumber() -> u32 {
    let part = |text: &str| text.parse::<u32>().unwrap_or(0);
    part(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | part(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | part(env!("CARGO_PKG_VERSION_PATCH"))
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompress_GetLastErrorMessage() -> WideStr {
    door::last_error()
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_Create() -> Handle {
    door::enter_or(|| Ok(handles::insert(Compressor::new(false))), |_| std::ptr::null_mut())
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_Destroy(handle: Handle) {
    door::enter_or(
        || {
            if let Some(compressor) = handles::remove_if::<Compressor>(handle, |compressor| !compressor.of_queue) {
                compressor.close();
            }
            Ok(())
        },
        |_| (),
    );
}

/// Changes a setting.
fn set(handle: Handle, change: impl FnOnce(&mut Settings)) -> Hresult {
    try_set(handle, || {
        Ok(|settings: &mut Settings| {
            change(settings);
            Ok(())
        })
    })
}

/// The same where arguments can be wrong; `check` looks at them without the settings' lock.
fn try_set<C>(handle: Handle, check: impl FnOnce() -> Result<C, Failure>) -> Hresult
where
    C: FnOnce(&mut Settings) -> Result<(), Failure>,
{
    enter(|| {
        let compressor = handles::get::<Compressor>(handle)?;
        let change = check()?;
        compressor.set(change)?;
        Ok(S_OK)
    })
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetNumThreads(handle: Handle, threads: u32) -> Hresult {
    set(handle, |settings| settings.set_threads(threads))
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetCompressionLevel(handle: Handle, level: u32) -> Hresult {
    set(handle, |settings| settings.set_level(level))
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetCompressionMethod(handle: Handle, method: u64) -> Hresult {
    try_set(handle, || Ok(|settings: &mut Settings| settings.set_method(method)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelCompressor_SetEncryption(
    handle: Handle,
    key: *const u8,
    key_size: u32,
    iv: *const u8,
    iv_size: u32,
) -> Hresult {
    try_set(handle, || {
        // SAFETY: the client's promise.
        let encryption = unsafe { encryption(key, key_size, iv, iv_size)? };
        Ok(|settings: &mut Settings| {
            settings.set_encryption(encryption);
            Ok(())
        })
    })
}

/// Key and IV. `None`: everything is NULL and 0.
///
/// # Safety
/// Each is NULL or as long as its size says.
unsafe fn encryption(
    key: *const u8,
    key_size: u32,
    iv: *const u8,
    iv_size: u32,
) -> Result<Option<Encryption>, Failure> {
    if key.is_null() && key_size == 0 && iv.is_null() && iv_size == 0 {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let key_bytes = unsafe { key_bytes(key, key_size)? };
    if iv_size != IV_BYTES {
        return Err(Failure::invalid(format!("an IV of {iv_size} bytes: it has {IV_BYTES}, random for each archive")));
    }
    // SAFETY: the caller's promise.
    let iv_bytes = unsafe { border::slice(iv, iv_size as usize, "the IV")? };
    if border::overlap((key.addr(), key_size as usize), (iv.addr(), iv_size as usize)) {
        return Err(Failure::invalid("the IV overlaps the key: it is stored readably, so the key would be too"));
    }
    let iv = <[u8; IV_BYTES as usize]>::try_from(iv_bytes).map_err(|_| Failure::invalid("the IV's size"))?;
    Ok(Some(Encryption::key(key_bytes).iv(iv)))
}

/// A raw key.
///
/// # Safety
/// `key` is NULL or `size` bytes long.
pub(crate) unsafe fn key_bytes(key: *const u8, size: u32) -> Result<Key, Failure> {
    if size != KEY_BYTES {
        return Err(Failure::invalid(format!("a key of {size} bytes: AES-256 has {KEY_BYTES}")));
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { border::slice(key, size as usize, "the key")? };
    let mut copy = zeroize::Zeroizing::new([0; KEY_BYTES as usize]);
    copy.copy_from_slice(bytes);
    Ok(Key::new(*copy))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelCompressor_SetPassword(handle: Handle, password: WideStr) -> Hresult {
    try_set(handle, || {
        // SAFETY: the client's promise.
        let password = unsafe { wide::read(password, "the password")? }.filter(|password| !password.is_empty());
        let encryption = password.map(Encryption::password);
        Ok(|settings: &mut Settings| {
            settings.set_encryption(encryption);
            Ok(())
        })
    })
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetEncryptNames(handle: Handle, enabled: c_int) -> Hresult {
    set(handle, |settings| settings.set_encrypt_names(enabled != 0))
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetSegmentSize(handle: Handle, bytes: u64) -> Hresult {
    set(handle, |settings| settings.set_volume_bytes(bytes))
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetVolumeSize(handle: Handle, bytes: u64) -> Hresult {
    set(handle, |settings| settings.set_volume_bytes(bytes))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelCompressor_SetVolumePrefix(handle: Handle, prefix: WideStr) -> Hresult {
    try_set(handle, || {
        // SAFETY: the client's promise.
        let prefix = unsafe { wide::read(prefix, "the volume prefix")? }.filter(|prefix| !prefix.is_empty());
        let prefix = prefix.map(Place::of_prefix).transpose()?;
        Ok(|settings: &mut Settings| {
            settings.set_volume_prefix(prefix);
            Ok(())
        })
    })
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetSegmentCallback(
    handle: Handle,
    callback: Option<SegmentFn>,
    memory_limit: u64,
    user_data: UserData,
) -> Hresult {
    let user = User(user_data);
    set(handle, |settings| {
        settings.segments = callback.map(|function| SegmentCallback::new(function, user, memory_limit));
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelCompressor_SetStoreOption(handle: Handle, name: WideStr, value: WideStr) -> Hresult {
    try_set(handle, || {
        // SAFETY: the client's promise.
        let name = unsafe { wide::read(name, "the option's name")? };
        // SAFETY: the client's promise.
        let value = unsafe { wide::read(value, "the option's value")? }.map(zeroize::Zeroizing::new);
        Ok(move |settings: &mut Settings| match (name, value) {
            (None, None) => settings.stores.forget(),
            (Some(name), Some(value)) => settings.stores.set(&name, &value),
            _ => Err(Failure::invalid("a store option needs a name and a value; both NULL: all are forgotten")),
        })
    })
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetSolidMode(handle: Handle, enabled: c_int) -> Hresult {
    set(handle, |settings| settings.set_solid(enabled != 0))
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetSolidBlockSize(handle: Handle, items: u32) -> Hresult {
    set(handle, |settings| settings.set_solid_items(items))
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetCallbacks(
    handle: Handle,
    progress: Option<ProgressFn>,
    error: Option<ErrorFn>,
    look_ahead: Option<LookAheadFn>,
    user_data: UserData,
) -> Hresult {
    let user = User(user_data);
    set(handle, |settings| {
        settings.callbacks = ItemCallbacks { progress, error, user };
        settings.look_ahead = look_ahead.map(|function| LookAhead { function, user });
    })
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetDetailedCallbacks(
    handle: Handle,
    detailed: Option<DetailedFn>,
    throughput: Option<ThroughputFn>,
    user_data: UserData,
) -> Hresult {
    set(handle, |settings| settings.detailed = Detailed { detailed, throughput, user: User(user_data) })
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_SetProgressUpdateInterval(handle: Handle, milliseconds: u32) -> Hresult {
    set(handle, |settings| settings.set_interval_ms(milliseconds))
}

/// The classic array.
///
/// # Safety
/// `items` is NULL or `count` items long, and they stay for `'a`.
unsafe fn classic_items<'a>(items: *const InputItem, count: u32) -> Result<Items<'a>, Failure> {
    if count == 0 {
        return Err(Failure::invalid("0 items"));
    }
    check_count(count)?;
    // SAFETY: the caller's promise.
    Ok(Items::Classic(unsafe { border::slice(items, count as usize, "the item array")? }))
}

fn check_count(count: u32) -> Result<(), Failure> {
    if count > MAX_ITEMS {
        return Err(Failure::invalid(format!("{count} items: an array has at most {MAX_ITEMS}")));
    }
    Ok(())
}

/// An output path, or URL. `None`: NULL.
///
/// # Safety
/// `path` is NULL or zero-terminated.
pub(crate) unsafe fn output_path(path: WideStr) -> Result<Option<Place>, Failure> {
    // SAFETY: the caller's promise.
    match unsafe { wide::read(path, "the output path")? } {
        Some(path) if path.is_empty() => Err(Failure::invalid("the output path is empty")),
        path => path.map(Place::parse).transpose(),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelCompressor_CompressMultiple(
    handle: Handle,
    items: *mut InputItem,
    count: u32,
    path: WideStr,
) -> Hresult {
    enter(|| {
        let compressor = handles::get::<Compressor>(handle)?;
        // SAFETY: the client's promise.
        let (items, path) = unsafe { (classic_items(items, count)?, output_path(path)?) };
        let more = compressor.settings().look_ahead.map(MoreItems::Classic);
        let target = path.map_or(Target::Nowhere, Target::Place);
        // SAFETY: the client lends the items until this returns.
        unsafe { run::run(&compressor, items, more, target, None) }.map(run::Outcome::tell)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelCompressor_CompressMultipleToMemory(
    handle: Handle,
    items: *mut InputItem,
    count: u32,
    buffer: *mut *mut c_void,
    size: *mut usize,
) -> Hresult {
    enter(|| {
        let items_range = (items.addr(), (count as usize).saturating_mul(size_of::<InputItem>()));
        let places = [(buffer.addr(), size_of::<*mut c_void>()), (size.addr(), size_of::<usize>())];
        if places.into_iter().any(|place| border::overlap(items_range, place)) {
            return Err(Failure::invalid("a place for a result overlaps the item array"));
        }
        // SAFETY: the client's promise.
        let out = unsafe { MemoryResult::new(buffer, size)? };
        let compressor = handles::get::<Compressor>(handle)?;
        // SAFETY: the client's promise.
        let items = unsafe { classic_items(items, count)? };
        let more = compressor.settings().look_ahead.map(MoreItems::Classic);
        let place = MemoryPlace::default();
        // SAFETY: the client lends the items until this returns.
        let outcome = unsafe { run::run(&compressor, items, more, Target::Memory(Arc::clone(&place)), None)? };
        let archive = place.lock().unwrap_or_else(PoisonError::into_inner).take();
        out.give(archive.unwrap_or_default())?;
        Ok(outcome.tell())
    })
}

/// Where the client gets memory.
pub(crate) struct MemoryResult<'a> {
    buffer: &'a mut std::mem::MaybeUninit<*mut c_void>,
    size: &'a mut std::mem::MaybeUninit<usize>,
}

impl<'a> MemoryResult<'a> {
    /// Checks the places and sets them to nothing.
    ///
    /// # Safety
    /// Each is NULL or a place for a result.
    pub(crate) unsafe fn new(buffer: *mut *mut c_void, size: *mut usize) -> Result<Self, Failure> {
        let places = ((buffer.addr(), size_of::<*mut c_void>()), (size.addr(), size_of::<usize>()));
        if border::overlap(places.0, places.1) {
            return Err(Failure::invalid("the places for buffer and size overlap"));
        }
        // SAFETY: the caller's promise; they do not overlap.
        let result = unsafe {
            Self {
                buffer: border::place(buffer, "the place for the buffer")?,
                size: border::place(size, "the place for the size")?,
            }
        };
        result.buffer.write(std::ptr::null_mut());
        result.size.write(0);
        Ok(result)
    }

    /// Hands memory over.
    pub(crate) fn give(self, memory: memory::MallocBuffer) -> Result<(), Failure> {
        let (data, len) = memory.into_raw().map_err(|error| par7z::Error::io("no memory for the result", error))?;
        self.buffer.write(data);
        self.size.write(len);
        Ok(())
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelCompressor_FreeMemory(buffer: *mut c_void) {
    // SAFETY: the client's promise.
    unsafe { memory::free(buffer) };
}

#[unsafe(no_mangle)]
extern "C" fn ParallelCompressor_Cancel(handle: Handle) -> Hresult {
    enter(|| Ok(handles::get::<Compressor>(handle)?.runs().cancel()))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelCompressor_GetDetailedStatistics(handle: Handle, statistics: *mut Statistics) -> Hresult {
    enter(|| {
        let compressor = handles::get::<Compressor>(handle)?;
        // SAFETY: the client's promise.
        let place = unsafe { border::place(statistics, "the place for the statistics")? };
        place.write(compressor.statistics().map_or_else(Statistics::default, |figures| figures.snapshot()));
        Ok(S_OK)
    })
}

/// The parts of a run request that say where the archive goes and who is told.
///
/// # Safety
/// `request` is NULL or as the header asks for.
pub(crate) unsafe fn request_parts<'a>(
    request: *const RunRequest,
    owner: u64,
) -> Result<(&'a RunRequest, Target, Option<OnEvent>), Failure> {
    // SAFETY: the caller's promise.
    let request = unsafe { border::reference(request, "the run")? };
    let size = size_of::<RunRequest>();
    if request.struct_size as usize != size {
        return Err(Failure::invalid(format!("StructSize of the run is {}, not {size}", request.struct_size)));
    }
    let user = User(request.user_data);
    // SAFETY: the caller's promise.
    let target = match (unsafe { output_path(request.output_path)? }, request.write) {
        (Some(_), Some(_)) => return Err(Failure::invalid("give one of OutputPath and Write")),
        (Some(path), None) => Target::Place(path),
        (None, Some(write)) => {
            let (seek, set_size) = (request.seek, request.set_size);
            Target::Stream(OutStream { write, seek, set_size, user, owner })
        }
        (None, None) => Target::Nowhere,
    };
    Ok((request, target, request.on_event.map(|function| OnEvent { function, user })))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelCompressor_Run(handle: Handle, request: *const RunRequest) -> Hresult {
    enter(|| {
        let compressor = handles::get::<Compressor>(handle)?;
        // SAFETY: the client's promise.
        let (request, target, on_event) = unsafe { request_parts(request, compressor.runs().owner())? };
        check_count(request.num_items)?;
        let items: &[FullItem] = match request.num_items {
            0 => &[],
            // SAFETY: the client's promise.
            count => unsafe { border::slice(request.items, count as usize, "the item array")? },
        };
        let user = User(request.user_data);
        let more = request.next_items.map(|function| MoreItems::Full { function, user });
        // SAFETY: the client lends the items until this returns.
        unsafe { run::run(&compressor, Items::Full(items), more, target, on_event) }.map(run::Outcome::tell)
    })
}
