//! What goes into a new archive: stdin, then files, then objects of stores, which are listed while others are compressed
//! already.

use crate::args::high;
use crate::args::low::LowArgs;
use crate::exit::Failure;
use crate::scan::{Found, Names, Scan};
use par7z::{ErrorKind, Item, Links};
use par7z_object_store::{Location, ObjectFailure, Objects, Store, StoreOptions};
use std::collections::{HashSet, VecDeque};
use std::io;

/// So that many URLs of single objects do not wait for one another. They share what may be read ahead.
pub(super) const LISTED_AT_ONCE: usize = 16;

pub(super) struct Inputs {
    stdin: Option<Item>,
    files: std::vec::IntoIter<Found>,
    links: Links,
    names: Names,
    locations: VecDeque<Location>,
    store_options: StoreOptions,
    /// How many locations are listed at once.
    lists: usize,
    /// The store of the location before, and that location.
    store: Option<(Location, Store)>,
    /// Locations that are being listed, the first one's objects being taken.
    listings: VecDeque<Objects>,
    /// Names in the archive, if there are objects: those of files were compared before.
    seen: HashSet<String>,
}

impl Inputs {
    pub(super) fn new(low: &LowArgs, names: &Names, scan: &Scan, store_options: &StoreOptions, lists: usize) -> Self {
        let seen = if names.locations.is_empty() {
            HashSet::new()
        } else {
            scan.found.iter().map(|found| found.name.clone()).collect()
        };
        Self {
            stdin: low.stdin.as_ref().map(|name| stdin_item(low, name.as_deref())),
            files: scan.found.clone().into_iter(),
            links: if low.store_links == Some(true) { Links::Store } else { Links::Follow },
            names: names.clone(),
            locations: names.locations.clone().into(),
            store_options: store_options.clone(),
            lists,
            store: None,
            listings: VecDeque::new(),
            seen,
        }
    }

    /// Whether some come from stores.
    pub(super) fn has_objects(&self) -> bool {
        !self.names.locations.is_empty()
    }

    /// The next object of all locations.
    fn next_object(&mut self) -> Option<Result<Item, Failure>> {
        loop {
            while self.listings.len() < self.lists
                && let Some(location) = self.locations.pop_front()
            {
                match self.list(location) {
                    Ok(listing) => self.listings.push_back(listing),
                    Err(failure) => return Some(Err(failure)),
                }
            }
            match self.listings.front_mut()?.next() {
                Some(Ok(item)) if self.names.leaves_out(item.name()) => {}
                Some(Ok(item)) => return Some(Ok(self.unlike_others(item))),
                Some(Err(failure)) if !failure.ends_list() && self.names.leaves_out(failure.name()) => {}
                Some(Err(failure)) => return Some(left_out(failure)),
                None => _ = self.listings.pop_front(),
            }
        }
    }

    fn list(&mut self, location: Location) -> Result<Objects, Failure> {
        let store = match &self.store {
            Some((before, store)) if before.shares_store_with(&location) => store.clone(),
            _ => Store::connect(&location, &self.store_options)?,
        };
        let listing = Objects::in_store(&store, location.selection())?;
        self.store = Some((location, store));
        Ok(listing)
    }

    /// An item fails if there is one of its name already: much may have been uploaded by now.
    fn unlike_others(&mut self, item: Item) -> Item {
        if self.seen.insert(item.name().to_owned()) {
            return item;
        }
        let why = "Duplicate filename in archive: two of the names given have it; give the folder above them";
        Item::from_opener(item.name(), move || Err::<io::Empty, _>(io::Error::other(why)), None)
    }
}

/// An object that cannot be had is an item that fails. A list that breaks off is no reason to write an archive: nobody knows
/// what is missing.
fn left_out(failure: ObjectFailure) -> Result<Item, Failure> {
    match failure.error().kind() {
        ErrorKind::Cancelled => Err(Failure::cancelled("cancelled")),
        ErrorKind::Io if failure.ends_list() => Err(Failure::fatal(format!("{failure}\nNothing was written"))),
        _ => Ok(failure.into_item()),
    }
}

impl Iterator for Inputs {
    type Item = Result<Item, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(item) = self.stdin.take() {
            return Some(Ok(item));
        }
        if let Some(found) = self.files.next() {
            return Some(Ok(Item::from_path_with_links(found.name, found.path, self.links)));
        }
        self.next_object()
    }
}

/// 7-Zip stores an empty name if none is given and then shows the archive's; we store what it would show.
fn stdin_item(low: &LowArgs, name: Option<&str>) -> Item {
    let fallback = || low.archive.as_deref().map_or("stdin".to_owned(), high::archive_stem);
    Item::from_reader(name.map_or_else(fallback, str::to_owned), io::stdin(), None)
}
