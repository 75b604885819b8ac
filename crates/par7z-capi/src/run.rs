//! One archive being made: items go in, an HRESULT comes out.

use crate::abi::{FullItem, Hresult, InputItem};
use crate::compressor::Compressor;
use crate::door;
use crate::events::{Events, ItemEnded, MoreItems, OnEvent};
use crate::failure::{E_FAIL, E_INVALIDARG, Failure, S_FALSE, S_OK};
use crate::runs::Registration;
use crate::settings::Settings;
use crate::sink::{self, Target};
use crate::source::{Closer, Content, Prepared};
use crate::statistics::{RunStatistics, Ticker};
use crate::stores::{Listing, Stores};
use par7z::{Report, Session};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// Items in one array at the most.
pub(crate) const MAX_ITEMS: u32 = 1_000_000;
/// Look-ahead items asked for at once, at the most.
const MAX_LOOK_AHEAD: u32 = 16;

/// Items held back behind a single object, so that the requests for several are under way at once.
const HELD_BACK: usize = 8;
/// How often it is looked, while a store is listed, whether the run still goes on.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The client's array.
#[derive(Clone, Copy)]
pub(crate) enum Items<'a> {
    Classic(&'a [InputItem]),
    Full(&'a [FullItem]),
}

impl Items<'_> {
    fn iter(&self) -> impl Iterator<Item = FullItem> + '_ {
        let (classic, full) = match self {
            Items::Classic(items) => (*items, &[][..]),
            Items::Full(items) => (&[][..], *items),
        };
        classic.iter().map(InputItem::in_full).chain(full.iter().copied())
    }
}

/// How a run that made an archive ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// The first failed item's reason, if any failed.
    first_failure: Option<String>,
}

impl Outcome {
    pub(crate) fn of(report: &Report) -> Self {
        let first_failure = report.failures.first().map(|first| {
            let message = first.error.message();
            match report.failures.len() {
                1 => format!("1 item failed: {}: {message}", first.name),
                failed => format!("{failed} items failed, the first: {}: {message}", first.name),
            }
        });
        Self { first_failure }
    }

    /// The client's code; the reason is kept as the calling thread's last error.
    pub(crate) fn tell(self) -> Hresult {
        let Some(reason) = self.first_failure else { return S_OK };
        door::remember(&reason);
        S_FALSE
    }
}

/// A run that takes items.
pub(crate) struct Running {
    session: Session,
    statistics: Arc<RunStatistics>,
    ticker: Option<Ticker>,
    stores: Stores,
    /// Items that the engine gets next. One thread adds and takes.
    held: Mutex<VecDeque<Content>>,
    /// Close callbacks that come at the end.
    close_later: Mutex<Vec<Closer>>,
    /// Why the run is ended from here, if it is.
    own_failure: Mutex<Option<Failure>>,
    registration: Registration,
}

/// Begins a run of `compressor`.
pub(crate) fn start(
    compressor: &Compressor,
    settings: &Settings,
    stores: Stores,
    target: Target,
    on_event: Option<OnEvent>,
    item_ended: Option<ItemEnded>,
) -> Result<Running, Failure> {
    let registration = compressor.runs().begin(stores.cancel_token().clone())?;
    let statistics = RunStatistics::new();
    let events = Events {
        owner: registration.owner(),
        callbacks: settings.callbacks,
        on_event,
        interval: settings.interval,
        cancel: registration.cancel_token().clone(),
        statistics: Arc::clone(&statistics),
        item_ended,
        told: Mutex::default(),
    };
    let options = settings.write_options(Arc::new(events), registration.cancel_token().clone())?;
    let sink = sink::open(settings, &stores, target, registration.owner(), &statistics)?;
    let session = par7z::Compressor::new(options)?.start(sink)?;
    compressor.began(&statistics);
    let ticker = Ticker::start(settings.detailed, registration.owner(), settings.interval, Arc::clone(&statistics))
        .map_err(|error| par7z::Error::io("cannot start a thread", error))?;
    Ok(Running {
        session,
        statistics,
        ticker,
        stores,
        held: Mutex::default(),
        close_later: Mutex::default(),
        own_failure: Mutex::default(),
        registration,
    })
}

impl Running {
    /// Adds an item, which the statistics know already; waits while the engine has enough. `false`: the run has ended
    /// early, [`finish`](Self::finish) says why.
    pub(crate) fn add(&self, prepared: Prepared) -> bool {
        if let Some(closer) = prepared.close_later {
            self.close_later.lock().unwrap_or_else(PoisonError::into_inner).push(closer);
        }
        let content = match prepared.content {
            // What is one request begins now; a list reads ahead by itself, so one at a time is enough.
            Content::Objects(source) if source.is_single() => match self.stores.begin(source) {
                Ok(listing) => Content::Listing(Box::new(listing)),
                Err(failure) => {
                    self.fail(failure);
                    return false;
                }
            },
            content => content,
        };
        self.held().push_back(content);
        self.pass_on(|held| held.len() > HELD_BACK || matches!(held.front(), Some(Content::Item(_))))
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<Content>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether [`add`](Self::add) has kept something back.
    pub(crate) fn holds_items(&self) -> bool {
        !self.held().is_empty()
    }

    /// Passes on what [`add`](Self::add) has kept back; to be called before waiting for further items.
    pub(crate) fn add_held(&self) -> bool {
        self.pass_on(|_| true)
    }

    /// Gives items to the engine as long as `may_go`. `false`: the run has ended early.
    fn pass_on(&self, may_go: impl Fn(&VecDeque<Content>) -> bool) -> bool {
        loop {
            let next = {
                let mut held = self.held();
                if !may_go(&held) {
                    return true;
                }
                held.pop_front()
            };
            let goes_on = match next {
                None => return true,
                Some(Content::Item(item)) => self.session.add(item).is_ok(),
                Some(Content::Listing(listing)) => self.add_objects(*listing),
                Some(Content::Objects(source)) => match self.stores.begin(source) {
                    Ok(listing) => self.add_objects(listing),
                    Err(failure) => {
                        self.fail(failure);
                        false
                    }
                },
            };
            if !goes_on {
                // Dropping an item may call the client: not with the lock.
                let left = std::mem::take(&mut *self.held());
                drop(left);
                return false;
            }
        }
    }

    /// Adds an item's objects as they are listed; the statistics know of one.
    fn add_objects(&self, mut listing: Listing) -> bool {
        let mut is_first = true;
        while !self.has_ended_early() {
            match listing.next_within(LOOK_INTERVAL) {
                Poll::Pending => {}
                Poll::Ready(None) => return true,
                Poll::Ready(Some(Ok(item))) => {
                    if !std::mem::take(&mut is_first) {
                        self.statistics.further_object();
                    }
                    if self.session.add(item).is_err() {
                        return false;
                    }
                }
                Poll::Ready(Some(Err(failure))) => {
                    self.fail(failure);
                    return false;
                }
            }
        }
        false
    }

    /// Ends the run with this failure.
    fn fail(&self, failure: Failure) {
        self.own_failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.registration.cancel_token().cancel();
    }

    pub(crate) fn statistics(&self) -> &Arc<RunStatistics> {
        &self.statistics
    }

    /// Whether nothing can be added any more: it was cancelled or has failed.
    pub(crate) fn has_ended_early(&self) -> bool {
        self.session.has_ended_early()
    }

    /// Completes the archive. Every thread of the run has ended when this returns.
    pub(crate) fn finish(self) -> Result<Outcome, Failure> {
        self.add_held();
        let result = self.session.finish();
        self.statistics.end(result.as_ref().ok());
        // Its last word comes before the end of the call.
        drop(self.ticker);
        drop(self.close_later);
        if let Some(failure) = self.own_failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(failure);
        }
        match result {
            Ok(report) => Ok(Outcome::of(&report)),
            Err(error) if self.statistics.counts().0 == 0 && error.kind() == par7z::ErrorKind::Source => {
                let first = self.statistics.first_failure().map_or_else(String::new, |first| format!("; {first}"));
                Err(Failure::new(E_FAIL, format!("{error}{first}")))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes an archive of `items`, and of those that `more` gives after them.
///
/// # Safety
/// What the items point to stays until this returns.
pub(crate) unsafe fn run(
    compressor: &Compressor,
    items: Items<'_>,
    more: Option<MoreItems>,
    target: Target,
    on_event: Option<OnEvent>,
) -> Result<Outcome, Failure> {
    let settings = compressor.settings();
    let stores = Stores::new(&settings.stores);
    for (number, item) in items.iter().enumerate() {
        // SAFETY: the caller's promise.
        let location = unsafe { item.validate() };
        let checked = location.and_then(|location| location.map_or(Ok(()), |location| stores.check(&location)));
        checked.map_err(|failure| at_item(number, failure))?;
    }
    let owner = compressor.runs().owner();
    let running = match start(compressor, &settings, stores, target, on_event, None) {
        Ok(running) => running,
        Err(failure) => {
            // A setting that makes no sense is found before anything has begun, as an item that makes none. Otherwise the
            // items were accepted; the client gets them back.
            if failure.code != E_INVALIDARG {
                items.iter().for_each(|item| drop(item.closer(owner)));
            }
            return Err(failure);
        }
    };
    // All at once, so that done items can be seen in proportion to all from the start.
    let given = items.iter().count();
    running.statistics().items_added(given as u64);
    let mut left = items.iter().enumerate();
    for (number, item) in left.by_ref() {
        // SAFETY: the caller's promise; the run has ended and let go of everything when this returns.
        match unsafe { item.prepare(owner, false) } {
            Ok(prepared) => {
                if !running.add(prepared) {
                    break;
                }
            }
            Err(failure) => {
                running.fail(at_item(number, failure));
                break;
            }
        }
    }
    left.for_each(|(_, item)| drop(item.closer(owner)));
    if let Some(more) = more {
        let capacity = (2 * settings.threads()).min(MAX_LOOK_AHEAD);
        // SAFETY: the header asks the same of these items.
        unsafe { add_more(&running, owner, more, given, capacity) };
    }
    running.finish()
}

/// Asks for items that follow the `given` ones until no more come or the run has ended.
///
/// # Safety
/// What the items point to stays until the run has ended.
unsafe fn add_more(running: &Running, owner: u64, more: MoreItems, given: usize, capacity: u32) {
    let mut taken = 0;
    while !running.has_ended_early() {
        if !running.add_held() {
            return;
        }
        let items = match crate::events::within(owner, || more.ask(taken, capacity)) {
            Ok(items) if items.is_empty() => return,
            Ok(items) => items,
            Err(code) => return running.fail(Failure::new(code, "the look-ahead callback ended the run")),
        };
        if taken as usize + items.len() > MAX_ITEMS as usize {
            running.fail(Failure::invalid(format!("the look-ahead callback gave more than {MAX_ITEMS} items")));
        }
        for item in items {
            // SAFETY: the caller's promise.
            let prepared = unsafe { item.validate().and_then(|_| item.prepare(owner, false)) };
            match prepared {
                Ok(prepared) => {
                    running.statistics().items_added(1);
                    // Not left at the first refusal: each item of the batch is given back.
                    running.add(prepared);
                }
                Err(failure) => running.fail(at_item(given + taken as usize, failure)),
            }
            taken += 1;
        }
    }
}

fn at_item(number: usize, failure: Failure) -> Failure {
    Failure { message: format!("item {number}: {}", failure.message), ..failure }
}
