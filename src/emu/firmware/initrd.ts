/** Where the initial RAM disk goes: as high as it may, so that a kernel that unpacks itself does not meet it. */
import type { DmaPort } from '../memory/dma-port.ts';
import type { RamLayout } from '../memory/pc-ram.ts';
import { KernelError } from './kernel-error.ts';
import { FIRMWARE_DATA_SIZE } from './memory-map.ts';

const PAGE = 4096;

/**
 * Copies `initrd` below the firmware's data and at or below `maxEnd`; its address, 0 without one.
 * A KernelError when it would reach below `kernelEnd`.
 */
export function placeInitrd(
  initrd: Uint8Array | undefined,
  memory: DmaPort,
  { below4g }: RamLayout,
  kernelEnd: number,
  maxEnd: number,
): number {
  if (initrd === undefined) return 0;
  const end = Math.min(below4g - FIRMWARE_DATA_SIZE, maxEnd);
  const address = Math.floor((end - initrd.length) / PAGE) * PAGE;
  if (address < kernelEnd) throw new KernelError('initrd is too large, cannot support it');
  memory.write(address, initrd);
  return address;
}
