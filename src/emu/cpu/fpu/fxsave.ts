/** System instructions of the x87 and SSE state: FXSAVE, FXRSTOR, EMMS, FWAIT, LDMXCSR, STMXCSR. */
import type { Cpu, SystemOpInfo } from '../cpu.ts';
import {
  CPL,
  CR0,
  CR0_EM,
  CR0_MP,
  CR0_NE,
  CR0_TS,
  CR4,
  CR4_OSFXSR,
  EA_HI,
  EA_LO,
  EFER,
  EFER_FFXSR,
  EFER_LMA,
  FAULT,
  FPU_CW,
  FPU_EMPTY,
  FPU_OPCODE,
  FPU_REGS,
  FPU_SW,
  MODE,
  MODE_CODE64,
  MXCSR,
  VEC_GP,
  VEC_MF,
  VEC_NM,
  VEC_UD,
  XMM,
} from '../state.ts';
import { setControlWord } from './environment.ts';
import { highAt } from './memory.ts';
import { physical, SW_ES } from './stack.ts';

/** Bits of MXCSR that exist; the others must be written as 0. */
export const MXCSR_MASK = 0xffff;

const AREA_WORDS = 128;
const ST_WORD = 8;
const XMM_WORD = 40;
const area = new Int32Array(AREA_WORDS);

function available(cpu: Cpu): boolean {
  if ((cpu.S[CR0] & (CR0_EM | CR0_TS)) === 0) return true;
  cpu.raise(VEC_NM);
  return false;
}

function alignedArea(cpu: Cpu): boolean {
  if (!available(cpu)) return false;
  if ((cpu.S[EA_LO] & 15) === 0) return true;
  cpu.raise(VEC_GP, 0);
  return false;
}

/** How many XMM registers the image holds: none without CR4.OSFXSR, or under EFER.FFXSR at CPL 0 in 64-bit code. */
function xmmCount(S: Int32Array): number {
  if ((S[CR4] & CR4_OSFXSR) === 0) return 0;
  if ((S[EFER] & (EFER_FFXSR | EFER_LMA)) === (EFER_FFXSR | EFER_LMA) && S[CPL] === 0) {
    if ((S[MODE] & MODE_CODE64) !== 0) return 0;
  }
  return (S[MODE] & MODE_CODE64) !== 0 ? 16 : 8;
}

function storeWord(cpu: Cpu, word: number, value: number): void {
  const at = (cpu.S[EA_LO] + 4 * word) | 0;
  cpu.store32(at, highAt(cpu.S, at), value);
}

/** QEMU: instruction and data pointers are stored as 0 and not restored. */
function fxsave(cpu: Cpu): void {
  const S = cpu.S;
  if (!alignedArea(cpu)) return;
  cpu.probeWrite(S[EA_LO], S[EA_HI], 512);
  if (S[FAULT] !== 0) return;
  storeWord(cpu, 0, S[FPU_CW] | (S[FPU_SW] << 16));
  storeWord(cpu, 1, (~S[FPU_EMPTY] & 0xff) | ((S[FPU_OPCODE] & 0x7ff) << 16));
  for (let word = 2; word < 6; word++) storeWord(cpu, word, 0);
  if ((S[CR4] & CR4_OSFXSR) !== 0) {
    storeWord(cpu, 6, S[MXCSR]);
    storeWord(cpu, 7, MXCSR_MASK);
  }
  for (let i = 0; i < 8; i++) {
    const from = FPU_REGS + 4 * physical(S, i);
    for (let word = 0; word < 2; word++) storeWord(cpu, ST_WORD + 4 * i + word, S[from + word]);
    // QEMU: the 6 reserved bytes after each register stay as they are.
    const at = (S[EA_LO] + 4 * (ST_WORD + 4 * i + 2)) | 0;
    cpu.store16(at, highAt(S, at), S[from + 2]);
  }
  const words = xmmCount(S) * 4;
  for (let word = 0; word < words; word++) storeWord(cpu, XMM_WORD + word, S[XMM + word]);
}

function fxrstor(cpu: Cpu): void {
  const S = cpu.S;
  if (!alignedArea(cpu)) return;
  const words = xmmCount(S) * 4;
  for (let word = 0; word < XMM_WORD + words; word++) {
    const at = (S[EA_LO] + 4 * word) | 0;
    area[word] = cpu.load32(at, highAt(S, at));
    if (S[FAULT] !== 0) return;
  }
  const osfxsr = (S[CR4] & CR4_OSFXSR) !== 0;
  if (osfxsr && (area[6] & ~MXCSR_MASK) !== 0) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  S[FPU_SW] = area[0] >>> 16;
  S[FPU_EMPTY] = ~area[1] & 0xff;
  S[FPU_OPCODE] = (area[1] >>> 16) & 0x7ff;
  setControlWord(S, area[0] & 0xffff);
  if (osfxsr) S[MXCSR] = area[6];
  for (let i = 0; i < 8; i++) {
    const to = FPU_REGS + 4 * physical(S, i);
    for (let word = 0; word < 2; word++) S[to + word] = area[ST_WORD + 4 * i + word];
    S[to + 2] = area[ST_WORD + 4 * i + 2] & 0xffff;
  }
  for (let word = 0; word < words; word++) S[XMM + word] = area[XMM_WORD + word];
}

/** #MF when an unmasked x87 exception is pending. Not modelled: FERR# and IRQ 13, which CR0.NE = 0 selects. */
export function pendingException(cpu: Cpu): boolean {
  if ((cpu.S[FPU_SW] & SW_ES) === 0 || (cpu.S[CR0] & CR0_NE) === 0) return false;
  cpu.raise(VEC_MF);
  return true;
}

function emms(cpu: Cpu): void {
  if ((cpu.S[CR0] & CR0_EM) !== 0) {
    cpu.raise(VEC_UD);
    return;
  }
  if (!available(cpu) || pendingException(cpu)) return;
  cpu.S[FPU_EMPTY] = 0xff;
}

function fwait(cpu: Cpu): void {
  if ((cpu.S[CR0] & (CR0_MP | CR0_TS)) === (CR0_MP | CR0_TS)) {
    cpu.raise(VEC_NM);
    return;
  }
  pendingException(cpu);
}

function sseAvailable(cpu: Cpu): boolean {
  if ((cpu.S[CR0] & CR0_EM) !== 0 || (cpu.S[CR4] & CR4_OSFXSR) === 0) {
    cpu.raise(VEC_UD);
    return false;
  }
  return available(cpu);
}

function ldmxcsr(cpu: Cpu): void {
  const S = cpu.S;
  if (!sseAvailable(cpu)) return;
  const value = cpu.load32(S[EA_LO], S[EA_HI]) | 0;
  if (S[FAULT] !== 0) return;
  if ((value & ~MXCSR_MASK) !== 0) cpu.raise(VEC_GP, 0);
  else S[MXCSR] = value;
}

function stmxcsr(cpu: Cpu): void {
  if (sseAvailable(cpu)) cpu.store32(cpu.S[EA_LO], cpu.S[EA_HI], cpu.S[MXCSR]);
}

type FpuSystemOp = 'fxsave' | 'fxrstor' | 'emms' | 'fwait' | 'ldmxcsr' | 'stmxcsr';

/** By name, for the decoder's table. The form of FXSAVE and FXRSTOR without REX.W and the one with it have the same image here. */
export const FPU_SYSTEM_OPS: Readonly<Record<FpuSystemOp, SystemOpInfo>> = {
  fxsave: { run: fxsave, ends: false },
  fxrstor: { run: fxrstor, ends: false },
  emms: { run: emms, ends: false },
  fwait: { run: fwait, ends: false },
  ldmxcsr: { run: ldmxcsr, ends: false },
  stmxcsr: { run: stmxcsr, ends: false },
};
