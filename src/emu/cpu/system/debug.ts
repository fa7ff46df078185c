/**
 * Debug registers and the single-step trap. Spec: SDM vol. 3 §17.2, §17.3.
 *
 * | DR7 bits | hold |
 * |---|---|
 * | 2n, 2n + 1 | Ln, Gn: breakpoint n is enabled |
 * | 16 + 4n | R/Wn: 0 instruction, 1 write, 2 port, 3 read or write |
 * | 18 + 4n | LENn: 1, 2, 8 or 4 bytes |
 *
 * While a breakpoint is enabled or TF is set, MODE_TRAP makes every block one instruction long and the engine looks here
 * before and after each; pages that hold a data breakpoint stay out of the TLB. So nothing else has to test for breakpoints.
 *
 * Not modelled: DR7.GD. QEMU: 7.2 does not either.
 */
import type { Cpu } from '../cpu.ts';
import {
  DEBUG_PENDING,
  DR0_LO,
  DR6,
  DR7,
  EFLAGS,
  FLAG_RF,
  FLAG_TF,
  HALTED,
  MODE,
  MODE_CODE64,
  MODE_TRAP,
  RIP_HI,
  RIP_LO,
  SEG_BASE_LO,
  SEG_CS,
  SHADOW,
  VEC_DB,
} from '../state.ts';

/** DR7: L0 to G3. */
export const DR7_ENABLES = 0xff;
/** DR6: B0 to B3. */
const DR6_B = 0xf;
/** DR6: single step. In DEBUG_PENDING: the trap comes at the instruction's end. */
export const DR6_BS = 1 << 14;

const BREAKPOINTS = 4;
const RW_EXECUTE = 0;
const RW_IO = 2;
const RW_ACCESS = 3;
/** By LENn. */
const LENGTHS = [1, 2, 8, 4];
const PAGE_MASK = 0xfffff000 | 0;

function isEnabled(S: Int32Array, n: number): boolean {
  return (S[DR7] & (3 << (2 * n))) !== 0;
}

function kindOf(S: Int32Array, n: number): number {
  return (S[DR7] >>> (16 + 4 * n)) & 3;
}

function lengthOf(S: Int32Array, n: number): number {
  return LENGTHS[(S[DR7] >>> (18 + 4 * n)) & 3];
}

/** Bytes from the address hi:lo to breakpoint `n`, negative when that is below; exact where it is small. */
function distance(S: Int32Array, n: number, lo: number, hi: number): number {
  const at = DR0_LO + 2 * n;
  return (S[at + 1] - hi) * 2 ** 32 + ((S[at] >>> 0) - (lo >>> 0));
}

/** A data breakpoint lies in the page of this address: the page must stay out of the TLB. */
export function watchesPage(S: Int32Array, lo: number, hi: number): boolean {
  for (let n = 0; n < BREAKPOINTS; n++) {
    if (!isEnabled(S, n) || (kindOf(S, n) & 1) === 0) continue;
    const from = distance(S, n, lo & PAGE_MASK, hi);
    if (from < 4096 && from + lengthOf(S, n) > 0) return true;
  }
  return false;
}

/** `size` bytes of memory were read or written: notes the breakpoint that this hits. */
export function noteAccess(S: Int32Array, lo: number, hi: number, size: number, write: boolean): void {
  for (let n = 0; n < BREAKPOINTS; n++) {
    const kind = kindOf(S, n);
    if (!isEnabled(S, n) || (kind & 1) === 0 || (!write && kind !== RW_ACCESS)) continue;
    // QEMU: a breakpoint at an unaligned address watches the bytes from there on, and the first that is hit hides others.
    const from = distance(S, n, lo, hi);
    if (from >= size || from + lengthOf(S, n) <= 0) continue;
    S[DEBUG_PENDING] |= 1 << n;
    return;
  }
}

/** `size` bytes went through a port. QEMU: R/W 2 means ports whatever CR4.DE says. */
export function notePort(S: Int32Array, port: number, size: number): void {
  if ((S[DR7] & DR7_ENABLES) === 0) return;
  for (let n = 0; n < BREAKPOINTS; n++) {
    if (!isEnabled(S, n) || kindOf(S, n) !== RW_IO) continue;
    const from = distance(S, n, port, 0);
    if (from < size && from + lengthOf(S, n) > 0) S[DEBUG_PENDING] |= 1 << n;
  }
}

/** Instruction breakpoints at RIP, enabled or not: bits as in DR6. */
function instructionsHere(S: Int32Array): number {
  const code64 = (S[MODE] & MODE_CODE64) !== 0;
  const lo = code64 ? S[RIP_LO] : (S[RIP_LO] + S[SEG_CS + SEG_BASE_LO]) | 0;
  const hi = code64 ? S[RIP_HI] : 0;
  let bits = 0;
  for (let n = 0; n < BREAKPOINTS; n++) {
    if (kindOf(S, n) === RW_EXECUTE && distance(S, n, lo, hi) === 0) bits |= 1 << n;
  }
  return bits;
}

function setStatus(S: Int32Array, bits: number): void {
  // QEMU: B0 to B3 are those of this exception; the others stay until the guest clears them.
  S[DR6] = (S[DR6] & ~DR6_B) | bits;
}

/**
 * Before an instruction, in MODE_TRAP. False: a breakpoint is on it, and #DB was raised as its fault.
 * RF holds that off for this one instruction, and is taken out of EFLAGS.
 */
export function beginInstruction(cpu: Cpu): boolean {
  const { S } = cpu;
  S[DEBUG_PENDING] = (S[EFLAGS] & FLAG_TF) !== 0 ? DR6_BS : 0;
  if ((S[EFLAGS] & FLAG_RF) !== 0) {
    S[EFLAGS] &= ~FLAG_RF;
    return true;
  }
  if ((S[DR7] & DR7_ENABLES) === 0) return true;
  const here = instructionsHere(S);
  let enabled = false;
  for (let n = 0; n < BREAKPOINTS; n++) enabled ||= (here & (1 << n)) !== 0 && isEnabled(S, n);
  if (!enabled) return true;
  S[DEBUG_PENDING] = 0;
  setStatus(S, here);
  cpu.raise(VEC_DB);
  return false;
}

/** Behind an instruction that has not faulted, in MODE_TRAP: true when a #DB trap follows it; DR6 is set. */
export function endsInTrap(S: Int32Array): boolean {
  const pending = S[DEBUG_PENDING];
  S[DEBUG_PENDING] = 0;
  const hits = pending & DR6_B;
  // QEMU: STI and LSS hold the single-step trap back as MOV SS and POP SS do, and HLT has none.
  const stepped = (pending & DR6_BS) !== 0 && (S[SHADOW] | S[HALTED]) === 0;
  if (!stepped && hits === 0) return false;
  setStatus(S, hits | instructionsHere(S) | (stepped ? DR6_BS : 0));
  return true;
}

/** A software interrupt, whose handler begins without a trap. */
export function dropStep(S: Int32Array): void {
  S[DEBUG_PENDING] &= ~DR6_BS;
}

/** SYSCALL and SYSRET trap when TF is set behind them, not before. */
export function stepByNewFlags(S: Int32Array): void {
  S[DEBUG_PENDING] = (S[DEBUG_PENDING] & ~DR6_BS) | ((S[EFLAGS] & FLAG_TF) !== 0 ? DR6_BS : 0);
}

/** One instruction at a time runs: a repeated one stops after each repetition. */
export function isStepping(S: Int32Array): boolean {
  return (S[MODE] & MODE_TRAP) !== 0;
}
