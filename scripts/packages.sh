# How other scripts here install packages: `. scripts/packages.sh`. Debian and Ubuntu.

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

# Installs Debian packages; what is installed already stays as it is.
install_packages() {
  if ! command -v apt-get >/dev/null; then
    echo "apt-get is missing: install these by other means: $*" >&2
    return 1
  fi
  local root=()
  if [ "$(id -u)" != 0 ]; then
    root=(sudo)
  fi
  local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0)
  twice "${apt[@]}" update
  twice "${apt[@]}" install --no-install-recommends "$@"
}
