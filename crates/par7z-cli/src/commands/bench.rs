//! `b`: how fast this machine is, per level and number of threads.

use super::{Context, sample};
use crate::exit::{Exit, Failure};
use crate::report::plot::{self, Point};
use crate::report::units;
use par7z::{Archive, CancelToken, Compressor, ExtractOptions, Item, OpenOptions, Threads, WriteOptions};
use serde_json::json;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const DEFAULT_BYTES: u64 = 32 << 20;
/// Bytes of one item. Several items per thread, as in a folder of files; small enough for 256 threads to have work.
const ITEM_BYTES: usize = 2 << 20;

/// A piece of the test data, without a copy.
struct Piece {
    data: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.data[self.range.clone()]
    }
}

/// Runs `b`.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let (low, console) = (&context.low, &context.console);
    let (rounds, data) = plan(context)?;
    let data = Arc::new(data);
    let levels = low.level.map_or(vec![1, 3, 5, 7, 9], |level| vec![level]);
    let threads = low.threads.map_or_else(thread_counts, |threads| vec![threads.resolve()]);
    console.line(&format!("Test data: {}, best of {rounds}\n", units::bytes(data.len() as u64)));
    console.line("             Compressing | Decompressing |");
    console.line("Level Threads       MB/s |          MB/s |  Ratio");
    console.line("----- ------- ---------- | ------------- | ------");
    let mut points = Vec::new();
    for &threads in &threads {
        for &level in &levels {
            let point = measure(&data, level, threads, rounds, &context.cancel)?;
            console.line(&format!(
                "{level:>5} {threads:>7} {:>10.2} | {:>13.2} | {:>6.3}",
                point.compress_mb_s, point.extract_mb_s, point.ratio
            ));
            console.event(&json!({"event": "bench", "level": level, "threads": threads, "bytes": data.len(),
                                  "compress_mb_s": point.compress_mb_s, "extract_mb_s": point.extract_mb_s,
                                  "ratio": point.ratio}));
            points.push(point);
        }
    }
    console.line("\nMB/s: millions of unpacked bytes per second. Ratio: unpacked : packed.");
    if let Some(path) = &low.plot {
        draw(path, &points, data.len() as u64)?;
        console.line(&format!("Plot: {}", path.display()));
    }
    Ok(Exit::Ok)
}

/// How often, and on what: a number is rounds (as in 7-Zip), anything else a file.
fn plan(context: &Context) -> Result<(u32, Vec<u8>), Failure> {
    let (mut rounds, mut data) = (1, Vec::new());
    for word in &context.low.words {
        match word.to_str().and_then(|text| text.parse::<u32>().ok()) {
            Some(number) => rounds = number.max(1),
            None => {
                let bytes = std::fs::read(word)
                    .map_err(|error| Failure::fatal(format!("{}\n{}", crate::scan::reason(&error), word.display())))?;
                data.extend(bytes);
            }
        }
    }
    if data.is_empty() {
        let bytes = context.low.bench_bytes.unwrap_or(DEFAULT_BYTES);
        let size =
            usize::try_from(bytes).map_err(|_| Failure::usage(format!("--size {bytes}: too large for memory")))?;
        data = sample::data(size.max(1));
    }
    Ok((rounds, data))
}

/// 1, 2, 4 … and the number of cores.
fn thread_counts() -> Vec<usize> {
    let cores = Threads::Auto.resolve();
    let mut counts: Vec<usize> =
        std::iter::successors(Some(1), |count| Some(count * 2)).take_while(|count| *count < cores).collect();
    counts.push(cores);
    counts
}

fn measure(
    data: &Arc<Vec<u8>>,
    level: u32,
    threads: usize,
    rounds: u32,
    cancel: &CancelToken,
) -> Result<Point, Failure> {
    let count = Threads::new(u32::try_from(threads).unwrap_or(Threads::MAX))?;
    let options = WriteOptions::new().level(level)?.threads(count).cancel_token(cancel.clone());
    let compressor = Compressor::new(options)?;
    let (mut compress, mut extract, mut packed) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..rounds {
        let started = Instant::now();
        let (archive, report) = compressor.compress_to_vec(items(data))?;
        compress = compress.min(started.elapsed().as_secs_f64());
        report.into_complete()?;
        packed = archive.len();
        let archive = Archive::from_bytes(archive, OpenOptions::new())?;
        let started = Instant::now();
        archive.test(ExtractOptions::new().threads(count).cancel_token(cancel.clone()))?.into_complete()?;
        extract = extract.min(started.elapsed().as_secs_f64());
    }
    let bytes = data.len() as u64;
    Ok(Point {
        level,
        threads,
        compress_mb_s: units::megabytes_per_second(bytes, compress),
        extract_mb_s: units::megabytes_per_second(bytes, extract),
        ratio: bytes as f64 / packed.max(1) as f64,
    })
}

fn items(data: &Arc<Vec<u8>>) -> impl Iterator<Item = Item> {
    let data = Arc::clone(data);
    (0..data.len()).step_by(ITEM_BYTES).map(move |start| {
        let range = start..data.len().min(start + ITEM_BYTES);
        Item::from_bytes(format!("{start:012}"), Piece { data: Arc::clone(&data), range })
    })
}

fn draw(path: &Path, points: &[Point], bytes: u64) -> Result<(), Failure> {
    let title = format!("par7z {}: speed against ratio, {}", env!("CARGO_PKG_VERSION"), units::bytes(bytes));
    std::fs::write(path, plot::svg(&title, points))
        .map_err(|error| Failure::fatal(format!("{}: cannot write the plot: {error}", path.display())))
}
