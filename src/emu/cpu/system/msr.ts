/** Model-specific registers of `-cpu qemu64`. */
import type { Cpu } from '../cpu.ts';
import { CPUID_EXT2_LM, CPUID_EXT2_NX, CPUID_EXT2_SYSCALL, hasFeature } from '../cpu-features.ts';
import {
  APIC_BASE_HI,
  APIC_BASE_LO,
  CPL,
  CR0,
  CR0_PG,
  CSTAR_LO,
  EFER,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  KERNEL_GS_LO,
  LSTAR_LO,
  MISC_ENABLE_LO,
  MSRS,
  PAT_HI,
  PAT_LO,
  RAX,
  RCX,
  RDX,
  SEG_BASE_LO,
  SEG_FS,
  SEG_GS,
  SFMASK,
  STAR_LO,
  SYSENTER_CS,
  SYSENTER_EIP_LO,
  SYSENTER_ESP_LO,
  TSC_AUX,
  TSC_OFFSET_HI,
  TSC_OFFSET_LO,
  VEC_GP,
} from '../state.ts';

export const IA32_TSC = 0x10;
export const IA32_APIC_BASE = 0x1b;
export const MSR_SMI_COUNT = 0x34;
export const IA32_UCODE_REV = 0x8b;
export const IA32_MTRRCAP = 0xfe;
export const IA32_SYSENTER_CS = 0x174;
export const IA32_SYSENTER_ESP = 0x175;
export const IA32_SYSENTER_EIP = 0x176;
export const IA32_MCG_CAP = 0x179;
export const IA32_MCG_STATUS = 0x17a;
export const IA32_MCG_CTL = 0x17b;
export const IA32_PERF_STATUS = 0x198;
export const IA32_MISC_ENABLE = 0x1a0;
export const IA32_MTRR_PHYSBASE0 = 0x200;
export const IA32_MTRR_PHYSMASK7 = 0x20f;
export const IA32_PAT = 0x277;
export const IA32_MTRR_DEF_TYPE = 0x2ff;
export const IA32_MC0_CTL = 0x400;
export const IA32_EFER = 0xc0000080 | 0;
export const IA32_STAR = 0xc0000081 | 0;
export const IA32_LSTAR = 0xc0000082 | 0;
export const IA32_CSTAR = 0xc0000083 | 0;
export const IA32_FMASK = 0xc0000084 | 0;
export const IA32_FS_BASE = 0xc0000100 | 0;
export const IA32_GS_BASE = 0xc0000101 | 0;
export const IA32_KERNEL_GS_BASE = 0xc0000102 | 0;
export const IA32_TSC_AUX = 0xc0000103 | 0;

/** QEMU: 8 variable ranges, fixed ranges, write combining. */
const MTRRCAP = 0x508;
/** QEMU: 10 banks, MCG_CTL present, software error recovery. */
const MCG_CAP = 0x0100010a;
export const MC_BANKS = 10;
const PERF_STATUS_LO = 0x3e8;
const PERF_STATUS_HI = 0x400;
const FIXED_MTRRS: readonly number[] = [
  0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f,
];

/** Words of S[MSRS …]: variable MTRRs, fixed MTRRs, the rest, machine check banks. */
const AT_VARIABLE = MSRS;
const AT_FIXED = AT_VARIABLE + 32;
const AT_DEF_TYPE = AT_FIXED + 22;
export const AT_MCG_STATUS = AT_DEF_TYPE + 2;
export const AT_MCG_CTL = AT_MCG_STATUS + 2;
export const AT_BANKS = AT_MCG_CTL + 2;

/** Where an MSR that is a plain pair of words lives in S, by index. */
const STORED: ReadonlyMap<number, number> = storedMsrs();
function storedMsrs(): Map<number, number> {
  const map = new Map<number, number>([
    [IA32_STAR, STAR_LO],
    [IA32_LSTAR, LSTAR_LO],
    [IA32_CSTAR, CSTAR_LO],
    [IA32_FS_BASE, SEG_FS + SEG_BASE_LO],
    [IA32_GS_BASE, SEG_GS + SEG_BASE_LO],
    [IA32_KERNEL_GS_BASE, KERNEL_GS_LO],
    [IA32_SYSENTER_ESP, SYSENTER_ESP_LO],
    [IA32_SYSENTER_EIP, SYSENTER_EIP_LO],
    [IA32_PAT, PAT_LO],
    [IA32_MISC_ENABLE, MISC_ENABLE_LO],
    [IA32_MTRR_DEF_TYPE, AT_DEF_TYPE],
    [IA32_MCG_STATUS, AT_MCG_STATUS],
    [IA32_MCG_CTL, AT_MCG_CTL],
  ]);
  for (let msr = IA32_MTRR_PHYSBASE0; msr <= IA32_MTRR_PHYSMASK7; msr++) {
    map.set(msr, AT_VARIABLE + 2 * (msr - IA32_MTRR_PHYSBASE0));
  }
  FIXED_MTRRS.forEach((msr, i) => {
    map.set(msr, AT_FIXED + 2 * i);
  });
  for (let i = 0; i < 4 * MC_BANKS; i++) map.set(IA32_MC0_CTL + i, AT_BANKS + 2 * i);
  return map;
}

/** Values after RESET that are not 0. */
export function resetMsrs(S: Int32Array): void {
  S[AT_MCG_CTL] = -1;
  S[AT_MCG_CTL + 1] = -1;
  for (let bank = 0; bank < MC_BANKS; bank++) {
    S[AT_BANKS + 8 * bank] = -1;
    S[AT_BANKS + 8 * bank + 1] = -1;
  }
}

const TWO_TO_32 = 0x1_0000_0000;

/** Reads the time-stamp counter into EDX:EAX. One tick is a nanosecond of virtual time. */
export function readTsc(cpu: Cpu): void {
  const S = cpu.S;
  const now = cpu.host.nowNs();
  const lo = (now % TWO_TO_32) >>> 0;
  const sum = lo + (S[TSC_OFFSET_LO] >>> 0);
  S[RAX] = sum | 0;
  S[RDX] = (Math.floor(now / TWO_TO_32) + S[TSC_OFFSET_HI] + (sum >= TWO_TO_32 ? 1 : 0)) | 0;
  S[RAX + 1] = 0;
  S[RDX + 1] = 0;
}

function writeTsc(cpu: Cpu, lo: number, hi: number): void {
  const S = cpu.S;
  const now = cpu.host.nowNs();
  const nowLo = (now % TWO_TO_32) >>> 0;
  S[TSC_OFFSET_LO] = (lo - nowLo) | 0;
  S[TSC_OFFSET_HI] = (hi - Math.floor(now / TWO_TO_32) - (lo >>> 0 < nowLo ? 1 : 0)) | 0;
}

function give(S: Int32Array, lo: number, hi: number): void {
  S[RAX] = lo;
  S[RDX] = hi;
  S[RAX + 1] = 0;
  S[RDX + 1] = 0;
}

/** The RDMSR instruction. QEMU: an unknown MSR reads as 0, without #GP. */
export function rdmsr(cpu: Cpu): void {
  const S = cpu.S;
  if (S[CPL] !== 0) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  const index = S[RCX];
  const at = STORED.get(index);
  if (at !== undefined) {
    give(S, S[at], S[at + 1]);
    return;
  }
  switch (index) {
    case IA32_TSC:
      // QEMU: TCG answers 0 here; we give the counter, as RDTSC does.
      readTsc(cpu);
      return;
    case IA32_APIC_BASE:
      give(S, S[APIC_BASE_LO], S[APIC_BASE_HI]);
      return;
    case IA32_EFER:
      give(S, S[EFER], 0);
      return;
    case IA32_FMASK:
      give(S, S[SFMASK], 0);
      return;
    case IA32_SYSENTER_CS:
      give(S, S[SYSENTER_CS], 0);
      return;
    case IA32_TSC_AUX:
      give(S, S[TSC_AUX], 0);
      return;
    case IA32_MTRRCAP:
      give(S, MTRRCAP, 0);
      return;
    case IA32_MCG_CAP:
      give(S, MCG_CAP, 0);
      return;
    case IA32_UCODE_REV:
      give(S, Number(BigInt.asIntN(32, cpu.identity.microcode)), Number(cpu.identity.microcode >> 32n));
      return;
    case IA32_PERF_STATUS:
      give(S, PERF_STATUS_LO, PERF_STATUS_HI);
      return;
    case MSR_SMI_COUNT:
      // Not modelled: SMM, so that no SMI was ever taken.
      give(S, 0, 0);
      return;
    default:
      cpu.trace.unimplemented('rdmsr %x: read as 0', index >>> 0);
      give(S, 0, 0);
  }
}

/** The WRMSR instruction. QEMU: a write to an unknown MSR is ignored, without #GP. */
export function wrmsr(cpu: Cpu): void {
  const S = cpu.S;
  const index = S[RCX];
  const lo = S[RAX];
  const hi = S[RDX];
  if (S[CPL] !== 0 || !writeMsr(cpu, index, lo, hi)) cpu.raise(VEC_GP, 0);
}

/** What WRMSR does at CPL 0. False: #GP(0), nothing changed. QEMU: addresses need not be canonical. */
export function writeMsr(cpu: Cpu, index: number, lo: number, hi: number): boolean {
  const S = cpu.S;
  switch (index) {
    case IA32_TSC:
      writeTsc(cpu, lo, hi);
      return true;
    case IA32_APIC_BASE:
      return cpu.apic === undefined || cpu.apic.writeBase(lo, hi);
    case IA32_EFER:
      return writeEfer(cpu, lo);
    case IA32_FMASK:
      S[SFMASK] = lo;
      return true;
    case IA32_SYSENTER_CS:
      S[SYSENTER_CS] = lo & 0xffff;
      return true;
    case IA32_TSC_AUX:
      // QEMU: it is there whether or not RDTSCP is announced.
      S[TSC_AUX] = lo;
      return true;
    case IA32_PAT:
      if (!validPat(lo) || !validPat(hi)) return false;
      S[PAT_LO] = lo;
      S[PAT_HI] = hi;
      return true;
    case IA32_MCG_CTL:
      return storeAllOrNothing(S, AT_MCG_CTL, lo, hi);
    default:
  }
  const bankWord = index - IA32_MC0_CTL;
  if (bankWord >= 0 && bankWord < 4 * MC_BANKS && (bankWord & 3) === 0) {
    return storeAllOrNothing(S, AT_BANKS + 2 * bankWord, lo, hi);
  }
  const at = STORED.get(index);
  if (at === undefined) {
    cpu.trace.unimplemented('wrmsr %x: ignored', index >>> 0);
    return true;
  }
  S[at] = lo;
  S[at + 1] = hi;
  return true;
}

/** QEMU: the enables of machine check take all zeros or all ones; other values are ignored. */
function storeAllOrNothing(S: Int32Array, at: number, lo: number, hi: number): boolean {
  if ((lo | hi) === 0 || (lo & hi) === -1) {
    S[at] = lo;
    S[at + 1] = hi;
  }
  return true;
}

/** Spec: SDM vol. 3 §12.12.2: types 2 and 3 and those above 7 are reserved. */
function validPat(word: number): boolean {
  for (let shift = 0; shift < 32; shift += 8) {
    const type = (word >>> shift) & 0xff;
    if (type > 7 || type === 2 || type === 3) return false;
  }
  return true;
}

function writableEfer({ identity: { features } }: Cpu): number {
  let bits = hasFeature(features, CPUID_EXT2_SYSCALL) ? EFER_SCE : 0;
  if (hasFeature(features, CPUID_EXT2_LM)) bits |= EFER_LME;
  return hasFeature(features, CPUID_EXT2_NX) ? bits | EFER_NXE : bits;
}

/** QEMU: bits that the CPU does not have are kept clear without #GP; LMA is read-only. */
function writeEfer(cpu: Cpu, value: number): boolean {
  const S = cpu.S;
  const writable = writableEfer(cpu);
  const changed = (S[EFER] ^ value) & writable;
  if ((changed & EFER_LME) !== 0 && (S[CR0] & CR0_PG) !== 0) return false;
  S[EFER] = (S[EFER] & EFER_LMA) | (value & writable);
  if ((changed & EFER_NXE) !== 0) cpu.flushTlb(true);
  cpu.updateMode();
  return true;
}
