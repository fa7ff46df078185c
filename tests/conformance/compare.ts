/** Tells how an outcome differs from the recorded one. */
import { expected, type Outcome } from '../support/cpu-rig.ts';
import {
  APPROXIMATE_SINGLE,
  APPROXIMATE_X87,
  DATA_ADDRESS,
  DATA_SIZE,
  FLAGS_COMPARED,
  type FormInfo,
  MEMORY_SIZE,
  NO_FAULT,
  STACK_ADDRESS,
  type Vector,
  WORD_FLAGS,
  WORD_FSW,
  WORD_MXCSR,
  WORD_RIP,
  WORD_ST,
  WORD_XMM,
} from './vector-format.ts';

const GPR = 'rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');
const SINGLE_TOLERANCE = 2 ** -10;
const X87_TOLERANCE = 2 ** -50;
const BREAKPOINT = 3;
/**
 * QEMU: a non-canonical address is #GP(0) through SS too, and the error code of a software interrupt that is not allowed
 * in 64-bit mode is its number times 16, not 8.
 */
const QEMU_FAULTS = new Map([
  ['#12(0)', '#13(0)'],
  ...Array.from(
    { length: 256 },
    (_, n) => [`#13(${(8 * n + 2).toString(16)})`, `#13(${(16 * n + 2).toString(16)})`] as const,
  ),
]);

function hex(value: number, digits: number): string {
  return (value >>> 0).toString(16).padStart(digits, '0');
}

function wide(words: Uint32Array, at: number, count: number): string {
  let text = '';
  for (let i = count - 1; i >= 0; i--) text += hex(words[at + i], 8);
  return text;
}

function differs(a: Uint32Array, b: Uint32Array, at: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (a[at + i] !== b[at + i]) return true;
  return false;
}

const bits = new DataView(new ArrayBuffer(4));

function single(word: number): number {
  bits.setUint32(0, word);
  return bits.getFloat32(0);
}

function isNear(a: number, b: number, tolerance: number): boolean {
  return Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.abs(b);
}

function xmmNear(got: Uint32Array, want: Uint32Array, at: number): boolean {
  for (let i = 0; i < 4; i++) {
    if (!isNear(single(got[at + i]), single(want[at + i]), SINGLE_TOLERANCE)) return false;
  }
  return true;
}

/** Mantissas as numbers, for equal signs; exponents may differ by one at a power of two. */
function x87Near(got: Uint32Array, want: Uint32Array, at: number): boolean {
  if ((got[at + 2] ^ want[at + 2]) & 0x8000) return false;
  const exponent = want[at + 2] & 0x7fff;
  if (exponent === 0 || exponent === 0x7fff) return !differs(got, want, at, 3);
  const value = (words: Uint32Array): number =>
    (words[at + 1] + words[at] * 2 ** -32) * 2 ** ((words[at + 2] & 0x7fff) - exponent);
  return isNear(value(got), value(want), X87_TOLERANCE);
}

/** One line per register, flag or byte range that is wrong; empty: as recorded. */
export function compareOutcome(vector: Vector, form: FormInfo, outcome: Outcome): string[] {
  const lines: string[] = [];
  const wrong = (name: string, got: string, want: string): void => {
    lines.push(`${name} ${got}, recorded ${want}`);
  };
  const { words: want, memory: wantMemory } = expected(vector);
  const got = outcome.words;
  compareFault(vector, outcome, wrong);
  for (let i = 0; i < 16; i++) {
    if (differs(got, want, 2 * i, 2)) wrong(GPR[i], wide(got, 2 * i, 2), wide(want, 2 * i, 2));
  }
  /* A recorded INT3 stands after the instruction: the processor reports it as a trap. */
  const isTrap = vector.fault === BREAKPOINT;
  if (!isTrap && differs(got, want, WORD_RIP, 2)) {
    wrong('rip', wide(got, WORD_RIP, 2), wide(want, WORD_RIP, 2));
  }
  const flagsMask = vector.flagsMask | (vector.fault === NO_FAULT ? 0 : FLAGS_COMPARED);
  const flagsDiffer = (got[WORD_FLAGS] ^ want[WORD_FLAGS]) & vector.flagsMask & flagsMask;
  if (flagsDiffer !== 0)
    wrong('flags', flagNames(got[WORD_FLAGS], flagsDiffer), flagNames(want[WORD_FLAGS], flagsDiffer));
  for (let i = 0; i < 16; i++) {
    const at = WORD_XMM + 4 * i;
    if (!differs(got, want, at, 4)) continue;
    if (form.tolerance === APPROXIMATE_SINGLE && xmmNear(got, want, at)) continue;
    wrong(`xmm${i}`, wide(got, at, 4), wide(want, at, 4));
  }
  for (let i = 0; i < 8; i++) {
    const at = WORD_ST + 3 * i;
    if (!differs(got, want, at, 3)) continue;
    if (form.tolerance === APPROXIMATE_X87 && x87Near(got, want, at)) continue;
    wrong(`st${i}`, wide(got, at, 3).slice(4), wide(want, at, 3).slice(4));
  }
  for (const [name, at, mask] of [
    ['mxcsr', WORD_MXCSR, -1],
    ['fcw', WORD_MXCSR + 1, -1],
    ['fsw', WORD_FSW, vector.fswMask],
    ['ftw', WORD_FSW + 1, -1],
  ] as const) {
    if (((got[at] ^ want[at]) & mask) !== 0) wrong(name, hex(got[at] & mask, 4), hex(want[at] & mask, 4));
  }
  compareMemory(vector, outcome.memory, wantMemory, wrong);
  return lines;
}

function flagNames(flags: number, differing: number): string {
  const names = [
    'CF',
    '',
    'PF',
    '',
    'AF',
    '',
    'ZF',
    'SF',
    'TF',
    'IF',
    'DF',
    'OF',
    'IOPL',
    'IOPL',
    'NT',
    '',
    'RF',
    'VM',
    'AC',
    'VIF',
    'VIP',
    'ID',
  ];
  return names
    .flatMap((name, i) => ((differing >>> i) & 1 ? [`${name}=${(flags >>> i) & 1}`] : []))
    .join(' ');
}

type Wrong = (name: string, got: string, want: string) => void;

function compareFault(vector: Vector, outcome: Outcome, wrong: Wrong): void {
  const { fault } = outcome;
  const text = (number: number, error: number): string =>
    number === NO_FAULT ? 'none' : `#${number}(${error.toString(16)})`;
  const got = fault === undefined ? 'none' : text(fault.vector, fault.error);
  const recorded = text(vector.fault, vector.error);
  const want = QEMU_FAULTS.get(recorded) === got ? got : recorded;
  if (got !== want) wrong('fault', got, want);
  else if (vector.fault === 14 && (outcome.cr2Lo !== vector.cr2Lo || outcome.cr2Hi !== vector.cr2Hi)) {
    wrong('cr2', hex(outcome.cr2Hi, 8) + hex(outcome.cr2Lo, 8), hex(vector.cr2Hi, 8) + hex(vector.cr2Lo, 8));
  }
}

function compareMemory(vector: Vector, got: Uint8Array, want: Uint8Array, wrong: Wrong): void {
  for (let i = 0; i < vector.memoryIgnored.length; i += 2) {
    const start = vector.memoryIgnored[i];
    const end = start + vector.memoryIgnored[i + 1];
    got.set(want.subarray(start, end), start);
  }
  if (Buffer.compare(got, want) === 0) return;
  const at = got.findIndex((byte, i) => byte !== want[i]);
  let end = Math.min(at + 16, MEMORY_SIZE);
  while (end > at + 1 && got[end - 1] === want[end - 1]) end--;
  const address = at < DATA_SIZE ? DATA_ADDRESS + at : STACK_ADDRESS + at - DATA_SIZE;
  const text = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(at, end)).toString('hex');
  wrong(`[${address.toString(16)}]`, text(got), text(want));
}
