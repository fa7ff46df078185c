/**
 * Records when QEMU lets requests of a limited drive go: `npx tsx scripts/record-throttle.ts` writes tests/golden/block/throttle.jsonl.
 * QEMU is asked all the time how many requests are done: a host without other work makes better numbers. Needs qemu-system-x86_64 7.2 (Debian 12).
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connected } from './unix-socket.ts';

const OUTPUT = join(import.meta.dirname, '../tests/golden/block');
const POLL_MS = 4;
const RUNS = 3;
const DISK_BYTES = 64 << 20;

interface Scenario {
  readonly name: string;
  /** Arguments of block_set_io_throttle; rates that are not named are 0. */
  readonly limits: Readonly<Record<string, number>>;
  /** Asked for at once, in this order. */
  readonly requests: readonly (readonly [direction: 'read' | 'write', bytes: number])[];
}

const times = (count: number, direction: 'read' | 'write', bytes: number): Scenario['requests'] =>
  Array.from({ length: count }, () => [direction, bytes] as const);

const SCENARIOS: readonly Scenario[] = [
  { name: 'bps', limits: { bps: 10240 }, requests: times(12, 'read', 1024) },
  { name: 'large requests', limits: { bps: 4096 }, requests: times(4, 'read', 8192) },
  { name: 'iops', limits: { iops: 10 }, requests: times(15, 'write', 512) },
  { name: 'iops_size', limits: { iops: 10, iops_size: 4096 }, requests: times(5, 'read', 10240) },
  {
    name: 'each direction',
    limits: { bps_rd: 5120, iops_wr: 5 },
    requests: [...times(5, 'read', 1024), ...times(5, 'write', 4096)],
  },
  {
    name: 'both directions together',
    limits: { iops: 8, bps: 20480 },
    requests: [...times(5, 'read', 4096), ...times(5, 'write', 512)],
  },
  { name: 'burst', limits: { iops: 10, iops_max: 50 }, requests: times(80, 'read', 512) },
  {
    name: 'long burst',
    limits: { iops: 10, iops_max: 50, iops_max_length: 2 },
    requests: times(140, 'read', 512),
  },
  {
    name: 'long burst of bytes',
    limits: { bps_wr: 4096, bps_wr_max: 20480, bps_wr_max_length: 3 },
    requests: times(90, 'write', 1024),
  },
];

/** Lines of one socket, answered one by one. */
class Lines {
  readonly #socket: Socket;
  readonly #lines: string[] = [];
  #rest = '';
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data: Buffer) => {
      const lines = (this.#rest + data.toString('utf8')).split('\n');
      this.#rest = lines.pop() ?? '';
      this.#lines.push(...lines);
      this.#wake();
    });
  }

  send(line: string): void {
    this.#socket.write(`${line}\n`);
  }

  /** The next answer of QMP's; an Error when it is one. */
  async answer(): Promise<unknown> {
    for (;;) {
      const line = this.#lines.shift();
      if (line === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (line.startsWith('{"return"')) return (JSON.parse(line) as { return: unknown }).return;
      else if (line.startsWith('{"error"')) throw new Error(line);
    }
  }
}

/** One run: for each request that is done, the milliseconds since the first was asked for. */
async function measure({ limits, requests }: Scenario, directory: string): Promise<readonly number[]> {
  const at = (name: string): string => join(directory, name);
  rmSync(at('qmp'), { force: true });
  writeFileSync(at('disk'), '');
  truncateSync(at('disk'), DISK_BYTES);
  const machine = ['-machine', 'none', '-display', 'none', '-nodefaults'];
  const drive = ['-drive', `if=none,id=d,format=raw,file=${at('disk')}`];
  const socket = ['-qmp', `unix:${at('qmp')},server=on,wait=off`];
  const qemu = spawn('qemu-system-x86_64', [...machine, ...drive, ...socket], { stdio: 'ignore' });
  const qmp = new Lines(await connected(at('qmp')));
  const packet = (execute: string, args: object): string => JSON.stringify({ execute, arguments: args });
  const run = (text: string): Promise<unknown> => {
    qmp.send(text);
    return qmp.answer();
  };
  await run(packet('qmp_capabilities', {}));
  const none = { bps: 0, bps_rd: 0, bps_wr: 0, iops: 0, iops_rd: 0, iops_wr: 0 };
  await run(packet('block_set_io_throttle', { device: 'd', ...none, ...limits }));
  const lines = requests.map(([direction, bytes], n) => {
    const line = `qemu-io d "aio_${direction} -q ${n * 65536} ${bytes}"`;
    return packet('human-monitor-command', { 'command-line': line });
  });
  const began = performance.now();
  for (const line of lines) qmp.send(line);
  for (let at = 0; at < lines.length; at++) await qmp.answer();
  const done: number[] = [];
  while (done.length < requests.length) {
    const [{ stats } = { stats: {} }] = (await run(packet('query-blockstats', {}))) as [Stats];
    const now = Math.round(performance.now() - began);
    const count = (stats['rd_operations'] ?? 0) + (stats['wr_operations'] ?? 0);
    while (done.length < count) done.push(now);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  qemu.kill('SIGKILL');
  return done;
}

type Stats = { readonly stats: Readonly<Record<string, number>> };

/** A host that has other work makes requests late, and none early: of several runs the earliest count. */
async function record(scenario: Scenario, directory: string): Promise<object> {
  const runs: (readonly number[])[] = [];
  for (let run = 0; run < RUNS; run++) runs.push(await measure(scenario, directory));
  const doneMs = scenario.requests.map((_, at) => Math.min(...runs.map((times) => times[at] ?? 0)));
  return { ...scenario, doneMs };
}

const directory = mkdtempSync(join(tmpdir(), 'throttle-'));
try {
  const recorded: object[] = [];
  for (const scenario of SCENARIOS) {
    recorded.push(await record(scenario, directory));
    process.stdout.write(`${scenario.name}: recorded\n`);
  }
  mkdirSync(OUTPUT, { recursive: true });
  const rows = recorded.map((row) => `${JSON.stringify(row)}\n`);
  writeFileSync(join(OUTPUT, 'throttle.jsonl'), rows.join(''));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exit();
