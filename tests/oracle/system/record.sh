#!/bin/sh
# Builds the programs and records their output from real QEMU 7.2 (-svm: we do not announce it).
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
for program in faults32 faults64 debug64; do
  case $program in
    *32) bits=32 emulation=elf_i386 ;;
    *) bits=64 emulation=elf_x86_64 ;;
  esac
  gcc -m$bits -c -nostdlib $program.S -o "$work/object"
  ld -m $emulation -Ttext 0x7c00 --oformat binary "$work/object" -o $program.bin
  cp $program.bin "$work/disk"
  truncate -s 4M "$work/disk"
  timeout 20 qemu-system-x86_64 -cpu qemu64,-svm -display none -serial stdio -monitor none -no-reboot \
    -device isa-debug-exit,iobase=0xf4 -drive "format=raw,file=$work/disk" >"$work/text" || true
  grep -a '^[DEFk]0' "$work/text" | sed 's/ $//' >$program.txt
done
rm -r "$work"
