#!/bin/sh
# QEMU's own qmp-shell, unchanged, on a socket of -qmp: sh scripts/qmp-shell.sh SOCKET
# It comes out of Debian's source package of QEMU 7.2, which is fetched once (24 MB) into .cache/qemu-source. Needs apt-get and python3.
set -e
project=$(cd "$(dirname "$0")/.." && pwd)
cache=$project/.cache/qemu-source
python=$cache/qemu-7.2.0/python
if [ ! -d "$python" ]; then
  mkdir -p "$cache/lists/partial"
  echo 'deb-src http://deb.debian.org/debian bookworm main' > "$cache/sources.list"
  apt() {
    apt-get -qq -o "Dir::Etc::sourcelist=$cache/sources.list" -o Dir::Etc::sourceparts=- \
      -o "Dir::State::lists=$cache/lists" -o APT::Sandbox::User=root "$@"
  }
  (cd "$cache" && apt update && apt source --download-only qemu)
  tar -xJf "$cache"/qemu_7.2*.orig.tar.xz -C "$cache" --wildcards '*/python/qemu/*'
fi
PYTHONPATH=$python exec python3 -m qemu.qmp.qmp_shell -p -v "$1"
