/** FNSTENV, FLDENV, FNSAVE, FRSTOR, FNINIT, and the tag word that they show. */
import type { Cpu } from '../cpu.ts';
import {
  EA_LO,
  FAULT,
  FPU_CS,
  FPU_CW,
  FPU_DP_HI,
  FPU_DP_LO,
  FPU_DS,
  FPU_EMPTY,
  FPU_IP_HI,
  FPU_IP_LO,
  FPU_OPCODE,
  FPU_REGS,
  FPU_SW,
} from '../state.ts';
import { highAt } from './memory.ts';
import { EXCEPTIONS, physical, updateSummary } from './stack.ts';

/** Control word bits that can be written; bit 6 reads as 1. */
const CW_MASK = 0x1f3f;
const CW_RESERVED_1 = 0x40;
const CW_INITIAL = 0x37f;

/** FLDCW's and FXRSTOR's way to set the control word. */
export function setControlWord(S: Int32Array, value: number): void {
  S[FPU_CW] = (value & CW_MASK) | CW_RESERVED_1;
  updateSummary(S);
}

/** FNINIT. */
export function initialise(S: Int32Array): void {
  S[FPU_CW] = CW_INITIAL;
  S[FPU_SW] = 0;
  S[FPU_EMPTY] = 0xff;
  S[FPU_OPCODE] = 0;
  S[FPU_IP_LO] = 0;
  S[FPU_IP_HI] = 0;
  S[FPU_CS] = 0;
  S[FPU_DP_LO] = 0;
  S[FPU_DP_HI] = 0;
  S[FPU_DS] = 0;
}

/** Two bits per physical register: 0 valid, 1 zero, 2 special, 3 empty. */
function tagWord(S: Int32Array): number {
  let tags = 0;
  for (let n = 7; n >= 0; n--) {
    const at = FPU_REGS + 4 * n;
    const exp = S[at + 2] & 0x7fff;
    let tag = 0;
    if ((S[FPU_EMPTY] >>> n) & 1) tag = 3;
    else if (exp === 0 && (S[at] | S[at + 1]) === 0) tag = 1;
    else if (exp === 0 || exp === 0x7fff || S[at + 1] >= 0) tag = 2;
    tags = (tags << 2) | tag;
  }
  return tags;
}

function setTagWord(S: Int32Array, tags: number): void {
  let empty = 0;
  for (let n = 0; n < 8; n++) if (((tags >>> (2 * n)) & 3) === 3) empty |= 1 << n;
  S[FPU_EMPTY] = empty;
}

/**
 * QEMU: selectors and 32-bit offsets in fields of their own in every mode, no opcode, and no real-mode layout; the upper halves of the
 * 32-bit layout's words are 0 where hardware stores ones.
 */
function storeEnvironment(cpu: Cpu, size16: boolean): void {
  const S = cpu.S;
  const step = size16 ? 2 : 4;
  for (let i = 0; i < 7; i++) {
    const at = (S[EA_LO] + i * step) | 0;
    const value = environmentWord(S, i);
    if (size16) cpu.store16(at, highAt(S, at), value & 0xffff);
    else cpu.store32(at, highAt(S, at), value);
  }
}

function environmentWord(S: Int32Array, index: number): number {
  switch (index) {
    case 0:
      return S[FPU_CW];
    case 1:
      return S[FPU_SW];
    case 2:
      return tagWord(S);
    case 3:
      return S[FPU_IP_LO];
    case 4:
      return S[FPU_CS];
    case 5:
      return S[FPU_DP_LO];
    default:
      return S[FPU_DS];
  }
}

const ENVIRONMENT = new Int32Array(7);

function readEnvironment(cpu: Cpu, size16: boolean): boolean {
  const S = cpu.S;
  const step = size16 ? 2 : 4;
  for (let i = 0; i < 7; i++) {
    const at = (S[EA_LO] + i * step) | 0;
    ENVIRONMENT[i] = size16 ? cpu.load16(at, highAt(S, at)) : cpu.load32(at, highAt(S, at));
    if (S[FAULT] !== 0) return false;
  }
  return true;
}

function applyEnvironment(S: Int32Array): void {
  S[FPU_SW] = ENVIRONMENT[1] & 0xffff;
  setTagWord(S, ENVIRONMENT[2]);
  S[FPU_IP_LO] = ENVIRONMENT[3];
  S[FPU_IP_HI] = 0;
  S[FPU_CS] = ENVIRONMENT[4] & 0xffff;
  S[FPU_DP_LO] = ENVIRONMENT[5];
  S[FPU_DP_HI] = 0;
  S[FPU_DS] = ENVIRONMENT[6] & 0xffff;
  setControlWord(S, ENVIRONMENT[0]);
}

function probe(cpu: Cpu, size: number): boolean {
  const S = cpu.S;
  cpu.probeWrite(S[EA_LO], highAt(S, S[EA_LO]), size);
  return S[FAULT] === 0;
}

/** FNSTENV. Masks all exceptions afterwards. */
export function fnstenv(cpu: Cpu, size16: boolean): void {
  const S = cpu.S;
  if (!probe(cpu, size16 ? 14 : 28)) return;
  storeEnvironment(cpu, size16);
  S[FPU_CW] |= EXCEPTIONS;
  updateSummary(S);
}

/** FLDENV. */
export function fldenv(cpu: Cpu, size16: boolean): void {
  if (readEnvironment(cpu, size16)) applyEnvironment(cpu.S);
}

/** FNSAVE. */
export function fnsave(cpu: Cpu, size16: boolean): void {
  const S = cpu.S;
  const size = size16 ? 14 : 28;
  if (!probe(cpu, size + 80)) return;
  storeEnvironment(cpu, size16);
  for (let i = 0; i < 8; i++) {
    const from = FPU_REGS + 4 * physical(S, i);
    const at = (S[EA_LO] + size + 10 * i) | 0;
    const end = (at + 8) | 0;
    cpu.store64(at, highAt(S, at), S[from], S[from + 1]);
    cpu.store16(end, highAt(S, end), S[from + 2] & 0xffff);
  }
  initialise(S);
}

const REGISTERS = new Int32Array(24);

/** FRSTOR. */
export function frstor(cpu: Cpu, size16: boolean): void {
  const S = cpu.S;
  const size = size16 ? 14 : 28;
  if (!readEnvironment(cpu, size16)) return;
  for (let i = 0; i < 8; i++) {
    const at = (S[EA_LO] + size + 10 * i) | 0;
    for (let word = 0; word < 3; word++) {
      const lo = (at + 4 * word) | 0;
      REGISTERS[3 * i + word] = word === 2 ? cpu.load16(lo, highAt(S, lo)) : cpu.load32(lo, highAt(S, lo));
      if (S[FAULT] !== 0) return;
    }
  }
  applyEnvironment(S);
  for (let i = 0; i < 8; i++) {
    const to = FPU_REGS + 4 * physical(S, i);
    for (let word = 0; word < 3; word++) S[to + word] = REGISTERS[3 * i + word];
  }
}
