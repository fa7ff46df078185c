/** A processor's registers in 64-bit supervisor mode, as the rigs of compiled code begin. */
import * as cpuState from '../../src/emu/cpu/state.ts';

export const CS = 0x08;
export const SS = 0x10;
const CS_ATTR = 0xa09b00;
const DATA_ATTR = 0xc09300;

/** Sets control registers, CS and the data segments; CR3 and the tables are the caller's. */
export function enterLongMode(S: Int32Array): void {
  S[cpuState.CR0] = cpuState.CR0_PG | cpuState.CR0_PE | cpuState.CR0_WP | cpuState.CR0_MP | cpuState.CR0_NE;
  S[cpuState.CR4] = cpuState.CR4_PAE | cpuState.CR4_OSFXSR | cpuState.CR4_OSXMMEXCPT;
  S[cpuState.EFER] = cpuState.EFER_LME | cpuState.EFER_LMA;
  const segment = (at: number, selector: number, attributes: number): void => {
    S[at + cpuState.SEG_SELECTOR] = selector;
    S[at + cpuState.SEG_ATTR] = attributes;
    S[at + cpuState.SEG_LIMIT] = -1;
    S[at + cpuState.SEG_BASE_LO] = 0;
  };
  segment(cpuState.SEG_CS, CS, CS_ATTR);
  for (const at of [cpuState.SEG_SS, cpuState.SEG_DS, cpuState.SEG_ES]) segment(at, SS, DATA_ATTR);
}
