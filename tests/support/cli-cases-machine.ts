/** Command lines about the machine's memory, the machine `none`, and where processors are, that QEMU refuses, a line each. */
const BARE = '-display none -S';
const OBJECT = `${BARE} -object memory-backend-ram,id=m,size=128M`;
const NODES = `${BARE} -m 128 -smp 2 -object memory-backend-ram,id=a,size=128M`;
/** Refused for another reason, after all that is before it was taken. */
const END = '-device foo';

export const MACHINE_LINES: readonly string[] = `
${OBJECT} -M memory-backend=x
${OBJECT} -M memory-backend=m -m 256
${OBJECT} -M memory-backend=m -m 128 ${END}
${OBJECT} -M memory-backend=/objects/m ${END}
${OBJECT} -M memory-backend= ${END}
${OBJECT} -object rng-builtin,id=r -M memory-backend=r
${OBJECT} -M memory-backend=m -numa node,memdev=m
${OBJECT} -M memory-backend=m -numa node
${OBJECT} -M memory-backend=m -device pc-dimm,memdev=m
${OBJECT} -M memory-backend=m -m 128,slots=2,maxmem=1G -device pc-dimm,memdev=m
${BARE} -object memory-backend-ram,id=pc.ram,size=128M -M memory-backend=pc.ram ${END}
${BARE} -object memory-backend-ram,id=pc.ram,size=128M
${OBJECT} -M none,memory-backend=x
${OBJECT} -M none,memory-backend=m -m 256
${OBJECT} -M none,memory-backend=m ${END}
${BARE} -M none,usb=on,graphics=off,dump-guest-core=off,mem-merge=off,suppress-vmdesc=on ${END}
${BARE} -M dump-guest-core=off,mem-merge=off,suppress-vmdesc=on ${END}
${BARE} -M none,usb=x
${BARE} -M none,acpi=on
${BARE} -M none -drive if=ide,format=raw,file=disk
${BARE} -M none -drive format=raw,file=disk,if=virtio
${BARE} -M none -drive format=raw,file=disk ${END}
${BARE} -cpu qemu64,node-id=0 ${END}
${BARE} -cpu qemu64,node-id=-1 ${END}
${BARE} -cpu qemu64,node-id=1
${BARE} -cpu qemu64,node-id=x
${NODES} -cpu qemu64,node-id=1 -numa node,memdev=a
${NODES} -cpu qemu64,node-id=0 -numa node,memdev=a -numa node,cpus=0-1
${NODES} -cpu qemu64,node-id=1 -numa node,memdev=a -numa node,cpus=0-1 ${END}
${NODES} -cpu qemu64,node-id=0 -numa node,memdev=a,cpus=0 -numa node,cpus=1
${NODES} -cpu qemu64,node-id=7 -numa node,memdev=a,cpus=0-1
`
  .trim()
  .split('\n');
