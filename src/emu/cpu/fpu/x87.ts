/** Executes the x87 instructions, opcodes D8 to DF. */
import type { Cpu } from '../cpu.ts';
import { X } from '../interp/arithmetic.ts';
import { setCompareFlags } from '../sse/op.ts';
import {
  CR0,
  CR0_EM,
  CR0_TS,
  EA_HI,
  EA_LO,
  FAULT,
  FLAG_CF,
  FLAG_PF,
  FLAG_ZF,
  FPU_CS,
  FPU_CW,
  FPU_DP_HI,
  FPU_DP_LO,
  FPU_DS,
  FPU_IP_HI,
  FPU_IP_LO,
  FPU_OPCODE,
  FPU_SW,
  RAX,
  RIP_HI,
  RIP_LO,
  SEG_CS,
  SEG_DS,
  SEG_SELECTOR,
  VEC_NM,
  VEC_UD,
} from '../state.ts';
import { fldenv, fnsave, fnstenv, frstor, initialise, setControlWord } from './environment.ts';
import { pendingException } from './fxsave.ts';
import {
  FLOAT32,
  FLOAT64,
  INT16,
  INT32,
  INT64,
  load80,
  loadBcd,
  loadOperand,
  OPERAND,
  store80,
  storeBcd,
} from './memory.ts';
import {
  arithmeticOperand,
  arithmeticStack,
  beginStore,
  compareOrder,
  compareStack,
  copyTo,
  copyWords,
  duplicate,
  endStore,
  exchange,
  pushOperand,
} from './operations.ts';
import {
  EXCEPTIONS,
  isEmpty,
  markEmpty,
  moveTop,
  pop,
  SW_B,
  SW_C1,
  SW_ES,
  SW_SF,
  st,
  stackUnderflow,
  writeSt,
} from './stack.ts';
import { escapeD9 } from './unary.ts';

/**
 * Executes one x87 instruction. The linear address of a memory operand is in S[EA_*]; `size16` chooses the layout of FNSTENV and FNSAVE.
 * Leaves either S[FAULT] set and nothing changed, or the instruction done.
 */
export function x87(cpu: Cpu, opcode: number, modrm: number, size16: boolean): void {
  const S = cpu.S;
  if ((S[CR0] & (CR0_EM | CR0_TS)) !== 0) {
    cpu.raise(VEC_NM);
    return;
  }
  const isControl =
    modrm < 0xc0 ? controlMemory(cpu, opcode, modrm, size16) : controlRegister(cpu, opcode, modrm);
  if (isControl || pendingException(cpu)) return;
  if (modrm < 0xc0) memoryForm(cpu, opcode, (modrm >> 3) & 7);
  else registerForm(cpu, opcode, modrm);
  if (S[FAULT] !== 0) return;
  S[FPU_OPCODE] = ((opcode & 7) << 8) | modrm;
  S[FPU_IP_LO] = S[RIP_LO];
  S[FPU_IP_HI] = S[RIP_HI];
  S[FPU_CS] = S[SEG_CS + SEG_SELECTOR];
  if (modrm < 0xc0) {
    // Not modelled: the segment of the operand; the pointer is the linear address, with the selector of DS.
    S[FPU_DP_LO] = S[EA_LO];
    S[FPU_DP_HI] = S[EA_HI];
    S[FPU_DS] = S[SEG_DS + SEG_SELECTOR];
  }
}

/** Memory forms that leave the last instruction's pointers alone. True: it was one. */
function controlMemory(cpu: Cpu, opcode: number, modrm: number, size16: boolean): boolean {
  const S = cpu.S;
  const reg = (modrm >> 3) & 7;
  if (opcode === 0xd9 && reg >= 4) {
    if (reg === 6) {
      fnstenv(cpu, size16);
    } else if (reg === 7) {
      cpu.store16(S[EA_LO], S[EA_HI], S[FPU_CW]);
    } else if (!pendingException(cpu)) {
      if (reg === 4) fldenv(cpu, size16);
      else loadControlWord(cpu);
    }
    return true;
  }
  if (opcode === 0xdd && (reg === 4 || reg >= 6)) {
    if (reg === 6) fnsave(cpu, size16);
    else if (reg === 7) cpu.store16(S[EA_LO], S[EA_HI], S[FPU_SW] & 0xffff);
    else if (!pendingException(cpu)) frstor(cpu, size16);
    return true;
  }
  return false;
}

function loadControlWord(cpu: Cpu): void {
  const S = cpu.S;
  const value = cpu.load16(S[EA_LO], S[EA_HI]);
  if (S[FAULT] === 0) setControlWord(S, value);
}

/** FNCLEX, FNINIT, FNSTSW AX and the 8087's and 80287's leftovers. True: it was one. */
function controlRegister(cpu: Cpu, opcode: number, modrm: number): boolean {
  const S = cpu.S;
  if (opcode === 0xdf && modrm === 0xe0) {
    S[RAX] = (S[RAX] & ~0xffff) | (S[FPU_SW] & 0xffff);
    return true;
  }
  if (opcode !== 0xdb || modrm < 0xe0 || modrm > 0xe4) return false;
  if (modrm === 0xe2) S[FPU_SW] &= ~(EXCEPTIONS | SW_SF | SW_ES | SW_B);
  else if (modrm === 0xe3) initialise(S);
  return true;
}

function memoryForm(cpu: Cpu, opcode: number, reg: number): void {
  const kind = (opcode >> 1) & 3;
  if ((opcode & 1) === 0) {
    if (loadOperand(cpu, kind)) arithmeticOperand(cpu.S, reg, kind, OPERAND[0], OPERAND[1]);
    return;
  }
  const isInteger = kind === INT32 || kind === INT16;
  switch (reg) {
    case 0:
      load(cpu, kind);
      return;
    case 1:
      if (kind === FLOAT32) cpu.raise(VEC_UD);
      else store(cpu, kind === FLOAT64 ? INT64 : kind, true, true);
      return;
    case 2:
    case 3:
      store(cpu, kind, reg === 3, false);
      return;
    case 4:
      if (kind === INT16) loadBcd(cpu);
      else cpu.raise(VEC_UD);
      return;
    case 5:
      if (!isInteger) cpu.raise(VEC_UD);
      else if (kind === INT32) load80(cpu);
      else load(cpu, INT64);
      return;
    case 6:
      if (kind === INT16) storeBcd(cpu);
      else cpu.raise(VEC_UD);
      return;
    default:
      if (kind === INT32) store80(cpu);
      else store(cpu, INT64, true, false);
  }
}

function load(cpu: Cpu, kind: number): void {
  if (loadOperand(cpu, kind)) pushOperand(cpu.S, kind, OPERAND[0], OPERAND[1]);
}

function store(cpu: Cpu, kind: number, popping: boolean, truncate: boolean): void {
  const S = cpu.S;
  const outcome = beginStore(S, kind, truncate);
  if (outcome !== 0) {
    if (kind === FLOAT64 || kind === INT64) cpu.store64(S[EA_LO], S[EA_HI], X[0], X[1]);
    else if (kind === INT16) cpu.store16(S[EA_LO], S[EA_HI], X[0] & 0xffff);
    else cpu.store32(S[EA_LO], S[EA_HI], X[0]);
    if (S[FAULT] !== 0) return;
  }
  endStore(S, outcome, popping);
}

function fcmov(cpu: Cpu, opcode: number, modrm: number): void {
  const S = cpu.S;
  const i = modrm & 7;
  const flags = cpu.readFlags();
  const condition = (modrm >> 3) & 3;
  const mask =
    condition === 0 ? FLAG_CF : condition === 1 ? FLAG_ZF : condition === 2 ? FLAG_CF | FLAG_ZF : FLAG_PF;
  const wanted = opcode === 0xda;
  if (isEmpty(S, 0) || isEmpty(S, i)) {
    if (stackUnderflow(S)) writeSt(S, 0);
    return;
  }
  if (((flags & mask) !== 0) === wanted) copyWords(S, st(S, 0), st(S, i));
}

/** D9 D8+i. QEMU: FSTP like the documented ones. Hardware, and this: an empty ST(0) is popped without a fault. */
function fstp1(S: Int32Array, i: number): void {
  if (isEmpty(S, 0)) {
    S[FPU_SW] &= ~SW_C1;
    moveTop(S, 1);
  } else {
    copyTo(S, i, true);
  }
}

function ffree(S: Int32Array, i: number): void {
  markEmpty(S, i);
  S[FPU_SW] &= ~SW_C1;
}

function registerForm(cpu: Cpu, opcode: number, modrm: number): void {
  const S = cpu.S;
  const i = modrm & 7;
  const reg = (modrm >> 3) & 7;
  switch (opcode) {
    case 0xd8:
      if (reg === 2 || reg === 3) compareStack(S, i, false, reg - 2);
      else arithmeticStack(S, reg, 0, i, false);
      return;
    case 0xd9:
      if (reg === 0) duplicate(S, i);
      else if (reg === 1) exchange(S, i);
      else if (reg === 3) fstp1(S, i);
      else escapeD9(cpu, modrm);
      return;
    case 0xda:
      if (reg < 4) fcmov(cpu, opcode, modrm);
      else if (modrm === 0xe9) compareStack(S, 1, true, 2);
      else cpu.raise(VEC_UD);
      return;
    case 0xdb:
      if (reg < 4) fcmov(cpu, opcode, modrm);
      else if (reg === 5 || reg === 6) setCompareFlags(S, compareOrder(S, i, reg === 5, false));
      else cpu.raise(VEC_UD);
      return;
    case 0xdc:
    case 0xde:
      registerToStack(cpu, opcode, modrm);
      return;
    case 0xdd:
      if (reg === 0) ffree(S, i);
      else if (reg === 1) exchange(S, i);
      else if (reg === 2 || reg === 3) copyTo(S, i, reg === 3);
      else if (reg === 4 || reg === 5) compareStack(S, i, true, reg - 4);
      else cpu.raise(VEC_UD);
      return;
    default:
      escapeDf(cpu, reg, i);
  }
}

function registerToStack(cpu: Cpu, opcode: number, modrm: number): void {
  const S = cpu.S;
  const i = modrm & 7;
  const reg = (modrm >> 3) & 7;
  const popping = opcode === 0xde;
  if (reg === 2) {
    compareStack(S, i, false, popping ? 1 : 0);
  } else if (reg === 3) {
    if (!popping) compareStack(S, i, false, 1);
    else if (modrm === 0xd9) compareStack(S, 1, false, 2);
    else cpu.raise(VEC_UD);
  } else {
    arithmeticStack(S, reg >= 4 ? reg ^ 1 : reg, i, 0, popping);
  }
}

function escapeDf(cpu: Cpu, reg: number, i: number): void {
  const S = cpu.S;
  if (reg === 0) {
    ffree(S, i);
    pop(S);
  } else if (reg === 1) {
    exchange(S, i);
  } else if (reg === 2 || reg === 3) {
    copyTo(S, i, true);
  } else if (reg === 5 || reg === 6) {
    setCompareFlags(S, compareOrder(S, i, reg === 5, true));
  } else {
    cpu.raise(VEC_UD);
  }
}
