/** Where in the guest's address space the memory of a device goes, as of a DIMM. QEMU: hw/mem/memory-device.c. */
import { MonitorError } from '../core/monitor-error.ts';
import type { Hardware } from '../qdev/hardware.ts';
import { ServiceName } from '../qdev/services.ts';
import type { Gpa } from './addresses.ts';
import type { MemoryBackend } from './memory-backend.ts';

/** QEMU: memory for a guest is aligned as its host aligns it, for huge pages. */
export const DEVICE_MEMORY_ALIGN = 2 ** 21;

/** The board's place for the memory of devices. */
export interface DeviceMemory {
  /** NUMA nodes of the machine. */
  readonly nodes: number;
  /** Puts a back end's memory at `gpa`, where nothing is. */
  insert(backend: MemoryBackend, gpa: Gpa): Hardware;
  /** A device has, or may be going to have, more memory than before. */
  grown(): void;
}

export const DEVICE_MEMORY = new ServiceName<DeviceMemory>('device-memory');

/** Addresses for it. */
export interface DeviceMemoryWindow {
  readonly base: Gpa;
  readonly size: number;
}

/** Memory that is there. */
export interface PlacedMemory {
  readonly id: string;
  readonly addr: Gpa;
  /** Of all its addresses. */
  readonly sizeBytes: number;
}

export interface DeviceMemoryRequest {
  readonly sizeBytes: number;
  /** 0: wherever there is room. */
  readonly addr: bigint;
  /** A power of two, at least DEVICE_MEMORY_ALIGN; absent: that. */
  readonly align?: number;
}

/**
 * The address for one more device's memory, or QEMU's refusal.
 * @param placed by address, without overlap
 */
export function deviceMemoryAddress(
  { base, size }: DeviceMemoryWindow,
  placed: readonly PlacedMemory[],
  { sizeBytes, addr, align = DEVICE_MEMORY_ALIGN }: DeviceMemoryRequest,
): Gpa | MonitorError {
  const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
  if (addr % BigInt(align) !== 0n) {
    return new MonitorError(`address must be aligned to ${hex(align)} bytes`);
  }
  if (sizeBytes % align !== 0) {
    return new MonitorError(`backend memory size must be multiple of ${hex(align)}`);
  }
  const end = base + size;
  if (addr === 0n) return firstFit(base, end, placed, sizeBytes, align);
  if (addr < BigInt(base) || addr + BigInt(sizeBytes) > BigInt(end)) {
    const [wanted, usable] = [`[${hex(addr)}:${hex(sizeBytes)}]`, `[${hex(base)}:${hex(size)}]`];
    return new MonitorError(`can't add memory device ${wanted}, usable range for memory devices ${usable}`);
  }
  const gpa = Number(addr);
  const other = placed.find((one) => gpa < one.addr + one.sizeBytes && gpa + sizeBytes > one.addr);
  if (other === undefined) return gpa;
  return new MonitorError(`address range conflicts with memory device id='${other.id || '(unnamed)'}'`);
}

function firstFit(
  base: Gpa,
  end: Gpa,
  placed: readonly PlacedMemory[],
  sizeBytes: number,
  align: number,
): Gpa | MonitorError {
  const aligned = (gpa: Gpa): Gpa => Math.ceil(gpa / align) * align;
  let gpa = aligned(base);
  for (const one of placed) {
    if (gpa + sizeBytes <= one.addr) break;
    gpa = Math.max(gpa, aligned(one.addr + one.sizeBytes));
  }
  if (gpa + sizeBytes <= end) return gpa;
  return new MonitorError(
    'could not find position in guest address space for memory device - memory fragmented due to alignments',
  );
}
