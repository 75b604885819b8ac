#!/usr/bin/env bash
# Installs what the tests need: 7-Zip itself and other readers of .7z to compare par7z with, and what the C API is
# tested with; and the servers that object stores are tested with. Debian and Ubuntu.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh

scripts/install-cloud-test-deps.sh

packages=(7zip libarchive-tools python3 xz-utils gcc g++ clang cmake make pkg-config valgrind)
programs=(7zz bsdtar python3 xz gcc g++ clang cmake make pkg-config valgrind)
missing=0
for program in "${programs[@]}"; do
  command -v "$program" >/dev/null || missing=1
done
if [ "$missing" = 0 ]; then
  echo "test programs: all here"
  exit 0
fi
install_packages "${packages[@]}"
echo "test programs: installed ${packages[*]}"
