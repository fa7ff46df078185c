/** What is said to QEMU over QMP about nodes of `blkdebug`: how they are asked for, told and reopened. Rules of files are in tests/golden/block/rule-files.ts. */
import { RULE_FILES } from '../tests/golden/block/rule-files.ts';
import { negotiated, type QmpFlow, run } from './record-qmp-packets.ts';

const NULL = { driver: 'null-co' };
const hmp = (line: string): string => run('human-monitor-command', { 'command-line': line });
const add = (options: object): string => run('blockdev-add', options);
const del = (name: string): string => run('blockdev-del', { 'node-name': name });
const file = (name: string): object => ({ driver: 'file', filename: `/tmp/${name}.img` });
const debug = (options: object, name = 'b'): string =>
  add({ driver: 'blkdebug', image: NULL, 'node-name': name, ...options });
const reopen = (name: string, options: object): string =>
  run('blockdev-reopen', { options: [{ driver: 'blkdebug', 'node-name': name, ...options }] });
const plug = (drive: string, id: string): string =>
  run('device_add', { driver: 'virtio-blk-pci', drive, id });
/** A node that is told and goes again, if there is one. */
const tried = (options: object): readonly string[] => [debug(options), hmp('info block b'), del('b')];

const SIZES = ['max-transfer', 'opt-write-zero', 'max-write-zero', 'opt-discard', 'max-discard', 'align'];
const RULE = { event: 'read_aio', errno: 5 };

const REFUSED: readonly object[] = [
  ...SIZES.flatMap((name) => [-1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 512].map((size) => ({ [name]: size }))),
  { align: 3 },
  { align: 1024, 'max-transfer': 512 },
  { align: 1024, 'opt-write-zero': 512 },
  { align: 1024, 'max-write-zero': 512 },
  { 'opt-write-zero': 1024, 'max-write-zero': 512 },
  { 'opt-discard': 1024, 'max-discard': 512 },
  { 'opt-discard': 2048, 'max-discard': 3072 },
  { align: 3, 'max-transfer': 5, 'opt-write-zero': 7 },
  { align: 512, 'max-transfer': 5, 'opt-discard': 5, 'max-write-zero': 5 },
  { align: 3, config: '/tmp/nosuch.conf' },
  { align: -3, config: '/tmp/nosuch.conf' },
  { align: 3, 'inject-error': [] },
  { config: '' },
  { 'inject-error': [] },
  { 'set-state': [], 'take-child-perms': [] },
  { 'take-child-perms': [] },
  { 'take-child-perms': ['write', 'x'] },
  { 'inject-error': [{}] },
  { 'inject-error': [{ event: 'nosuch' }] },
  { 'inject-error': [{ event: 'none', iotype: 'nosuch' }] },
  { 'set-state': [{ event: 'none' }] },
  { file: NULL },
  { config: '/tmp/rules.conf', 'node-name': '1x' },
  { image: 'nosuch', config: '/tmp/nosuch.conf' },
  { image: 'nosuch', align: 3 },
  { image: file('nosuch') },
];

const TAKEN: readonly object[] = [
  {},
  { align: 0 },
  { align: 256 },
  { 'max-transfer': 5 },
  { 'opt-write-zero': 512, 'max-write-zero': 1024, align: 512 },
  { 'opt-discard': 511, 'max-discard': 1022 },
  { 'take-child-perms': ['write', 'resize'], 'unshare-child-perms': ['consistent-read'] },
  { 'inject-error': [{ ...RULE, state: 3, iotype: 'read', sector: 7, once: true, immediately: true }] },
  { 'inject-error': [RULE, { event: 'none', sector: -2, errno: 1e10, state: -5 }] },
  { 'set-state': [{ event: 'read_aio', state: 3, new_state: -5 }], config: '/tmp/rules.conf' },
  { config: '/tmp/rules.conf' },
  { image: file('disk1'), 'read-only': true, discard: 'unmap', cache: { direct: false, 'no-flush': true } },
  { image: file('odd') },
  { image: { driver: 'raw', file: file('disk1') } },
];

const DRIVES = [
  'file=blkdebug:/tmp/rules.conf:/tmp/disk1.img,format=raw',
  'file=blkdebug::/tmp/disk1.img',
  'file=blkdebug:/tmp/disk1.img',
  'file=blkdebug:',
  'file=blkdebug::',
  'file=blkdebug::/tmp/nosuch.img',
  'file=blkdebug:/tmp/nosuch:/tmp/nosuch.img',
  'file=blkdebug::null-co://',
  'file=blkdebug::blkdebug:/tmp/rules.conf:/tmp/disk1.img,format=raw',
  'driver=blkdebug,image.filename=/tmp/disk1.img',
  'driver=blkdebug,image.driver=null-co,inject-error.0.event=read_aio,inject-error.0.errno=x',
  'driver=blkdebug,image.driver=null-co,inject-error.0.event=read_aio,inject-error.0.errno=5',
  'driver=blkdebug,image.driver=null-co,inject-error.0.errno=5,inject-error.0.event=read_aio',
  'driver=blkdebug,image.driver=null-co,inject-error.0.event=nosuch',
  'driver=blkdebug,image.driver=null-co,inject-error.1.event=read_aio',
  'driver=blkdebug,image.driver=null-co,inject-error.event=read_aio',
  'driver=blkdebug,image.driver=null-co,inject-error.0.bogus=read_aio',
  'driver=blkdebug,image.driver=null-co,align=x',
  'driver=blkdebug,image.driver=null-co,align=4k',
  'driver=blkdebug,image.driver=null-co,align=3,bogus=1',
  'driver=blkdebug',
  'driver=blkdebug,bogus=1',
  'driver=blkdebug,file=/tmp/disk1.img',
  'driver=blkdebug,image=nosuch',
  'format=raw,file.driver=blkdebug,file.image.driver=null-co,file.set-state.0.event=read_aio,file.set-state.0.new_state=2',
  'driver=blkdebug,image.driver=null-co,inject-error.0.event=none',
  'file.driver=blkdebug,file.image.driver=null-co,file.inject-error.0.event=none',
  'file.driver=blkdebug,file.x-image=/tmp/disk1.img,file.bogus=5',
  'file.driver=blkdebug,file.x-image=/tmp/disk1.img,file.image.driver=null-co',
  'file=blkdebug::/tmp/disk1.img,format=raw,file.align=512,file.set-state.0.event=read_aio,file.config=/tmp/rules.conf',
  'file=blkdebug::/tmp/disk1.img,format=raw,file.take-child-perms.0=write',
];

const NODES = [
  'image=d0',
  'image.driver=null-co,inject-error.0.event=read_aio,inject-error.0.once=zz',
  'image.driver=null-co,inject-error.0.event=read_aio,inject-error.0.once=on,inject-error.0.sector=0x10,inject-error.0.errno=-1',
  'image.driver=null-co,inject-error.0.iotype=foo,inject-error.0.event=none',
  'image.driver=null-co,inject-error.0.errno=1',
  'image.driver=null-co,set-state.0.event=none',
  'image.driver=null-co,max-transfer=1k',
  'config=/tmp/nosuch',
];

const SAME = { image: NULL, align: 512, 'inject-error': [RULE] };

export const BLKDEBUG_FLOWS: readonly QmpFlow[] = [
  {
    name: 'blkdebug_options',
    args: [],
    sent: negotiated(
      add({ driver: 'blkdebug' }),
      add({ driver: 'blkdebug', image: 5 }),
      add({ driver: 'blkdebug', image: 'nosuch' }),
      ...REFUSED.map((options) => debug(options)),
      ...TAKEN.flatMap(tried),
      ...Object.keys(RULE_FILES).flatMap((name) => tried({ config: `/tmp/${name}` })),
      ...DRIVES.map((options, n) => hmp(`drive_add 0 if=none,id=d${n},${options}`)),
      ...NODES.map((options, n) => hmp(`drive_add -n 0 driver=blkdebug,node-name=n${n},${options}`)),
      hmp('info block -n -v'),
    ),
  },
  {
    name: 'blkdebug_nodes',
    args: [],
    sent: negotiated(
      hmp('drive_add 0 if=none,id=a1,file=/tmp/disk1.img,format=raw'),
      hmp('drive_add 0 if=none,id=a2'),
      add({ driver: 'raw', file: 'a1', 'node-name': 'r1' }),
      add({ driver: 'raw', file: 'a2', 'node-name': 'r2' }),
      debug({ image: 'a1' }, 'b1'),
      debug({ image: 'r1' }, 'b2'),
      debug({ image: 'a2' }, 'b3'),
      plug('b1', 'v1'),
      plug('a1', 'v2'),
      plug('b2', 'v3'),
      hmp('info block'),
      hmp('info block -v'),
      run('query-block'),
      run('query-named-block-nodes'),
      run('query-named-block-nodes', { flat: true }),
      del('b1'),
      ...[
        { image: 'a1' },
        { image: 'r1' },
        { image: 'r1', align: 512 },
        { image: 'a1', 'inject-error': [{ event: 'none' }] },
        { image: NULL, 'read-only': true },
        { image: 'nosuch' },
      ].map((options) => reopen('b1', options)),
      debug(SAME, 'c1'),
      ...[
        SAME,
        { image: NULL, align: 512 },
        { image: NULL },
        { ...SAME, align: 1024 },
        { ...SAME, 'inject-error': [{ ...RULE, errno: 6 }] },
        { ...SAME, 'inject-error': [{ event: 'write_aio', errno: 5 }, { event: 'none' }] },
        { ...SAME, image: { ...NULL, size: 5 } },
        { ...SAME, 'read-only': true },
        { ...SAME, 'take-child-perms': ['write'] },
      ].map((options) => reopen('c1', options)),
      hmp('info block -n c1'),
      run('block_resize', { 'node-name': 'c1', size: 1024 }),
      debug({ image: file('disk2') }, 'd1'),
      run('block_resize', { 'node-name': 'd1', size: 1 << 20 }),
      hmp('info block -n d1'),
      run('query-blockstats', { 'query-nodes': true }),
      hmp(
        'drive_add 0 if=none,id=a3,driver=blkdebug,image.driver=file,image.filename=/tmp/odd.img,align=512',
      ),
      hmp('change a3 /tmp/odd2.img'),
      hmp('info block a3'),
    ),
  },
];
