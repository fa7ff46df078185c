/**
 * Runs every hot kind of record some thousand times before the guest starts. V8 learns the types of all cases of the big
 * switch at once and compiles it once; without this each case that the guest meets for the first time throws the optimised
 * code away, which cost a third of a boot.
 */
import { SCRATCH } from '../../memory/arena.ts';
import { RECORD } from '../decode/instruction.ts';
import { helperNumber } from '../helpers/helpers.ts';
import { opNumber, SEMANTICS } from '../semantics/table.ts';
import {
  ATTR_P,
  ATTR_S,
  ATTR_WRITABLE,
  BUDGET,
  EA_HI,
  EA_LO,
  F_AUX,
  F_HI,
  F_LO,
  FAULT,
  FAULT_PRESENT,
  JUMP_BASE,
  JUMP_TAG,
  PAGE_HI,
  PAGE_LO,
  PRACTICE,
  PRACTICE_ON,
  RBX,
  RCX,
  RDX,
  RSP,
  TLB_ADDEND,
  TLB_BASE,
  TLB_HI,
  TLB_NONE,
  TLB_READ,
  TLB_WRITE,
  ZERO,
} from '../state.ts';
import { followers, isHot } from './hot.ts';
import { jumpIndex } from './jump-cache.ts';

const PAGE = 4096;
const ROUNDS = 1200;
/** Where in the page the records' operands and stack are. */
const OPERAND = 0x100;
const STACK = 0x800;
/** Aligned, unaligned, across the end of the page, and in a page that the TLB does not have. */
const OFFSETS = [OPERAND, OPERAND + 1, PAGE - 1, PAGE + OPERAND] as const;
/** First word of the TLB entry of the second page, and of the page at the middle of the lower 4 GiB. */
const SECOND = 4;
const MIDDLE = 0x3ffc;
const FAR = 2 ** 31;
/** What memory is full of: no small integer for an engine, wherever it is read. */
const FILL = 0xb0;
const BUDGET_FOR_ALL = 1 << 30;

/** Changes AL only. */
const HARMLESS = 'salc';

const OUTSIDE = [
  'bswap32',
  'bswap64',
  'set4',
  'set5',
  'not64',
  'neg64',
  'dec64',
  'neg32',
  'cmov64_4',
  'cdqe',
  'cqo',
  'shl64_cl',
];

export interface WarmUpTarget {
  readonly S: Int32Array;
  /** The jump cache; must be cleared afterwards. */
  readonly J: Int32Array;
  readonly T: Int32Array;
  readonly C: Int32Array;
  /** The arena; its scratch pages are the only memory meanwhile. */
  readonly bytes: Uint8Array;
  readonly run: (record: number) => void;
}

/** An `exit` record. */
const EXIT = new Int32Array(RECORD);

/** What a kind does to the stack. */
type StackUse = 'grows' | 'shrinks' | 'none';

/** One hot kind in one situation. */
interface Exercise {
  /** Its record. */
  readonly fields: Int32Array;
  /** What RBX holds. */
  readonly base: number;
  /** Instructions left: 0 makes branches pause. */
  readonly budget: number;
  /** The record behind it. */
  readonly second: Int32Array;
  readonly stackUse: StackUse;
}

/** All exercises have one shape, so that the loop over them costs little. */
function exercise(
  name: string,
  operands: readonly number[],
  { base = 0, budget = BUDGET_FOR_ALL, second = EXIT }: Partial<Exercise> = {},
): Exercise {
  const stackUse = /^(push|call)/.test(name) ? 'grows' : /^(pop|ret)/.test(name) ? 'shrinks' : 'none';
  return { fields: recordOf(name, operands), base, budget, second, stackUse };
}

function recordOf(name: string, operands: readonly number[]): Int32Array {
  const record = new Int32Array(RECORD);
  record[0] = opNumber(name);
  record.set(operands, 1);
  return record;
}

/** Every arm of every case: hits and misses of the TLB, known and unknown links, enough budget and none. */
function exercises(next: number): Exercise[] {
  const all: Exercise[] = [];
  for (const { name } of SEMANTICS) {
    if (!isHot(name)) continue;
    const add = (operands: readonly number[], more?: Partial<Exercise>): void => {
      all.push(exercise(name, operands, more));
    };
    if (/^(jcc|jmp$|call(32|64)_rel)/.test(name)) {
      add([next, next, 0, 0, 0, 1]);
      add([0, 0, 0, 0, 0, 1]);
      add([next, next, 0, 0, 0, 1], { budget: 0 });
    } else if (name === 'ea_segment32') {
      add([helperNumber(HARMLESS), 0, 0, ZERO, RCX, RDX]);
    } else if (/^(load|store|lea|ea)/.test(name)) {
      for (const offset of OFFSETS) add([RBX, ZERO, offset, ZERO, 0, 1]);
      // A sum that is no 32-bit number before it is cut.
      add([RBX, ZERO, OPERAND - FAR, ZERO, 0, 1], { base: -FAR });
    } else if (/^(shl|shr|sar)(32|64)_imm$/.test(name)) {
      for (const count of [3, 32, 35]) add([0, RBX, count, 0, ZERO, 1]);
    } else if (name.startsWith('helper')) add([helperNumber(HARMLESS), 0, 0, 0, 0, 0]);
    else add([0, RBX, 3, 0, ZERO, 1]);
  }
  all.push(...pairs(next));
  // Kinds outside of the switch: many, so that V8 does not take one of them for the only one.
  for (const name of OUTSIDE) all.push(exercise(name, [0, RBX, 3, 0, 0, 1]));
  return all;
}

/** Kinds with those that often follow them. */
function pairs(next: number): Exercise[] {
  const all: Exercise[] = [];
  for (const { name } of SEMANTICS) {
    if (!isHot(name)) continue;
    const operands = name.startsWith('ea') ? [RBX, ZERO, OPERAND, ZERO, 0, 1] : [0, RBX, 3, 0, ZERO, 1];
    for (const after of followers(name)) {
      const add = (link: number, budget = BUDGET_FOR_ALL): void => {
        all.push(exercise(name, operands, { budget, second: recordOf(after, [link, link, 0, 0, 0, 1]) }));
      };
      if (after.startsWith('jcc')) {
        add(next);
        add(next, 0);
      }
      add(0);
    }
  }
  return all;
}

/** Aligned and not, and where what is added to it leads beyond 32 bits. */
function stackOf(use: StackUse, round: number): number {
  if ((round & 24) !== 24) return (round & 8) === 0 ? STACK : STACK + 1;
  if (use === 'grows') return -FAR;
  return use === 'shrinks' ? FAR - 8 : STACK;
}

/** An entry of the jump cache. It allocates nothing: with the rest of its step it is run some 300,000 times while a visitor waits. */
function enter(J: Int32Array, lo: number, hi: number, tag: number, record: number): void {
  const at = jumpIndex(lo);
  J[at] = lo;
  J[at + 1] = hi;
  J[at + 2] = tag;
  J[at + 3] = record;
  J.fill(0, at + 4, at + 8);
}

/** State is as before afterwards; the TLBs of all vCPUs and the jump cache must be cleared. The machine must not run. */
export function warmUp({ S, J, T, C, bytes, run }: WarmUpTarget): void {
  const state = S.slice();
  const start = C.length - RECORD * 3;
  const target = start + 2 * RECORD;
  const program = exercises(target);
  const outside = OUTSIDE.map(opNumber);
  bytes.fill(FILL, SCRATCH, SCRATCH + 2 * PAGE);
  T[TLB_READ] = 0;
  T[TLB_WRITE] = 0;
  T[TLB_HI] = 0;
  T[TLB_ADDEND] = SCRATCH;
  // The first vCPU's part of both caches, whoever is on the stage.
  S[TLB_BASE] = 0;
  S[JUMP_BASE] = 0;
  T[MIDDLE + TLB_READ] = FAR - PAGE;
  T[MIDDLE + TLB_WRITE] = FAR - PAGE;
  T[MIDDLE + TLB_HI] = 0;
  T[MIDDLE + TLB_ADDEND] = SCRATCH + PAGE - FAR;
  const stack = new Int32Array(bytes.buffer, SCRATCH + STACK, 2);
  S[PRACTICE] = PRACTICE_ON;
  for (let round = 0; round < ROUNDS; round++) {
    // All combinations of flags, so that both ways of every branch are seen.
    const lo = round & 1;
    const hi = (round & 2) === 0 ? lo : -1;
    const tag = (round & 2) === 0 ? lo : -1;
    for (const { fields, base, budget, second, stackUse } of program) {
      C.set(fields, start);
      // A region leaves a record to the interpreter, which finds its kind here.
      C[start - 2] = outside[round % outside.length];
      C.set(second, start + RECORD);
      T[SECOND + TLB_READ] = TLB_NONE;
      T[SECOND + TLB_WRITE] = TLB_NONE;
      S[BUDGET] = budget;
      S[RBX] = base;
      S[RBX + 1] = 0;
      S[FAULT] = round % 64 === 63 ? FAULT_PRESENT : 0;
      S[RSP] = stackOf(stackUse, round);
      S[RSP + 1] = 0;
      S[EA_LO] = OFFSETS[(round >> 2) & 3];
      S[EA_HI] = 0;
      S[PAGE_LO] = 0;
      S[PAGE_HI] = 0;
      S[F_LO] = lo;
      S[F_HI] = hi;
      S[F_AUX] = Math.imul(round, -1640531535);
      S[0] = Math.imul(round, 0x9e3779b1);
      S[JUMP_TAG] = lo;
      // Where jumps and returns lead to: the cache has it, or not.
      enter(J, base, 0, tag, target);
      enter(J, stack[0], stack[1], tag, target);
      // A segment's limit and attributes.
      S[RCX] = -lo;
      S[RDX] = ATTR_P | ATTR_S | ATTR_WRITABLE;
      run(start);
    }
  }
  S.set(state);
  C.fill(0, start - RECORD, C.length);
}
