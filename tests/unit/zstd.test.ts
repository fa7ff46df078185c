import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ZstdError } from '../../src/workers/zstd/zstd-error.ts';
import { isZstd, ZstdStream } from '../../src/workers/zstd/zstd-stream.ts';
import { seededRandom } from '../support/chip-rig.ts';
import { ZSTD_INPUTS, ZSTD_LEVELS } from '../support/zstd-inputs.ts';

const recorded = (name: string, level: number): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, `../golden/zstd/${name}-${level}.zst`)));

function unpack(bytes: Uint8Array, pieceBytes = bytes.length): Uint8Array {
  const pieces: Uint8Array[] = [];
  const stream = new ZstdStream((piece) => pieces.push(piece.slice()));
  for (let at = 0; at < bytes.length; at += pieceBytes) stream.push(bytes.subarray(at, at + pieceBytes));
  stream.finish();
  return Buffer.concat(pieces);
}

const cases = Object.keys(ZSTD_INPUTS).flatMap((name) => ZSTD_LEVELS.map((level) => [name, level] as const));

describe('zstd', () => {
  it.each(cases)('unpacks %s, packed with level %i, in pieces of any size', (name, level) => {
    const packed = recorded(name, level);
    const expected = Buffer.from(ZSTD_INPUTS[name]?.() ?? []);
    expect(isZstd(packed)).toBe(true);
    for (const size of [packed.length, 1009, 7, 1]) {
      if (packed.length / size > 20_000) continue;
      expect(expected.equals(unpack(packed, size)), `${size}`).toBe(true);
    }
  });

  it('refuses what is cut off, goes on, or is something else', () => {
    const packed = recorded('words', 19);
    for (const length of [4, 20, 1000, packed.length - 1]) {
      expect(() => unpack(packed.subarray(0, length)), `${length}`).toThrow(ZstdError);
    }
    expect(() => unpack(Buffer.concat([packed, Uint8Array.of(0)]))).toThrow(ZstdError);
    expect(() => unpack(Buffer.from('a letter to somebody else'))).toThrow(ZstdError);
    expect(isZstd(Uint8Array.of(0x28, 0xb5))).toBe(false);
  });

  it('damaged anywhere, says so or gives other bytes, and never anything worse', () => {
    const random = seededRandom(0xda3a9e);
    for (let round = 0; round < 1500; round++) {
      const [name, level] = cases[random(cases.length)] ?? ['words', 1];
      const packed = recorded(name, level);
      for (let flips = 1 + random(4); flips > 0; flips--) {
        // Half of them in the first bytes, where the tables are.
        const at = random(random(2) === 0 ? Math.min(200, packed.length) : packed.length);
        packed[at] = random(256);
      }
      try {
        unpack(packed);
      } catch (error) {
        expect(error).toBeInstanceOf(ZstdError);
      }
    }
  });
});
