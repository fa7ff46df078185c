/** Register values after RESET, INIT and startup IPI. Spec: SDM vol. 3 table 10-1; values as QEMU 7.2 shows them. */
import {
  APIC_BASE_LO,
  BUDGET,
  BUDGET_HELD,
  CR0,
  CR0_CD,
  CR0_ET,
  CR0_NW,
  DR6,
  DR7,
  EFLAGS,
  FLAG_1,
  FPU_CW,
  FPU_EMPTY,
  GDTR_LIMIT,
  HALTED,
  HALTED_WAIT_SIPI,
  IDTR_LIMIT,
  MISC_ENABLE_LO,
  MSRS,
  MXCSR,
  NEXT_LO,
  PAT_HI,
  PAT_LO,
  RDX,
  RIP_LO,
  SEG_ATTR,
  SEG_BASE_LO,
  SEG_CS,
  SEG_ES,
  SEG_GS,
  SEG_LDTR,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEG_TR,
  STATE_WORDS,
  TSC_AUX,
  TSC_OFFSET_HI,
  TSC_OFFSET_LO,
} from '../state.ts';
import { keepingPlace } from '../vcpu-state.ts';
import { setArithmeticFlags } from './flags.ts';
import { resetMsrs } from './msr.ts';

const APIC_BASE_RESET = 0xfee00000 | 0;
const APIC_BASE_ENABLE = 1 << 11;
const APIC_BASE_BSP = 1 << 8;
const ATTR_REAL_CODE = 0x9b00;
const ATTR_REAL_DATA = 0x9300;
const ATTR_LDT = 0x8200;
const ATTR_TSS_BUSY = 0x8b00;
const FAST_STRINGS = 1;
const RESET_SELECTOR = 0xf000;
const RESET_BASE = 0xffff0000 | 0;
const RESET_IP = 0xfff0;

/** RESET. A processor that is not the bootstrap one waits for a startup IPI. */
export function resetState(S: Int32Array, bootstrap: boolean, signature: number): void {
  keepingPlace(S, () => void S.fill(0));
  S[FPU_CW] = 0x37f;
  S[FPU_EMPTY] = 0xff;
  S[MXCSR] = 0x1f80;
  S[PAT_LO] = 0x00070406;
  S[PAT_HI] = 0x00070406;
  S[MISC_ENABLE_LO] = FAST_STRINGS;
  S[APIC_BASE_LO] = APIC_BASE_RESET | APIC_BASE_ENABLE | (bootstrap ? APIC_BASE_BSP : 0);
  resetMsrs(S);
  common(S, bootstrap, signature);
}

/** INIT: x87, SSE, MTRR and other MSR state stays. */
export function initState(S: Int32Array, bootstrap: boolean, signature: number): void {
  const kept = S.slice();
  keepingPlace(S, () => void S.fill(0));
  for (const word of [BUDGET, BUDGET_HELD]) S[word] = kept[word];
  for (const word of [PAT_LO, PAT_HI, APIC_BASE_LO, MISC_ENABLE_LO, TSC_AUX, TSC_OFFSET_LO, TSC_OFFSET_HI])
    S[word] = kept[word];
  S.set(kept.subarray(FPU_CW, MSRS), FPU_CW);
  S.set(kept.subarray(MSRS, STATE_WORDS), MSRS);
  common(S, bootstrap, signature);
}

/** Startup IPI; ignored unless the processor waits for one. */
export function startupState(S: Int32Array, vector: number): void {
  if (S[HALTED] !== HALTED_WAIT_SIPI) return;
  S[HALTED] = 0;
  S[SEG_CS + SEG_SELECTOR] = (vector & 0xff) << 8;
  S[SEG_CS + SEG_BASE_LO] = (vector & 0xff) << 12;
  S[RIP_LO] = 0;
  S[NEXT_LO] = 0;
}

export const CR0_RESET = CR0_ET | CR0_NW | CR0_CD;

function common(S: Int32Array, bootstrap: boolean, signature: number): void {
  S[EFLAGS] = FLAG_1;
  setArithmeticFlags(S, 0);
  S[CR0] = CR0_RESET;
  S[DR6] = 0xffff0ff0 | 0;
  S[DR7] = 0x400;
  S[RDX] = signature;
  for (let segment = SEG_ES; segment <= SEG_GS; segment += 8) setSegment(S, segment, ATTR_REAL_DATA);
  setSegment(S, SEG_CS, ATTR_REAL_CODE);
  setSegment(S, SEG_LDTR, ATTR_LDT);
  setSegment(S, SEG_TR, ATTR_TSS_BUSY);
  S[SEG_CS + SEG_SELECTOR] = RESET_SELECTOR;
  S[SEG_CS + SEG_BASE_LO] = RESET_BASE;
  S[RIP_LO] = RESET_IP;
  S[NEXT_LO] = RESET_IP;
  S[GDTR_LIMIT] = 0xffff;
  S[IDTR_LIMIT] = 0xffff;
  if (!bootstrap) S[HALTED] = HALTED_WAIT_SIPI;
}

function setSegment(S: Int32Array, segment: number, attr: number): void {
  S[segment + SEG_ATTR] = attr;
  S[segment + SEG_LIMIT] = 0xffff;
}
