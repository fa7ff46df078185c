/** Puts a vCPU into the state that a kernel's entry point asks for. */

import * as state from '../cpu/state.ts';
import { writeMsr } from '../cpu/system/msr.ts';
import type { Vcpu } from '../cpu/vcpu.ts';
import type { EntryState } from '../firmware/entry.ts';

const CODE_SELECTOR = 0x10;
const DATA_SELECTOR = 0x18;
const FLAT = state.ATTR_P | state.ATTR_S | state.ATTR_G | state.ATTR_ACCESSED;
const DATA = FLAT | state.ATTR_DB | state.ATTR_WRITABLE;
const CODE = FLAT | state.ATTR_CODE | state.ATTR_READABLE;
/** The IDTR that the firmware used in real mode. */
const REAL_MODE_VECTORS = 0x3ff;
const SEGMENTS = [state.SEG_ES, state.SEG_SS, state.SEG_DS, state.SEG_FS, state.SEG_GS];

function setSegment(S: Int32Array, segment: number, selector: number, attr: number): void {
  S[segment + state.SEG_SELECTOR] = selector;
  S[segment + state.SEG_ATTR] = attr;
  S[segment + state.SEG_LIMIT] = -1;
  S[segment + state.SEG_BASE_LO] = 0;
  S[segment + state.SEG_BASE_HI] = 0;
}

/** What firmware leaves in the model-specific registers of every processor; the vCPU must just have been reset. */
export function setUpMsrs(cpu: Vcpu, { msrs }: EntryState): void {
  for (const { index, lo, hi } of msrs) writeMsr(cpu, index, lo, hi);
}

/** The bootstrap processor begins with the kernel; it must just have been reset. */
export function enterKernel(cpu: Vcpu, entry: EntryState): void {
  const { S } = cpu;
  const wide = entry.mode === 'long64';
  for (const segment of SEGMENTS) setSegment(S, segment, DATA_SELECTOR, DATA);
  setSegment(S, state.SEG_CS, CODE_SELECTOR, CODE | (wide ? state.ATTR_L : state.ATTR_DB));
  S[state.GDTR_LO] = entry.gdt;
  S[state.GDTR_HI] = 0;
  S[state.GDTR_LIMIT] = entry.gdtLimit;
  S[state.CR0] = state.CR0_PE | state.CR0_ET;
  if (wide) {
    S[state.CR0] |= state.CR0_PG;
    S[state.CR4] = state.CR4_PAE;
    S[state.CR3_LO] = entry.cr3;
    S[state.CR3_HI] = 0;
    S[state.EFER] = state.EFER_LME | state.EFER_LMA;
  }
  S.fill(0, 0, 32);
  S[state.RBX] = entry.rbx;
  S[state.RSI] = entry.rsi;
  S[state.RSP] = entry.rsp;
  S[state.RIP_LO] = entry.rip;
  S[state.RIP_HI] = 0;
  S[state.CPL] = 0;
  S[state.IDTR_LIMIT] = REAL_MODE_VECTORS;
  cpu.writeFlags(state.FLAG_1);
  cpu.flushTlb(true);
  cpu.updateMode();
}
