//! Runs the fuzz targets for a few seconds each, on stable Rust, without coverage feedback: seeds are changed at random
//! and fed to the target. It finds in seconds what any build must not have; libFuzzer finds the rest.
//!
//! Usage: `par7z-fuzz-smoke [--seconds N] [--seed N] [--seeds FOLDER] [--write-seeds FOLDER] [TARGET…]`
//!
//! With `--write-seeds` nothing is run: each target's seeds are written into a folder of its name, for libFuzzer to begin with
//! (`--write-seeds corpus` in `fuzz/` is where cargo-fuzz looks).
#![forbid(unsafe_code)]

mod mutate;
mod seeds;

use mutate::Mutator;
use par7z_fuzz_targets::{TARGETS, Target};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// An input that takes longer than this hangs, as far as users are concerned.
const HANG: Duration = Duration::from_secs(20);

/// A target is left after so many panics: they are likely the same one.
const MAX_PANICS: u32 = 5;

struct Arguments {
    seconds: u64,
    seed: u64,
    seeds: PathBuf,
    write_seeds: Option<PathBuf>,
    targets: Vec<Target>,
}

fn parse_arguments() -> Result<Arguments, String> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop");
    let mut parsed = Arguments { seconds: 5, seed: 1, seeds, write_seeds: None, targets: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--seconds" => parsed.seconds = value()?.parse().map_err(|_| "--seconds: a number")?,
            "--seed" => parsed.seed = value()?.parse().map_err(|_| "--seed: a number")?,
            "--seeds" => parsed.seeds = value()?.into(),
            "--write-seeds" => parsed.write_seeds = Some(value()?.into()),
            name => match TARGETS.iter().find(|target| target.0 == name) {
                Some(target) => parsed.targets.push(*target),
                None => {
                    return Err(format!("no target {name}; there are {}", TARGETS.map(|target| target.0).join(", ")));
                }
            },
        }
    }
    if parsed.targets.is_empty() {
        parsed.targets = TARGETS.to_vec();
    }
    Ok(parsed)
}

/// The input at work and since when, for the watchdog.
type AtWork = Arc<Mutex<Option<(Instant, &'static str, Vec<u8>)>>>;

fn main() -> ExitCode {
    let arguments = match parse_arguments() {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("par7z-fuzz-smoke: {message}");
            return ExitCode::from(7);
        }
    };
    let archives = seeds::archives(&arguments.seeds);
    println!("{} seed archives, seed {}", archives.len(), arguments.seed);
    if let Some(folder) = &arguments.write_seeds {
        return match write_seeds(folder, &arguments.targets, &archives) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("par7z-fuzz-smoke: cannot write seeds into {}: {error}", folder.display());
                ExitCode::from(2)
            }
        };
    }

    let at_work = AtWork::default();
    watch(at_work.clone());
    let mut panics = 0;
    for (name, function) in arguments.targets {
        let seeds = seeds::for_target(name, &archives);
        let mutator = Mutator::new(arguments.seed);
        panics += run((name, function), &seeds, mutator, Duration::from_secs(arguments.seconds), &at_work);
    }
    ExitCode::from(u8::from(panics > 0))
}

/// Writes the seeds of targets, a folder for each.
fn write_seeds(folder: &Path, targets: &[Target], archives: &[Vec<u8>]) -> std::io::Result<()> {
    for (name, _) in targets {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in seeds::for_target(name, archives).into_iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:04}")), seed)?;
        }
    }
    Ok(())
}

/// Runs one target; returns the number of inputs that made it panic.
fn run((name, function): Target, seeds: &[Vec<u8>], mut mutator: Mutator, time: Duration, at_work: &AtWork) -> u32 {
    let start = Instant::now();
    let (mut executions, mut panics) = (0u64, 0);
    let mut slowest = Duration::ZERO;
    // The seeds as they are come first, then changed ones until the time is up.
    while panics < MAX_PANICS && ((executions as usize) < seeds.len() || start.elapsed() < time) {
        let input = match seeds.get(executions as usize) {
            Some(seed) => seed.clone(),
            None => mutator.next(seeds),
        };
        let begin = Instant::now();
        *at_work.lock().expect("not poisoned") = Some((begin, name, input.clone()));
        if catch_unwind(|| function(&input)).is_err() {
            panics += 1;
            eprintln!("{name}: panic; the input is in {}", keep(name, &input));
        }
        *at_work.lock().expect("not poisoned") = None;
        slowest = slowest.max(begin.elapsed());
        executions += 1;
    }
    let rate = executions as f64 / start.elapsed().as_secs_f64();
    println!(
        "{name:<14} {executions:>8} executions {rate:>8.0}/s  slowest {:>6.1} ms  {panics} panics",
        slowest.as_secs_f64() * 1e3
    );
    panics
}

/// Ends the process if an input takes too long.
fn watch(at_work: AtWork) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(500));
            if let Some((since, name, input)) = &*at_work.lock().expect("not poisoned")
                && since.elapsed() > HANG
            {
                eprintln!("{name}: hangs; the input is in {}", keep(name, input));
                std::process::exit(1);
            }
        }
    });
}

/// Writes an input where cargo-fuzz would, and says where.
fn keep(name: &str, input: &[u8]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../artifacts").join(name);
    // FNV-1a: any name will do that is the same for the same input.
    let hash = input
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let path = folder.join(format!("crash-{hash:016x}"));
    match std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, input)) {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("no file ({error})"),
    }
}
