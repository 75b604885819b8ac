//! The command line as plain values. Everything is checked here, nothing is acted upon.

use super::method::{CoderSpec, MethodArgs};
use super::table::{COMMANDS, Id, Switch};
use super::{edits, method, size};
use crate::exit::Failure;
use par7z::{ErrorPolicy, Order, Solid, Threads, TimeChoice};
use par7z_object_store::shown_url;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Command {
    /// No command: print help.
    #[default]
    None,
    Add,
    Extract,
    ExtractFlat,
    List,
    Test,
    Bench,
    Info,
    Hash,
    Completions,
    Man,
    Help,
}

/// 7-Zip's `-r`, `-r0`, `-r-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Recurse {
    /// Names are looked for where they say.
    #[default]
    No,
    /// At any depth.
    Yes,
    /// At any depth if there is a `*` or `?` in them.
    Wildcards,
}

impl Recurse {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self::Yes),
            "0" => Some(Self::Wildcards),
            "-" => Some(Self::No),
            _ => None,
        }
    }
}

/// Where a name comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NameSource {
    /// It is this.
    Pattern(OsString),
    /// The lines of this file.
    List(PathBuf),
}

/// A name to take or to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameSpec {
    pub(crate) include: bool,
    /// `None`: as `-r` says.
    pub(crate) recurse: Option<Recurse>,
    pub(crate) wildcards: bool,
    pub(crate) source: NameSource,
}

/// Where the password or key comes from.
#[derive(Clone, Default)]
pub(crate) enum SecretArg {
    /// There is none.
    #[default]
    None,
    /// Bare `-p`.
    Ask,
    /// `-pTEXT`.
    Text(Zeroizing<String>),
    /// First line of a file.
    File(PathBuf),
    /// First line from a descriptor.
    Fd(u32),
    /// An environment variable.
    Env(OsString),
    /// A raw key in a file.
    KeyFile(PathBuf),
}

impl fmt::Debug for SecretArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Ask => "Ask",
            Self::Text(_) => "Text(..)",
            Self::File(_) => "File(..)",
            Self::Fd(_) => "Fd(..)",
            Self::Env(_) => "Env(..)",
            Self::KeyFile(_) => "KeyFile(..)",
        })
    }
}

/// 7-Zip's `-ao`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverwriteArg {
    Replace,
    Skip,
    RenameNew,
    RenameExisting,
}

/// Charset of list files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Charset {
    #[default]
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// When `.7z` is appended to the archive's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum NameMode {
    #[default]
    IfNoExtension,
    Always,
    Never,
}

/// Where a kind of message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamArg {
    Nowhere,
    Stdout,
    Stderr,
}

/// Which hashes `h` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum HashArg {
    #[default]
    Crc32,
    Sha256,
    All,
}

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub(crate) struct LowArgs {
    pub(crate) command: Command,
    pub(crate) archive: Option<PathBuf>,
    pub(crate) names: Vec<NameSpec>,
    /// Words of commands without an archive: a shell, a command, rounds.
    pub(crate) words: Vec<OsString>,
    pub(crate) help: bool,
    pub(crate) version: bool,

    pub(crate) recurse: Recurse,
    pub(crate) no_wildcards: bool,
    pub(crate) ignore_case: bool,
    pub(crate) full_paths: bool,
    pub(crate) keep_root: bool,
    pub(crate) store_links: Option<bool>,
    /// `-si`, with the name if one was given.
    pub(crate) stdin: Option<Option<String>>,
    pub(crate) charset: Charset,
    pub(crate) delete_after: bool,

    pub(crate) level: Option<u32>,
    pub(crate) threads: Option<Threads>,
    pub(crate) method: MethodArgs,
    pub(crate) solid: Option<Solid>,
    pub(crate) sort_by_type: bool,
    pub(crate) compress_header: Option<bool>,
    pub(crate) memory: Option<u64>,
    pub(crate) encoder_memory: Option<u64>,
    pub(crate) independent_blocks: bool,
    pub(crate) times: TimeChoice,
    pub(crate) no_attributes: bool,
    pub(crate) order: Order,
    pub(crate) deterministic: bool,
    pub(crate) error_policy: ErrorPolicy,

    pub(crate) secret: SecretArg,
    pub(crate) hide_names: bool,
    pub(crate) iv: Option<[u8; 16]>,

    pub(crate) output_dir: Option<PathBuf>,
    pub(crate) stdout: bool,
    pub(crate) overwrite: Option<OverwriteArg>,
    pub(crate) yes: bool,
    pub(crate) replace_archive: bool,
    pub(crate) volumes: Vec<u64>,
    pub(crate) name_mode: NameMode,
    pub(crate) archive_time: bool,
    pub(crate) no_duplicate_root: bool,

    pub(crate) endpoint: Option<String>,
    pub(crate) anonymous: bool,
    pub(crate) connection_string_env: Option<OsString>,
    pub(crate) requests_in_flight: Option<usize>,

    pub(crate) no_progress: bool,
    pub(crate) log_level: u32,
    pub(crate) out_stream: Option<StreamArg>,
    pub(crate) err_stream: Option<StreamArg>,
    pub(crate) progress_stream: Option<StreamArg>,
    pub(crate) timing: bool,
    pub(crate) bare: bool,
    pub(crate) technical: bool,
    pub(crate) json: bool,
    pub(crate) hash: HashArg,
    pub(crate) plot: Option<PathBuf>,
    pub(crate) bench_bytes: Option<u64>,
}

impl LowArgs {
    /// Takes one switch whose value fits its row.
    pub(super) fn apply(&mut self, switch: &Switch, value: &OsStr) -> Result<(), Failure> {
        self.apply_numbered(switch, 0, value)
    }

    /// As [`apply`](Self::apply), with the digit of `-m0`, `-m1`.
    pub(super) fn apply_numbered(&mut self, switch: &Switch, digit: u32, value: &OsStr) -> Result<(), Failure> {
        // Paths and passwords first: they need not be lower-cased, and paths need not be UTF-8.
        if self.apply_path(switch.id, value)? {
            return Ok(());
        }
        let text =
            value.to_str().ok_or_else(|| Failure::usage(format!("the value of {} is not UTF-8", switch.spelling())))?;
        if self.apply_method(switch.id, digit, text)? || self.apply_secret(switch.id, text)? {
            return Ok(());
        }
        self.apply_plain(switch, text)
    }

    fn apply_path(&mut self, id: Id, value: &OsStr) -> Result<bool, Failure> {
        match id {
            Id::Include | Id::Exclude => self.names.push(name_switch(id == Id::Include, value)?),
            Id::PasswordFile => self.secret = SecretArg::File(value.into()),
            Id::PasswordEnv => self.secret = SecretArg::Env(value.to_owned()),
            Id::KeyFile => self.secret = SecretArg::KeyFile(value.into()),
            Id::OutputDir => self.output_dir = Some(value.into()),
            Id::ConnectionStringEnv => self.connection_string_env = Some(value.to_owned()),
            Id::Plot => self.plot = Some(value.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn apply_method(&mut self, id: Id, digit: u32, text: &str) -> Result<bool, Failure> {
        match id {
            Id::Level => self.level = Some(level(text)?),
            Id::Threads => self.threads = Some(threads(text)?),
            Id::Coder => _ = self.method.coders.insert(digit, CoderSpec::parse(text)?),
            Id::Method => _ = self.method.coders.insert(0, CoderSpec::parse(text)?),
            Id::MainParameter(key) => self.method.main.push((key.to_owned(), text.to_ascii_lowercase())),
            Id::Filter => self.method.filter = Some(text.to_ascii_lowercase()),
            Id::Solid => self.solid = Some(method::solid(text)?),
            Id::SortByType => self.sort_by_type = on_off(text),
            Id::CompressHeader => self.compress_header = Some(on_off(text)),
            Id::Memory => self.memory = Some(bytes("--memory", text)?),
            Id::MemoryUse if text.starts_with(['p', 'P']) => {}
            Id::MemoryUse => self.memory = Some(bytes("-mmemuse", text)?),
            Id::EncoderMemory => self.encoder_memory = Some(bytes("--encoder-memory", text)?),
            Id::IndependentBlocks => self.independent_blocks = true,
            Id::StoreModified => self.times.modified = on_off(text),
            Id::StoreCreated => self.times.created = on_off(text),
            Id::StoreAccessed => self.times.accessed = on_off(text),
            Id::StoreAttributes => self.no_attributes = !on_off(text),
            Id::Order if text == "completion" => self.order = Order::Completion,
            Id::Order => self.order = Order::Input,
            Id::Deterministic => self.deterministic = true,
            Id::OnError => self.error_policy = error_policy(text)?,
            Id::StopOnOpenError => self.error_policy = ErrorPolicy::Abort,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn apply_secret(&mut self, id: Id, text: &str) -> Result<bool, Failure> {
        match id {
            Id::Password if text.is_empty() => self.secret = SecretArg::Ask,
            Id::Password => self.secret = SecretArg::Text(Zeroizing::new(text.to_owned())),
            Id::PasswordFd => {
                let fd =
                    text.parse().map_err(|_| Failure::usage(format!("--password-fd {text}: a number is needed")))?;
                self.secret = SecretArg::Fd(fd);
            }
            Id::Iv => self.iv = Some(iv(text)?),
            Id::HideNames => self.hide_names = on_off(text),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn apply_plain(&mut self, switch: &Switch, text: &str) -> Result<(), Failure> {
        match switch.id {
            Id::Recurse => self.recurse = Recurse::parse(text).unwrap_or_default(),
            Id::NoWildcards => self.no_wildcards = true,
            Id::CaseSensitive => self.ignore_case = text == "-",
            Id::FullPaths => (self.full_paths, self.keep_root) = (true, text.is_empty()),
            Id::StoreLinks => self.store_links = Some(text.is_empty()),
            Id::Stdin => self.stdin = Some((!text.is_empty()).then(|| text.to_owned())),
            Id::Stdout => self.stdout = true,
            Id::ListCharset => self.charset = charset(text)?,
            Id::DeleteAfter => self.delete_after = true,
            Id::OverwriteMode => self.overwrite = Some(overwrite(text)),
            Id::AssumeYes => self.yes = true,
            Id::ReplaceArchive => self.replace_archive = true,
            Id::Volumes => self.volumes.push(volume(text)?),
            Id::ArchiveType => archive_type(text)?,
            Id::ArchiveNameMode => self.name_mode = name_mode(text),
            Id::ArchiveTime => self.archive_time = true,
            Id::NoDuplicateRoot => self.no_duplicate_root = true,
            Id::Endpoint => self.endpoint = Some(text.to_owned()),
            Id::Anonymous => self.anonymous = true,
            Id::Requests => self.requests_in_flight = Some(requests(text)?),
            Id::NoProgress => self.no_progress = true,
            Id::LogLevel => self.log_level = text.parse().unwrap_or(1),
            Id::Streams => self.streams(text)?,
            Id::Timing => self.timing = true,
            Id::Bare => self.bare = true,
            Id::Technical => self.technical = true,
            Id::Json => self.json = true,
            Id::Hash => self.hash = hash(text),
            Id::BenchSize => self.bench_bytes = Some(bytes("--size", text)?),
            Id::Help => self.help = true,
            Id::Version => self.version = true,
            Id::Refused => {
                return Err(Failure::usage(format!("-{} is not supported: {}", switch.short, switch.help)));
            }
            _ => {}
        }
        Ok(())
    }

    fn streams(&mut self, text: &str) -> Result<(), Failure> {
        let wrong = || Failure::usage(format!("-bs{text}: it is written -bs{{o|e|p}}{{0|1|2}}"));
        let lower = text.to_ascii_lowercase();
        let mut chars = lower.chars();
        let kind = chars.next();
        let target = match chars.as_str() {
            "0" => StreamArg::Nowhere,
            "1" => StreamArg::Stdout,
            "2" => StreamArg::Stderr,
            _ => return Err(wrong()),
        };
        match kind {
            Some('o') => self.out_stream = Some(target),
            Some('e') => self.err_stream = Some(target),
            Some('p') => self.progress_stream = Some(target),
            _ => return Err(wrong()),
        }
        Ok(())
    }

    /// Takes the words that are no switches. The flag says that `--` came before, so that `@` is no list file.
    pub(super) fn set_positional(&mut self, words: Vec<(OsString, bool)>) -> Result<(), Failure> {
        let mut words = words.into_iter();
        let Some((command, _)) = words.next() else { return Ok(()) };
        self.command = command_named(&command)?;
        let reads_stdin = self.stdin.is_some() && self.command != Command::Add;
        let wants_archive = matches!(
            self.command,
            Command::Add | Command::Extract | Command::ExtractFlat | Command::List | Command::Test
        );
        if wants_archive && !reads_stdin && !self.help {
            let archive = words.next().ok_or_else(|| {
                Failure::usage(
                    "Cannot find archive name\nThe word after the command is the archive: par7z a ARCHIVE NAME...",
                )
            })?;
            self.archive = Some(archive.0.into());
        }
        match self.command {
            Command::Bench | Command::Completions | Command::Man | Command::Help | Command::Info => {
                self.words = words.map(|(word, _)| word).collect();
            }
            _ => self.names.extend(words.map(|(word, literal_at)| positional_name(word, literal_at))),
        }
        Ok(())
    }
}

fn requests(text: &str) -> Result<usize, Failure> {
    text.parse().map_err(|_| Failure::usage(format!("--requests {text}: a number is needed")))
}

fn positional_name(word: OsString, literal_at: bool) -> NameSpec {
    let list = (!literal_at).then(|| word.to_str()?.strip_prefix('@')).flatten();
    let source = match list {
        Some(list) => NameSource::List(list.into()),
        None => NameSource::Pattern(word),
    };
    NameSpec { include: true, recurse: None, wildcards: true, source }
}

fn command_named(word: &OsStr) -> Result<Command, Failure> {
    let lower = word.to_string_lossy().to_ascii_lowercase();
    Ok(match lower.as_str() {
        "a" => Command::Add,
        "x" => Command::Extract,
        "e" => Command::ExtractFlat,
        "l" => Command::List,
        "t" => Command::Test,
        "b" => Command::Bench,
        "i" => Command::Info,
        "h" => Command::Hash,
        "completions" => Command::Completions,
        "man" => Command::Man,
        "help" => Command::Help,
        "u" | "d" | "rn" => {
            return Err(Failure::usage(format!(
                "{lower}: changing an archive is not there yet; make a new one with a"
            )));
        }
        _ => {
            let near = COMMANDS.iter().find(|row| row.name.len() > 1 && edits(row.name, &lower) <= 2);
            let hint = near.map_or(String::from("Commands: a x e l t b i h; see par7z --help"), |row| {
                format!("Did you mean {}?", row.name)
            });
            // A URL may hold a signature.
            let shown = shown_url(&word.to_string_lossy());
            return Err(Failure::usage(format!("Unsupported command:\n{shown}\n{hint}")));
        }
    })
}

/// `-i` and `-x`: `[r[-|0]][m[-|2]][w[-]]{!PATTERN|@LIST}`.
fn name_switch(include: bool, value: &OsStr) -> Result<NameSpec, Failure> {
    let letter = if include { 'i' } else { 'x' };
    let text = value.to_str().ok_or_else(|| Failure::usage(format!("-{letter}{}: not UTF-8", value.display())))?;
    let wrong = || {
        Failure::usage(format!("-{letter}{text}: it is written -{letter}[r[-|0]]!PATTERN or -{letter}[r[-|0]]@LIST"))
    };
    let at = text.find(['!', '@']).ok_or_else(wrong)?;
    let (mut flags, rest) = (text[..at].to_ascii_lowercase(), &text[at + 1..]);
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut recurse = None;
    if let Some(after) = flags.strip_prefix('r') {
        let mark: String = after.chars().take_while(|c| matches!(c, '-' | '0')).collect();
        recurse = Some(Recurse::parse(&mark).ok_or_else(wrong)?);
        flags = after[mark.len()..].to_owned();
    }
    // m, m-, m2 (what a trailing slash means) keep their default meaning.
    if let Some(after) = flags.strip_prefix('m') {
        flags = after.trim_start_matches(['-', '2']).to_owned();
    }
    let wildcards = flags != "w-";
    if !matches!(flags.as_str(), "" | "w" | "w-") {
        return Err(wrong());
    }
    let source = match text.as_bytes()[at] {
        b'!' => NameSource::Pattern(rest.into()),
        _ => NameSource::List(rest.into()),
    };
    Ok(NameSpec { include, recurse, wildcards, source })
}

fn on_off(text: &str) -> bool {
    !matches!(text.to_ascii_lowercase().as_str(), "off" | "-")
}

fn level(text: &str) -> Result<u32, Failure> {
    match text {
        "" => Ok(9),
        _ => match text.parse() {
            Ok(level @ 0..=9) => Ok(level),
            _ => Err(Failure::usage(format!("level {text}: the range is 0 (store) to 9 (smallest)"))),
        },
    }
}

fn threads(text: &str) -> Result<Threads, Failure> {
    let wrong = || Failure::usage(format!("-mmt={text}: give 1 to {}, on or off", Threads::MAX));
    match text.to_ascii_lowercase().as_str() {
        "" | "on" | "+" => Ok(Threads::Auto),
        "off" | "-" => Threads::new(1).map_err(Failure::from),
        number => Threads::new(number.parse().map_err(|_| wrong())?).map_err(|_| wrong()),
    }
}

fn bytes(switch: &str, text: &str) -> Result<u64, Failure> {
    size::bytes(text).ok_or_else(|| Failure::usage(format!("{switch} {text}: give a size such as 512m or 2g")))
}

fn volume(text: &str) -> Result<u64, Failure> {
    match size::bytes(text) {
        Some(size) if size > 0 => Ok(size),
        _ => Err(Failure::usage(format!("-v{text}: give a size such as 100m, 700k or 4g"))),
    }
}

fn error_policy(text: &str) -> Result<ErrorPolicy, Failure> {
    match text.split_once(':') {
        None if text == "skip" => Ok(ErrorPolicy::Skip),
        None if text == "abort" => Ok(ErrorPolicy::Abort),
        None if text == "retry" => Ok(ErrorPolicy::Retry { times: 3 }),
        Some(("retry", times)) if matches!(times.parse(), Ok(1..=100_u32)) => {
            Ok(ErrorPolicy::Retry { times: times.parse().unwrap_or(1) })
        }
        _ => Err(Failure::usage(format!("--on-error {text}: give skip, retry:N (1 to 100) or abort"))),
    }
}

fn iv(text: &str) -> Result<[u8; 16], Failure> {
    // The value is secret enough not to be echoed.
    let wrong = || Failure::usage("--iv: give 32 hex digits");
    let mut iv = [0; 16];
    hex(text, &mut iv).ok_or_else(wrong)?;
    Ok(iv)
}

/// Fills `out` from exactly as many hex digits.
pub(crate) fn hex(text: &str, out: &mut [u8]) -> Option<()> {
    let digits = text.as_bytes();
    if digits.len() != out.len() * 2 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(())
}

fn charset(text: &str) -> Result<Charset, Failure> {
    match text.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" | "65001" => Ok(Charset::Utf8),
        "utf-16le" | "1200" => Ok(Charset::Utf16Le),
        "utf-16be" | "1201" => Ok(Charset::Utf16Be),
        _ => Err(Failure::usage(format!("-scs{text}: list files are read as UTF-8, UTF-16LE or UTF-16BE"))),
    }
}

fn overwrite(text: &str) -> OverwriteArg {
    match text.to_ascii_lowercase().as_str() {
        "a" => OverwriteArg::Replace,
        "s" => OverwriteArg::Skip,
        "u" => OverwriteArg::RenameNew,
        _ => OverwriteArg::RenameExisting,
    }
}

fn name_mode(text: &str) -> NameMode {
    match text.to_ascii_lowercase().as_str() {
        "a" => NameMode::Always,
        "e" => NameMode::Never,
        _ => NameMode::IfNoExtension,
    }
}

fn hash(text: &str) -> HashArg {
    match text.to_ascii_lowercase().as_str() {
        "sha256" => HashArg::Sha256,
        "*" => HashArg::All,
        _ => HashArg::Crc32,
    }
}

fn archive_type(text: &str) -> Result<(), Failure> {
    if text.eq_ignore_ascii_case("7z") || text == "*" {
        return Ok(());
    }
    Err(Failure::usage(format!("-t{text}: par7z writes and reads 7z archives alone; use -t7z or leave it out")))
}
