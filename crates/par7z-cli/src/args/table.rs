//! The one table of commands and switches. The parser, `--help`, the man page and the completions all read it, so they
//! cannot disagree.

/// What a switch sets. Several spellings may share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Id {
    Include,
    Exclude,
    Recurse,
    NoWildcards,
    CaseSensitive,
    FullPaths,
    Stdin,
    Stdout,
    ListCharset,
    StoreLinks,
    DeleteAfter,
    StopOnOpenError,
    ArchiveNameMode,
    Level,
    Threads,
    Coder,
    Method,
    MainParameter(&'static str),
    Filter,
    Solid,
    SortByType,
    CompressHeader,
    Memory,
    MemoryUse,
    EncoderMemory,
    IndependentBlocks,
    StoreModified,
    StoreCreated,
    StoreAccessed,
    StoreAttributes,
    Order,
    Deterministic,
    OnError,
    Password,
    PasswordFile,
    PasswordFd,
    PasswordEnv,
    KeyFile,
    Iv,
    HideNames,
    OutputDir,
    Volumes,
    ArchiveType,
    ReplaceArchive,
    ArchiveTime,
    OverwriteMode,
    AssumeYes,
    NoDuplicateRoot,
    NoProgress,
    LogLevel,
    Streams,
    Timing,
    Bare,
    Technical,
    Json,
    Hash,
    Endpoint,
    Anonymous,
    ConnectionStringEnv,
    Requests,
    Plot,
    BenchSize,
    Help,
    Version,
    /// Taken, without effect here; the help says why.
    Ignored,
    /// Known to 7-Zip, refused here; the help says why.
    Refused,
}

/// What follows a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing.
    None,
    /// A value, glued to a short switch, after `=` or as the next word for a long one.
    Required(&'static str),
    /// Perhaps a value.
    Optional(&'static str),
    /// One of these words; an empty one means that nothing need follow.
    OneOf(&'static [&'static str]),
}

/// Where help shows a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Names,
    Method,
    Encryption,
    Output,
    Stores,
    Display,
    Bench,
    Ignored,
    Refused,
}

impl Section {
    /// Every section with its title, in the order of the help.
    pub(crate) const ALL: [(Self, &'static str); 9] = [
        (Self::Names, "Names: what goes in, what comes out"),
        (Self::Method, "Method"),
        (Self::Encryption, "Encryption"),
        (Self::Output, "Output"),
        (Self::Stores, "Object stores: az://container/name, s3://bucket/name, gs://bucket/name, https://..."),
        (Self::Display, "Display"),
        (Self::Bench, "Benchmark"),
        (Self::Ignored, "Accepted, without effect here"),
        (Self::Refused, "7-Zip's switches that are refused"),
    ];
}

/// One row: a switch with all its spellings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Switch {
    pub(crate) id: Id,
    /// 7-Zip's spelling without the dash; empty if there is none. `#` stands for a digit.
    pub(crate) short: &'static str,
    /// The long spelling without the dashes; empty if there is none.
    pub(crate) long: &'static str,
    pub(crate) value: Value,
    /// The commands it is for, as letters.
    pub(crate) commands: &'static str,
    pub(crate) section: Section,
    pub(crate) help: &'static str,
}

impl Switch {
    /// The spellings as help shows them: `-mx[=N], --level N`.
    pub(crate) fn spelling(&self) -> String {
        // 7-Zip writes `=` in its `-m` family, and takes it away: -mx=9 and -mx9 are the same.
        let equals = if self.short.starts_with('m') { "=" } else { "" };
        let mut shown = Vec::new();
        if !self.short.is_empty() {
            shown.push(match self.value {
                Value::None => format!("-{}", self.short),
                Value::Required(metavar) => format!("-{}{equals}{metavar}", self.short),
                Value::Optional(metavar) => format!("-{}[{equals}{metavar}]", self.short),
                Value::OneOf(words) => format!("-{}{}", self.short, one_of(words, equals)),
            });
        }
        if !self.long.is_empty() {
            shown.push(match self.value {
                Value::None => format!("--{}", self.long),
                Value::Required(metavar) | Value::Optional(metavar) => format!("--{} {metavar}", self.long),
                Value::OneOf(words) => format!("--{} {}", self.long, one_of(words, "")),
            });
        }
        shown.join(", ")
    }
}

fn one_of(words: &[&str], equals: &str) -> String {
    let named: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
    if named.len() < words.len() {
        format!("[{equals}{}]", named.join("|"))
    } else {
        format!("{equals}{{{}}}", named.join("|"))
    }
}

const fn row(
    id: Id,
    short: &'static str,
    long: &'static str,
    value: Value,
    commands: &'static str,
    section: Section,
    help: &'static str,
) -> Switch {
    Switch { id, short, long, value, commands, section, help }
}

const ALL: &str = "axeltbih";
const ON_OFF: &[&str] = &["", "on", "off", "+", "-"];
const FLAG: &[&str] = &["", "-"];

use Id::{Ignored, MainParameter, Refused};
use Section as S;
use Value::{None as Nothing, OneOf, Optional, Required};

/// The switches.
#[rustfmt::skip]
pub(crate) const SWITCHES: &[Switch] = &[
    row(Id::Include, "i", "", Required("[r[-|0]]{!PATTERN|@LIST}"), "axelth", S::Names,
        "also take these names: -i!*.txt here, -ir!*.txt at any depth, -i@list.txt from a list file"),
    row(Id::Exclude, "x", "", Required("[r[-|0]]{!PATTERN|@LIST}"), "axelth", S::Names,
        "leave these names out: -x!name, -xr!*.o at any depth, -x@list.txt"),
    row(Id::Recurse, "r", "", OneOf(&["", "0", "-"]), "axelth", S::Names,
        "look for names at any depth; -r0 for names with * or ? only, -r- never (folders that are named always go in whole)"),
    row(Id::ListCharset, "scs", "", Required("{UTF-8|UTF-16LE|UTF-16BE}"), "axelth", S::Names,
        "charset of list files (default UTF-8)"),
    row(Id::NoWildcards, "spd", "", Nothing, "axelth", S::Names, "names are names: * and ? stand for themselves"),
    row(Id::CaseSensitive, "ssc", "", OneOf(FLAG), "axelth", S::Names,
        "names are case-sensitive (default), -ssc-: they are not"),
    row(Id::FullPaths, "spf", "", OneOf(&["", "2"]), "a", S::Names,
        "keep full paths in the archive; -spf2 without the leading /"),
    row(Id::StoreLinks, "snl", "", OneOf(FLAG), "axe", S::Names,
        "a: store symbolic links as links, not what they point to; x: -snl- writes the target's name as a file"),
    row(Id::Stdin, "si", "", Optional("NAME"), "axelt", S::Names,
        "a: read one item from stdin and call it NAME; others: read the archive from stdin"),
    row(Id::DeleteAfter, "sdel", "", Nothing, "a", S::Names,
        "delete the files once the archive is complete and nothing failed"),
    row(Id::StopOnOpenError, "sse", "", Nothing, "a", S::Names,
        "write no archive if a file cannot be read (same as --on-error abort)"),
    row(Id::OnError, "", "on-error", Required("skip|retry:N|abort"), "a", S::Names,
        "a file that fails is left out (default), tried N times more, or ends the run"),

    row(Id::Level, "mx", "level", Optional("N"), "ab", S::Method,
        "compression level: 0 store, 1 fastest, 5 default, 9 smallest; bare -mx is 9"),
    row(Id::Threads, "mmt", "threads", Optional("N|on|off"), "axetb", S::Method,
        "threads, 1 to 256; on = one per core (default), off = 1. The archive's bytes do not depend on it"),
    row(Id::Coder, "m#", "", Required("METHOD[:PARAM=V...]"), "a", S::Method,
        "coder number #, 0 nearest the content: -m0=LZMA2:d=64m:fb=64, -m0=BCJ -m1=LZMA2. Methods: LZMA2, LZMA, PPMd \
         (o, mem), BZip2 (d=900k), Deflate, Copy. Filters: BCJ, ARM, ARMT, ARM64, PPC, SPARC, IA64, RISCV, SWAP2, SWAP4, Delta:N"),
    row(Id::Method, "mm", "method", Required("METHOD[:PARAM=V...]"), "a", S::Method, "the compressor, as -m0"),
    row(MainParameter("d"), "md", "", Required("SIZE"), "a", S::Method,
        "dictionary: 64m, 100k, 1g, or a power of two: 24 is 16m"),
    row(MainParameter("fb"), "mfb", "", Required("N"), "a", S::Method, "nice length (fast bytes), 5 to 273"),
    row(MainParameter("mc"), "mmc", "", Required("N"), "a", S::Method, "match finder cycles"),
    row(MainParameter("mf"), "mmf", "", Required("{it|bt4|hc4}"), "a", S::Method, "match finder"),
    row(MainParameter("a"), "ma", "", OneOf(&["0", "1"]), "a", S::Method, "parser: 0 fast, 1 optimal"),
    row(MainParameter("lc"), "mlc", "", Required("N"), "a", S::Method, "literal context bits"),
    row(MainParameter("lp"), "mlp", "", Required("N"), "a", S::Method, "literal position bits"),
    row(MainParameter("pb"), "mpb", "", Required("N"), "a", S::Method, "position bits"),
    row(MainParameter("o"), "mo", "", Required("N"), "a", S::Method, "PPMd's model order, 2 to 32"),
    row(MainParameter("mem"), "mmem", "", Required("SIZE"), "a", S::Method, "PPMd's memory"),
    row(Id::Filter, "mf", "", Required("{on|off|FILTER}"), "a", S::Method,
        "filter for executables: on = by their CPU (default), off, or one for every file: -mf=BCJ, -mf=Delta:4"),
    row(Id::Solid, "ms", "solid", Optional("on|off|[e][Nf][SIZE]"), "a", S::Method,
        "solid blocks: on (default), off = every file alone, e = by extension, 100f = at most 100 files, 64m = at most 64 MiB"),
    row(Id::SortByType, "mqs", "", OneOf(ON_OFF), "a", S::Method, "sort files by extension in solid blocks (default off)"),
    row(Id::CompressHeader, "mhc", "", OneOf(ON_OFF), "a", S::Method, "compress the header (default on)"),
    row(Id::Memory, "", "memory", Required("SIZE"), "a", S::Method,
        "bytes in flight at once, at least 16m (default 512m); encoders come on top"),
    row(Id::MemoryUse, "mmemuse", "", Required("SIZE|pN"), "a", S::Method,
        "as --memory; a percentage (p80) is taken without effect"),
    row(Id::EncoderMemory, "", "encoder-memory", Required("SIZE"), "a", S::Method,
        "at most so much for each thread's LZMA encoder: a leaner match finder is taken if need be"),
    row(Id::IndependentBlocks, "", "independent-blocks", Nothing, "a", S::Method,
        "large LZMA2 folders begin afresh every 64 MiB: x and t then unpack them on all threads"),
    row(Id::StoreModified, "mtm", "", OneOf(ON_OFF), "a", S::Method, "store modification times (default on)"),
    row(Id::StoreCreated, "mtc", "", OneOf(ON_OFF), "a", S::Method, "store creation times (default off)"),
    row(Id::StoreAccessed, "mta", "", OneOf(ON_OFF), "a", S::Method, "store access times (default off)"),
    row(Id::StoreAttributes, "mtr", "", OneOf(ON_OFF), "a", S::Method, "store attributes and modes (default on)"),
    row(Id::Order, "", "order", OneOf(&["input", "completion"]), "a", S::Method,
        "order in the archive: input (default, same bytes for any number of threads) or completion (less waiting)"),
    row(Id::Deterministic, "", "deterministic", Nothing, "a", S::Method,
        "same input, same bytes: input order, and with a password only together with --iv"),

    row(Id::Password, "p", "", Optional("PASSWORD"), "axelt", S::Encryption,
        "password; bare -p asks for it. Other users may see a command line: --password-file is safer"),
    row(Id::PasswordFile, "", "password-file", Required("FILE"), "axelt", S::Encryption, "password: the file's first line"),
    row(Id::PasswordFd, "", "password-fd", Required("N"), "axelt", S::Encryption,
        "password: the first line from an open file descriptor"),
    row(Id::PasswordEnv, "", "password-env", Required("NAME"), "axelt", S::Encryption,
        "password: the value of an environment variable"),
    row(Id::KeyFile, "", "key-file", Required("FILE"), "axelt", S::Encryption,
        "the AES-256 key itself: a file of 32 bytes, or of 64 hex digits"),
    row(Id::Iv, "", "iv", Required("HEX"), "a", S::Encryption,
        "derive the IVs from these 16 bytes (32 hex digits), so that bytes repeat; never use one twice with one password"),
    row(Id::HideNames, "mhe", "", OneOf(ON_OFF), "a", S::Encryption, "encrypt names too"),

    row(Id::OutputDir, "o", "", Required("DIR"), "xe", S::Output,
        "extract below DIR, made if missing; a * in it is the archive's name"),
    row(Id::Stdout, "so", "", Nothing, "axe", S::Output,
        "a: write the archive to stdout (the archive's name is then not used); x, e: write contents to stdout"),
    row(Id::OverwriteMode, "ao", "", OneOf(&["a", "s", "u", "t"]), "xe", S::Output,
        "existing files: a replace, s skip, u rename the new one, t rename the existing one"),
    row(Id::AssumeYes, "y", "", Nothing, ALL, S::Output, "answer yes to every question"),
    row(Id::ReplaceArchive, "", "overwrite", Nothing, "a", S::Output,
        "replace an existing archive, with all that is in it. Without it, a refuses: it cannot add to one yet"),
    row(Id::Volumes, "v", "volume-size", Required("SIZE"), "a", S::Output,
        "volumes of SIZE[b|k|m|g]: NAME.7z.001, ...; repeatable, the last size goes on"),
    row(Id::ArchiveType, "t", "", Required("7z"), "axelt", S::Output, "type of the archive: 7z alone"),
    row(Id::ArchiveNameMode, "sa", "", OneOf(&["a", "e", "s"]), "a", S::Output,
        "archive name: s append .7z if it has no extension (default), a always append, e exactly as given"),
    row(Id::ArchiveTime, "stl", "", Nothing, "a", S::Output, "give the archive the time of its newest file"),
    row(Id::NoDuplicateRoot, "spe", "", Nothing, "xe", S::Output,
        "if DIR ends with the archive's only root folder, do not repeat that folder"),

    row(Id::Endpoint, "", "endpoint", Required("URL"), "axelt", S::Stores,
        "the service's address, for emulators and compatible stores: http://127.0.0.1:9000"),
    row(Id::Anonymous, "", "anonymous", Nothing, "axelt", S::Stores, "send no credentials: for public objects"),
    row(Id::ConnectionStringEnv, "", "azure-connection-string-env", Required("NAME"), "axelt", S::Stores,
        "the environment variable with Azure's connection string (default AZURE_STORAGE_CONNECTION_STRING)"),
    row(Id::Requests, "", "requests", Required("N"), "a", S::Stores,
        "requests for objects that may be under way at once, 1 to 1024 (default 32), whatever the number of threads"),

    row(Id::NoProgress, "bd", "", Nothing, ALL, S::Display, "no progress bar"),
    row(Id::LogLevel, "bb", "", OneOf(&["", "0", "1", "2", "3"]), ALL, S::Display, "print the name of each finished file (1 to 3)"),
    row(Id::Streams, "bs", "", Required("{o|e|p}{0|1|2}"), ALL, S::Display,
        "send output (o), errors (e), progress (p) nowhere (0), to stdout (1), to stderr (2)"),
    row(Id::Timing, "bt", "", Nothing, ALL, S::Display, "print how long it took"),
    row(Id::Bare, "ba", "", Nothing, "laxet", S::Display, "no headers: the bare list"),
    row(Id::Technical, "slt", "", Nothing, "l", S::Display, "every field of every entry, one per line"),
    row(Id::Json, "", "json", Nothing, ALL, S::Display, "one JSON object per line on stdout, nothing else"),
    row(Id::Hash, "scrc", "", OneOf(&["", "CRC32", "SHA256", "*"]), "h", S::Display, "hash function (default CRC32)"),
    row(Id::Help, "h", "help", Nothing, ALL, S::Display, "this help; after a command, that command's"),
    row(Id::Help, "?", "", Nothing, ALL, S::Display, "as -h"),
    row(Id::Version, "", "version", Nothing, ALL, S::Display, "the version"),

    row(Id::Plot, "", "plot", Required("FILE.svg"), "b", S::Bench, "draw speed against ratio"),
    row(Id::BenchSize, "", "size", Required("SIZE"), "b", S::Bench, "bytes of the built-in test data (default 4m per core, at least 16m)"),

    row(Ignored, "mqf", "", Optional("..."), "a", S::Ignored, "quick open: nothing to do"),
    row(Ignored, "myx", "", Optional("N"), "a", S::Ignored, "how far files are looked into for filters"),
    row(Ignored, "myv", "", Optional("N"), "a", S::Ignored, "compatibility with old 7-Zips: only widely known methods are written"),
    row(Ignored, "mtp", "", Optional("N"), "a", S::Ignored, "time precision: always 100 ns"),
    row(Ignored, "mmtf", "", Optional("on|off"), "a", S::Ignored, "threads for filters: part of the same pipeline"),
    row(Ignored, "w", "", Optional("DIR"), ALL, S::Ignored, "working folder: the archive is made beside its place"),
    row(Ignored, "scc", "", Optional("CHARSET"), ALL, S::Ignored, "console charset: always UTF-8"),
    row(Ignored, "ssw", "", Nothing, "a", S::Ignored, "files open for writing are read anyway"),
    row(Ignored, "ssp", "", Nothing, "a", S::Ignored, "keep access times: left to the file system"),
    row(Ignored, "snh", "", OneOf(FLAG), "axe", S::Ignored, "hard links: a .7z cannot store them, each becomes a file"),
    row(Ignored, "slp", "", OneOf(FLAG), ALL, S::Ignored, "large pages"),

    row(Refused, "ad", "", Optional("..."), ALL, S::Refused, "there is no dialog"),
    row(Refused, "ai", "", Optional("..."), ALL, S::Refused, "give one archive name"),
    row(Refused, "ax", "", Optional("..."), ALL, S::Refused, "give one archive name"),
    row(Refused, "an", "", Nothing, ALL, S::Refused, "give an archive name"),
    row(Refused, "mb", "", Optional("..."), "a", S::Refused, "coders are always a chain, bindings cannot be given"),
    row(Refused, "seml", "", Optional("..."), ALL, S::Refused, "mail the archive yourself"),
    row(Refused, "sfx", "", Optional("..."), ALL, S::Refused, "no self-extracting archives are made"),
    row(Refused, "sni", "", Optional("..."), ALL, S::Refused, "NT security is not stored in .7z"),
    row(Refused, "sns", "", Optional("..."), ALL, S::Refused, "alternate streams are not stored in .7z"),
    row(Refused, "snz", "", Optional("..."), ALL, S::Refused, "zone identifiers are not propagated"),
    row(Refused, "stm", "", Optional("..."), ALL, S::Refused, "give a number of threads with -mmt"),
    row(Refused, "stx", "", Optional("..."), ALL, S::Refused, "only 7z is read"),
    row(Refused, "u", "", Optional("..."), ALL, S::Refused, "updating archives is not there yet"),
];

/// One command.
#[derive(Debug)]
pub(crate) struct CommandRow {
    /// As typed.
    pub(crate) name: &'static str,
    /// What follows it.
    pub(crate) usage: &'static str,
    /// One line.
    pub(crate) summary: &'static str,
    /// Command lines with what they do.
    pub(crate) examples: &'static [(&'static str, &'static str)],
}

/// The commands.
pub(crate) const COMMANDS: &[CommandRow] = &[
    CommandRow {
        name: "a",
        usage: "ARCHIVE [NAME|@LIST]...",
        summary: "add files to a new archive",
        examples: &[
            ("par7z a backup.7z Documents", "the folder with all that is below it"),
            ("par7z a -mx=9 -mmt=8 src.7z src '-xr!*.o'", "smallest, 8 threads, without object files"),
            ("par7z a -p -mhe=on secret.7z papers/*", "ask for a password, hide names too"),
            ("tar c data | par7z a -sidata.tar -so x > data.7z", "from stdin to stdout"),
            ("par7z a -v100m big.7z disk.img", "volumes of 100 MiB: big.7z.001, ..."),
            ("par7z a -m0=BCJ -m1=LZMA2:d=64m tools.7z bin", "a chain of coders"),
            ("par7z a az://backup/2026.7z 'az://raw/2026/*' -v512m", "blobs to blobs, nothing on the disk"),
        ],
    },
    CommandRow {
        name: "x",
        usage: "ARCHIVE [NAME|@LIST]...",
        summary: "extract with full paths",
        examples: &[
            ("par7z x backup.7z -orestored", "everything, below restored/"),
            ("par7z x backup.7z -r '*.txt' -aos", "text files at any depth, existing ones stay"),
            ("par7z x data.7z -so | tar t", "contents to stdout"),
        ],
    },
    CommandRow {
        name: "e",
        usage: "ARCHIVE [NAME|@LIST]...",
        summary: "extract into one folder, without the names' folders",
        examples: &[("par7z e photos.7z -r '*.jpg' -oflat -aou", "equal names get a number")],
    },
    CommandRow {
        name: "l",
        usage: "ARCHIVE [NAME|@LIST]...",
        summary: "list",
        examples: &[
            ("par7z l backup.7z", "a table"),
            ("par7z l -slt backup.7z", "every field"),
            ("par7z l --json backup.7z", "for programs"),
            ("par7z l s3://backup/2026.7z", "reads the header alone"),
        ],
    },
    CommandRow {
        name: "t",
        usage: "ARCHIVE [NAME|@LIST]...",
        summary: "test: unpack everything, check every CRC, write nothing",
        examples: &[("par7z t backup.7z && echo good", "exit code 0 only if every entry is good")],
    },
    CommandRow {
        name: "b",
        usage: "[ROUNDS|FILE]...",
        summary: "benchmark: MB/s and ratio per level and number of threads on this machine",
        examples: &[
            ("par7z b", "levels 1 to 9, one thread up to one per core"),
            ("par7z b -mx=5 -mmt=4 --plot speed.svg my.log", "your own data, one setting, and a picture"),
        ],
    },
    CommandRow {
        name: "i",
        usage: "",
        summary: "information: what this build reads and writes",
        examples: &[("par7z i", "formats and codecs")],
    },
    CommandRow {
        name: "h",
        usage: "[NAME|@LIST]...",
        summary: "hash files",
        examples: &[("par7z h -scrcSHA256 src", "SHA-256 of every file below src")],
    },
    CommandRow {
        name: "completions",
        usage: "bash|zsh|fish",
        summary: "print the completions for a shell",
        examples: &[("par7z completions bash > /etc/bash_completion.d/par7z", "for all users")],
    },
    CommandRow {
        name: "man",
        usage: "",
        summary: "print the man page",
        examples: &[("par7z man | man -l -", "read it")],
    },
    CommandRow {
        name: "help",
        usage: "[COMMAND]",
        summary: "print help",
        examples: &[("par7z help x", "for one command")],
    },
];
