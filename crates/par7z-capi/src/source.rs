//! The client's items become the engine's.
//!
//! What a client lends - memory, functions, strings - is used until the item is dropped, which is before the run's
//! function returns: the engine joins all its threads first.

use crate::abi::{CloseFn, FullItem, InputItem, ReadFn};
use crate::border;
use crate::events::{self, User};
use crate::failure::{CallbackError, E_OUTOFMEMORY, Failure};
use crate::place::Place;
use crate::stores::{Listing, Location, Objects};
use crate::wide;
use par7z::{FileTime, Item, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::slice;

/// FILE_ATTRIBUTE_DIRECTORY.
const DIRECTORY: u32 = 0x10;

/// What the engine gets of an item.
pub(crate) enum Content {
    Item(Item),
    /// Objects of a store, of which nothing is known yet.
    Objects(Objects),
    /// The same while they are listed.
    Listing(Box<Listing>),
}

/// An item for the engine.
pub(crate) struct Prepared {
    pub(crate) content: Content,
    /// To be dropped at the end of the run: the engine opens paths on its own and has no place for it.
    pub(crate) close_later: Option<Closer>,
}

/// Tells the client, when dropped, that an item is not needed any more.
pub(crate) struct Closer {
    function: CloseFn,
    user: User,
    owner: u64,
}

impl Drop for Closer {
    fn drop(&mut self) {
        // SAFETY: the client gave the function for this; it is called once.
        events::within(self.owner, || unsafe { (self.function)(self.user.0) });
    }
}

/// Memory that the client lends.
struct LentBytes {
    data: *const u8,
    len: usize,
    _closer: Option<Closer>,
}

// SAFETY: the client promises that the memory stays as it is; reading it from several threads is fine.
unsafe impl Send for LentBytes {}
// SAFETY: as above.
unsafe impl Sync for LentBytes {}

impl AsRef<[u8]> for LentBytes {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `validate` has checked pointer and length; the client's promise for the rest.
        unsafe { slice::from_raw_parts(self.data, self.len) }
    }
}

impl LentBytes {
    /// A copy; a client's buffer may be too large for a second one.
    fn to_vec(&self) -> Result<Vec<u8>, Failure> {
        let mut copy = Vec::new();
        let reserved = copy.try_reserve_exact(self.len);
        reserved.map_err(|_| Failure::new(E_OUTOFMEMORY, format!("no memory for a copy of {} bytes", self.len)))?;
        copy.extend_from_slice(self.as_ref());
        Ok(copy)
    }
}

/// A stream that the client reads for us.
struct CallbackReader {
    function: ReadFn,
    user: User,
    owner: u64,
    _closer: Option<Closer>,
}

impl Read for CallbackReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let size = u32::try_from(buf.len()).unwrap_or(u32::MAX);
        if size == 0 {
            return Ok(0);
        }
        let mut processed = 0;
        let result = events::within(self.owner, || {
            // SAFETY: the client gave the function for this; `buf` has room for `size` bytes.
            unsafe { (self.function)(self.user.0, buf.as_mut_ptr().cast(), size, &raw mut processed) }
        });
        CallbackError::check("the read callback failed", result)?;
        if processed > size {
            return Err(CallbackError::contract("the read callback gave more than it was asked for"));
        }
        Ok(processed as usize)
    }
}

impl InputItem {
    /// The same item in the other form. Fields that do not count may hold anything.
    pub(crate) fn in_full(&self) -> FullItem {
        let from_memory = !self.data.is_null();
        FullItem {
            struct_size: size_of::<FullItem>() as u32,
            attributes: 0,
            name: self.name,
            data: self.data,
            data_size: if from_memory || self.file_path.is_null() { self.data_size } else { 0 },
            file_path: if from_memory { std::ptr::null() } else { self.file_path },
            read: None,
            close: None,
            user_data: std::ptr::null_mut(),
            size: 0,
            modification_time: 0,
        }
    }
}

impl FullItem {
    /// Refuses what makes no sense. Gives the location of what is in an object store.
    ///
    /// # Safety
    /// Strings are NULL or zero-terminated.
    pub(crate) unsafe fn validate(&self) -> Result<Option<Location>, Failure> {
        if self.struct_size as usize != size_of::<Self>() {
            let size = size_of::<Self>();
            return Err(Failure::invalid(format!("StructSize is {}, not {size}", self.struct_size)));
        }
        let sources = [!self.data.is_null(), !self.file_path.is_null(), self.read.is_some()];
        match sources.iter().filter(|given| **given).count() {
            0 if self.data_size > 0 => return Err(Failure::invalid("Data is NULL and DataSize is not 0")),
            0 if self.attributes & DIRECTORY == 0 => {
                return Err(Failure::invalid("it has no content: neither Data nor FilePath nor Read is given"));
            }
            0 | 1 => {}
            _ => return Err(Failure::invalid("it has more than one content: give one of Data, FilePath and Read")),
        }
        let is_directory = self.attributes & DIRECTORY != 0;
        if is_directory && (!self.data.is_null() || self.read.is_some()) {
            return Err(Failure::invalid("its attributes say directory, but it has content"));
        }
        if !self.data.is_null() {
            border::check(self.data.cast::<u8>(), self.data_size, "Data")?;
        }
        // SAFETY: the caller's promise.
        let (name, path) = unsafe { (wide::check(self.name, "Name")?, wide::check(self.file_path, "FilePath")?) };
        match (name, path) {
            (Some(true), None) => Ok(None),
            (_, None) => Err(Failure::invalid("it has no Name")),
            (_, Some(false)) => Err(Failure::invalid("FilePath is empty")),
            (name, Some(true)) => {
                // SAFETY: the caller's promise.
                match unsafe { self.place()? } {
                    Some(Place::Store(_)) if is_directory => {
                        Err(Failure::invalid("its attributes say directory, but it is in an object store"))
                    }
                    Some(Place::Store(location)) => Ok(Some(location)),
                    Some(Place::Path(path)) if name != Some(true) => name_of_path(&path).map(|_| None),
                    Some(Place::Path(_)) | None => Ok(None),
                }
            }
        }
    }

    /// Where FilePath leads.
    ///
    /// # Safety
    /// Strings are NULL or zero-terminated.
    unsafe fn place(&self) -> Result<Option<Place>, Failure> {
        // SAFETY: the caller's promise.
        unsafe { wide::read(self.file_path, "FilePath")? }.map(Place::parse).transpose()
    }

    /// Takes what must be given back.
    pub(crate) fn closer(&self, owner: u64) -> Option<Closer> {
        self.close.map(|function| Closer { function, user: User(self.user_data), owner })
    }

    /// Makes the engine's item of one that was validated, for a run of `owner`. `copy`: its memory is copied, unless it has a Close callback.
    ///
    /// # Safety
    /// What it points to stays until the item, and `close_later`, are dropped (strings and copied memory: until this
    /// returns).
    pub(crate) unsafe fn prepare(&self, owner: u64, copy: bool) -> Result<Prepared, Failure> {
        // Made first: an item that cannot be prepared is given back too.
        let closer = self.closer(owner);
        // SAFETY: the caller's promise.
        let name = unsafe { wide::read(self.name, "Name")? }.filter(|name| !name.is_empty());
        let metadata = Metadata {
            modified: (self.modification_time != 0).then_some(FileTime(self.modification_time)),
            attributes: (self.attributes != 0).then_some(self.attributes),
            ..Metadata::default()
        };
        let mut close_later = None;
        let item = if let Some(function) = self.read {
            let reader = CallbackReader { function, user: User(self.user_data), owner, _closer: closer };
            Item::from_reader(name.ok_or_else(no_name)?, reader, (self.size > 0).then_some(self.size))
        } else if !self.data.is_null() {
            let lent = LentBytes { data: self.data.cast(), len: self.data_size, _closer: None };
            let name = name.ok_or_else(no_name)?;
            if copy && closer.is_none() {
                Item::from_bytes(name, lent.to_vec()?)
            } else {
                Item::from_bytes(name, LentBytes { _closer: closer, ..lent })
            }
        } else {
            close_later = closer;
            // SAFETY: the caller's promise.
            match unsafe { self.place()? } {
                Some(Place::Path(path)) => Item::from_path(name.map_or_else(|| name_of_path(&path), Ok)?, path),
                Some(Place::Store(location)) => {
                    let content = Content::Objects(Objects::new(location, name, metadata));
                    return Ok(Prepared { content, close_later });
                }
                None => Item::directory(name.ok_or_else(no_name)?),
            }
        };
        Ok(Prepared { content: Content::Item(item.with_metadata(metadata)), close_later })
    }
}

/// The last part of a path.
fn name_of_path(path: &Path) -> Result<String, Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| Failure::invalid("it has no Name, and its path has no last part"))
}

fn no_name() -> Failure {
    Failure::invalid("it has no Name")
}
