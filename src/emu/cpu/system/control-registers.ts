/** Control and debug registers, and the mode changes that they make. Spec: SDM vol. 3 §2.5, §9.8, §17.2. */
import type { Cpu } from '../cpu.ts';
import {
  CPUID_7_0_EBX_FSGSBASE,
  CPUID_7_0_EBX_SMAP,
  CPUID_7_0_EBX_SMEP,
  CPUID_7_0_ECX_UMIP,
  CPUID_SSE,
  type CpuFeature,
  hasFeature,
} from '../cpu-features.ts';
import { loadPdptrs } from '../mmu/page-walk.ts';
import {
  ATTR_L,
  CPL,
  CR0,
  CR0_AM,
  CR0_CD,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR2_HI,
  CR2_LO,
  CR3_HI,
  CR3_LO,
  CR4,
  CR4_DE,
  CR4_FSGSBASE,
  CR4_MCE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  CR4_PCE,
  CR4_PGE,
  CR4_PSE,
  CR4_PVI,
  CR4_SMAP,
  CR4_SMEP,
  CR4_TSD,
  CR4_UMIP,
  CR4_VME,
  DR0_LO,
  DR6,
  DR7,
  EFER,
  EFER_LMA,
  EFER_LME,
  MODE,
  MODE_CODE64,
  SEG_ATTR,
  SEG_CS,
  VEC_GP,
  VEC_UD,
} from '../state.ts';
import { DR7_ENABLES } from './debug.ts';

const CR0_BITS =
  CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
/** QEMU: the bits that no CPUID feature guards. */
const CR4_BITS =
  CR4_VME |
  CR4_PVI |
  CR4_TSD |
  CR4_DE |
  CR4_PSE |
  CR4_PAE |
  CR4_MCE |
  CR4_PGE |
  CR4_PCE |
  CR4_OSFXSR |
  CR4_OSXMMEXCPT;
/** Bits that a feature guards. QEMU hangs where one is set without it; a processor raises #GP(0). */
const CR4_FEATURES: readonly (readonly [number, CpuFeature])[] = [
  [CR4_UMIP, CPUID_7_0_ECX_UMIP],
  [CR4_FSGSBASE, CPUID_7_0_EBX_FSGSBASE],
  [CR4_SMEP, CPUID_7_0_EBX_SMEP],
  [CR4_SMAP, CPUID_7_0_EBX_SMAP],
];
/** What translations depend on. */
const CR4_PAGING = CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP | CR4_SMAP;
/** High word of CR3: 40 physical address bits. */
const CR3_HI_BITS = 0xff;
const DR6_ONES = 0xffff0ff0 | 0;
/** QEMU: the reserved zeros of DR7 can be set. */
const DR7_ONES = 0x400;

function canRun(cpu: Cpu): boolean {
  if (cpu.S[CPL] === 0) return true;
  cpu.raise(VEC_GP, 0);
  return false;
}

/** MOV r, CRn: the full register (32 bits outside 64-bit code). */
export function movFromCr(cpu: Cpu, _size: number, cr: number, rm: number): void {
  const S = cpu.S;
  if (!isControlRegister(cr)) {
    cpu.raise(VEC_UD);
    return;
  }
  if (!canRun(cpu)) return;
  let lo = 0;
  let hi = 0;
  if (cr === 0) lo = S[CR0];
  else if (cr === 2) {
    lo = S[CR2_LO];
    hi = S[CR2_HI];
  } else if (cr === 3) {
    lo = S[CR3_LO];
    hi = S[CR3_HI];
  } else if (cr === 4) lo = S[CR4];
  else lo = cpu.apic?.readCr8() ?? 0;
  S[2 * rm] = lo;
  S[2 * rm + 1] = (S[MODE] & MODE_CODE64) !== 0 ? hi : 0;
}

function isControlRegister(cr: number): boolean {
  return cr === 0 || cr === 2 || cr === 3 || cr === 4 || cr === 8;
}

export function movToCr(cpu: Cpu, _size: number, cr: number, rm: number): void {
  const S = cpu.S;
  if (!isControlRegister(cr)) {
    cpu.raise(VEC_UD);
    return;
  }
  if (!canRun(cpu)) return;
  const lo = S[2 * rm];
  const hi = (S[MODE] & MODE_CODE64) !== 0 ? S[2 * rm + 1] : 0;
  if (cr === 2) {
    S[CR2_LO] = lo;
    S[CR2_HI] = hi;
  } else if (cr === 3) writeCr3(cpu, lo, hi);
  else if (hi !== 0) cpu.raise(VEC_GP, 0);
  else if (cr === 0) writeCr0(cpu, lo);
  else if (cr === 4) writeCr4(cpu, lo);
  else if ((lo & ~0xf) !== 0) cpu.raise(VEC_GP, 0);
  else cpu.apic?.writeCr8(lo);
}

/** Paging on with PAE and without long mode: the four PDPTEs are part of the processor's state. */
function usesPdptrs(cr0: number, cr4: number, efer: number): boolean {
  return (cr0 & CR0_PG) !== 0 && (cr4 & CR4_PAE) !== 0 && (efer & EFER_LMA) === 0;
}

/** Also LMSW's way; a forbidden combination is #GP(0). */
export function writeCr0(cpu: Cpu, value: number): void {
  const S = cpu.S;
  const cr0 = (value & CR0_BITS) | CR0_ET;
  const old = S[CR0];
  const paging = (cr0 & CR0_PG) !== 0;
  const wasPaging = (old & CR0_PG) !== 0;
  let efer = S[EFER];
  const inconsistent = (paging && (cr0 & CR0_PE) === 0) || ((cr0 & CR0_NW) !== 0 && (cr0 & CR0_CD) === 0);
  let wrongForLong = !paging && (S[MODE] & MODE_CODE64) !== 0;
  if (paging && !wasPaging && (efer & EFER_LME) !== 0) {
    wrongForLong ||= (S[CR4] & CR4_PAE) === 0 || (S[SEG_CS + SEG_ATTR] & ATTR_L) !== 0;
    efer |= EFER_LMA;
  } else if (!paging) {
    efer &= ~EFER_LMA;
  }
  if (inconsistent || wrongForLong) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  const reload = ((old ^ cr0) & (CR0_PG | CR0_CD | CR0_NW)) !== 0 && usesPdptrs(cr0, S[CR4], efer);
  if (reload && !loadPdptrs(S, cpu.memory, S[CR3_LO])) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  cpu.watcher?.writingCr0(value);
  S[CR0] = cr0;
  S[EFER] = efer;
  if (((old ^ cr0) & (CR0_PG | CR0_WP | CR0_PE)) !== 0) cpu.flushTlb(true);
  cpu.updateMode();
}

function writeCr3(cpu: Cpu, lo: number, hi: number): void {
  const S = cpu.S;
  const pdptrs = usesPdptrs(S[CR0], S[CR4], S[EFER]);
  if ((hi & ~CR3_HI_BITS) !== 0 || (pdptrs && !loadPdptrs(S, cpu.memory, lo))) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  S[CR3_LO] = lo;
  S[CR3_HI] = hi;
  cpu.flushTlb(false);
}

function writableCr4(cpu: Cpu): number {
  let bits = CR4_BITS;
  for (const [bit, feature] of CR4_FEATURES) if (hasFeature(cpu.identity.features, feature)) bits |= bit;
  return bits;
}

function writeCr4(cpu: Cpu, wanted: number): void {
  const S = cpu.S;
  const value = hasFeature(cpu.identity.features, CPUID_SSE) ? wanted : wanted & ~CR4_OSFXSR;
  const changed = S[CR4] ^ value;
  const leavesLong = (value & CR4_PAE) === 0 && (S[EFER] & EFER_LMA) !== 0;
  if ((value & ~writableCr4(cpu)) !== 0 || leavesLong) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  const reload = (changed & (CR4_PAE | CR4_PGE | CR4_PSE)) !== 0 && usesPdptrs(S[CR0], value, S[EFER]);
  if (reload && !loadPdptrs(S, cpu.memory, S[CR3_LO])) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  // Not modelled: virtual interrupt flags, which CPUID does not announce.
  if ((value & (CR4_VME | CR4_PVI)) !== 0) cpu.trace.unimplemented('cpu: CR4.VME, CR4.PVI');
  if ((changed & CR4_PAGING) !== 0) cpu.flushTlb(true);
  S[CR4] = value;
  cpu.updateMode();
}

/** LMSW: the four low bits of CR0; PE cannot be cleared. */
export function lmsw(cpu: Cpu, value: number): void {
  if (!canRun(cpu)) return;
  const old = cpu.S[CR0];
  const low = CR0_PE | CR0_MP | CR0_EM | CR0_TS;
  writeCr0(cpu, (old & ~low) | (value & low) | (old & CR0_PE));
}

export function clts(cpu: Cpu): void {
  if (!canRun(cpu)) return;
  cpu.S[CR0] &= ~CR0_TS;
  cpu.updateMode();
}

/** DR4 and DR5 are DR6 and DR7 unless CR4.DE forbids it; -1 with #UD raised. */
function debugRegister(cpu: Cpu, number: number): number {
  const alias = number === 4 || number === 5;
  if (number > 7 || (alias && (cpu.S[CR4] & CR4_DE) !== 0)) {
    cpu.raise(VEC_UD);
    return -1;
  }
  return alias ? number + 2 : number;
}

function wordOf(number: number): number {
  if (number === 6) return DR6;
  return number === 7 ? DR7 : DR0_LO + 2 * number;
}

export function movFromDr(cpu: Cpu, _size: number, dr: number, rm: number): void {
  const S = cpu.S;
  const number = debugRegister(cpu, dr);
  if (number < 0 || !canRun(cpu)) return;
  const at = wordOf(number);
  S[2 * rm] = S[at];
  S[2 * rm + 1] = (S[MODE] & MODE_CODE64) !== 0 ? S[at + 1] : 0;
}

export function movToDr(cpu: Cpu, _size: number, dr: number, rm: number): void {
  const S = cpu.S;
  const number = debugRegister(cpu, dr);
  if (number < 0 || !canRun(cpu)) return;
  const at = wordOf(number);
  const hi = (S[MODE] & MODE_CODE64) !== 0 ? S[2 * rm + 1] : 0;
  const lo = S[2 * rm];
  if (number >= 6 && hi !== 0) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  // QEMU: all bits of DR6 can be set.
  if (number === 6) S[at] = lo | DR6_ONES;
  else if (number === 7) S[at] = lo | DR7_ONES;
  else S[at] = lo;
  S[at + 1] = hi;
  cpu.updateMode();
  // Pages with data breakpoints leave the TLB.
  if ((S[DR7] & DR7_ENABLES) !== 0) cpu.flushTlb(true);
}
