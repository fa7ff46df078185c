/** Regions over the sparse arena: what is there, what it costs, and what becomes of it when it goes. */
import { describe, expect, test } from 'vitest';
import type { RamOffset } from '../../src/emu/memory/addresses.ts';
import { Arena, ArenaFullError, CHUNK_SIZE, SCRATCH } from '../../src/emu/memory/arena.ts';
import { EmptyChunks } from '../../src/emu/memory/empty-chunks.ts';
import { GuestMemory, NO_RAM, PAGE_SIZE, READ_ONLY } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory, pcRamLayout } from '../../src/emu/memory/pc-ram.ts';
import { RamImage } from '../../src/emu/memory/ram-image.ts';
import { bytesAt, ramDigest } from '../support/memory.ts';

const MIB = 1 << 20;
const GIB = 2 ** 30;
const HIGH = 4 * GIB;

function used({ arena }: GuestMemory): number {
  return arena.used / CHUNK_SIZE;
}

describe('RAM of the pc machine', () => {
  // QEMU 7.2: `info mtree` with -m 3G, 3583M, 3584M, 4G, 8G.
  test.each([
    [3 * GIB, 3 * GIB, 0],
    [3583 * MIB, 3583 * MIB, 0],
    [3584 * MIB, 3 * GIB, 512 * MIB],
    [4 * GIB, 3 * GIB, GIB],
    [8 * GIB, 3 * GIB, 5 * GIB],
  ])('of %d bytes is split as QEMU splits it', (size, below4g, above4g) => {
    expect(pcRamLayout(size)).toEqual({ below4g, above4g });
  });

  test('has holes, and ends where it should', () => {
    const memory = pcMemory(8 * GIB, (bytes) => new ArrayBuffer(Math.min(bytes, 64 * MIB)));
    for (const [gpa, there] of [
      [0x9ffff, true],
      [0xa0000, false],
      [0xbffff, false],
      [0xc0000, true],
      [3 * GIB - 1, true],
      [3 * GIB, false],
      [HIGH - 1, false],
      [HIGH, true],
      [HIGH + 5 * GIB - 1, true],
      [HIGH + 5 * GIB, false],
      [2 ** 40, false],
    ] as const) {
      expect(memory.isRam(gpa, 1)).toBe(there);
      expect(memory.locate(gpa) === NO_RAM).toBe(!there);
    }
  });
});

describe('memory that was never written', () => {
  test('reads as zeros and takes no chunk, also when it is cleared', () => {
    const memory = pcMemory(16 * MIB);
    expect(bytesAt(memory, 5 * MIB - 8, 2 * MIB).every((byte) => byte === 0)).toBe(true);
    expect([memory.readU64(0x1000), memory.readU32(MIB - 2)]).toEqual([0, 0]);
    memory.fill(0x100, 0x1000, 0);
    expect(used(memory)).toBe(0);
    memory.writeU8(5 * MIB, 1);
    memory.writeU16(5 * MIB + 2, 1);
    expect(used(memory)).toBe(1);
    memory.write(7 * MIB - 1, Uint8Array.of(1, 2));
    expect(used(memory)).toBe(3);
  });

  test('whoever knows where the zeros are is told', () => {
    const memory = pcMemory(16 * MIB);
    const heard: string[] = [];
    memory.listen({ chunkMapped: () => heard.push('mapped'), unmapped: () => heard.push('unmapped') });
    memory.locate(2 * MIB);
    expect([memory.isWritable, heard.length]).toEqual([false, 0]);
    memory.toWrite(2 * MIB);
    memory.toWrite(2 * MIB + 8);
    expect([memory.isWritable, heard]).toEqual([true, ['mapped']]);
    memory.toFetch(3 * MIB);
    memory.release(2 * MIB, MIB);
    expect(heard).toEqual(['mapped', 'mapped', 'unmapped']);
  });
});

describe('regions', () => {
  test('far apart keep their contents apart, and those that meet are crossed', () => {
    const memory = new GuestMemory(16);
    memory.add('a', 0x3000, 0x2000);
    memory.add('b', 0x5000, 2 * MIB);
    memory.add('c', HIGH + 0x3000, 0x2000);
    memory.write(0x4ff0, new Uint8Array(32).fill(1));
    memory.writeU32(HIGH + 0x3000, 2);
    expect(memory.readU32(0x3000)).toBe(0);
    expect(bytesAt(memory, 0x4ff0, 32)).toEqual(new Uint8Array(32).fill(1));
    memory.writeU64(0x4ffd, 0x123456_789abcde);
    expect(memory.readU64(0x4ffd)).toBe(0x123456_789abcde);
    expect(memory.find(0x4fff, 2)).toBeUndefined();
    expect(memory.isRam(0x4fff, 2)).toBe(true);
    expect(memory.isRam(0x2fff, 2)).toBe(false);
  });

  test('must not overlap', () => {
    const memory = new GuestMemory(4);
    memory.add('a', 0x3000, 0x2000);
    expect(() => memory.add('b', 0x4000, 0x2000)).toThrow('region b: overlaps a');
    expect(() => memory.add('b', 0x5001, 0x1000)).toThrow('not whole pages');
    expect(memory.regions).toHaveLength(1);
  });

  test('that are read-only ignore writes', () => {
    const memory = new GuestMemory(4);
    const rom = memory.add('rom', 0xff000, 0x2000, { readOnly: true });
    memory.add('ram', 0x101000, 0x1000);
    memory.load(rom, 0, new Uint8Array(0x2000).fill(0x55));
    expect(memory.toWrite(0xff000)).toBe(READ_ONLY);
    expect(memory.write(0x100fff, Uint8Array.of(1, 2))).toBe(true);
    expect(memory.fill(0xff000, 0x2000, 0)).toBe(true);
    memory.forEachPiece(0xff000, 0x2000, 'write', (bytes) => bytes.fill(9).length > 0);
    memory.writeU32(0xff000, 7);
    memory.release(0xff000, 0x2000);
    expect(bytesAt(memory, 0xff000, 0x2000).every((byte) => byte === 0x55)).toBe(true);
    expect(memory.readU8(0x101000)).toBe(2);
  });

  test('that go take their contents along', () => {
    const memory = new GuestMemory(4);
    const dimm = memory.add('dimm', HIGH, 2 * MIB);
    memory.writeU32(HIGH, 1);
    memory.codePages[memory.locate(HIGH) / PAGE_SIZE] = 1;
    const dropped: number[] = [];
    memory.onCodeWrite((page) => dropped.push(page));
    memory.remove(dimm);
    expect([used(memory), dropped.length, memory.isRam(HIGH, 1), memory.readU32(HIGH)]).toEqual([
      0,
      1,
      false,
      0,
    ]);
    expect(memory.write(HIGH, Uint8Array.of(1))).toBe(false);
    memory.add('dimm', HIGH, 2 * MIB);
    expect(memory.readU32(HIGH)).toBe(0);
    memory.writeU32(HIGH + 4, 1);
    expect(memory.readU32(HIGH)).toBe(0);
  });
});

describe('giving back', () => {
  test('frees whole chunks, clears the rest, and passes holes over', () => {
    const memory = pcMemory(8 * MIB);
    for (const { gpa, size } of memory.regions) memory.fill(gpa, size, 7);
    const before = used(memory);
    memory.release(0x9f000, 3 * MIB);
    // All of the first MiB's RAM from 0xc0000 on, MiB 1 and 2; a page below the hole and most of MiB 3 are cleared.
    expect(used(memory)).toBe(before - 3);
    expect(
      [0x9efff, 0x9f000, 0xc0000, MIB, 3 * MIB, 3 * MIB + 0x9efff, 3 * MIB + 0x9f000].map((at) =>
        memory.readU8(at),
      ),
    ).toEqual([7, 0, 0, 0, 0, 0, 7]);
  });
});

describe('giving back page by page', () => {
  const PAGES = CHUNK_SIZE / PAGE_SIZE;
  function full() {
    const memory = new GuestMemory(8);
    memory.add('ram', 0, 4 * MIB);
    memory.fill(0, 4 * MIB, 7);
    const heard: string[] = [];
    memory.listen({ chunkMapped() {}, unmapped: () => heard.push('unmapped') });
    return { memory, heard, giveBack: (page: number) => memory.release(MIB + page * PAGE_SIZE, PAGE_SIZE) };
  }
  /** All pages once, in an order without runs. */
  const mixed = Array.from({ length: PAGES }, (_, n) => (n * 149 + 31) % PAGES);

  test.each([
    ['up', mixed.toSorted((a, b) => a - b)],
    ['down', mixed.toSorted((a, b) => b - a)],
    ['mixed', mixed],
  ])('frees a chunk with its last page, %s, and no sooner', (_, order) => {
    const { memory, heard, giveBack } = full();
    for (const [n, page] of order.entries()) {
      expect([used(memory), heard.length]).toEqual([4, 0]);
      expect(memory.readU8(MIB + page * PAGE_SIZE)).toBe(7);
      giveBack(page);
      expect(memory.readU8(MIB + page * PAGE_SIZE)).toBe(0);
      if (n === 0) expect(memory.readU8(MIB + order[1] * PAGE_SIZE + 4095)).toBe(7);
    }
    expect([used(memory), heard]).toEqual([3, ['unmapped']]);
    expect([memory.readU8(MIB - 1), memory.readU8(2 * MIB)]).toEqual([7, 7]);
  });

  test.each([
    ['up', mixed.toSorted((a, b) => a - b)],
    ['down', mixed.toSorted((a, b) => b - a)],
    ['mixed', mixed],
  ])('looks at each page few times, %s', (_, order) => {
    const arena = new Arena(2);
    const chunks = new EmptyChunks(arena);
    const chunk = CHUNK_SIZE as RamOffset;
    arena.bytes.fill(7, chunk, chunk + CHUNK_SIZE);
    for (const [n, page] of order.entries()) {
      arena.bytes.fill(0, chunk + page * PAGE_SIZE, chunk + (page + 1) * PAGE_SIZE);
      expect(chunks.isEmpty(chunk)).toBe(n === PAGES - 1);
    }
    expect(chunks.lookedAt).toBeLessThan(4 * CHUNK_SIZE);
  });

  test('costs the same whatever the host keeps of memory that reads the same', () => {
    const work = (prepare: (memory: GuestMemory) => void): readonly number[] => {
      const memory = new GuestMemory(8);
      memory.add('ram', 0, 4 * MIB);
      prepare(memory);
      return [
        memory.release(MIB + PAGE_SIZE, PAGE_SIZE),
        memory.release(2 * MIB - PAGE_SIZE, 2 * PAGE_SIZE),
        memory.release(MIB, 2 * MIB),
        memory.release(0, 4 * MIB),
      ];
    };
    const untouched = work(() => {});
    expect(work((memory) => memory.writeU8(MIB, 0))).toEqual(untouched);
    expect(work((memory) => memory.fill(0, 4 * MIB, 7))).toEqual(untouched);
    // What is kept of it is cleared, and looked through.
    expect(untouched[0]).toBeGreaterThanOrEqual(2 * PAGE_SIZE);
  });

  test('keeps what the guest has written since, whether or not it said that it takes a page again', () => {
    const { memory, giveBack } = full();
    giveBack(5);
    memory.writeU8(MIB + 6 * PAGE_SIZE - 1, 9);
    for (let page = 0; page < PAGES; page++) if (page !== 5) giveBack(page);
    expect([used(memory), memory.readU8(MIB + 6 * PAGE_SIZE - 1)]).toEqual([4, 9]);
    giveBack(5);
    expect(used(memory)).toBe(3);
    // And it is memory like any other.
    memory.writeU8(MIB + 1, 3);
    expect([used(memory), memory.readU8(MIB), memory.readU8(MIB + 1)]).toEqual([4, 0, 3]);
    giveBack(0);
    expect(used(memory)).toBe(3);
  });

  test('forgets instructions decoded from all of the chunk', () => {
    const { memory, giveBack } = full();
    for (let page = 0; page < PAGES - 1; page++) giveBack(page);
    const first = memory.locate(MIB) / PAGE_SIZE;
    memory.codePages[first + 3] = 1;
    const dropped: number[] = [];
    memory.onCodeWrite((page) => dropped.push(page - first));
    giveBack(PAGES - 1);
    expect([used(memory), dropped]).toEqual([3, [3]]);
  });

  test('does with a piece of a chunk what it does with a whole one', () => {
    const memory = new GuestMemory(8);
    memory.add('a', 0x3000, 0x2000);
    memory.add('b', 0x5000, 0x3000);
    memory.fill(0x3000, 0x5000, 7);
    memory.release(0x4000, 0x2000);
    expect([used(memory), memory.readU8(0x3fff), memory.readU8(0x6000)]).toEqual([2, 7, 7]);
    memory.release(0x3000, 0x1000);
    expect([used(memory), memory.readU8(0x6000)]).toEqual([1, 7]);
  });
});

describe('a full arena', () => {
  test('throws one sentence, or lets a transfer move nothing', () => {
    const memory = new GuestMemory(2);
    memory.add('ram', 0, 8 * MIB);
    memory.write(0, new Uint8Array(2 * MIB).fill(1));
    expect(() => memory.toWrite(2 * MIB)).toThrow(ArenaFullError);
    expect(() => memory.toWrite(2 * MIB)).toThrow(
      'The guest has used all of the 2 MiB of memory that the host has for it, and cannot go on.',
    );
    memory.onFull(() => {});
    expect(memory.write(2 * MIB - 1, Uint8Array.of(9, 9))).toBe(false);
    expect(memory.readU8(2 * MIB - 1)).toBe(1);
    expect(memory.writeU32(3 * MIB, 1)).toBe(false);
    memory.release(0, MIB);
    expect(memory.writeU32(3 * MIB, 1)).toBe(true);
    expect(memory.readU32(3 * MIB + 4)).toBe(0);
  });

  test('is made smaller where the host refuses', () => {
    const asked: number[] = [];
    const arena = new Arena(1023, (bytes) => {
      asked.push(bytes / MIB);
      if (bytes > 500 * MIB) throw new RangeError('Array buffer allocation failed');
      return new ArrayBuffer(CHUNK_SIZE);
    });
    expect(asked).toEqual([1024, 768, 576, 432]);
    expect(arena.allocate()).toBe(0);
    expect(
      () =>
        new Arena(63, () => {
          throw new RangeError('no');
        }),
    ).toThrow('no');
  });
});

test('scratch memory is all there is while code runs without effect', () => {
  const memory = pcMemory(2 * MIB);
  memory.writeU32(0, 1);
  memory.withScratch(() => {
    expect(memory.toWrite(0x10)).toBe(SCRATCH + 0x10);
    memory.writeU32(0, 5);
    expect(memory.isRam(MIB, 1)).toBe(false);
  });
  expect(memory.readU32(0)).toBe(1);
});

test('an image holds all regions, wherever their chunks are', () => {
  const memory = pcMemory(4 * MIB);
  memory.write(3 * MIB - 2, Uint8Array.of(1, 2, 3, 4));
  memory.writeU8(0x9ffff, 5);
  memory.writeU8(0xc0000, 6);
  const image = new RamImage(memory);
  expect(image.sizeBytes).toBe(4 * MIB - 0x20000);
  const bytes = new Uint8Array(image.sizeBytes);
  for (const piece of image.pieces()) bytes.set(piece.bytes, piece.at);
  expect([...bytes.subarray(0x9ffff, 0xa0001)]).toEqual([5, 6]);
  const copy = pcMemory(4 * MIB);
  new RamImage(copy).write(0, bytes);
  expect(ramDigest(copy)).toBe(ramDigest(memory));
  const again = new Uint8Array(image.sizeBytes);
  new RamImage(copy).read(0, again);
  expect(Buffer.compare(again, bytes)).toBe(0);
});
