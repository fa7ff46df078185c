/** Lists of whole numbers as text: `3`, or `0-3` for all from the first to the last. */
import { readCInteger, UINT64_END } from '../core/c-integer.ts';

/** QEMU: a range has no more numbers than this. */
const RANGE_MAX = 65_536n;

/** One number, or the numbers of one range; undefined: it is neither. */
export function readNumberRange(text: string): readonly bigint[] | undefined {
  const [first = '', last = first, ...more] = text.split('-');
  const [low, high] = [readCInteger(first), readCInteger(last)];
  if (low === undefined || high === undefined || more.length > 0) return undefined;
  if (high < low || high >= UINT64_END || high - low >= RANGE_MAX) return undefined;
  return Array.from({ length: Number(high - low) + 1 }, (_, at) => low + BigInt(at));
}

/** Numbers and ranges with commas between them; undefined: they are none. */
export function readNumberRanges(text: string): readonly bigint[] | undefined {
  const ranges = text.split(',').map(readNumberRange);
  return ranges.includes(undefined) ? undefined : ranges.flatMap((range) => range ?? []);
}

/** Ascending numbers with what follows each other as a range: `0-1,4`. */
export function numberRangesText(numbers: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range !== undefined && range.last + 1 === number) range.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}
