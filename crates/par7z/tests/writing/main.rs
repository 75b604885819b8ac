//! The writing engine through the public API: what it promises about bytes, failures, memory, events and sinks.
//!
//! Archives are checked with stock 7-Zip (`7zz`, or the program that `PAR7Z_7ZZ` names). Its absence fails the tests
//! unless `PAR7Z_NO_7ZZ` is set.

mod budget;
mod common;
mod failing_items;
mod faults;
mod feeding;
mod observer;
mod options_have_effect;
mod round_trip;
mod segments;
mod storage_contract;
mod threads_give_same_bytes;
