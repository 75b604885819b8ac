#!/usr/bin/env bash
# Fetches the benchmark's inputs from Debian 12's packages into bench/corpora: about 230 MB are downloaded, about 330 MB
# end up on disk. Nothing is installed and root is not needed. Run again, it fetches only what is missing.
set -euo pipefail

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
  printf '%-10s %7d files %13d bytes\n' "$name" "$(find "$out/$name" -type f | wc -l)" \
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

corpus kernel kernel
corpus small small
corpus binaries binaries
corpus media media
