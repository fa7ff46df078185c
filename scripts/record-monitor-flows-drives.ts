/** Options of drives and nodes in text: which of two faults is told, and nodes below a drive's own. */
import type { Flow } from './record-monitor-flows.ts';

/** One of each step of QEMU's way through a drive's options; each is refused. */
const WRONG = [
  ...['if=nosuch', 'bus=x', 'media=zz', 'cache=zz', 'read-only=zz', 'unit=0', 'aio=zz', 'bps=-1'],
  ...['detect-zeroes=zz', 'rerror=zz', 'format=nosuch', 'file.filename=/tmp/disk2.img', 'file=zz:aa'],
  ...['cache.direct=zz', 'force-share=on', 'file=/tmp/nosuch', 'aio=native', 'discard=zz', 'node-name=1x'],
  ...['bogus=1', 'file.bogus=1', 'serial=5', 'id=taken'],
];
const USUAL = { if: 'none', id: 'x', file: '/tmp/disk1.img', format: 'raw' };
const nameOf = (option: string): string => option.slice(0, option.indexOf('='));

function driveAdd(...wrong: readonly string[]): string {
  const names = wrong.map(nameOf);
  const usual = Object.entries(USUAL).filter(([name]) => !names.includes(name));
  return `drive_add 0 ${[...usual.map((pair) => pair.join('=')), ...wrong].join(',')}`;
}

const PAIRS = WRONG.flatMap((one, at) =>
  WRONG.slice(at + 1)
    .filter((other) => nameOf(other) !== nameOf(one))
    .map((other) => driveAdd(one, other)),
);

const NODES = [
  'driver=null-co,node-name=a1,size=4096',
  'driver=raw,node-name=d1,file.driver=null-co,size=x,bogus=1',
  'driver=raw,node-name=d2,file.driver=null-co,offset=512,size=0x1k',
  'driver=raw,node-name=d3,file.driver=null-co,file.bogus=1,bogus=1',
  'driver=raw,node-name=d4,file.driver=nosuch',
  'driver=raw,node-name=d5,file.filename=/tmp/disk1.img,file.node-name=d5',
  'driver=raw,node-name=d6,file.filename=/tmp/disk1.img,file.read-only=on',
  'driver=raw,node-name=d7,file.filename=/tmp/nosuch',
  'driver=raw,node-name=d8,file.filename=/tmp/disk1.img,file.aio=native',
  'driver=raw,node-name=d9,file=a1,file.x=1',
  'driver=raw,node-name=e1,file=',
  'driver=raw,node-name=e2,file.size=5',
  'driver=raw,node-name=e3,file.driver=raw,file.file=a1',
  'driver=raw,node-name=e4,file=a1,detect-zeroes=unmap',
  'driver=file,node-name=e5',
  'driver=null-co,node-name=e6,id=zz',
  'driver=null-co,node-name=e7,cache=none',
  'driver=null-co,node-name=e8,detect-zeroes=x',
  'node-name=f1,file.driver=file,file.filename=/tmp/disk2.img',
  'node-name=f2,filename=/tmp/disk2.img',
  'node-name=f3,file=a1,bogus=1',
  'node-name=f4,driver=raw,file.driver=null-co,backing=a1',
  'id=taken,driver=nosuch',
  'if=virtio,id=taken,file=,format=raw',
  'id=1x,driver=nosuch',
  'driver=raw,node-name=/machine,filename=/tmp/nosuch',
  ...['detect-zeroes=unmap', 'detect-zeroes=foo', 'discard=foo', 'read-only=', 'cache.direct=x', 'foo=1'].map(
    (wrong) => `driver=raw,node-name=/m,${wrong}`,
  ),
  ...['read-only=', 'cache.direct=x', 'force-share='].map((wrong) => `node-name=m1,${wrong}`),
  'node-name=/m',
  'driver=raw,file=nope,node-name=m1,read-only=',
  'file=nope,node-name=m1,read-only=',
  'driver=raw,file=nope,node-name=/m',
  'driver=raw,file=nope,node-name=m1,detect-zeroes=foo',
];

const DRIVES = [
  'file.driver=null-co,id=h1,format=raw',
  'driver=null-co,id=h2',
  'driver=null-co,id=h3,file=/tmp/disk1.img',
  'driver=file,id=h4,file=/tmp/disk2.img',
  'driver=raw,id=h5,file=/tmp/disk1.img,offset=512,size=1k',
  'file.filename=/tmp/disk1.img,id=h6,format=raw,file.node-name=qq',
  'file=null-co://,id=h7,format=raw,file.size=8192',
  'file=file:,id=h9,format=raw',
  'id=i1,file.driver=null-co,read-only=on,cache=none',
  'id=i2,format=raw,cache=none,cache.direct=off,cache.writeback=off,file=/tmp/disk1.img',
  'id=i3,detect-zeroes=unmap,format=raw,file=/tmp/disk1.img',
  'id=i4,file=,file.bogus=1',
];

export const DRIVE_FLOWS: readonly Flow[] = [
  {
    name: 'drive_options',
    guest: false,
    steps: [
      'drive_add 0 if=none,id=taken,unit=0',
      ...PAIRS,
      ...NODES.map((options) => `drive_add -n 0 ${options}`),
      ...DRIVES.map((options) => `drive_add 0 if=none,${options}`),
      'info block',
      'info block -n',
      ...['size=0x1k', 'size=0x1kM', 'share=x,size=0x1k'].map(
        (options) => `object_add memory-backend-ram,id=m,${options}`,
      ),
      'chardev-add null,id=n,size=0x1k',
      'chardev-add null,id=n,size=0x1kz',
      ...['/machine', '/machine/unattached/device[0]', '/nope'].map(
        (name) => `block_set_io_throttle ${name} 0 0 0 0 0 0`,
      ),
      ...['1.5b', '0x1.', '0x1.5M', '0x10', '0x10b'].map((size) => `block_resize x ${size}`),
    ].map((hmp) => ({ hmp })),
  },
];
