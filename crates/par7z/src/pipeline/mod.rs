//! Threads, budget and order: closures and bytes, nothing of 7z.
//!
//! [`Pool`] runs closures on worker threads, [`Budget`] bounds the bytes in flight, [`Ordered`] carries what the workers
//! make, in order, to the one thread that writes it.

mod budget;
mod ordered;
mod pool;

pub(crate) use budget::{Budget, Reservation, Stopped};
pub(crate) use ordered::{Ordered, Sequence, Step};
pub(crate) use pool::{Pool, PoolHandle};
