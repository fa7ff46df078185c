/** `-dfilter`: which addresses of code the log is about. */
import { readCInteger, UINT64_END } from './c-integer.ts';
import { MonitorError } from './monitor-error.ts';

/** Both ends belong to it. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** In the order in which QEMU looks for them: any minus counts before a plus, wherever it stands. */
const OPERATORS = ['-', '+', '..'] as const;

type Operator = (typeof OPERATORS)[number];

function numberBeside(operator: Operator, side: 'left' | 'right', text: string): bigint {
  const value = readCInteger(text);
  if (value === undefined || value < 0n || value >= UINT64_END) {
    throw new MonitorError(`Invalid number to the ${side} of ${operator}`);
  }
  return value;
}

/** QEMU: sums are those of 64 bits, so that a range of no bytes that ends or begins at 0 is the whole address space. */
function rangeOf(operator: Operator, left: bigint, right: bigint): AddressRange {
  const wrapped = (value: bigint): bigint => BigInt.asUintN(64, value);
  if (operator === '..') return { first: left, last: right };
  return operator === '+'
    ? { first: left, last: wrapped(left + right - 1n) }
    : { first: wrapped(left - (right - 1n)), last: left };
}

function readRange(text: string): AddressRange {
  const operator = OPERATORS.find((sign) => text.includes(sign));
  if (operator === undefined) throw new MonitorError('Bad range specifier');
  const at = text.indexOf(operator);
  const left = numberBeside(operator, 'left', text.slice(0, at));
  const right = numberBeside(operator, 'right', text.slice(at + operator.length));
  const range = rangeOf(operator, left, right);
  if (range.first > range.last) throw new MonitorError('Invalid range');
  return range;
}

/** Ranges with commas between them: `0x1000+0x10` (start and length), `0x1010-0x10` (end and length), `0x1000..0x100f`. Throws QEMU's MonitorError. */
export function readAddressRanges(text: string): readonly AddressRange[] {
  return text === '' ? [] : text.split(',').map(readRange);
}

/** Without ranges every address counts. */
export function isInRanges(ranges: readonly AddressRange[], address: bigint): boolean {
  return ranges.length === 0 || ranges.some(({ first, last }) => first <= address && address <= last);
}
