/** INQUIRY and its pages of vital product data. Spec: SPC-4 §6.4, §7.8; SBC-3 §6.5. */
import { type DiskFacts, TYPE_DISK, TYPE_ROM } from './scsi-facts.ts';

const EVPD = 0x01;
const PAGE_SUPPORTED = 0x00;
const PAGE_SERIAL = 0x80;
const PAGE_IDENTIFICATION = 0x83;
const PAGE_LIMITS = 0xb0;
const PAGE_CHARACTERISTICS = 0xb1;
const PAGE_PROVISIONING = 0xb2;

const STANDARD_BYTES = 36;
const REMOVABLE = 0x80;
/** Response data format 2, hierarchical addresses. */
const FORMAT = 0x12;
/** Wide, and with commands that have tags. */
const WBUS16 = 0x10;
const CMDQUE = 0x02;
/** Byte 4 counts from the byte behind it. */
const ADDITIONAL = 5;
const LIMITS_BYTES = 64;
/** Spec: SBC-3 §6.5.3: a write of the same blocks must say how many. */
const WSNZ = 0x01;
const MAX_DESCRIPTORS = 255;
/** Ways to give blocks back: UNMAP, and WRITE SAME of both lengths. */
const LBPU_LBPWS_LBPWS10 = 0xe0;
const THIN = 2;
const RESOURCE = 1;
const TEXT_MAX = 255 - 8;
/** QEMU's, of a serial number. */
const SERIAL_MAX = 36;

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The page, or undefined for one that is not there. */
export function inquiry(disk: DiskFacts, cdb: Uint8Array, room: number): Uint8Array | undefined {
  if ((cdb[1] & EVPD) !== 0) return vitalPage(disk, cdb[2]);
  return cdb[2] === 0 ? standard(disk, room) : undefined;
}

function peripheralType({ properties }: DiskFacts): number {
  return properties.isRom ? TYPE_ROM : TYPE_DISK;
}

function standard(disk: DiskFacts, room: number): Uint8Array {
  const { properties } = disk;
  const bytes = new Uint8Array(STANDARD_BYTES);
  const length = room > STANDARD_BYTES ? Math.min(room, 256) : STANDARD_BYTES;
  bytes.set([
    peripheralType(disk),
    properties.removable ? REMOVABLE : 0,
    properties.scsiVersion & 0xff,
    FORMAT,
  ]);
  bytes[4] = length - ADDITIONAL;
  bytes[7] = WBUS16 | (disk.hasTags ? CMDQUE : 0);
  bytes.fill(0x20, 8, 32);
  bytes.set(ascii(properties.vendor).subarray(0, 8), 8);
  bytes.set(ascii(properties.product).subarray(0, 16), 16);
  // QEMU: this one field ends with zeros.
  bytes.set(ascii(properties.version).subarray(0, 4), 32);
  return bytes;
}

function page(disk: DiskFacts, code: number, body: readonly number[]): Uint8Array {
  return Uint8Array.from([peripheralType(disk), code, body.length >> 8, body.length & 0xff, ...body]);
}

function vitalPage(disk: DiskFacts, code: number): Uint8Array | undefined {
  const { properties } = disk;
  switch (code) {
    case PAGE_SUPPORTED:
      return page(disk, code, supportedPages(disk));
    case PAGE_SERIAL:
      if (properties.serial === '') return undefined;
      return page(disk, code, [...ascii(properties.serial).subarray(0, SERIAL_MAX)]);
    case PAGE_IDENTIFICATION:
      return page(disk, code, identification(disk));
    case PAGE_LIMITS:
      return properties.isRom ? undefined : page(disk, code, limits(disk));
    case PAGE_CHARACTERISTICS:
      return page(disk, code, [properties.rotationRate >> 8, properties.rotationRate & 0xff, ...zeros(58)]);
    case PAGE_PROVISIONING:
      return page(disk, code, [
        0,
        LBPU_LBPWS_LBPWS10,
        properties.discardGranularity === 0 ? RESOURCE : THIN,
        0,
      ]);
    default:
      return undefined;
  }
}

function supportedPages({ properties }: DiskFacts): readonly number[] {
  return [
    PAGE_SUPPORTED,
    ...(properties.serial === '' ? [] : [PAGE_SERIAL]),
    PAGE_IDENTIFICATION,
    ...(properties.isRom ? [] : [PAGE_LIMITS, PAGE_CHARACTERISTICS, PAGE_PROVISIONING]),
  ];
}

/** Spec: SPC-4 §7.8.6: designators of the unit and of its port. */
function identification({ properties }: DiskFacts): readonly number[] {
  const { deviceId, wwn, portWwn, portIndex } = properties;
  const text = ascii(deviceId).subarray(0, TEXT_MAX);
  return [
    ...(text.length === 0 ? [] : [0x02, 0x00, 0x00, text.length, ...text]),
    ...(wwn === 0n ? [] : [0x01, 0x03, 0x00, 8, ...big(wwn)]),
    ...(portWwn === 0n ? [] : [0x61, 0x93, 0x00, 8, ...big(portWwn)]),
    ...(portIndex === 0 ? [] : [0x61, 0x94, 0x00, 4, 0, 0, portIndex >> 8, portIndex & 0xff]),
  ];
}

/** Spec: SBC-3 §6.5.3; all in logical blocks. */
function limits({ properties, blockBytes }: DiskFacts): readonly number[] {
  const bytes = new Uint8Array(LIMITS_BYTES);
  const view = new DataView(bytes.buffer);
  const blocks = (size: number): number => Math.floor(size / blockBytes);
  const clipped = (size: number): number => Math.min(blocks(size), 0xffff_ffff);
  view.setUint8(4, WSNZ);
  view.setUint16(6, blocks(properties.minIoSize));
  view.setUint32(8, clipped(properties.maxIoSize));
  view.setUint32(12, blocks(properties.optIoSize));
  view.setUint32(20, clipped(properties.maxUnmapSize));
  view.setUint32(24, MAX_DESCRIPTORS);
  view.setUint32(28, blocks(properties.discardGranularity));
  view.setBigUint64(36, BigInt(blocks(properties.maxIoSize)));
  return [...bytes.subarray(4)];
}

function zeros(count: number): readonly number[] {
  return new Array<number>(count).fill(0);
}

function big(value: bigint): readonly number[] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return [...bytes];
}
