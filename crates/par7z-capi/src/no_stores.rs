//! In place of `stores` without the feature `cloud`: URLs are refused, so that there are no locations.

use crate::failure::{E_NOTIMPL, Failure};
use par7z::storage::Sink;
use par7z::{Archive, CancelToken, Item, Metadata, OpenOptions};
use std::task::Poll;
use std::time::Duration;

const MISSING: &str = "this libpar7z was built without object stores; build with --features cloud";

#[derive(Clone)]
pub(crate) enum Location {}

/// `E_INVALIDARG`, as for other places that cannot be: nothing is begun.
pub(crate) fn location(_url: &str) -> Result<Location, Failure> {
    Err(Failure::invalid(MISSING))
}

#[derive(Clone, Default)]
pub(crate) struct StoreSettings(());

impl StoreSettings {
    pub(crate) fn set(&mut self, _name: &str, _value: &str) -> Result<(), Failure> {
        Err(Failure::new(E_NOTIMPL, MISSING))
    }

    pub(crate) fn forget(&mut self) -> Result<(), Failure> {
        Err(Failure::new(E_NOTIMPL, MISSING))
    }
}

pub(crate) fn open_archive(location: &Location, _options: OpenOptions) -> Result<Archive, Failure> {
    match *location {}
}

/// There are none; whoever makes them need not know.
pub(crate) struct Objects(Location);

impl Objects {
    pub(crate) fn new(location: Location, _name: Option<String>, _metadata: Metadata) -> Self {
        match location {}
    }

    pub(crate) fn is_single(&self) -> bool {
        match self.0 {}
    }
}

pub(crate) enum Listing {}

impl Listing {
    pub(crate) fn next_within(&mut self, _patience: Duration) -> Poll<Option<Result<Item, Failure>>> {
        match *self {}
    }
}

pub(crate) struct Stores(CancelToken);

impl Stores {
    pub(crate) fn new(_settings: &StoreSettings) -> Self {
        Self(CancelToken::new())
    }

    pub(crate) fn cancel_token(&self) -> &CancelToken {
        &self.0
    }

    pub(crate) fn sink(&self, location: &Location) -> Result<Box<dyn Sink>, Failure> {
        match *location {}
    }

    pub(crate) fn volume_sink(&self, location: &Location, _volume_bytes: u64) -> Result<Box<dyn Sink>, Failure> {
        match *location {}
    }

    pub(crate) fn check(&self, location: &Location) -> Result<(), Failure> {
        match *location {}
    }

    pub(crate) fn begin(&self, objects: Objects) -> Result<Listing, Failure> {
        match objects.0 {}
    }
}
