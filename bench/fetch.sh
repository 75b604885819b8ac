#!/usr/bin/env bash
# Fetches the benchmark's inputs from Debian 12's packages into bench/corpora: about 230 MB are downloaded, about 340 MB
# end up on disk. Nothing is installed and root is not needed. Run again, it fetches only what is missing.
#
#   bench/fetch.sh             what bench/run and bench/lzma pack
#   bench/fetch.sh variety     what bench/lzma --variety packs, too: 90 MB more to download, 300 MB more on disk
set -euo pipefail

case "${1:-}" in
  '' | variety) ;;
  *)
    echo "usage: bench/fetch.sh [variety]" >&2
    exit 2
    ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
out=$here/corpora
mkdir -p "$out"

# One Debian package, downloaded (twice at most) and unpacked into $2. A package file of that name in $PAR7Z_DEBS is
# taken instead of the download.
unpack() {
  local package=$1 into=$2 dir
  dir=$(mktemp -d -p "$out")
  if ! ls "${PAR7Z_DEBS:-/nonexistent}/$package"_*.deb >/dev/null 2>&1; then
    (cd "$dir" && { apt-get -q download "$package" || { sleep 5; apt-get -q download "$package"; }; }) >"$dir/log" 2>&1 || {
      echo "cannot download the package $package: run 'apt-get update' and try again" >&2
      rm -rf "$dir"
      return 1
    }
    dpkg -x "$dir/$package"_*.deb "$into"
  else
    dpkg -x "$(ls "$PAR7Z_DEBS/$package"_*.deb | head -1)" "$into"
  fi
  rm -rf "$dir"
}

# Runs "$2..." to fill the corpus $1, which appears only when it is complete.
corpus() {
  local name=$1
  shift
  if [ ! -d "$out/$name" ]; then
    local new=$out/.new-$name
    rm -rf "$new"
    mkdir "$new"
    "$@" "$new"
    mv "$new" "$out/$name"
  fi
  printf '%-20s %7d files %13d bytes\n' "$name" "$(find "$out/$name" -type f | wc -l)" \
    "$(find "$out/$name" -type f -printf '%s\n' | awk '{s += $1} END {print s + 0}')"
}

linux_tar() {
  if [ -f /usr/src/linux-source-6.1.tar.xz ]; then
    echo /usr/src/linux-source-6.1.tar.xz
    return
  fi
  [ -d "$out/.linux" ] || unpack linux-source-6.1 "$out/.linux"
  echo "$out/.linux/usr/src/linux-source-6.1.tar.xz"
}

# Kernel sources: 2,816 files, the text of a large program.
kernel() { tar -xJf "$(linux_tar)" -C "$1" --strip-components=1 linux-source-6.1/{kernel,mm,fs}; }

# More of the same, to make the tar of kernel sources 64 MB long.
more_kernel() { tar -xJf "$(linux_tar)" -C "$1" --strip-components=1 linux-source-6.1/{ipc,lib}; }

# Thousands of real files under 4 KB: kernel headers, device tree bindings, Kconfig and Makefiles.
small() {
  tar -xJf "$(linux_tar)" -C "$1" --strip-components=1 linux-source-6.1/{include,Documentation/devicetree,arch/arm,arch/x86,sound/soc}
  find "$1" -type f -size +4095c -delete
  find "$1" \( -type l -o -type f -empty \) -delete
  find "$1" -type d -empty -delete
}

# x86-64 programs and libraries.
binaries() {
  local package
  for package in cpp-12 binutils-x86-64-linux-gnu coreutils git python3.11-minimal; do
    unpack "$package" "$1/.all"
  done
  # Programs alone, and one of each: some have several names.
  (cd "$1/.all" && find . -type f -size +16k -print0 | sort -z | xargs -0 md5sum | awk '!seen[$1]++ {print substr($0, 35)}' |
    while IFS= read -r file; do
      [ "$(head -c4 "$file" | tr -d '\000\177')" = ELF ] && cp --parents "$file" ..
    done || true)
  rm -rf "$1/.all"
}

# Pictures and sounds that no compressor makes smaller.
media() {
  local package
  for package in gnome-backgrounds mate-backgrounds sound-theme-freedesktop; do
    unpack "$package" "$1/.all"
  done
  (cd "$1/.all" && find . -type f \( -name '*.jpg' -o -name '*.jpeg' -o -name '*.png' -o -name '*.webp' -o -name '*.jxl' \
    -o -name '*.ogg' -o -name '*.oga' -o -name '*.mp4' \) -exec cp --parents {} .. \;)
  rm -rf "$1/.all"
}

# The files of the packages "$3..." whose path is like one of the shell patterns $1 ("|" between them), into $2.
files_like() {
  local patterns=$1 into=$2 package pattern
  shift 2
  for package in "$@"; do
    unpack "$package" "$into/.all"
  done
  tr '|' '\n' <<<"$patterns" | while IFS= read -r pattern; do
    (cd "$into/.all" && find . -type f -path "$pattern" -exec cp --parents {} .. \;)
  done
  rm -rf "$into/.all"
}

# Prose: the kernel's documentation.
documents() {
  tar -xJf "$(linux_tar)" -C "$1" --strip-components=1 linux-source-6.1/Documentation
  find "$1" -type f ! -name '*.rst' ! -name '*.txt' -delete
  find "$1" -type l -delete
  find "$1" -type d -empty -delete
}

html() { files_like '*.html' "$1" postgresql-doc-15; }
xml() { files_like '*/common/main/*.xml' "$1" unicode-cldr-core; }
json() { files_like '*.json' "$1" python3-botocore; }
# Registers of hardware addresses, as CSV and as plain text.
tables() { files_like '*.csv|*.txt' "$1" ieee-data; }
# A dictionary: records of words and numbers in lines of text.
dictionary() { files_like '*/wordnet/*' "$1" wordnet-base; }
# SQLite, and binary search trees of network addresses.
databases() { files_like '*/proj.db|*/GeoIP/*.dat' "$1" proj-data geoip-database; }
# Grids of floating-point numbers.
grids() { files_like '*.gsb|*.gtx' "$1" proj-data; }
# Message catalogues in many languages.
translations() { files_like '*.mo' "$1" gimp-data; }
# Pixels as they are.
pixels() { files_like '*.gih|*.gbr|*.pat|*.pgm' "$1" gimp-data; }
# TrueType.
fonts() { files_like '*.ttf' "$1" fonts-ipafont-gothic fonts-dejavu-core; }
# Samples of 16 bits.
samples() { files_like '*.sf2' "$1" timgm6mb-soundfont; }
# Libraries for the processor $1, from the packages "$2...-$1-cross"; the last argument is where they go.
libraries() {
  local processor=$1 into=${!#} packages=()
  shift
  while [ $# -gt 1 ]; do
    packages+=("$1-$processor-cross")
    shift
  done
  files_like '*/lib/*.so*' "$into" "${packages[@]}"
}

corpus kernel kernel
corpus more-kernel more_kernel
corpus small small
corpus binaries binaries
corpus media media
[ "${1:-}" = variety ] || exit 0
for name in documents html xml json tables dictionary databases grids translations pixels fonts samples; do
  corpus "variety-$name" "$name"
done
for processor in arm64 armhf i386 riscv64; do
  corpus "variety-$processor" libraries "$processor" libasan8 libgnat-12 libgphobos3
done
for processor in ppc64 sparc64; do
  corpus "variety-$processor" libraries "$processor" libasan8 libgnat-12 libstdc++6
done
