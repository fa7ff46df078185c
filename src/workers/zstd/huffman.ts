/** Huffman-coded literals. Spec: RFC 8878 §4.2. */
import { BackwardBits } from './bits.ts';
import { FSE_BASELINE_SHIFT, FSE_BITS, FSE_BITS_SHIFT, FSE_SYMBOL, readTable } from './fse.ts';
import { ensure, ZstdError } from './zstd-error.ts';

const MAX_BITS = 11;
const WEIGHT_MAX_LOG = 6;
const MAX_SYMBOL = 255;

/** Entry n: the symbol in bits 0–7 and the length of its code above, when n are the next `log` bits. */
export interface HuffmanTable {
  readonly log: number;
  readonly entries: Uint16Array;
}

/** Reads the description of a table: the table, and its length in bytes. */
export function readHuffman(bytes: Uint8Array): { table: HuffmanTable; length: number } {
  const header = bytes[0];
  ensure(header !== undefined);
  if (header < 128) {
    const length = 1 + header;
    ensure(length <= bytes.length);
    return { table: build(compressedWeights(bytes.subarray(1, length))), length };
  }
  const count = header - 127;
  const length = 1 + ((count + 1) >> 1);
  ensure(length <= bytes.length);
  const weights = Array.from({ length: count }, (_, at) => {
    const pair = bytes[1 + (at >> 1)] ?? 0;
    return (at & 1) === 0 ? pair >> 4 : pair & 15;
  });
  return { table: build(weights), length };
}

/** Two states take turns. */
function compressedWeights(bytes: Uint8Array): number[] {
  const { table, length } = readTable(bytes, WEIGHT_MAX_LOG, MAX_BITS + 1);
  const input = new BackwardBits(bytes.subarray(length));
  const weights: number[] = [];
  let state = input.read(table.log);
  let other = input.read(table.log);
  while (weights.length < MAX_SYMBOL) {
    const entry = table.entries[state] ?? 0;
    weights.push(entry & FSE_SYMBOL);
    const bits = (entry >>> FSE_BITS_SHIFT) & FSE_BITS;
    const following = (entry >>> FSE_BASELINE_SHIFT) + input.read(bits);
    if (input.left < 0) {
      weights.push((table.entries[other] ?? 0) & FSE_SYMBOL);
      return weights;
    }
    state = other;
    other = following;
  }
  throw new ZstdError();
}

/** The last symbol's weight is not said: it makes the sum a power of two. */
function build(weights: number[]): HuffmanTable {
  const sum = weights.reduce((total, weight) => total + (weight > 0 ? 1 << (weight - 1) : 0), 0);
  ensure(sum > 0);
  const log = 32 - Math.clz32(sum);
  const rest = (1 << log) - sum;
  ensure(log <= MAX_BITS && (rest & (rest - 1)) === 0);
  const all = [...weights, 32 - Math.clz32(rest)];
  const entries = new Uint16Array(1 << log);
  let at = 0;
  for (let weight = 1; weight <= log; weight++) {
    for (const [symbol, own] of all.entries()) {
      if (own !== weight) continue;
      const next = at + (1 << (weight - 1));
      entries.fill(symbol | ((log + 1 - weight) << 8), at, next);
      at = next;
    }
  }
  ensure(at === entries.length);
  return { log, entries };
}

/** Fills `target` from one stream, which must be used up by that. */
export function decodeStream({ log, entries }: HuffmanTable, bytes: Uint8Array, target: Uint8Array): void {
  const last = bytes.at(-1) ?? 0;
  ensure(last !== 0);
  const mask = entries.length - 1;
  let left = bytes.length * 8 - 1 - Math.clz32(last) + 24;
  let at = 0;
  // Where at least three whole bytes are left, no index is negative.
  for (; at < target.length && left >= 24; at++) {
    const from = left - log;
    const byte = from >>> 3;
    const word =
      (bytes[byte] as number) | ((bytes[byte + 1] as number) << 8) | ((bytes[byte + 2] as number) << 16);
    const entry = entries[(word >>> (from & 7)) & mask] as number;
    target[at] = entry;
    left -= entry >>> 8;
  }
  const low = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16);
  for (; at < target.length; at++) {
    ensure(left >= 0);
    const from = left - log;
    const entry = entries[(from >= 0 ? low >>> from : low << -from) & mask] ?? 0;
    target[at] = entry;
    left -= entry >>> 8;
  }
  ensure(left === 0);
}
