//! The `-m` family: coders, their parameters, solid blocks, as 7-Zip writes them.

use super::size;
use crate::exit::Failure;
use par7z::{
    Bzip2Params, DeflateParams, Filter, FilterChoice, LzmaMatchFinder, LzmaMode, LzmaParams, Method, PpmdParams, Solid,
};
use std::collections::BTreeMap;

/// One coder as given: `LZMA2:d=64m:fb=64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoderSpec {
    /// Its name, lower case.
    pub(crate) name: String,
    /// Its parameters, lower case; the key is empty for a bare number (`Delta:4`).
    pub(crate) params: Vec<(String, String)>,
}

/// Keys that a parameter may begin with; longer ones first, so that `mc32` is not `m`.
const KEYS: [&str; 14] = ["mem", "pass", "fb", "mc", "mf", "mt", "lc", "lp", "pb", "d", "a", "o", "x", "c"];

impl CoderSpec {
    /// Splits the text; names and keys are checked later.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let lower = text.to_ascii_lowercase();
        let mut parts = lower.split(':');
        let name = parts.next().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(Failure::usage(format!("method \"{text}\": the name is missing; try LZMA2")));
        }
        let params = parts.map(split_parameter).collect::<Option<_>>();
        let params =
            params.ok_or_else(|| Failure::usage(format!("method \"{text}\": a parameter is not understood")))?;
        Ok(Self { name, params })
    }

    fn filter(&self) -> Result<Option<Filter>, Failure> {
        let filter = match self.name.as_str() {
            "bcj" | "x86" => Filter::BcjX86,
            "arm" => Filter::Arm,
            "armt" => Filter::ArmThumb,
            "arm64" => Filter::Arm64,
            "ppc" => Filter::PowerPc,
            "sparc" => Filter::Sparc,
            "ia64" => Filter::Ia64,
            "riscv" => Filter::RiscV,
            "swap2" => Filter::Swap2,
            "swap4" => Filter::Swap4,
            "delta" => {
                let distance = self.params.first().map_or("1", |(_, value)| value);
                return Ok(Some(Filter::Delta { distance: number("Delta", distance)? }));
            }
            "bcj2" => return Err(Failure::usage("BCJ2 can be read, but this build does not write it; use BCJ")),
            _ => return Ok(None),
        };
        Ok(Some(filter))
    }
}

fn split_parameter(part: &str) -> Option<(String, String)> {
    if let Some((key, value)) = part.split_once('=') {
        return Some((key.to_owned(), value.to_owned()));
    }
    if part.starts_with(|c: char| c.is_ascii_digit()) {
        return Some((String::new(), part.to_owned()));
    }
    let key = KEYS.iter().find(|key| part.starts_with(**key))?;
    Some(((*key).to_owned(), part[key.len()..].to_owned()))
}

fn number(what: &str, text: &str) -> Result<u32, Failure> {
    text.parse().map_err(|_| Failure::usage(format!("{what}={text}: a number is needed")))
}

/// What `-m0=`, `-m1=`, `-mm=`, `-md=`, `-mf=` … came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MethodArgs {
    /// By number; 0 is nearest the content.
    pub(crate) coders: BTreeMap<u32, CoderSpec>,
    /// `-md`, `-mfb` and so on: for the compressor, whatever its number.
    pub(crate) main: Vec<(String, String)>,
    /// `-mf=`.
    pub(crate) filter: Option<String>,
}

impl MethodArgs {
    /// The compressor and the filters in front of it.
    pub(crate) fn resolve(&self) -> Result<(Method, FilterChoice), Failure> {
        let mut filters = Vec::new();
        let mut method = None;
        for spec in self.coders.values() {
            if method.is_some() {
                return Err(Failure::usage(format!(
                    "{} after a compressor: filters come first, the compressor last, e.g. -m0=BCJ -m1=LZMA2",
                    spec.name
                )));
            }
            match spec.filter()? {
                Some(filter) => filters.push(filter),
                None => method = Some(compressor(spec, &self.main)?),
            }
        }
        let method = match method {
            Some(method) => method,
            None => compressor(&CoderSpec { name: "lzma2".to_owned(), params: Vec::new() }, &self.main)?,
        };
        Ok((method, self.filter_choice(filters)?))
    }

    fn filter_choice(&self, chain: Vec<Filter>) -> Result<FilterChoice, Failure> {
        if !chain.is_empty() {
            return Ok(FilterChoice::Chain(chain));
        }
        match self.filter.as_deref() {
            None | Some("" | "on" | "+") => Ok(FilterChoice::Auto),
            Some("off" | "-") => Ok(FilterChoice::Off),
            Some(text) => match CoderSpec::parse(text)?.filter()? {
                Some(filter) => Ok(FilterChoice::Chain(vec![filter])),
                None => Err(Failure::usage(format!("-mf={text}: give on, off, or a filter such as BCJ or Delta:4"))),
            },
        }
    }
}

fn compressor(spec: &CoderSpec, main: &[(String, String)]) -> Result<Method, Failure> {
    // The coder's own parameters win over -md, -mfb and so on: they come last.
    let params = || main.iter().chain(&spec.params);
    match spec.name.as_str() {
        "lzma2" => Ok(Method::Lzma2(lzma(params())?)),
        "lzma" => Ok(Method::Lzma(lzma(params())?)),
        "ppmd" => ppmd(params()).map(Method::Ppmd),
        "bzip2" => bzip2(params()).map(Method::Bzip2),
        "deflate" => deflate(params()).map(Method::Deflate),
        "copy" => Ok(Method::Copy),
        "deflate64" | "bcj2" | "zstd" | "brotli" | "lz4" | "lz5" | "lizard" | "flzma2" => Err(Failure::usage(format!(
            "method {}: this build cannot write it. It writes LZMA2, LZMA, PPMd, BZip2, Deflate and Copy",
            spec.name
        ))),
        "7zaes" | "aes" | "aes256" | "aes256cbc" => {
            Err(Failure::usage("encryption is no -m method: give a password with -p or --password-file"))
        }
        other => Err(Failure::usage(format!(
            "unknown method \"{other}\". Methods: LZMA2, LZMA, PPMd, BZip2, Deflate, Copy; filters: BCJ, ARM, ARMT, ARM64, \
             PPC, SPARC, IA64, RISCV, SWAP2, SWAP4, Delta:N"
        ))),
    }
}

type Params<'a> = std::iter::Chain<std::slice::Iter<'a, (String, String)>, std::slice::Iter<'a, (String, String)>>;

fn unknown(method: &str, key: &str, value: &str) -> Failure {
    Failure::usage(format!("{method} has no parameter \"{key}\" (given as {key}={value})"))
}

fn lzma(params: Params<'_>) -> Result<LzmaParams, Failure> {
    let mut out = LzmaParams::default();
    for (key, value) in params {
        match key.as_str() {
            "d" | "" => out.dictionary_bytes = Some(size::dictionary_u32("d", value)?),
            "fb" => out.nice_length = Some(number(key, value)?),
            "mc" => out.cycles = Some(number(key, value)?),
            "lc" => out.lc = Some(number(key, value)?),
            "lp" => out.lp = Some(number(key, value)?),
            "pb" => out.pb = Some(number(key, value)?),
            "a" => {
                out.mode = Some(match value.as_str() {
                    "0" => LzmaMode::Fast,
                    "1" => LzmaMode::Optimal,
                    _ => return Err(Failure::usage(format!("a={value}: 0 is fast, 1 optimal"))),
                });
            }
            "mf" => {
                out.match_finder = Some(match value.as_str() {
                    // How many bytes are hashed is par7z's own business.
                    "hc4" | "hc5" => LzmaMatchFinder::HashBuckets,
                    "bt2" | "bt3" | "bt4" | "bt5" => LzmaMatchFinder::BinaryTree,
                    "it" => LzmaMatchFinder::IntervalTree,
                    _ => {
                        return Err(Failure::usage(format!(
                            "mf={value}: give it (interval tree), bt4 (binary tree) or hc4 (hash buckets)"
                        )));
                    }
                });
            }
            // Threads and chunks inside a coder are the pipeline's business; -mx is the level.
            "mt" | "c" | "x" => {}
            _ => return Err(unknown("LZMA", key, value)),
        }
    }
    Ok(out)
}

fn ppmd(params: Params<'_>) -> Result<PpmdParams, Failure> {
    let mut out = PpmdParams::default();
    for (key, value) in params {
        match key.as_str() {
            "o" => out.order = Some(number(key, value)?),
            "mem" => out.memory_bytes = Some(size::dictionary_u32("mem", value)?),
            "d" | "fb" | "x" | "mt" => {}
            _ => return Err(unknown("PPMd", key, value)),
        }
    }
    Ok(out)
}

fn bzip2(params: Params<'_>) -> Result<Bzip2Params, Failure> {
    let mut out = Bzip2Params::default();
    for (key, value) in params {
        match key.as_str() {
            // 7-Zip's d=900k means blocks of 900,000 bytes; the k there is a thousand.
            "d" => {
                let thousands = value.strip_suffix('k').map(|digits| number("d", digits)).transpose()?;
                let blocks = match thousands {
                    Some(thousands) => thousands.div_ceil(100),
                    None => size::dictionary_u32("d", value)?.div_ceil(100_000),
                };
                out.block_100k = Some(blocks.min(9));
            }
            "pass" | "fb" | "x" | "mt" => {}
            _ => return Err(unknown("BZip2", key, value)),
        }
    }
    Ok(out)
}

fn deflate(params: Params<'_>) -> Result<DeflateParams, Failure> {
    for (key, value) in params {
        // zlib's levels have their own match lengths and cycles; 7-Zip's are taken without effect.
        if !["fb", "pass", "mc", "a", "x", "mt", "d"].contains(&key.as_str()) {
            return Err(unknown("Deflate", key, value));
        }
    }
    Ok(DeflateParams::default())
}

/// `-ms=`: on, off, e, 100f, 64m, and these together.
pub(crate) fn solid(text: &str) -> Result<Solid, Failure> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "" | "on" | "+" => return Ok(Solid::ON),
        "off" | "-" => return Ok(Solid::OFF),
        _ => {}
    }
    let wrong = || {
        Failure::usage(format!("-ms={text}: give on, off, e (by extension), 100f (files), 64m (bytes), or e100f64m"))
    };
    if !lower.is_ascii() {
        return Err(wrong());
    }
    let mut solid = Solid::ON;
    let mut rest = lower.as_str();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('e') {
            solid.by_extension = true;
            rest = after;
            continue;
        }
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (count, unit) = (&rest[..digits], &rest[digits..=digits]);
        if unit == "f" {
            solid.max_items = count.parse().map_err(|_| wrong())?;
        } else {
            solid.max_bytes = size::bytes(&rest[..=digits]).ok_or_else(wrong)?;
        }
        rest = &rest[digits + 1..];
    }
    if solid.max_items == 0 || solid.max_bytes == 0 {
        return Err(wrong());
    }
    Ok(solid)
}
