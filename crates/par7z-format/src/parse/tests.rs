//! Round trips, hand-made damage and random bytes.

use super::*;
