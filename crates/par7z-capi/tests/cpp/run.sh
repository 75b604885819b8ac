#!/bin/bash
# run.sh - compiles and runs the C++ tests and examples against a built libpar7z, and checks their archives with 7-Zip.
#
# Usage: run.sh LIBDIR INCLUDE OUT
#   LIBDIR   where libpar7z.so is          INCLUDE  where the headers are          OUT  a directory for the results
# Environment:
#   COMPILERS      default "g++ clang++"; one that is missing is skipped
#   STANDARDS      default "11 17"
#   SEVENZIP       7-Zip's program, default 7zz; without it the archives are not checked
#   SEVENZIP_TREE  the root of 7-Zip's sources (26.02); without it a client inside them is not tested
#   RUN_WITH       put before each program, e.g. "valgrind -q --error-exitcode=9 --leak-check=full"
#   STRICT=1       what would be skipped is a failure
# Exit status: 0 if everything passed.

set -euo pipefail

if [ $# -ne 3 ]; then
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
libdir=$(realpath "$1")
include=$(realpath "$2")
mkdir -p "$3"
out=$(realpath "$3")
tests=$(dirname "$(realpath "$0")")
examples=$tests/../../examples/cpp
sevenzip=${SEVENZIP:-7zz}
password=0123456789abcdef  # of encryption.cpp

warnings=(-Wall -Wextra -Werror)
link=(-L"$libdir" -lpar7z -pthread "-Wl,-rpath,$libdir")

# What 7-Zip's file and memory streams are made of.
tree_sources=(
  C/Alloc.c
  CPP/7zip/Common/{FileStreams,StreamObjects}.cpp
  CPP/Common/{IntToString,MyString,MyWindows,StringConvert,UTFConvert}.cpp
  CPP/Windows/{FileDir,FileFind,FileIO,FileName,PropVariant,TimeUtils}.cpp
)

skip() {
  echo "SKIPPED: $1"
  if [ "${STRICT:-0}" = 1 ]; then exit 1; fi
}

run() {
  # RUN_WITH is several words.
  ${RUN_WITH:-} "$@"
}

# check_archive ARCHIVE COUNT [LEFT_OUT]: it holds the sample items 0 to COUNT - 1.
check_archive() {
  local archive=$1 expected=$work/expected found=$work/found
  [ "$have_sevenzip" = 1 ] || return 0
  rm -rf "$expected" "$found"
  mkdir "$expected"
  "$work/expected-program" "$expected" "${@:2}"
  test_archive "$archive"
  "$sevenzip" x -p$password -o"$found" "$archive" >/dev/null
  diff -r "$expected" "$found"
}

test_archive() {
  [ "$have_sevenzip" = 1 ] || return 0
  "$sevenzip" t -p$password "$1" >/dev/null || { echo "7-Zip refuses $1" >&2; exit 1; }
}

standalone_object() {
  "$compiler" "-std=c++$standard" -g "${warnings[@]}" -pedantic -I"$include" -c "$@"
}

standalone_program() {
  local program=$1 source object objects=()
  shift
  for source in "$@"; do
    object=$program-$(basename "$source").o
    standalone_object "$source" -o "$object"
    objects+=("$object")
  done
  "$compiler" "${objects[@]}" "${link[@]}" -o "$program"
}

standalone() {
  standalone_program "$work/expected-program" "$tests/expected.cpp"
  for name in memory_streams sequential_output stream_queue progress_and_cancel blob_adaptor encryption; do
    standalone_program "$work/$name" "$examples/$name.cpp"
    run "$work/$name" "$work/$name.7z"
  done
  check_archive "$work/memory_streams.7z" 10
  check_archive "$work/sequential_output.7z" 5
  check_archive "$work/stream_queue.7z" 30
  check_archive "$work/progress_and_cancel.7z" 20
  check_archive "$work/blob_adaptor.7z" 8 2
  check_archive "$work/encryption.7z" 4

  standalone_program "$work/layout" "$tests/layout.cpp"
  run "$work/layout"

  standalone_program "$work/snippets" "$tests/snippets.cpp"
  run "$work/snippets" "$work"
  test_archive "$work/items.7z"
  check_archive "$work/cloud.7z" 6
  check_archive "$work/queue.7z" 6

  standalone_program "$work/refcounts" "$tests/refcounts.cpp"
  run "$work/refcounts"

  standalone_program "$work/callbacks" "$tests/callbacks.cpp"
  run "$work/callbacks" "$work"
  check_archive "$work/volumes.001" 8
  check_archive "$work/taken.7z.001" 8
  check_archive "$work/file.7z" 8
  test_archive "$work/code.7z"

  for order in 1 2 3; do
    standalone_object -DORDER=$order "$tests/double_include.cpp" -o "$work/include$order.o"
  done
  # The headers in several files of one program; and without exceptions and run-time types.
  "$compiler" "$work/include1.o" "$work/layout-layout.cpp.o" "${link[@]}" -o "$work/two_files"
  standalone_object -DORDER=3 -fno-exceptions -fno-rtti "$tests/double_include.cpp" -o "$work/no_exceptions.o"
}

in_tree() {
  local tree=$1 objects=()
  local flags=("-std=c++$standard" -g "${warnings[@]}" -I"$include" -I"$tree/CPP/7zip/Compress")
  for order in 4 5; do
    "$compiler" "${flags[@]}" -DORDER=$order -c "$tests/double_include.cpp" -o "$work/include$order.o"
  done
  for source in "${tree_sources[@]}"; do
    objects+=("$tree_objects/$(basename "$source").o")
  done
  "$compiler" "${flags[@]}" "$tests/intree.cpp" "$work/include4.o" "${objects[@]}" "${link[@]}" -o "$work/intree"
  run "$work/intree" "$work/intree.7z"
  check_archive "$work/intree.7z" 6
}

# 7-Zip's own objects: compiled once, for they are not what is tested.
build_tree_objects() {
  tree_objects=$out/7zip-objects
  mkdir -p "$tree_objects"
  for source in "${tree_sources[@]}"; do
    local object=$tree_objects/$(basename "$source").o builder=c++
    if [ "${source##*.}" = c ]; then builder=cc; fi
    [ -e "$object" ] || $builder -O1 -w -D_FILE_OFFSET_BITS=64 -c "$SEVENZIP_TREE/$source" -o "$object"
  done
}

have_sevenzip=1
command -v "$sevenzip" >/dev/null || { skip "$sevenzip is missing: archives are not checked"; have_sevenzip=0; }
if [ -n "${SEVENZIP_TREE:-}" ]; then
  build_tree_objects
else
  skip "SEVENZIP_TREE is not set: no client inside 7-Zip's sources"
fi

# The standards of a compiler at the same time: each has a folder of its own.
for compiler in ${COMPILERS:-g++ clang++}; do
  command -v "$compiler" >/dev/null || { skip "$compiler is missing"; continue; }
  jobs=()
  for standard in ${STANDARDS:-11 17}; do
    work=$out/$compiler-$standard
    rm -rf "$work"
    mkdir -p "$work"
    (
      standalone
      if [ -n "${SEVENZIP_TREE:-}" ]; then in_tree "$SEVENZIP_TREE"; fi
      echo "== $compiler, C++$standard: passed"
    ) &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job"; done
done
echo "The C++ tests have passed."
