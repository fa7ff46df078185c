/** Where in the guest's address space a DIMM goes. QEMU: hw/mem/memory-device.c. */
import { MonitorError } from '../core/monitor-error.ts';
import type { Gpa } from './addresses.ts';

/** QEMU: memory for a guest is aligned as its host aligns it, for huge pages. */
export const DIMM_ALIGN = 2 ** 21;

/** Addresses for DIMMs. */
export interface DimmWindow {
  readonly base: Gpa;
  readonly size: number;
}

/** A DIMM that is there. */
export interface PlacedDimm {
  readonly id: string;
  readonly addr: Gpa;
  readonly sizeBytes: number;
}

export interface DimmRequest {
  readonly sizeBytes: number;
  /** 0: wherever there is room. */
  readonly addr: bigint;
}

/**
 * The address for one more DIMM, or QEMU's refusal.
 * @param placed by address, without overlap
 */
export function dimmAddress(
  { base, size }: DimmWindow,
  placed: readonly PlacedDimm[],
  { sizeBytes, addr }: DimmRequest,
): Gpa | MonitorError {
  const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
  if (addr % BigInt(DIMM_ALIGN) !== 0n) {
    return new MonitorError(`address must be aligned to ${hex(DIMM_ALIGN)} bytes`);
  }
  if (sizeBytes % DIMM_ALIGN !== 0) {
    return new MonitorError(`backend memory size must be multiple of ${hex(DIMM_ALIGN)}`);
  }
  const end = base + size;
  if (addr === 0n) return firstFit(base, end, placed, sizeBytes);
  if (addr < BigInt(base) || addr + BigInt(sizeBytes) > BigInt(end)) {
    const [wanted, usable] = [`[${hex(addr)}:${hex(sizeBytes)}]`, `[${hex(base)}:${hex(size)}]`];
    return new MonitorError(`can't add memory device ${wanted}, usable range for memory devices ${usable}`);
  }
  const gpa = Number(addr);
  const other = placed.find((dimm) => gpa < dimm.addr + dimm.sizeBytes && gpa + sizeBytes > dimm.addr);
  if (other === undefined) return gpa;
  return new MonitorError(`address range conflicts with memory device id='${other.id || '(unnamed)'}'`);
}

function firstFit(base: Gpa, end: Gpa, placed: readonly PlacedDimm[], sizeBytes: number): Gpa | MonitorError {
  let gpa = base;
  for (const dimm of placed) {
    if (gpa + sizeBytes <= dimm.addr) break;
    gpa = Math.max(gpa, dimm.addr + dimm.sizeBytes);
  }
  if (gpa + sizeBytes <= end) return gpa;
  return new MonitorError(
    'could not find position in guest address space for memory device - memory fragmented due to alignments',
  );
}
