/** The types of EHCI controllers, which differ by the chip whose part they are. */
import { PciHardware } from '../pci/pci-hardware.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { number, type PropertySpec, readOnlyKind } from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import { Ehci } from './ehci.ts';
import { makeUsbBus } from './usb-bus-type.ts';

const MAX_FRAMES = 128;

const REGIONS: readonly PropertySpec[] = ['capabilities', 'ehci', 'operational', 'ports'].map((name) => ({
  name: `${name}[0]`,
  kind: readOnlyKind('child<memory-region>'),
}));

/** @param hotpluggable QEMU: those that have companions do not come while the machine runs */
function ehciType(name: string, deviceId: number, revision: number, hotpluggable: boolean): DeviceType {
  return {
    name,
    category: 'USB',
    busType: 'PCI',
    userCreatable: true,
    hotpluggable,
    properties: [number('maxframes', MAX_FRAMES), ...PCI_PROPERTIES],
    options: REGIONS,
    realize: (request) => realizeEhci(request, { type: name, deviceId, revision }),
  };
}

function realizeEhci(
  { id, values, services }: RealizeRequest,
  identity: { readonly type: string; readonly deviceId: number; readonly revision: number },
): RealizedDevice {
  const [clock, trace] = [services.get(CLOCK), services.get(TRACE)];
  const wiring = { ...identity, clock, trace, maxFrames: values.number('maxframes') };
  const controller = new Ehci(wiring, id, values.is('multifunction'));
  const bus = makeUsbBus(services, controller);
  controller.connect(bus);
  const release = (): void => controller.disconnect();
  return { hardware: new PciHardware(controller, { buses: [bus.qbus()], release }) };
}

export const EHCI_TYPES: readonly DeviceType[] = [
  ehciType('usb-ehci', 0x24cd, 0x10, true),
  ehciType('ich9-usb-ehci1', 0x293a, 3, false),
  ehciType('ich9-usb-ehci2', 0x293c, 3, false),
];
