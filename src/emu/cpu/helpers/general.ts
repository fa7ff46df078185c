/**
 * Integer instructions that are too rare for records of their own: 16-bit and segmented addresses, stacks and branches,
 * decimal adjustment, CMPXCHG8B/16B. Operands as SystemOp says, unless a line says otherwise.
 */
import type { Cpu, SystemOpInfo } from '../cpu.ts';
import {
  EA_HI,
  EA_LO,
  F_AUX,
  F_HI,
  F_LO,
  FAULT,
  FLAG_AF,
  FLAG_CF,
  FLAG_ZF,
  LD_HI,
  MODE,
  MODE_CODE64,
  NEXT_HI,
  NEXT_LO,
  RAX,
  RBP,
  RBX,
  RCX,
  RDX,
  RSP,
  SEG_BASE_LO,
  SEG_CS,
  SEG_LIMIT,
  VEC_DE,
  VEC_GP,
} from '../state.ts';
import { arithmeticFlags, setArithmeticFlags } from '../system/flags.ts';
import { checkSegmentAccess } from '../system/segments.ts';
import { StackCursor } from '../system/stack.ts';

const stack = new StackCursor();

/** Word `n` of a register operand of `size` bits given as a record field (half-word or word index). */
function readOperand(S: Int32Array, size: number, field: number): number {
  if (size !== 16) return S[field];
  const word = S[field >> 1];
  return ((field & 1) === 0 ? word : word >>> 16) & 0xffff;
}

function writeRegister(S: Int32Array, size: number, word: number, lo: number, hi: number): void {
  if (size === 16) S[word] = (S[word] & 0xffff0000) | (lo & 0xffff);
  else {
    S[word] = lo;
    S[word + 1] = size === 64 ? hi : 0;
  }
}

function push(cpu: Cpu, size: number, lo: number, hi: number): void {
  stack.begin(cpu);
  if (stack.push(cpu, size, lo, hi)) stack.commit(cpu.S);
}

/** EA = segment base + 16- or 32-bit offset, with limit, type and null checks. `size`: bytes | 0x1000 for a write; `reg`: the segment's word. */
function segmentedAddress(cpu: Cpu, size: number, segment: number, form: number, displacement: number): void {
  const S = cpu.S;
  const index = S[(form >> 8) & 0xff] << ((form >> 16) & 3);
  let offset = (S[form & 0xff] + index + displacement) | 0;
  if (form >> 20 === 16) offset &= 0xffff;
  if (!checkSegmentAccess(cpu, segment, offset, size & 0xfff, (size & 0x1000) !== 0)) return;
  S[EA_LO] = (S[segment + SEG_BASE_LO] + offset) | 0;
  S[EA_HI] = 0;
}

/** The offset in EA becomes a linear address. */
function segmentBase(cpu: Cpu, size: number, segment: number): void {
  const S = cpu.S;
  if (!checkSegmentAccess(cpu, segment, S[EA_LO], size & 0xfff, (size & 0x1000) !== 0)) return;
  S[EA_LO] = (S[segment + SEG_BASE_LO] + S[EA_LO]) | 0;
  S[EA_HI] = 0;
}

/** EA = a 16-bit offset, for LEA. */
function offset16(cpu: Cpu, _size: number, _reg: number, form: number, displacement: number): void {
  const S = cpu.S;
  S[EA_LO] = (S[form & 0xff] + S[(form >> 8) & 0xff] + displacement) & 0xffff;
  S[EA_HI] = 0;
}

/** `reg`: the register or temporary as a record field. */
function pushRegister(cpu: Cpu, size: number, reg: number): void {
  push(cpu, size, readOperand(cpu.S, size, reg), size === 64 ? cpu.S[reg + 1] : 0);
}

function pushImmediate(cpu: Cpu, size: number, _reg: number, _rm: number, imm: number): void {
  push(cpu, size, imm, imm >> 31);
}

function popRegister(cpu: Cpu, size: number, reg: number): void {
  const S = cpu.S;
  stack.begin(cpu);
  const value = stack.pop(cpu, size);
  if (S[FAULT] !== 0) return;
  stack.commit(S);
  writeRegister(S, size, size === 16 ? reg >> 1 : reg, value, stack.poppedHi);
}

/** To EA, which the decoder has already counted from the stack pointer after the pop. */
function popMemory(cpu: Cpu, size: number): void {
  const S = cpu.S;
  stack.begin(cpu);
  const value = stack.pop(cpu, size);
  const high = stack.poppedHi;
  if (S[FAULT] !== 0) return;
  if (size === 16) cpu.store16(S[EA_LO], S[EA_HI], value);
  else if (size === 32) cpu.store32(S[EA_LO], S[EA_HI], value);
  else cpu.store64(S[EA_LO], S[EA_HI], value, high);
  if (S[FAULT] === 0) stack.commit(S);
}

function leave(cpu: Cpu, size: number): void {
  const S = cpu.S;
  const sp = S[RSP];
  const spHi = S[RSP + 1];
  stack.begin(cpu);
  // The stack pointer takes BP at the stack's width first.
  if (stack.width === 16) S[RSP] = (sp & 0xffff0000) | (S[RBP] & 0xffff);
  else {
    S[RSP] = S[RBP];
    S[RSP + 1] = stack.width === 64 ? S[RBP + 1] : 0;
  }
  stack.begin(cpu);
  const value = stack.pop(cpu, size);
  if (S[FAULT] !== 0) {
    S[RSP] = sp;
    S[RSP + 1] = spHi;
    return;
  }
  stack.commit(S);
  writeRegister(S, size, RBP, value, stack.poppedHi);
}

function pusha(cpu: Cpu, size: number): void {
  const S = cpu.S;
  const sp = S[RSP];
  stack.begin(cpu);
  for (let n = 0; n < 8; n++) {
    if (!stack.push(cpu, size, n * 2 === RSP ? sp : S[n * 2], 0)) return;
  }
  stack.commit(S);
}

function popa(cpu: Cpu, size: number): void {
  const S = cpu.S;
  const values = [0, 0, 0, 0, 0, 0, 0, 0];
  stack.begin(cpu);
  for (let n = 7; n >= 0; n--) values[n] = stack.pop(cpu, size);
  if (S[FAULT] !== 0) return;
  stack.commit(S);
  for (let n = 0; n < 8; n++) if (n * 2 !== RSP) writeRegister(S, size, n * 2, values[n], 0);
}

/** Goes to a near target, cut to the operand size; #GP(0) and false when it is past the limit. */
function goTo(cpu: Cpu, size: number, lo: number, hi: number): boolean {
  const S = cpu.S;
  const target = size === 16 ? lo & 0xffff : lo;
  if ((S[MODE] & MODE_CODE64) === 0 && target >>> 0 > S[SEG_CS + SEG_LIMIT] >>> 0) {
    cpu.raise(VEC_GP, 0);
    return false;
  }
  S[NEXT_LO] = target;
  S[NEXT_HI] = size === 64 ? hi : 0;
  return true;
}

function call(cpu: Cpu, size: number, target: number): void {
  const S = cpu.S;
  const lo = S[NEXT_LO];
  const hi = S[NEXT_HI];
  if (goTo(cpu, size, target, 0)) push(cpu, size, lo, hi);
}

function callRelative(cpu: Cpu, size: number, _reg: number, _rm: number, distance: number): void {
  call(cpu, size, (cpu.S[NEXT_LO] + distance) | 0);
}

function callRegister(cpu: Cpu, size: number, reg: number): void {
  call(cpu, size, readOperand(cpu.S, size, reg));
}

function jumpRegister(cpu: Cpu, size: number, reg: number): void {
  goTo(cpu, size, readOperand(cpu.S, size, reg), 0);
}

function returnNear(cpu: Cpu, size: number, _reg: number, _rm: number, extra: number): void {
  const S = cpu.S;
  stack.begin(cpu);
  const target = stack.pop(cpu, size);
  if (S[FAULT] !== 0 || !goTo(cpu, size, target, stack.poppedHi)) return;
  stack.skip(extra);
  stack.commit(S);
}

/** Is condition code `code` true? Spec: SDM vol. 1 appendix B. */
export function conditionHolds(S: Int32Array, code: number): boolean {
  const aux = S[F_AUX];
  const zero = (S[F_LO] | S[F_HI]) === 0;
  const less = (S[F_HI] ^ (aux << 31) ^ aux ^ (aux << 1)) < 0;
  const flags = arithmeticFlags(S);
  const base = [
    (aux ^ (aux << 1)) < 0,
    aux < 0,
    zero,
    aux < 0 || zero,
    (S[F_HI] ^ (aux << 31)) < 0,
    (flags & 4) !== 0,
    less,
    zero || less,
  ][code >> 1];
  return base !== ((code & 1) !== 0);
}

/**
 * Branches of 16-bit code or operand size. `size`: the count register's width; `reg`: 0–15 Jcc, 16–18 LOOPNE, LOOPE, LOOP,
 * 19 JCXZ, 20 JMP; `imm2`: the operand size.
 */
function branch(cpu: Cpu, size: number, kind: number, _rm: number, distance: number, width: number): void {
  const S = cpu.S;
  const count = S[RCX];
  const countHi = S[RCX + 1];
  let taken = kind === 20;
  if (kind < 16) taken = conditionHolds(S, kind);
  else if (kind < 20) {
    if (kind < 19) {
      if (size === 16) S[RCX] = (S[RCX] & 0xffff0000) | ((S[RCX] - 1) & 0xffff);
      else {
        S[RCX] = S[RCX] - 1;
        S[RCX + 1] = 0;
      }
    }
    const counter = size === 16 ? S[RCX] & 0xffff : S[RCX];
    const zero = (S[F_LO] | S[F_HI]) === 0;
    taken = kind === 19 ? counter === 0 : counter !== 0 && (kind === 18 || zero === (kind === 17));
  }
  if (!taken || goTo(cpu, width, (S[NEXT_LO] + distance) | 0, 0)) return;
  S[RCX] = count;
  S[RCX + 1] = countHi;
}

function setZero(S: Int32Array, zero: boolean): void {
  setArithmeticFlags(S, (arithmeticFlags(S) & ~FLAG_ZF) | (zero ? FLAG_ZF : 0));
}

function cmpxchg8b(cpu: Cpu): void {
  const S = cpu.S;
  const lo = S[EA_LO];
  const hi = S[EA_HI];
  cpu.probeWrite(lo, hi, 8);
  if (S[FAULT] !== 0) return;
  const low = cpu.load64(lo, hi);
  const high = S[LD_HI];
  const equal = low === S[RAX] && high === S[RDX];
  cpu.store64(lo, hi, equal ? S[RBX] : low, equal ? S[RCX] : high);
  if (!equal) {
    writeRegister(S, 32, RAX, low, 0);
    writeRegister(S, 32, RDX, high, 0);
  }
  setZero(S, equal);
}

function cmpxchg16b(cpu: Cpu): void {
  const S = cpu.S;
  const lo = S[EA_LO];
  const hi = S[EA_HI];
  if ((lo & 15) !== 0) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  cpu.probeWrite(lo, hi, 16);
  if (S[FAULT] !== 0) return;
  const w0 = cpu.load64(lo, hi);
  const w1 = S[LD_HI];
  const w2 = cpu.load64(lo + 8, hi);
  const w3 = S[LD_HI];
  const equal = w0 === S[RAX] && w1 === S[RAX + 1] && w2 === S[RDX] && w3 === S[RDX + 1];
  if (equal) {
    cpu.store64(lo, hi, S[RBX], S[RBX + 1]);
    cpu.store64(lo + 8, hi, S[RCX], S[RCX + 1]);
  } else {
    cpu.store64(lo, hi, w0, w1);
    cpu.store64(lo + 8, hi, w2, w3);
    S[RAX] = w0;
    S[RAX + 1] = w1;
    S[RDX] = w2;
    S[RDX + 1] = w3;
  }
  setZero(S, equal);
}

function resultFlags(al: number, extra: number): number {
  let parity = al ^ (al >> 4);
  parity = (0x9669 >> (parity & 15)) & 1;
  return extra | (parity << 2) | (al === 0 ? FLAG_ZF : 0) | (al & 0x80);
}

/** DAA and DAS. Spec: SDM vol. 2, their operation sections. */
function decimalAdjust(cpu: Cpu, sign: 1 | -1): void {
  const S = cpu.S;
  const flags = arithmeticFlags(S);
  const old = S[RAX] & 0xff;
  let al = old;
  let carry = 0;
  let adjust = 0;
  if ((old & 15) > 9 || (flags & FLAG_AF) !== 0) {
    al += 6 * sign;
    if (al < 0 || al > 0xff) carry = FLAG_CF;
    carry |= flags & FLAG_CF;
    adjust = FLAG_AF;
  }
  if (old > 0x99 || (flags & FLAG_CF) !== 0) {
    al += 0x60 * sign;
    carry = FLAG_CF;
  } else if (sign === 1) carry = 0;
  al &= 0xff;
  S[RAX] = (S[RAX] & ~0xff) | al;
  setArithmeticFlags(S, resultFlags(al, carry | adjust));
}

/** AAA and AAS. */
function asciiAdjust(cpu: Cpu, sign: 1 | -1): void {
  const S = cpu.S;
  let ax = S[RAX] & 0xffff;
  const adjust = (ax & 15) > 9 || (arithmeticFlags(S) & FLAG_AF) !== 0;
  if (adjust) ax = sign === 1 ? (ax + 0x106) & 0xffff : (((ax - 6) & 0xffff) - 0x100) & 0xffff;
  ax &= 0xff0f;
  S[RAX] = (S[RAX] & ~0xffff) | ax;
  setArithmeticFlags(S, resultFlags(ax & 0xff, adjust ? FLAG_AF | FLAG_CF : 0));
}

function aam(cpu: Cpu, _size: number, _reg: number, _rm: number, base: number): void {
  const S = cpu.S;
  if (base === 0) {
    cpu.raise(VEC_DE);
    return;
  }
  const al = S[RAX] & 0xff;
  const low = al % base;
  S[RAX] = (S[RAX] & ~0xffff) | (Math.floor(al / base) << 8) | low;
  setArithmeticFlags(S, resultFlags(low, 0));
}

function aad(cpu: Cpu, _size: number, _reg: number, _rm: number, base: number): void {
  const S = cpu.S;
  const al = ((S[RAX] & 0xff) + ((S[RAX] >> 8) & 0xff) * base) & 0xff;
  S[RAX] = (S[RAX] & ~0xffff) | al;
  setArithmeticFlags(S, resultFlags(al, 0));
}

/** AL = CF ? FF : 0 (undocumented, on every processor). */
function salc(cpu: Cpu): void {
  const S = cpu.S;
  S[RAX] = (S[RAX] & ~0xff) | (S[F_AUX] < 0 ? 0xff : 0);
}

function clflush(cpu: Cpu): void {
  cpu.load8(cpu.S[EA_LO], cpu.S[EA_HI]);
}

function stays(run: SystemOpInfo['run']): SystemOpInfo {
  return { run, ends: false };
}

function ends(run: SystemOpInfo['run']): SystemOpInfo {
  return { run, ends: true };
}

export const GENERAL_HELPERS: Readonly<Record<string, SystemOpInfo>> = {
  segmentedAddress: stays(segmentedAddress),
  segmentBase: stays(segmentBase),
  offset16: stays(offset16),
  pushRegister: stays(pushRegister),
  pushImmediate: stays(pushImmediate),
  popRegister: stays(popRegister),
  popMemory: stays(popMemory),
  leave: stays(leave),
  pusha: stays(pusha),
  popa: stays(popa),
  callRelative: ends(callRelative),
  callRegister: ends(callRegister),
  jumpRegister: ends(jumpRegister),
  returnNear: ends(returnNear),
  branch: ends(branch),
  cmpxchg8b: stays(cmpxchg8b),
  cmpxchg16b: stays(cmpxchg16b),
  daa: stays((cpu) => decimalAdjust(cpu, 1)),
  das: stays((cpu) => decimalAdjust(cpu, -1)),
  aaa: stays((cpu) => asciiAdjust(cpu, 1)),
  aas: stays((cpu) => asciiAdjust(cpu, -1)),
  aam: stays(aam),
  aad: stays(aad),
  salc: stays(salc),
  clflush: stays(clflush),
  gp0: ends((cpu) => cpu.raise(VEC_GP, 0)),
};
