#!/usr/bin/env bash
# Installs what the tests of par7z-object-store need: Azurite (Azure Blob Storage) and moto (S3), into the target folder.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
folder="${CARGO_TARGET_DIR:-target}/cloud-tests"

packages=()
command -v node >/dev/null && command -v npm >/dev/null || packages+=(nodejs npm)
python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3 python3-venv)
if [ "${#packages[@]}" != 0 ]; then
  install_packages "${packages[@]}"
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
