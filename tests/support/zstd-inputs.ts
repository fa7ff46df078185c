/** Data of several kinds, made anew each time, of which `scripts/record-zstd.ts` keeps packed copies. */
import { seededRandom } from './chip-rig.ts';

/** Frames differ by level: each uses other kinds of blocks and tables. */
export const ZSTD_LEVELS = [1, 5, 19];

function words(count: number, kinds: number): Uint8Array {
  const random = seededRandom(0x7a57d);
  const all = Array.from({ length: kinds }, () =>
    Array.from({ length: 2 + random(9) }, () => String.fromCharCode(97 + random(1 + random(26)))).join(''),
  );
  return Buffer.from(Array.from({ length: count }, () => all[random(1 + random(kinds))]).join(' '));
}

/** Records of numbers that grow, as tables of a program are. */
function table(rows: number): Uint8Array {
  const random = seededRandom(0x7ab1e);
  const view = new DataView(new ArrayBuffer(16 * rows));
  for (let row = 0, value = 0; row < rows; row++) {
    value += random(1 << random(12));
    view.setUint32(16 * row, value, true);
    view.setUint32(16 * row + 4, 0xffff_8880, true);
    view.setUint16(16 * row + 8, random(7) * 64, true);
  }
  return new Uint8Array(view.buffer);
}

function noise(length: number): Uint8Array {
  const random = seededRandom(0xbad5eed);
  return Uint8Array.from({ length }, () => random(256));
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

export const ZSTD_INPUTS: Readonly<Record<string, () => Uint8Array>> = {
  empty: () => new Uint8Array(0),
  short: () => Buffer.from('a few bytes'),
  zeros: () => new Uint8Array(300_000),
  noise: () => noise(3000),
  words: () => words(6000, 300),
  table: () => table(2000),
  // Longer than the window of low levels, with matches from far away.
  mixed: () =>
    join(words(3000, 900), noise(1500), new Uint8Array(900_000), table(1500), noise(1500), words(4000, 40)),
};
