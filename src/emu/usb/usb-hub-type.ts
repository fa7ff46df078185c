/** The type usb-hub. */
import { MonitorError } from '../core/monitor-error.ts';
import { number, off } from '../qdev/properties.ts';
import { hubRefusal } from './usb-bus.ts';
import {
  CONFIG_ALWAYS,
  CONFIG_SELF_POWERED,
  CONFIG_WAKEUP,
  ENDPOINT_INTERRUPT,
  type UsbDescription,
} from './usb-descriptors.ts';
import { HUB_PORTS_MAX, UsbHub } from './usb-hub.ts';
import { SPEED_FULL } from './usb-speed.ts';
import {
  USB_BUS_TYPE,
  USB_OPTIONS,
  USB_PROPERTIES,
  type UsbDeviceType,
  UsbHardware,
  usbSettings,
} from './usb-type.ts';

const PRODUCT_NAME = 'QEMU USB Hub';
const CLASS_HUB = 9;

const DESCRIPTION: UsbDescription = {
  ...{ vendor: 0x0409, product: 0x55aa, release: 0x0101 },
  ...{ manufacturerString: 1, productString: 2, serialString: 3 },
  strings: ['', 'QEMU', PRODUCT_NAME, '314159'],
  full: {
    version: 0x0110,
    class: CLASS_HUB,
    maxPacket0: 8,
    configuration: {
      attributes: CONFIG_ALWAYS | CONFIG_SELF_POWERED | CONFIG_WAKEUP,
      maxPower: 0,
      interfaces: [
        {
          ...{ class: CLASS_HUB, subclass: 0, protocol: 0 },
          endpoints: [{ address: 0x81, attributes: ENDPOINT_INTERRUPT, maxPacket: 2, interval: 255 }],
        },
      ],
    },
  },
};

export const USB_HUB: UsbDeviceType = {
  name: 'usb-hub',
  category: 'Controller/Bridge/Hub',
  busType: USB_BUS_TYPE,
  userCreatable: true,
  hotpluggable: true,
  properties: [number('ports', HUB_PORTS_MAX), off('port-power', ''), ...USB_PROPERTIES],
  options: USB_OPTIONS,
  usb: {
    product: PRODUCT_NAME,
    speeds: () => SPEED_FULL,
    refusal(values, port) {
      const ports = Number(values.get('ports'));
      if (ports >= 1 && ports <= HUB_PORTS_MAX) return hubRefusal(port);
      return new MonitorError(`num_ports (${ports}) out of range (1..${HUB_PORTS_MAX})`);
    },
  },
  realize(request) {
    const { values } = request;
    const properties = { ports: values.number('ports'), portPower: values.is('port-power') };
    return {
      hardware: new UsbHardware(new UsbHub(properties, usbSettings(request, DESCRIPTION, PRODUCT_NAME))),
    };
  },
};
