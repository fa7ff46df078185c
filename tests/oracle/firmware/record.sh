#!/bin/sh
# Builds the program and records its output from real QEMU 7.2 with Debian's SeaBIOS.
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
gcc -m32 -O1 -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none -nostdlib -static -s \
  -Wl,--build-id=none -Wl,-Ttext=0x200000 -Wl,-e,start -Wl,-z,norelro -Wl,-N -o "$work/state" state.c
record() {
  timeout 6 qemu-system-x86_64 -machine pc -nodefaults -display none -m "$1" -serial "file:$work/text" \
    -kernel "$work/state" || true
  grep -q '^end$' "$work/text"
  cp "$work/text" "$2"
}
record 256 state.txt
record 8G state-8g.txt
cp "$work/state" state.elf
rm -r "$work"
