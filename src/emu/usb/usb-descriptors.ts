/** A device's descriptors as tables, and as the bytes that a driver reads. Spec: USB 2.0 §9.6, USB 3.1 §9.6.2. */
import { SPEED_FULL, SPEED_HIGH, SPEED_SUPER } from './usb-speed.ts';

export const DESCRIPTOR_DEVICE = 1;
export const DESCRIPTOR_CONFIGURATION = 2;
export const DESCRIPTOR_STRING = 3;
const DESCRIPTOR_INTERFACE = 4;
const DESCRIPTOR_ENDPOINT = 5;
export const DESCRIPTOR_DEVICE_QUALIFIER = 6;
export const DESCRIPTOR_OTHER_SPEED = 7;
export const DESCRIPTOR_BOS = 15;
const DESCRIPTOR_CAPABILITY = 16;
const DESCRIPTOR_COMPANION = 48;

export const CONFIG_SELF_POWERED = 0x40;
export const CONFIG_ALWAYS = 0x80;
export const CONFIG_WAKEUP = 0x20;

export const ENDPOINT_BULK = 2;
export const ENDPOINT_INTERRUPT = 3;

/** Spec: USB 3.1 §9.6.2. */
const CAPABILITY_USB_2_EXTENSION = 2;
const CAPABILITY_SUPER_SPEED = 3;
const LINK_POWER_MANAGEMENT = 2;
/** The lowest speed at which the device does all that it can: full. */
const FULLY_AT_FULL_SPEED = 1;
const EXIT_LATENCY_1_US = 0x0a;
const EXIT_LATENCY_2_US = 0x20;

const US_ENGLISH = 0x0409;
const STRING_CHARACTERS_MAX = 126;
/** A device that has Microsoft's descriptors is of version 2.0 at least, or Windows does not ask. */
const MICROSOFT_MIN_VERSION = 0x0200;

export interface UsbEndpointDescription {
  /** Number, with 0x80 for one to the host. */
  readonly address: number;
  readonly attributes: number;
  readonly maxPacket: number;
  readonly interval: number;
  /** Packets of a burst at super speed, less one. */
  readonly maxBurst?: number;
  /** Streams at super speed, as a power of two; absent: none. */
  readonly maxStreams?: number;
  /** A descriptor of its class, which follows its own. */
  readonly ofClass?: readonly number[];
}

export interface UsbInterfaceDescription {
  readonly class: number;
  readonly subclass: number;
  readonly protocol: number;
  readonly string?: number;
  /** Descriptors of its class, which follow its own. */
  readonly ofClass?: readonly (readonly number[])[];
  readonly endpoints: readonly UsbEndpointDescription[];
}

/** A device at one speed. Every device here has one configuration, with the number 1. */
export interface UsbSpeedDescription {
  readonly version: number;
  readonly class?: number;
  /** As the descriptor has it: at super speed a power of two. */
  readonly maxPacket0: number;
  readonly configuration: {
    readonly string?: number;
    readonly attributes: number;
    /** In units of 2 mA. */
    readonly maxPower: number;
    readonly interfaces: readonly UsbInterfaceDescription[];
  };
}

export interface UsbDescription {
  readonly vendor: number;
  readonly product: number;
  readonly release: number;
  readonly manufacturerString: number;
  readonly productString: number;
  readonly serialString: number;
  /** By index; the first is not used. */
  readonly strings: readonly string[];
  readonly full?: UsbSpeedDescription;
  readonly high?: UsbSpeedDescription;
  readonly super?: UsbSpeedDescription;
  /** It may be suspended alone: Windows is told by Microsoft's descriptors. */
  readonly selectiveSuspend?: boolean;
}

/** The speeds of which the device has descriptors. */
export function speedsOf(description: UsbDescription): number {
  return (
    (description.full === undefined ? 0 : SPEED_FULL) |
    (description.high === undefined ? 0 : SPEED_HIGH) |
    (description.super === undefined ? 0 : SPEED_SUPER)
  );
}

/** The device as it is at that speed. */
export function atSpeed(description: UsbDescription, speed: number): UsbSpeedDescription | undefined {
  if (speed === SPEED_SUPER) return description.super;
  return speed === SPEED_HIGH ? description.high : description.full;
}

/** The device as it were at the other of full and high speed. */
export function atOtherSpeed(description: UsbDescription, speed: number): UsbSpeedDescription | undefined {
  return speed === SPEED_HIGH ? description.full : description.high;
}

const word = (value: number): readonly [number, number] => [value & 0xff, value >>> 8];

/** A descriptor with its length before it. */
function descriptor(type: number, ...rest: readonly number[]): readonly number[] {
  return [rest.length + 2, type, ...rest];
}

/** @param microsoft Microsoft's descriptors are there too */
export function deviceDescriptor(
  { vendor, product, release, ...more }: UsbDescription,
  { version, class: deviceClass = 0, maxPacket0 }: UsbSpeedDescription,
  microsoft: boolean,
): readonly number[] {
  const told = microsoft ? Math.max(version, MICROSOFT_MIN_VERSION) : version;
  const ids = [...word(vendor), ...word(product), ...word(release)];
  const strings = [more.manufacturerString, more.productString, more.serialString];
  return descriptor(
    DESCRIPTOR_DEVICE,
    ...word(told),
    ...[deviceClass, 0, 0, maxPacket0],
    ...ids,
    ...strings,
    1,
  );
}

export function qualifierDescriptor({
  version,
  class: deviceClass = 0,
  maxPacket0,
}: UsbSpeedDescription): readonly number[] {
  return descriptor(DESCRIPTOR_DEVICE_QUALIFIER, ...word(version), deviceClass, 0, 0, maxPacket0, 1, 0);
}

/** @param type that of a configuration, or of one at the other speed */
export function configurationDescriptor(
  { configuration, version }: UsbSpeedDescription,
  type: number = DESCRIPTOR_CONFIGURATION,
): readonly number[] {
  const { interfaces, attributes, maxPower, string = 0 } = configuration;
  const isSuper = version >= 0x0300;
  const body = interfaces.flatMap((one, index) => interfaceDescriptor(one, index, isSuper));
  const total = 9 + body.length;
  return [...descriptor(type, ...word(total), interfaces.length, 1, string, attributes, maxPower), ...body];
}

function interfaceDescriptor(
  { endpoints, ofClass = [], string = 0, ...kind }: UsbInterfaceDescription,
  index: number,
  isSuper: boolean,
): readonly number[] {
  const { class: interfaceClass, subclass, protocol } = kind;
  return [
    ...descriptor(
      DESCRIPTOR_INTERFACE,
      index,
      0,
      endpoints.length,
      interfaceClass,
      subclass,
      protocol,
      string,
    ),
    ...ofClass.flat(),
    ...endpoints.flatMap((endpoint) => endpointDescriptors(endpoint, isSuper)),
  ];
}

function endpointDescriptors(endpoint: UsbEndpointDescription, isSuper: boolean): readonly number[] {
  const { address, attributes, maxPacket, interval, maxBurst = 0, maxStreams = 0 } = endpoint;
  return [
    ...descriptor(DESCRIPTOR_ENDPOINT, address, attributes, ...word(maxPacket), interval),
    ...(isSuper ? descriptor(DESCRIPTOR_COMPANION, maxBurst, maxStreams, ...word(0)) : []),
    ...(endpoint.ofClass ?? []),
  ];
}

export function bosDescriptor(description: UsbDescription): readonly number[] {
  const capabilities = [
    ...(description.high === undefined
      ? []
      : [descriptor(DESCRIPTOR_CAPABILITY, CAPABILITY_USB_2_EXTENSION, LINK_POWER_MANAGEMENT, 0, 0, 0)]),
    ...(description.super === undefined ? [] : [superCapability(description)]),
  ];
  const body = capabilities.flat();
  return [...descriptor(DESCRIPTOR_BOS, ...word(5 + body.length), capabilities.length), ...body];
}

function superCapability(description: UsbDescription): readonly number[] {
  const speeds = (description.full === undefined ? 0 : 2) | (description.high === undefined ? 0 : 4) | 8;
  return descriptor(
    DESCRIPTOR_CAPABILITY,
    ...[CAPABILITY_SUPER_SPEED, 0, ...word(speeds)],
    ...[FULLY_AT_FULL_SPEED, EXIT_LATENCY_1_US, ...word(EXIT_LATENCY_2_US)],
  );
}

/** The languages of the strings: one. */
export function languagesDescriptor(): readonly number[] {
  return descriptor(DESCRIPTOR_STRING, ...word(US_ENGLISH));
}

export function stringDescriptor(text: string): readonly number[] {
  const units = [...text.slice(0, STRING_CHARACTERS_MAX)].map((letter) => letter.charCodeAt(0));
  return descriptor(DESCRIPTOR_STRING, ...units.flatMap(word));
}
