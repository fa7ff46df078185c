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

const SECTIONS = 2;
/** How large the parts of a file of 32 or of 64 bits are, in bytes. `word`: an address, an offset, or a size. */
interface ElfLayout {
  readonly class: number;
  readonly word: 4 | 8;
  readonly header: number;
  readonly section: number;
  readonly segment: number;
}
const ELF32: ElfLayout = { class: 1, word: 4, header: 52, section: 40, segment: 32 };
const ELF64: ElfLayout = { class: 2, word: 8, header: 64, section: 64, segment: 56 };
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
 * QEMU: the BIOS ends at 4 GiB, which is why the file is one of 64 bits on any pc, also before the guest is in long mode. Without a
 * processor it is one of 32 bits.
 */
export function coreHeader(
  cpus: readonly CpuRegisters[],
  blocks: readonly CoreBlock[],
  mappings: readonly CoreMapping[],
): Uint8Array {
  const elf = cpus.length === 0 ? ELF32 : ELF64;
  const notes = cpuNotes(cpus);
  const segments = mappings.length + 1;
  const segmentsAt = elf.header + SECTIONS * elf.section;
  const notesAt = segmentsAt + segments * elf.segment;
  const memoryAt = notesAt + notes.length;
  const bytes = new Uint8Array(memoryAt);
  const out = new ElfWriter(bytes, elf);
  out.header(cpus.some(({ longMode }) => longMode) ? EM_X86_64 : EM_386, segments);
  const memorySize = blocks.reduce((sum, { start, end }) => sum + end - start, 0);
  out.sections(segments, memoryAt + memorySize);
  out.segment(segmentsAt, { type: PT_NOTE, offset: notesAt, fileSize: notes.length, size: notes.length });
  for (const [n, { linear, physical, size }] of mappings.entries()) {
    const { offset, length } = placeOf(physical, blocks);
    const fileSize = Math.min(size, length);
    const at = segmentsAt + (n + 1) * elf.segment;
    out.segment(at, { type: PT_LOAD, offset: memoryAt + offset, linear, physical, fileSize, size });
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

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly linear?: bigint;
  readonly physical?: number;
  readonly fileSize: number;
  readonly size: number;
}

/** Puts the parts of a header into bytes that are zeros. */
class ElfWriter {
  readonly #view: DataView;
  readonly #elf: ElfLayout;

  constructor(bytes: Uint8Array, elf: ElfLayout) {
    this.#view = new DataView(bytes.buffer);
    this.#elf = elf;
  }

  header(machine: number, segments: number): void {
    const { header, section, segment, word } = this.#elf;
    // ELFDATA2LSB, EV_CURRENT.
    for (const [at, byte] of [0x7f, 0x45, 0x4c, 0x46, this.#elf.class, 1, 1].entries()) {
      this.#view.setUint8(at, byte);
    }
    this.#view.setUint16(16, ET_CORE, true);
    this.#view.setUint16(18, machine, true);
    this.#view.setUint32(20, EV_CURRENT, true);
    this.#words(24, [0n, BigInt(header + SECTIONS * section), BigInt(header)]);
    const sizes = [E_EHSIZE, segment, Math.min(segments, PN_XNUM), section, SECTIONS, 1];
    for (const [n, value] of sizes.entries()) this.#view.setUint16(28 + 3 * word + 2 * n, value, true);
  }

  sections(segments: number, namesAt: number): void {
    const { header, section, word } = this.#elf;
    if (segments >= PN_XNUM) this.#view.setUint32(header + 12 + 4 * word, segments, true);
    const at = header + section;
    this.#view.setUint32(at, NAME_OF_SHSTRTAB, true);
    this.#view.setUint32(at + 4, SHT_STRTAB, true);
    this.#words(at + 8 + 2 * word, [BigInt(namesAt), BigInt(SECTION_NAMES.length)]);
  }

  segment(at: number, segment: Segment): void {
    const { type, offset, linear = 0n, physical = 0, fileSize, size } = segment;
    this.#view.setUint32(at, type, true);
    // Where words have 64 bits the flags, of which there are none, are before them.
    this.#words(at + this.#elf.word, [
      ...[BigInt(offset), linear, BigInt(physical)],
      ...[BigInt(fileSize), BigInt(size)],
    ]);
  }

  #words(at: number, words: readonly bigint[]): void {
    const { word } = this.#elf;
    for (const [n, value] of words.entries()) {
      if (word === 8) this.#view.setBigUint64(at + word * n, value, true);
      else this.#view.setUint32(at + word * n, Number(BigInt.asUintN(32, value)), true);
    }
  }
}
