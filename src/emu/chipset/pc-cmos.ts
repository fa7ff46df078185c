/** What QEMU's PC machines leave in CMOS RAM for the firmware. Observed on QEMU 7.2; SeaBIOS reads all of it. */
import { MonitorError } from '../core/monitor-error.ts';
import { CMOS_SIZE } from './mc146818.ts';

/** Physical geometry of an ATA disk. */
export interface DiskGeometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectors: number;
  /** How firmware tells it to old programs: 0 as it is, 1 LBA, 2 LARGE, 3 revised. */
  readonly translation: number;
}

/** What of the machine shows in CMOS. */
export interface CmosFacts {
  /** Bytes of RAM below 4 GiB, without hotplugged memory. */
  readonly ramBelow4g: number;
  /** Bytes of RAM above 4 GiB, without hotplugged memory. */
  readonly ramAbove4g: number;
  readonly cpus: number;
  /** QEMU's `-boot order=` letters. */
  readonly bootOrder: string;
  /** QEMU: -no-fd-bootchk: firmware does not look for a boot signature on floppies. */
  readonly skipsFloppyCheck?: boolean;
  /** CMOS types of the floppy drives A and B (0 none, 4 1.44 MB, 5 2.88 MB). */
  readonly floppies: readonly [number, number];
}

const KIB = 1024;
const MIB = 1024 * KIB;
const FLOPPY_TYPES = 0x10;
const DISK_TYPES = 0x12;
const EQUIPMENT = 0x14;
const BASE_MEMORY = 0x15;
const EXTENDED_MEMORY = 0x17;
const DISK_EXTENDED_TYPES = 0x19;
const DISK_TABLES = [0x1b, 0x24] as const;
const EXTENDED_MEMORY_POST = 0x30;
const MEMORY_ABOVE_16M = 0x34;
const BOOT_FLAGS = 0x38;
const DISK_TRANSLATION = 0x39;
const BOOT_DEVICES = 0x3d;
const MEMORY_ABOVE_4G = 0x5b;
/** The processors that start with the next boot, less one. */
export const CMOS_CPU_COUNT = 0x5f;

const EQUIPMENT_FPU = 0x02;
const EQUIPMENT_POINTER = 0x04;
const EQUIPMENT_FLOPPY = 0x01;
const EQUIPMENT_SECOND_FLOPPY = 0x40;
const USER_DISK_TYPE = 47;
const MAX_BOOT_DEVICES = 3;

function bootNibble(letter: string): number {
  if (letter === 'a' || letter === 'b') return 1;
  if (letter === 'c') return 2;
  if (letter === 'd') return 3;
  return letter === 'n' ? 4 : 0;
}

/** In the byte of the third boot device. */
const SKIP_FLOPPY_CHECK = 0x01;

/** What CMOS says of a boot order, by index. Throws QEMU's error for a letter that is no boot device, or not one of a PC. */
export function bootOrderBytes(
  order: string,
  skipsFloppyCheck = false,
): readonly (readonly [index: number, value: number])[] {
  for (const [at, letter] of [...order].entries()) {
    if (!/[a-p]/.test(letter)) throw new MonitorError(`Invalid boot device '${letter}'`);
    if (order.indexOf(letter) < at) throw new MonitorError(`Boot device '${letter}' was given twice`);
  }
  if (order.length > MAX_BOOT_DEVICES) throw new MonitorError('Too many boot devices for PC');
  const [first = 0, second = 0, third = 0] = [...order].map((letter) => {
    const nibble = bootNibble(letter);
    if (nibble === 0) throw new MonitorError(`Invalid boot device for PC: '${letter}'`);
    return nibble;
  });
  return [
    [BOOT_DEVICES, (second << 4) | first],
    [BOOT_FLAGS, (third << 4) | (skipsFloppyCheck ? SKIP_FLOPPY_CHECK : 0)],
  ];
}

type CmosByte = readonly [index: number, value: number];

function diskTable(drive: 0 | 1, { cylinders, heads, sectors }: DiskGeometry): readonly CmosByte[] {
  const control = 0xc0 | (heads > 8 ? 0x08 : 0);
  const table = [cylinders & 0xff, cylinders >>> 8, heads, 0xff, 0xff, control, cylinders & 0xff];
  return [
    ...[...table, cylinders >>> 8, sectors].map(
      (value, n): CmosByte => [DISK_TABLES[drive] + n, value & 0xff],
    ),
    [DISK_EXTENDED_TYPES + drive, USER_DISK_TYPE],
  ];
}

/** What CMOS says of the four ATA disks, by index: primary master, primary slave, secondary master, secondary slave. */
export function diskBytes(disks: readonly (DiskGeometry | undefined)[]): readonly CmosByte[] {
  const [master, slave] = disks;
  const translations = disks.reduce((all, disk, at) => all | ((disk?.translation ?? 0) << (2 * at)), 0);
  return [
    [DISK_TYPES, (master === undefined ? 0 : 0xf0) | (slave === undefined ? 0 : 0x0f)],
    ...(master === undefined ? [] : diskTable(0, master)),
    ...(slave === undefined ? [] : diskTable(1, slave)),
    [DISK_TRANSLATION, translations],
  ];
}

/** What CMOS says of the floppy drives A and B, by their CMOS types, and of what else the board has. */
export function floppyBytes([a, b]: readonly [number, number]): readonly CmosByte[] {
  const first = a !== 0 || b !== 0 ? EQUIPMENT_FLOPPY : 0;
  const second = a !== 0 && b !== 0 ? EQUIPMENT_SECOND_FLOPPY : 0;
  return [
    [FLOPPY_TYPES, (a << 4) | b],
    [EQUIPMENT, EQUIPMENT_FPU | EQUIPMENT_POINTER | first | second],
  ];
}

/** The 128 bytes, time and registers A–D left to the clock. */
export function pcCmos(facts: CmosFacts): Uint8Array {
  const cmos = new Uint8Array(CMOS_SIZE);
  const put16 = (index: number, value: number): void => {
    const capped = Math.min(Math.max(Math.floor(value), 0), 0xffff);
    cmos[index] = capped & 0xff;
    cmos[index + 1] = capped >>> 8;
  };
  const below = facts.ramBelow4g;
  put16(BASE_MEMORY, Math.min(below / KIB, 640));
  put16(EXTENDED_MEMORY, (below - MIB) / KIB);
  put16(EXTENDED_MEMORY_POST, (below - MIB) / KIB);
  put16(MEMORY_ABOVE_16M, (below - 16 * MIB) / (64 * KIB));
  const above = Math.floor(facts.ramAbove4g / (64 * KIB));
  cmos.set([above & 0xff, (above >>> 8) & 0xff, (above >>> 16) & 0xff], MEMORY_ABOVE_4G);
  cmos[CMOS_CPU_COUNT] = facts.cpus > 0x100 ? 0 : facts.cpus - 1;

  for (const [index, value] of bootOrderBytes(facts.bootOrder, facts.skipsFloppyCheck)) cmos[index] = value;

  for (const [index, value] of floppyBytes(facts.floppies)) cmos[index] = value;
  return cmos;
}
