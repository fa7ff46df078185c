/** The types of the Am53C974: the chip, and the card that has it with an EEPROM. */
import { PciHardware } from '../pci/pci-hardware.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType } from '../qdev/device-type.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import { Am53c974, type Am53c974Wiring } from './am53c974.ts';
import { scsiBusOf } from './scsi-bus.ts';

function typeOf(name: Am53c974Wiring['type'], description: string): DeviceType {
  return {
    ...{ name, description, category: 'Storage', busType: 'PCI', userCreatable: true, hotpluggable: true },
    properties: PCI_PROPERTIES,
    realize(request) {
      const { id, values, services } = request;
      const wiring = { type: name, clock: services.get(CLOCK), trace: services.get(TRACE) };
      const adapter = new Am53c974(wiring, id, values.is('multifunction'));
      const buses = [scsiBusOf(adapter.core.scsi, request)];
      return { hardware: new PciHardware(adapter, { buses, release: () => adapter.abandon() }) };
    },
  };
}

export const AM53C974_TYPES: readonly DeviceType[] = [
  typeOf('am53c974', 'AMD Am53c974 PCscsi-PCI SCSI adapter'),
  typeOf('dc390', 'Tekram DC-390 SCSI adapter'),
];
