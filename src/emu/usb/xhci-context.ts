/** The data structures of an xHCI driver in guest memory, read and written as words of 32 bits. Spec: xHCI 1.1 §6.2. */
import type { DmaPort } from '../memory/dma-port.ts';
import { readWords } from './dma-words.ts';
import { address64 } from './xhci-trb.ts';

/** Of a slot's or an endpoint's context. QEMU: contexts of 64 bytes are not offered. */
export const CONTEXT_BYTES = 32;

export const SLOT_STATE_SHIFT = 27;
export const SLOT_DEFAULT = 1;
export const SLOT_ADDRESSED = 2;
export const SLOT_CONFIGURED = 3;
export const SLOT_ENTRIES_SHIFT = 27;
export const SLOT_ENTRIES_MASK = 0x1f;

export const EP_DISABLED = 0;
export const EP_RUNNING = 1;
export const EP_HALTED = 2;
export const EP_STOPPED = 3;
export const EP_STATE_MASK = 0x7;

/** An address that a driver wrote to memory. */
export function readAddress(dma: DmaPort, address: number): number {
  const [low = 0, high = 0] = readWords(dma, address, 2);
  return address64(low, high);
}
