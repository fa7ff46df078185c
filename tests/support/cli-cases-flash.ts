/** Command lines about flash that QEMU refuses, a line each, without its name. */
const NODE = '-display none -S -blockdev driver=file,filename=disk,node-name=n';

export const FLASH_LINES: readonly string[] = `
-pflash
-pflash missing
-display none -S -drive if=pflash
-display none -S -drive if=pflash,format=raw,file=empty
-display none -S -drive if=pflash,format=raw,file=text
-display none -S -drive if=pflash,format=raw,file=text -bios missing
-display none -S -drive if=pflash,format=raw,file=disk,unit=1
-display none -S -drive if=pflash,format=raw,file=disk,unit=2
-display none -S -drive if=pflash,format=raw,file=disk,bus=1
-display none -S -drive if=pflash,format=raw,file=disk,index=0 -drive if=pflash,format=raw,file=noise,index=0
-display none -S -drive if=pflash,format=raw,file=disk -drive if=pflash,format=raw,file=noise -drive if=pflash,format=raw,file=empty
-display none -S -drive if=pflash,format=raw,file=null-co://
-display none -S -drive if=pflash,format=raw,file=noise -drive if=pflash,format=raw,file=null-co://
-display none -S -M none -drive if=pflash,format=raw,file=disk
-display none -S -M pflash0=foo
-display none -S -M pflash1=foo
-display none -S -M pflash2=foo
-display none -S -M none,pflash0=n
${NODE} -M pflash1=n
${NODE} -M pflash0=n -drive if=pflash,format=raw,file=noise
-display none -S -drive if=pflash,format=raw,file=noise -device virtio-blk-pci,drive=pflash0
-display none -S -device cfi.pflash01
`
  .trim()
  .split('\n');
