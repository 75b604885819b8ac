#!/usr/bin/env bash
# ThreadSanitizer over the C examples and the fuzzer: library, Rust's std and the programs are all compiled with it, so
# it sees every access and every atomic operation, and nothing needs to be suppressed. Linux on x86-64 with clang, a
# nightly Rust toolchain and its sources (rustup component add rust-src --toolchain nightly). Takes some minutes to build.
#
#   scripts/test-capi-threads.sh       PAR7Z_FUZZ_COUNT (500), PAR7Z_FUZZ_SEED (3): how much fuzzing
set -euo pipefail
cd "$(dirname "$0")/.."

target=x86_64-unknown-linux-gnu
crate=crates/par7z-capi
build=${CARGO_TARGET_DIR:-$PWD/target}/thread-sanitizer
CARGO_TARGET_DIR=$build RUSTFLAGS=-Zsanitizer=thread CARGO_PROFILE_DEV_DEBUG=1 \
  cargo +nightly build -q --locked -Zbuild-std --target $target -p par7z-capi
library=$build/$target/debug
runtime=$(rustc +nightly --print target-libdir --target $target)/librustc-nightly_rt.tsan.a
[ -f "$runtime" ] || {
  echo "test-capi-threads: the toolchain has no ThreadSanitizer: $runtime" >&2
  exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for source in "$crate"/examples/c/*.c "$crate"/tests/c/fuzz.c; do
  name=$(basename "$source" .c)
  clang -c -g -O1 -fsanitize=thread -std=c99 -I"$crate/include" "$source" -o "$work/$name.o"
  # The runtime of the Rust toolchain, which fits the library's code; clang would add its own.
  clang "$work/$name.o" -o "$work/$name" -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive -rdynamic \
    -L"$library" -Wl,-rpath,"$library" -lpar7z -lpthread -lm -ldl -lrt -lgcc_s -lstdc++
  mkdir "$work/run.$name"
  if [ "$name" = fuzz ]; then
    "$work/fuzz" "${PAR7Z_FUZZ_SEED:-3}" "${PAR7Z_FUZZ_COUNT:-500}" "$work/run.fuzz"
  else
    "$work/$name" "$work/run.$name"
  fi
done
echo "ThreadSanitizer: no reports"
