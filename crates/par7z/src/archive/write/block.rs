//! A block of a large folder, packed in slices by all workers at the same time.
//!
//! First come rounds of tasks that prepare the block for all (par7z-lzma's [`SlicedText`]: its suffixes are sorted), then the
//! slices themselves. The worker that calls takes part, so with one thread all happens here; others join as they become free.
//!
//! What a slice packs to depends on the block and its number alone.

use super::folder_writer::{ItemTag, counted};
use super::run::{Run, Worker};
use crate::codec::{SliceState, SlicedText, TaskResult, TaskScratch};
use crate::item::SharedBytes;
use crate::pipeline::PoolHandle;
use crate::{Error, Result};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

/// The bytes of a block and of its history.
pub(super) enum BlockInput {
    Own(Vec<u8>),
    /// A part of a caller's buffer.
    Shared(SharedBytes, Range<usize>),
}

impl BlockInput {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes, range) => &(**bytes).as_ref()[range.clone()],
        }
    }
}

/// What the workers share.
struct Block {
    run: Arc<Run>,
    window: BlockInput,
    text: RwLock<SlicedText>,
    tag: Option<ItemTag>,
}

/// Packs what comes behind the `history_bytes` of `window`; `take` gets the slices in order. Gives the window back.
pub(super) fn pack(
    run: &Arc<Run>,
    pool: &PoolHandle<Worker>,
    worker: &mut Worker,
    window: BlockInput,
    history_bytes: usize,
    tag: Option<ItemTag>,
    take: &mut dyn FnMut(Vec<u8>) -> Result<()>,
) -> Result<BlockInput> {
    let text = run.method.sliced_text(window.bytes(), history_bytes);
    let block = Arc::new(Block { run: Arc::clone(run), window, text: RwLock::new(text), tag });
    let helpers = run.options.threads.resolve() - 1;
    loop {
        let tasks = block.read().tasks();
        if tasks == 0 {
            break;
        }
        let shared = Arc::clone(&block);
        let task = move |scratch: &mut TaskScratch, index: usize, worker: &mut Worker| {
            shared.run.tracker.active(worker, |_| {
                shared.run.check()?;
                Ok(shared.read().run_task(shared.window.bytes(), index, scratch))
            })
        };
        let mut results = Vec::with_capacity(tasks);
        pool.spread(tasks, helpers, worker, TaskScratch::default, task, |result: Result<TaskResult>| {
            results.push(result?);
            Ok::<(), Error>(())
        })?;
        block.text.write().unwrap_or_else(PoisonError::into_inner).next_round(block.window.bytes(), results);
    }
    let slices = block.read().slices();
    let shared = Arc::clone(&block);
    let slice = move |state: &mut SliceState, index: usize, worker: &mut Worker| {
        shared.run.tracker.active(worker, |worker| shared.pack_slice(state, index, worker))
    };
    pool.spread(slices, helpers, worker, SliceState::default, slice, |packed: Result<Vec<u8>>| take(packed?))?;
    // Another worker may still be about to let go of it.
    let mut block = block;
    loop {
        match Arc::try_unwrap(block) {
            Ok(block) => return Ok(block.window),
            Err(shared) => block = shared,
        }
        std::thread::yield_now();
    }
}

impl Block {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, SlicedText> {
        self.text.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn pack_slice(&self, state: &mut SliceState, index: usize, worker: &mut Worker) -> Result<Vec<u8>> {
        let text = self.read();
        let encoder = worker.encoder(&self.run.method);
        counted(&self.run, text.slice_bytes(index), self.tag.as_ref(), |packed, watch| {
            encoder.pack_slice(&text, state, self.window.bytes(), index, packed, watch)
        })
    }
}
