//! Slices of a text: joined they are its stream, whoever packs them and in whatever order.

use crate::support::{
    ForXz, Numbers, encoder, level, lzma2, lzma2_comes_back, mixed, noise, periodic, prepared, ways, words,
};
use par7z_lzma::{EncoderOptions, SliceState, SlicedText, TaskScratch, unwatched};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Packs what comes behind the history, slice by slice.
fn in_slices(options: &EncoderOptions, text: &[u8], history_bytes: usize, slice_bytes: usize) -> Vec<u8> {
    let sliced = prepared(options, text, history_bytes, slice_bytes);
    assert!((1..=SlicedText::slice_count(options, text.len() - history_bytes, slice_bytes)).contains(&sliced.slices()));
    let sum: usize = (0..sliced.slices()).map(|index| sliced.slice_bytes(index)).sum();
    assert_eq!(sum, text.len() - history_bytes, "slices have no gaps");
    let (mut encoder, mut state, mut packed) = (encoder(*options), SliceState::default(), Vec::new());
    for index in 0..sliced.slices() {
        encoder.encode_slice(&sliced, &mut state, text, index, &mut packed, &mut unwatched).expect("not stopped");
    }
    packed
}

#[test]
fn slices_of_any_size_are_one_stream() {
    let mut for_xz = ForXz::default();
    let text = mixed(240_000);
    for options in ways() {
        for (dictionary_bytes, slice_bytes, len) in
            [(1 << 16, 4 << 10, 60_001), (1 << 18, (64 << 10) + 16, 240_000), (1 << 14, 50_000, 240_000)]
        {
            let options = EncoderOptions { dictionary_bytes, ..options };
            let text = &text[..len];
            let what = format!("{slice_bytes} bytes each, {options:?}");
            let packed = in_slices(&options, text, 0, slice_bytes);
            lzma2_comes_back(&packed, dictionary_bytes, text, &what);
            for_xz.add(&packed, dictionary_bytes, text, &what);
        }
    }
    for_xz.come_back();
}

#[test]
fn a_text_of_one_slice_is_packed_as_a_whole() {
    for options in ways() {
        for text in [vec![], vec![1], words(50_000, 1), mixed(100_000)] {
            assert!(in_slices(&options, &text, 0, 1 << 20) == lzma2(&mut encoder(options), &text), "{options:?}");
        }
    }
}

#[test]
fn slices_of_the_usual_size_are_one_stream() {
    let mut for_xz = ForXz::default();
    // Cheap to pack, and nearly two slices.
    let again = noise(1 << 20, 1);
    let text = [&again[..], &noise(9 << 20, 2), &periodic(1 << 20, 7), &mixed(1 << 19), &again].concat();
    for options in [level(1), EncoderOptions { dictionary_bytes: 16 << 20, ..level(5) }] {
        let packed = in_slices(&options, &text, 0, SlicedText::USUAL_SLICE_BYTES);
        lzma2_comes_back(&packed, options.dictionary_bytes, &text, "two slices");
        for_xz.add(&packed, options.dictionary_bytes, &text, "two slices");
        if options.dictionary_bytes > 12 << 20 {
            assert!(packed.len() < 21 << 19, "the second slice knows the first one's noise: {} bytes", packed.len());
        }
    }
    for_xz.come_back();
}

/// A large text goes through in windows, each with some of the text before it.
#[test]
fn windows_joined_are_one_stream() {
    let mut for_xz = ForXz::default();
    let text = mixed(300_000);
    for options in ways() {
        for (dictionary_bytes, window_bytes, slice_bytes) in
            [(1 << 18, 112_000, 40_000), (1 << 14, 80_016, 20_000), (1 << 12, 100_000, 1 << 20)]
        {
            let options = EncoderOptions { dictionary_bytes, ..options };
            let what = format!("{window_bytes} bytes and {slice_bytes} each, {options:?}");
            let mut packed = Vec::new();
            for start in (0..text.len()).step_by(window_bytes) {
                let end = text.len().min(start + window_bytes);
                let history = start.saturating_sub(dictionary_bytes as usize).next_multiple_of(16);
                packed.extend(in_slices(&options, &text[history..end], start - history, slice_bytes));
            }
            lzma2_comes_back(&packed, dictionary_bytes, &text, &what);
            for_xz.add(&packed, dictionary_bytes, &text, &what);
        }
    }
    for_xz.come_back();
}

/// What repeats itself packs to next to nothing, to which each slice would add.
#[test]
fn repetitions_make_no_slices() {
    let words = words(1 << 20, 5);
    for options in [level(1), level(5)] {
        for period in 1..=9 {
            let text = periodic(4 << 20, period);
            assert_eq!(prepared(&options, &text, 0, 1 << 18).slices(), 1, "a period of {period}, {options:?}");
        }
        assert_eq!(prepared(&options, &words, 0, 1 << 18).slices(), 4, "{options:?}");
        let text = [&words[..], &periodic(4 << 20, 3), &words].concat();
        assert_eq!(prepared(&options, &text, 0, 1 << 18).slices(), 8, "{options:?}");
        assert_eq!(prepared(&options, &text, 1 << 20, 1 << 18).slices(), 4, "{options:?}");
        let packed = in_slices(&options, &text, 0, 1 << 18);
        lzma2_comes_back(&packed, options.dictionary_bytes, &text, "a long repetition between words");
    }
}

#[test]
fn a_slice_refers_to_what_is_before_it() {
    let text = noise(60_000, 3).repeat(5);
    for options in ways() {
        let packed = in_slices(&options, &text, 0, 30_000);
        assert!(packed.len() < 64_000, "{options:?}: {} bytes", packed.len());
        let packed = in_slices(&options, &text, 60_000, 30_000);
        assert!(packed.len() < 4_000, "{options:?}: {} bytes behind what is known", packed.len());
    }
}

/// Each index below `count`, in an order that has none.
fn shuffled(count: usize, numbers: &mut Numbers) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for at in (1..count).rev() {
        order.swap(at, numbers.next(at + 1));
    }
    order
}

/// What each thread keeps, and whether it does.
#[derive(Debug, Clone, Copy)]
struct Workers {
    count: usize,
    /// Encoders and states are used for slice after slice, and encoders were used before.
    reuse: bool,
    /// The last slice is broken off once before it is packed.
    stop_one: bool,
}

/// Runs the tasks and packs the slices on threads, in an order that has none.
fn by_workers(
    options: &EncoderOptions,
    text: &[u8],
    history_bytes: usize,
    slice_bytes: usize,
    workers: Workers,
) -> Vec<u8> {
    let mut numbers = Numbers(workers.count as u64 * 77 + 5);
    let mut sliced = SlicedText::new(options, text, history_bytes, slice_bytes);
    while sliced.tasks() > 0 {
        let (order, next) = (shuffled(sliced.tasks(), &mut numbers), AtomicUsize::new(0));
        let results = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..workers.count {
                scope.spawn(|| {
                    let mut scratch = TaskScratch::default();
                    while let Some(&task) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result = sliced.run_task(text, task, &mut scratch);
                        results.lock().expect("no panic").push(result);
                    }
                });
            }
        });
        sliced.next_round(text, results.into_inner().expect("no panic"));
    }
    let (order, next) = (shuffled(sliced.slices(), &mut numbers), AtomicUsize::new(0));
    let slices = Mutex::new(vec![Vec::new(); sliced.slices()]);
    let work = || {
        let (mut encoder, mut state) = (encoder(*options), SliceState::default());
        if workers.reuse {
            lzma2(&mut encoder, &text[text.len() / 2..]);
        }
        while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            if !workers.reuse {
                (encoder, state) = (self::encoder(*options), SliceState::default());
            }
            let mut packed = Vec::new();
            if workers.stop_one && index + 1 == sliced.slices() {
                let mut stop = |_| ControlFlow::Break(());
                let stopped = encoder.encode_slice(&sliced, &mut state, text, index, &mut packed, &mut stop);
                stopped.expect_err("it was broken off");
                packed.clear();
            }
            encoder.encode_slice(&sliced, &mut state, text, index, &mut packed, &mut unwatched).expect("not stopped");
            slices.lock().expect("no panic")[index] = packed;
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers.count {
            scope.spawn(work);
        }
    });
    slices.into_inner().expect("no panic").concat()
}

#[test]
fn bytes_do_not_depend_on_who_packs_a_slice_and_when() {
    let text = [mixed(90_000), words(20_000, 8), mixed(30_000)].concat();
    for options in ways() {
        let options = EncoderOptions { dictionary_bytes: 1 << 16, ..options };
        for history_bytes in [0, 30_000] {
            let expected = in_slices(&options, &text, history_bytes, 15_000);
            for (count, reuse) in [(1, true), (2, true), (3, false), (8, true)] {
                let workers = Workers { count, reuse, stop_one: count == 3 };
                let packed = by_workers(&options, &text, history_bytes, 15_000, workers);
                assert!(packed == expected, "{workers:?}, {options:?}");
            }
        }
    }
}
