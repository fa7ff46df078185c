/** The type of the SCSI adapter of old PCs. */
import { PciHardware } from '../pci/pci-hardware.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType } from '../qdev/device-type.ts';
import { CLOCK } from '../qdev/services.ts';
import { Lsi53c895a } from './lsi53c895a.ts';
import { scsiBusOf } from './scsi-bus.ts';

export const LSI53C895A: DeviceType = {
  name: 'lsi53c895a',
  alias: 'lsi',
  category: 'Storage',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: PCI_PROPERTIES,
  realize(request) {
    const { id, values, services } = request;
    const adapter = new Lsi53c895a(services.get(CLOCK), id, values.is('multifunction'));
    const buses = [scsiBusOf(adapter.bus.scsi, request)];
    // QEMU: a wire by which another board could take its interrupt.
    return {
      hardware: new PciHardware(adapter, { buses, release: () => adapter.abandon() }),
      gpios: [{ direction: 'out', name: '', count: 1 }],
    };
  },
};
