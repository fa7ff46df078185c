/** The types usb-mouse, usb-tablet and usb-kbd, with their descriptors. Spec: HID 1.11; the values are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import { USER_INPUT } from '../input/user-input.ts';
import { fixed, number, type PropertySpec, STR } from '../qdev/properties.ts';
import { CLOCK } from '../qdev/services.ts';
import {
  CONFIG_ALWAYS,
  CONFIG_WAKEUP,
  ENDPOINT_INTERRUPT,
  speedsOf,
  type UsbDescription,
  type UsbSpeedDescription,
} from './usb-descriptors.ts';
import { type HidKind, UsbHid } from './usb-hid.ts';
import { USB_OPTIONS, USB_PROPERTIES, type UsbDeviceType, UsbHardware, usbSettings } from './usb-type.ts';

const VENDOR = 0x0627;
const PRODUCT = 0x0001;
const CLASS_HID = 3;
const DESCRIPTOR_HID = 0x21;
const DESCRIPTOR_REPORT = 0x22;
const HID_1_11 = 0x0111;
/** QEMU: what its mouse and tablet say of the version of HID. */
const HID_0_01 = 0x0001;
const BOOT_SUBCLASS = 1;

/** What distinguishes the devices of a family. Indices are those of `STRINGS`. */
interface HidFacts {
  readonly product: string;
  readonly productString: number;
  readonly serialString: number;
  readonly configurationString: number;
  readonly subclass: number;
  readonly protocol: number;
  readonly version: number;
  readonly maxPacket: number;
  /** Of the endpoint at high speed; a power of two of microframes. */
  readonly highInterval: number;
  readonly report: Uint8Array;
  readonly properties: readonly PropertySpec[];
}

const STRINGS = [
  '',
  'QEMU',
  ...['QEMU USB Mouse', 'QEMU USB Tablet', 'QEMU USB Keyboard', '42'],
  ...['HID Mouse', 'HID Tablet', 'HID Keyboard'],
  ...['89126', '28754', '68284'],
];

const MOUSE_REPORT = Uint8Array.of(
  ...[0x05, 0x01], // Usage Page: Generic Desktop
  ...[0x09, 0x02], // Usage: Mouse
  ...[0xa1, 0x01], // Collection: Application
  ...[0x09, 0x01], // Usage: Pointer
  ...[0xa1, 0x00], // Collection: Physical
  ...[0x05, 0x09, 0x19, 0x01, 0x29, 0x05], // Usage Page: Button, 1 to 5
  ...[0x15, 0x00, 0x25, 0x01, 0x95, 0x05, 0x75, 0x01, 0x81, 0x02], // five bits, Input
  ...[0x95, 0x01, 0x75, 0x03, 0x81, 0x01], // three bits that say nothing
  ...[0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x09, 0x38], // Generic Desktop: X, Y, Wheel
  ...[0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x03, 0x81, 0x06], // a byte each, from -127 to 127, relative
  ...[0xc0, 0xc0],
);

const TABLET_REPORT = Uint8Array.of(
  ...[0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00], // as a mouse
  ...[0x05, 0x09, 0x19, 0x01, 0x29, 0x03], // Usage Page: Button, 1 to 3
  ...[0x15, 0x00, 0x25, 0x01, 0x95, 0x03, 0x75, 0x01, 0x81, 0x02], // three bits, Input
  ...[0x95, 0x01, 0x75, 0x05, 0x81, 0x01], // five bits that say nothing
  ...[0x05, 0x01, 0x09, 0x30, 0x09, 0x31], // Generic Desktop: X, Y
  ...[0x15, 0x00, 0x26, 0xff, 0x7f, 0x35, 0x00, 0x46, 0xff, 0x7f], // from 0 to 0x7fff
  ...[0x75, 0x10, 0x95, 0x02, 0x81, 0x02], // two bytes each, absolute
  ...[0x05, 0x01, 0x09, 0x38], // Generic Desktop: Wheel
  ...[0x15, 0x81, 0x25, 0x7f, 0x35, 0x00, 0x45, 0x00, 0x75, 0x08, 0x95, 0x01, 0x81, 0x06], // a byte, relative
  ...[0xc0, 0xc0],
);

const KEYBOARD_REPORT = Uint8Array.of(
  ...[0x05, 0x01, 0x09, 0x06, 0xa1, 0x01], // Generic Desktop: Keyboard, Application
  ...[0x75, 0x01, 0x95, 0x08, 0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7], // modifiers: eight bits
  ...[0x15, 0x00, 0x25, 0x01, 0x81, 0x02],
  ...[0x95, 0x01, 0x75, 0x08, 0x81, 0x01], // a byte that says nothing
  ...[0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02], // LEDs: five bits, Output
  ...[0x95, 0x01, 0x75, 0x03, 0x91, 0x01], // three bits that say nothing
  ...[0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x25, 0xff], // six keys
  ...[0x05, 0x07, 0x19, 0x00, 0x29, 0xff, 0x81, 0x00],
  0xc0,
);

const VERSION = number('usb_version', 2);
// Not modelled: a display to which an input device belongs.
const DISPLAY = fixed({ name: 'display', kind: STR });
const HEAD = fixed(number('head', 0));

const FACTS: Readonly<Record<HidKind, HidFacts>> = {
  mouse: {
    ...{ product: 'QEMU USB Mouse', productString: 2, serialString: 9, configurationString: 6 },
    ...{ subclass: BOOT_SUBCLASS, protocol: 2, version: HID_0_01, maxPacket: 4, highInterval: 7 },
    report: MOUSE_REPORT,
    properties: [VERSION, ...USB_PROPERTIES],
  },
  tablet: {
    ...{ product: 'QEMU USB Tablet', productString: 3, serialString: 10, configurationString: 7 },
    ...{ subclass: 0, protocol: 0, version: HID_0_01, maxPacket: 8, highInterval: 4 },
    report: TABLET_REPORT,
    properties: [VERSION, DISPLAY, HEAD, ...USB_PROPERTIES],
  },
  keyboard: {
    ...{ product: 'QEMU USB Keyboard', productString: 4, serialString: 11, configurationString: 8 },
    ...{ subclass: BOOT_SUBCLASS, protocol: 1, version: HID_1_11, maxPacket: 8, highInterval: 7 },
    report: KEYBOARD_REPORT,
    properties: [VERSION, DISPLAY, ...USB_PROPERTIES],
  },
};

/** QEMU: a device of version 2 knows high speed, too. */
function description(facts: HidFacts, usbVersion: number): UsbDescription {
  const { productString, serialString } = facts;
  return {
    ...{ vendor: VENDOR, product: PRODUCT, release: 0 },
    ...{ manufacturerString: 1, productString, serialString, strings: STRINGS },
    full: speedDescription(facts, { version: 0x0100, maxPacket0: 8, interval: 10 }),
    ...(usbVersion < 2
      ? {}
      : { high: speedDescription(facts, { version: 0x0200, maxPacket0: 64, interval: facts.highInterval }) }),
    selectiveSuspend: true,
  };
}

function speedDescription(
  facts: HidFacts,
  at: { readonly version: number; readonly maxPacket0: number; readonly interval: number },
): UsbSpeedDescription {
  const { version, report, subclass, protocol, maxPacket } = facts;
  const [low, high] = [report.length & 0xff, report.length >>> 8];
  const hid = [9, DESCRIPTOR_HID, version & 0xff, version >>> 8, 0, 1, DESCRIPTOR_REPORT, low, high];
  const endpoint = { address: 0x81, attributes: ENDPOINT_INTERRUPT, maxPacket, interval: at.interval };
  return {
    version: at.version,
    maxPacket0: at.maxPacket0,
    configuration: {
      string: facts.configurationString,
      attributes: CONFIG_ALWAYS | CONFIG_WAKEUP,
      maxPower: 50,
      interfaces: [{ class: CLASS_HID, subclass, protocol, ofClass: [hid], endpoints: [endpoint] }],
    },
  };
}

function hidType(name: string, kind: HidKind): UsbDeviceType {
  const facts = FACTS[kind];
  const { product, properties } = facts;
  return {
    name,
    category: 'Input',
    busType: 'usb-bus',
    userCreatable: true,
    hotpluggable: true,
    properties,
    options: USB_OPTIONS,
    usb: {
      product,
      speeds: (values) => speedsOf(description(facts, Number(values.get('usb_version')))),
      refusal(values) {
        const version = Number(values.get('usb_version'));
        if (version === 1 || version === 2) return undefined;
        return new MonitorError(`Invalid usb version ${version | 0} for usb hid device`);
      },
    },
    realize(request) {
      const { values, services } = request;
      const settings = usbSettings(request, description(facts, values.number('usb_version')), product);
      const { handlers } = services.get(USER_INPUT);
      const wiring = { clock: services.get(CLOCK), handlers, reportDescriptor: facts.report };
      const device = new UsbHid(kind, settings, wiring);
      device.connect();
      return { hardware: new UsbHardware(device, { release: () => device.disconnect() }) };
    },
  };
}

export const USB_HID_TYPES: readonly UsbDeviceType[] = [
  hidType('usb-mouse', 'mouse'),
  hidType('usb-tablet', 'tablet'),
  hidType('usb-kbd', 'keyboard'),
];
