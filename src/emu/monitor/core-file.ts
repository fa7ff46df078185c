/**
 * A core file of a whole machine, as QEMU lays it out: ELF's header, two section headers, program headers, notes, memory, and the one
 * string of the sections. Spec: System V gABI, "ELF Header", "Program Header"; gABI PN_XNUM.
 */
import type { CpuRegisters } from '../machine/machine-api.ts';
import { cpuNotes } from './core-notes.ts';

/** Guest-physical memory that the file has, from `start` up to `end`. */
export interface CoreBlock {
  readonly start: number;
  readonly end: number;
}

/** What a debugger finds at a linear address. */
export interface CoreMapping {
  readonly linear: bigint;
  readonly physical: number;
  readonly size: number;
}

export const SECTION_NAMES = new TextEncoder().encode('\0.shstrtab\0');

const HEADER_SIZE = 64;
const SECTION_SIZE = 64;
const SECTIONS = 2;
const SEGMENT_SIZE = 56;
const NAME_OF_SHSTRTAB = 1;

const ET_CORE = 4;
const EM_386 = 3;
const EM_X86_64 = 62;
const EV_CURRENT = 1;
/** In place of a number of segments that has no room in the header: the first section has it. */
const PN_XNUM = 0xffff;
const SHT_STRTAB = 3;
const PT_LOAD = 1;
const PT_NOTE = 4;
/** QEMU: the size of a pointer, where the size of the header was meant. */
const E_EHSIZE = 8;

/**
 * All that is before memory, whose blocks follow in their order, and then `SECTION_NAMES`.
 * QEMU: the BIOS ends at 4 GiB, which is why the file is one of 64 bits on any pc, also before the guest is in long mode.
 */
export function coreHeader(
  cpus: readonly CpuRegisters[],
  blocks: readonly CoreBlock[],
  mappings: readonly CoreMapping[],
): Uint8Array {
  const notes = cpuNotes(cpus);
  const segments = mappings.length + 1;
  const notesAt = HEADER_SIZE + SECTIONS * SECTION_SIZE + segments * SEGMENT_SIZE;
  const memoryAt = notesAt + notes.length;
  const bytes = new Uint8Array(memoryAt);
  const view = new DataView(bytes.buffer);
  putElfHeader(view, cpus.some(({ longMode }) => longMode) ? EM_X86_64 : EM_386, segments);
  const memorySize = blocks.reduce((sum, { start, end }) => sum + end - start, 0);
  putSections(view, segments, memoryAt + memorySize);
  let at = HEADER_SIZE + SECTIONS * SECTION_SIZE;
  putSegment(view, at, { type: PT_NOTE, offset: notesAt, fileSize: notes.length, size: notes.length });
  for (const { linear, physical, size } of mappings) {
    at += SEGMENT_SIZE;
    const { offset, length } = placeOf(physical, blocks);
    const fileSize = Math.min(size, length);
    putSegment(view, at, { type: PT_LOAD, offset: memoryAt + offset, linear, physical, fileSize, size });
  }
  bytes.set(notes, notesAt);
  return bytes;
}

/** Where in the file's memory a physical address is, and how much of its block is from there on. */
function placeOf(physical: number, blocks: readonly CoreBlock[]): { offset: number; length: number } {
  let before = 0;
  for (const { start, end } of blocks) {
    if (physical >= start && physical < end)
      return { offset: before + physical - start, length: end - physical };
    before += end - start;
  }
  return { offset: before, length: 0 };
}

function putElfHeader(view: DataView, machine: number, segments: number): void {
  // ELFCLASS64, ELFDATA2LSB, EV_CURRENT.
  for (const [at, byte] of [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1].entries()) view.setUint8(at, byte);
  view.setUint16(16, ET_CORE, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, EV_CURRENT, true);
  view.setBigUint64(32, BigInt(HEADER_SIZE + SECTIONS * SECTION_SIZE), true);
  view.setBigUint64(40, BigInt(HEADER_SIZE), true);
  const sizes = [E_EHSIZE, SEGMENT_SIZE, Math.min(segments, PN_XNUM), SECTION_SIZE, SECTIONS, 1];
  for (const [at, value] of sizes.entries()) view.setUint16(52 + 2 * at, value, true);
}

function putSections(view: DataView, segments: number, namesAt: number): void {
  const INFO = 44;
  if (segments >= PN_XNUM) view.setUint32(HEADER_SIZE + INFO, segments, true);
  const at = HEADER_SIZE + SECTION_SIZE;
  view.setUint32(at, NAME_OF_SHSTRTAB, true);
  view.setUint32(at + 4, SHT_STRTAB, true);
  view.setBigUint64(at + 24, BigInt(namesAt), true);
  view.setBigUint64(at + 32, BigInt(SECTION_NAMES.length), true);
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly linear?: bigint;
  readonly physical?: number;
  readonly fileSize: number;
  readonly size: number;
}

function putSegment(view: DataView, at: number, segment: Segment): void {
  const { type, offset, linear = 0n, physical = 0, fileSize, size } = segment;
  view.setUint32(at, type, true);
  const words = [BigInt(offset), linear, BigInt(physical), BigInt(fileSize), BigInt(size)];
  for (const [n, word] of words.entries()) view.setBigUint64(at + 8 + 8 * n, word, true);
}
