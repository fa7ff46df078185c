/** How far a machine's addresses reach. */
import { pciWindows } from '../acpi/acpi-config.ts';
import { AMD, type CpuIdentity } from '../cpu/models/cpu-identity.ts';
import { HYPERTRANSPORT_START } from '../firmware/memory-map.ts';
import { FOUR_GIB, pcRamLayout } from '../memory/pc-ram.ts';
import type { MachineConfig } from './machine-config.ts';
import type { MachineVersion } from './machine-versions.ts';

const TIB = 2 ** 40;

/** Addresses that HyperTransport reserves on AMD's processors, as qemu64 is one, are kept free. */
export function hasHyperTransport(version: MachineVersion, { vendor }: CpuIdentity): boolean {
  return version.hypertransport && vendor === AMD;
}

/**
 * The end of RAM, DIMMs and 64-bit PCI memory. QEMU: what would reach into the addresses that HyperTransport reserves is moved to
 * 1 TiB, all from 4 GiB on; with 40 address bits there is nothing, so that such a machine is refused.
 */
export function addressesEnd(
  memoryBytes: number,
  dimms: MachineConfig['dimms'],
  hypertransport: boolean,
): number {
  const room = dimms === undefined ? {} : { dimms: { slots: dimms.slots, maxSize: dimms.maxBytes } };
  const [, high] = pciWindows({ ram: pcRamLayout(memoryBytes), ...room });
  const end = high.max + 1;
  return hypertransport && end > HYPERTRANSPORT_START ? end + TIB - FOUR_GIB : end;
}
