/** The type of the PCnet-PCI II. */
import type { DeviceType } from '../qdev/device-type.ts';
import { nicType } from './nic-type.ts';
import { Pcnet } from './pcnet.ts';

export const PCNET: DeviceType = nicType({
  name: 'pcnet',
  romfile: 'efi-pcnet.rom',
  make: (wiring) => new Pcnet(wiring),
});
