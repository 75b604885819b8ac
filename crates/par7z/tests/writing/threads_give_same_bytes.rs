//! The same input and options give the same bytes, however many threads work and whoever is faster.

use crate::common::{
    MIB, PASSWORD, Pattern, contents, files, noise, options, test_bytes, text, tight, watchdog, write,
};
use par7z::{
    Bzip2Params, Compressor, DeflateParams, Encryption, Filter, FilterChoice, Item, Key, LzmaMatchFinder, LzmaParams,
    Method, Order, PpmdParams, Solid, WriteOptions,
};
use par7z_lzma::{EncoderOptions, SlicedText};
use std::io::Cursor;

/// Small and large ones, of known and unknown size, empty ones, directories, and some whose source dies.
fn items() -> Vec<Item> {
    let mut items = vec![Item::directory("dir"), Item::from_bytes("dir/empty", Vec::new())];
    // Larger than a slice of 2 MiB.
    items.push(Item::from_bytes("large.txt", text(1, 3 << 20)));
    items.push(Item::from_reader("dies early", Pattern::dies_after(1), None));
    for n in 0..40 {
        items.push(Item::from_bytes(format!("dir/{n}.txt"), text(n, (n as usize * 977) % 20_000)));
        items.push(Item::from_bytes(format!("dir/{n}.bin"), noise(n, (n as usize * 313) % 9_000)));
    }
    items.push(Item::from_reader("dies late", Pattern::dies_after(3 * MIB + 1), None));
    items.push(Item::from_reader("stream", Cursor::new(text(2, 2_500_000)), None));
    items.push(Item::from_reader("never there", Pattern::dies_after(0), Some(10)));
    items.push(Item::from_opener("opened", || Ok(Cursor::new(text(3, 70_000))), Some(5)));
    // A program, for the filter.
    let mut program = std::fs::read(std::env::current_exe().expect("a test is a program")).expect("readable");
    program.truncate(300_000);
    items.push(Item::from_bytes("dir/program", program));
    items
}

const FAILING: [&str; 3] = ["dies early", "dies late", "never there"];

fn same_for_all_threads(name: &str, make: impl Fn(u32) -> WriteOptions) -> Vec<u8> {
    let _watchdog = watchdog("a run on some number of threads");
    let mut first: Option<Vec<u8>> = None;
    for threads in [1, 2, 7, 64] {
        let (bytes, report) = write(&make(threads), items());
        let failed: Vec<_> = report.failures.iter().map(|failure| failure.name.as_str()).collect();
        assert_eq!(failed, FAILING, "{name}");
        let first = first.get_or_insert_with(|| bytes.clone());
        assert!(*first == bytes, "{name}: {threads} threads give other bytes ({} and {})", first.len(), bytes.len());
    }
    let bytes = first.expect("there were runs");
    test_bytes(&bytes);
    bytes
}

#[test]
fn non_solid() {
    same_for_all_threads("roomy", |threads| options(threads, 1));
    // Twice: chance has another try.
    same_for_all_threads("tight", |threads| tight(threads, 1));
    same_for_all_threads("tight", |threads| tight(threads, 1));
}

#[test]
fn solid() {
    let by_extension = Solid { by_extension: true, ..Solid::ON };
    let small = Solid { max_items: 7, max_bytes: 50_000, by_extension: false };
    for solid in [Solid::ON, by_extension, small] {
        same_for_all_threads("solid", |threads| tight(threads, 1).solid(solid).expect("valid"));
    }
}

#[test]
fn every_method() {
    let methods = [
        Method::Copy,
        Method::Lzma(LzmaParams::default()),
        Method::Ppmd(PpmdParams::default()),
        Method::Bzip2(Bzip2Params::default()),
        Method::Deflate(DeflateParams::default()),
    ];
    for method in methods {
        let name = format!("{method:?}");
        same_for_all_threads(&name, |threads| tight(threads, 1).method(method).expect("valid"));
    }
    // Level 5 for the method that is cut into slices: the other parser and match finder.
    let small = LzmaParams { dictionary_bytes: Some(1 << 16), ..LzmaParams::default() };
    same_for_all_threads("LZMA2", |threads| tight(threads, 5).method(Method::Lzma2(small)).expect("valid"));
}

#[test]
fn encrypted_with_a_given_iv() {
    for solid in [Solid::OFF, Solid::ON] {
        // A new seed for each run: a clone would give the second run other IVs.
        let encryption = || Encryption::password(PASSWORD).hide_names(true).iv([7; 16]);
        let make = |threads| tight(threads, 1).encryption(Some(encryption())).solid(solid).expect("valid");
        same_for_all_threads("encrypted", make);
    }
}

#[test]
fn with_filters() {
    for chain in [vec![Filter::Delta { distance: 3 }], vec![Filter::Swap4, Filter::BcjX86, Filter::Arm64]] {
        let make = |threads| tight(threads, 1).filters(FilterChoice::Chain(chain.clone())).expect("valid");
        same_for_all_threads("filters", make);
    }
}

/// A caller's buffer is cut where a stream is, and everything else follows from that.
#[test]
fn buffers_give_the_bytes_that_streams_give() {
    let small = LzmaParams { dictionary_bytes: Some(1 << 16), ..LzmaParams::default() };
    let methods = [
        Method::Lzma2(small),
        Method::Lzma(small),
        Method::Ppmd(PpmdParams { order: None, memory_bytes: Some(1 << 18) }),
        Method::Bzip2(Bzip2Params::default()),
        Method::Deflate(DeflateParams::default()),
        Method::Copy,
    ];
    let mut program = std::fs::read(std::env::current_exe().expect("a test is a program")).expect("readable");
    program.truncate(1_234_567);
    let mut mixed = text(1, 1_100_000);
    mixed.extend(noise(1, 1_100_003));
    // At the borders of slices, too.
    let slice = MIB as usize;
    let contents = [
        program,
        mixed,
        noise(2, 3 * slice),
        Vec::new(),
        text(3, slice - 1),
        noise(3, 40_000),
        text(4, slice),
        text(5, slice + 1),
        text(6, 2 * slice),
    ];
    let filters = [
        FilterChoice::Auto,
        FilterChoice::Chain(vec![Filter::BcjX86]),
        FilterChoice::Chain(vec![Filter::Delta { distance: 3 }, Filter::Arm64]),
    ];
    for method in methods {
        for filters in &filters {
            if method == Method::Copy && *filters != FilterChoice::Auto {
                continue;
            }
            for solid in [Solid::OFF, Solid::ON] {
                if solid == Solid::ON && *filters != FilterChoice::Auto {
                    continue;
                }
                let _watchdog = watchdog("buffers and streams");
                let options = || {
                    let key = Encryption::key(Key::new([7; 32])).iv([7; 16]);
                    let options = tight(3, 1).encryption(Some(key));
                    let options = options.method(method).and_then(|o| o.filters(filters.clone()));
                    options.and_then(|o| o.solid(solid)).expect("valid")
                };
                let named = || contents.iter().enumerate().map(|(n, content)| (n.to_string(), content.clone()));
                let buffers = named().map(|(name, content)| Item::from_bytes(name, content)).collect();
                let streams = named().map(|(name, content)| {
                    let size = Some(content.len() as u64);
                    Item::from_reader(name, Cursor::new(content), size)
                });
                let (buffers, _) = write(&options(), buffers);
                let (streams, _) = write(&options(), streams.collect());
                assert!(buffers == streams, "{method:?} {filters:?} {solid:?}");
            }
        }
    }
}

#[test]
fn in_order_of_completion_the_same_items_are_in() {
    let _watchdog = watchdog("a run in order of completion");
    let (expected, _) = write(&tight(1, 1), items());
    let expected = contents(&expected);
    for threads in [1, 2, 16] {
        for solid in [Solid::OFF, Solid::ON] {
            let options = tight(threads, 1).order(Order::Completion).solid(solid).expect("valid");
            let (bytes, report) = write(&options, items());
            assert_eq!(report.failures.len(), FAILING.len());
            test_bytes(&bytes);
            assert!(files(&contents(&bytes)) == files(&expected), "{threads} threads, {solid:?}");
        }
    }
}

/// Two blocks of 16 MiB and less, the first in two slices: from a buffer, and from a stream through a filter.
#[test]
fn slices_of_large_items() {
    let content = [text(5, 8 << 20), noise(6, 1 << 20), text(5, 8 << 20)].concat();
    let buffer = || vec![Item::from_bytes("item", content.clone())];
    let stream = || vec![Item::from_reader("item", Cursor::new(content.clone()), Some(content.len() as u64))];
    let options = |threads, level| options(threads, level).memory_budget(128 << 20).expect("valid");
    let delta = FilterChoice::Chain(vec![Filter::Delta { distance: 2 }]);
    let same = |make: &dyn Fn(u32) -> WriteOptions, items: &dyn Fn() -> Vec<Item>| {
        let _watchdog = watchdog("a run in slices");
        let (one, _) = write(&make(1), items());
        let (three, _) = write(&make(3), items());
        assert!(one == three, "threads give other bytes");
        assert!(files(&contents(&one)).values().all(|found| **found == content));
        one.len()
    };
    let joined = same(&|threads| options(threads, 5), &buffer);
    same(&|threads| options(threads, 1).filters(delta.clone()).expect("valid"), &stream);
    // The second block repeats the first one's text, which it does not know if it is independent.
    let independent = same(&|threads| options(threads, 5).independent_blocks(true), &stream);
    assert!(independent > joined, "{independent} and {joined} bytes");
}

/// One block in three slices (level 9) or five (level 5), each with text that those before it have, too; noise is cheap.
#[test]
fn slices_on_any_number_of_threads() {
    let parts = (0..5).flat_map(|n| [text(7, 400_000), noise(n, (8 << 20) - 300_000)]);
    let content = parts.collect::<Vec<_>>().concat();
    for level in [5, 9] {
        let by_level = EncoderOptions::level(level).expect("1 to 9");
        assert!(SlicedText::slice_count(&by_level, content.len(), by_level.slice_bytes()) >= 3);
        let packed = |threads| {
            let _watchdog = watchdog("slices on some number of threads");
            write(&options(threads, level), vec![Item::from_bytes("item", content.clone())]).0
        };
        let expected = packed(1);
        assert!(files(&contents(&expected)).values().all(|found| **found == content), "level {level}");
        for threads in [2, 3, 8] {
            assert!(packed(threads) == expected, "level {level}: {threads} threads give other bytes");
        }
    }
}

#[test]
fn a_limit_for_encoders_chooses_the_same_finder_for_all_threads() {
    let compressor = |threads, limit| {
        let options = options(threads, 5).encoder_memory(limit);
        Compressor::new(options).expect("valid")
    };
    let expected = [
        (None, LzmaMatchFinder::IntervalTree),
        (Some(1 << 40), LzmaMatchFinder::IntervalTree),
        (Some(1 << 30), LzmaMatchFinder::BinaryTree),
        (Some(100 << 20), LzmaMatchFinder::HashBuckets),
        (Some(0), LzmaMatchFinder::HashBuckets),
    ];
    for (limit, finder) in expected {
        for threads in [1, 2, 16] {
            let compressor = compressor(threads, limit);
            assert_eq!(compressor.match_finder(), Some(finder), "{limit:?}");
            if let Some(limit) = limit.filter(|&limit| limit > 3 << 20) {
                assert!(compressor.encoder_memory_bytes(None) <= limit);
            }
        }
    }
}
