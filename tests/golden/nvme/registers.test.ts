/** Plays the recorded sessions to our NVMe controller: every answer is QEMU's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NVME_DEFAULTS, nvmeRig, RAM_BYTES } from '../../support/nvme-rig.ts';
import { settle, TestDisk } from '../../support/virtio-driver.ts';
import type { Step, VirtioRecord } from '../virtio/sessions.ts';
import { NVME_SESSIONS } from './sessions.ts';

const RECORDS: Readonly<Record<string, VirtioRecord>> = JSON.parse(
  readFileSync(new URL('registers.json', import.meta.url), 'utf8'),
);
const PASS_NS = 1_000_000;
const MIB = 1 << 20;

function rigOf(name: string) {
  if (name !== 'two namespaces') return nvmeRig([[new TestDisk(MIB)]]);
  const limits = { minIoSize: 0, optIoSize: 0 };
  const copies = { maxSourceBlocks: 128, maxCopyBlocks: 128, maxSources: 127 };
  const uuid = Uint8Array.from(Buffer.from('00112233445566778899aabbccddeeff', 'hex'));
  return nvmeRig(
    [
      [
        new TestDisk(MIB),
        {
          nsid: 7,
          ...copies,
          eui64: 0x1122_3344_5566_7788n,
          limits: { ...limits, logicalBlockSize: 4096, physicalBlockSize: 4096, discardGranularity: 4096 },
        },
      ],
      [
        new TestDisk(2 * MIB),
        {
          nsid: 1,
          ...copies,
          uuid,
          limits: { ...limits, logicalBlockSize: 512, physicalBlockSize: 512, discardGranularity: 65536 },
        },
      ],
    ],
    {
      ...{ deviceId: 0x5845, pairs: 2, vectors: 2, maxQueuedEvents: 64 },
      identity: {
        ...NVME_DEFAULTS.identity,
        ...{ vendorId: 0x8086, serial: 'a serial number of more', oui: [0xb3, 2, 0], mdts: 2, aerl: 0 },
      },
    },
  );
}

async function play(name: string, steps: readonly Step[]): Promise<(number | string)[]> {
  const { io, mmio, memory, bytes, pass } = rigOf(name);
  const values: (number | string)[] = [];
  for (const step of steps) {
    if (step[0] === 'in') values.push(io.read(step[1], step[2]));
    else if (step[0] === 'out') io.write(step[1], step[2], step[3]);
    else if (step[0] === 'dump') values.push(Buffer.from(bytes(step[1], step[2])).toString('hex'));
    else if (step[0] === 'pass') {
      for (let n = 0; n < 4; n++) {
        await settle();
        pass(PASS_NS);
      }
    } else if (step[0] === 'read') {
      if (step[1] < RAM_BYTES) values.push(Buffer.from(bytes(step[1], step[2])).readUIntLE(0, step[2]));
      else values.push(mmio.read(step[1], step[2]));
    } else if (step[0] === 'write') {
      const [, gpa, size, value] = step;
      const source = Uint8Array.from({ length: size }, (_, n) => value >>> (8 * n));
      if (gpa < RAM_BYTES) memory.write(gpa, source);
      else mmio.write(gpa, size, value);
    }
  }
  return values;
}

const ENTRY_BYTES = 16;
const IS_DATA_ENTRY = /^\d+ dump 130[01][\da-f]0 10: /;

/**
 * Commands for data end in any order, QEMU's with that of its host: an entry of their queue is told without its place, that of the submission queue and
 * the phase, and a run of them in order.
 */
function withoutOrder(lines: readonly string[]): readonly string[] {
  const isEntry = lines.map((line) => IS_DATA_ENTRY.test(line));
  const all = lines.map((line, at) => (isEntry[at] === true ? entryTold(line) : line));
  for (let from = 0; from < all.length; from++) {
    let to = from;
    while (isEntry[to] === true) to++;
    if (to > from) all.splice(from, to - from, ...all.slice(from, to).sort());
    from = to;
  }
  return all;
}

function entryTold(line: string): string {
  const entry = Buffer.from(line.slice(-2 * ENTRY_BYTES), 'hex');
  const status = entry.readUInt16LE(14) >> 1;
  return `command ${entry.readUInt16LE(12).toString(16)}: result ${entry.readUInt32LE(0)}, status ${status.toString(16)}`;
}

/** An answer with the step that asked for it, so that a difference says where it is. */
function told(steps: readonly Step[], values: VirtioRecord): readonly string[] {
  const asked = steps.filter(([action]) => ['in', 'read', 'dump'].includes(action));
  return values.map(
    (value, n) => `${n} ${asked[n]?.map((part) => part.toString(16)).join(' ')}: ${value.toString(16)}`,
  );
}

describe('the NVMe controller answers as QEMU 7.2', () => {
  it.each(NVME_SESSIONS)('$name', async ({ name, steps }) => {
    const [ours, theirs] = [await play(name, steps), RECORDS[name] ?? []];
    expect(withoutOrder(told(steps, ours))).toEqual(withoutOrder(told(steps, theirs)));
  });
});
