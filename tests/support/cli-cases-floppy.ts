/** Command lines about floppy drives that QEMU refuses. */
export const FLOPPY_LINES: readonly string[] = [
  '-drive if=floppy,index=2 -display none -nodefaults -S',
  '-drive if=floppy,bus=1 -display none -nodefaults -S',
  '-drive if=floppy,werror=stop -display none -nodefaults -S',
  '-drive if=floppy -device floppy,unit=0 -display none -nodefaults -S',
  '-drive if=none,id=x,werror=stop -device floppy,drive=x -display none -nodefaults -S',
  '-drive if=none,id=x,rerror=stop -device floppy,drive=x -display none -nodefaults -S',
  '-device floppy,unit=2 -display none -nodefaults -S',
  '-device floppy,drive-type=x -display none -nodefaults -S',
  '-device floppy,logical_block_size=4096,physical_block_size=4096 -display none -nodefaults -S',
  '-device floppy,werror=report -display none -nodefaults -S',
  '-device floppy -device floppy -device floppy -display none -nodefaults -S',
  '-device floppy,drive=nosuch -display none -nodefaults -S',
  '-fda disk -fda disk -display none -nodefaults -S',
  '-fdb missing -display none -nodefaults -S',
  '-global isa-fdc.fallback=auto -display none -nodefaults -S',
  '-drive if=sd -display none -nodefaults -S',
];
