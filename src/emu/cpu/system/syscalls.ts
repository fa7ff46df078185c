/** SYSCALL, SYSRET, SYSENTER, SYSEXIT. Spec: AMD APM vol. 3, and SDM vol. 2 for SYSENTER in long mode; QEMU where they leave room. */
import type { Cpu } from '../cpu.ts';
import { INTEL } from '../models/cpu-identity.ts';
import {
  ATTR_DB,
  ATTR_L,
  CPL,
  CR0,
  CR0_PE,
  CSTAR_HI,
  CSTAR_LO,
  EFER,
  EFER_SCE,
  EFLAGS,
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  FLAGS_ARITH,
  LSTAR_HI,
  LSTAR_LO,
  MODE,
  MODE_CODE64,
  MODE_LONG,
  NEXT_HI,
  NEXT_LO,
  RCX,
  RDX,
  RSP,
  SEG_CS,
  SEG_SS,
  SFMASK,
  STAR_HI,
  STAR_LO,
  SYSENTER_CS,
  SYSENTER_EIP_HI,
  SYSENTER_EIP_LO,
  SYSENTER_ESP_HI,
  SYSENTER_ESP_LO,
  VEC_GP,
  VEC_UD,
} from '../state.ts';
import { stepByNewFlags } from './debug.ts';
import { setSegment } from './descriptors.ts';
import { setRip } from './mode.ts';
import { mergeFlags } from './returns.ts';

const R11 = 22;
/** G, P, S, accessed and readable code, or writable data; DPL is added. */
const ATTR_FLAT_CODE = 0x809b00;
const ATTR_FLAT_DATA = 0xc09300;
const ATTR_DPL3 = 3 << 13;

function setFlat(S: Int32Array, segment: number, selector: number, attr: number): void {
  setSegment(S, segment, selector, attr, -1, 0, 0);
}

export function syscall(cpu: Cpu): void {
  const S = cpu.S;
  if ((S[EFER] & EFER_SCE) === 0) {
    cpu.raise(VEC_UD);
    return;
  }
  const selector = S[STAR_HI] & 0xfffc;
  const nextLo = S[NEXT_LO];
  const nextHi = S[NEXT_HI];
  const flags = cpu.readFlags();
  if ((S[MODE] & MODE_LONG) !== 0) {
    const from64 = (S[MODE] & MODE_CODE64) !== 0;
    S[RCX] = nextLo;
    S[RCX + 1] = nextHi;
    S[R11] = flags & ~FLAG_RF;
    S[R11 + 1] = 0;
    setFlat(S, SEG_CS, selector, ATTR_FLAT_CODE | ATTR_L);
    setFlat(S, SEG_SS, selector + 8, ATTR_FLAT_DATA);
    cpu.writeFlags(flags & ~S[SFMASK] & ~FLAG_RF);
    if (from64) setRip(S, S[LSTAR_LO], S[LSTAR_HI]);
    else setRip(S, S[CSTAR_LO], S[CSTAR_HI]);
  } else {
    S[RCX] = nextLo;
    S[RCX + 1] = 0;
    setFlat(S, SEG_CS, selector, ATTR_FLAT_CODE | ATTR_DB);
    setFlat(S, SEG_SS, selector + 8, ATTR_FLAT_DATA);
    S[EFLAGS] &= ~(FLAG_IF | FLAG_RF | FLAG_VM);
    setRip(S, S[STAR_LO], 0);
  }
  S[CPL] = 0;
  stepByNewFlags(S);
  cpu.updateMode();
}

/** `size` 64: to 64-bit code. QEMU: RCX is not checked for being canonical; the fetch faults. */
export function sysret(cpu: Cpu, size: number): void {
  const S = cpu.S;
  if ((S[EFER] & EFER_SCE) === 0) {
    cpu.raise(VEC_UD);
    return;
  }
  if ((S[CR0] & CR0_PE) === 0 || S[CPL] !== 0) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  const selector = S[STAR_HI] >>> 16;
  const long = (S[MODE] & MODE_LONG) !== 0;
  if (long && size === 64) {
    setFlat(S, SEG_CS, (selector + 16) | 3, ATTR_FLAT_CODE | ATTR_DPL3 | ATTR_L);
    setRip(S, S[RCX], S[RCX + 1]);
  } else {
    setFlat(S, SEG_CS, selector | 3, ATTR_FLAT_CODE | ATTR_DPL3 | ATTR_DB);
    setRip(S, S[RCX], 0);
  }
  setFlat(S, SEG_SS, (selector + 8) | 3, ATTR_FLAT_DATA | ATTR_DPL3);
  if (long) {
    const mask = FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_AC | FLAG_ID;
    mergeFlags(cpu, S[R11], mask);
  } else {
    S[EFLAGS] |= FLAG_IF;
  }
  S[CPL] = 3;
  stepByNewFlags(S);
  cpu.updateMode();
}

/** False, with #UD or #GP(0) raised: SYSENTER and SYSEXIT cannot run here. */
function sysenterAllowed(cpu: Cpu): boolean {
  const S = cpu.S;
  // QEMU: on a CPU that is not Intel's they are illegal in long mode.
  if ((S[MODE] & MODE_LONG) !== 0 && cpu.identity.vendor !== INTEL) {
    cpu.raise(VEC_UD);
    return false;
  }
  if ((S[CR0] & CR0_PE) === 0 || (S[SYSENTER_CS] & 0xfffc) === 0) {
    cpu.raise(VEC_GP, 0);
    return false;
  }
  return true;
}

/** In long mode the kernel's code has 64 bits. */
export function sysenter(cpu: Cpu): void {
  if (!sysenterAllowed(cpu)) return;
  const S = cpu.S;
  const selector = S[SYSENTER_CS] & 0xfffc;
  const long = (S[MODE] & MODE_LONG) !== 0;
  S[EFLAGS] &= ~(FLAG_VM | FLAG_IF | FLAG_RF);
  setFlat(S, SEG_CS, selector, ATTR_FLAT_CODE | ATTR_DB | (long ? ATTR_L : 0));
  setFlat(S, SEG_SS, selector + 8, ATTR_FLAT_DATA);
  S[CPL] = 0;
  S[RSP] = S[SYSENTER_ESP_LO];
  S[RSP + 1] = long ? S[SYSENTER_ESP_HI] : 0;
  setRip(S, S[SYSENTER_EIP_LO], long ? S[SYSENTER_EIP_HI] : 0);
  cpu.updateMode();
}

/** `size` 64: to 64-bit code. */
export function sysexit(cpu: Cpu, size: number): void {
  const S = cpu.S;
  if (!sysenterAllowed(cpu)) return;
  if (S[CPL] !== 0) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  const wide = size === 64;
  const selector = (S[SYSENTER_CS] & 0xfffc) + (wide ? 32 : 16);
  setFlat(S, SEG_CS, selector | 3, ATTR_FLAT_CODE | ATTR_DPL3 | ATTR_DB | (wide ? ATTR_L : 0));
  setFlat(S, SEG_SS, (selector + 8) | 3, ATTR_FLAT_DATA | ATTR_DPL3);
  S[CPL] = 3;
  S[RSP] = S[RCX];
  // QEMU: all of RCX, also to code of 32 bits.
  S[RSP + 1] = (S[MODE] & MODE_LONG) !== 0 ? S[RCX + 1] : 0;
  setRip(S, S[RDX], wide ? S[RDX + 1] : 0);
  cpu.updateMode();
}
