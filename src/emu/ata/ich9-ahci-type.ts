/** The type of the AHCI controller. */
import { PciHardware } from '../pci/pci-hardware.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType } from '../qdev/device-type.ts';
import { readOnlyKind } from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import { Ich9Ahci } from './ich9-ahci.ts';
import { IdeSlots } from './ide-slots.ts';

export const ICH9_AHCI: DeviceType = {
  name: 'ich9-ahci',
  alias: 'ahci',
  category: 'Storage',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: PCI_PROPERTIES,
  // QEMU: what is in its BARs.
  options: ['ahci-idp[0]', 'ahci[0]'].map((name) => ({ name, kind: readOnlyKind('child<memory-region>') })),
  realize({ id, values, services }) {
    const adapter = new Ich9Ahci(services.get(CLOCK), services.get(TRACE), id, values.is('multifunction'));
    const buses = adapter.ports.map(({ unit }) => new IdeSlots([unit], adapter.tasks, services).bus());
    return { hardware: new PciHardware(adapter, { buses, release: () => adapter.abandon() }) };
  },
};
