//! What a compressor is set to. A run takes a copy when it begins.

use crate::events::{Detailed, ItemCallbacks, LookAhead};
use crate::failure::Failure;
use crate::place::Place;
use crate::segments::SegmentCallback;
use crate::stores::StoreSettings;
use par7z::{CancelToken, Encryption, LzmaParams, Method, Observer, Solid, Stragglers, Threads, WriteOptions};
use std::sync::Arc;
use std::time::Duration;

/// The classic API clamps where the engine refuses.
const MAX_THREADS: u32 = Threads::MAX;
const MAX_LEVEL: u32 = 9;
/// The dictionary of LZMA's own level 0, which the engine's table does not have: its level 0 stores.
const LEVEL_0_DICTIONARY_BYTES: u32 = 64 << 10;

/// All settings.
#[derive(Clone)]
pub(crate) struct Settings {
    threads: u32,
    level: u32,
    method: Method,
    encryption: Option<Encryption>,
    encrypt_names: bool,
    /// 0: one file.
    volume_bytes: u64,
    volume_prefix: Option<Place>,
    pub(crate) segments: Option<SegmentCallback>,
    pub(crate) stores: StoreSettings,
    solid: bool,
    /// 0: no bound.
    solid_items: u32,
    pub(crate) callbacks: ItemCallbacks,
    pub(crate) look_ahead: Option<LookAhead>,
    pub(crate) detailed: Detailed,
    pub(crate) interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: 1,
            level: 5,
            method: Method::Lzma(LzmaParams::default()),
            encryption: None,
            encrypt_names: true,
            volume_bytes: 0,
            volume_prefix: None,
            segments: None,
            stores: StoreSettings::default(),
            solid: false,
            solid_items: 0,
            callbacks: ItemCallbacks::default(),
            look_ahead: None,
            detailed: Detailed::default(),
            interval: DEFAULT_INTERVAL,
        }
    }
}

const DEFAULT_INTERVAL: Duration = Duration::from_millis(100);

impl Settings {
    pub(crate) fn set_threads(&mut self, threads: u32) {
        self.threads = threads.clamp(1, MAX_THREADS);
    }

    pub(crate) fn threads(&self) -> u32 {
        self.threads
    }

    pub(crate) fn set_level(&mut self, level: u32) {
        self.level = level.min(MAX_LEVEL);
    }

    pub(crate) fn set_method(&mut self, id: u64) -> Result<(), Failure> {
        self.method = match id {
            0 => Method::Copy,
            0x03_01_01 => Method::Lzma(LzmaParams::default()),
            // The second is what a client of the first implementation took for LZMA2's id.
            0x21 | 0x03_09_01 => Method::Lzma2(LzmaParams::default()),
            0x03_04_01 => Method::Ppmd(par7z::PpmdParams::default()),
            0x04_02_02 => Method::Bzip2(par7z::Bzip2Params::default()),
            0x04_01_08 => Method::Deflate(par7z::DeflateParams::default()),
            _ => {
                let known = "LZMA 0x30101, LZMA2 0x21, PPMd 0x30401, BZip2 0x40202, Deflate 0x40108 and Copy 0";
                return Err(Failure::invalid(format!("the method id 0x{id:X} is unknown; known are {known}")));
            }
        };
        Ok(())
    }

    pub(crate) fn set_encryption(&mut self, encryption: Option<Encryption>) {
        self.encryption = encryption;
    }

    pub(crate) fn set_encrypt_names(&mut self, encrypt: bool) {
        self.encrypt_names = encrypt;
    }

    pub(crate) fn set_volume_bytes(&mut self, bytes: u64) {
        self.volume_bytes = bytes;
    }

    pub(crate) fn set_volume_prefix(&mut self, prefix: Option<Place>) {
        self.volume_prefix = prefix;
    }

    pub(crate) fn set_solid(&mut self, solid: bool) {
        self.solid = solid;
    }

    pub(crate) fn is_solid(&self) -> bool {
        self.solid
    }

    pub(crate) fn set_solid_items(&mut self, items: u32) {
        self.solid_items = items;
    }

    /// 0: the default.
    pub(crate) fn set_interval_ms(&mut self, milliseconds: u32) {
        self.interval = if milliseconds == 0 { DEFAULT_INTERVAL } else { Duration::from_millis(milliseconds.into()) };
    }

    /// The size of volumes in bytes, and what they are called if not after the output. `None`: one file.
    pub(crate) fn volumes(&self) -> Option<(u64, Option<Place>)> {
        (self.volume_bytes > 0).then(|| (self.volume_bytes, self.volume_prefix.clone()))
    }

    /// The engine's options.
    pub(crate) fn write_options(
        &self,
        observer: Arc<dyn Observer>,
        cancel: CancelToken,
    ) -> Result<WriteOptions, Failure> {
        let (level, method) = match (self.level, self.method) {
            (level, Method::Copy) => (level, Method::Copy),
            (0, Method::Lzma(params)) => (1, Method::Lzma(level_0(params))),
            (0, Method::Lzma2(params)) => (1, Method::Lzma2(level_0(params))),
            (level, method) => (level.max(1), method),
        };
        let solid = match (self.solid, u64::from(self.solid_items)) {
            (false, _) => Solid::OFF,
            (true, 0) => Solid::ON,
            (true, max_items) => Solid { max_items, ..Solid::ON },
        };
        let encryption = self.encryption.clone().map(|encryption| encryption.hide_names(self.encrypt_names));
        let options = WriteOptions::new()
            .level(level)?
            .method(method)?
            .threads(Threads::new(self.threads)?)
            .solid(solid)?
            .encryption(encryption)
            .observer(observer)
            .cancel_token(cancel)
            // What the client lends is its own again when the run's function returns.
            .stragglers(Stragglers::Wait);
        Ok(options)
    }
}

fn level_0(params: LzmaParams) -> LzmaParams {
    LzmaParams { dictionary_bytes: Some(LEVEL_0_DICTIONARY_BYTES), ..params }
}
