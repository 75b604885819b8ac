//! A compressor handle's object: settings, the runs it has going, and the figures of the latest.

use crate::runs::Runs;
use crate::settings::Settings;
use crate::statistics::RunStatistics;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A compressor.
pub(crate) struct Compressor {
    settings: Mutex<Settings>,
    runs: Arc<Runs>,
    latest: Mutex<Option<Arc<RunStatistics>>>,
    /// Whether it belongs to a stream queue, which alone may end it.
    pub(crate) of_queue: bool,
}

impl Compressor {
    pub(crate) fn new(of_queue: bool) -> Arc<Self> {
        Arc::new(Self { settings: Mutex::default(), runs: Runs::new(), latest: Mutex::default(), of_queue })
    }

    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of the settings.
    pub(crate) fn settings(&self) -> Settings {
        self.lock().clone()
    }

    /// Changes the settings of runs to come.
    pub(crate) fn set<T>(&self, change: impl FnOnce(&mut Settings) -> T) -> T {
        change(&mut self.lock())
    }

    pub(crate) fn runs(&self) -> &Arc<Runs> {
        &self.runs
    }

    /// A run has begun: its figures are what [`statistics`](Self::statistics) gives now.
    pub(crate) fn began(&self, statistics: &Arc<RunStatistics>) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(statistics));
    }

    /// The figures of the run that began last.
    pub(crate) fn statistics(&self) -> Option<Arc<RunStatistics>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it: cancels its runs and waits for them.
    pub(crate) fn close(&self) {
        self.runs.close();
    }
}
