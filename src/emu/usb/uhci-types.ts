/** The types of UHCI controllers, which differ by the chip whose part they are. */
import { PciHardware } from '../pci/pci-hardware.ts';
import { pciPath } from '../pci/pci-path.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { DEVICE_MAKER } from '../qdev/plug.ts';
import { number } from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import { Uhci } from './uhci.ts';
import { UsbBus } from './usb-bus.ts';
import { USB_BUS_NUMBERS } from './usb-bus-numbers.ts';

const BANDWIDTH = 1280;
const MAX_FRAMES = 128;
const DEVICE_ID_PIIX3 = 0x7020;
const DEVICE_ID_PIIX4 = 0x7112;

function uhciType(name: string, deviceId: number): DeviceType {
  return {
    name,
    category: 'USB',
    busType: 'PCI',
    userCreatable: true,
    hotpluggable: true,
    properties: [number('bandwidth', BANDWIDTH), number('maxframes', MAX_FRAMES), ...PCI_PROPERTIES],
    realize: (request) => realizeUhci(request, name, deviceId),
  };
}

function realizeUhci(
  { id, values, services }: RealizeRequest,
  type: string,
  deviceId: number,
): RealizedDevice {
  const [clock, trace] = [services.get(CLOCK), services.get(TRACE)];
  const [bandwidth, maxFrames] = [values.number('bandwidth'), values.number('maxframes')];
  const multifunction = values.is('multifunction');
  const controller = new Uhci({ type, deviceId, clock, trace, bandwidth, maxFrames }, id, multifunction);
  const bus = new UsbBus({
    numbers: services.get(USB_BUS_NUMBERS),
    devices: services.get(DEVICE_MAKER),
    trace,
    path: () => pciPath(controller),
  });
  controller.connect(bus);
  const release = (): void => controller.disconnect();
  return { hardware: new PciHardware(controller, { buses: [bus.qbus()], release }) };
}

export const PIIX3_USB_UHCI = uhciType('piix3-usb-uhci', DEVICE_ID_PIIX3);
export const UHCI_TYPES: readonly DeviceType[] = [
  PIIX3_USB_UHCI,
  uhciType('piix4-usb-uhci', DEVICE_ID_PIIX4),
];
