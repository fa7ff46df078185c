/** Which requests to a `blkdebug` node fail, as `scripts/record-blkdebug.ts` recorded it on QEMU; and what of a request that fails reaches the image. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blkdebugLimits } from '../../src/emu/block/blkdebug.ts';
import { readConfig } from '../../src/emu/block/blkdebug-config.ts';
import { type BlockBackend, BlockError } from '../../src/emu/block/block-backend.ts';
import { blockErrorReporter } from '../../src/emu/block/block-errors.ts';
import { BLOCKDEV_OPTIONS } from '../../src/emu/block/blockdev-options.ts';
import { DriveGate } from '../../src/emu/block/drive-gate.ts';
import { type Drive, Drives } from '../../src/emu/block/drives.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { type MachineEvent, MachineEvents } from '../../src/emu/core/machine-events.ts';
import { checkedAs } from '../../src/emu/qapi/check.ts';
import type { JsonObject } from '../../src/emu/qapi/json-value.ts';
import { memoryImages } from '../support/headless-guest.ts';

const KIB = 1024;

type What = 'read' | 'write' | 'write+flush' | 'zero' | 'discard';
interface Scenario {
  readonly name: string;
  readonly options: JsonObject;
  readonly requests: readonly (readonly [
    what: What,
    offset: number,
    bytes: number,
    ...more: readonly string[],
  ])[];
}

const SCENARIOS = readFileSync(join(import.meta.dirname, '../golden/block/blkdebug.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Scenario);

/** A node of that kind over an image of 1 MiB, and a raw one above it. */
async function nodesWith(options: JsonObject, files: Readonly<Record<string, string>> = {}) {
  const images = memoryImages();
  await images.createEmpty('/tmp/disk.img', KIB * KIB);
  for (const [path, text] of Object.entries(files)) {
    await images.upload(
      path,
      (async function* () {
        yield new TextEncoder().encode(text);
      })(),
    );
  }
  const { nodes } = new Drives({ images, clock: new EventQueue(() => 0) });
  const add = async (asked: JsonObject): Promise<BlockBackend> =>
    (await nodes.add(checkedAs(BLOCKDEV_OPTIONS, asked))).disk;
  const image = { driver: 'file', filename: '/tmp/disk.img', 'node-name': 'file' };
  const debug = await add({ driver: 'blkdebug', 'node-name': 'debug', discard: 'unmap', image, ...options });
  const raw = await add({ driver: 'raw', 'node-name': 'raw', discard: 'unmap', file: 'debug' });
  const file = nodes.find('file')?.disk;
  if (file === undefined) throw new Error('the image has a node');
  return { debug, raw, file };
}

async function outcome(request: Promise<void>): Promise<string> {
  try {
    await request;
    return 'ok';
  } catch (error) {
    if (error instanceof BlockError) return error.message;
    throw error;
  }
}

async function perform(disk: BlockBackend, what: What, offset: number, bytes: number): Promise<void> {
  switch (what) {
    case 'read':
      return disk.read(offset, new Uint8Array(bytes));
    case 'zero':
      return disk.writeZeroes(offset, bytes);
    case 'discard':
      return disk.discard(offset, bytes);
    default:
      await disk.write(offset, new Uint8Array(bytes).fill(0xcd));
      if (what === 'write+flush') await disk.flush();
  }
}

describe('requests fail as they do on QEMU', () => {
  it.each(SCENARIOS)('$name', async ({ options, requests }) => {
    const { debug, raw } = await nodesWith(options);
    const told: string[] = [];
    for (const [what, offset, bytes, ...more] of requests) {
      const disk = more[0] === 'debug' ? debug : raw;
      expect([
        disk.readSync(offset, new Uint8Array(bytes)),
        disk.writeSync(offset, new Uint8Array(bytes)),
      ]).toEqual([false, false]);
      told.push(await outcome(perform(disk, what, offset, bytes)));
    }
    expect(told).toEqual(requests.map((request) => request.at(-1)));
  });
});

async function bytesOf(disk: BlockBackend, offset: number, length: number): Promise<readonly number[]> {
  const bytes = new Uint8Array(length);
  await disk.read(offset, bytes);
  return [...bytes];
}

describe('the image below', () => {
  it('has what was around a part of a unit', async () => {
    const { raw, file } = await nodesWith({ align: 4096 });
    await file.write(0, new Uint8Array(12 * KIB).fill(1));
    await raw.write(512, new Uint8Array(8 * KIB).fill(2));
    const expected = new Uint8Array(12 * KIB).fill(1).fill(2, 512, 512 + 8 * KIB);
    expect(await bytesOf(file, 0, 12 * KIB)).toEqual([...expected]);
    expect(await bytesOf(raw, 100, 1000)).toEqual([...expected.subarray(100, 1100)]);
    await raw.writeZeroes(1024, 8 * KIB);
    expect(await bytesOf(file, 0, 12 * KIB)).toEqual([...expected.fill(0, 1024, 1024 + 8 * KIB)]);
  });

  it('has the pieces before the one that fails', async () => {
    const rule = { event: 'none', sector: 4, iotype: 'write' };
    const { raw, file } = await nodesWith({ 'max-transfer': 1024, 'inject-error': [rule] });
    expect(await outcome(raw.write(0, new Uint8Array(4 * KIB).fill(7)))).toBe('Input/output error');
    const expected = new Uint8Array(4 * KIB).fill(7, 0, 2 * KIB);
    expect(await bytesOf(file, 0, 4 * KIB)).toEqual([...expected]);
  });

  it('has nothing of a write that fails, and nothing around it is lost', async () => {
    const rule = { event: 'pwritev_rmw_head', iotype: 'read' };
    const { raw, file } = await nodesWith({ align: 4096, 'inject-error': [rule] });
    await file.write(0, new Uint8Array(4 * KIB).fill(1));
    expect(await outcome(raw.write(512, new Uint8Array(512).fill(2)))).toBe('Input/output error');
    expect(await bytesOf(file, 0, 4 * KIB)).toEqual([...new Uint8Array(4 * KIB).fill(1)]);
  });

  it('is zeroed and discarded in pieces of any size', async () => {
    const { raw, file } = await nodesWith({
      'opt-write-zero': 8192,
      'max-write-zero': 16384,
      'opt-discard': 4096,
    });
    await file.write(0, new Uint8Array(128 * KIB).fill(1));
    await raw.writeZeroes(512, 100 * KIB);
    await raw.discard(110 * KIB, 9 * KIB);
    const expected = new Uint8Array(128 * KIB).fill(1).fill(0, 512, 512 + 100 * KIB);
    expect(await bytesOf(file, 0, 128 * KIB)).toEqual([...expected.fill(0, 110 * KIB, 119 * KIB)]);
  });
});

describe('a file of rules', () => {
  it('comes before the other rules', async () => {
    const config = '/tmp/rules';
    const rules = '# two\n[inject-error]\n  event = "read_aio"\n  errno = "0x1"\n  once = "on"\n';
    const { raw } = await nodesWith(
      { config, 'inject-error': [{ event: 'read_aio', errno: 2 }] },
      { [config]: rules },
    );
    expect(await outcome(raw.read(0, new Uint8Array(512)))).toBe('Operation not permitted');
    expect(await outcome(raw.read(0, new Uint8Array(512)))).toBe('No such file or directory');
  });

  it('is read by the words that QEMU knows', () => {
    const text =
      '[inject-error "x"]\nevent = "none"\nsector = "010"\n[set-state]\nevent = "pwritev"\nstate = "-1"\n';
    expect(readConfig(text)).toEqual({
      'inject-error': [{ event: 'none', sector: 8n }],
      'set-state': [{ event: 'pwritev', state: -1n, new_state: 0 }],
    });
  });
});

it('an error that has no name here is told by its number', () => {
  const seen: MachineEvent[] = [];
  const events = new MachineEvents(() => {});
  events.listen((event) => seen.push(event));
  const gate = new DriveGate(new EventQueue(() => 0));
  gate.errors.tellStatus();
  const drive = { name: 'd', id: 'd', medium: undefined, gate } as Drive;
  const report = blockErrorReporter(events, { monotonicNs: () => 0 })(drive);
  for (const errno of [5, 28, 95]) report('read', BlockError.ofLinux(errno));
  const common = { device: 'd', operation: 'read', action: 'report' };
  expect(seen.map(({ data }) => data)).toEqual([
    { ...common, nospace: false, reason: 'Input/output error' },
    { ...common, nospace: true, reason: 'No space left on device' },
    { ...common, nospace: false, reason: 'Operation not supported' },
  ]);
});

it('a unit is no more than 16 MiB, as each request within it reads it', () => {
  expect(blkdebugLimits({ align: 16 << 20 }).align).toBe(16 << 20);
  expect(() => blkdebugLimits({ align: 32 << 20 })).toThrow('Cannot meet constraints with align 33554432');
});
