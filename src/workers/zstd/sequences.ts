/** Sequences: how literals and earlier bytes are put together. Spec: RFC 8878 §3.1.1.3.2. */
import { BackwardBits } from './bits.ts';
import {
  buildTable,
  FSE_BASELINE_SHIFT,
  FSE_BITS,
  FSE_BITS_SHIFT,
  FSE_SYMBOL,
  type FseTable,
  readTable,
  singleTable,
} from './fse.ts';
import { ensure } from './zstd-error.ts';

interface Code {
  readonly maxLog: number;
  readonly maxSymbol: number;
  readonly predefined: FseTable;
}

/** Values by code: where they start, and how many more bits say which. */
interface Values {
  readonly base: Int32Array;
  readonly bits: Uint8Array;
}

function values(first: number, plain: number, bits: readonly number[]): Values {
  const all = [...new Array<number>(plain).fill(0), ...bits];
  const base = new Int32Array(all.length);
  let next = first;
  for (const [code, count] of all.entries()) {
    base[code] = next;
    next += 1 << count;
  }
  return { base, bits: Uint8Array.from(all) };
}

const LITERAL_LENGTHS = values(0, 16, [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
const MATCH_LENGTHS = values(3, 32, [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);

const ones = (count: number): number[] => new Array<number>(count).fill(1);
const rare = (count: number): number[] => new Array<number>(count).fill(-1);
const twos = (count: number): number[] => new Array<number>(count).fill(2);

const LITERAL_LENGTH: Code = {
  maxLog: 9,
  maxSymbol: 35,
  predefined: buildTable([4, 3, ...twos(11), 1, 1, 1, ...twos(9), 3, 2, ...ones(5), ...rare(4)], 6),
};
const OFFSET: Code = {
  maxLog: 8,
  maxSymbol: 31,
  predefined: buildTable([...ones(6), 2, 2, 2, ...ones(15), ...rare(5)], 5),
};
const MATCH_LENGTH: Code = {
  maxLog: 9,
  maxSymbol: 52,
  predefined: buildTable([1, 4, 3, ...twos(6), ...ones(37), ...rare(7)], 6),
};

const MODE_PREDEFINED = 0;
const MODE_SINGLE = 1;
const MODE_TABLE = 2;

/** What one block leaves to the next. */
export interface SequenceMemory {
  literalLength: FseTable | undefined;
  offset: FseTable | undefined;
  matchLength: FseTable | undefined;
  /** The last three offsets, newest first. */
  readonly recent: [number, number, number];
}

export function newSequenceMemory(): SequenceMemory {
  return { literalLength: undefined, offset: undefined, matchLength: undefined, recent: [1, 4, 8] };
}

/** Writes the block's bytes to `window` from `start` on, where all before is older data; gives the end. */
export function runSequences(
  bytes: Uint8Array,
  literals: Uint8Array,
  memory: SequenceMemory,
  window: Uint8Array,
  start: number,
): number {
  let at = 1;
  let count = bytes[0] ?? 0;
  ensure(bytes.length > 0);
  if (count === 255) {
    count = (bytes[1] ?? 0) + ((bytes[2] ?? 0) << 8) + 0x7f00;
    at = 3;
  } else if (count > 127) {
    count = ((count - 128) << 8) + (bytes[1] ?? 0);
    at = 2;
  }
  if (count === 0) {
    ensure(bytes.length === at);
    ensure(start + literals.length <= window.length);
    window.set(literals, start);
    return start + literals.length;
  }
  const modes = bytes[at++] ?? 0;
  ensure((modes & 3) === 0);
  const choose = (mode: number, code: Code, last: FseTable | undefined): FseTable => {
    if (mode === MODE_PREDEFINED) return code.predefined;
    if (mode === MODE_SINGLE) {
      const symbol = bytes[at++];
      ensure(symbol !== undefined && symbol <= code.maxSymbol);
      return singleTable(symbol);
    }
    if (mode === MODE_TABLE) {
      const { table, length } = readTable(bytes.subarray(at), code.maxLog, code.maxSymbol);
      at += length;
      return table;
    }
    ensure(last !== undefined);
    return last;
  };
  memory.literalLength = choose(modes >> 6, LITERAL_LENGTH, memory.literalLength);
  memory.offset = choose((modes >> 4) & 3, OFFSET, memory.offset);
  memory.matchLength = choose((modes >> 2) & 3, MATCH_LENGTH, memory.matchLength);
  return execute(bytes.subarray(at), count, literals, memory, window, start);
}

function execute(
  bytes: Uint8Array,
  count: number,
  literals: Uint8Array,
  memory: SequenceMemory,
  window: Uint8Array,
  start: number,
): number {
  const { literalLength: ll, offset: of, matchLength: ml, recent } = memory;
  ensure(ll !== undefined && of !== undefined && ml !== undefined);
  const input = new BackwardBits(bytes);
  let llState = input.read(ll.log);
  let ofState = input.read(of.log);
  let mlState = input.read(ml.log);
  let [first, second, third] = recent;
  let at = start;
  let literal = 0;
  for (let left = count; left > 0; left--) {
    const ofEntry = of.entries[ofState] as number;
    const mlEntry = ml.entries[mlState] as number;
    const llEntry = ll.entries[llState] as number;
    const ofBits = ofEntry & FSE_SYMBOL;
    const mlBits = MATCH_LENGTHS.bits[mlEntry & FSE_SYMBOL] as number;
    const llBits = LITERAL_LENGTHS.bits[llEntry & FSE_SYMBOL] as number;
    let value = 1 << ofBits;
    let length = MATCH_LENGTHS.base[mlEntry & FSE_SYMBOL] as number;
    let run = LITERAL_LENGTHS.base[llEntry & FSE_SYMBOL] as number;
    if (ofBits + mlBits + llBits <= 24) {
      const word = input.read(ofBits + mlBits + llBits);
      value += word >>> (mlBits + llBits);
      length += (word >>> llBits) & ((1 << mlBits) - 1);
      run += word & ((1 << llBits) - 1);
    } else {
      value += input.readLong(ofBits);
      length += input.read(mlBits);
      run += input.read(llBits);
    }
    let offset: number;
    if (value > 3) {
      offset = value - 3;
      third = second;
      second = first;
      first = offset;
    } else {
      // Without literals the newest offset makes no sense: each number means the one after it.
      const which = run === 0 ? value + 1 : value;
      offset = which === 1 ? first : which === 2 ? second : which === 3 ? third : first - 1;
      if (which > 2) third = second;
      if (which > 1) {
        second = first;
        first = offset;
      }
    }
    if (left > 1) {
      const llMore = (llEntry >>> FSE_BITS_SHIFT) & FSE_BITS;
      const mlMore = (mlEntry >>> FSE_BITS_SHIFT) & FSE_BITS;
      const ofMore = (ofEntry >>> FSE_BITS_SHIFT) & FSE_BITS;
      llState = (llEntry >>> FSE_BASELINE_SHIFT) + input.read(llMore);
      const word = input.read(mlMore + ofMore);
      mlState = (mlEntry >>> FSE_BASELINE_SHIFT) + (word >>> ofMore);
      ofState = (ofEntry >>> FSE_BASELINE_SHIFT) + (word & ((1 << ofMore) - 1));
    }
    const end = at + run + length;
    ensure(literal + run <= literals.length && end <= window.length);
    for (const stop = at + run; at < stop; ) window[at++] = literals[literal++] as number;
    ensure(offset > 0 && offset <= at);
    copyMatch(window, at, offset, end);
    at = end;
  }
  ensure(input.left === 0);
  memory.recent[0] = first;
  memory.recent[1] = second;
  memory.recent[2] = third;
  const rest = literals.subarray(literal);
  ensure(at + rest.length <= window.length);
  window.set(rest, at);
  return at + rest.length;
}

/** What is copied may have been written by the same copy. */
function copyMatch(window: Uint8Array, at: number, offset: number, end: number): void {
  const length = end - at;
  if (length > 48 && offset >= length) window.copyWithin(at, at - offset, at - offset + length);
  else for (let to = at; to < end; to++) window[to] = window[to - offset] as number;
}
