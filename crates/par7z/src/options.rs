//! Options of writing, opening and extracting: types, checked when set, never clamped.

use crate::crypto::{Key, Password};
use crate::progress::Observer;
use crate::{CancelToken, EntryInfo, Error, ErrorKind, Result};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

/// How many threads compress (or unpack).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Threads {
    /// As many as the machine has cores.
    #[default]
    Auto,
    /// That many, 1 to 256.
    Count(NonZeroU32),
}

impl Threads {
    /// The most threads a run may have.
    pub const MAX: u32 = 256;

    /// `count` threads; 0 means one per core.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] if `count` is over 256.
    pub fn new(count: u32) -> Result<Self> {
        match NonZeroU32::new(count) {
            None => Ok(Self::Auto),
            Some(count) if count.get() <= Self::MAX => Ok(Self::Count(count)),
            Some(count) => Err(invalid(format!("{count} threads: the range is 1 to {}, 0 = one per core", Self::MAX))),
        }
    }

    /// The number this machine gets.
    pub fn resolve(self) -> usize {
        match self {
            Self::Auto => std::thread::available_parallelism().map_or(1, |n| n.get().min(Self::MAX as usize)),
            Self::Count(count) => count.get() as usize,
        }
    }
}

/// Match finder of LZMA and LZMA2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LzmaMatchFinder {
    /// Hash chain over 4 bytes: fast.
    Hc4,
    /// Binary tree over 4 bytes: small.
    Bt4,
}

/// Parser of LZMA and LZMA2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LzmaMode {
    /// Greedy with one look ahead (`a=0`).
    Fast,
    /// Optimal over prices (`a=1`).
    Optimal,
}

/// Parameters of LZMA and LZMA2. `None` takes the level's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LzmaParams {
    /// Dictionary in bytes, 4 KiB to 1 GiB. 7-Zip's `d`.
    pub dictionary_bytes: Option<u32>,
    /// A match of this length is taken at once, 5 to 273. 7-Zip's `fb`.
    pub nice_length: Option<u32>,
    /// Match finder steps per position, 1 to 1000000000. 7-Zip's `mc`.
    pub cycles: Option<u32>,
    /// Match finder. 7-Zip's `mf`.
    pub match_finder: Option<LzmaMatchFinder>,
    /// Parser. 7-Zip's `a`.
    pub mode: Option<LzmaMode>,
    /// Literal context bits, 0 to 8 (LZMA2: `lc + lp` at most 4).
    pub lc: Option<u32>,
    /// Literal position bits, 0 to 4.
    pub lp: Option<u32>,
    /// Position bits, 0 to 4.
    pub pb: Option<u32>,
}

/// Parameters of PPMd (variant H). `None` takes the level's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PpmdParams {
    /// Model order, 2 to 32. 7-Zip's `o`.
    pub order: Option<u32>,
    /// Model memory in bytes, 2 KiB to 1 GiB. 7-Zip's `mem`.
    pub memory_bytes: Option<u32>,
}

/// Parameters of BZip2. `None` takes the level's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bzip2Params {
    /// Block size in units of 100,000 bytes, 1 to 9. 7-Zip's `d=900k` is 9.
    pub block_100k: Option<u32>,
}

/// Parameters of Deflate. `None` takes the level's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeflateParams {
    /// zlib's own level, 1 to 9.
    pub zlib_level: Option<u32>,
}

/// The compressor of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Store.
    Copy,
    /// LZMA.
    Lzma(LzmaParams),
    /// LZMA2: the default. Large items use all threads.
    Lzma2(LzmaParams),
    /// PPMd variant H.
    Ppmd(PpmdParams),
    /// BZip2.
    Bzip2(Bzip2Params),
    /// Deflate.
    Deflate(DeflateParams),
}

impl Default for Method {
    fn default() -> Self {
        Self::Lzma2(LzmaParams::default())
    }
}

/// A reversible filter in front of the compressor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// Differences between bytes `distance` (1 to 256) apart.
    Delta {
        /// Distance in bytes, 1 to 256.
        distance: u32,
    },
    /// x86 and x86-64 branch addresses.
    BcjX86,
    /// 32-bit ARM.
    Arm,
    /// ARM Thumb.
    ArmThumb,
    /// 64-bit ARM.
    Arm64,
    /// PowerPC, big-endian.
    PowerPc,
    /// SPARC.
    Sparc,
    /// Itanium.
    Ia64,
    /// RISC-V.
    RiscV,
    /// Swaps each 2 bytes.
    Swap2,
    /// Reverses each 4 bytes.
    Swap4,
}

/// Which filters items get.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FilterChoice {
    /// Executables get the filter of their CPU, as in 7-Zip; others none.
    #[default]
    Auto,
    /// None.
    Off,
    /// These for every item, the first one nearest the content; at most 3.
    Chain(Vec<Filter>),
}

/// How items share folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Solid {
    /// Items in one folder at the most. 1 = non-solid.
    pub max_items: u64,
    /// Unpacked bytes in one folder at the most (one larger item still gets in, alone).
    pub max_bytes: u64,
    /// Whether an item with another extension begins a new folder. Items are then sorted by extension, so each solid
    /// group is full; needs the items' names beforehand, so it holds back what was added until the end.
    pub by_extension: bool,
}

impl Solid {
    /// A folder per item: every item can be read alone, and all threads are busy. par7z's default.
    pub const OFF: Self = Self { max_items: 1, max_bytes: u64::MAX, by_extension: false };

    /// As few folders as the bounds of 7-Zip's level allow; see [`WriteOptions::solid`].
    pub const ON: Self = Self { max_items: u64::MAX, max_bytes: u64::MAX, by_extension: false };
}

/// The order of folders and entries in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// That in which the items were added: the archive's bytes do not depend on the number of threads.
    #[default]
    Input,
    /// That in which folders are finished: less waiting and less memory when items are very unequal.
    Completion,
}

/// What a failed item means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorPolicy {
    /// Leave it out, report it, go on.
    #[default]
    Skip,
    /// Try it again that many times, if its source can be opened again; then leave it out.
    Retry {
        /// Further attempts, 1 to 100.
        times: u32,
    },
    /// End the run with its error; nothing is written.
    Abort,
}

/// Password or raw key.
#[derive(Clone)]
pub enum Secret {
    /// A password: 7-Zip's key derivation (SHA-256, 2^19 rounds).
    Password(Password),
    /// The AES-256 key itself (7zAES with cycle power 63 and no salt). Opens in stock 7-Zip when the 32 bytes are 16
    /// UTF-16LE characters, with these as the password.
    Key(Key),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(..)",
            Self::Key(_) => "Key(..)",
        })
    }
}

/// How to encrypt.
#[derive(Debug, Clone)]
pub struct Encryption {
    /// Password or key.
    pub secret: Secret,
    /// Encrypt names, times and the archive's structure too (7-Zip's `-mhe=on`).
    pub hide_names: bool,
    /// `None`: a fresh random IV for each folder. `Some`: each folder's IV is derived from this one (SHA-256 over it and
    /// the folder's number), so that equal input gives equal bytes. Never give the same one twice with one key.
    pub iv: Option<[u8; 16]>,
}

impl Encryption {
    /// With a password.
    pub fn password(password: impl Into<Password>) -> Self {
        Self { secret: Secret::Password(password.into()), hide_names: false, iv: None }
    }

    /// With a raw key.
    pub fn key(key: Key) -> Self {
        Self { secret: Secret::Key(key), hide_names: false, iv: None }
    }

    /// Sets whether names are hidden.
    #[must_use]
    pub fn hide_names(mut self, hide: bool) -> Self {
        self.hide_names = hide;
        self
    }
}

/// Which times are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeChoice {
    /// Last modification (7-Zip's `-mtm`, on).
    pub modified: bool,
    /// Creation (`-mtc`, off).
    pub created: bool,
    /// Last access (`-mta`, off).
    pub accessed: bool,
}

impl Default for TimeChoice {
    fn default() -> Self {
        Self { modified: true, created: false, accessed: false }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOption, message)
}

/// How to write an archive. Built once, then given to a [`Compressor`](crate::Compressor).
#[derive(Clone)]
pub struct WriteOptions {
    pub(crate) level: u32,
    pub(crate) threads: Threads,
    pub(crate) method: Method,
    pub(crate) filters: FilterChoice,
    pub(crate) solid: Solid,
    pub(crate) order: Order,
    pub(crate) memory_budget_bytes: u64,
    pub(crate) encryption: Option<Encryption>,
    pub(crate) compress_header: bool,
    pub(crate) times: TimeChoice,
    pub(crate) attributes: bool,
    pub(crate) error_policy: ErrorPolicy,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) cancel: CancelToken,
}

impl fmt::Debug for WriteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteOptions")
            .field("level", &self.level)
            .field("threads", &self.threads)
            .field("method", &self.method)
            .field("filters", &self.filters)
            .field("solid", &self.solid)
            .field("order", &self.order)
            .field("memory_budget_bytes", &self.memory_budget_bytes)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            level: 5,
            threads: Threads::Auto,
            method: Method::default(),
            filters: FilterChoice::Auto,
            solid: Solid::OFF,
            order: Order::Input,
            memory_budget_bytes: Self::DEFAULT_MEMORY_BUDGET_BYTES,
            encryption: None,
            compress_header: true,
            times: TimeChoice::default(),
            attributes: true,
            error_policy: ErrorPolicy::Skip,
            observer: None,
            cancel: CancelToken::new(),
        }
    }
}

impl WriteOptions {
    /// The default of [`memory_budget`](Self::memory_budget): 512 MiB.
    pub const DEFAULT_MEMORY_BUDGET_BYTES: u64 = 512 << 20;
    /// The smallest [`memory_budget`](Self::memory_budget): 16 MiB.
    pub const MIN_MEMORY_BUDGET_BYTES: u64 = 16 << 20;

    /// Level 5, LZMA2, non-solid, one thread per core.
    pub fn new() -> Self {
        Self::default()
    }

    /// Compression level, 0 (store) to 9 (smallest), as 7-Zip's `-mx`. Default 5.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] above 9.
    pub fn level(mut self, level: u32) -> Result<Self> {
        if level > 9 {
            return Err(invalid(format!("level {level}: the range is 0 to 9")));
        }
        self.level = level;
        Ok(self)
    }

    /// Threads that compress.
    #[must_use]
    pub fn threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// The compressor. Level 0 stores whatever the method is, as 7-Zip does.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] if a parameter is out of its range.
    pub fn method(mut self, method: Method) -> Result<Self> {
        check_method(&method)?;
        self.method = method;
        Ok(self)
    }

    /// Filters in front of the compressor.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] for more than 3 filters, or a Delta distance out of 1 to 256.
    pub fn filters(mut self, filters: FilterChoice) -> Result<Self> {
        if let FilterChoice::Chain(chain) = &filters {
            if chain.len() > 3 {
                return Err(invalid(format!("{} filters: at most 3 fit in a chain", chain.len())));
            }
            for filter in chain {
                if let Filter::Delta { distance } = filter {
                    check_range("the Delta distance", *distance, 1, 256)?;
                }
            }
        }
        self.filters = filters;
        Ok(self)
    }

    /// How items share folders. Default [`Solid::OFF`].
    ///
    /// Whatever is asked for, a folder holds no more unpacked bytes than the dictionary times 128 (at least 16 MiB, at
    /// most 4 GiB), 7-Zip's own bound: beyond that solid gains nothing and a reader pays.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] if a bound is 0.
    pub fn solid(mut self, solid: Solid) -> Result<Self> {
        if solid.max_items == 0 || solid.max_bytes == 0 {
            return Err(invalid("a solid folder of 0 items or bytes: give at least 1"));
        }
        self.solid = solid;
        Ok(self)
    }

    /// Order of folders and entries. Default [`Order::Input`].
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Bytes that may be in flight at once: input read ahead and packed output that waits for its turn. The encoders'
    /// own memory comes on top, see the crate's documentation. Default 512 MiB, at least 16 MiB.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] below 16 MiB.
    pub fn memory_budget(mut self, bytes: u64) -> Result<Self> {
        if bytes < Self::MIN_MEMORY_BUDGET_BYTES {
            return Err(invalid(format!("a memory budget of {bytes} bytes: at least 16 MiB are needed")));
        }
        self.memory_budget_bytes = bytes;
        Ok(self)
    }

    /// Encrypts all content, and with [`Encryption::hide_names`] the header.
    #[must_use]
    pub fn encryption(mut self, encryption: Option<Encryption>) -> Self {
        self.encryption = encryption;
        self
    }

    /// Whether the header is compressed (7-Zip's `-mhc`). Default on. An encrypted header is compressed all the same.
    #[must_use]
    pub fn compress_header(mut self, compress: bool) -> Self {
        self.compress_header = compress;
        self
    }

    /// Which times are stored. Default: modification alone, as 7-Zip.
    #[must_use]
    pub fn times(mut self, times: TimeChoice) -> Self {
        self.times = times;
        self
    }

    /// Whether attributes and unix modes are stored (7-Zip's `-mtr`). Default on.
    #[must_use]
    pub fn attributes(mut self, store: bool) -> Self {
        self.attributes = store;
        self
    }

    /// What a failed item means. Default [`ErrorPolicy::Skip`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] if the retries are not 1 to 100.
    pub fn on_error(mut self, policy: ErrorPolicy) -> Result<Self> {
        if let ErrorPolicy::Retry { times } = policy {
            check_range("the number of retries", times, 1, 100)?;
        }
        self.error_policy = policy;
        Ok(self)
    }

    /// Who is told what happens.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The token that stops the run.
    #[must_use]
    pub fn cancel_token(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }
}

fn check_range(what: &str, value: u32, min: u32, max: u32) -> Result<()> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(invalid(format!("{what} is {value}: the range is {min} to {max}")))
}

fn check_method(method: &Method) -> Result<()> {
    let check = |what: &str, value: Option<u32>, min, max| value.map_or(Ok(()), |v| check_range(what, v, min, max));
    match method {
        Method::Copy => Ok(()),
        Method::Lzma(p) | Method::Lzma2(p) => {
            check("the dictionary in bytes (d)", p.dictionary_bytes, 1 << 12, 1 << 30)?;
            check("the nice length (fb)", p.nice_length, 5, 273)?;
            check("the match finder's cycles (mc)", p.cycles, 1, 1_000_000_000)?;
            check("lc", p.lc, 0, 8)?;
            check("lp", p.lp, 0, 4)?;
            check("pb", p.pb, 0, 4)?;
            let (lc, lp) = (p.lc.unwrap_or(3), p.lp.unwrap_or(0));
            if matches!(method, Method::Lzma2(_)) && lc + lp > 4 {
                return Err(invalid(format!("lc={lc} and lp={lp}: LZMA2 allows 4 together")));
            }
            Ok(())
        }
        Method::Ppmd(p) => {
            check("PPMd's order (o)", p.order, 2, 32)?;
            check("PPMd's memory in bytes (mem)", p.memory_bytes, 1 << 11, 1 << 30)
        }
        Method::Bzip2(p) => check("BZip2's block in 100,000 bytes (d)", p.block_100k, 1, 9),
        Method::Deflate(p) => check("zlib's level", p.zlib_level, 1, 9),
    }
}

/// What reading may cost. Checked before it is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadLimits {
    /// Memory for the decoders of one folder, in bytes. Default 4 GiB (a 1536 MiB dictionary and then some).
    pub decoder_memory_bytes: u64,
    /// Bytes of the unpacked header. Default 1 GiB.
    pub header_bytes: u64,
    /// Entries. Default 16 Mi.
    pub entries: u64,
    /// Bytes that one call of extract or test may unpack. Default: no limit.
    pub output_bytes: u64,
    /// Key derivation rounds as a power of two, 0 to 62. Default 24, as 7-Zip.
    pub key_rounds_log2: u32,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            decoder_memory_bytes: 4 << 30,
            header_bytes: 1 << 30,
            entries: 16 << 20,
            output_bytes: u64::MAX,
            key_rounds_log2: 24,
        }
    }
}

/// How to open an archive.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    pub(crate) secret: Option<Secret>,
    pub(crate) limits: ReadLimits,
}

impl OpenOptions {
    /// No password, default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Password or key for encrypted names and content.
    #[must_use]
    pub fn secret(mut self, secret: Option<Secret>) -> Self {
        self.secret = secret;
        self
    }

    /// Limits.
    #[must_use]
    pub fn limits(mut self, limits: ReadLimits) -> Self {
        self.limits = limits;
        self
    }
}

/// An existing file in the way of an entry.
#[derive(Debug, Clone, Copy)]
pub struct OverwriteQuestion<'a> {
    /// The entry.
    pub entry: &'a EntryInfo,
    /// The existing file, below the destination.
    pub path: &'a str,
    /// Its size in bytes.
    pub existing_size: u64,
    /// Its last modification.
    pub existing_modified: Option<crate::FileTime>,
}

/// The answer to an [`OverwriteQuestion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverwriteAnswer {
    /// Replace the existing file.
    Replace,
    /// Leave it and leave out the entry.
    Skip,
    /// Write the entry under another name (`name_1.ext`).
    RenameNew,
    /// Stop the run.
    Cancel,
}

/// What to do when a file of that name exists.
#[derive(Clone, Default)]
pub enum Overwrite {
    /// Fail the entry: nothing is ever replaced.
    #[default]
    Refuse,
    /// Replace it (7-Zip's `-aoa`). The old file stays until the new one is complete.
    Replace,
    /// Leave out the entry (`-aos`).
    Skip,
    /// Write the entry under another name (`-aou`).
    RenameNew,
    /// Rename the existing file (`-aot`).
    RenameExisting,
    /// Ask. Calls come one at a time.
    Ask(Arc<dyn Fn(&OverwriteQuestion<'_>) -> OverwriteAnswer + Send + Sync>),
}

impl fmt::Debug for Overwrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "Refuse",
            Self::Replace => "Replace",
            Self::Skip => "Skip",
            Self::RenameNew => "RenameNew",
            Self::RenameExisting => "RenameExisting",
            Self::Ask(_) => "Ask(..)",
        })
    }
}

/// Where entries go below the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathMode {
    /// Under their full names (7-Zip's `x`).
    #[default]
    Full,
    /// All in the destination itself, under the last part of their names (`e`).
    Flat,
}

/// Chooses entries.
pub(crate) type Selection = Arc<dyn Fn(&EntryInfo) -> bool + Send + Sync>;

/// How to extract or test.
#[derive(Clone)]
pub struct ExtractOptions {
    pub(crate) threads: Threads,
    pub(crate) overwrite: Overwrite,
    pub(crate) paths: PathMode,
    pub(crate) select: Option<Selection>,
    pub(crate) restore_links: bool,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) cancel: CancelToken,
}

impl fmt::Debug for ExtractOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractOptions")
            .field("threads", &self.threads)
            .field("overwrite", &self.overwrite)
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

impl Default for ExtractOptions {
    fn default() -> Self {
        Self {
            threads: Threads::Auto,
            overwrite: Overwrite::Refuse,
            paths: PathMode::Full,
            select: None,
            restore_links: true,
            observer: None,
            cancel: CancelToken::new(),
        }
    }
}

impl ExtractOptions {
    /// All entries, all cores, full names, nothing replaced, links restored if they stay inside.
    pub fn new() -> Self {
        Self::default()
    }

    /// Threads that unpack; folders are unpacked in parallel.
    #[must_use]
    pub fn threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// What to do when a file exists.
    #[must_use]
    pub fn overwrite(mut self, overwrite: Overwrite) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Full names or flat.
    #[must_use]
    pub fn paths(mut self, paths: PathMode) -> Self {
        self.paths = paths;
        self
    }

    /// Takes only the entries for which `select` says yes. Folders without one are not touched.
    #[must_use]
    pub fn select(mut self, select: impl Fn(&EntryInfo) -> bool + Send + Sync + 'static) -> Self {
        self.select = Some(Arc::new(select));
        self
    }

    /// Whether symbolic links become links (default; refused if they lead outside) or files that hold the target.
    #[must_use]
    pub fn restore_links(mut self, restore: bool) -> Self {
        self.restore_links = restore;
        self
    }

    /// Who is told what happens.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The token that stops the run.
    #[must_use]
    pub fn cancel_token(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }
}
