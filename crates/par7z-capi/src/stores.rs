//! Object stores: where the client names a URL. What it means, credentials and requests are par7z-object-store's.
//!
//! A run connects to each container once; one object that is an item by itself has a quarter of the memory for reading
//! ahead that a list of objects has.
//!
//! Invariant: no message has a value that was set, or a URL's query.

use crate::failure::Failure;
use par7z::storage::Sink;
use par7z::{Archive, CancelToken, ErrorKind, Item, Metadata, OpenOptions};
use par7z_object_store::{ObjectFailure, ObjectReader, ObjectSink, ObjectVolumeSink, Store, StoreOptions};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

pub(crate) use par7z_object_store::Location;

/// Memory for reading ahead, unless the client says otherwise.
const READ_AHEAD_BYTES: usize = 64 << 20;
/// The least that [`StoreOptions`] take.
const MIN_READ_AHEAD_BYTES: usize = 1 << 20;
/// Connections that a run keeps: a client may name as many web servers' files as it likes.
const CONNECTIONS: usize = 8;

pub(crate) fn location(url: &str) -> Result<Location, Failure> {
    Ok(Location::parse(url)?)
}

/// How stores are talked to.
#[derive(Clone)]
pub(crate) struct StoreSettings {
    options: StoreOptions,
    read_ahead_bytes: usize,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { options: StoreOptions::new(), read_ahead_bytes: READ_AHEAD_BYTES }
    }
}

impl StoreSettings {
    /// Sets what the header lists.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let options = self.options.clone();
        self.options = match name.to_ascii_lowercase().as_str() {
            "endpoint" if value.is_empty() => return Err(Failure::invalid("the endpoint is empty")),
            "endpoint" => options.endpoint(value),
            "anonymous" => options.anonymous(switch(value)?),
            "environment" => options.from_environment(switch(value)?),
            "connection_string" | "azure_storage_connection_string" => options.connection_string(value)?,
            "requests" => options.requests_in_flight(number(value)?)?,
            "read_ahead" => {
                let bytes = number(value)?;
                let options = options.read_ahead_bytes(bytes)?;
                self.read_ahead_bytes = bytes;
                options
            }
            "upload" => options.upload_bytes(number(value)?)?,
            // Its own message would repeat the name: a client that has mixed them up has its secret there.
            _ => options.setting(name, value).map_err(|_| Failure::invalid(UNKNOWN))?,
        };
        Ok(())
    }

    /// As if nothing had been set.
    pub(crate) fn forget(&mut self) -> Result<(), Failure> {
        *self = Self::default();
        Ok(())
    }
}

const UNKNOWN: &str = "no store has an option of this name; known are endpoint, anonymous, environment, connection_string, \
                       requests, read_ahead, upload and the names AWS_..., AZURE_... and GOOGLE_... of the environment";

fn switch(value: &str) -> Result<bool, Failure> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(Failure::invalid("the option's value is 1 or 0")),
    }
}

fn number(value: &str) -> Result<usize, Failure> {
    value.parse().map_err(|_| Failure::invalid("the option's value is a whole number"))
}

fn check_archive(location: &Location) -> Result<(), Failure> {
    if location.is_object() {
        return Ok(());
    }
    Err(Failure::invalid(format!("{location}: an archive is one object; write its whole name")))
}

/// Opens an archive where it is, with what the environment has for the store.
pub(crate) fn open_archive(location: &Location, options: OpenOptions) -> Result<Archive, Failure> {
    let reader = ObjectReader::open(location, &StoreOptions::new())?;
    Ok(Archive::from_source(reader, options)?)
}

/// The objects that an item of the client stands for.
pub(crate) struct Objects {
    location: Location,
    naming: Naming,
}

/// What the client says of them.
struct Naming {
    /// Of a single object. Of several: a folder before their names.
    name: Option<String>,
    is_single: bool,
    metadata: Metadata,
}

impl Objects {
    pub(crate) fn new(location: Location, name: Option<String>, metadata: Metadata) -> Self {
        let is_single = location.is_object();
        Self { location, naming: Naming { name, is_single, metadata } }
    }

    pub(crate) fn is_single(&self) -> bool {
        self.naming.is_single
    }
}

impl Naming {
    fn apply(&self, item: Item) -> Item {
        let Some(name) = &self.name else { return self.date(item) };
        let name = match self.is_single {
            true => name.clone(),
            false => format!("{}/{}", name.trim_end_matches('/'), item.name()),
        };
        self.date(item.with_name(name))
    }

    /// Times and attributes that the client gives are those of one object; several have their own.
    fn date(&self, item: Item) -> Item {
        if !self.is_single {
            return item;
        }
        let own = item.metadata();
        let modified = self.metadata.modified.or(own.modified);
        let attributes = self.metadata.attributes.or(own.attributes);
        item.with_metadata(Metadata { modified, attributes, ..own })
    }
}

/// Objects that are being listed, and read ahead.
pub(crate) struct Listing {
    objects: par7z_object_store::Objects,
    naming: Naming,
}

impl Listing {
    /// The next object as an item. `Pending`: the store has not named it within that time. A failure ends the run: nobody
    /// knows what else there is.
    pub(crate) fn next_within(&mut self, patience: Duration) -> Poll<Option<Result<Item, Failure>>> {
        self.objects.next_within(patience).map(|next| {
            next.map(|object| match object {
                Ok(item) => Ok(self.naming.apply(item)),
                Err(failure) => self.left_out(failure),
            })
        })
    }

    /// An object that cannot be had is an item that fails.
    fn left_out(&self, failure: ObjectFailure) -> Result<Item, Failure> {
        match (failure.ends_list(), failure.error().kind()) {
            (true, ErrorKind::Io) => Err(Failure { message: failure.to_string(), ..Failure::from(failure.error()) }),
            // It is named after the location.
            (true, _) => Ok(failure.into_item()),
            (false, _) => Ok(self.naming.apply(failure.into_item())),
        }
    }
}

/// What a run reads from and writes to.
pub(crate) struct Stores {
    /// For lists.
    options: StoreOptions,
    /// For single objects.
    single_options: StoreOptions,
    connections: Mutex<Vec<Connection>>,
    /// Whoever waits for a store heeds it.
    cancel: CancelToken,
}

struct Connection {
    location: Location,
    store: Store,
}

impl Stores {
    pub(crate) fn new(settings: &StoreSettings) -> Self {
        let cancel = CancelToken::new();
        let options = settings.options.clone().cancel_token(cancel.clone());
        let single_bytes = (settings.read_ahead_bytes / 4).max(MIN_READ_AHEAD_BYTES);
        let single_options = options.clone().read_ahead_bytes(single_bytes).unwrap_or_else(|_| options.clone());
        Self { options, single_options, connections: Mutex::default(), cancel }
    }

    /// The run's token.
    pub(crate) fn cancel_token(&self) -> &CancelToken {
        &self.cancel
    }

    /// An archive in a store, which replaces another one when it is complete.
    pub(crate) fn sink(&self, location: &Location) -> Result<Box<dyn Sink>, Failure> {
        check_archive(location)?;
        Ok(Box::new(ObjectSink::replace(location, &self.options)?))
    }

    /// The same in volumes.
    pub(crate) fn volume_sink(&self, location: &Location, volume_bytes: u64) -> Result<Box<dyn Sink>, Failure> {
        check_archive(location)?;
        Ok(Box::new(ObjectVolumeSink::replace(location, &[volume_bytes], &self.options)?))
    }

    /// Refuses what cannot be connected to, such as a store without credentials. Nothing is sent. If there are many
    /// stores, some are only found out when it is their turn.
    pub(crate) fn check(&self, location: &Location) -> Result<(), Failure> {
        if self.connections().len() == CONNECTIONS {
            return Ok(());
        }
        self.connect(location).map(drop)
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self, location: &Location) -> Result<Store, Failure> {
        let is_single = location.is_object();
        let mut connections = self.connections();
        let serves = |connection: &&Connection| {
            connection.location.is_object() == is_single && connection.location.shares_store_with(location)
        };
        if let Some(connection) = connections.iter().find(serves) {
            return Ok(connection.store.clone());
        }
        let options = if is_single { &self.single_options } else { &self.options };
        let store = Store::connect(location, options)?;
        if connections.len() == CONNECTIONS {
            connections.remove(0);
        }
        connections.push(Connection { location: location.clone(), store: store.clone() });
        Ok(store)
    }

    /// Begins to list objects.
    pub(crate) fn begin(&self, objects: Objects) -> Result<Listing, Failure> {
        let Objects { location, naming } = objects;
        let store = self.connect(&location)?;
        Ok(Listing { objects: par7z_object_store::Objects::in_store(&store, location.selection())?, naming })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_option_is_said_without_it() {
        let mut settings = StoreSettings::default();
        let wrong = [
            ("anonymous", "SECRET"),
            ("requests", "SECRET"),
            ("read_ahead", "5"),
            ("connection_string", "AccountKey=SECRET"),
            ("AZURE_STORAGE_CONNECTION_STRING", "AccountKey=SECRET"),
            ("SECRET", "AWS_SECRET_ACCESS_KEY"),
            ("AWS_NO_SUCH_SETTING", "SECRET"),
        ];
        for (name, value) in wrong {
            let failure = settings.set(name, value).expect_err(name);
            assert!(!failure.message.contains("SECRET") && !failure.message.contains("secret"), "{}", failure.message);
        }
        for (name, value) in [("requests", "8"), ("Anonymous", "1"), ("AWS_SECRET_ACCESS_KEY", "SECRET")] {
            assert!(settings.set(name, value).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_are_files_or_folders() {
        let item = || Item::from_bytes("a/b.txt", *b"");
        let named = |name: Option<&str>, is_single| {
            let naming = Naming { name: name.map(str::to_owned), is_single, metadata: Metadata::default() };
            naming.apply(item()).name().to_owned()
        };
        assert_eq!(named(None, false), "a/b.txt");
        assert_eq!(named(Some("x/y/"), false), "x/y/a/b.txt");
        assert_eq!(named(Some("x/y"), true), "x/y");
    }
}
