#!/bin/sh
# QEMU 7.2's own qtest programs, unchanged, out of Debian's source package: sh scripts/qtest/build.sh
# The package (24 MB) is fetched once into .cache/qemu-source, unpacked and configured in .cache/qtest; all programs for x86-64 are built there,
# and of QEMU only what they are linked with: ten minutes on two cores, once. Prints the folder of the programs.
# Needs dpkg-source, gcc, python3 and the packages below, which are installed where that is allowed.
set -e
project=$(cd "$(dirname "$0")/../.." && pwd)
source=$project/.cache/qemu-source
build=$project/.cache/qtest/qemu/build-hotslot
packages='gcc meson ninja-build pkg-config libglib2.0-dev libpixman-1-dev zlib1g-dev libfdt-dev libspice-server-dev dpkg-dev genisoimage'

apt() {
  apt-get -qq -o "Dir::Etc::sourcelist=$source/sources.list" -o Dir::Etc::sourceparts=- \
    -o "Dir::State::lists=$source/lists" -o APT::Sandbox::User=root "$@"
}

if ! ls "$source"/qemu_7.2*.dsc > /dev/null 2>&1; then
  mkdir -p "$source/lists/partial"
  echo 'deb-src http://deb.debian.org/debian bookworm main' > "$source/sources.list"
  (cd "$source" && apt update && apt source --download-only qemu) >&2
fi
# shellcheck disable=SC2086
dpkg-query -W $packages > /dev/null 2>&1 || DEBIAN_FRONTEND=noninteractive apt-get -qq install -y $packages >&2 || [ -f "$build/complete" ]
if [ ! -f "$build/complete" ]; then
  rm -rf "$project/.cache/qtest/qemu"
  mkdir -p "$project/.cache/qtest"
  (cd "$project/.cache/qtest" && dpkg-source --no-check -x "$source"/qemu_7.2*.dsc qemu) >&2
  mkdir "$build"
  cd "$build"
  # Some subtests ask whether QEMU was built with VNC and SPICE: Debian's was, and Hotslot answers as that.
  ../configure --target-list=x86_64-softmmu --without-default-features --enable-vnc --enable-spice --disable-docs --disable-tools \
    --disable-install-blobs --disable-werror >&2
  nice ninja $(ninja -t targets all | sed -n 's|^\(tests/qtest/[a-z0-9_-]*\): .*|\1|p') >&2
  touch complete
fi
echo "$build/tests/qtest"
