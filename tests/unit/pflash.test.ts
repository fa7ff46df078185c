/** The flash of the board: QEMU's answers are those of `scripts/record-chipset.ts`. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/emu/block/block-backend.ts';
import { QUIET, TraceLog } from '../../src/emu/core/trace.ts';
import { FlashImage } from '../../src/emu/flash/flash-image.ts';
import { PflashCfi01 } from '../../src/emu/flash/pflash-cfi01.ts';
import { FLASH_BYTES, flashContents, flashSession } from '../golden/chipset/flash-session.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';

function rig({ readOnly = false, trace = QUIET } = {}) {
  const bytes = flashContents();
  const stored: (readonly [offset: number, length: number])[] = [];
  const shown: boolean[] = [];
  const chip = new PflashCfi01(
    {
      ...{ sizeBytes: FLASH_BYTES, readOnly },
      read: (offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
      write: (offset, source) => bytes.set(source, offset),
      store: (offset, length) => stored.push([offset, length]),
      show: (isShown) => shown.push(isShown),
    },
    trace,
  );
  const write = (offset: number, ...values: readonly number[]): void => {
    for (const value of values) chip.write(offset, 1, value);
  };
  return { chip, bytes, stored, shown, write };
}

deviceContract(
  'cfi.pflash01',
  () => {
    const { chip, write } = rig();
    return Object.assign(chip, { writes: write });
  },
  (chip) => {
    chip.writes(0x100, 0x50);
    chip.writes(0x280, 0xe8, 3, 0x55);
    // Of another piece: an error.
    chip.writes(0x580, 0);
  },
  (chip) => [chip.read(0x280, 4), chip.save()],
);

describe('cfi.pflash01', () => {
  it.each([
    ['flash', false],
    ['flash-read-only', true],
  ])('answers and changes as QEMU: %s', (name, readOnly) => {
    const golden = readFileSync(new URL(`../golden/chipset/${name}.txt`, import.meta.url), 'utf8').split(
      '\n',
    );
    const { chip, bytes, stored } = rig({ readOnly });
    const image = flashContents();
    let at = 0;
    for (const [step, { offset, size, value }] of flashSession().entries()) {
      if (value !== undefined) chip.write(offset, size, value);
      else expect(chip.read(offset, size).toString(16), `step ${step}`).toBe(golden[at++]);
      for (const [from, length] of stored.splice(0)) image.set(bytes.subarray(from, from + length), from);
    }
    for (const all of [bytes, image])
      expect(createHash('sha256').update(all).digest('hex')).toBe(golden[at++]);
  });

  it('is memory until a command comes, and again when the array is read', () => {
    const { chip, shown, write } = rig();
    write(0, 0x70, 0xff, 0x98, 0x70, 0xff);
    expect(shown).toEqual([false, true, false, false, true]);
    write(0, 0x90);
    chip.reset();
    expect(shown.at(-1)).toBe(true);
    write(0, 0xe8);
    const saved = chip.save();
    const other = rig();
    other.chip.restore(saved);
    expect(other.shown).toEqual([false]);
  });

  it('says of a sequence that it does not know where and what it was', () => {
    const lines: string[] = [];
    const trace = new TraceLog((line) => lines.push(line));
    trace.log.setItems({ items: new Set(['unimp']), isByThread: false, patterns: [] });
    const { write } = rig({ trace });
    write(0x2000, 0x28);
    write(0, 0x20, 0x33);
    expect(lines).toEqual([
      'pflash_write: Unimplemented flash cmd sequence (offset 0000000000002000, wcycle 0x0 cmd 0x0 value 0x28)',
      'pflash_write: Unimplemented flash cmd sequence (offset 0000000000000000, wcycle 0x1 cmd 0x20 value 0x33)',
    ]);
  });

  it('survives a hostile guest', () => {
    const { chip } = rig();
    fuzz(chip, FLASH_BYTES, chip);
  });
});

describe('the image of a chip', () => {
  const rigged = (write: (offset: number, source: Uint8Array) => Promise<void>) => {
    const bytes = new Uint8Array(0x4000);
    const errors: BlockError[] = [];
    const image = new FlashImage({
      ...{ sizeBytes: bytes.length, backend: { write } },
      read: (offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
      onError: (error) => errors.push(error),
    });
    return { bytes, errors, image };
  };

  it('is written in whole sectors, one request at a time, and once for all changes that came meanwhile', async () => {
    const written: (readonly [number, number])[] = [];
    const done: (() => void)[] = [];
    const { bytes, image } = rigged(async (offset, source) => {
      written.push([offset, source[source.length - 1] ?? 0]);
      await new Promise<void>((resolve) => done.push(resolve));
    });
    expect(image.drained()).toBeUndefined();
    image.store(0x210, 1);
    for (let n = 1; n <= 1000; n++) {
      bytes[0x13ff] = n % 251;
      image.store(0x13ff, 1);
    }
    expect([done.length, written]).toEqual([1, [[0x200, 0]]]);
    done.shift()?.();
    await expect
      .poll(() => written)
      .toEqual([
        [0x200, 0],
        [0x1200, 1000 % 251],
      ]);
    done.shift()?.();
    await image.drained();
    expect([written.length, image.drained()]).toEqual([2, undefined]);
  });

  it('goes on after a request that failed', async () => {
    const written: number[] = [];
    const { errors, image } = rigged(async (offset) => {
      if (offset === 0) throw new BlockError('ENOSPC');
      written.push(offset);
    });
    image.store(0, 1);
    image.store(0x3fff, 1);
    await image.drained();
    expect([errors.map(({ code }) => code), written]).toEqual([['ENOSPC'], [0x3e00]]);
  });
});
