//! Tests of the cipher and its keys.
