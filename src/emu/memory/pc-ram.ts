/** Where the pc machine has its RAM. QEMU: hw/i386/pc_piix, max-ram-below-4g at its default. */
import { assert } from '../core/assert.ts';
import { type BufferMaker, CHUNK_SIZE } from './arena.ts';
import { GuestMemory } from './guest-memory.ts';
import { chunksFor } from './region.ts';

export const FOUR_GIB = 2 ** 32;
/** The host has memory only for what the guest writes. With more than this Linux alone would write more than there can be. */
export const RAM_MAX = 2 ** 36;
/** From this size on RAM is split, and what remains below 4 GiB ends earlier, at 3 GiB. */
const SPLIT_FROM = 0xe0000000;
const BELOW_WHEN_SPLIT = 0xc0000000;
/** Spec: Intel 440FX datasheet §4.1: legacy video area. */
export const VGA_HOLE_START = 0xa0000;
export const VGA_HOLE_END = 0xc0000;

/** QEMU's name of the ROM with the firmware. */
export const BIOS_REGION = 'pc.bios';
const BIOS_UNIT = 0x10000;
/** QEMU takes larger ones, which would cover the chips below 4 GiB. All flash together has no more in QEMU either. */
export const FIRMWARE_MAX = 8 << 20;

/** A firmware may have so many bytes. */
export function isBiosSize(bytes: number): boolean {
  return bytes > 0 && bytes % BIOS_UNIT === 0 && bytes <= FIRMWARE_MAX;
}

const BOARD_RAM = /^ram-/;

/** QEMU: all of the board's RAM is one region; a DIMM has its own. */
export function qemuRegionName(name: string): string {
  return BOARD_RAM.test(name) ? 'pc.ram' : name;
}

export interface RamLayout {
  /** Where RAM below 4 GiB ends. */
  readonly below4g: number;
  /** Bytes of RAM from 4 GiB on. */
  readonly above4g: number;
}

export function pcRamLayout(ramBytes: number): RamLayout {
  const below4g = ramBytes >= SPLIT_FROM ? BELOW_WHEN_SPLIT : ramBytes;
  return { below4g, above4g: ramBytes - below4g };
}

export function ramSizeOf({ below4g, above4g }: RamLayout): number {
  return below4g + above4g;
}

/** QEMU's names of the flash of the board. */
export const FLASH_REGIONS = ['system.flash0', 'system.flash1'] as const;
/** All that flash may have, and the copy of its end below 1 MiB. */
const FLASH_CHUNKS = FIRMWARE_MAX / CHUNK_SIZE + 1;

/** A debugger may write to the ROMs between 0xc0000 and 1 MiB. */
const ROM_CHUNKS = 1;

/** What the processor starts in, but for the built-in firmware. */
export interface Firmware {
  readonly bios?: Uint8Array | undefined;
  readonly hasFlash?: boolean | undefined;
}

/**
 * Memory with the RAM of a pc machine of `ramBytes`, the hole at 0xa0000 left out.
 * @param maxBytes RAM and all DIMMs that may be added: the host is asked for as much
 * @param firmware a ROM below 4 GiB, or flash, which comes later
 */
export function pcMemory(
  ramBytes: number,
  makeBuffer?: BufferMaker,
  maxBytes = ramBytes,
  { bios, hasFlash = false }: Firmware = {},
): GuestMemory {
  const { below4g, above4g } = pcRamLayout(ramBytes);
  const parts = [
    { name: 'ram-640k', gpa: 0, end: Math.min(below4g, VGA_HOLE_START) },
    { name: 'ram-below-4g', gpa: VGA_HOLE_END, end: below4g },
    { name: 'ram-above-4g', gpa: FOUR_GIB, end: FOUR_GIB + above4g },
  ].filter(({ gpa, end }) => end > gpa);
  const chunks = parts.reduce((sum, { gpa, end }) => sum + chunksFor(gpa, end - gpa), 0);
  const romChunks = ROM_CHUNKS + Math.ceil((bios?.length ?? 0) / CHUNK_SIZE);
  const more = romChunks + (hasFlash ? FLASH_CHUNKS : 0) + Math.ceil((maxBytes - ramBytes) / CHUNK_SIZE);
  const memory = new GuestMemory(chunks + more, makeBuffer);
  for (const { name, gpa, end } of parts) memory.add(name, gpa, end - gpa);
  if (bios !== undefined) addBios(memory, bios);
  return memory;
}

function addBios(memory: GuestMemory, bios: Uint8Array): void {
  const rom = memory.add(BIOS_REGION, FOUR_GIB - bios.length, bios.length, { readOnly: true });
  assert(memory.load(rom, 0, bios), 'the arena was made for the firmware too');
}

/** Memory of the machine `none`: what the user asks for, from address 0 on. */
export function noneMemory(ramBytes: number, makeBuffer?: BufferMaker, name = 'ram'): GuestMemory {
  const memory = new GuestMemory(ramBytes === 0 ? 0 : chunksFor(0, ramBytes), makeBuffer);
  if (ramBytes > 0) memory.add(name, 0, ramBytes);
  return memory;
}
