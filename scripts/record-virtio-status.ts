/**
 * Records what QEMU tells of the inside of virtio devices: `npx tsx scripts/record-virtio-status.ts` writes tests/golden/virtio/status.jsonl, a line for each
 * thing that a client did: a register that it wrote (qtest), or what it asked (QMP) and was answered. Needs qemu-system-x86_64 7.2 (Debian 12).
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { BARE, QEMU } from './ask-qemu.ts';
import { connected } from './unix-socket.ts';

const BIOS_BYTES = 65_536;
const HLT = 0xf4;
const PASS_MS = 200;
const OUTPUT = new URL('../tests/golden/virtio/status.jsonl', import.meta.url);

type Ask = readonly [command: string, args?: object];
const PASS = 'pass';
/** A line of qtest, a question, or a while in which the device works. */
type Step = string | Ask;

const hmp = (line: string): Ask => ['human-monitor-command', { 'command-line': line }];
const plug = (driver: string, id: string, addr: number, more: object = {}): Ask => [
  'device_add',
  { driver, id, addr: String(addr), ...more },
];
const backend = (id: string): string => `/machine/peripheral/${id}/virtio-backend`;
const status = (id: string): Ask[] => [
  ['x-query-virtio-status', { path: backend(id) }],
  hmp(`info virtio-status ${backend(id)}`),
];
const queue = (id: string, n: number): Ask[] => [
  ['x-query-virtio-queue-status', { path: backend(id), queue: n }],
  hmp(`info virtio-queue-status ${backend(id)} ${n}`),
];
const element = (id: string, n: number, index?: number): Ask[] => [
  [
    'x-query-virtio-queue-element',
    { path: backend(id), queue: n, ...(index === undefined ? {} : { index }) },
  ],
  hmp(`info virtio-queue-element ${backend(id)} ${n}${index === undefined ? '' : ` ${index}`}`),
];

const NULL = { driver: 'null-co', 'read-zeroes': true };
const BACKENDS: Step[] = [
  ['object-add', { 'qom-type': 'rng-builtin', id: 'r' }],
  ['object-add', { 'qom-type': 'memory-backend-ram', id: 'm', size: 16 << 20 }],
  ...['n1', 'n2', 'n3'].map((name): Ask => ['blockdev-add', { ...NULL, 'node-name': name }]),
  ['blockdev-add', { ...NULL, 'node-name': 'n4', 'read-only': true }],
];

const PATHS = ['', 'x', '/machine', 'v1', '/machine/peripheral/v1', `${backend('v1')}/`, 'virtio-backend'];

const FRESH: Step[] = [
  ['x-query-virtio'],
  hmp('info virtio'),
  ...BACKENDS,
  plug('virtio-blk-pci', 'v1', 4, { drive: 'n1' }),
  plug('virtio-blk-pci', 'v2', 5, { drive: 'n2', 'num-queues': 3, 'queue-size': 64, 'config-wce': false }),
  plug('virtio-blk-pci', 'v3', 6, { drive: 'n3', 'disable-modern': true, discard: false }),
  plug('virtio-blk-pci', 'v4', 7, { drive: 'n4', 'disable-legacy': 'on', 'write-zeroes': false }),
  plug('virtio-rng-pci', 'v5', 8, { rng: 'r', queue_reset: false }),
  plug('virtio-serial-pci', 'v6', 9, { max_ports: 3 }),
  plug('virtio-balloon-pci', 'v7', 10, { 'deflate-on-oom': true, 'free-page-reporting': true }),
  plug('virtio-mem-pci', 'v8', 11, { memdev: 'm', 'unplugged-inaccessible': 'on' }),
  plug('virtio-scsi-pci', 'v9', 12, {}),
  ['netdev_add', { type: 'user', id: 'net' }],
  plug('virtio-net-pci', 'v10', 13, {
    netdev: 'net',
    mq: true,
    host_mtu: 1400,
    speed: 100,
    mac: '52:54:00:00:00:01',
  }),
  ['x-query-virtio'],
  hmp('info virtio'),
  ...['v1', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8', 'v9', 'v10'].flatMap((id) => [
    ...status(id),
    ...queue(id, 0),
  ]),
  ...([1, 2, 3, 1023, 1024, 65_535, 65_536, -1] as const).flatMap((n) => queue('v2', n)),
  ...([1, 1024, 65_536] as const).flatMap((n) => element('v2', n)),
  ...element('v1', 0),
  ...element('v1', 0, 5),
  ...element('v1', 0, 65_536),
  ...PATHS.flatMap((path): Ask[] => [
    ['x-query-virtio-status', { path }],
    ['x-query-virtio-queue-status', { path, queue: 0 }],
    ['x-query-virtio-queue-element', { path, queue: 0 }],
    ['x-query-virtio-vhost-queue-status', { path, queue: 0 }],
  ]),
  ['x-query-virtio-vhost-queue-status', { path: backend('v1'), queue: 0 }],
  ['x-query-virtio-vhost-queue-status', { path: backend('v1'), queue: 70 }],
  hmp(`info virtio-vhost-queue-status ${backend('v1')} 0`),
  hmp('info virtio-status x'),
  hmp('info virtio-queue-status x 0'),
  hmp('info virtio-queue-element x 0'),
  hmp('info virtio-vhost-queue-status x 0'),
  hmp(`info virtio-queue-status ${backend('v1')} 65536`),
  hmp(`info virtio-queue-element ${backend('v1')} 65537`),
];

const COMMON = 0xfe00_0000;
const NOTIFY = COMMON + 0x3000;
const LEGACY = 0xc000;
const RINGS = 0x10_0000;
const AVAIL = RINGS + 0x1000;
const USED = RINGS + 0x2000;
const TABLE = 0x20_0000;
const DATA = 0x21_0000;

const config = (slot: number, offset: number, value: number): Step[] => [
  `outl 0xcf8 ${0x8000_0000 + slot * 0x800 + offset}`,
  `outl 0xcfc ${value}`,
];
const common = (at: number, size: 'b' | 'w' | 'l', value: number): Step =>
  `write${size} ${COMMON + at} ${value}`;
const enable = (slot: number): Step[] => [
  ...config(slot, 0x10, LEGACY),
  ...config(slot, 0x20, COMMON),
  ...config(slot, 0x24, 0),
  ...config(slot, 0x04, 7),
];
/** One descriptor of a table. */
const descriptor = (table: number, n: number, [gpa, length, flags, next]: readonly number[]): Step[] => [
  `writeq ${table + 16 * n} ${gpa}`,
  `writel ${table + 16 * n + 8} ${length}`,
  `writew ${table + 16 * n + 12} ${flags}`,
  `writew ${table + 16 * n + 14} ${next}`,
];
/** Makes a chain known to the device. */
const offer = (n: number, head: number): Step[] => [
  `writew ${AVAIL + 4 + 2 * (n % 8)} ${head}`,
  `writew ${AVAIL + 2} ${n + 1}`,
];

const asked = (): Step[] => [...status('v1'), ...queue('v1', 0), ...element('v1', 0)];

const MODERN: Step[] = [
  ...BACKENDS,
  plug('virtio-blk-pci', 'v1', 4, { drive: 'n1' }),
  ...enable(4),
  common(0x14, 'b', 1),
  common(0x14, 'b', 3),
  ...status('v1'),
  common(8, 'l', 0),
  common(0xc, 'l', 0x3000_0246),
  common(8, 'l', 1),
  common(0xc, 'l', 1),
  common(0x14, 'b', 0xb),
  common(0x16, 'w', 0),
  common(0x18, 'w', 8),
  common(0x20, 'l', RINGS),
  common(0x28, 'l', AVAIL),
  common(0x30, 'l', USED),
  ...queue('v1', 0),
  ...element('v1', 0),
  common(0x1c, 'w', 1),
  ...asked(),
  // A read of a sector in three parts, whose header comes first.
  ...descriptor(RINGS, 0, [DATA, 16, 1, 1]),
  ...descriptor(RINGS, 1, [DATA + 0x1000, 512, 3, 2]),
  ...descriptor(RINGS, 2, [DATA + 0x2000, 1, 2, 0]),
  `writel ${DATA} 0`,
  `writeq ${DATA + 8} 0`,
  // The same in a table of its own.
  ...descriptor(RINGS, 3, [TABLE, 48, 4, 0]),
  ...descriptor(TABLE, 0, [DATA, 16, 1, 1]),
  ...descriptor(TABLE, 1, [DATA + 0x1000, 512, 3, 2]),
  ...descriptor(TABLE, 2, [DATA + 0x2000, 1, 2, 0]),
  // Chains that no driver makes.
  ...descriptor(RINGS, 4, [DATA, 16, 1, 4]),
  ...descriptor(RINGS, 5, [0xffff_ffff, 0xffff_ffff, 0xfff8, 9]),
  ...descriptor(RINGS, 6, [TABLE, 47, 4, 0]),
  ...descriptor(RINGS, 7, [DATA, 1, 1, 9]),
  ...offer(0, 0),
  ...asked(),
  ...[0, 1, 7, 8].flatMap((n) => element('v1', 0, n)),
  `writew ${NOTIFY} 0`,
  common(0x14, 'b', 0xf),
  ...asked(),
  `writew ${NOTIFY} 0`,
  PASS,
  ...asked(),
  ...offer(1, 3),
  ...asked(),
  `writew ${NOTIFY} 0`,
  PASS,
  ...asked(),
  ...[4, 5, 6, 7].flatMap((head): Step[] => [`writew ${AVAIL + 4 + 4} ${head}`, ...element('v1', 0, 2)]),
  `writew ${AVAIL} 1`,
  ...element('v1', 0, 1),
  // Loops: the device has had enough. A head that is none ends QEMU.
  ...offer(2, 4),
  `writew ${NOTIFY} 0`,
  PASS,
  // Not recorded: the queue. QEMU has not taken the request, as its index says, and is broken by it all the same.
  ...status('v1'),
  common(0x14, 'b', 0),
  ...asked(),
  ...config(4, 4, 3),
  ['device_del', { id: 'v1' }],
  ...status('v1'),
];

const OLD: Step[] = [
  ...BACKENDS,
  plug('virtio-rng-pci', 'v1', 4, { rng: 'r' }),
  ...enable(4),
  `outb ${LEGACY + 0x12} 1`,
  `outb ${LEGACY + 0x12} 3`,
  ...status('v1'),
  `outl ${LEGACY + 4} 0x31000000`,
  ...status('v1'),
  `outw ${LEGACY + 0xe} 0`,
  `outl ${LEGACY + 8} 0x100`,
  ...queue('v1', 0),
  ...element('v1', 0),
  `outb ${LEGACY + 0x12} 7`,
  ...asked(),
  `outl ${LEGACY + 8} 0`,
  ...asked(),
  `outl ${LEGACY + 4} 0x20000000`,
  `outb ${LEGACY + 0x12} 0x80`,
  ...status('v1'),
  `outb ${LEGACY + 0x12} 0xff`,
  ...status('v1'),
];

const SESSIONS: Readonly<Record<string, readonly Step[]>> = { fresh: FRESH, modern: MODERN, legacy: OLD };

async function record(name: string, steps: readonly Step[]): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'virtio-'));
  const sockets = ['qmp', 'qtest'].flatMap((kind) => [
    `-${kind}`,
    `unix:${join(folder, kind)},server=on,wait=off`,
  ]);
  // The machine runs; its processor sleeps from its first instruction.
  const bios = join(folder, 'bios');
  writeFileSync(bios, new Uint8Array(BIOS_BYTES).fill(HLT));
  const board = ['-machine', 'pc', '-m', '16,slots=2,maxmem=1G', '-bios', bios];
  const qemu = spawn(QEMU, [...BARE, '-qtest-log', '/dev/null', ...board, ...sockets], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const linesOf = (socket: Socket): AsyncIterator<string> => createInterface(socket)[Symbol.asyncIterator]();
  const qtest = await connected(join(folder, 'qtest'));
  const answers = linesOf(qtest);
  const qmp = await connected(join(folder, 'qmp'));
  const told = linesOf(qmp);
  await told.next();
  const ask = async ([execute, args = {}]: Ask): Promise<object> => {
    qmp.write(JSON.stringify({ execute, arguments: args }));
    for (;;) {
      const { value, done } = await told.next();
      if (done === true) throw new Error(`QEMU ended: ${execute} ${JSON.stringify(args)}`);
      const answer = JSON.parse(value) as { return?: unknown; error?: object };
      if (answer.return !== undefined || answer.error !== undefined) return answer;
    }
  };
  await ask(['qmp_capabilities']);
  const lines: string[] = [];
  for (const step of steps) {
    if (step === PASS) {
      await sleep(PASS_MS);
      lines.push(JSON.stringify({ session: name, pass: true }));
    } else if (typeof step === 'string') {
      qtest.write(`${step}\n`);
      const { value } = await answers.next();
      if (!String(value).startsWith('OK')) throw new Error(`${step}: ${value}`);
      lines.push(JSON.stringify({ session: name, qtest: step }));
    } else {
      const [execute, args] = step;
      lines.push(JSON.stringify({ session: name, execute, arguments: args, answer: await ask(step) }));
    }
  }
  qemu.kill('SIGKILL');
  rmSync(folder, { recursive: true });
  return lines;
}

const lines: string[] = [];
for (const [name, steps] of Object.entries(SESSIONS)) lines.push(...(await record(name, steps)));
writeFileSync(OUTPUT, `${lines.join('\n')}\n`);
process.stdout.write(`virtio status: ${lines.length} steps recorded\n`);
