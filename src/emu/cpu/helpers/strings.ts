/**
 * MOVS, STOS, LODS, CMPS, SCAS, with and without a repeat prefix. A repeated instruction works on as much as lies in one page
 * at a time, keeps the registers exact after every piece, and leaves itself to be continued (NEXT = its own address) so that
 * interrupts are taken in between.
 * `imm`: 0 once, 1 REP/REPE, 2 REPNE. `imm2`: address size, and the source segment's word / 8 above bit 8.
 */
import type { Cpu, SystemOpInfo } from '../cpu.ts';
import {
  EFLAGS,
  F_AUX,
  F_HI,
  F_LO,
  FAULT,
  FLAG_DF,
  LD_HI,
  MODE,
  MODE_CODE64,
  NEXT_HI,
  NEXT_LO,
  RAX,
  RCX,
  RDI,
  RIP_HI,
  RIP_LO,
  RSI,
  SEG_BASE_HI,
  SEG_BASE_LO,
  SEG_ES,
  SEG_FS,
  SEG_LIMIT,
  TLB_ADDEND,
  TLB_BASE,
  TLB_HI,
  TLB_WRITE,
} from '../state.ts';
import { checkSegmentAccess } from '../system/segments.ts';

const PAGE = 4096;
/** Most bytes moved, and most elements compared, before interrupts are looked at. */
const MAX_BYTES = 1 << 16;
const MAX_STEPS = 1 << 10;

/** Linear address of the operand that `address` worked out last. */
const at = { lo: 0, hi: 0 };

/** Sets `at` to the segment's base plus RSI or RDI; false: a fault was raised. */
function address(
  cpu: Cpu,
  register: number,
  segment: number,
  width: number,
  bytes: number,
  write: boolean,
): boolean {
  const S = cpu.S;
  let lo = S[register];
  let hi = 0;
  if (width === 64) hi = S[register + 1];
  else if (width === 16) lo &= 0xffff;
  if ((S[MODE] & MODE_CODE64) !== 0) {
    if (segment >= SEG_FS) {
      const base = S[segment + SEG_BASE_LO];
      lo = (lo + base) | 0;
      hi = (hi + S[segment + SEG_BASE_HI] + (lo >>> 0 < base >>> 0 ? 1 : 0)) | 0;
    }
  } else {
    if (!checkSegmentAccess(cpu, segment, lo, bytes, write)) return false;
    lo = (lo + S[segment + SEG_BASE_LO]) | 0;
  }
  at.lo = lo;
  at.hi = hi;
  return true;
}

/** Adds `delta` to RSI or RDI, at the address width. */
function advance(S: Int32Array, register: number, width: number, delta: number): void {
  const old = S[register];
  if (width === 16) {
    S[register] = (old & 0xffff0000) | ((old + delta) & 0xffff);
    return;
  }
  const lo = (old + delta) | 0;
  S[register] = lo;
  if (width === 32) S[register + 1] = 0;
  else if (delta < 0) S[register + 1] -= lo >>> 0 > old >>> 0 ? 1 : 0;
  else S[register + 1] += lo >>> 0 < old >>> 0 ? 1 : 0;
}

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

/** RAM offset of linear address lo:hi by the TLB (`field` 0 to read, TLB_WRITE to write), or -1. */
function ramOffset(cpu: Cpu, lo: number, hi: number, field: number): number {
  const T = cpu.tlb;
  const j = ((lo >>> 10) & 0x3ffc) + cpu.S[TLB_BASE];
  if (T[j + field] !== (lo & -PAGE) || T[j + TLB_HI] !== hi) return -1;
  return (lo + T[j + TLB_ADDEND]) | 0;
}

function direction(S: Int32Array, bytes: number): number {
  return (S[EFLAGS] & FLAG_DF) !== 0 ? -bytes : bytes;
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

/** Copies what lies in one source and one destination page, forwards. Returns elements done; 0 when the fast way is closed. */
function moveBulk(cpu: Cpu, size: number, width: number, segment: number, count: number): number {
  const S = cpu.S;
  const bytes = size >> 3;
  if (width === 16 || !address(cpu, RSI, segment, width, bytes, false)) return 0;
  const source = ramOffset(cpu, at.lo, at.hi, 0);
  const sourceRoom = PAGE - (at.lo & (PAGE - 1));
  if (source < 0 || !address(cpu, RDI, SEG_ES, width, bytes, true)) return 0;
  const target = ramOffset(cpu, at.lo, at.hi, TLB_WRITE);
  if (target < 0) return 0;
  const room = Math.min(sourceRoom, PAGE - (at.lo & (PAGE - 1)));
  const elements = Math.min(count, Math.floor(room / bytes));
  if (elements === 0) return 0;
  const length = elements * bytes;
  const memory = cpu.memory.bytes;
  const distance = target - source;
  if (distance <= 0 || distance >= length) memory.copyWithin(target, source, source + length);
  else if (distance >= bytes) for (let n = 0; n < length; n++) memory[target + n] = memory[source + n];
  else return 0;
  advance(S, RSI, width, length);
  advance(S, RDI, width, length);
  return elements;
}

function limitsAllowBulk(cpu: Cpu): boolean {
  // Segment limits are checked per element; the fast way is for flat code, where they cannot fail.
  const S = cpu.S;
  return (S[EFLAGS] & FLAG_DF) === 0 && ((S[MODE] & MODE_CODE64) !== 0 || S[SEG_ES + SEG_LIMIT] === -1);
}

function movs(cpu: Cpu, size: number, _reg: number, _rm: number, repeat: number, form: number): void {
  const S = cpu.S;
  const width = form & 0xff;
  const segment = (form >> 8) << 3;
  if (repeat === 0) {
    moveOne(cpu, size, width, segment);
    return;
  }
  const fast = limitsAllowBulk(cpu) && ((S[MODE] & MODE_CODE64) !== 0 || S[segment + SEG_LIMIT] === -1);
  let budget = MAX_BYTES;
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

function storeBulk(cpu: Cpu, size: number, width: number, count: number): number {
  const S = cpu.S;
  const bytes = size >> 3;
  if (width === 16 || !address(cpu, RDI, SEG_ES, width, bytes, true)) return 0;
  const target = ramOffset(cpu, at.lo, at.hi, TLB_WRITE);
  if (target < 0) return 0;
  const elements = Math.min(count, Math.floor((PAGE - (at.lo & (PAGE - 1))) / bytes));
  if (elements === 0) return 0;
  const memory = cpu.memory.bytes;
  const end = target + elements * bytes;
  const lo = S[RAX];
  const hi = size === 64 ? S[RAX + 1] : lo;
  if (size === 8 || (lo === 0 && hi === 0)) memory.fill(lo, target, end);
  else {
    const view = cpu.memory.view;
    if (size === 16) for (let n = target; n < end; n += 2) view.setInt16(n, lo, true);
    else if (size === 32) for (let n = target; n < end; n += 4) view.setInt32(n, lo, true);
    else {
      for (let n = target; n < end; n += 8) {
        view.setInt32(n, lo, true);
        view.setInt32(n + 4, hi, true);
      }
    }
  }
  advance(S, RDI, width, elements * bytes);
  return elements;
}

function stos(cpu: Cpu, size: number, _reg: number, _rm: number, repeat: number, form: number): void {
  const S = cpu.S;
  const width = form & 0xff;
  if (repeat === 0) {
    storeOne(cpu, size, width);
    return;
  }
  const fast = limitsAllowBulk(cpu);
  let budget = MAX_BYTES;
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
  let steps = repeat === 0 ? 1 : MAX_STEPS;
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

/** Flags of a − b. */
function compare(S: Int32Array, size: number, al: number, ah: number, bl: number, bh: number): void {
  if (size === 64) {
    const lo = (al - bl) | 0;
    const hi = (ah - bh - (al >>> 0 < bl >>> 0 ? 1 : 0)) | 0;
    S[F_LO] = lo;
    S[F_HI] = hi;
    S[F_AUX] = (((~ah & bh) | ((~ah | bh) & hi)) & 0xc0000000) | ((al ^ bl ^ lo) & 16);
    return;
  }
  const shift = 32 - size;
  const mask = size === 32 ? -1 : (1 << size) - 1;
  const a = al & mask;
  const b = bl & mask;
  const r = (a - b) | 0;
  S[F_LO] = (r << shift) >> shift;
  S[F_HI] = S[F_LO];
  S[F_AUX] = ((((~a & b) | ((~a | b) & r)) << shift) & 0xc0000000) | ((a ^ b ^ r) & 16);
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
  let steps = MAX_STEPS;
  while (!isZero(S, width)) {
    if (steps-- === 0) {
      again(S);
      return;
    }
    if (!compareOne(cpu, size, width, segment)) return;
    consume(S, width, 1);
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
