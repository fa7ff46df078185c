/** The types of xHCI controllers: QEMU's own, and NEC's, which has MSI and commands besides. */
import { PciHardware } from '../pci/pci-hardware.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { fixed, number, ON_OFF_AUTO, off, on, type PropertySpec, readOnlyKind } from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import { makeUsbBus } from './usb-bus-type.ts';
import { Xhci } from './xhci.ts';

const PORTS = 4;
const PORTS_MAX = 15;
const SLOTS = 64;
const INTERRUPTERS = 16;

interface XhciFacts {
  readonly name: string;
  readonly vendorId: number;
  readonly deviceId: number;
  readonly revision: number;
  readonly isNec: boolean;
  readonly properties: readonly PropertySpec[];
}

/** QEMU: these are of the controller inside the function, which `info qtree` does not show. */
const CORE_PROPERTIES: readonly PropertySpec[] = [
  { name: 'host', kind: readOnlyKind('link<device>') },
  number('p2', PORTS),
  number('p3', PORTS),
  on('streams'),
  { name: 'xhci-core', kind: readOnlyKind('child<base-xhci>') },
];

function xhciType(facts: XhciFacts): DeviceType {
  return {
    name: facts.name,
    category: 'USB',
    busType: 'PCI',
    userCreatable: true,
    hotpluggable: true,
    properties: [...facts.properties, ...PCI_PROPERTIES],
    options: CORE_PROPERTIES,
    realize: (request) => realizeXhci(request, facts),
  };
}

function realizeXhci({ id, values, services }: RealizeRequest, facts: XhciFacts): RealizedDevice {
  const { name: type, vendorId, deviceId, revision, isNec } = facts;
  const [clock, trace] = [services.get(CLOCK), services.get(TRACE)];
  const controller = new Xhci(
    {
      ...{ type, vendorId, deviceId, revision, isNec, clock, trace },
      // QEMU: what is too much is made less.
      usb2: Math.min(values.number('p2'), PORTS_MAX),
      usb3: Math.min(values.number('p3'), PORTS_MAX),
      slots: SLOTS,
      interrupters: INTERRUPTERS,
      hasMsi: isNec && values.text('msi') !== 'off',
      hasMsix: !isNec || values.text('msix') !== 'off',
      hasStreams: !isNec && values.is('streams'),
    },
    id,
    values.is('multifunction'),
  );
  const bus = makeUsbBus(services, controller, (port) => controller.deviceLeaves(port));
  controller.connect(bus);
  const release = (): void => controller.disconnect();
  return { hardware: new PciHardware(controller, { buses: [bus.qbus()], release }) };
}

/** QEMU's own has no MSI, and all that there can be of the rest. */
const QEMU_XHCI: XhciFacts = {
  ...{ name: 'qemu-xhci', vendorId: 0x1b36, deviceId: 0x000d, revision: 1, isNec: false },
  properties: [],
};

const NEC_XHCI: XhciFacts = {
  ...{ name: 'nec-usb-xhci', vendorId: 0x1033, deviceId: 0x0194, revision: 3, isNec: true },
  properties: [
    { name: 'msi', kind: ON_OFF_AUTO, default: 'auto', help: 'on/off/auto' },
    { name: 'msix', kind: ON_OFF_AUTO, default: 'auto', help: 'on/off/auto' },
    // QEMU: the controller inside was made before, so that these change nothing, and its streams are off. Not modelled: `streams=on`.
    on('superspeed-ports-first'),
    // Not modelled: a capability of PCI Express on a bus that is none.
    fixed(off('force-pcie-endcap')),
    number('intrs', INTERRUPTERS),
    number('slots', SLOTS),
  ],
};

export const XHCI_TYPES: readonly DeviceType[] = [xhciType(QEMU_XHCI), xhciType(NEC_XHCI)];
