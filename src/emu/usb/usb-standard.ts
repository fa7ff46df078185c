/** The standard requests that every device answers, written once. Spec: USB 2.0 §9.4; USB 3.1 §9.4. */
import {
  atOtherSpeed,
  atSpeed,
  bosDescriptor,
  CONFIG_SELF_POWERED,
  configurationDescriptor,
  DESCRIPTOR_BOS,
  DESCRIPTOR_CONFIGURATION,
  DESCRIPTOR_DEVICE,
  DESCRIPTOR_DEVICE_QUALIFIER,
  DESCRIPTOR_OTHER_SPEED,
  DESCRIPTOR_STRING,
  deviceDescriptor,
  languagesDescriptor,
  qualifierDescriptor,
  stringDescriptor,
  type UsbSpeedDescription,
} from './usb-descriptors.ts';
import type { UsbDevice } from './usb-device.ts';
import {
  MICROSOFT_REQUEST,
  MICROSOFT_SIGNATURE,
  MICROSOFT_STRING,
  microsoftDescriptor,
} from './usb-microsoft.ts';
import { NO_BYTES, type UsbAnswer, type UsbRequest } from './usb-request.ts';
import { SPEED_FULL, SPEED_HIGH, SPEED_SUPER } from './usb-speed.ts';

const DEVICE_IN = 0x8000;
const DEVICE_OUT = 0x0000;
const INTERFACE_IN = 0x8100;
const INTERFACE_OUT = 0x0100;
const VENDOR_DEVICE_IN = 0xc000;

const GET_STATUS = 0;
const CLEAR_FEATURE = 1;
const SET_FEATURE = 3;
const SET_ADDRESS = 5;
const GET_DESCRIPTOR = 6;
const GET_CONFIGURATION = 8;
const SET_CONFIGURATION = 9;
const GET_INTERFACE = 10;
const SET_INTERFACE = 11;
const SET_SEL = 48;
const SET_ISOCH_DELAY = 49;

const FEATURE_REMOTE_WAKEUP = 1;
const STATUS_SELF_POWERED = 1;
const STATUS_REMOTE_WAKEUP = 2;

/** Carries the request out; undefined: it is the device's own. */
export function standardRequest(device: UsbDevice, request: UsbRequest): UsbAnswer | undefined {
  const { value, index } = request;
  const { state } = device;
  switch ((request.type << 8) | request.request) {
    case DEVICE_OUT | SET_ADDRESS:
      // QEMU: also one that no packet can have.
      state.address = value & 0xff;
      if (device.settings.trace.on) device.settings.trace.event('usb_set_addr', state.address);
      return NO_BYTES;
    case DEVICE_IN | GET_DESCRIPTOR:
      return descriptorOf(device, value >>> 8, value & 0xff) ?? 'stall';
    case DEVICE_IN | GET_CONFIGURATION:
      return Uint8Array.of(state.configuration);
    case DEVICE_OUT | SET_CONFIGURATION:
      configure(device, value);
      if (device.settings.trace.on) device.settings.trace.event('usb_set_config', state.address, value, 0);
      return NO_BYTES;
    case DEVICE_IN | GET_STATUS:
      return deviceStatus(device);
    case DEVICE_OUT | CLEAR_FEATURE:
    case DEVICE_OUT | SET_FEATURE:
      if (value !== FEATURE_REMOTE_WAKEUP) return undefined;
      state.remoteWakeup = request.request === SET_FEATURE;
      return NO_BYTES;
    case DEVICE_OUT | SET_SEL:
    case DEVICE_OUT | SET_ISOCH_DELAY:
      return device.speed === SPEED_SUPER ? NO_BYTES : undefined;
    case INTERFACE_IN | GET_INTERFACE: {
      const alternate = state.alternates[index];
      return alternate === undefined ? undefined : Uint8Array.of(alternate);
    }
    case INTERFACE_OUT | SET_INTERFACE:
      return index < state.alternates.length && value === 0 ? NO_BYTES : 'stall';
    case VENDOR_DEVICE_IN | MICROSOFT_REQUEST:
      return hasMicrosoft(device) ? (microsoftDescriptor(index) ?? 'stall') : undefined;
    default:
      return undefined;
  }
}

function hasMicrosoft({ settings }: UsbDevice): boolean {
  return settings.microsoft && settings.description.selectiveSuspend === true;
}

function current(device: UsbDevice): UsbSpeedDescription | undefined {
  return atSpeed(device.settings.description, device.speed);
}

/** QEMU: another number than those of the configurations changes nothing, and is not refused. */
function configure(device: UsbDevice, value: number): void {
  const { state } = device;
  if (value > 1) return;
  state.configuration = value;
  const interfaces = current(device)?.configuration.interfaces ?? [];
  state.alternates = value === 0 ? [] : interfaces.map(() => 0);
}

function deviceStatus(device: UsbDevice): Uint8Array {
  const attributes = current(device)?.configuration.attributes ?? 0;
  const power = (attributes & CONFIG_SELF_POWERED) === 0 ? 0 : STATUS_SELF_POWERED;
  return Uint8Array.of(power | (device.state.remoteWakeup ? STATUS_REMOTE_WAKEUP : 0), 0);
}

function descriptorOf(device: UsbDevice, type: number, index: number): Uint8Array | undefined {
  const bytes = descriptorBytes(device, type, index);
  return bytes && Uint8Array.from(bytes);
}

function descriptorBytes(device: UsbDevice, type: number, index: number): readonly number[] | undefined {
  const { description } = device.settings;
  const now = current(device);
  const other =
    (device.speed & (SPEED_FULL | SPEED_HIGH)) === 0 ? undefined : atOtherSpeed(description, device.speed);
  switch (type) {
    case DESCRIPTOR_DEVICE:
      return now && deviceDescriptor(description, now, hasMicrosoft(device));
    case DESCRIPTOR_CONFIGURATION:
      return now && index === 0 ? configurationDescriptor(now) : undefined;
    case DESCRIPTOR_STRING:
      return stringOf(device, index);
    case DESCRIPTOR_DEVICE_QUALIFIER:
      return other && qualifierDescriptor(other);
    case DESCRIPTOR_OTHER_SPEED:
      return other && index === 0 ? configurationDescriptor(other, DESCRIPTOR_OTHER_SPEED) : undefined;
    case DESCRIPTOR_BOS:
      return bosDescriptor(description);
    default:
      return undefined;
  }
}

/** QEMU: a string that there is not has no bytes. */
function stringOf(device: UsbDevice, index: number): readonly number[] {
  const { description } = device.settings;
  if (index === 0) return languagesDescriptor();
  if (index === MICROSOFT_STRING) return hasMicrosoft(device) ? stringDescriptor(MICROSOFT_SIGNATURE) : [];
  const text = index === description.serialString ? device.serialText : description.strings[index];
  return text === undefined ? [] : stringDescriptor(text);
}
