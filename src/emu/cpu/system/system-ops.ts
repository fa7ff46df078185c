/** The table of system instructions: name, what runs, and whether the next instruction must be looked up anew. */
import type { Cpu, SystemOp, SystemOpInfo } from '../cpu.ts';
import {
  CPL,
  CR0,
  CR4,
  CR4_PCE,
  CR4_TSD,
  EA_HI,
  EA_LO,
  EFLAGS,
  EVENT_NMI_BLOCKED,
  EVENTS,
  FAULT,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_IOPL_SHIFT,
  FLAG_OF,
  FLAG_RF,
  FLAG_VM,
  HALTED,
  HALTED_HLT,
  KERNEL_GS_HI,
  KERNEL_GS_LO,
  LD_HI,
  MODE,
  MODE_CODE64,
  RCX,
  SEG_BASE_HI,
  SEG_BASE_LO,
  SEG_ES,
  SEG_GS,
  SEG_SELECTOR,
  SHADOW,
  TSC_AUX,
  VEC_BP,
  VEC_BR,
  VEC_GP,
  VEC_OF,
  VEC_UD,
} from '../state.ts';
import { ACCESS_OPS, type AccessOpName } from './access-ops.ts';
import { clts, lmsw, movFromCr, movFromDr, movToCr, movToDr } from './control-registers.ts';
import { cpuid } from './cpuid.ts';
import {
  arpl,
  lar,
  lgdt,
  lidt,
  lldt,
  lsl,
  ltr,
  mayStoreTables,
  operand16,
  setRegister,
  sgdt,
  sidt,
  sldt,
  storeSelector,
  str,
  verr,
  verw,
} from './descriptor-ops.ts';
import { carryInto } from './descriptors.ts';
import { deliver } from './exceptions.ts';
import { rdmsr, readTsc, wrmsr } from './msr.ts';
import { portIn, portInString, portOut, portOutString } from './port-io.ts';
import { interruptReturn, mergeFlags, returnFar, writableFlags } from './returns.ts';
import { loadSegment } from './segments.ts';
import { StackCursor } from './stack.ts';
import { syscall, sysenter, sysexit, sysret } from './syscalls.ts';
import { enterFrame, farTransfer } from './transfers.ts';

const stack = new StackCursor();
const REG_CS = 1;
const REG_SS = 2;

function fail(cpu: Cpu): void {
  cpu.raise(VEC_GP, 0);
}

function kernelOnly(cpu: Cpu): boolean {
  if (cpu.S[CPL] === 0) return true;
  fail(cpu);
  return false;
}

function iopl(S: Int32Array): number {
  return (S[EFLAGS] & FLAG_IOPL) >>> FLAG_IOPL_SHIFT;
}

/** Virtual-8086 mode with IOPL below 3: the instruction belongs to the monitor. */
function vm86Sensitive(cpu: Cpu): boolean {
  if ((cpu.S[EFLAGS] & FLAG_VM) === 0 || iopl(cpu.S) === 3) return false;
  fail(cpu);
  return true;
}

function hlt(cpu: Cpu): void {
  if (kernelOnly(cpu)) cpu.S[HALTED] = HALTED_HLT;
}

function cli(cpu: Cpu): void {
  if (cpu.S[CPL] > iopl(cpu.S)) fail(cpu);
  else cpu.S[EFLAGS] &= ~FLAG_IF;
}

function sti(cpu: Cpu): void {
  const S = cpu.S;
  if (S[CPL] > iopl(S)) {
    fail(cpu);
    return;
  }
  if ((S[EFLAGS] & FLAG_IF) === 0) S[SHADOW] = 1;
  S[EFLAGS] |= FLAG_IF;
}

function pushf(cpu: Cpu, size: number): void {
  if (vm86Sensitive(cpu)) return;
  stack.begin(cpu);
  if (stack.push(cpu, size, cpu.readFlags() & ~(FLAG_VM | FLAG_RF), 0)) stack.commit(cpu.S);
}

function popf(cpu: Cpu, size: number): void {
  const S = cpu.S;
  if (vm86Sensitive(cpu)) return;
  stack.begin(cpu);
  const flags = stack.pop(cpu, size);
  if (S[FAULT] !== 0) return;
  stack.commit(S);
  mergeFlags(cpu, flags, writableFlags(S, size));
  cpu.updateMode();
}

function rdtsc(cpu: Cpu): void {
  if ((cpu.S[CR4] & CR4_TSD) !== 0 && cpu.S[CPL] !== 0) fail(cpu);
  else readTsc(cpu);
}

/** QEMU: there are no performance counters; where the instruction is allowed it is #UD. */
function rdpmc(cpu: Cpu): void {
  if ((cpu.S[CR4] & CR4_PCE) === 0 && cpu.S[CPL] !== 0) {
    fail(cpu);
    return;
  }
  cpu.trace.unimplemented('cpu: RDPMC');
  cpu.raise(VEC_UD);
}

function rdtscp(cpu: Cpu): void {
  const { S } = cpu;
  rdtsc(cpu);
  if (S[FAULT] !== 0) return;
  S[RCX] = S[TSC_AUX];
  S[RCX + 1] = 0;
}

/** Not announced by CPUID: MONITOR, MWAIT, and all that the decoder does not know. */
function ud(cpu: Cpu): void {
  cpu.raise(VEC_UD);
}

/** INVD and WBINVD. Not modelled: caches. */
function cacheControl(cpu: Cpu): void {
  kernelOnly(cpu);
}

function invlpg(cpu: Cpu): void {
  if (kernelOnly(cpu)) cpu.invalidatePage(cpu.S[EA_LO], cpu.S[EA_HI]);
}

function loadMachineStatus(cpu: Cpu, _size: number, _reg: number, rm: number): void {
  const value = operand16(cpu, rm);
  if (cpu.S[FAULT] === 0) lmsw(cpu, value);
}

function smsw(cpu: Cpu, size: number, _reg: number, rm: number): void {
  const S = cpu.S;
  if (!mayStoreTables(cpu)) return;
  if (rm < 0) storeSelector(cpu, 16, rm, S[CR0]);
  else setRegister(S, rm, size, S[CR0]);
}

function swapgs(cpu: Cpu): void {
  const S = cpu.S;
  if ((S[MODE] & MODE_CODE64) === 0) {
    cpu.raise(VEC_UD);
    return;
  }
  if (!kernelOnly(cpu)) return;
  const lo = S[SEG_GS + SEG_BASE_LO];
  const hi = S[SEG_GS + SEG_BASE_HI];
  S[SEG_GS + SEG_BASE_LO] = S[KERNEL_GS_LO];
  S[SEG_GS + SEG_BASE_HI] = S[KERNEL_GS_HI];
  S[KERNEL_GS_LO] = lo;
  S[KERNEL_GS_HI] = hi;
}

function intN(cpu: Cpu, _size: number, _reg: number, _rm: number, imm: number): void {
  if (!vm86Sensitive(cpu)) deliver(cpu, imm & 0xff, 'software', undefined);
}

function into(cpu: Cpu): void {
  if ((cpu.S[MODE] & MODE_CODE64) !== 0) cpu.raise(VEC_UD);
  else if ((cpu.readFlags() & FLAG_OF) !== 0) deliver(cpu, VEC_OF, 'software', undefined);
}

function iret(cpu: Cpu, size: number): void {
  interruptReturn(cpu, size);
  if (cpu.S[FAULT] === 0) cpu.S[EVENTS] &= ~EVENT_NMI_BLOCKED;
}

function farImm(call: boolean): SystemOp {
  return (cpu, size, _reg, _rm, imm, imm2) => {
    if ((cpu.S[MODE] & MODE_CODE64) !== 0) cpu.raise(VEC_UD);
    else farTransfer(cpu, call, size, imm2 & 0xffff, imm, 0);
  };
}

let pointerLo = 0;
let pointerHi = 0;

/** Reads offset (to pointerLo, pointerHi) and selector at EA. The caller tests S[FAULT]. */
function loadPointer(cpu: Cpu, size: number): number {
  const S = cpu.S;
  const lo = S[EA_LO];
  const hi = S[EA_HI];
  pointerHi = 0;
  if (size === 16) pointerLo = cpu.load16(lo, hi);
  else if (size === 32) pointerLo = cpu.load32(lo, hi);
  else {
    pointerLo = cpu.load64(lo, hi);
    pointerHi = S[LD_HI];
  }
  if (S[FAULT] !== 0) return 0;
  const at = (lo + (size >> 3)) | 0;
  return cpu.load16(at, carryInto(S, hi, lo, at));
}

function farMem(call: boolean): SystemOp {
  return (cpu, size) => {
    const selector = loadPointer(cpu, size);
    if (cpu.S[FAULT] === 0) farTransfer(cpu, call, size, selector, pointerLo, pointerHi);
  };
}

/** After a segment register changed. Spec: SDM vol. 3 §6.8.3: SS holds interrupts off for one instruction. */
function segmentLoaded(cpu: Cpu, reg: number): void {
  if (reg === REG_SS) cpu.S[SHADOW] = 1;
  cpu.updateMode();
}

function movToSeg(cpu: Cpu, _size: number, reg: number, rm: number): void {
  if (reg === REG_CS || reg > 5) {
    cpu.raise(VEC_UD);
    return;
  }
  const selector = operand16(cpu, rm);
  if (cpu.S[FAULT] === 0 && loadSegment(cpu, SEG_ES + 8 * reg, selector)) segmentLoaded(cpu, reg);
}

function movFromSeg(cpu: Cpu, size: number, reg: number, rm: number): void {
  if (reg > 5) cpu.raise(VEC_UD);
  else storeSelector(cpu, size, rm, cpu.S[SEG_ES + 8 * reg + SEG_SELECTOR]);
}

function pushSeg(cpu: Cpu, size: number, reg: number): void {
  stack.begin(cpu);
  if (stack.push(cpu, size, cpu.S[SEG_ES + 8 * reg + SEG_SELECTOR], 0)) stack.commit(cpu.S);
}

function popSeg(cpu: Cpu, size: number, reg: number): void {
  const S = cpu.S;
  stack.begin(cpu);
  const selector = stack.pop(cpu, size) & 0xffff;
  if (S[FAULT] !== 0 || !loadSegment(cpu, SEG_ES + 8 * reg, selector)) return;
  // The width of the stack pointer is that of the stack popped from, also for POP SS.
  stack.commit(S);
  segmentLoaded(cpu, reg);
}

function loadFarPointer(cpu: Cpu, size: number, reg: number, _rm: number, imm: number): void {
  const S = cpu.S;
  const selector = loadPointer(cpu, size);
  if (S[FAULT] !== 0 || !loadSegment(cpu, SEG_ES + 8 * imm, selector)) return;
  setRegister(S, reg, size, pointerLo);
  if (size === 64) S[2 * reg + 1] = pointerHi;
  segmentLoaded(cpu, imm);
}

function enter(cpu: Cpu, size: number, _reg: number, _rm: number, imm: number, imm2: number): void {
  enterFrame(cpu, size, imm & 0xffff, imm2 & 31);
}

function bound(cpu: Cpu, size: number, reg: number): void {
  const S = cpu.S;
  const lo = S[EA_LO];
  const step = size >> 3;
  const narrow = size === 16;
  const first = narrow ? cpu.load16(lo, 0) : cpu.load32(lo, 0);
  const second = narrow ? cpu.load16((lo + step) | 0, 0) : cpu.load32((lo + step) | 0, 0);
  if (S[FAULT] !== 0) return;
  const shift = narrow ? 16 : 0;
  const index = (S[2 * reg] << shift) >> shift;
  if (index < (first << shift) >> shift || index > (second << shift) >> shift) cpu.raise(VEC_BR);
}

const stays = (run: SystemOp): SystemOpInfo => ({ run, ends: false });
const ends = (run: SystemOp): SystemOpInfo => ({ run, ends: true });

export type SystemOpName =
  | 'in'
  | 'out'
  | 'ins'
  | 'outs'
  | 'hlt'
  | 'pause'
  | 'cli'
  | 'sti'
  | 'pushf'
  | 'popf'
  | 'cpuid'
  | 'rdtsc'
  | 'rdtscp'
  | 'rdpmc'
  | 'rdmsr'
  | 'wrmsr'
  | 'invd'
  | 'wbinvd'
  | 'invlpg'
  | 'lgdt'
  | 'lidt'
  | 'sgdt'
  | 'sidt'
  | 'lldt'
  | 'ltr'
  | 'sldt'
  | 'str'
  | 'lmsw'
  | 'smsw'
  | 'clts'
  | 'lar'
  | 'lsl'
  | 'verr'
  | 'verw'
  | 'arpl'
  | 'movFromCr'
  | 'movToCr'
  | 'movFromDr'
  | 'movToDr'
  | 'swapgs'
  | 'syscall'
  | 'sysret'
  | 'sysenter'
  | 'sysexit'
  | 'int3'
  | 'intN'
  | 'into'
  | 'iret'
  | 'farJmpImm'
  | 'farCallImm'
  | 'farJmpMem'
  | 'farCallMem'
  | 'retFar'
  | 'movToSeg'
  | 'movFromSeg'
  | 'pushSeg'
  | 'popSeg'
  | 'loadFarPointer'
  | 'enter'
  | 'bound'
  | 'monitor'
  | 'mwait'
  | 'ud';

export const SYSTEM_OPS: Readonly<Record<SystemOpName | AccessOpName, SystemOpInfo>> = {
  ...ACCESS_OPS,
  in: ends(portIn),
  out: ends(portOut),
  ins: ends(portInString),
  outs: ends(portOutString),
  hlt: ends(hlt),
  pause: stays((cpu) => cpu.pause()),
  cli: stays(cli),
  sti: ends(sti),
  pushf: stays(pushf),
  popf: ends(popf),
  cpuid: stays(cpuid),
  rdtsc: stays(rdtsc),
  rdtscp: stays(rdtscp),
  rdpmc: stays(rdpmc),
  rdmsr: stays(rdmsr),
  wrmsr: ends(wrmsr),
  invd: stays(cacheControl),
  wbinvd: stays(cacheControl),
  invlpg: ends(invlpg),
  lgdt: stays(lgdt),
  lidt: stays(lidt),
  sgdt: stays(sgdt),
  sidt: stays(sidt),
  lldt: stays(lldt),
  ltr: stays(ltr),
  sldt: stays(sldt),
  str: stays(str),
  lmsw: ends(loadMachineStatus),
  smsw: stays(smsw),
  clts: stays(clts),
  lar: stays(lar),
  lsl: stays(lsl),
  verr: stays(verr),
  verw: stays(verw),
  arpl: stays(arpl),
  movFromCr: stays(movFromCr),
  movToCr: ends(movToCr),
  movFromDr: stays(movFromDr),
  movToDr: ends(movToDr),
  swapgs: stays(swapgs),
  syscall: ends(syscall),
  sysret: ends(sysret),
  sysenter: ends(sysenter),
  sysexit: ends(sysexit),
  int3: ends((cpu) => deliver(cpu, VEC_BP, 'software', undefined)),
  intN: ends(intN),
  into: ends(into),
  iret: ends(iret),
  farJmpImm: ends(farImm(false)),
  farCallImm: ends(farImm(true)),
  farJmpMem: ends(farMem(false)),
  farCallMem: ends(farMem(true)),
  retFar: ends((cpu, size, _reg, _rm, imm) => returnFar(cpu, size, imm & 0xffff)),
  movToSeg: ends(movToSeg),
  movFromSeg: stays(movFromSeg),
  pushSeg: stays(pushSeg),
  popSeg: ends(popSeg),
  loadFarPointer: ends(loadFarPointer),
  enter: stays(enter),
  bound: stays(bound),
  monitor: stays(ud),
  mwait: stays(ud),
  ud: stays(ud),
};
