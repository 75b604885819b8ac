#!/usr/bin/env bash
# Installs what the tests need: 7-Zip itself and other readers of .7z to compare par7z with, and what the C API is
# tested with; and the servers that object stores are tested with. Debian and Ubuntu.
set -euo pipefail
"$(dirname "$0")/install-cloud-test-deps.sh"

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
if ! command -v apt-get >/dev/null; then
  echo "apt-get is missing: install these programs by other means: ${programs[*]}" >&2
  exit 1
fi

root=()
if [ "$(id -u)" != 0 ]; then
  root=(sudo)
fi
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 "$@" </dev/null; }
# Once more after a failure: mirrors have bad moments. The output is shown only if that fails too.
twice() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    sleep 10
    "$@" >"$log" 2>&1 || {
      grep -v '://' "$log" | tail -20 >&2
      echo "failed: $*" >&2
      return 1
    }
  fi
  rm -f "$log"
}
twice apt update
twice apt install --no-install-recommends "${packages[@]}"
echo "test programs: installed ${packages[*]}"
