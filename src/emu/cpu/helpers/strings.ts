/**
 * MOVS, STOS, LODS, CMPS, SCAS, with and without a repeat prefix. A repeated instruction works on as much as lies in one page
 * at a time, keeps the registers exact after every piece, and leaves itself to be continued (NEXT = its own address) so that
 * interrupts are taken in between.
 * `imm`: 0 once, 1 REP/REPE, 2 REPNE. `imm2`: address size, and the source segment's word / 8 above bit 8.
 */
import type { Cpu, SystemOpInfo } from '../cpu.ts';
import {
  F_HI,
  F_LO,
  FAULT,
  LD_HI,
  NEXT_HI,
  NEXT_LO,
  RAX,
  RCX,
  RDI,
  RIP_HI,
  RIP_LO,
  RSI,
  SEG_ES,
} from '../state.ts';
import { isStepping } from '../system/debug.ts';
import { allowsBulk, compareBulk, moveBulk, storeBulk } from './string-bulk.ts';
import { address, advance, at, compare, direction } from './string-operands.ts';

/** Most bytes moved, elements compared, and elements loaded, before interrupts are looked at. */
const MAX_BYTES = 1 << 16;
const MAX_COMPARED = 1 << 15;
const MAX_STEPS = 1 << 10;

/** The repeat count, cut to what one call will do at most. */
function remaining(S: Int32Array, width: number): number {
  if (width === 16) return S[RCX] & 0xffff;
  if (width === 64 && S[RCX + 1] !== 0) return 0x7fffffff;
  return Math.min(S[RCX] >>> 0, 0x7fffffff);
}

function isZero(S: Int32Array, width: number): boolean {
  return remaining(S, width) === 0;
}

function consume(S: Int32Array, width: number, count: number): void {
  const old = S[RCX];
  if (width === 16) S[RCX] = (old & 0xffff0000) | ((old - count) & 0xffff);
  else {
    S[RCX] = old - count;
    if (width === 32) S[RCX + 1] = 0;
    else if (old >>> 0 < count) S[RCX + 1] -= 1;
  }
}

/** The instruction is not finished: it runs again. */
function again(S: Int32Array): void {
  S[NEXT_LO] = S[RIP_LO];
  S[NEXT_HI] = S[RIP_HI];
}

function load(cpu: Cpu, size: number): number {
  if (size === 8) return cpu.load8(at.lo, at.hi);
  if (size === 16) return cpu.load16(at.lo, at.hi);
  return size === 32 ? cpu.load32(at.lo, at.hi) : cpu.load64(at.lo, at.hi);
}

function store(cpu: Cpu, size: number, lo: number, hi: number): void {
  if (size === 8) cpu.store8(at.lo, at.hi, lo);
  else if (size === 16) cpu.store16(at.lo, at.hi, lo);
  else if (size === 32) cpu.store32(at.lo, at.hi, lo);
  else cpu.store64(at.lo, at.hi, lo, hi);
}

function moveOne(cpu: Cpu, size: number, width: number, segment: number): boolean {
  const S = cpu.S;
  const bytes = size >> 3;
  if (!address(cpu, RSI, segment, width, bytes, false)) return false;
  const lo = load(cpu, size);
  const hi = S[LD_HI];
  if (S[FAULT] !== 0 || !address(cpu, RDI, SEG_ES, width, bytes, true)) return false;
  store(cpu, size, lo, hi);
  if (S[FAULT] !== 0) return false;
  advance(S, RSI, width, direction(S, bytes));
  advance(S, RDI, width, direction(S, bytes));
  return true;
}

function movs(cpu: Cpu, size: number, _reg: number, _rm: number, repeat: number, form: number): void {
  const S = cpu.S;
  const width = form & 0xff;
  const segment = (form >> 8) << 3;
  if (repeat === 0) {
    moveOne(cpu, size, width, segment);
    return;
  }
  const fast = !isStepping(S) && allowsBulk(cpu, SEG_ES, width) && allowsBulk(cpu, segment, width);
  let budget = isStepping(S) ? 1 : MAX_BYTES;
  while (!isZero(S, width)) {
    if (budget <= 0) {
      again(S);
      return;
    }
    let done = fast ? moveBulk(cpu, size, width, segment, remaining(S, width)) : 0;
    if (done === 0) {
      if (!moveOne(cpu, size, width, segment)) return;
      done = 1;
    }
    consume(S, width, done);
    budget -= done * (size >> 3) + 32;
  }
}

function storeOne(cpu: Cpu, size: number, width: number): boolean {
  const S = cpu.S;
  const bytes = size >> 3;
  if (!address(cpu, RDI, SEG_ES, width, bytes, true)) return false;
  store(cpu, size, S[RAX], S[RAX + 1]);
  if (S[FAULT] !== 0) return false;
  advance(S, RDI, width, direction(S, bytes));
  return true;
}

function stos(cpu: Cpu, size: number, _reg: number, _rm: number, repeat: number, form: number): void {
  const S = cpu.S;
  const width = form & 0xff;
  if (repeat === 0) {
    storeOne(cpu, size, width);
    return;
  }
  const fast = !isStepping(S) && allowsBulk(cpu, SEG_ES, width);
  let budget = isStepping(S) ? 1 : MAX_BYTES;
  while (!isZero(S, width)) {
    if (budget <= 0) {
      again(S);
      return;
    }
    let done = fast ? storeBulk(cpu, size, width, remaining(S, width)) : 0;
    if (done === 0) {
      if (!storeOne(cpu, size, width)) return;
      done = 1;
    }
    consume(S, width, done);
    budget -= done * (size >> 3) + 32;
  }
}

function putAccumulator(S: Int32Array, size: number, lo: number, hi: number): void {
  if (size === 8) S[RAX] = (S[RAX] & ~0xff) | (lo & 0xff);
  else if (size === 16) S[RAX] = (S[RAX] & 0xffff0000) | (lo & 0xffff);
  else {
    S[RAX] = lo;
    S[RAX + 1] = size === 64 ? hi : 0;
  }
}

function lods(cpu: Cpu, size: number, _reg: number, _rm: number, repeat: number, form: number): void {
  const S = cpu.S;
  const width = form & 0xff;
  const segment = (form >> 8) << 3;
  let steps = repeat === 0 || isStepping(S) ? 1 : MAX_STEPS;
  while (repeat === 0 || !isZero(S, width)) {
    if (steps-- === 0) {
      again(S);
      return;
    }
    if (!address(cpu, RSI, segment, width, size >> 3, false)) return;
    const lo = load(cpu, size);
    if (S[FAULT] !== 0) return;
    putAccumulator(S, size, lo, S[LD_HI]);
    advance(S, RSI, width, direction(S, size >> 3));
    if (repeat === 0) return;
    consume(S, width, 1);
  }
}

/** One step of CMPS (with a source) or SCAS (with the accumulator). */
function compareOne(cpu: Cpu, size: number, width: number, segment: number): boolean {
  const S = cpu.S;
  const bytes = size >> 3;
  let lo = S[RAX];
  let hi = S[RAX + 1];
  if (segment !== 0) {
    if (!address(cpu, RSI, segment, width, bytes, false)) return false;
    lo = load(cpu, size);
    hi = S[LD_HI];
    if (S[FAULT] !== 0) return false;
  }
  if (!address(cpu, RDI, SEG_ES, width, bytes, false)) return false;
  const other = load(cpu, size);
  if (S[FAULT] !== 0) return false;
  compare(S, size, lo, hi, other, S[LD_HI]);
  if (segment !== 0) advance(S, RSI, width, direction(S, bytes));
  advance(S, RDI, width, direction(S, bytes));
  return true;
}

function compareRepeated(cpu: Cpu, size: number, repeat: number, width: number, segment: number): void {
  const S = cpu.S;
  if (repeat === 0) {
    compareOne(cpu, size, width, segment);
    return;
  }
  const fast =
    !isStepping(S) && allowsBulk(cpu, SEG_ES, width) && (segment === 0 || allowsBulk(cpu, segment, width));
  let budget = isStepping(S) ? 1 : MAX_COMPARED;
  while (!isZero(S, width)) {
    if (budget <= 0) {
      again(S);
      return;
    }
    let done = fast ? compareBulk(cpu, size, width, segment, remaining(S, width), repeat === 2) : 0;
    if (done === 0) {
      if (!compareOne(cpu, size, width, segment)) return;
      done = 1;
    }
    consume(S, width, done);
    budget -= done + 32;
    const equal = (S[F_LO] | S[F_HI]) === 0;
    if (equal !== (repeat === 1)) return;
  }
}

function cmps(cpu: Cpu, size: number, _reg: number, _rm: number, repeat: number, form: number): void {
  compareRepeated(cpu, size, repeat, form & 0xff, (form >> 8) << 3);
}

function scas(cpu: Cpu, size: number, _reg: number, _rm: number, repeat: number, form: number): void {
  compareRepeated(cpu, size, repeat, form & 0xff, 0);
}

function info(run: SystemOpInfo['run']): SystemOpInfo {
  return { run, ends: false };
}

export const STRING_HELPERS: Readonly<Record<string, SystemOpInfo>> = {
  movs: info(movs),
  stos: info(stos),
  lods: info(lods),
  cmps: info(cmps),
  scas: info(scas),
};
