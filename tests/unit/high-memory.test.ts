/** RAM around the hole below 4 GiB, and above: code, page tables, DMA and snapshots, and what becomes of memory that is given back. */
import { describe, expect, test } from 'vitest';
import { CR3_LO, RAX, RBX, RCX, RDX } from '../../src/emu/cpu/state.ts';
import { Machine, type MachineHost } from '../../src/emu/index.ts';
import { CHUNK_SIZE } from '../../src/emu/memory/arena.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { LayoutRig, type Range } from '../support/layout-rig.ts';
import { machineOf, snapshotBytes } from '../support/snapshots.ts';
import { TestDisk, virtioRig } from '../support/virtio-driver.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const HIGH = 4 * GIB;
const PAGE = 0x1000;
/** In the hole: the rig's own memory is nowhere near what is tested. */
const OWN = 0xd000_0000;
const WINDOW = 4 * MIB;
const [P, W, A, D] = [1, 2, 0x20, 0x40];

/** A processor on a machine of 8 GiB; the first megabytes, those around 3 GiB, and from 4 GiB on are mapped. */
function pcRig(compiled: boolean): LayoutRig {
  const rig = new LayoutRig({ compiled, own: OWN });
  const small = pcMemory(8 * GIB, (bytes) => new ArrayBuffer(Math.min(bytes, 32 * MIB)));
  const ranges: Range[] = [0, 3 * GIB - WINDOW / 2, HIGH].map((start) => ({ start, end: start + WINDOW }));
  rig.layOut(
    small.regions.map(({ gpa, size }) => [gpa, size, false] as const),
    ranges,
    true,
  );
  return rig;
}

const ENGINES = [
  ['the interpreter', false],
  ['compiled code', true],
] as const;

describe.each(ENGINES)('%s', (_who, compiled) => {
  /** `mov eax, number; jmp` back. */
  const numberLoop = (number: number): Uint8Array => Uint8Array.of(0xb8, number, 0, 0, 0, 0xeb, 0xf9);

  test('code at an address and 4 GiB above it is not taken for each other', () => {
    const rig = pcRig(compiled);
    const [low, high] = [2 * MIB, HIGH + 2 * MIB];
    rig.memory.write(low, numberLoop(1));
    rig.memory.write(high, numberLoop(2));
    const runBoth = (): bigint[] =>
      [low, high, low, high].map((at) => {
        rig.run(at, 100);
        return rig.pair(RAX);
      });
    expect(runBoth()).toEqual([1n, 2n, 1n, 2n]);
    rig.memory.writeU8(high + 1, 3);
    expect(runBoth()).toEqual([1n, 3n, 1n, 3n]);
    rig.memory.writeU8(low + 1, 4);
    expect(runBoth()).toEqual([4n, 3n, 4n, 3n]);
    expect(rig.compiledInstructions > 0).toBe(compiled);
  });

  test('runs and writes the last bytes below the hole, and behind them is a device', () => {
    const rig = pcRig(compiled);
    const code = numberLoop(5);
    const at = 3 * GIB - code.length;
    rig.memory.write(at, code);
    rig.run(at, 100);
    expect(rig.pair(RAX)).toBe(5n);
    // mov [rbx], rcx; jmp: half of it into memory, half into the hole.
    const store = rig.program([0x48, 0x89, 0x0b, 0xeb, 0xfb]);
    rig.setPair(RBX, 3 * GIB - 4);
    rig.setPair(RCX, 0x7766_5544_3322);
    rig.run(store, 2);
    expect(rig.memory.readU32(3 * GIB - 4)).toBe(0x5544_3322);
    expect(rig.device).toEqual(['c0000000=102', 'c0000001=119', 'c0000002=0', 'c0000003=0']);
    expect(rig.memory.readU32(HIGH)).toBe(0);
  });

  test('an instruction over two pages follows a write to the second', () => {
    const rig = pcRig(compiled);
    const at = HIGH + 2 * PAGE - 2;
    // jmp to `inc eax; jmp at`, or 0x1000 further to `inc edx; jmp at`.
    const target = HIGH + 4 * PAGE;
    const jump = (from: number, to: number): Uint8Array => {
      const bytes = new Uint8Array(5).fill(0xe9);
      new DataView(bytes.buffer).setInt32(1, to - from - 5, true);
      return bytes;
    };
    rig.memory.write(at, jump(at, target));
    for (const [n, inc] of [0xc0, 0xc2].entries()) {
      const place = target + n * PAGE;
      rig.memory.write(place, Uint8Array.of(0xff, inc));
      rig.memory.write(place + 2, jump(place + 2, at));
    }
    rig.S.fill(0, RAX, RBX + 2);
    rig.run(at, 300);
    expect([rig.pair(RAX) >= 100n, rig.pair(RDX)]).toEqual([true, 0n]);
    const before = rig.pair(RAX);
    // Only bytes of the second page.
    rig.memory.write(at + 2, jump(at, target + PAGE).subarray(2));
    rig.run(at, 300);
    expect([rig.pair(RAX), rig.pair(RDX) >= 100n]).toEqual([before, true]);
  });

  test('page tables above 4 GiB are walked and marked where they are', () => {
    const rig = pcRig(compiled);
    const { memory } = rig;
    const [pml4, pdpt, directory, table] = [1, 2, 3, 4].map((n) => HIGH + n * 0x10000) as [
      number,
      number,
      number,
      number,
    ];
    const linear = 2 ** 39 * 5;
    const pages = [HIGH + 0x80000, HIGH + 0x81000];
    // The tables of before, and one more branch, all above 4 GiB; decoys lie 4 GiB below.
    const old = new Uint8Array(PAGE);
    memory.read(OWN, old);
    memory.write(pml4, old);
    for (const base of [0, HIGH]) {
      const at = (gpa: number): number => gpa - HIGH + base;
      memory.writeU64(at(pml4) + 8 * 5, at(pdpt) + (P | W));
      memory.writeU64(at(pdpt), at(directory) + (P | W));
      memory.writeU64(at(directory), at(table) + (P | W));
      for (const [n, gpa] of pages.entries()) memory.writeU64(at(table) + 8 * n, at(gpa) + (P | W));
    }
    memory.writeU64(pages[0] ?? 0, 0x1234);
    rig.setPair(CR3_LO, pml4);
    rig.engine.cpu.flushTlb(true);
    rig.setPair(RBX, linear);
    rig.run(rig.program([0x48, 0x8b, 0x03, 0xeb, 0xfb]), 2);
    expect(rig.pair(RAX)).toBe(0x1234n);
    rig.setPair(RBX, linear + PAGE + 8);
    rig.setPair(RCX, 0x5678);
    rig.run(rig.program([0x48, 0x89, 0x0b, 0xeb, 0xfb]), 2);
    expect(memory.readU64((pages[1] ?? 0) + 8)).toBe(0x5678);
    const marks = (gpa: number): number => memory.readU32(gpa) & (A | D);
    expect([pml4 + 40, pdpt, directory, table, table + 8].map(marks)).toEqual([A, A, A, A, A | D]);
    expect([pml4 + 40, pdpt, directory, table, table + 8].map((gpa) => marks(gpa - HIGH))).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });

  test('memory that is given back while code runs in it reads as zeros, and its old code and places are forgotten', () => {
    const rig = pcRig(compiled);
    const { memory } = rig;
    const [code, data] = [HIGH + MIB, HIGH + MIB + 0x8000];
    const other = HIGH + 3 * MIB;
    const load = rig.program([0x48, 0x8b, 0x03, 0xeb, 0xfb]);
    const store = rig.program([0x48, 0x89, 0x0b, 0xeb, 0xfb]);
    // mov [rbx], rcx; mov eax, 7; jmp
    const loop = Uint8Array.of(0x48, 0x89, 0x0b, 0xb8, 7, 0, 0, 0, 0xeb, 0xf6);
    memory.write(code, loop);
    rig.setPair(RCX, 0x99);
    rig.setPair(RBX, data);
    rig.run(code, 300);
    const used = memory.arena.used;
    const at = memory.locate(code);
    // The device gives back the chunk under the running loop, and another part of memory gets it at once.
    rig.onDeviceWrite = () => {
      memory.release(HIGH + MIB, CHUNK_SIZE);
      memory.writeU8(other, 0x42);
    };
    rig.setPair(RBX, 3 * GIB);
    rig.setPair(RAX, OWN + 0x7f000);
    rig.run(code, 1);
    rig.onDeviceWrite = () => {};
    expect(rig.pair(RAX)).toBe(BigInt(OWN + 0x7f000));
    // The zeros are fetched from: that takes a chunk.
    expect([memory.arena.used, memory.locate(other)]).toEqual([used + CHUNK_SIZE, at]);
    rig.setPair(RBX, data);
    rig.run(load, 2);
    expect(rig.pair(RAX)).toBe(0n);
    rig.run(store, 2);
    expect([memory.readU32(data), memory.readU32(other + 0x8000), memory.readU8(other)]).toEqual([
      0x99, 0, 0x42,
    ]);
    loop[4] = 8;
    memory.write(code, loop);
    rig.run(code, 300);
    expect(rig.pair(RAX)).toBe(8n);
  });

  test('a DIMM that is taken out while code runs in it ends that code; another one in its place knows nothing of it', () => {
    const rig = pcRig(compiled);
    const { memory } = rig;
    const dimm = memory.find(HIGH, 1);
    if (dimm === undefined) throw new Error('no memory above 4 GiB');
    const [code, data] = [HIGH + MIB, HIGH + 2 * MIB];
    const load = rig.program([0x48, 0x8b, 0x03, 0xeb, 0xfb]);
    // mov [rbx], rcx; inc eax; jmp
    const loop = Uint8Array.of(0x48, 0x89, 0x0b, 0xff, 0xc0, 0xeb, 0xf9);
    memory.write(code, loop);
    rig.setPair(RCX, 0x99);
    rig.setPair(RBX, data);
    rig.run(code, 300);
    rig.run(load, 2);
    expect([rig.pair(RAX), rig.compiledInstructions > 0]).toEqual([0x99n, compiled]);
    // The guest writes to the register that ejects the DIMM under it.
    const { used } = memory.arena;
    rig.onDeviceWrite = () => {
      if (memory.isRam(HIGH, 1)) memory.remove(dimm);
    };
    rig.setPair(RBX, 3 * GIB);
    rig.setPair(RAX, 0);
    expect(() => rig.run(code, 300)).toThrow('exception 6');
    expect([rig.pair(RAX) <= 1n, memory.arena.used < used, memory.isRam(code, 1)]).toEqual([
      true,
      true,
      false,
    ]);
    // Where it was, nothing answers: reads see what a device says.
    rig.setPair(RBX, data);
    rig.run(load, 2);
    expect(rig.pair(RAX)).not.toBe(0x99n);
    memory.add('dimm', HIGH, 4 * MIB);
    rig.run(load, 2);
    expect(rig.pair(RAX)).toBe(0n);
    memory.write(code, Uint8Array.of(0xb8, 5, 0, 0, 0, 0xeb, 0xf9));
    rig.run(code, 100);
    expect(rig.pair(RAX)).toBe(5n);
  });
});

test('a disk that is told so moves its data above 4 GiB', async () => {
  const disk = new TestDisk(MIB);
  disk.bytes.fill(0x77, 0, PAGE);
  const memory = pcMemory(8 * GIB, (bytes) => new ArrayBuffer(Math.min(bytes, 32 * MIB)));
  const base = HIGH + 3 * MIB;
  const rig = virtioRig({}, disk, memory, base);
  rig.start();
  // Over a border of chunks.
  rig.request(0, 0, [{ gpa: HIGH + 2 * MIB - 512, length: 1024, in: true }]);
  await new Promise((resolve) => setTimeout(resolve, 0));
  rig.clock.runDue();
  expect([rig.blkStatus(), rig.used().index]).toEqual([0, 1]);
  expect(memory.readU8(HIGH + 2 * MIB - 513)).toBe(0);
  expect([memory.readU32(HIGH + 2 * MIB - 512), memory.readU32(HIGH + 2 * MIB + 508)]).toEqual([
    0x7777_7777, 0x7777_7777,
  ]);
  expect([memory.readU32(3 * MIB + 0x10000), memory.readU32(2 * MIB)]).toEqual([0, 0]);
  // Half of it lies in the hole: the queue is broken, nothing is read.
  rig.request(0, 0, [{ gpa: 3 * GIB - 512, length: 1024, in: true }]);
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect([rig.deviceStatus() & 0x40, memory.readU32(3 * GIB - 4)]).toEqual([0x40, 0]);
});

test('a disk whose queue, or whose data, lay in a DIMM that is gone moves nothing', async () => {
  const disk = new TestDisk(MIB);
  disk.bytes.fill(0x77);
  const memory = pcMemory(4 * MIB, undefined, 32 * MIB);
  let dimm = memory.add('dimm', HIGH, 16 * MIB);
  const rig = virtioRig({}, disk, memory, HIGH + 3 * MIB);
  rig.start();
  const data = { gpa: HIGH + 2 * MIB, length: 4096, in: true };
  rig.request(0, 0, [data]);
  // It leaves while the request is under way.
  memory.remove(dimm);
  await new Promise((resolve) => setTimeout(resolve, 0));
  rig.clock.runDue();
  rig.kick();
  rig.clock.runDue();
  dimm = memory.add('dimm', HIGH, 16 * MIB);
  const { used } = memory.arena;
  expect([memory.readU32(data.gpa), rig.blkStatus(), rig.used().index]).toEqual([0, 0, 0]);
  rig.kick();
  rig.clock.runDue();
  expect(memory.arena.used).toBe(used);
});

test('a snapshot keeps what lies above 4 GiB, at its ends and beside the hole', async () => {
  let ns = 0;
  const host: MachineHost = {
    monotonicNs: () => ns++,
    wallClockMs: () => 0,
    after: () => {},
    random() {},
    images: memoryImages(),
    makeBuffer: (bytes) => new ArrayBuffer(Math.min(bytes, 64 * MIB)),
  };
  const machine = new Machine({ memoryBytes: 8 * GIB }, host);
  machine.board.i440fx.openForFirmware();
  const places = [0x9fff8, 0xc0000, 3 * GIB - 8, HIGH, HIGH + MIB - 8, HIGH + 5 * GIB - 8];
  for (const [n, gpa] of places.entries()) machine.memory.writeU64(gpa, n + 1);
  const restored = await machineOf(await snapshotBytes(machine), host);
  expect(places.map((gpa) => restored.memory.readU64(gpa))).toEqual([1, 2, 3, 4, 5, 6]);
  expect(restored.memory.arena.used).toBe(machine.memory.arena.used);
  await machine.close();
  await restored.close();
});
