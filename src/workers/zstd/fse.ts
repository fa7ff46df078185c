/** Finite state entropy tables. Spec: RFC 8878 §4.1. */
import { ForwardBits } from './bits.ts';
import { ensure } from './zstd-error.ts';

/** Bits 0–7 of an entry: what its state stands for. The next state is the baseline and some more bits of input. */
export const FSE_SYMBOL = 0xff;
/** How many bits more. */
export const FSE_BITS_SHIFT = 8;
export const FSE_BITS = 0xff;
export const FSE_BASELINE_SHIFT = 16;

export interface FseTable {
  readonly log: number;
  /** By state. */
  readonly entries: Int32Array;
}

/** A table with one state. */
export function singleTable(symbol: number): FseTable {
  return { log: 0, entries: Int32Array.of(symbol) };
}

/** @param counts how often each symbol is found among 2^log; -1: less than once */
export function buildTable(counts: readonly number[], log: number): FseTable {
  const size = 1 << log;
  const entries = new Int32Array(size);
  const next = new Uint16Array(counts.length);
  let high = size;
  for (const [at, count] of counts.entries()) {
    if (count === -1) entries[--high] = at;
    next[at] = count === -1 ? 1 : count;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let position = 0;
  for (const [at, count] of counts.entries()) {
    for (let left = count; left > 0; left--) {
      entries[position] = at;
      do position = (position + step) & (size - 1);
      while (position >= high);
    }
  }
  ensure(position === 0);
  for (let state = 0; state < size; state++) {
    const symbol = entries[state] ?? 0;
    const value = next[symbol] ?? 0;
    ensure(value > 0);
    next[symbol] = value + 1;
    const bits = log - (31 - Math.clz32(value));
    const baseline = (value << bits) - size;
    entries[state] = symbol | (bits << FSE_BITS_SHIFT) | (baseline << FSE_BASELINE_SHIFT);
  }
  return { log, entries };
}

/** Reads the description of a table: the table, and its length in bytes. */
export function readTable(
  bytes: Uint8Array,
  maxLog: number,
  maxSymbol: number,
): { table: FseTable; length: number } {
  const input = new ForwardBits(bytes);
  const log = input.read(4) + 5;
  ensure(log <= maxLog);
  const counts: number[] = [];
  let remaining = 1 << log;
  while (remaining > 0) {
    ensure(counts.length <= maxSymbol);
    const count = readCount(input, remaining);
    remaining -= Math.abs(count);
    ensure(remaining >= 0);
    counts.push(count);
    if (count !== 0) continue;
    for (let repeat = 3; repeat === 3; ) {
      repeat = input.read(2);
      for (let zeros = repeat; zeros > 0; zeros--) counts.push(0);
      ensure(counts.length <= maxSymbol);
    }
  }
  return { table: buildTable(counts, log), length: input.bytesRead };
}

/** Small values have a bit less. */
function readCount(input: ForwardBits, remaining: number): number {
  const bits = 32 - Math.clz32(remaining + 1);
  const threshold = (1 << bits) - 2 - remaining;
  const low = input.peek(bits - 1);
  if (low < threshold) {
    input.read(bits - 1);
    return low - 1;
  }
  const value = input.read(bits);
  return (value >= 1 << (bits - 1) ? value - threshold : value) - 1;
}
