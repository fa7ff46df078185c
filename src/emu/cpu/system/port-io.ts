/** IN, OUT, INS and OUTS, with the TSS's permission bitmap. Spec: SDM vol. 1 §19.5, vol. 2. */
import type { AccessSize } from '../../core/device.ts';
import type { Cpu } from '../cpu.ts';
import {
  BUDGET,
  CPL,
  EFLAGS,
  FAULT,
  FLAG_DF,
  FLAG_IOPL,
  FLAG_IOPL_SHIFT,
  FLAG_VM,
  MODE,
  MODE_CODE64,
  NEXT_HI,
  NEXT_LO,
  RAX,
  RCX,
  RDI,
  RDX,
  RIP_HI,
  RIP_LO,
  RSI,
  SEG_ATTR,
  SEG_BASE_HI,
  SEG_BASE_LO,
  SEG_ES,
  SEG_FS,
  SEG_LIMIT,
  SEG_TR,
  VEC_GP,
} from '../state.ts';
import { isStepping, notePort } from './debug.ts';
import { carryInto, typeOf } from './descriptors.ts';
import { checkSegmentAccess } from './segments.ts';

const TSS_IO_MAP_BASE = 0x66;
/** A 32- or 64-bit TSS, available or busy, without the S bit. */
const TYPE_TSS32_MASK = 0x1d;
const TYPE_TSS32 = 9;

/** False, with #GP(0) raised: this privilege may not use the `bytes` ports from `port`. */
function portAllowed(cpu: Cpu, port: number, bytes: number): boolean {
  const S = cpu.S;
  const iopl = (S[EFLAGS] & FLAG_IOPL) >>> FLAG_IOPL_SHIFT;
  if (S[CPL] <= iopl && (S[EFLAGS] & FLAG_VM) === 0) return true;
  const limit = S[SEG_TR + SEG_LIMIT] >>> 0;
  if ((typeOf(S[SEG_TR + SEG_ATTR]) & TYPE_TSS32_MASK) === TYPE_TSS32 && limit >= TSS_IO_MAP_BASE + 1) {
    const map = loadTss16(cpu, TSS_IO_MAP_BASE) + (port >> 3);
    if (S[FAULT] !== 0) return false;
    if (map + 1 <= limit) {
      const bits = loadTss16(cpu, map) >> (port & 7);
      if (S[FAULT] !== 0) return false;
      if ((bits & ((1 << bytes) - 1)) === 0) return true;
    }
  }
  cpu.raise(VEC_GP, 0);
  return false;
}

function loadTss16(cpu: Cpu, offset: number): number {
  const S = cpu.S;
  const lo = (S[SEG_TR + SEG_BASE_LO] + offset) | 0;
  return cpu.loadSystem16(lo, carryInto(S, S[SEG_TR + SEG_BASE_HI], S[SEG_TR + SEG_BASE_LO], lo));
}

function accessSize(bits: number): AccessSize {
  if (bits === 8) return 1;
  return bits === 16 ? 2 : 4;
}

/** `imm` is the port, or -1 for DX. */
export function portIn(cpu: Cpu, size: number, _reg: number, _rm: number, imm: number): void {
  const S = cpu.S;
  const port = imm < 0 ? S[RDX] & 0xffff : imm & 0xff;
  const bytes = accessSize(size);
  if (!portAllowed(cpu, port, bytes)) return;
  const value = cpu.host.ioRead(port, bytes);
  notePort(S, port, bytes);
  if (size === 8) S[RAX] = (S[RAX] & ~0xff) | (value & 0xff);
  else if (size === 16) S[RAX] = (S[RAX] & 0xffff0000) | (value & 0xffff);
  else {
    S[RAX] = value | 0;
    S[RAX + 1] = 0;
  }
}

export function portOut(cpu: Cpu, size: number, _reg: number, _rm: number, imm: number): void {
  const S = cpu.S;
  const port = imm < 0 ? S[RDX] & 0xffff : imm & 0xff;
  const bytes = accessSize(size);
  if (!portAllowed(cpu, port, bytes)) return;
  cpu.host.ioWrite(port, bytes, lowBits(S[RAX], size));
  notePort(S, port, bytes);
}

function lowBits(value: number, size: number): number {
  if (size === 8) return value & 0xff;
  return size === 16 ? value & 0xffff : value >>> 0;
}

/** True when RCX, ECX or CX is 0. */
function countIsZero(S: Int32Array, addressSize: number): boolean {
  if (addressSize === 64) return (S[RCX] | S[RCX + 1]) === 0;
  return addressSize === 32 ? S[RCX] === 0 : (S[RCX] & 0xffff) === 0;
}

/** Adds a small number to a register as wide as the address size. */
function advance(S: Int32Array, register: number, delta: number, addressSize: number): void {
  const before = S[register];
  const after = (before + delta) | 0;
  if (addressSize === 16) {
    S[register] = (before & 0xffff0000) | (after & 0xffff);
    return;
  }
  S[register] = after;
  if (addressSize === 32) S[register + 1] = 0;
  else if (delta < 0) S[register + 1] = (S[register + 1] - (after >>> 0 > before >>> 0 ? 1 : 0)) | 0;
  else S[register + 1] = (S[register + 1] + (after >>> 0 < before >>> 0 ? 1 : 0)) | 0;
}

let linearHi = 0;

/** Linear address of `register` in `segment`: the low word; the high one is in `linearHi`. */
function linear(S: Int32Array, segment: number, register: number, addressSize: number): number {
  const offset = addressSize === 16 ? S[register] & 0xffff : S[register];
  if ((S[MODE] & MODE_CODE64) !== 0) {
    linearHi = addressSize === 64 ? S[register + 1] : 0;
    if (segment < SEG_FS) return offset;
    const lo = (offset + S[segment + SEG_BASE_LO]) | 0;
    linearHi = (linearHi + S[segment + SEG_BASE_HI] + (lo >>> 0 < offset >>> 0 ? 1 : 0)) | 0;
    return lo;
  }
  linearHi = 0;
  return (offset + S[segment + SEG_BASE_LO]) | 0;
}

/**
 * Repeats `step` while it succeeds, the count lasts and the slice has budget; what is left is done when the
 * instruction runs again. Each repetition is one instruction of the budget.
 */
function repeat(cpu: Cpu, repeated: boolean, addressSize: number, step: () => boolean): void {
  const S = cpu.S;
  if (!repeated) {
    step();
    return;
  }
  while (!countIsZero(S, addressSize)) {
    if (!step()) return;
    advance(S, RCX, -1, addressSize);
    S[BUDGET]--;
    if ((S[BUDGET] < 0 || isStepping(S)) && !countIsZero(S, addressSize)) {
      S[NEXT_LO] = S[RIP_LO];
      S[NEXT_HI] = S[RIP_HI];
      return;
    }
  }
}

/** `imm` 1: REP. `imm2` bits 0–7: address size. */
export function portInString(
  cpu: Cpu,
  size: number,
  _reg: number,
  _rm: number,
  imm: number,
  imm2: number,
): void {
  const S = cpu.S;
  const addressSize = imm2 & 0xff;
  const port = S[RDX] & 0xffff;
  const bytes = accessSize(size);
  if (imm === 1 && countIsZero(S, addressSize)) return;
  if (!portAllowed(cpu, port, bytes)) return;
  const delta = (S[EFLAGS] & FLAG_DF) !== 0 ? -bytes : bytes;
  repeat(cpu, imm === 1, addressSize, () => {
    const offset = addressSize === 16 ? S[RDI] & 0xffff : S[RDI];
    if (!checkSegmentAccess(cpu, SEG_ES, offset, bytes, true)) return false;
    const lo = linear(S, SEG_ES, RDI, addressSize);
    const hi = linearHi;
    cpu.probeWrite(lo, hi, bytes);
    if (S[FAULT] !== 0) return false;
    const value = cpu.host.ioRead(port, bytes);
    notePort(S, port, bytes);
    if (size === 8) cpu.store8(lo, hi, value);
    else if (size === 16) cpu.store16(lo, hi, value);
    else cpu.store32(lo, hi, value | 0);
    advance(S, RDI, delta, addressSize);
    return true;
  });
}

/** As portInString; `imm2` bits 8–15: the segment's first word divided by 8. */
export function portOutString(
  cpu: Cpu,
  size: number,
  _reg: number,
  _rm: number,
  imm: number,
  imm2: number,
): void {
  const S = cpu.S;
  const addressSize = imm2 & 0xff;
  const segment = ((imm2 >>> 8) & 0xff) * 8;
  const port = S[RDX] & 0xffff;
  const bytes = accessSize(size);
  if (imm === 1 && countIsZero(S, addressSize)) return;
  if (!portAllowed(cpu, port, bytes)) return;
  const delta = (S[EFLAGS] & FLAG_DF) !== 0 ? -bytes : bytes;
  repeat(cpu, imm === 1, addressSize, () => {
    const offset = addressSize === 16 ? S[RSI] & 0xffff : S[RSI];
    if (!checkSegmentAccess(cpu, segment, offset, bytes, false)) return false;
    const lo = linear(S, segment, RSI, addressSize);
    let value = 0;
    if (size === 8) value = cpu.load8(lo, linearHi);
    else if (size === 16) value = cpu.load16(lo, linearHi);
    else value = cpu.load32(lo, linearHi);
    if (S[FAULT] !== 0) return false;
    cpu.host.ioWrite(port, bytes, lowBits(value, size));
    notePort(S, port, bytes);
    advance(S, RSI, delta, addressSize);
    return true;
  });
}
