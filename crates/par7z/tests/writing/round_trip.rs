//! Random items under random options come back as they were, by the reader; now and then stock 7-Zip looks too.

use crate::common::{PASSWORD, noise, test_bytes, text, watchdog, write};
use par7z::{
    Archive, Bzip2Params, DeflateParams, Encryption, Filter, FilterChoice, Item, LzmaParams, Method, OpenOptions,
    Order, PpmdParams, Secret, Solid, Threads, WriteOptions,
};
use proptest::prelude::*;
use std::io::{Cursor, Read};

#[derive(Debug, Clone)]
struct Made {
    content: Vec<u8>,
    /// A buffer, a stream of known size, a stream of unknown size, or one that says a wrong size.
    kind: u8,
}

fn made() -> impl Strategy<Value = Made> {
    let len = prop_oneof![Just(0), 1usize..40, 1000usize..70_000, Just(1 << 20), 1_000_000usize..2_300_000];
    (any::<u64>(), len, any::<bool>(), 0u8..4).prop_map(|(seed, len, packs, kind)| {
        let content = if packs { text(seed, len) } else { noise(seed, len) };
        Made { content, kind }
    })
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        Just(Method::Copy),
        Just(Method::Lzma(LzmaParams::default())),
        Just(Method::Lzma2(LzmaParams::default())),
        (12u32..22)
            .prop_map(|log2| Method::Lzma2(LzmaParams { dictionary_bytes: Some(1 << log2), ..LzmaParams::default() })),
        Just(Method::Ppmd(PpmdParams::default())),
        Just(Method::Bzip2(Bzip2Params::default())),
        Just(Method::Deflate(DeflateParams::default())),
    ]
}

fn solid() -> impl Strategy<Value = Solid> {
    prop_oneof![
        Just(Solid::OFF),
        Just(Solid::ON),
        (1u64..6, 1u64..100_000, any::<bool>()).prop_map(|(max_items, max_bytes, by_extension)| Solid {
            max_items,
            max_bytes,
            by_extension
        }),
    ]
}

fn filters() -> impl Strategy<Value = FilterChoice> {
    let filter = prop_oneof![
        (1u32..257).prop_map(|distance| Filter::Delta { distance }),
        Just(Filter::BcjX86),
        Just(Filter::Arm64),
        Just(Filter::Swap4),
    ];
    prop_oneof![Just(FilterChoice::Auto), proptest::collection::vec(filter, 0..4).prop_map(FilterChoice::Chain)]
}

fn options() -> impl Strategy<Value = WriteOptions> {
    let switches = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (method(), solid(), filters(), 1u32..9, 1u32..4, switches).prop_map(
        |(method, solid, filters, threads, level, (encrypted, hidden, completion, packs_header))| {
            let options = WriteOptions::new().threads(Threads::new(threads).expect("in range"));
            let filters = if method == Method::Copy { FilterChoice::Auto } else { filters };
            let options = options.level(level).and_then(|o| o.memory_budget(16 << 20)).and_then(|o| o.method(method));
            let options = options.and_then(|o| o.solid(solid)).and_then(|o| o.filters(filters)).expect("valid");
            let order = if completion { Order::Completion } else { Order::Input };
            let encryption = encrypted.then(|| Encryption::password(PASSWORD).hide_names(hidden));
            options.order(order).encryption(encryption).compress_header(packs_header)
        },
    )
}

fn item(n: usize, made: &Made) -> Item {
    let name = format!("{n}.{}", ["txt", "exe", "c"][n % 3]);
    let (content, size) = (made.content.clone(), made.content.len() as u64);
    match made.kind {
        0 => Item::from_bytes(name, content),
        1 => Item::from_reader(name, Cursor::new(content), Some(size)),
        2 => Item::from_reader(name, Cursor::new(content), None),
        _ => Item::from_opener(name, move || Ok(Cursor::new(content.clone())), Some(size / 2 + 7)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn everything_comes_back(made in proptest::collection::vec(made(), 0..9), options in options()) {
        let _watchdog = watchdog("a random run");
        let items = made.iter().enumerate().map(|(n, made)| item(n, made)).collect();
        let (bytes, report) = write(&options, items);
        prop_assert!(report.is_complete());
        if bytes.len() % 4 == 0 {
            test_bytes(&bytes);
        }
        let secret = Some(Secret::Password(PASSWORD.into()));
        let archive = Archive::from_bytes(bytes, OpenOptions::new().secret(secret)).expect("it opens");
        prop_assert_eq!(archive.entries().len(), made.len());
        for entry in archive.entries() {
            let (number, _) = entry.name.split_once('.').expect("it has an extension");
            let expected = &made[number.parse::<usize>().expect("a number")].content;
            let mut content = Vec::new();
            if entry.size > 0 {
                archive.read_entry(entry.index).expect("it opens").read_to_end(&mut content).expect("it reads");
            }
            prop_assert!(content == *expected, "{}", entry.name);
        }
    }
}
