/** Conversions between float32, float64 and integers. */
import type { Cpu } from '../cpu.ts';
import { DE, FLAGS, IE, PE, packInteger, RC_ZERO, RESULT, STATUS } from '../fpu/round.ts';
import { A, copyUnpacked, DENORMAL, INFINITE, KIND, QNAN, R, SNAN, unpackInt } from '../fpu/unpacked.ts';
import { MXCSR } from '../state.ts';
import {
  beginFloat,
  commit,
  endFloat,
  isNormal32,
  isPlain,
  MIN_NORMAL_32,
  MIN_NORMAL_64,
  OUT,
  OUT_F32,
  OUT_F64,
  packNan,
  packResult,
  roundingMode,
  take32,
  take64,
} from './float-lane.ts';
import { type SseOp, type SseRun, sse } from './op.ts';

const MXCSR_PM = 1 << 12;

/** Takes the float at word index `s` into A. */
function take(S: Int32Array, s: number, is64: boolean): void {
  if (is64) take64(A, S[s], S[s + 1]);
  else take32(A, S[s]);
}

/** RESULT = the float at `s` in the other format. */
function convertFloat(S: Int32Array, s: number, to64: boolean): void {
  take(S, s, !to64);
  if (A[KIND] >= QNAN) {
    if (A[KIND] === SNAN) STATUS[FLAGS] |= IE;
    packNan(A, to64);
    return;
  }
  if (A[DENORMAL]) STATUS[FLAGS] |= DE;
  copyUnpacked(R, A);
  packResult(to64);
}

/** RESULT = the float at `s` as an integer of 32 or 64 bits, or the integer indefinite. */
function convertToInteger(S: Int32Array, s: number, is64: boolean, bits: number, truncate: boolean): void {
  take(S, s, is64);
  copyUnpacked(R, A);
  if (A[KIND] < INFINITE && packInteger(bits, truncate ? RC_ZERO : roundingMode())) return;
  STATUS[FLAGS] |= IE;
  RESULT[0] = bits === 64 ? 0 : 1 << 31;
  RESULT[1] = 1 << 31;
}

function convertFromInteger(lo: number, hi: number, to64: boolean): void {
  unpackInt(R, lo, hi);
  packResult(to64);
}

function cvtps2pd(cpu: Cpu, d: number, s: number): void {
  beginFloat(cpu);
  for (let i = 0; i < 2; i++) {
    convertFloat(cpu.S, s + i, true);
    OUT[2 * i] = RESULT[0];
    OUT[2 * i + 1] = RESULT[1];
  }
  commit(cpu, d, 4);
}

function cvtpd2ps(cpu: Cpu, d: number, s: number): void {
  beginFloat(cpu);
  for (let i = 0; i < 2; i++) {
    convertFloat(cpu.S, s + 2 * i, false);
    OUT[i] = RESULT[0];
  }
  OUT[2] = 0;
  OUT[3] = 0;
  commit(cpu, d, 4);
}

function cvtss2sd(cpu: Cpu, d: number, s: number): void {
  const value = cpu.SF32[s];
  if (isNormal32(value)) {
    cpu.SF64[d >> 1] = value;
    return;
  }
  beginFloat(cpu);
  convertFloat(cpu.S, s, true);
  OUT[0] = RESULT[0];
  OUT[1] = RESULT[1];
  commit(cpu, d, 2);
}

function cvtsd2ss(cpu: Cpu, d: number, s: number): void {
  beginFloat(cpu);
  const value = cpu.SF64[s >> 1];
  const rounded = Math.fround(value);
  if (isPlain() && isNormal32(rounded) && Math.abs(rounded) !== MIN_NORMAL_32) {
    if (rounded !== value) STATUS[FLAGS] = PE;
    OUT_F32[0] = rounded;
  } else {
    convertFloat(cpu.S, s, false);
    OUT[0] = RESULT[0];
  }
  commit(cpu, d, 1);
}

/** `n` int32 to float32. */
function fromInt32(n: number): SseRun {
  return (cpu, d, s) => {
    beginFloat(cpu);
    for (let i = 0; i < n; i++) {
      const value = cpu.S[s + i];
      convertFromInteger(value, value >> 31, false);
      OUT[i] = RESULT[0];
    }
    commit(cpu, d, n);
  };
}

/** Two int32 to float64: exact. */
function cvtdq2pd(cpu: Cpu, d: number, s: number): void {
  OUT_F64[0] = cpu.S[s];
  OUT_F64[1] = cpu.S[s + 1];
  for (let i = 0; i < 4; i++) cpu.S[d + i] = OUT[i];
}

/** `n` floats to int32; the destination has `width` words. */
function toInt32(n: number, is64: boolean, width: number, truncate: boolean): SseRun {
  return (cpu, d, s) => {
    beginFloat(cpu);
    for (let i = 0; i < n; i++) {
      convertToInteger(cpu.S, s + (is64 ? 2 * i : i), is64, 32, truncate);
      OUT[i] = RESULT[0];
    }
    for (let i = n; i < width; i++) OUT[i] = 0;
    commit(cpu, d, width);
  };
}

function toGpr(is64: boolean, truncate: boolean): SseRun {
  return (cpu, d, s, _imm, wide) => {
    if (is64 && truncate && !wide && truncateFast(cpu, d, s)) return;
    beginFloat(cpu);
    convertToInteger(cpu.S, s, is64, wide ? 64 : 32, truncate);
    if (!endFloat(cpu)) return;
    cpu.S[d] = RESULT[0];
    cpu.S[d + 1] = wide ? RESULT[1] : 0;
  };
}

/** CVTTSD2SI of a number that fits and is not denormal, while PE is masked. */
function truncateFast(cpu: Cpu, d: number, s: number): boolean {
  const S = cpu.S;
  const value = cpu.SF64[s >> 1];
  const integer = value | 0;
  if (integer !== value) {
    const magnitude = Math.abs(value);
    if (!(magnitude >= MIN_NORMAL_64 && magnitude < 0x80000000) || (S[MXCSR] & MXCSR_PM) === 0) return false;
    S[MXCSR] |= PE;
  }
  S[d] = integer;
  S[d + 1] = 0;
  return true;
}

function fromGpr(to64: boolean): SseRun {
  return (cpu, d, s, _imm, wide) => {
    const lo = cpu.S[s];
    if (to64 && !wide) {
      cpu.SF64[d >> 1] = lo;
      return;
    }
    beginFloat(cpu);
    convertFromInteger(lo, wide ? cpu.S[s + 1] : lo >> 31, to64);
    OUT[0] = RESULT[0];
    OUT[1] = RESULT[1];
    commit(cpu, d, to64 ? 2 : 1);
  };
}

export const CONVERT_OPS: readonly SseOp[] = [
  sse('cvtpi2ps', 0, 0x2a, 'xmm_mmm', fromInt32(2), { regOnly: true }),
  sse('cvtpi2ps', 0, 0x2a, 'xmm_mmm', fromInt32(2), { memOnly: true }),
  sse('cvtpi2pd', 0x66, 0x2a, 'xmm_mmm', cvtdq2pd, { regOnly: true }),
  sse('cvtpi2pd', 0x66, 0x2a, 'xmm_mmm', cvtdq2pd, { memOnly: true }),
  sse('cvtsi2ss', 0xf3, 0x2a, 'xmm_gprm', fromGpr(false)),
  sse('cvtsi2sd', 0xf2, 0x2a, 'xmm_gprm', fromGpr(true)),
  sse('cvttps2pi', 0, 0x2c, 'mm_xmmm', toInt32(2, false, 2, true)),
  sse('cvttpd2pi', 0x66, 0x2c, 'mm_xmmm', toInt32(2, true, 2, true), { memBytes: 16 }),
  sse('cvttss2si', 0xf3, 0x2c, 'gpr_xmmm', toGpr(false, true), { memBytes: 4 }),
  sse('cvttsd2si', 0xf2, 0x2c, 'gpr_xmmm', toGpr(true, true), { memBytes: 8 }),
  sse('cvtps2pi', 0, 0x2d, 'mm_xmmm', toInt32(2, false, 2, false)),
  sse('cvtpd2pi', 0x66, 0x2d, 'mm_xmmm', toInt32(2, true, 2, false), { memBytes: 16 }),
  sse('cvtss2si', 0xf3, 0x2d, 'gpr_xmmm', toGpr(false, false), { memBytes: 4 }),
  sse('cvtsd2si', 0xf2, 0x2d, 'gpr_xmmm', toGpr(true, false), { memBytes: 8 }),
  sse('cvtps2pd', 0, 0x5a, 'xmm_xmmm', cvtps2pd, { memBytes: 8 }),
  sse('cvtpd2ps', 0x66, 0x5a, 'xmm_xmmm', cvtpd2ps),
  sse('cvtss2sd', 0xf3, 0x5a, 'xmm_xmmm', cvtss2sd, { memBytes: 4 }),
  sse('cvtsd2ss', 0xf2, 0x5a, 'xmm_xmmm', cvtsd2ss, { memBytes: 8 }),
  sse('cvtdq2ps', 0, 0x5b, 'xmm_xmmm', fromInt32(4)),
  sse('cvtps2dq', 0x66, 0x5b, 'xmm_xmmm', toInt32(4, false, 4, false)),
  sse('cvttps2dq', 0xf3, 0x5b, 'xmm_xmmm', toInt32(4, false, 4, true)),
  sse('cvttpd2dq', 0x66, 0xe6, 'xmm_xmmm', toInt32(2, true, 4, true)),
  sse('cvtdq2pd', 0xf3, 0xe6, 'xmm_xmmm', cvtdq2pd, { memBytes: 8 }),
  sse('cvtpd2dq', 0xf2, 0xe6, 'xmm_xmmm', toInt32(2, true, 4, false)),
];
