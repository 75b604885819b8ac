#!/usr/bin/env bash
# What the C API costs: the same 2,000 items in memory, level 5, LZMA, through C and through Rust, in turns. The
# archives must be the same byte for byte. Prints the medians of user CPU and wall-clock time, and C / Rust.
#
#   bench/capi/run.sh [RUNS [THREADS [INPUT]]]
#
# 5 runs, a thread for each core. INPUT: a file of some 20 MB; else this repository's own sources, several times over.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
runs=${1:-5} threads=${2:-$(getconf _NPROCESSORS_ONLN)}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

scripts/install-capi.sh --prefix "$work/prefix" >/dev/null
cargo build -q --release --manifest-path "$here/Cargo.toml"
export PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig LD_LIBRARY_PATH=$work/prefix/lib
cc -std=c99 -O2 -Wall -Wextra "$here/bench.c" -o "$work/bench" $(pkg-config --cflags --libs par7z)

input=${3:-$work/input}
if [ $# -lt 3 ]; then
  for round in 1 2 3 4 5 6 7 8; do
    git ls-files -z -- '*.rs' '*.md' '*.c' '*.h' '*.sh' '*.lock' | xargs -0 cat
    echo "$round"
  done >"$input"
fi

python3 - "$input" "$runs" "$threads" "$work" "$CARGO_TARGET_DIR/release/par7z-bench-capi" <<'PYTHON'
import filecmp, os, statistics, subprocess, sys, time

input_path, runs, threads, work, rust = sys.argv[1:]
programs = {'C': [work + '/bench'], 'Rust': [rust]}
figures = {name: [] for name in programs}
for run in range(int(runs) + 1):
    # A B, B A, ...: neither is always the second.
    for name, program in list(programs.items())[:: 1 if run % 2 else -1]:
        begin = time.monotonic()
        process = subprocess.Popen([*program, input_path, f'{work}/{name}.7z', threads])
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f'{name}: exit {process.returncode}')
        if run > 0:  # the first one warms up
            figures[name].append((used.ru_utime, wall))
    if not filecmp.cmp(f'{work}/C.7z', f'{work}/Rust.7z', shallow=False):
        sys.exit('the archives differ')

size, packed = os.path.getsize(input_path), os.path.getsize(f'{work}/C.7z')
print(f'2,000 items, {size:,} bytes into {packed:,}; {threads} threads, medians of {runs} runs, archives identical')
medians = {name: [statistics.median(values) for values in zip(*rows)] for name, rows in figures.items()}
for name, (user, wall) in medians.items():
    print(f'{name:5} user {user:.2f} s, wall {wall:.2f} s')
print(f'C / Rust: user {medians["C"][0] / medians["Rust"][0]:.3f}, wall {medians["C"][1] / medians["Rust"][1]:.3f}')
PYTHON
