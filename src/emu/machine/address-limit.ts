/** How far a machine's addresses reach. */
import { pciWindows } from '../acpi/acpi-config.ts';
import { HYPERTRANSPORT_START } from '../firmware/memory-map.ts';
import { FOUR_GIB, pcRamLayout } from '../memory/pc-ram.ts';
import type { MachineConfig } from './machine-config.ts';

const TIB = 2 ** 40;

/**
 * The end of RAM, DIMMs and 64-bit PCI memory. QEMU: on an AMD processor, as qemu64 is, what would reach into the addresses that
 * HyperTransport reserves is moved to 1 TiB, all from 4 GiB on; with 40 address bits there is nothing, so that such a machine is refused.
 * Not modelled: that Intel's processors, and machines up to 7.0, know no such addresses.
 */
export function addressesEnd(memoryBytes: number, dimms: MachineConfig['dimms']): number {
  const room = dimms === undefined ? {} : { dimms: { slots: dimms.slots, maxSize: dimms.maxBytes } };
  const [, high] = pciWindows({ ram: pcRamLayout(memoryBytes), ...room });
  const end = high.max + 1;
  return end > HYPERTRANSPORT_START ? end + TIB - FOUR_GIB : end;
}
