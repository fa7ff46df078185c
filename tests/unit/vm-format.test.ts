/** Only this level catches a kept machine whose frame is crafted: with right checksums, and yet impossible. */
import { describe, expect, it } from 'vitest';
import { encodePlain } from '../../src/emu/snapshot/plain-codec.ts';
import { prefixOf, recordOf, wordsOf } from '../../src/emu/snapshot/record-stream.ts';
import {
  VM_FILE,
  VM_RECORD_DISK,
  VM_RECORD_END,
  VM_RECORD_INFO,
  VM_RECORD_MACHINE,
  type VmInfo,
} from '../../src/emu/snapshot/vm-format.ts';
import { readVm, readVmInfo } from '../../src/emu/snapshot/vm-reader.ts';
import { DISK_BYTES_MAX, writeVm } from '../../src/emu/snapshot/vm-writer.ts';

const GIB = 2 ** 30;
const INFO: VmInfo = {
  savedMs: 0,
  clockNs: 5,
  icount: null,
  stateBytes: 3,
  disks: [
    { drive: 'a', path: '/a', sizeBytes: 4096 },
    { drive: 'b', path: '/b', sizeBytes: 5 * GIB },
  ],
};
const MACHINE = Uint8Array.of(1, 2, 3);
const MOMENT = { savedMs: 0, clockNs: 5, icount: null };

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function parts(bytes: Uint8Array, size = 1 << 16): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for await (const part of readVm(inPieces(bytes, size))) {
    all.push('bytes' in part ? { ...part, bytes: [...part.bytes.slice(0, 4)] } : part);
  }
  return all;
}

const info = (value: unknown = INFO): Uint8Array => recordOf(VM_RECORD_INFO, encodePlain(value as never));
const disk = (index: number, offset: number, bytes = Uint8Array.of(7)): Uint8Array =>
  recordOf(VM_RECORD_DISK, wordsOf([index, offset % 2 ** 32, Math.floor(offset / 2 ** 32)]), bytes);
const machine = recordOf(VM_RECORD_MACHINE, MACHINE);
const end = (count: number): Uint8Array => recordOf(VM_RECORD_END, wordsOf([count]));
const file = (...records: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([prefixOf(VM_FILE), ...records]);

describe('a kept machine', () => {
  it('comes back in parts, with what its disks hold beyond 4 GiB and without zeros', async () => {
    const read = (_offset: number, target: Uint8Array): Promise<void> => {
      target.fill(0);
      return Promise.resolve();
    };
    const last = async (offset: number, target: Uint8Array): Promise<void> => {
      target.fill(offset >= 5 * GIB - 262_144 ? 9 : 0);
    };
    const planned = {
      sizeBytes: 3,
      *pieces() {
        yield MACHINE.slice();
      },
    };
    const disks = [
      { ...INFO.disks[0], read },
      { ...INFO.disks[1], read: last },
    ] as never;
    const pieces: Uint8Array[] = [];
    for await (const piece of writeVm({ info: MOMENT, disks, machine: planned })) pieces.push(piece);
    const bytes = Buffer.concat(pieces);
    for (const size of [1000, 1 << 20]) {
      expect(await parts(bytes, size)).toEqual([
        { type: 'info', info: INFO },
        { type: 'disk', disk: 1, offset: 5 * GIB - 262_144, bytes: [9, 9, 9, 9] },
        { type: 'machine', bytes: [1, 2, 3] },
      ]);
    }
    expect(await readVmInfo(inPieces(bytes, 100))).toEqual(INFO);
  }, 60_000);

  it('is not kept when its disks hold too much', async () => {
    const read = async (_offset: number, target: Uint8Array): Promise<void> => void target.fill(1);
    const disks = [{ drive: 'a', path: '/a', sizeBytes: DISK_BYTES_MAX + 1, read }];
    const planned = { sizeBytes: 0, *pieces() {} };
    const write = async (): Promise<void> => {
      for await (const piece of writeVm({ info: MOMENT, disks, machine: planned }))
        if (piece.length === 0) return;
    };
    await expect(write()).rejects.toThrow(
      'The disks hold more than 1 GiB, which is more than a snapshot keeps',
    );
  }, 60_000);

  it.each([
    ['no head', file(machine, end(1)), 'its head is missing'],
    ['two heads', file(info(), info(), end(0)), 'its head is none'],
    ['a head of something else', file(info({ ...INFO, disks: 'none' }), end(0)), 'its head is none'],
    [
      'a negative size',
      file(info({ ...INFO, disks: [{ ...INFO.disks[0], sizeBytes: -1 }] }), end(0)),
      'its head is none',
    ],
    [
      'a disk that it does not name',
      file(info(), disk(2, 0), end(1)),
      'a piece of a disk is at a wrong place',
    ],
    ['a piece beyond the end', file(info(), disk(0, 4096), end(1)), 'a piece of a disk is at a wrong place'],
    [
      'a piece over the end',
      file(info(), disk(0, 4095, Uint8Array.of(1, 2)), end(1)),
      'a piece of a disk is at a wrong place',
    ],
    [
      'pieces that go back',
      file(info(), disk(0, 8), disk(0, 8), end(2)),
      'a piece of a disk is at a wrong place',
    ],
    [
      'disks that go back',
      file(info(), disk(1, 0), disk(0, 0), end(2)),
      'a piece of a disk is at a wrong place',
    ],
    [
      'a disk after the machine',
      file(info(), machine, disk(0, 0), end(2)),
      'a piece of a disk is at a wrong place',
    ],
    ['an empty piece', file(info(), disk(0, 0, new Uint8Array(0)), end(1)), 'a piece of a disk is not whole'],
    ['a record too few', file(info(), machine, end(2)), 'records are missing'],
    ['no end', file(info(), machine), 'its end is missing'],
    ['something behind the end', file(info(), end(0), machine), 'something follows its end'],
    ['half a record behind the end', file(info(), end(0), machine.subarray(0, 9)), 'its end is missing'],
    ['a record that there is not', file(info(), recordOf(9), end(0)), 'it has a record of type 9'],
  ])('is refused with %s', async (_, bytes, why) => {
    await expect(parts(bytes)).rejects.toThrow(`The snapshot is damaged: ${why}.`);
  });
});
