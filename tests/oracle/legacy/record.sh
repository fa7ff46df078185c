#!/bin/sh
# Builds the programs and records their output from real QEMU 7.2.
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
while read -r name bits prot flat; do
  gcc -m32 -c -nostdlib -DBITS="$bits" -DPROT="$prot" -DFLAT="$flat" legacy.S -o "$work/object"
  ld -m elf_i386 -Ttext 0x7c00 --oformat binary "$work/object" -o "$work/image"
  gzip -9nc "$work/image" >"$name.bin.gz"
  truncate -s 4M "$work/image"
  timeout 20 qemu-system-i386 -cpu qemu64 -display none -serial stdio -monitor none -no-reboot </dev/null \
    -device isa-debug-exit,iobase=0xf4 -drive "format=raw,file=$work/image" >"$work/text" || true
  grep -a '^[TE]' "$work/text" | gzip -9nc >"$name.txt.gz"
done <<END
real16 16 0 0
protected16 16 1 0
protected32 32 1 0
flat32 32 1 1
END
rm -r "$work"
