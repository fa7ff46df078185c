/** What the firmware leaves in low memory: BIOS data area, a GDT, page tables, and room for what a kernel is handed. */
import type { DmaPort } from '../memory/dma-port.ts';
import { EBDA } from './memory-map.ts';

const BDA_COM_PORTS = 0x400;
const BDA_END = 0x500;
const EBDA_SIZE = 0x400;
const BDA_EBDA_SEGMENT = 0x40e;
const BDA_EQUIPMENT = 0x410;
const BDA_CONVENTIONAL_KIB = 0x413;
const BDA_KEYBOARD_HEAD = 0x41a;
const BDA_KEYBOARD_TAIL = 0x41c;
const BDA_DISK_CONTROL = 0x476;
const BDA_COM_TIMEOUTS = 0x47c;
const BDA_KEYBOARD_START = 0x480;
const BDA_KEYBOARD_END = 0x482;
const BDA_KEYBOARD_MODE = 0x496;
/** Coprocessor and PS/2 mouse. */
const EQUIPMENT = 0x0006;
const EQUIPMENT_COM_SHIFT = 9;
const KEYBOARD_BUFFER = 0x1e;
const KEYBOARD_BUFFER_END = 0x3e;
const KEYBOARD_101_KEYS = 0x10;
const DISK_CONTROL = 0xc0;
const COM_TIMEOUT = 10;

/** Linear addresses below the EBDA, each with a page or more to itself. */
export const GDT = 0x1000;
export const GDT_LIMIT = 0x1f;
export const START_INFO = 0x2000;
export const PAGE_TABLES = 0x3000;
export const STACK_TOP = 0x10000;
export const ZERO_PAGE = 0x10000;
export const COMMAND_LINE = 0x20000;
export const COMMAND_LINE_MAX = 0x10000;

/** Spec: Linux Documentation/arch/x86/boot.rst: __BOOT_CS 0x10 and __BOOT_DS 0x18 are flat 4 GiB segments. */
const FLAT_CODE32 = [0x0000ffff, 0x00cf9b00];
const FLAT_CODE64 = [0x0000ffff, 0x00af9b00];
const FLAT_DATA = [0x0000ffff, 0x00cf9300];

/** QEMU: as SeaBIOS leaves it on a machine without disks. */
export function writeBiosDataArea(memory: DmaPort, serialPorts: readonly number[]): void {
  memory.fill(BDA_COM_PORTS, BDA_END - BDA_COM_PORTS, 0);
  memory.fill(EBDA, EBDA_SIZE, 0);
  for (const [index, port] of serialPorts.entries()) {
    memory.writeU16(BDA_COM_PORTS + 2 * index, port);
    memory.writeU8(BDA_COM_TIMEOUTS + index, COM_TIMEOUT);
  }
  memory.writeU16(BDA_EQUIPMENT, EQUIPMENT | (serialPorts.length << EQUIPMENT_COM_SHIFT));
  memory.writeU16(BDA_KEYBOARD_HEAD, KEYBOARD_BUFFER);
  memory.writeU16(BDA_KEYBOARD_TAIL, KEYBOARD_BUFFER);
  memory.writeU16(BDA_KEYBOARD_START, KEYBOARD_BUFFER);
  memory.writeU16(BDA_KEYBOARD_END, KEYBOARD_BUFFER_END);
  memory.writeU8(BDA_KEYBOARD_MODE, KEYBOARD_101_KEYS);
  memory.writeU8(BDA_DISK_CONTROL, DISK_CONTROL);
  memory.writeU16(BDA_EBDA_SEGMENT, EBDA >>> 4);
  memory.writeU16(BDA_CONVENTIONAL_KIB, EBDA >>> 10);
  memory.writeU8(EBDA, 1);
}

export function writeGdt(memory: DmaPort, code64: boolean): void {
  const entries = [[0, 0], [0, 0], code64 ? FLAT_CODE64 : FLAT_CODE32, FLAT_DATA];
  for (const [index, [lo, hi]] of entries.entries()) {
    memory.writeU32(GDT + 8 * index, lo);
    memory.writeU32(GDT + 8 * index + 4, hi);
  }
}

const PRESENT_WRITABLE = 3;
const LARGE_PAGE = 0x80;
const GIBIBYTES = 4;

/** Identity page tables for the first 4 GiB, in 2 MiB pages; the top-level table is at PAGE_TABLES. */
export function writePageTables(memory: DmaPort): void {
  const pdpt = PAGE_TABLES + 0x1000;
  memory.fill(PAGE_TABLES, 0x1000 * (2 + GIBIBYTES), 0);
  memory.writeU32(PAGE_TABLES, pdpt | PRESENT_WRITABLE);
  for (let gib = 0; gib < GIBIBYTES; gib++) {
    const directory = pdpt + 0x1000 * (1 + gib);
    memory.writeU32(pdpt + 8 * gib, directory | PRESENT_WRITABLE);
    for (let entry = 0; entry < 512; entry++) {
      const address = gib * 0x40000000 + entry * 0x200000;
      memory.writeU32(directory + 8 * entry, (address | PRESENT_WRITABLE | LARGE_PAGE) >>> 0);
    }
  }
}

/** Writes the NUL-terminated command line; false when it is too long. */
export function writeCommandLine(memory: DmaPort, text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length >= COMMAND_LINE_MAX) return false;
  memory.write(COMMAND_LINE, bytes);
  memory.writeU8(COMMAND_LINE + bytes.length, 0);
  return true;
}
