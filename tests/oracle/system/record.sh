#!/bin/sh
# Builds faults64.bin and records faults64.txt from real QEMU 7.2 (-svm: we do not announce it).
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
gcc -m64 -c -nostdlib faults64.S -o "$work/faults64.o"
ld -m elf_x86_64 -Ttext 0x7c00 --oformat binary "$work/faults64.o" -o faults64.bin
cp faults64.bin "$work/disk"
truncate -s 4M "$work/disk"
qemu-system-x86_64 -cpu qemu64,-svm -display none -serial stdio -monitor none -no-reboot \
  -device isa-debug-exit,iobase=0xf4 -drive "format=raw,file=$work/disk" | grep -a '^[Fk]0' | sed 's/ $//' >faults64.txt || true
rm -r "$work"
