/** A processor, a DIMM and a disk that are hot-added, what Linux does to have them, data in them, and programs that use them. */

import { waitFor } from './guest-waits.ts';

export const online = (cpu: number): string => `/sys/devices/system/cpu/cpu${cpu}/online`;
export const addCpu = (cpu: number): string =>
  `device_add qemu64-x86_64-cpu,id=cpu${cpu},socket-id=0,core-id=${cpu},thread-id=0`;
export const addDimm = (dimm: number): readonly string[] => [
  `object_add memory-backend-ram,id=mem${dimm},size=128M`,
  `device_add pc-dimm,id=dimm${dimm},memdev=mem${dimm}`,
];
export const image = (disk: number): string => `/tmp/disk${disk}.img`;
export const addDisk = (disk: number): readonly string[] => [
  `drive_add 0 if=none,file=${image(disk)},format=raw,id=drive${disk}`,
  `device_add virtio-blk-pci,drive=drive${disk},id=disk${disk}`,
];

/** A DIMM's memory is on line at once, and can be taken out again. */
export const MOVABLE = 'echo online_movable > /sys/devices/system/memory/auto_online_blocks';
/** The processor and the disk are there, and the processor works. */
export const FOUND = `${waitFor(`[ -e ${online(1)} -a -b /dev/vda ]`)}; echo 1 > ${online(1)}`;
/** Linux takes memory that it can give up again, the DIMM's, for files first. */
export const FILLED = [
  'mkdir /t /n; mount -t tmpfs -o size=200m t /t; head -c 65536 /dev/urandom > /tmp/data',
  'for n in $(seq 24); do cat /tmp/data; echo $n; done > /t/x',
  'head -c 1048576 /t/x | dd of=/dev/vda bs=64k conv=fsync 2> /dev/null',
];

/** Each works until /tmp/end is there, and then takes its file in /n away. */
const work = (name: string, body: string): string =>
  `( echo > /n/${name}; while [ ! -e /tmp/end ]; do ${body}; done; rm /n/${name} ) 2> /dev/null & disown -a`;
const wrong = (name: string): string => `|| echo ${name} >> /tmp/wrong`;
export const LOADS = [
  work('cpu', 'taskset -p 2 $BASHPID > /dev/null; i=0; while [ $i -lt 100 ]; do i=$((i+1)); done'),
  work('dimm', `head -c 131072 /t/x > /t/y; cmp -n 131072 /t/x /t/y ${wrong('dimm')}`),
  work(
    'disk',
    `dd if=/tmp/data of=/dev/vda bs=4k conv=fsync; dd if=/dev/vda bs=16k count=4 iflag=direct | cmp - /tmp/data ${wrong('disk')}`,
  ),
];
/** Ends them, each after its round. */
export const ENDED = 'touch /tmp/end; while [ "$(ls /n)" ]; do sleep 0.1; done';
/** What was not as it had been written. */
export const WRONG = 'cat /tmp/wrong 2> /dev/null';

/** What the disk holds beside the place that the load writes to. */
const KEPT = 'dd if=/dev/vda bs=64k skip=8 count=4 iflag=direct 2> /dev/null | md5sum';
/** Of what is in the DIMM, and of that. */
export const SUMS = `md5sum < /t/x; ${KEPT}`;
