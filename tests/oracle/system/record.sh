#!/bin/sh
# Builds the programs and records their output from real QEMU 7.2 (-svm: we do not announce it). features64 is recorded three times: with
# what qemu64 announces, with all that we execute (and as Intel's), and with less than qemu64.
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
build() {
  case $1 in
    *32) bits=32 emulation=elf_i386 ;;
    *) bits=64 emulation=elf_x86_64 ;;
  esac
  gcc -m$bits -c -nostdlib "$1.S" -o "$work/object"
  ld -m $emulation -Ttext 0x7c00 --oformat binary "$work/object" -o "$1.bin"
  cp "$1.bin" "$work/disk"
  truncate -s 4M "$work/disk"
}
# The disk's output with so much more of -cpu, to a file.
run() {
  timeout 20 qemu-system-x86_64 -cpu "qemu64,-svm$1" -display none -serial stdio -monitor none -no-reboot \
    -device isa-debug-exit,iobase=0xf4 -drive "format=raw,file=$work/disk" >"$work/text" || true
  grep -a '^[DEFk]0' "$work/text" | sed 's/ $//' >"$2"
}
for program in faults32 faults64 debug64 features64; do
  build $program
  run '' $program.txt
done
executed=,+ssse3,+sse4.1,+sse4.2,+movbe,+popcnt,+rdrand,+fsgsbase,+bmi1,+smep,+bmi2,+adx,+smap,+clflushopt,+clwb,+umip,+rdtscp,+abm,vendor=GenuineIntel
run $executed features64-executed.txt
run ,-cx16,-cx8,-pni,-cmov,-clflush,-fxsr,-lahf_lm,-sse2 features64-less.txt
rm -r "$work"
