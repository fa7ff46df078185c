/** A part of a file as a disk: nothing outside of it is read or written. */
import { describe, expect, it } from 'vitest';
import { MemoryBackend } from '../../src/emu/block/memory-store.ts';
import { rawDisk } from '../../src/emu/block/raw-part.ts';

const KIB = 1024;

function partOf(options: Parameters<typeof rawDisk>[1]) {
  const file = new MemoryBackend(64 * KIB);
  return { file, part: rawDisk(file, options) };
}

describe('a part of a file', () => {
  it('is written at its place, with and without a promise', async () => {
    const { file, part } = partOf({ offset: 4 * KIB, size: 8 * KIB });
    expect(part.sizeBytes).toBe(8 * KIB);
    expect(part.writeSync(0, new Uint8Array(512).fill(1))).toBe(true);
    await part.write(7 * KIB, new Uint8Array(KIB).fill(2));
    const all = new Uint8Array(64 * KIB);
    await file.read(0, all);
    const found = [...all.entries()].filter(([, byte]) => byte !== 0).map(([at]) => at);
    expect([found[0], found[511], found[512], found.at(-1)]).toEqual([4096, 4607, 11264, 12287]);
    const read = new Uint8Array(KIB);
    expect(part.readSync(7 * KIB, read)).toBe(true);
    expect(read).toEqual(new Uint8Array(KIB).fill(2));
    await part.writeZeroes(0, 8 * KIB);
    await file.read(0, all);
    expect(all).toEqual(new Uint8Array(64 * KIB));
  });

  it('has nothing beside it', async () => {
    const { part } = partOf({ offset: 4 * KIB, size: 8 * KIB });
    const bytes = new Uint8Array(KIB);
    for (const at of [-512, 8 * KIB - 512, 8 * KIB]) {
      expect([part.readSync(at, bytes), part.writeSync(at, bytes)]).toEqual([false, false]);
      await expect(part.read(at, bytes)).rejects.toMatchObject({ code: 'EIO' });
      await expect(part.write(at, bytes)).rejects.toMatchObject({ code: 'EIO' });
      await expect(part.discard(at, KIB)).rejects.toMatchObject({ code: 'EIO' });
    }
  });

  it('grows with its file, unless its size was said', async () => {
    const { file, part } = partOf({ offset: 4 * KIB });
    expect(part.sizeBytes).toBe(60 * KIB);
    await part.resize(16 * KIB);
    expect(file.sizeBytes).toBe(20 * KIB);
    await file.resize(0);
    expect(part.sizeBytes).toBe(0);
    await expect(partOf({ size: KIB }).part.resize(KIB)).rejects.toThrow(
      'Cannot resize fixed-size raw disks',
    );
  });
});
