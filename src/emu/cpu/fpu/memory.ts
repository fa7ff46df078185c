/** x87 loads and stores. */
import type { Cpu } from '../cpu.ts';
import { EA_HI, EA_LO, FAULT, FPU_CW, LD_HI } from '../state.ts';
import { nanUnary, roundingOf, setIndefinite } from './float80.ts';
import {
  FLAGS,
  IE,
  OE,
  pack32,
  pack64,
  packInteger,
  packRegister,
  RC_ZERO,
  RESULT,
  STATUS,
  UE,
} from './round.ts';
import {
  begin,
  isEmpty,
  pop,
  pushResult,
  settle,
  settleAndPush,
  st,
  stackUnderflow,
  unpackSt,
} from './stack.ts';
import {
  A,
  copyUnpacked,
  INFINITE,
  KIND,
  R,
  SIGN,
  setNormalised,
  unpack32,
  unpack64,
  unpackInt,
} from './unpacked.ts';

/** Kinds of memory operands, in the order of bits 1–2 of opcodes D8–DE. */
export const FLOAT32 = 0;
export const INT32 = 1;
export const FLOAT64 = 2;
export const INT16 = 3;
export const INT64 = 4;

/** High word of the linear address `offset` bytes above EA, given its low word. */
export function highAt(S: Int32Array, lo: number): number {
  return lo >>> 0 < S[EA_LO] >>> 0 ? (S[EA_HI] + 1) | 0 : S[EA_HI];
}

/** Words of the operand that `loadOperand` has loaded; integers are sign-extended. */
export const OPERAND = new Int32Array(2);

/** OPERAND = the number at EA. False: the load faulted. */
export function loadOperand(cpu: Cpu, kind: number): boolean {
  const S = cpu.S;
  const lo = S[EA_LO];
  const hi = S[EA_HI];
  if (kind === FLOAT64 || kind === INT64) {
    OPERAND[0] = cpu.load64(lo, hi);
    OPERAND[1] = S[LD_HI];
  } else {
    const value = kind === INT16 ? (cpu.load16(lo, hi) << 16) >> 16 : cpu.load32(lo, hi) | 0;
    OPERAND[0] = value;
    OPERAND[1] = value >> 31;
  }
  return S[FAULT] === 0;
}

/** Takes the number lo:hi, as `loadOperand` gives it, apart into `U`. */
export function unpackOperand(U: Int32Array, kind: number, lo: number, hi: number): void {
  if (kind === FLOAT64) unpack64(U, lo, hi);
  else if (kind === FLOAT32) unpack32(U, lo);
  else unpackInt(U, lo, hi);
}

/** FLD m32, FLD m64, FILD of the number lo:hi. */
export function pushConverted(S: Int32Array, kind: number, lo: number, hi: number): void {
  unpackOperand(A, kind, lo, hi);
  begin();
  if (!nanUnary()) {
    copyUnpacked(R, A);
    packRegister(64, 0, S[FPU_CW]);
  }
  if (!isEmpty(S, -1)) {
    settleAndPush(S);
  } else if (settle(S) || (STATUS[FLAGS] & IE) === 0) {
    // A denormal operand is pushed even when that exception is unmasked.
    pushResult(S);
  }
}

/** FLD m80. */
export function load80(cpu: Cpu): void {
  const S = cpu.S;
  const at = (S[EA_LO] + 8) | 0;
  const lo = cpu.load64(S[EA_LO], S[EA_HI]);
  if (S[FAULT] !== 0) return;
  const hi = S[LD_HI];
  const se = cpu.load16(at, highAt(S, at));
  if (S[FAULT] !== 0) return;
  begin();
  RESULT[0] = lo;
  RESULT[1] = hi;
  RESULT[2] = se;
  settleAndPush(S);
}

/** What `convertSt` has found: ST(0) is empty; unmasked exceptions of which the result is lost. */
let empty = false;
let lost = 0;

/** FST m32 and m64, FIST, FISTTP: RESULT = ST(0) as `kind`. False: an unmasked exception forbids to store it. Changes nothing else. */
export function convertSt(S: Int32Array, kind: number, truncate: boolean): boolean {
  const cw = S[FPU_CW];
  const isInteger = kind !== FLOAT32 && kind !== FLOAT64;
  empty = isEmpty(S, 0);
  lost = 0;
  begin();
  if (empty) {
    STATUS[FLAGS] = IE;
    setIndefinite();
    if (isInteger) setIntegerIndefinite(kind);
    else narrowNan(kind);
  } else {
    unpackSt(S, A, 0);
    if (isInteger) toInteger(kind, truncate ? RC_ZERO : roundingOf(cw));
    else toFloat(kind, cw);
    lost = isInteger ? 0 : STATUS[FLAGS] & ~cw & (OE | UE);
  }
  return (STATUS[FLAGS] & ~cw & (IE | OE | UE)) === 0;
}

/** The rest of the instruction of which `convertSt` was the first half, after its store. */
export function settleStore(S: Int32Array, stored: boolean, popping: boolean): void {
  if (lost !== 0) {
    begin();
    STATUS[FLAGS] = lost;
  }
  if (empty) stackUnderflow(S);
  else settle(S);
  if (stored && popping) pop(S);
}

function setIntegerIndefinite(kind: number): void {
  RESULT[0] = kind === INT64 ? 0 : kind === INT16 ? 0x8000 : 1 << 31;
  RESULT[1] = 1 << 31;
}

function toInteger(kind: number, rc: number): void {
  copyUnpacked(R, A);
  const bits = kind === INT64 ? 64 : kind === INT16 ? 16 : 32;
  if (A[KIND] < INFINITE && packInteger(bits, rc)) return;
  begin();
  STATUS[FLAGS] = IE;
  setIntegerIndefinite(kind);
}

/** Turns the NaN in RESULT from 80 bits into float32 or float64. */
function narrowNan(kind: number): void {
  const lo = RESULT[0];
  const hi = RESULT[1];
  const sign = (RESULT[2] << 16) & (1 << 31);
  if (kind === FLOAT32) {
    RESULT[0] = sign | 0x7f800000 | ((hi >>> 8) & 0x7fffff);
  } else {
    RESULT[0] = (hi << 21) | (lo >>> 11);
    RESULT[1] = sign | 0x7ff00000 | ((hi >>> 11) & 0xfffff);
  }
}

function toFloat(kind: number, cw: number): void {
  const rc = roundingOf(cw);
  if (nanUnary()) {
    narrowNan(kind);
    return;
  }
  STATUS[FLAGS] = 0;
  copyUnpacked(R, A);
  if (kind === FLOAT32) pack32(rc, cw, false);
  else pack64(rc, cw, false);
}

/** FSTP m80. */
export function store80(cpu: Cpu): void {
  const S = cpu.S;
  begin();
  if (isEmpty(S, 0)) {
    STATUS[FLAGS] = IE;
    setIndefinite();
  } else {
    const at = st(S, 0);
    RESULT[0] = S[at];
    RESULT[1] = S[at + 1];
    RESULT[2] = S[at + 2];
  }
  storeTenBytes(cpu);
}

/** Stores RESULT in 10 bytes unless IE is unmasked, settles, and pops. */
function storeTenBytes(cpu: Cpu): void {
  const S = cpu.S;
  const storing = (STATUS[FLAGS] & ~S[FPU_CW] & IE) === 0;
  if (storing) {
    const at = (S[EA_LO] + 8) | 0;
    cpu.probeWrite(S[EA_LO], S[EA_HI], 10);
    if (S[FAULT] !== 0) return;
    cpu.store64(S[EA_LO], S[EA_HI], RESULT[0], RESULT[1]);
    cpu.store16(at, highAt(S, at), RESULT[2] & 0xffff);
  }
  if (isEmpty(S, 0)) stackUnderflow(S);
  else settle(S);
  if (storing) pop(S);
}

/** FBLD: 18 decimal digits and a sign. */
export function loadBcd(cpu: Cpu): void {
  const S = cpu.S;
  let value = 0n;
  let weight = 1n;
  let sign = 0;
  for (let i = 0; i < 10; i++) {
    const at = (S[EA_LO] + i) | 0;
    const byte = cpu.load8(at, highAt(S, at));
    if (S[FAULT] !== 0) return;
    sign = byte >>> 7;
    if (i < 9) value += weight * BigInt((byte >>> 4) * 10 + (byte & 15));
    weight *= 100n;
  }
  begin();
  setNormalised(R, sign, 63, Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value)));
  packRegister(64, 0, S[FPU_CW]);
  settleAndPush(S);
}

/** FBSTP. */
export function storeBcd(cpu: Cpu): void {
  const S = cpu.S;
  begin();
  if (isEmpty(S, 0)) {
    STATUS[FLAGS] = IE;
    setIndefinite();
  } else {
    unpackSt(S, A, 0);
    toBcd(roundingOf(S[FPU_CW]));
  }
  storeTenBytes(cpu);
}

function toBcd(rc: number): void {
  copyUnpacked(R, A);
  let value = -1n;
  if (A[KIND] < INFINITE && packInteger(64, rc)) {
    const integer = BigInt.asIntN(64, (BigInt(RESULT[1]) << 32n) | BigInt(RESULT[0] >>> 0));
    value = integer < 0n ? -integer : integer;
  }
  if (value < 0n || value >= 1000000000000000000n) {
    begin();
    STATUS[FLAGS] = IE;
    setIndefinite();
    return;
  }
  const digits = BigInt(`0x${value}`);
  RESULT[0] = Number(BigInt.asIntN(32, digits));
  RESULT[1] = Number(BigInt.asIntN(32, digits >> 32n));
  RESULT[2] = Number(digits >> 64n) | (A[SIGN] << 15);
}
