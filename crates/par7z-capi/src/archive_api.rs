//! `ParallelArchive_*`. What each does stands in the header; here arguments are checked.

use crate::abi::{Entry, ExtractRequest, Hresult, UserData, WideStr, WriteFn};
use crate::border;
use crate::compressor_api::{MemoryResult, key_bytes};
use crate::door::{self, enter};
use crate::events::{OnEvent, User};
use crate::failure::{Failure, S_OK};
use crate::handles;
use crate::place::{self, Place};
use crate::reader::Reader;
use crate::run::Outcome;
use crate::stores;
use crate::wide;
use libc::c_void;
use par7z::{Archive, ExtractOptions, OpenOptions, Overwrite, Secret, Threads};
use std::collections::HashSet;
use std::mem::MaybeUninit;

type Handle = *mut c_void;

/// Memory that the client lends until Close.
struct LentArchive {
    data: *const u8,
    len: usize,
}

// SAFETY: the client promises that the memory stays as it is; reading it from several threads is fine.
unsafe impl Send for LentArchive {}
// SAFETY: as above.
unsafe impl Sync for LentArchive {}

impl AsRef<[u8]> for LentArchive {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: pointer and length were checked; the client's promise for the rest.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

/// Opens an archive into the client's place, which is NULL if that fails.
///
/// # Safety
/// `place` is NULL or a place for a handle.
unsafe fn open(
    place: *mut Handle,
    secret: impl FnOnce() -> Result<Option<Secret>, Failure>,
    open: impl FnOnce(OpenOptions) -> Result<Archive, Failure>,
) -> Hresult {
    enter(|| {
        // SAFETY: the caller's promise.
        let place: &mut MaybeUninit<Handle> = unsafe { border::place(place, "the place for the handle")? };
        place.write(std::ptr::null_mut());
        let archive = open(OpenOptions::new().secret(secret()?))?;
        place.write(handles::insert(Reader::new(archive)));
        Ok(S_OK)
    })
}

/// The secret of a password. `None`: NULL or empty.
///
/// # Safety
/// `password` is NULL or zero-terminated.
unsafe fn password_secret(password: WideStr) -> Result<Option<Secret>, Failure> {
    // SAFETY: the caller's promise.
    let password = unsafe { wide::read(password, "the password")? };
    Ok(password.filter(|password| !password.is_empty()).map(|password| Secret::Password(password.into())))
}

/// # Safety
/// `path` is NULL or zero-terminated.
unsafe fn open_path(path: WideStr, options: OpenOptions) -> Result<Archive, Failure> {
    // SAFETY: the caller's promise.
    let path = unsafe { wide::read(path, "the path")? }.filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| Failure::invalid("the path is NULL or empty"))?;
    match Place::parse(path)? {
        Place::Path(path) => Ok(Archive::open(path, options)?),
        Place::Store(location) => stores::open_archive(&location, options),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelArchive_Open(path: WideStr, password: WideStr, archive: *mut Handle) -> Hresult {
    // SAFETY: the client's promise.
    unsafe { open(archive, || password_secret(password), |options| open_path(path, options)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelArchive_OpenWithKey(
    path: WideStr,
    key: *const u8,
    key_size: u32,
    archive: *mut Handle,
) -> Hresult {
    // SAFETY: the client's promise.
    let secret = || Ok(Some(Secret::Key(unsafe { key_bytes(key, key_size)? })));
    // SAFETY: the client's promise.
    unsafe { open(archive, secret, |options| open_path(path, options)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelArchive_OpenMemory(
    data: *const c_void,
    size: usize,
    password: WideStr,
    archive: *mut Handle,
) -> Hresult {
    let open_memory = |options| {
        let data = data.cast::<u8>();
        border::check(data, size, "the archive's memory")?;
        Ok(Archive::from_bytes(LentArchive { data, len: size }, options)?)
    };
    // SAFETY: the client's promise.
    unsafe { open(archive, || password_secret(password), open_memory) }
}

#[unsafe(no_mangle)]
extern "C" fn ParallelArchive_Close(archive: Handle) {
    let close = || {
        if let Some(reader) = handles::remove_if::<Reader>(archive, |_| true) {
            reader.close();
        }
        Ok(())
    };
    door::enter_or(close, |_| ());
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelArchive_GetNumEntries(archive: Handle, count: *mut u32) -> Hresult {
    enter(|| {
        let reader = handles::get::<Reader>(archive)?;
        // SAFETY: the client's promise.
        unsafe { border::place(count, "the place for the number")? }.write(reader.entry_count());
        Ok(S_OK)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelArchive_GetEntry(archive: Handle, index: u32, entry: *mut Entry) -> Hresult {
    enter(|| {
        let reader = handles::get::<Reader>(archive)?;
        // SAFETY: the client's promise; StructSize is set.
        let given = unsafe { border::reference(entry.cast::<u32>().cast_const(), "the place for the entry")? };
        check_struct(*given, size_of::<Entry>())?;
        // SAFETY: the client's promise.
        unsafe { border::place(entry, "the place for the entry")? }.write(reader.entry(index)?);
        Ok(S_OK)
    })
}

fn check_struct(given: u32, size: usize) -> Result<(), Failure> {
    if given as usize != size {
        return Err(Failure::invalid(format!("StructSize is {given}, not {size}")));
    }
    Ok(())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelArchive_ReadEntry(
    archive: Handle,
    index: u32,
    max_size: usize,
    buffer: *mut *mut c_void,
    size: *mut usize,
) -> Hresult {
    enter(|| {
        // SAFETY: the client's promise.
        let out = unsafe { MemoryResult::new(buffer, size)? };
        let reader = handles::get::<Reader>(archive)?;
        out.give(reader.read_to_memory(index, (max_size > 0).then_some(max_size))?)?;
        Ok(S_OK)
    })
}

#[unsafe(no_mangle)]
extern "C" fn ParallelArchive_ReadEntryTo(
    archive: Handle,
    index: u32,
    write: Option<WriteFn>,
    user_data: UserData,
) -> Hresult {
    enter(|| {
        let reader = handles::get::<Reader>(archive)?;
        let write = write.ok_or_else(|| Failure::invalid("the write callback is NULL"))?;
        reader.read_to(index, write, user_data).map(|()| S_OK)
    })
}

/// The engine's options for an extraction, and who is told.
///
/// # Safety
/// `request` is NULL or as the header asks for.
unsafe fn extract_options(
    request: *const ExtractRequest,
    reader: &Reader,
) -> Result<(ExtractOptions, Option<OnEvent>), Failure> {
    let options = ExtractOptions::new();
    if request.is_null() {
        return Ok((options, None));
    }
    // SAFETY: the caller's promise.
    let request = unsafe { border::reference(request, "the options")? };
    check_struct(request.struct_size, size_of::<ExtractRequest>())?;
    let overwrite = match request.overwrite {
        0 => Overwrite::Refuse,
        1 => Overwrite::Replace,
        2 => Overwrite::Skip,
        3 => Overwrite::RenameNew,
        other => return Err(Failure::invalid(format!("Overwrite is {other}: the range is 0 to 3"))),
    };
    let mut options = options.threads(Threads::new(request.num_threads)?).overwrite(overwrite);
    if request.num_indices > 0 {
        let count = request.num_indices as usize;
        // SAFETY: the caller's promise.
        let indices = unsafe { border::slice(request.indices, count, "Indices")? };
        let entries = reader.entry_count();
        if let Some(wrong) = indices.iter().find(|index| **index >= entries) {
            return Err(Failure::invalid(format!("there is no entry {wrong}: the archive has {entries}")));
        }
        let chosen: HashSet<u64> = indices.iter().copied().map(u64::from).collect();
        options = options.select(move |entry| chosen.contains(&entry.index));
    }
    let user = User(request.user_data);
    Ok((options, request.on_event.map(|function| OnEvent { function, user })))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelArchive_Extract(
    archive: Handle,
    destination: WideStr,
    options: *const ExtractRequest,
) -> Hresult {
    enter(|| {
        let reader = handles::get::<Reader>(archive)?;
        // SAFETY: the client's promise.
        let (options, on_event) = unsafe { extract_options(options, &reader)? };
        // SAFETY: the client's promise.
        let destination = unsafe { wide::read(destination, "the destination")? }.filter(|path| !path.is_empty());
        let destination = destination.ok_or_else(|| Failure::invalid("the destination is NULL or empty"))?;
        if place::is_url(&destination) {
            return Err(Failure::invalid("the destination is a URL: archives are extracted into directories"));
        }
        reader.run(options, on_event, |archive, options| archive.extract(destination, options)).map(Outcome::tell)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ParallelArchive_Test(archive: Handle, options: *const ExtractRequest) -> Hresult {
    enter(|| {
        let reader = handles::get::<Reader>(archive)?;
        // SAFETY: the client's promise.
        let (options, on_event) = unsafe { extract_options(options, &reader)? };
        reader.run(options, on_event, |archive, options| archive.test(options)).map(Outcome::tell)
    })
}

#[unsafe(no_mangle)]
extern "C" fn ParallelArchive_Cancel(archive: Handle) -> Hresult {
    enter(|| Ok(handles::get::<Reader>(archive)?.cancel()))
}
