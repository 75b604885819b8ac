#!/usr/bin/env bash
# Tests the C API with object stores: builds the library with the feature, starts Azurite, puts blobs there, runs
# tests/c/stores.c, and lets 7-Zip check the archive that it made of them.
#
# Needs scripts/install-test-deps.sh and scripts/install-cloud-test-deps.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

crate=$PWD/crates/par7z-capi
target=${CARGO_TARGET_DIR:-target}
azurite=$target/cloud-tests/azurite/node_modules/azurite/dist/src/blob/main.js
work=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
fail() {
  echo "test-capi-cloud: $*" >&2
  exit 1
}
[ -f "$azurite" ] || fail "Azurite is missing: run scripts/install-cloud-test-deps.sh"

cargo build --locked -p par7z-capi --features cloud
library=$(cd "$target/debug" && pwd)
if [ "$(uname -s)" = Linux ]; then
  nm -D --defined-only "$library/libpar7z.so" | awk '{ print $3 }' | LC_ALL=C sort >"$work/symbols"
  diff -u "$crate/exported-symbols.txt" "$work/symbols" || fail "these symbols differ from exported-symbols.txt"
fi
for compiler in gcc clang; do
  "$compiler" -std=c99 -pedantic -Wall -Wextra -Werror -pthread -I"$crate/include" -I"$crate/examples/c" \
    "$crate/tests/c/stores.c" -o "$work/stores.$compiler" -L"$library" -lpar7z -Wl,-rpath,"$library"
done

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
account=testaccount
# Of the emulator that lives as long as the test.
key=cGFyN3ogdGVzdHMgb25seSwgbm90IGEgc2VjcmV0
AZURITE_ACCOUNTS=$account:$key node "$azurite" --blobHost 127.0.0.1 --blobPort "$port" --inMemoryPersistence \
  --skipApiVersionCheck --silent --disableTelemetry >"$work/azurite.log" 2>&1 </dev/null &
server=$!
export PAR7Z_TEST_CONNECTION="AccountName=$account;AccountKey=$key;BlobEndpoint=http://127.0.0.1:$port/$account;"

# What stores.c expects to find.
python3 - "$port" "$account" "$key" <<'PYTHON'
import base64, email.utils, hashlib, hmac, http.client, socket, sys, time

port, account, key = int(sys.argv[1]), sys.argv[2], base64.b64decode(sys.argv[3])
for _ in range(1200):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        time.sleep(0.05)
connection = http.client.HTTPConnection("127.0.0.1", port)

def put(path, body=b"", query="", resource="", headers={}):
    path = f"/{account}/{path}"
    headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-12-02", **headers}
    canonical = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    length = str(len(body)) if body else ""
    text = f"PUT\n\n\n{length}\n\n\n\n\n\n\n\n\n{canonical}/{account}{path}{resource}"
    signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
    headers["Authorization"] = f"SharedKey {account}:{signature}"
    connection.request("PUT", path + query, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 201:
        sys.exit(f"PUT {path}: {answer.status} {text}")

for container in ("raw", "backup"):
    put(container, query="?restype=container", resource="\nrestype:container")
blob = {"x-ms-blob-type": "BlockBlob"}
for number in range(40):
    put(f"raw/logs/{number:02}.txt", f"blob {number}\n".encode() * number, headers=blob)
put("raw/large.txt", b"".join(b"%08d\n" % line for line in range(1000000)), headers=blob)
PYTHON

for compiler in gcc clang; do
  mkdir "$work/$compiler"
  (cd "$work/$compiler" && "$work/stores.$compiler" "$work/$compiler")
  7zz t "$work/$compiler/all.7z" >"$work/log" || fail "7zz t: $(cat "$work/log")"
  7zz x -o"$work/$compiler/unpacked" "$work/$compiler/all.7z" >"$work/log" || fail "7zz x: $(cat "$work/log")"
  diff -r "$work/$compiler/all.7z.expected" "$work/$compiler/unpacked"
  diff -r "$work/$compiler/all.7z.expected" "$work/$compiler/extracted"
done
echo "C API with object stores: all good"
