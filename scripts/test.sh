#!/usr/bin/env bash
# Installs what the tests need and runs all of them: the crates' own, then par7z against 7-Zip and libarchive.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-test-deps.sh
# With this set, a test that finds no 7zz fails instead of being skipped.
export PAR7Z_REQUIRE_7ZZ=1
cargo test --workspace --locked "$@"
cargo build --locked -p par7z-cli
python3 scripts/interop.py --bin "${CARGO_TARGET_DIR:-target}/debug/par7z"
