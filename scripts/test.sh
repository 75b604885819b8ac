#!/usr/bin/env bash
# Installs what the tests need and runs all of them: the crates' own, par7z against 7-Zip and libarchive, the C and C++
# API.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-test-deps.sh
cargo test --workspace --features par7z/tokio --locked "$@"
cargo build --locked -p par7z-cli
python3 scripts/interop.py --bin "${CARGO_TARGET_DIR:-target}/debug/par7z"
scripts/test-capi.sh
scripts/test-capi-cloud.sh
