/** The types of pvpanic: on the ISA bus, where it is there from the start, and on PCI. */
import { MonitorError } from '../core/monitor-error.ts';
import { PciHardware } from '../pci/pci-hardware.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { number, readOnlyKind, UINT8, UINT16 } from '../qdev/properties.ts';
import { TRACE } from '../qdev/services.ts';
import { FW_CFG } from './fw-cfg.ts';
import { IsaHardware } from './isa-bus.ts';
import {
  GUEST_PANIC,
  PVPANIC_CRASHLOADED,
  PVPANIC_PANICKED,
  PvpanicRegister,
  type PvpanicWiring,
} from './pvpanic.ts';
import { PvpanicPci } from './pvpanic-pci.ts';

const PORT = 0x505;
/** Where firmware reads the port, little-endian. */
const PORT_FILE = 'etc/pvpanic-port';
const EVENTS = number('events', PVPANIC_PANICKED | PVPANIC_CRASHLOADED, UINT8);

export const PVPANIC: DeviceType = {
  name: 'pvpanic',
  category: 'Misc',
  busType: 'ISA',
  userCreatable: true,
  // QEMU: it is the ISA bus that takes nothing while the machine runs.
  hotpluggable: true,
  properties: [number('ioport', PORT, UINT16), EVENTS],
  options: [{ name: 'pvpanic[0]', kind: readOnlyKind('child<memory-region>') }],
  realize: realizePvpanic,
};

export const PVPANIC_PCI: DeviceType = {
  name: 'pvpanic-pci',
  category: 'Misc',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: [EVENTS, ...PCI_PROPERTIES],
  realize: (request) => ({
    hardware: new PciHardware(
      new PvpanicPci(wiringOf(request), request.id, request.values.is('multifunction')),
    ),
  }),
};

export const PVPANIC_TYPES: readonly DeviceType[] = [PVPANIC, PVPANIC_PCI];

function realizePvpanic(request: RealizeRequest): RealizedDevice {
  const port = request.values.number('ioport');
  const fwCfg = request.services.get(FW_CFG);
  if (fwCfg.file(PORT_FILE) !== undefined) {
    throw new MonitorError(`duplicate fw_cfg file name: ${PORT_FILE}`);
  }
  const { handler } = new PvpanicRegister(wiringOf(request));
  fwCfg.addFile(PORT_FILE, Uint8Array.of(port & 0xff, port >>> 8));
  return {
    hardware: new IsaHardware({ plug: ({ io }) => void io.map(port, 1, handler, { name: 'pvpanic' }) }),
  };
}

function wiringOf({ values, services }: RealizeRequest): PvpanicWiring {
  return { events: values.number('events'), panic: services.get(GUEST_PANIC), trace: services.get(TRACE) };
}
