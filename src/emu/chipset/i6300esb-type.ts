/** The type of i6300esb. */
import { PciHardware } from '../pci/pci-hardware.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType } from '../qdev/device-type.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import { I6300Esb } from './i6300esb.ts';
import { WATCHDOG_EXPIRY } from './watchdog.ts';

export const I6300ESB: DeviceType = {
  name: 'i6300esb',
  category: 'Watchdog',
  description: 'Intel 6300ESB',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: PCI_PROPERTIES,
  realize: ({ id, values, services }) => {
    const [clock, trace, expired] = [services.get(CLOCK), services.get(TRACE), services.get(WATCHDOG_EXPIRY)];
    const card = new I6300Esb(clock, trace, expired, id, values.is('multifunction'));
    return { hardware: new PciHardware(card, { release: () => card.abandon() }) };
  },
};
