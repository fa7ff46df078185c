/** The type of the RTL8139C+. */
import type { DeviceType } from '../qdev/device-type.ts';
import { nicType } from './nic-type.ts';
import { Rtl8139 } from './rtl8139.ts';

export const RTL8139: DeviceType = nicType({
  name: 'rtl8139',
  romfile: 'efi-rtl8139.rom',
  make: (wiring) => new Rtl8139(wiring),
});
