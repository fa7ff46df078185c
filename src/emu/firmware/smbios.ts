/** SMBIOS tables: what the machine is called. Spec: DMTF DSP0134 2.8; the numbers below are its sections. */
import { FOUR_GIB, type RamLayout, ramSizeOf } from '../memory/pc-ram.ts';

export interface SmbiosConfig {
  /** `pc-i440fx-7.2`. */
  readonly machine: string;
  /** 16 bytes, in the order in which they are written. */
  readonly uuid: Uint8Array;
  readonly ram: RamLayout;
  readonly sockets: number;
  /** Of a socket. */
  readonly cores: number;
  readonly threads: number;
  /** CPUID leaf 1 EAX and EDX. */
  readonly cpuSignature: number;
  readonly cpuFeatures: number;
}

export interface SmbiosTables {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Bytes of the longest structure with its strings. */
  readonly longest: number;
}

/** QEMU: names of `-machine pc`, and of the SeaBIOS that Debian 12 starts it with. */
const MANUFACTURER = 'QEMU';
const PRODUCT = 'Standard PC (i440FX + PIIX, 1996)';
const BIOS_VENDOR = 'SeaBIOS';
const BIOS_VERSION = '1.16.2-debian-1.16.2-1';
const BIOS_DATE = '04/01/2014';

const BIOS_INFORMATION = 0x0000;
const SYSTEM_INFORMATION = 0x0100;
const ENCLOSURE = 0x0300;
const PROCESSOR = 0x0400;
const MEMORY_ARRAY = 0x1000;
const MEMORY_DEVICE = 0x1100;
const MEMORY_ADDRESS = 0x1300;
const BOOT_INFORMATION = 0x2000;
const END_OF_TABLE = 0x7f00;

const ENTRY_POINT_SIZE = 0x1f;
const INTERMEDIATE_ENTRY = 0x10;
const KIB = 1024;
const MIB = KIB * 1024;
/** QEMU: a DIMM holds no more. */
const DIMM_MAX = 2 ** 34;

const byte = (...values: readonly number[]): number[] => [...values];
const word = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff];
const dword = (value: number): number[] => [...word(value & 0xffff), ...word(value >>> 16)];
const zeros = (count: number): number[] => new Array<number>(count).fill(0);
const ascii = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));

/** §6.1.2, §6.1.3. Strings are named in the body by their number, from 1. */
function structure(type: number, handle: number, body: readonly number[], ...strings: string[]): number[] {
  const texts = strings.flatMap((text) => [...ascii(text), 0]);
  return [type, 4 + body.length, ...word(handle), ...body, ...texts, ...(texts.length === 0 ? [0, 0] : [0])];
}

/** §7.1. */
function biosInformation(): number[] {
  const characteristicsNotSupported = 0x08;
  const targetedContent = 0x04;
  const body = [
    ...byte(1, 2),
    ...word(0xe800),
    ...byte(3, 0),
    ...byte(characteristicsNotSupported, ...zeros(7)),
    ...byte(0, targetedContent),
    ...byte(0, 0, 0xff, 0xff),
  ];
  return structure(0, BIOS_INFORMATION, body, BIOS_VENDOR, BIOS_VERSION, BIOS_DATE);
}

/** §7.2. */
function systemInformation({ machine, uuid }: SmbiosConfig): number[] {
  const wakeUpPowerSwitch = 6;
  const body = byte(1, 2, 3, 0, ...inSmbiosOrder(uuid), wakeUpPowerSwitch, 0, 0);
  return structure(1, SYSTEM_INFORMATION, body, MANUFACTURER, PRODUCT, machine);
}

/** §7.2.1: the first three fields are little-endian. */
function inSmbiosOrder(uuid: Uint8Array): readonly number[] {
  const field = (from: number, to: number): readonly number[] => [...uuid.subarray(from, to)].reverse();
  return [...field(0, 4), ...field(4, 6), ...field(6, 8), ...uuid.subarray(8)];
}

/** §7.4. */
function enclosure({ machine }: SmbiosConfig): number[] {
  const other = 1;
  const stateSafe = 3;
  const securityUnknown = 2;
  const states = byte(stateSafe, stateSafe, stateSafe, securityUnknown);
  const body = byte(1, other, 2, 0, 0, ...states, ...zeros(9));
  return structure(3, ENCLOSURE, body, MANUFACTURER, machine);
}

/** §7.5. */
function processor(
  { machine, cpuSignature, cpuFeatures, cores, threads }: SmbiosConfig,
  index: number,
): number[] {
  const centralProcessor = 3;
  const other = 1;
  const megahertz = 2000;
  const populatedAndEnabled = 0x41;
  const noCache = 0xffff;
  const characteristicsUnknown = 2;
  const body = [
    ...byte(1, centralProcessor, other, 2),
    ...dword(cpuSignature),
    ...dword(cpuFeatures),
    ...byte(3, 0),
    ...word(0),
    ...word(megahertz),
    ...word(megahertz),
    ...byte(populatedAndEnabled, other),
    ...word(noCache),
    ...word(noCache),
    ...word(noCache),
    ...byte(0, 0, 0),
    ...byte(cores, cores, threads),
    ...word(characteristicsUnknown),
    ...word(other),
  ];
  return structure(4, PROCESSOR + index, body, `CPU ${index}`, MANUFACTURER, machine);
}

/** §7.17. */
function memoryArray(ramSize: number, dimms: number): number[] {
  const other = 1;
  const systemMemory = 3;
  const multiBitEcc = 6;
  const noErrorInformation = 0xfffe;
  const body = [
    ...byte(other, systemMemory, multiBitEcc),
    ...dword(ramSize / KIB),
    ...word(noErrorInformation),
    ...word(dimms),
    ...zeros(8),
  ];
  return structure(16, MEMORY_ARRAY, body);
}

/** §7.18. */
function memoryDevice(sizeBytes: number, index: number): number[] {
  const noErrorInformation = 0xfffe;
  const widthUnknown = 0xffff;
  const dimm = 9;
  const ram = 7;
  const other = 2;
  const body = [
    ...word(MEMORY_ARRAY),
    ...word(noErrorInformation),
    ...word(widthUnknown),
    ...word(widthUnknown),
    ...word(Math.ceil(sizeBytes / MIB)),
    ...byte(dimm, 0, 1, 0, ram),
    ...word(other),
    ...word(0),
    ...byte(2, 0, 0, 0, 0),
    ...zeros(12),
  ];
  return structure(17, MEMORY_DEVICE + index, body, `DIMM ${index}`, MANUFACTURER);
}

/** §7.20. */
function memoryAddress(start: number, sizeBytes: number, index: number): number[] {
  const end = Math.floor((start + sizeBytes - 1) / KIB);
  const body = [...dword(start / KIB), ...dword(end), ...word(MEMORY_ARRAY), 1, ...zeros(16)];
  return structure(19, MEMORY_ADDRESS + index, body);
}

/** The memory: all of it, DIMM by DIMM, and by where it is. */
function memory({ ram }: SmbiosConfig): number[][] {
  const ramSize = ramSizeOf(ram);
  const dimms = Math.ceil(ramSize / DIMM_MAX);
  return [
    memoryArray(ramSize, dimms),
    ...Array.from({ length: dimms }, (_, index) =>
      memoryDevice(Math.min(ramSize - index * DIMM_MAX, DIMM_MAX), index),
    ),
    memoryAddress(0, ram.below4g, 0),
    ...(ram.above4g > 0 ? [memoryAddress(FOUR_GIB, ram.above4g, 1)] : []),
  ];
}

/** The structures, in QEMU's order. */
export function smbiosTables(config: SmbiosConfig): SmbiosTables {
  const structures = [
    biosInformation(),
    systemInformation(config),
    enclosure(config),
    ...Array.from({ length: config.sockets }, (_, index) => processor(config, index)),
    ...memory(config),
    structure(32, BOOT_INFORMATION, zeros(7)),
    structure(127, END_OF_TABLE, []),
  ];
  return {
    bytes: Uint8Array.from(structures.flat()),
    count: structures.length,
    longest: Math.max(...structures.map(({ length }) => length)),
  };
}

function checksum(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at++) sum += bytes[at];
  return -sum & 0xff;
}

/** §5.2.1: the anchor that a guest searches for; `address` is where the structures are. */
export function smbiosEntryPoint(tables: SmbiosTables, address: number): Uint8Array {
  const checksumAt = 4;
  const intermediateChecksumAt = 0x15;
  const entry = Uint8Array.from([
    ...ascii('_SM_'),
    ...byte(0, ENTRY_POINT_SIZE, 2, 8),
    ...word(tables.longest),
    ...zeros(6),
    ...ascii('_DMI_'),
    0,
    ...word(tables.bytes.length),
    ...dword(address),
    ...word(tables.count),
    0x28,
  ]);
  entry[intermediateChecksumAt] = checksum(entry, INTERMEDIATE_ENTRY, ENTRY_POINT_SIZE);
  entry[checksumAt] = checksum(entry, 0, ENTRY_POINT_SIZE);
  return entry;
}
