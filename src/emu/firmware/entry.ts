/** How the first instruction of a guest finds the processor. */
import type { MsrValue } from './msrs.ts';

export interface EntryState {
  /** `protected32`: CR0.PE, flat segments, no paging. `long64`: 64-bit mode on the page tables at `cr3`. */
  readonly mode: 'protected32' | 'long64';
  readonly rip: number;
  readonly rbx: number;
  readonly rsi: number;
  readonly rsp: number;
  readonly cr3: number;
  /** Linear address of the GDT whose entries 2 and 3 are flat code and data (Spec: Linux boot protocol, __BOOT_CS). */
  readonly gdt: number;
  readonly gdtLimit: number;
  /** Besides those that the mode needs. */
  readonly msrs: readonly MsrValue[];
}
