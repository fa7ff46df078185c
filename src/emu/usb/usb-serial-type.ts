/** The type usb-serial. Values and texts are QEMU's. */
import { CHARDEV, CHARDEVS } from '../char/chardevs.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { off } from '../qdev/properties.ts';
import {
  CONFIG_ALWAYS,
  CONFIG_WAKEUP,
  ENDPOINT_BULK,
  speedsOf,
  type UsbDescription,
} from './usb-descriptors.ts';
import { SERIAL_MAX_PACKET, UsbSerial } from './usb-serial.ts';
import {
  USB_BUS_TYPE,
  USB_OPTIONS,
  USB_PROPERTIES,
  type UsbDeviceType,
  UsbHardware,
  usbSettings,
} from './usb-type.ts';

const PRODUCT_NAME = 'QEMU USB Serial';
const VENDOR_SPECIFIC = 0xff;
const PIPE = { attributes: ENDPOINT_BULK, maxPacket: SERIAL_MAX_PACKET, interval: 0 };

const DESCRIPTION: UsbDescription = {
  ...{ vendor: 0x0403, product: 0x6001, release: 0x0400 },
  ...{ manufacturerString: 1, productString: 2, serialString: 4 },
  // QEMU: the third is that of another device of its family.
  strings: ['', 'QEMU', 'QEMU USB SERIAL', 'QEMU USB BAUM BRAILLE', '1'],
  full: {
    version: 0x0200,
    maxPacket0: 8,
    configuration: {
      attributes: CONFIG_ALWAYS | CONFIG_WAKEUP,
      maxPower: 50,
      interfaces: [
        {
          ...{ class: VENDOR_SPECIFIC, subclass: VENDOR_SPECIFIC, protocol: VENDOR_SPECIFIC },
          endpoints: [
            { address: 0x81, ...PIPE },
            { address: 0x02, ...PIPE },
          ],
        },
      ],
    },
  },
};

export const USB_SERIAL: UsbDeviceType = {
  name: 'usb-serial',
  category: 'Input',
  busType: USB_BUS_TYPE,
  userCreatable: true,
  hotpluggable: true,
  properties: [
    { name: 'chardev', kind: CHARDEV, help: 'character back end' },
    off('always-plugged'),
    ...USB_PROPERTIES,
  ],
  options: USB_OPTIONS,
  usb: { product: PRODUCT_NAME, speeds: () => speedsOf(DESCRIPTION) },
  realize(request) {
    const { values, services } = request;
    const chardevs = services.get(CHARDEVS);
    const id = values.text('chardev');
    const backend = chardevs.attach(id);
    if (backend === undefined) throw new MonitorError('Property chardev is required');
    const wiring = { backend, alwaysPlugged: values.is('always-plugged') };
    const device = new UsbSerial(wiring, usbSettings(request, DESCRIPTION, PRODUCT_NAME));
    backend.connect(device);
    chardevs.setFrontendOpen(id, true);
    const release = (): void => {
      backend.connect(undefined);
      chardevs.detach(id, backend);
    };
    return { hardware: new UsbHardware(device, { release }) };
  },
};
