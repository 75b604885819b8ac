#!/usr/bin/env bash
# Unpacks the source of 7-Zip from Debian's or Ubuntu's source package into DIR, for the test that compiles the C++ headers
# inside it. The system's own list of sources stays as it is.
#
#   scripts/fetch-7zip-source.sh DIR
set -euo pipefail

[ $# -eq 1 ] || {
  echo "usage: scripts/fetch-7zip-source.sh DIR" >&2
  exit 2
}
mkdir -p "$1"
target=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/parts" "$work/lists/partial" "$work/download"
chmod 755 "$work"

# The same places as for packages, but for sources.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
  [ -f "$list" ] || continue
  case $list in
    *.sources) sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/parts/$(basename "$list")" ;;
    *.list) sed -n 's/^deb /deb-src /p' "$list" >"$work/parts/$(basename "$list")" ;;
  esac
done
apt() {
  apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/parts" \
    -o Dir::State::lists="$work/lists" -o APT::Sandbox::User=root "$@"
}
{
  apt update
  (cd "$work/download" && apt source --download-only 7zip)
} >"$work/log" 2>&1 </dev/null || {
  grep -v '://' "$work/log" | tail -5 >&2
  echo "the source package 7zip cannot be had" >&2
  exit 1
}
tar -xf "$work"/download/*.orig.tar.* -C "$target" --strip-components=1 2>/dev/null
# Some releases of the package have no folder around the tree.
[ -d "$target/CPP" ] || tar -xf "$work"/download/*.orig.tar.* -C "$target"
[ -d "$target/CPP/7zip" ] || {
  echo "the source package has no CPP/7zip" >&2
  exit 1
}
