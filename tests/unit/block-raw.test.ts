import { describe, expect, it } from 'vitest';
import { formatOfStart, openFormat, probedRawWarning, probeFormat } from '../../src/emu/block/formats.ts';
import { MemoryBackend, SparseBytes } from '../../src/emu/block/memory-store.ts';
import { RawFormat } from '../../src/emu/block/raw.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('raw format', () => {
  // Each expectation was observed with QEMU 7.2.22: qemu-io in the monitor on files of 3 and 1000 bytes.
  it('rounds the size up to sectors and reads zeros there', async () => {
    const file = new MemoryBackend(3);
    await file.write(0, text('abc'));
    const disk = new RawFormat(file);
    expect(disk.sizeBytes).toBe(512);
    const sector = new Uint8Array(512).fill(9);
    expect(disk.readSync(0, sector)).toBe(false);
    await disk.read(0, sector);
    expect([...sector.subarray(0, 4)]).toEqual([97, 98, 99, 0]);
    expect(sector.subarray(3).every((byte) => byte === 0)).toBe(true);
    expect(disk.readSync(0, new Uint8Array(3))).toBe(true);
  });

  it('makes the file longer by a write into the last sector, not by one beyond', async () => {
    const file = new MemoryBackend(1000);
    const disk = new RawFormat(file);
    await disk.write(512, new Uint8Array(512).fill(0x55));
    expect(file.sizeBytes).toBe(1024);
    await expect(disk.read(1024, new Uint8Array(512))).rejects.toMatchObject({ code: 'EIO' });
    await expect(disk.write(1024, new Uint8Array(1))).rejects.toMatchObject({ code: 'EIO' });
    const frozen = new RawFormat(new MemoryBackend(1000, { readOnly: true }));
    await expect(frozen.write(512, new Uint8Array(512))).rejects.toMatchObject({ code: 'EROFS' });
  });

  it('refuses to make a guessed raw image look like another format', async () => {
    const { format, disk } = await openFormat(new MemoryBackend(4096), undefined);
    expect(format).toBe('raw');
    const qcow2 = Uint8Array.of(0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3);
    await expect(disk.write(0, qcow2)).rejects.toMatchObject({
      code: 'EPERM',
      message: 'Operation not permitted',
    });
    await disk.write(1, qcow2.subarray(1));
    await expect(disk.write(0, qcow2.subarray(0, 1))).rejects.toMatchObject({ code: 'EPERM' });
    expect(disk.writeSync(0, text('x'))).toBe(false);
    expect(disk.writeSync(512, qcow2)).toBe(true);
    const said = await openFormat(new MemoryBackend(4096), 'raw');
    await said.disk.write(0, qcow2);
    expect(await probeFormat(said.disk)).toBe('qcow2');
  });

  it('says in QEMU’s words what it does not know', async () => {
    await expect(openFormat(new MemoryBackend(512), 'nonsense')).rejects.toMatchObject({
      message: "Unknown driver 'nonsense'",
    });
    expect(probedRawWarning('/tmp/a')).toContain("not specified for '/tmp/a' and probing guessed raw.\n");
    expect(formatOfStart(text('vhdxfile'))).toBe('vhdx');
    expect(formatOfStart(new Uint8Array(0))).toBe('raw');
  });
});

describe('memory back end', () => {
  it('takes no room for zeros', async () => {
    const bytes = new SparseBytes(2 ** 43);
    const disk = new MemoryBackend(bytes);
    await disk.write(2 ** 42, new Uint8Array(1_000_000));
    expect(bytes.storedBytes).toBe(0);
    await disk.write(2 ** 42 + 1, text('far'));
    expect(bytes.storedBytes).toBe(65536);
    await disk.discard(2 ** 42, 65536);
    expect(bytes.storedBytes).toBe(0);
  });

  it('keeps every byte in its place', async () => {
    const size = 300_001;
    const disk = new MemoryBackend(size);
    const model = new Uint8Array(size);
    let seed = 7;
    const next = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    for (let i = 0; i < 400; i++) {
      const offset = next(size);
      const length = next(Math.min(200_000, size - offset) + 1);
      if (i % 4 === 3) {
        await disk.writeZeroes(offset, length);
        model.fill(0, offset, offset + length);
      } else {
        const bytes = new Uint8Array(length).map((_, j) => (i + j) & 255);
        if (i % 2 === 0) expect(disk.writeSync(offset, bytes)).toBe(true);
        else await disk.write(offset, bytes);
        model.set(bytes, offset);
      }
    }
    await disk.resize(size - 1000);
    await disk.resize(size);
    model.fill(0, size - 1000);
    const found = new Uint8Array(size);
    await disk.read(0, found);
    expect(Buffer.compare(found, model)).toBe(0);
    await disk.close();
    await expect(disk.read(0, found)).rejects.toMatchObject({ code: 'EIO' });
    expect(disk.readSync(0, found)).toBe(false);
  });
});
