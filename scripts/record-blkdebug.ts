/**
 * Records which requests to a `blkdebug` node fail on QEMU, and how: `npx tsx scripts/record-blkdebug.ts` writes tests/golden/block/blkdebug.jsonl.
 * Needs qemu-system-x86_64 7.2 (Debian 12). A discard that is not aligned as the node asks for ends QEMU.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BARE, QEMU } from './ask-qemu.ts';
import { connected } from './unix-socket.ts';

const OUTPUT = join(import.meta.dirname, '../tests/golden/block');
const DISK_BYTES = 1 << 20;

/** Bytes from an offset on; `write+flush` is a write that reaches the disk before it is done. `debug`: of the node itself, not of the raw one above it. */
type Request = readonly [
  what: 'read' | 'write' | 'write+flush' | 'zero' | 'discard',
  offset: number,
  bytes: number,
  node?: 'debug',
];

interface Scenario {
  readonly name: string;
  /** Of the `blkdebug` node, but for its image. */
  readonly options: object;
  readonly requests: readonly Request[];
}

const COMMANDS: Readonly<Record<Request[0], string>> = {
  read: 'read',
  write: 'write',
  'write+flush': 'write -f',
  zero: 'write -z',
  discard: 'discard',
};

const inject = (...rules: readonly object[]): object => ({ 'inject-error': rules });
const RMW = ['pwritev_rmw_head', 'pwritev_rmw_after_head', 'pwritev_rmw_tail', 'pwritev_rmw_after_tail'];
const KIB = 1024;

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'no rules',
    options: {},
    requests: [
      ['read', 0, 512],
      ['write', 0, 512],
      ['zero', 0, 4096],
    ],
  },
  {
    name: 'from an event on all requests fail',
    options: inject({ event: 'read_aio' }),
    requests: [
      ...([
        ['write', 0, 512],
        ['read', 0, 512, 'debug'],
        ['read', 0, 512],
        ['read', 0, 512, 'debug'],
      ] as const),
      ...([
        ['write', 0, 512],
        ['zero', 0, 4096],
        ['discard', 0, 4096],
        ['write+flush', 0, 512],
      ] as const),
    ],
  },
  {
    name: 'once, at a sector',
    options: inject({ event: 'write_aio', sector: 3, errno: 28, once: true }),
    requests: [
      ...([
        ['read', 0, 4096],
        ['write', 0, 512],
        ['read', 0, 1536],
        ['read', 2048, 512],
      ] as const),
      ...([
        ['read', 1536, 512],
        ['read', 0, 4096],
        ['write', 0, 4096],
        ['write', 1536, 512],
      ] as const),
    ],
  },
  {
    name: 'the first of two rules wins, and one that begins ends others',
    options: inject(
      { event: 'read_aio', errno: 1, once: true },
      { event: 'read_aio', errno: 2 },
      { event: 'write_aio', errno: 13, iotype: 'read' },
    ),
    requests: [
      ...([
        ['read', 0, 512],
        ['read', 0, 512],
        ['write', 0, 512],
        ['read', 0, 512, 'debug'],
      ] as const),
      ...([
        ['read', 0, 512],
        ['write', 0, 512, 'debug'],
        ['write', 0, 512],
      ] as const),
    ],
  },
  {
    name: 'states',
    options: {
      ...inject(
        { event: 'write_aio', iotype: 'read' },
        { event: 'read_aio', state: 2, errno: 1 },
        { event: 'read_aio', state: 7, errno: 95 },
      ),
      'set-state': [
        { event: 'write_aio', new_state: 2 },
        { event: 'read_aio', state: 2, new_state: 3 },
        { event: 'read_aio', state: 2, new_state: 4 },
        { event: 'read_aio', state: 3, new_state: 7 },
      ],
    },
    requests: [
      ...([
        ['read', 0, 512],
        ['write', 0, 512],
        ['read', 0, 512],
        ['read', 0, 512],
        ['read', 0, 512],
      ] as const),
      ...([
        ['write', 0, 512],
        ['read', 0, 512],
        ['read', 0, 512],
        ['read', 0, 512],
        ['read', 0, 512],
      ] as const),
    ],
  },
  {
    name: 'two states at once',
    options: {
      ...inject({ event: 'read_aio', state: 2, errno: 1 }, { event: 'read_aio', state: 3, errno: 2 }),
      'set-state': [
        { event: 'write_aio', new_state: 3 },
        { event: 'write_aio', new_state: 2 },
      ],
    },
    requests: [
      ['read', 0, 512],
      ['write', 0, 512],
      ['read', 0, 512],
    ],
  },
  {
    name: 'from the beginning',
    options: inject({ event: 'none', errno: 22, sector: 0 }),
    requests: [
      ...([
        ['read', 0, 512],
        ['read', 512, 512],
        ['write', 0, 512],
        ['zero', 0, 512],
        ['discard', 0, 512],
      ] as const),
      ...([
        ['discard', 1024, 512],
        ['read', 0, 0],
        ['write', 0, 0],
      ] as const),
    ],
  },
  {
    name: 'error 0, unknown errors, sectors that are none',
    options: inject(
      { event: 'none', errno: 0, iotype: 'read', once: true },
      { event: 'none', errno: 4000, iotype: 'read' },
      { event: 'none', sector: -2, iotype: 'write' },
      { event: 'none', sector: -1, iotype: 'write', errno: 100 },
    ),
    requests: [
      ['read', 0, 512],
      ['read', 0, 512],
      ['write', 0, 512],
    ],
  },
  {
    name: 'errors of flushes',
    options: inject(
      { event: 'flush_to_os', iotype: 'flush' },
      { event: 'flush_to_disk', iotype: 'flush', errno: 1, once: true },
    ),
    requests: [
      ...([
        ['write', 0, 512],
        ['write+flush', 0, 512],
        ['write+flush', 0, 512],
      ] as const),
      ...([
        ['write+flush', 0, 512, 'debug'],
        ['write+flush', 0, 512],
        ['write+flush', 0, 512],
      ] as const),
    ],
  },
  {
    name: 'errors of what is told to be done',
    options: inject(
      { event: 'pwritev', iotype: 'write', errno: 28 },
      { event: 'pwritev_zero', iotype: 'write-zeroes' },
      { event: 'pwritev_done', iotype: 'read', errno: 13 },
    ),
    requests: [
      ...([
        ['zero', 0, 4096],
        ['write', 0, 4096],
        ['write', 0, 4096],
        ['read', 0, 512],
        ['zero', 0, 4096],
      ] as const),
      ...([
        ['read', 0, 512],
        ['discard', 0, 4096],
      ] as const),
    ],
  },
  {
    name: 'errors of discards',
    options: inject({ event: 'read_aio', iotype: 'discard', once: true, sector: 8 }),
    requests: [
      ...([
        ['discard', 0, 8192],
        ['read', 0, 512],
        ['discard', 0, 4096],
        ['discard', 4096, 4096],
      ] as const),
      ['discard', 4096, 4096],
    ],
  },
  {
    name: 'a status of blocks, which nobody asks for',
    options: inject({ event: 'none', iotype: 'block-status' }),
    requests: [
      ['read', 0, 512],
      ['write', 0, 512],
    ],
  },
  {
    name: 'reads of units',
    options: { align: 4096, ...inject({ event: 'none', sector: 3 }) },
    requests: [
      ['read', 0, 512],
      ['read', 3584, 512],
      ['read', 4096, 512],
      ['write', 512, 512],
      ['write', 4608, 512],
    ],
  },
  ...RMW.map((event) => ({
    name: `parts of units are read and written: ${event}`,
    options: { align: 4096, ...inject({ event, iotype: 'write', once: true }) },
    requests: [
      ...([
        ['write', 0, 4096],
        ['write', 0, 512],
        ['write', 512, 512],
        ['write', 512, 3584],
      ] as const),
      ...([
        ['write', 512, 4096],
        ['write', 0, 4608],
        ['write', 512, 8192],
        ['write', 0, 512, 'debug'],
      ] as const),
    ],
  })),
  {
    name: 'in pieces',
    options: { 'max-transfer': 1024, ...inject({ event: 'none', sector: 5, once: true }) },
    requests: [
      ['write', 0, 2048],
      ['write', 0, 4096],
      ['read', 0, 4096],
    ],
  },
  {
    name: 'zeros of units',
    options: {
      ...{ 'opt-write-zero': 8192, 'max-write-zero': 16384 },
      ...inject(
        { event: 'none', iotype: 'write', sector: 9 },
        { event: 'none', iotype: 'write-zeroes', sector: 20, errno: 28 },
      ),
    },
    requests: [
      ...([
        ['zero', 4096, 4096],
        ['zero', 8192, 8192],
        ['zero', 0, 8192],
        ['zero', 512, 1024],
      ] as const),
      ...([
        ['zero', 4096, 16 * KIB],
        ['zero', 16 * KIB, 64 * KIB],
      ] as const),
    ],
  },
  {
    name: 'discards of units',
    options: {
      ...{ 'opt-discard': 8192, 'max-discard': 16384 },
      ...inject(
        { event: 'none', iotype: 'discard', sector: 9 },
        { event: 'none', iotype: 'discard', sector: 40, errno: 28 },
      ),
    },
    requests: [
      ...([
        ['discard', 4096, 4096],
        ['discard', 4096, 2048],
        ['discard', 0, 8192],
        ['discard', 0, 16 * KIB],
      ] as const),
      ...([
        ['discard', 0, 8 * KIB],
        ['discard', 16 * KIB, 32 * KIB],
      ] as const),
    ],
  },
];

/** What QEMU prints while it does all of this. The commands of qemu-io print beside QMP. */
async function printed(directory: string, commands: readonly object[]): Promise<string> {
  const path = join(directory, 'qmp');
  rmSync(path, { force: true });
  const qemu = spawn(QEMU, [...BARE, '-S', '-qmp', `unix:${path},server=on,wait=off`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  qemu.stdout.on('data', (piece: Buffer) => {
    text += piece.toString();
  });
  const ended = new Promise((resolve) => qemu.on('close', resolve));
  const socket = await connected(path);
  socket.on('error', () => {});
  socket.resume();
  for (const command of [{ execute: 'qmp_capabilities' }, ...commands, { execute: 'quit' }]) {
    socket.write(JSON.stringify(command));
  }
  await ended;
  return text;
}

async function record({ name, options, requests }: Scenario, directory: string): Promise<string> {
  const path = join(directory, 'disk.img');
  const image = { driver: 'file', filename: path };
  const node = { driver: 'blkdebug', 'node-name': 'debug', discard: 'unmap', image, ...options };
  const raw = { driver: 'raw', 'node-name': 'raw', discard: 'unmap', file: 'debug' };
  const text = await printed(directory, [
    { execute: 'blockdev-add', arguments: node },
    { execute: 'blockdev-add', arguments: raw },
    ...requests.map(([what, offset, bytes, on = 'raw']) => ({
      execute: 'human-monitor-command',
      arguments: { 'command-line': `qemu-io ${on} "${COMMANDS[what]} ${offset} ${bytes}"` },
    })),
  ]);
  const told = [...text.matchAll(/failed: (.*)|bytes at offset/g)].map(([, error]) => error ?? 'ok');
  if (told.length !== requests.length) throw new Error(`${name}: QEMU answered ${told.length} times`);
  return JSON.stringify({ name, options, requests: requests.map((request, at) => [...request, told[at]]) });
}

const directory = mkdtempSync(join(tmpdir(), 'blkdebug-'));
try {
  writeFileSync(join(directory, 'disk.img'), '');
  truncateSync(join(directory, 'disk.img'), DISK_BYTES);
  const lines: string[] = [];
  for (const scenario of SCENARIOS) lines.push(await record(scenario, directory));
  mkdirSync(OUTPUT, { recursive: true });
  writeFileSync(join(OUTPUT, 'blkdebug.jsonl'), `${lines.join('\n')}\n`);
  process.stdout.write(`blkdebug: ${lines.length} scenarios recorded\n`);
} finally {
  rmSync(directory, { recursive: true });
}
