/** What an EHCI keeps. */
import { DEADLINE_NS, DWORD, integer, mask, WORD } from '../core/state-fields.ts';
import type { PciState } from '../pci/pci-device.ts';

const CMD_DEFAULT = 8 << 16;
const STS_INTERRUPTS = 0x3f;
const STS_HALT = 1 << 12;
const FRINDEX_WRAP = 0x4000;
/** After so many frames in which nothing moved the lists are looked at less often. */
export const QUIET_FRAMES = 64;

export interface EhciState {
  cmd: number;
  status: number;
  /** Interrupts that wait for the threshold of USBCMD. */
  pending: number;
  /** The microframe from which on they may come. */
  pendingFrom: number;
  intr: number;
  frindex: number;
  segment: number;
  periodicBase: number;
  asyncAddress: number;
  configured: number;
  /** Until when frames are carried out; null: the lists stand still. */
  doneNs: number | null;
  /** Frames in a row in which nothing moved. */
  quiet: number;
}

export const STATE_FIELDS = {
  ...{ cmd: DWORD, status: WORD, pending: mask(STS_INTERRUPTS), pendingFrom: integer(0, 2 * FRINDEX_WRAP) },
  ...{ intr: mask(STS_INTERRUPTS), frindex: mask(FRINDEX_WRAP - 1), segment: DWORD, periodicBase: DWORD },
  ...{ asyncAddress: DWORD, configured: mask(1), doneNs: DEADLINE_NS, quiet: integer(0, QUIET_FRAMES) },
};

export type EhciSnapshot = { readonly pci: PciState; readonly ports: readonly number[] } & {
  readonly [K in keyof EhciState]: EhciState[K];
};

export function powerOn(): EhciState {
  return {
    ...{ cmd: CMD_DEFAULT, status: STS_HALT, pending: 0, pendingFrom: 0, intr: 0, frindex: 0, segment: 0 },
    ...{ periodicBase: 0, asyncAddress: 0, configured: 0, doneNs: null, quiet: 0 },
  };
}
