/** Only this level sees what a table of fields lets through, and what it says of the rest. */
import { describe, expect, it } from 'vitest';
import {
  BOOLEAN,
  BYTE,
  bigUnsigned,
  bytes,
  DEADLINE_NS,
  DWORD,
  finite,
  INT32,
  integer,
  list,
  mask,
  oneOf,
  record,
  type StateKind,
  text,
  tuple,
  typedArray,
  where,
} from '../../src/emu/core/state-fields.ts';

interface Timer {
  readonly config: number;
  readonly deadlineNs: number | null;
}
interface Chip {
  readonly on: boolean;
  readonly timers: readonly Timer[];
}

const CHIP = record<Chip>({
  on: BOOLEAN,
  timers: list(record<Timer>({ config: mask(0x7f), deadlineNs: DEADLINE_NS }), 2),
});
const TIMER: Timer = { config: 1, deadlineNs: null };
const GOOD = { on: true, timers: [TIMER, { config: 0x7f, deadlineNs: 2 ** 53 - 1 }] };

describe('kinds', () => {
  it.each<[string, StateKind<unknown>, readonly unknown[], readonly unknown[]]>([
    ['integer', integer(-1, 5), [-1, 0, 5], [-2, 6, 0.5, -0, Number.NaN, '1', null, undefined, 1n, true]],
    ['byte', BYTE, [0, 255], [256, -1]],
    ['dword', DWORD, [0, 2 ** 32 - 1], [-1, 2 ** 32, Number.POSITIVE_INFINITY]],
    ['int32', INT32, [-(2 ** 31), 2 ** 31 - 1], [2 ** 31, 2 ** 53]],
    ['mask', mask(0x14), [0, 4, 0x14], [1, 0x15, -0, 0.5, 2 ** 32 + 4, Number.NaN, '4']],
    ['deadline', DEADLINE_NS, [null, 0, 2 ** 53 - 1], [undefined, -1, 2 ** 53, 0.5]],
    ['finite', finite(0, 9), [0, 0.5, 9], [Number.NaN, 9.5, -1, '1', 1n]],
    ['bigint', bigUnsigned(64), [0n, 2n ** 64n - 1n], [2n ** 64n, -1n, 1]],
    ['boolean', BOOLEAN, [true, false], [0, 1, null, undefined]],
    ['text', text(3), ['', 'abc'], ['abcd', 1, null]],
    ['one of', oneOf(0, 3), [0, 3], [1, -0, '0', null]],
    [
      'bytes',
      bytes(2),
      [new Uint8Array(2)],
      [new Uint8Array(3), new Int8Array(2), [0, 0], new DataView(new ArrayBuffer(2))],
    ],
    ['words', typedArray(Uint32Array, 1), [new Uint32Array(1)], [new Int32Array(1), new Uint32Array(0)]],
    [
      'list',
      list(BYTE, { min: 1, max: 2 }),
      [[1], [1, 2]],
      [[], [1, 2, 3], [256], new Array(1), { length: 1, 0: 1 }],
    ],
    ['tuple', tuple(BYTE, BOOLEAN), [[1, true]], [[1], [true, 1], [1, true, 1]]],
    ['rule', where(BYTE, (value) => (value % 2 === 0 ? undefined : 'is odd')), [2], [1, 256]],
    [
      'record',
      CHIP,
      [GOOD],
      [{}, [], null, 7, { ...GOOD, more: 1 }, { on: true }, new Map(Object.entries(GOOD))],
    ],
  ])('%s', (_, kind, good, bad) => {
    for (const value of good) expect(kind.misfit(value), String(value)).toBeUndefined();
    for (const value of bad) expect(kind.misfit(value), String(value)).toBeDefined();
  });

  it('does not take what a state only inherits', () => {
    expect(CHIP.misfit(Object.create(GOOD))).toEqual({ field: 'on', text: 'is missing' });
  });
});

it('a table that lacks a field of its state, or has another, does not compile', () => {
  // @ts-expect-error: `deadlineNs` has no kind.
  expect(record<Timer>({ config: BYTE }).misfit({ config: 1 })).toBeUndefined();
  // @ts-expect-error: `more` is no field.
  expect(record<Timer>({ config: BYTE, deadlineNs: DEADLINE_NS, more: BYTE }).misfit(TIMER)).toBeDefined();
  // @ts-expect-error: `config` is a number.
  expect(record<Timer>({ config: BOOLEAN, deadlineNs: DEADLINE_NS }).misfit(TIMER)).toBeDefined();
});

describe('what is wrong', () => {
  const at = (change: object): object | undefined =>
    CHIP.misfit({ ...GOOD, timers: [TIMER, { ...TIMER, ...change }] });

  it('is said with the way to the field, and never at length', () => {
    expect(at({ config: 128 })).toEqual({
      field: 'timers[1].config',
      text: 'is 128, not a number with no bits but 0x7f',
    });
    expect(at({ deadlineNs: -1 })).toEqual({
      field: 'timers[1].deadlineNs',
      text: 'is -1, not an integer from 0 to 9007199254740991',
    });
    expect(at({ config: 'x'.repeat(100_000) })).toEqual({
      field: 'timers[1].config',
      text: `is "${'x'.repeat(40)}…", not a number with no bits but 0x7f`,
    });
    expect(at({ ['y'.repeat(100_000)]: 1 })).toEqual({
      field: `timers[1].${'y'.repeat(40)}…`,
      text: 'is not known',
    });
    expect(CHIP.misfit({ ...GOOD, timers: new Array(9) })).toEqual({
      field: 'timers',
      text: 'is a list of 9, not a list of 2',
    });
  });
});
