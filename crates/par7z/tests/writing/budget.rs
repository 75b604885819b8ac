//! Memory stays under the budget, and waiting for memory always ends.

use crate::common::{
    CHILD, MIB, PASSWORD, Pattern, TestSink, child_argument, contents, files, noise, options, peak_memory, run_child,
    text, tight, watchdog, write,
};
use par7z::{
    Bzip2Params, Compressor, DeflateParams, Encryption, Filter, FilterChoice, Item, LzmaParams, Method, Order,
    PpmdParams, Solid, WriteOptions,
};
use std::io::{self, Read};
use std::time::Duration;

#[test]
#[cfg(target_os = "linux")]
fn a_large_item_stays_under_the_budget() {
    let text = run_child("budget::child_with_a_large_item", "run", "");
    assert!(text.contains("peak"), "{text}");
}

#[test]
// Works in a process of its own, which another test starts; by itself it has nothing to do.
fn child_with_a_large_item() {
    if child_argument().is_none() {
        eprintln!("{CHILD} is not set");
        return;
    }
    let budget = 128 * MIB;
    let options =
        options(2, 1).memory_budget(budget).expect("in range").encryption(Some(Encryption::password(PASSWORD)));
    let options = options.filters(FilterChoice::Chain(vec![Filter::BcjX86])).expect("valid");
    let compressor = Compressor::new(options).expect("valid");
    let encoders = 2 * compressor.encoder_memory_bytes(None);
    let before = peak_memory();
    let item = Item::from_reader("large", Pattern::of(512 * MIB), None);
    // Nothing behind the sink: what grows is the engine's.
    let report = compressor.compress([item], TestSink::new()).expect("it runs");
    assert_eq!(report.bytes_in, 512 * MIB);
    let peak = peak_memory();
    println!("peak {} MiB, before {} MiB, encoders {} MiB", peak >> 20, before >> 20, encoders >> 20);
    assert!(peak < before + budget + encoders + 32 * MIB);
}

/// Content with a pause now and then, in reads of any size.
struct Moody {
    content: io::Cursor<Vec<u8>>,
    moods: Vec<u8>,
    turn: usize,
}

impl Moody {
    fn new(seed: u64, content: Vec<u8>) -> Self {
        Self { content: io::Cursor::new(content), moods: noise(seed, 64), turn: 0 }
    }
}

impl Read for Moody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mood = self.moods[self.turn % self.moods.len()];
        self.turn += 1;
        if mood < 20 {
            std::thread::sleep(Duration::from_micros(u64::from(mood) * 100));
        }
        let most = (usize::from(mood) + 1) << 9;
        let most = most.min(buf.len());
        self.content.read(&mut buf[..most])
    }
}

/// Items of unknown size that do not compress: all that is read waits as packed bytes until its turn comes.
fn hungry_items(count: u64, bytes: usize) -> Vec<Item> {
    let item = |n| Item::from_reader(format!("{n}"), Moody::new(n, noise(n, bytes + n as usize)), None);
    (0..count).map(item).collect()
}

fn complete(name: &str, options: &WriteOptions, count: u64, bytes: usize) {
    let _watchdog = watchdog("a run with little memory");
    let (archive, report) = write(options, hungry_items(count, bytes));
    assert!(report.is_complete(), "{name}: {:?}", report.failures);
    let contents = contents(&archive);
    let found = files(&contents);
    assert_eq!(found.len() as u64, count, "{name}");
    for n in 0..count {
        assert!(found[n.to_string().as_str()] == noise(n, bytes + n as usize), "{name}: item {n}");
    }
}

fn methods() -> [Method; 6] {
    [
        Method::Copy,
        Method::Lzma(LzmaParams::default()),
        Method::Lzma2(LzmaParams::default()),
        Method::Ppmd(PpmdParams::default()),
        Method::Bzip2(Bzip2Params::default()),
        Method::Deflate(DeflateParams::default()),
    ]
}

#[test]
fn sixty_four_threads_share_the_smallest_budget() {
    for order in [Order::Input, Order::Completion] {
        complete("non-solid", &tight(64, 1).order(order), 80, 400_000);
    }
}

#[test]
fn every_method_gets_through_with_large_items() {
    for method in methods() {
        let options = tight(12, 1).method(method).expect("valid");
        complete(&format!("{method:?}"), &options, 9, 1_200_000);
    }
}

#[test]
fn every_method_gets_through_with_large_items_in_solid_folders() {
    // Two that stream and the one that is cut into slices.
    for method in [methods()[0], methods()[2], methods()[5]] {
        for order in [Order::Input, Order::Completion] {
            // Three to a folder: many jobs wait at once, and each holds an item read ahead and an open folder.
            let solid = Solid { max_items: 3, ..Solid::ON };
            let options = tight(12, 1).method(method).and_then(|o| o.solid(solid)).expect("valid").order(order);
            // Just under a slice, which is read ahead whole (1 MiB at this level, 2 MiB at the most), and over it.
            complete(&format!("{method:?} {order:?}"), &options, 12, 1_000_000);
            complete(&format!("{method:?} {order:?}"), &options, 8, 2_200_000);
        }
    }
}

#[test]
fn readers_that_give_a_byte_at_a_time() {
    let _watchdog = watchdog("a run over a hundred slow readers");
    let reader = |n: u64| Pattern { step: 1, ..Pattern::of(20_000 + n) };
    let items = (0..100).map(|n| Item::from_reader(format!("{n}"), reader(n), None)).collect();
    let (archive, report) = write(&tight(8, 1), items);
    assert!(report.is_complete());
    assert_eq!(files(&contents(&archive)).len(), 100);
}

#[test]
fn a_slow_head_holds_nobody_up_for_ever() {
    let _watchdog = watchdog("a run with a slow first item");
    for (order, solid) in [(Order::Input, Solid::OFF), (Order::Completion, Solid::OFF), (Order::Input, Solid::ON)] {
        let slow = Moody { moods: vec![19], ..Moody::new(0, text(0, 3 << 20)) };
        let mut items = vec![Item::from_reader("slow", slow, None)];
        // More than the budget holds.
        items.extend((0..40).map(|n| Item::from_reader(format!("{n}"), io::Cursor::new(noise(n, 700_000)), None)));
        let (archive, report) = write(&tight(4, 1).order(order).solid(solid).expect("valid"), items);
        assert!(report.is_complete());
        assert!(files(&contents(&archive))["slow"] == text(0, 3 << 20));
    }
}

/// Content that begins to come after a while.
struct Late(bool, io::Cursor<Vec<u8>>);

impl Read for Late {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !std::mem::replace(&mut self.0, true) {
            std::thread::sleep(Duration::from_millis(400));
        }
        self.1.read(buf)
    }
}

#[test]
fn a_head_that_finds_the_budget_used_up_goes_on() {
    let sizes = [1_040_000, 1_040_000, 600_000, 2_500_000, 1_040_000];
    for method in [methods()[0], methods()[2], methods()[4], methods()[5]] {
        for order in [Order::Input, Order::Completion] {
            let _watchdog = watchdog("a run whose head comes late");
            let solid = Solid { max_items: sizes.len() as u64, ..Solid::ON };
            let options = tight(10, 1).method(method).and_then(|o| o.solid(solid)).expect("valid").order(order);
            let late = |n: usize| Late(false, io::Cursor::new(noise(n as u64, sizes[n])));
            let mut items: Vec<_> =
                (0..sizes.len()).map(|n| Item::from_reader(format!("head {n}"), late(n), None)).collect();
            // Those behind it take all the memory there is, and hold it until the head is through.
            items.extend(hungry_items(36, 450_000));
            let (archive, report) = write(&options, items);
            assert!(report.is_complete());
            let contents = contents(&archive);
            for (n, size) in sizes.into_iter().enumerate() {
                assert!(files(&contents)[format!("head {n}").as_str()] == noise(n as u64, size), "{method:?}");
            }
        }
    }
}
