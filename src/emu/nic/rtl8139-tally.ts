/** What the RTL8139C+ counts, and dumps into memory. Spec: RTL8139C+ datasheet 1.6 §6.3. */
import { integer, record } from '../core/state-fields.ts';

export const TALLY_BYTES = 64;
const MAX = Number.MAX_SAFE_INTEGER;

/** In the order of the dump, with the bytes of each. */
const COUNTERS = [
  ['txOk', 8],
  ['rxOk', 8],
  ['txErrors', 8],
  ['rxErrors', 4],
  ['missed', 2],
  ['alignmentErrors', 2],
  ['singleCollisions', 4],
  ['multipleCollisions', 4],
  ['rxPhysical', 8],
  ['rxBroadcast', 8],
  ['rxMulticast', 4],
  ['txAborted', 2],
  ['txUnderruns', 2],
] as const;

export type TallyName = (typeof COUNTERS)[number][0];
export type Tally = { [K in TallyName]: number };

export function emptyTally(): Tally {
  return Object.fromEntries(COUNTERS.map(([name]) => [name, 0])) as Tally;
}

const COUNTER = integer(0, MAX);
export const TALLY_STATE = record<Tally>(
  Object.fromEntries(COUNTERS.map(([name]) => [name, COUNTER])) as { [K in TallyName]: typeof COUNTER },
);

/** A counter keeps the bits that it has. */
export function tallied(tally: Tally, name: TallyName): void {
  const bytes = COUNTERS.find(([counter]) => counter === name)?.[1] ?? 8;
  tally[name] = tally[name] >= Math.min(2 ** (8 * bytes) - 1, MAX) ? 0 : tally[name] + 1;
}

export function tallyBytes(tally: Tally): Uint8Array {
  const bytes = new Uint8Array(TALLY_BYTES);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [name, size] of COUNTERS) {
    const value = tally[name];
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value % 2 ** 32, true);
    if (size === 8) view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
    at += size;
  }
  return bytes;
}
