/** What a device may count on when it reaches for guest memory. */
import { describe, expect, test } from 'vitest';
import { type GuestMemory, PAGE_SIZE } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory, VGA_HOLE_START } from '../../src/emu/memory/pc-ram.ts';

const SIZE = 1 << 20;

/** Memory, and the numbers of the pages whose code was dropped. */
function rig(): { memory: GuestMemory; dropped: number[] } {
  const memory = pcMemory(SIZE);
  const dropped: number[] = [];
  for (const { gpa, size } of memory.regions) memory.fill(gpa, size, 0xcc);
  for (const { gpa, size } of memory.regions) memory.fill(gpa, size, 0);
  const first = memory.locate(0) / PAGE_SIZE;
  memory.onCodeWrite((page) => dropped.push(page - first));
  memory.codePages.fill(1);
  return { memory, dropped };
}

describe('DMA', () => {
  test('numbers are little-endian and as wide as their names say', () => {
    const { memory } = rig();
    memory.write(0x1000, Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 0]));
    expect(memory.readU8(0x1000)).toBe(1);
    expect(memory.readU16(0x1001)).toBe(0x0302);
    expect(memory.readU32(0x1001)).toBe(0x05040302);
    expect(memory.readU64(0x1000)).toBe(0x07060504030201);
    memory.writeU64(0x2001, 0x1fffff_fffffffe);
    expect(memory.readU32(0x2001)).toBe(0xfffffffe);
    expect(memory.readU64(0x2001)).toBe(0x1fffff_fffffffe);
    memory.writeU32(0x2001, 0x80000001);
    memory.writeU16(0x2001, 0x1234);
    memory.writeU8(0x2001, 0xff);
    expect(memory.readU32(0x2001)).toBe(0x800012ff);
  });

  test('moves nothing when one byte of it is not RAM', () => {
    const { memory, dropped } = rig();
    for (const [gpa, length] of [
      [SIZE - 4, 8],
      [VGA_HOLE_START - 4, 8],
      [2 ** 40, 8],
      [-8, 8],
    ] as const) {
      const target = new Uint8Array(length).fill(0xee);
      expect(memory.read(gpa, target)).toBe(false);
      expect(target).toEqual(new Uint8Array(length));
      expect(memory.write(gpa, target.fill(0xee))).toBe(false);
      expect(memory.fill(gpa, length, 0xee)).toBe(false);
      expect(memory.writeU64(gpa, 1)).toBe(false);
      expect(memory.readU64(gpa)).toBe(0);
      expect(memory.forEachPiece(gpa, length, 'write', (bytes) => bytes.fill(0xee).length > 0)).toBe(false);
    }
    expect([memory.readU32(SIZE - 4), memory.readU32(VGA_HOLE_START - 4)]).toEqual([0, 0]);
    expect(dropped).toEqual([]);
  });

  test('drops the code of every page that it changes, and of no other', () => {
    const { memory, dropped } = rig();
    const took = (): number[] => dropped.splice(0);
    memory.write(2 * PAGE_SIZE - 1, new Uint8Array(2));
    expect(took()).toEqual([1, 2]);
    memory.fill(3 * PAGE_SIZE, PAGE_SIZE, 1);
    expect(took()).toEqual([3]);
    memory.writeU16(5 * PAGE_SIZE - 1, 1);
    expect(took()).toEqual([4, 5]);
    memory.forEachPiece(6 * PAGE_SIZE, 2 * PAGE_SIZE, 'write', () => true);
    expect(took()).toEqual([6, 7]);
    memory.forEachPiece(6 * PAGE_SIZE, 2 * PAGE_SIZE, 'read', () => true);
    memory.read(0, new Uint8Array(PAGE_SIZE));
    expect(took()).toEqual([]);
  });

  test('pieces cover the range in order, and end when the user says so', () => {
    const { memory } = rig();
    memory.fill(0x1000, 0x3000, 7);
    let seen = 0;
    expect(
      memory.forEachPiece(0x1800, 0x2000, 'read', (bytes) => {
        expect(bytes.every((byte) => byte === 7)).toBe(true);
        seen += bytes.length;
        return true;
      }),
    ).toBe(true);
    expect(seen).toBe(0x2000);
    expect(memory.forEachPiece(0x1800, 0x2000, 'read', () => false)).toBe(false);
    expect(memory.forEachPiece(0x1800, 0, 'write', () => false)).toBe(true);
  });
});
