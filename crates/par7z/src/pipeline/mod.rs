//! Threads, budget and order: closures and bytes, nothing of 7z.
