/** The type of the NE2000 on PCI. */
import type { DeviceType } from '../qdev/device-type.ts';
import { Ne2000 } from './ne2000.ts';
import { nicType } from './nic-type.ts';

export const NE2K_PCI: DeviceType = nicType({
  name: 'ne2k_pci',
  romfile: 'efi-ne2k_pci.rom',
  make: (wiring) => new Ne2000(wiring),
});
