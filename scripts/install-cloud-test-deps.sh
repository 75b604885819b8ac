#!/usr/bin/env bash
# Installs what the tests of par7z-object-store need: Azurite (Azure Blob Storage) and moto (S3), into the target folder.
set -euo pipefail
cd "$(dirname "$0")/.."
folder="${CARGO_TARGET_DIR:-target}/cloud-tests"

root=()
if [ "$(id -u)" != 0 ]; then
  root=(sudo)
fi
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 "$@" </dev/null; }
# Once more after a failure: mirrors and registries have bad moments. The output is shown only if that fails too.
twice() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1 </dev/null; then
    sleep 10
    "$@" >"$log" 2>&1 </dev/null || {
      grep -v '://' "$log" | tail -20 >&2
      echo "failed: $*" >&2
      return 1
    }
  fi
  rm -f "$log"
}

packages=()
command -v node >/dev/null && command -v npm >/dev/null || packages+=(nodejs npm)
python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3 python3-venv)
if [ "${#packages[@]}" != 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "apt-get is missing: install these by other means: ${packages[*]}" >&2
    exit 1
  fi
  twice apt update
  twice apt install --no-install-recommends "${packages[@]}"
fi

mkdir -p "$folder/azurite"
if [ ! -f "$folder/azurite/node_modules/azurite/package.json" ]; then
  # A project of its own, so that npm looks for none in the folders above.
  echo '{"private": true}' >"$folder/azurite/package.json"
  twice npm install --prefix "$folder/azurite" --no-audit --no-fund --omit=dev azurite@3
fi
if [ ! -x "$folder/moto/bin/moto_server" ]; then
  twice python3 -m venv --clear "$folder/moto"
  twice "$folder/moto/bin/pip" install --quiet --disable-pip-version-check 'moto[s3,server]>=5,<6'
fi
echo "cloud test servers: all here"
