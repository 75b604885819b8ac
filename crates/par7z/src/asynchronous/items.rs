//! An iterator as a stream of items, for which callers need no other crate.

use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A stream of what `items` gives. It is driven by a thread of the run's own, so the iterator may block; but while it
/// does, nothing can end the run.
pub fn iter<I: IntoIterator>(items: I) -> Iter<I::IntoIter> {
    Iter(items.into_iter())
}

/// The stream of [`iter`].
#[derive(Debug, Clone)]
pub struct Iter<I>(I);

// Nothing is pinned: the iterator is only called.
impl<I> Unpin for Iter<I> {}

impl<I: Iterator> Stream for Iter<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}
