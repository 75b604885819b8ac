//! An encoder holds no more memory than it says beforehand, and not much less. In a binary of its own: memory is counted
//! over the whole process.
#![expect(unsafe_code, reason = "an allocator that counts")]

use par7z_lzma::{EncodeProgress, Encoder, EncoderOptions, MatchFinder};
use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what is allocated at this time, and the most that ever was.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn add(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps to the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above; what it allocated comes from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Few letters, which make the most nodes of trees; and others, where they are cheap.
fn texts(len: usize) -> Vec<Vec<u8>> {
    let mut state = 1u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u32
    };
    let few_letters = (0..len).map(|_| next() as u8 % 2).collect();
    let mut texts = vec![few_letters];
    if len <= 1 << 20 {
        texts.push((0..len).map(|n| (n.count_ones() % 2) as u8).collect());
        texts.push((0..len).map(|_| next() as u8).collect());
        texts.push((0..len).flat_map(|_| format!("{} ", next() % 60).into_bytes()).take(len).collect());
    }
    texts
}

/// One after the other: all of the process's memory is counted.
#[test]
fn memory_is_what_was_foretold() {
    an_encoder_holds_about_what_it_says();
    text_after_text_takes_no_more_than_the_largest();
}

fn an_encoder_holds_about_what_it_says() {
    let mut wrong = Vec::new();
    let level = |level| EncoderOptions::level(level).expect("1 to 9");
    let binary_tree = MatchFinder::BinaryTree { cycles: 32 };
    // The trees of level 9 are those of level 5, and take some time.
    let ways = [
        ("level 1", level(1), 16 << 20),
        ("level 5", level(5), 16 << 20),
        ("level 9", level(9), 4 << 20),
        ("small dictionary", EncoderOptions { dictionary_bytes: 1 << 16, ..level(5) }, 2 << 20),
        ("binary tree", EncoderOptions { finder: binary_tree, ..level(5) }, 2 << 20),
    ];
    for (name, options, largest) in ways {
        for len in [1 << 10, 1 << 16, 1 << 20, largest] {
            let (mut most, mut peak) = (0, 0);
            for text in texts(len) {
                let mut packed = Vec::with_capacity(len + len / 1000 + 100);
                let before = HELD.load(Ordering::Relaxed);
                PEAK.store(before, Ordering::Relaxed);
                let mut encoder = Encoder::new(options).expect("valid options");
                for text in [&text[..(len / 20 + 1).min(60_000)], &text] {
                    packed.clear();
                    // Everything is there long before a large text's end.
                    let mut watch = |now: EncodeProgress| match now.unpacked_bytes {
                        0..300_000 => ControlFlow::Continue(()),
                        _ => ControlFlow::Break(()),
                    };
                    let _ = encoder.encode_lzma2(text, &mut packed, &mut watch);
                }
                // Of the fields that are in place.
                most = most.max(HELD.load(Ordering::Relaxed) - before + size_of::<Encoder>());
                peak = peak.max(PEAK.load(Ordering::Relaxed) - before);
            }
            let said = options.memory_bytes(len) as usize;
            let ratio = said as f64 / most as f64;
            let row = format!(
                "{name}, {len:>8} bytes: says {said:>9}, holds {most:>9} at the most ({ratio:.2}), peak {peak:>9}"
            );
            println!("{row}");
            if said < most || len >= 1 << 20 && ratio > 1.5 {
                wrong.push(row);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is kept of one text is not in the way of the next: one of many pairs of bytes, one of exactly 64 KiB, which is sorted in
/// another way, and one with a pair that is often.
fn text_after_text_takes_no_more_than_the_largest() {
    const LEN: usize = 1 << 20;
    let mut texts = texts(LEN);
    let noise = texts[2].clone();
    texts.push(noise[..1 << 16].to_vec());
    texts.push(
        noise
            .iter()
            .enumerate()
            .map(|(at, &byte)| if at % 16 < 2 { b'a' + (at % 16) as u8 } else { byte | 1 })
            .collect(),
    );
    let mut packed = Vec::with_capacity(LEN + LEN / 10);
    for level in [5, 9] {
        let options = EncoderOptions::level(level).expect("1 to 9");
        let before = HELD.load(Ordering::Relaxed);
        let mut encoder = Encoder::new(options).expect("valid options");
        for round in 0..3 * texts.len() {
            packed.clear();
            let text = &texts[round * 3 % texts.len()];
            let mut watch = |now: EncodeProgress| match now.unpacked_bytes {
                0..100_000 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            };
            let _ = encoder.encode_lzma2(text, &mut packed, &mut watch);
            let held = HELD.load(Ordering::Relaxed) - before + size_of::<Encoder>();
            let said = options.memory_bytes(LEN) as usize;
            assert!(held <= said, "level {level}, text {round}: holds {held} of {said}");
        }
    }
}
