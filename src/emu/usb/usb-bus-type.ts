/** The bus of a controller that is a PCI function. */
import type { PciDevice } from '../pci/pci-device.ts';
import { pciPath } from '../pci/pci-path.ts';
import { DEVICE_MAKER } from '../qdev/plug.ts';
import { type Services, TRACE } from '../qdev/services.ts';
import { UsbBus, type UsbBusParts } from './usb-bus.ts';
import { USB_BUS_NUMBERS } from './usb-bus-numbers.ts';

/** @param leaves told of each device that leaves, also of those behind hubs */
export function makeUsbBus(
  services: Services,
  controller: PciDevice,
  leaves?: NonNullable<UsbBusParts['leaves']>,
): UsbBus {
  return new UsbBus({
    numbers: services.get(USB_BUS_NUMBERS),
    devices: services.get(DEVICE_MAKER),
    trace: services.get(TRACE),
    path: () => pciPath(controller),
    ...(leaves && { leaves }),
  });
}
