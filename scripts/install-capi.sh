#!/usr/bin/env bash
# Builds the C and C++ library and installs it with its headers, pkg-config and CMake files. Needs no root for a prefix
# of one's own. Linux and macOS.
#
#   scripts/install-capi.sh --prefix DIR [--libdir lib] [--destdir D] [--cloud] [--debug]
#
#   --prefix DIR   where programs will find it, such as /usr/local or $HOME/par7z
#   --libdir lib   where the libraries go, below the prefix (lib64, lib/x86_64-linux-gnu)
#   --destdir D    put everything below D instead, for packaging; the files still name the prefix
#   --cloud        with object stores: URLs wherever paths may stand (see docs/c-api.md)
#   --debug        the quickly built library, for tests
set -euo pipefail

fail() {
  echo "install-capi: $*" >&2
  exit 1
}
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; }

prefix='' libdir=lib destdir='' profile=release features=''
while [ $# -gt 0 ]; do
  case $1 in
    --prefix | --libdir | --destdir)
      [ $# -ge 2 ] || fail "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift
      ;;
    --prefix=* | --libdir=* | --destdir=*)
      name=${1%%=*}
      printf -v "${name#--}" '%s' "${1#*=}"
      ;;
    --cloud) features=cloud ;;
    --debug) profile=dev ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) fail "unknown argument $1; see --help" ;;
  esac
  shift
done
[ -n "$prefix" ] || fail "--prefix is missing; see --help"
case $libdir in /* | *..* | '') fail "--libdir must be below the prefix: $libdir" ;; esac
libdir=${libdir%/}
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
case $prefix in *[\ \"\|\\\$]*) fail "the prefix has characters that pkg-config and CMake do not take: $prefix" ;; esac
[ "$prefix" = / ] || prefix=${prefix%/}
case $destdir in '' | /*) ;; *) destdir=$PWD/$destdir ;; esac

cd "$(dirname "$0")/.."
crate=crates/par7z-capi
command -v cargo >/dev/null || fail "cargo is missing: install a Rust toolchain (https://rustup.rs)"

version=$(sed -n '/^\[workspace\.package\]/,/^\[/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
[ -n "$version" ] || fail "Cargo.toml names no version"
major=${version%%.*}
minor=${version#*.}
minor=${minor%%.*}
case $(uname -s) in
  Linux) system=linux shared=libpar7z.so soname=libpar7z.so.$major shared_file=libpar7z.so.$version ;;
  Darwin) system=macos shared=libpar7z.dylib soname=libpar7z.$major.dylib shared_file=libpar7z.$version.dylib ;;
  *) fail "this script knows Linux and macOS only" ;;
esac

# One build gives both libraries, and says what system libraries the static one needs.
export PAR7Z_SONAME=$soname
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "install-capi: building ($profile)"
cargo rustc --locked -p par7z-capi --lib --features "$features" --profile "$profile" -- --print native-static-libs >"$log" 2>&1 || {
  cat "$log" >&2
  fail "the build failed"
}
system_libs=$(sed -n 's/.*native-static-libs: *//p' "$log" | tail -1)
[ -n "$system_libs" ] || fail "rustc did not say what libraries the static library needs"
# The C compiler adds its own and libc by itself, in the form that suits -static too.
system_libs=$(tr ' ' '\n' <<<"$system_libs" | grep -v -x -e '' -e -lgcc_s -e -lc -e -lSystem |
  awk '!seen[$0]++' | paste -s -d' ' -)
folder=${profile/dev/debug}
built=${CARGO_TARGET_DIR:-target}/$folder
for file in "$shared" libpar7z.a; do
  [ -f "$built/$file" ] || fail "$built/$file was not built"
done

root=$destdir$prefix
mkdir -p "$root/$libdir/pkgconfig" "$root/$libdir/cmake/par7z" "$root/include/par7z" || fail "cannot write to $root"
install -m 755 "$built/$shared" "$root/$libdir/$shared_file"
ln -sf "$shared_file" "$root/$libdir/$soname"
ln -sf "$soname" "$root/$libdir/$shared"
install -m 644 "$built/libpar7z.a" "$root/$libdir/libpar7z.a"
install -m 644 "$crate"/include/*.h "$root/include/par7z/"
if [ $system = macos ]; then
  install_name_tool -id "$prefix/$libdir/$soname" "$root/$libdir/$shared_file"
fi

fill() { # fill TEMPLATE TARGET
  sed -e "s|@PREFIX@|$prefix|g" -e "s|@LIBDIR@|$libdir|g" -e "s|@VERSION@|$version|g" \
    -e "s|@VERSION_MAJOR@|$major|g" -e "s|@VERSION_MINOR@|$minor|g" \
    -e "s|@SYSTEM_LIBS@|$system_libs|g" -e "s|@SYSTEM_LIBS_CMAKE@|${system_libs// /;}|g" \
    -e "s|@SHARED_FILE@|$shared_file|g" -e "s|@SONAME@|$soname|g" \
    -e "s|@POINTER_BYTES@|$(($(getconf LONG_BIT) / 8))|g" \
    -e "s|@LIBDIR_TO_PREFIX@|$(sed 's|[^/][^/]*|..|g' <<<"$libdir")|g" "$crate/packaging/$1" >"$2"
  chmod 644 "$2"
}
fill par7z.pc.in "$root/$libdir/pkgconfig/par7z.pc"
fill par7zConfig.cmake.in "$root/$libdir/cmake/par7z/par7zConfig.cmake"
fill par7zConfigVersion.cmake.in "$root/$libdir/cmake/par7z/par7zConfigVersion.cmake"

echo "install-capi: par7z $version is in $root"
case $prefix in
  /usr | /usr/local) echo "install-capi: run ldconfig once, so that programs find it" ;;
  *)
    echo "install-capi: to build with it: export PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig CMAKE_PREFIX_PATH=$prefix"
    echo "install-capi: to run with it: link with -Wl,-rpath,$prefix/$libdir, or set LD_LIBRARY_PATH"
    ;;
esac
