/** Starts a kernel without a boot loader: an ELF file by its PVH entry, a bzImage by the Linux boot protocol. */
import type { DmaPort } from '../memory/dma-port.ts';
import type { RamLayout } from '../memory/pc-ram.ts';
import { isElf } from './elf.ts';
import type { EntryState } from './entry.ts';
import { KernelError } from './kernel-error.ts';
import { isBzImage, loadBzImage } from './linux-boot.ts';
import { loadPvh } from './pvh.ts';

export interface LoadRequest {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array | undefined;
  readonly commandLine: string;
  readonly ram: RamLayout;
  /** The board knows of the addresses that AMD's HyperTransport reserves. */
  readonly hypertransport: boolean;
  /** Guest-physical address of the ACPI root pointer. */
  readonly rsdp: number;
}

/** Puts the kernel and what it is handed into guest memory. A file that is no kernel is a KernelError. */
export function loadKernel(request: LoadRequest, memory: DmaPort): EntryState {
  if (isElf(request.kernel)) return loadPvh(request, memory);
  if (isBzImage(request.kernel)) return loadBzImage(request, memory);
  throw new KernelError('invalid kernel header');
}
