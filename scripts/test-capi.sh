#!/usr/bin/env bash
# Tests the C and C++ API as users get it: installs the library, compiles examples and tests against the installation,
# runs them, and lets 7-Zip check every archive they make.
#
#   scripts/test-capi.sh [--quick] [--release]
#
#   --quick    without valgrind, and with a tenth of the fuzzing
#   --release  the optimized library, as scripts/install-capi.sh makes it; it takes longer to build
#
# PAR7Z_FUZZ_COUNT (10000), PAR7Z_FUZZ_SEED (1), PAR7Z_FUZZ_VALGRIND_COUNT (200): how much fuzzing.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=0 install_flags=(--debug) fuzz_count=${PAR7Z_FUZZ_COUNT:-10000}
for argument in "$@"; do
  case $argument in
    --quick) quick=1 fuzz_count=${PAR7Z_FUZZ_COUNT:-1000} ;;
    --release) install_flags=() ;;
    *)
      echo "usage: scripts/test-capi.sh [--quick] [--release]" >&2
      exit 2
      ;;
  esac
done

crate=$PWD/crates/par7z-capi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
count=0

step() { printf '== C API: %s (%d s in)\n' "$1" "$SECONDS"; }
fail() {
  echo "test-capi: $*" >&2
  exit 1
}
# Runs a command whose output matters only if it fails.
quietly() {
  "$@" >"$work/log" 2>&1 || {
    tail -n 60 "$work/log" >&2
    fail "failed: $*"
  }
  count=$((count + 1))
}

step "install"
scripts/install-capi.sh --prefix "$prefix" "${install_flags[@]}" >/dev/null
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig CMAKE_PREFIX_PATH=$prefix LD_LIBRARY_PATH=$prefix/lib
read -r -a flags < <(pkg-config --cflags --libs par7z)
library=$(readlink -f "$prefix/lib/libpar7z.so" 2>/dev/null || readlink -f "$prefix/lib/libpar7z.dylib")

step "symbols"
if [ "$(uname -s)" = Linux ]; then
  # What the library shows is a promise: a new function is added to the list on purpose, none ever goes.
  nm -D --defined-only "$library" | awk '{ print $3 }' | LC_ALL=C sort >"$work/symbols"
  diff -u "$crate/exported-symbols.txt" "$work/symbols" || fail "these symbols differ from exported-symbols.txt"
fi
grep -o -E '\bParallel(Compress|Compressor|StreamQueue|Archive)_[A-Za-z]+' "$crate/tests/c/layout.c" |
  LC_ALL=C sort -u >"$work/tested"
grep '^Parallel' "$crate/exported-symbols.txt" | diff - "$work/tested" || fail "layout.c does not have every function"

# DWARF 4: valgrind does not read what clang writes by default.
strict=(-pedantic -Wall -Wextra -Werror -gdwarf-4 -pthread)
# compile COMPILER STANDARD NAME SOURCE
compile() { quietly "$1" "-std=$2" "${strict[@]}" -I"$crate/examples/c" "$4" -o "$work/$3" "${flags[@]}"; }

# 7-Zip finds every archive good, and takes out of it what the program has put beside it as expected.
check_archives() {
  local expected archive password=()
  for archive in "$1"/*.7z "$1"/*.001; do
    [ -f "$archive" ] || continue
    password=(-p)
    [ ! -f "$archive.password" ] || password=(-p"$(cat "$archive.password")")
    quietly 7zz t "${password[@]}" "$archive"
    ! grep -qi warning "$work/log" || fail "7zz t $archive warns: $(cat "$work/log")"
    expected=$archive.expected
    [ -d "$expected" ] || continue
    rm -rf "$work/out"
    quietly 7zz x "${password[@]}" -o"$work/out" "$archive"
    quietly diff -r "$expected" "$work/out"
  done
  for expected in "$1"/*.expected; do
    [ ! -d "$expected" ] || [ -f "${expected%.expected}" ] || fail "${expected%.expected} was not made"
  done
}
# run_in_directory NAME COMMAND...: an empty directory, which is also the program's argument
run_in_directory() {
  local directory=$work/run.$1
  rm -rf "$directory"
  mkdir "$directory"
  shift
  (cd "$directory" && quietly "$@" "$directory")
  count=$((count + 1))
  check_archives "$directory"
}

examples=() regressions=()
for source in "$crate"/examples/c/*.c; do
  examples+=("$(basename "$source" .c)")
done
for source in "$crate"/tests/c/regress_*.c; do
  regressions+=("$(basename "$source" .c)")
done
for compiler in gcc clang; do
  step "examples and tests, $compiler"
  for name in "${examples[@]}"; do
    compile "$compiler" c99 "$name" "$crate/examples/c/$name.c"
    run_in_directory "$name" "$work/$name"
  done
  for name in "${regressions[@]}"; do
    compile "$compiler" c99 "$name" "$crate/tests/c/$name.c"
    run_in_directory "$name" "$work/$name"
  done
  compile "$compiler" c11 layout "$crate/tests/c/layout.c"
  quietly "$work/layout"
  compile "$compiler" c99 snippets "$crate/tests/c/snippets.c"
  run_in_directory snippets "$work/snippets"
  cp "$crate/tests/c/snippets.c" "$work/snippets.cpp"
  compile "${compiler/gcc/g}++" c++11 snippets_cpp "$work/snippets.cpp"
  run_in_directory snippets "$work/snippets_cpp"
  compile "$compiler" c99 fuzz "$crate/tests/c/fuzz.c"
done

if [ -x "$crate/tests/cpp/run.sh" ]; then
  step "C++"
  # The headers are compiled inside 7-Zip's sources, too, where these can be had.
  if [ -z "${SEVENZIP_TREE:-}" ] && command -v apt-get >/dev/null && scripts/fetch-7zip-source.sh "$work/7zip"; then
    export SEVENZIP_TREE=$work/7zip
  fi
  "$crate/tests/cpp/run.sh" "$prefix/lib" "$prefix/include/par7z" "$work/cpp"
fi

step "clients of the installation"
client=$crate/examples/c/errors.c
quietly cc -std=c99 -I"$crate/examples/c" "$client" -o "$work/shared_client" "${flags[@]}"
quietly env -u LD_LIBRARY_PATH cc -std=c99 "$client" -o "$work/static_client" -I"$crate/examples/c" \
  $(pkg-config --cflags par7z) $(pkg-config --variable=static_libs par7z)
if [ "$(uname -s)" = Linux ]; then
  [[ $(ldd "$work/shared_client") == *'libpar7z.so.0 '* ]] || fail "the client does not ask for libpar7z.so.0"
  [[ $(ldd "$work/static_client") != *par7z* ]] || fail "the static client needs the shared library"
  quietly cc -static -std=c99 -I"$crate/examples/c" "$client" -o "$work/all_static_client" \
    $(pkg-config --static --cflags --libs par7z)
  run_in_directory client "$work/all_static_client"
fi
run_in_directory client "$work/shared_client"
run_in_directory client env -u LD_LIBRARY_PATH "$work/static_client"

# Code blocks of docs/c-api.md: extract LANGUAGE writes each to a file of its own.
mkdir "$work/docs"
extract() {
  awk -v language="$1" -v stem="$work/docs/block" '
    $0 == "```" { file = "" }
    file != "" { print > file }
    $0 == "```" language { number++; file = stem number "." (language == "cmake" ? "txt" : language) }' docs/c-api.md
}

# The page's own CMakeLists.txt, on an installation that was moved after it was made.
extract cmake
mkdir "$work/cmake_client"
cp "$work/docs/block1.txt" "$work/cmake_client/CMakeLists.txt"
cp "$client" "$work/cmake_client/program.c"
cp "$crate/examples/c/check.h" "$work/cmake_client/"
cp -a "$prefix" "$work/moved"
for target in par7z static; do
  sed "s/par7z::par7z/par7z::$target/" "$work/docs/block1.txt" >"$work/cmake_client/CMakeLists.txt"
  quietly cmake -S "$work/cmake_client" -B "$work/cmake_$target" -DCMAKE_PREFIX_PATH="$work/moved"
  quietly cmake --build "$work/cmake_$target"
  run_in_directory client env -u LD_LIBRARY_PATH "$work/cmake_$target/program"
done
sed 's/find_package(par7z [0-9.]*/find_package(par7z 99/' "$work/docs/block1.txt" >"$work/cmake_client/CMakeLists.txt"
! cmake -S "$work/cmake_client" -B "$work/cmake_99" -DCMAKE_PREFIX_PATH="$work/moved" >"$work/log" 2>&1 \
  || fail "find_package is content with any version"
rm -rf "$work/moved"

step "code in the documentation"
extract c
extract cpp
programs=0
for block in "$work"/docs/*.c "$work"/docs/*.cpp; do
  [ -f "$block" ] || continue
  compiler=(gcc -std=c99)
  [ "${block##*.}" = c ] || compiler=(g++ -std=c++11)
  if grep -q 'int main(' "$block"; then
    quietly "${compiler[@]}" "${strict[@]}" "$block" -o "$block.program" "${flags[@]}"
    run_in_directory docs "$block.program"
    programs=$((programs + 1))
  else
    # A fragment: functions, which need no more than the header.
    quietly "${compiler[@]}" "${strict[@]}" -Wno-unused-function -include ParallelCompressAPI.h -fsyntax-only \
      "$block" "${flags[@]}"
  fi
done
[ "$programs" -ge 1 ] || fail "docs/c-api.md has no program"

step "fuzzing"
mkdir "$work/fuzzing" "$work/fuzzing_valgrind"
"$work/fuzz" "${PAR7Z_FUZZ_SEED:-1}" "$fuzz_count" "$work/fuzzing"

if [ "$quick" = 0 ] && command -v valgrind >/dev/null; then
  memcheck=(valgrind -q --error-exitcode=99 --leak-check=full --max-threads=2000
    --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible)
  helgrind=(valgrind -q --tool=helgrind --error-exitcode=99 --suppressions="$crate/tests/c/helgrind.supp")
  step "memcheck"
  for name in "${examples[@]}" "${regressions[@]}" snippets; do
    run_in_directory "$name" "${memcheck[@]}" "$work/$name"
  done
  for source in "$crate"/examples/cpp/*.cpp; do
    name=$(basename "$source" .cpp)
    quietly "${memcheck[@]}" "$work/cpp/g++-17/$name" "$work/$name.7z"
  done
  step "helgrind"
  for name in queue_producer progress cancel memory_buffers; do
    run_in_directory "$name" "${helgrind[@]}" "$work/$name"
  done
  step "fuzzing in memcheck"
  "${memcheck[@]}" "$work/fuzz" "${PAR7Z_FUZZ_SEED:-2}" "${PAR7Z_FUZZ_VALGRIND_COUNT:-200}" "$work/fuzzing_valgrind"
elif [ "$quick" = 0 ]; then
  fail "valgrind is missing; --quick does without it"
fi

echo "C API: $count checks passed in $SECONDS s"
