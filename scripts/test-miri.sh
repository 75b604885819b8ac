#!/usr/bin/env bash
# Miri over par7z-lzma, which has unsafe code: an interpreter that sees undefined behaviour, leaks and data races. It runs
# the unit tests, the decoder's tests and round trips of short texts in every way; tests that start programs or need long
# texts are left out, others are made small. Needs a nightly Rust toolchain, to which it adds the components miri and
# rust-src if they are missing; without them it says so and succeeds. Takes about 5 minutes on one core, and half a minute
# more to build.
#
#   scripts/test-miri.sh
set -euo pipefail
cd "$(dirname "$0")/.."

has_miri() { cargo +nightly miri --version >/dev/null 2>&1; }
if ! has_miri && cargo +nightly --version >/dev/null 2>&1; then
  rustup component add --toolchain nightly miri rust-src >/dev/null 2>&1 || true
fi
if ! has_miri; then
  echo "Miri is not to be had here: skipped"
  exit 0
fi

# Tests look at files and clocks.
export MIRIFLAGS="${MIRIFLAGS:-} -Zmiri-disable-isolation"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/miri"
# Seeds of proptest are new each time; a failure says which.
cargo +nightly miri test --locked -p par7z-lzma --lib --test decode
# Of the round trips those of short texts: one for each match finder and parser.
cargo +nightly miri test --locked -p par7z-lzma --test encode in_every_way
