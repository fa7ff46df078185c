/** Programmable attribute map of the 82441FX: which parts of 0xc0000–0xfffff are RAM. Spec: Intel 440FX PCIset datasheet, §3.2.18. */
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { MemoryWindow } from '../memory/memory-windows.ts';
import { BIOS_REGION } from '../memory/pc-ram.ts';
import { Region } from '../memory/region.ts';

export const PAM0 = 0x59;
export const PAM_REGISTERS = 7;

const AREA_START = 0xc0000;
const BIOS_START = 0xf0000;
const AREA_END = 0x100000;
const SEGMENT = 0x4000;
const SEGMENTS = (BIOS_START - AREA_START) / SEGMENT;
/** QEMU: option ROMs are below this address, the firmware's last 128 KiB above. */
const PC_BIOS_START = 0xe0000;
/** QEMU: the end of a firmware, no more than this, is found below 1 MiB too. */
export const ISA_BIOS_MAX = 0x20000;
/** Bits of a segment's attributes. */
const READ_ENABLE = 1;
const WRITE_ENABLE = 2;
const ATTRIBUTES = READ_ENABLE | WRITE_ENABLE;

/** A segment, and where its attributes are: a register, counted from PAM0, and a shift in it. */
interface Segment {
  readonly gpa: number;
  readonly end: number;
  readonly register: number;
  readonly shift: number;
}

const SEGMENT_TABLE: readonly Segment[] = [
  ...Array.from({ length: SEGMENTS }, (_, index) => ({
    gpa: AREA_START + index * SEGMENT,
    end: AREA_START + (index + 1) * SEGMENT,
    register: 1 + (index >> 1),
    shift: index % 2 === 0 ? 0 : 4,
  })),
  { gpa: BIOS_START, end: AREA_END, register: 0, shift: 4 },
];

/** What the guest finds in a segment. */
type Shown = 'memory' | 'read-only' | Region;

export class Pam {
  readonly #memory: GuestMemory;
  /** Without firmware of the user's they are zeros: the built-in one is no code in a ROM. QEMU: where there is none, RAM shows. */
  #roms: readonly Region[];
  /** Those of the datasheet, cut where a ROM begins inside of one. */
  #segments: readonly Segment[];
  /** Attributes of all segments that count now, as text to compare. */
  #now = '';

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    const bios = memory.regions.find(({ name }) => name === BIOS_REGION);
    this.#roms = romsWith(bios?.alias(AREA_END));
    this.#segments = segmentsFor(this.#roms);
  }

  /** The end of a firmware that came later is found below 1 MiB too, from the next `apply` on. */
  setFirmware(end: Region): void {
    this.#roms = romsWith(end);
    this.#segments = segmentsFor(this.#roms);
    this.#now = '';
  }

  /** Shows RAM or ROM as the registers say. @param registers PAM0 to PAM6 */
  apply(registers: readonly number[]): void {
    const attributes = this.#segments.map(
      ({ register, shift }) => ((registers[register] ?? 0) >> shift) & ATTRIBUTES,
    );
    const now = attributes.join('');
    if (now === this.#now) return;
    this.#now = now;
    const windows: { gpa: number; end: number; shows: Shown }[] = [];
    for (const [at, { gpa, end }] of this.#segments.entries()) {
      const shows = this.#shown(attributes[at] ?? 0, gpa);
      const last = windows.at(-1);
      if (last !== undefined && last.shows === shows) last.end = end;
      else windows.push({ gpa, end, shows });
    }
    this.#memory.setWindows(windows.flatMap(windowOf));
  }

  /** QEMU: RAM that may be written can be read too. */
  #shown(attributes: number, gpa: number): Shown {
    if ((attributes & WRITE_ENABLE) !== 0) return 'memory';
    if (attributes === READ_ENABLE) return 'read-only';
    return this.#roms.find((rom) => gpa >= rom.gpa && gpa < rom.end) ?? 'memory';
  }
}

/** What there is in the area beside RAM. @param bios ends where the area does */
function romsWith(bios: Region | undefined): readonly Region[] {
  const empty = new Region('pc.rom', AREA_START, AREA_END - AREA_START, { readOnly: true });
  const firmware =
    bios === undefined
      ? empty.named(BIOS_REGION).part(PC_BIOS_START, AREA_END)
      : bios.part(AREA_END - Math.min(bios.size, ISA_BIOS_MAX), AREA_END);
  return [empty.part(AREA_START, PC_BIOS_START), firmware];
}

function segmentsFor(roms: readonly Region[]): readonly Segment[] {
  return SEGMENT_TABLE.flatMap((segment) => {
    const cut = roms.find(({ gpa }) => gpa > segment.gpa && gpa < segment.end)?.gpa;
    return cut === undefined
      ? [segment]
      : [
          { ...segment, end: cut },
          { ...segment, gpa: cut },
        ];
  });
}

function windowOf({ gpa, end, shows }: { gpa: number; end: number; shows: Shown }): readonly MemoryWindow[] {
  if (shows === 'memory') return [];
  return [{ gpa, end, shows: shows === 'read-only' ? shows : shows.part(gpa, end) }];
}
