/** Only this level catches a snapshot that is read otherwise than it was written, or damage that is not seen. */

import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Plain } from '../../src/emu/core/plain.ts';
import { SnapshotError } from '../../src/emu/core/snapshot-error.ts';
import { crc32 } from '../../src/emu/snapshot/crc32.ts';
import { planPages } from '../../src/emu/snapshot/pages.ts';
import { decodePlain, encodePlain } from '../../src/emu/snapshot/plain-codec.ts';
import { SnapshotReader } from '../../src/emu/snapshot/snapshot-reader.ts';
import { writeSnapshot } from '../../src/emu/snapshot/snapshot-writer.ts';

const PAGE = 4096;
const PAGES = 200;

const typedArrays = fc.oneof(
  fc.uint8Array(),
  fc.uint16Array(),
  fc.uint32Array(),
  fc.int32Array(),
  fc.float64Array(),
);
const { plain } = fc.letrec<{ plain: Plain }>((tie) => ({
  plain: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, undefined, true, false, 0, -0, Number.NaN, Number.POSITIVE_INFINITY),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
    fc.string({ unit: 'grapheme' }),
    typedArrays,
    fc.array(tie('plain')),
    fc.dictionary(fc.string(), tie('plain'), { noNullPrototype: true }),
  ),
}));

/** Some pages random, some equal to those, some zero. */
const ram = fc.array(fc.nat(20), { minLength: PAGES, maxLength: PAGES }).map((kinds) => {
  const bytes = new Uint8Array(PAGES * PAGE);
  for (const [page, kind] of kinds.entries()) {
    if (kind > 12) continue;
    const value = kind < 3 ? page + 100 : kind;
    for (let at = 0; at < PAGE; at++) bytes[page * PAGE + at] = Math.imul(at + 1, value * 2654435761) >>> 24;
  }
  return bytes;
});

/** RAM in one piece. */
class FlatRam {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  pieces(): { at: number; bytes: Uint8Array }[] {
    return [{ at: 0, bytes: this.bytes }];
  }

  write(at: number, source: Uint8Array): boolean {
    this.bytes.set(source, at);
    return true;
  }

  read(at: number, target: Uint8Array): void {
    target.set(this.bytes.subarray(at, at + target.length));
  }
}

function read(
  bytes: Uint8Array,
  piece: number,
  size = PAGES * PAGE,
): { head: Plain; ram: Uint8Array; state: Plain } {
  const target = new FlatRam(new Uint8Array(size));
  let head: Plain;
  const reader = new SnapshotReader((given) => {
    head = given;
    return target;
  });
  for (let at = 0; at < bytes.length; at += piece) reader.push(bytes.slice(at, at + piece));
  return { state: reader.finish(), head, ram: target.bytes };
}

const CONTENTS = {
  head: { size: 1 },
  ram: new FlatRam(new Uint8Array(3 * PAGE).fill(7)),
  state: { cpu: [1, 2n, 'x'] },
};
const small = Buffer.concat([...writeSnapshot(CONTENTS)]);

describe('snapshot: checksums', () => {
  it('are those of zlib, in one piece or in two', () => {
    if (zlibCrc32 === undefined) return;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, at) => {
        const expected = zlibCrc32(bytes);
        expect(crc32(bytes)).toBe(expected);
        expect(crc32(bytes.subarray(at), crc32(bytes.subarray(0, at)))).toBe(expected);
      }),
    );
  });

  it('of the text that every table of checksums has', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });
});

describe('snapshot: plain data', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(decodePlain(encodePlain(value))).toEqual(value);
      }),
    );
  });

  it('has no number that takes long to read', () => {
    const digits = '9'.repeat(1_000_000);
    const bytes = Buffer.concat([
      encodePlain(7n).subarray(0, 1),
      Buffer.from(Uint32Array.of(digits.length).buffer),
      Buffer.from(digits),
    ]);
    const read = vi.spyOn(globalThis, 'BigInt');
    expect(() => decodePlain(bytes)).toThrow(SnapshotError);
    expect(read).not.toHaveBeenCalled();
    read.mockRestore();
  });

  it('of any damage is refused or is other data, in finite time', () => {
    fc.assert(
      fc.property(plain, fc.nat(), fc.nat(255), (value, where, byte) => {
        const bytes = encodePlain(value);
        bytes[where % bytes.length] = byte;
        try {
          decodePlain(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(SnapshotError);
        }
      }),
    );
  });
});

describe('snapshot: the whole', () => {
  it('comes back as it was, in pieces of any size', () => {
    fc.assert(
      fc.property(ram, plain, plain, fc.integer({ min: 1000, max: 300_000 }), (bytes, head, state, piece) => {
        const written = Buffer.concat([...writeSnapshot({ head, ram: new FlatRam(bytes), state })]);
        const back = read(written, piece);
        expect(back.head).toEqual(head);
        expect(back.state).toEqual(state);
        expect(Buffer.from(back.ram).equals(bytes)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('byte by byte', () => {
    expect(read(small, 1, 3 * PAGE).state).toEqual(CONTENTS.state);
  });

  it('has zero pages not at all and equal pages once', () => {
    const bytes = new Uint8Array(8 * PAGE);
    for (const page of [1, 2, 4]) bytes[page * PAGE] = 5;
    bytes[6 * PAGE] = 9;
    expect(planPages(new FlatRam(bytes))).toEqual({
      runs: [
        { first: 1, bytes: bytes.subarray(PAGE, 2 * PAGE) },
        { first: 6, bytes: bytes.subarray(6 * PAGE, 7 * PAGE) },
      ],
      same: Uint32Array.of(2, 1, 4, 1),
    });
  });

  it('with any bit flipped is refused', () => {
    fc.assert(
      fc.property(fc.nat(small.length - 1), fc.nat(7), (at, bit) => {
        const bytes = Uint8Array.from(small);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        expect(() => read(bytes, 5000, 3 * PAGE)).toThrow(SnapshotError);
      }),
      { numRuns: 300 },
    );
  });

  it('cut off anywhere is refused', () => {
    fc.assert(
      fc.property(fc.nat(small.length - 1), (length) => {
        expect(() => read(small.subarray(0, length), 5000, 3 * PAGE)).toThrow(SnapshotError);
      }),
    );
  });

  it.each([
    ['something else', new TextEncoder().encode('<!doctype html>'), 'This is no snapshot of a machine.'],
    [
      'another format',
      Uint8Array.from([...new TextEncoder().encode('HOTSLOT\n'), 9, 0, 0, 0]),
      'The snapshot has format 9, but this version reads format 8 only.',
    ],
    ['nothing', new Uint8Array(0), 'The snapshot is damaged: its end is missing.'],
    [
      'more than a snapshot',
      Uint8Array.from([...small, 0]),
      'The snapshot is damaged: something follows its end.',
    ],
  ])('%s is refused with a sentence', (_, bytes, sentence) => {
    expect(() => read(bytes, 1000, 3 * PAGE)).toThrow(new SnapshotError(sentence));
  });

  it('pages outside of the RAM are refused', () => {
    expect(() => read(small, 1000, 2 * PAGE)).toThrow(
      'The snapshot is damaged: a page lies outside of the RAM.',
    );
  });
});
