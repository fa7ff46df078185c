/** A kernel of a few instructions, for what needs a machine that runs but no Linux. */

const LOAD_ADDRESS = 0x100000;
const HEADER_BYTES = 52;
const SEGMENT_BYTES = 32;
const NOTE = HEADER_BYTES + 2 * SEGMENT_BYTES;
const NOTE_BYTES = 20;
const CODE = 0x100;
const PT_LOAD = 1;
const PT_NOTE = 4;
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

/** An ELF file with a PVH entry: `code` starts in 32-bit protected mode, flat, with interrupts off. */
export function tinyKernel(code: readonly number[]): Uint8Array {
  const file = new Uint8Array(CODE + code.length);
  const view = new DataView(file.buffer);
  const words = (at: number, values: readonly number[]): void =>
    values.forEach((value, index) => {
      view.setUint32(at + 4 * index, value, true);
    });
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 3, true);
  words(20, [1, LOAD_ADDRESS, HEADER_BYTES]);
  view.setUint16(42, SEGMENT_BYTES, true);
  view.setUint16(44, 2, true);
  const { length } = code;
  words(HEADER_BYTES, [PT_LOAD, CODE, LOAD_ADDRESS, LOAD_ADDRESS, length, length, 7, 4096]);
  words(HEADER_BYTES + SEGMENT_BYTES, [PT_NOTE, NOTE, 0, 0, NOTE_BYTES, NOTE_BYTES, 4, 4]);
  words(NOTE, [4, 4, XEN_ELFNOTE_PHYS32_ENTRY, 0x006e6558, LOAD_ADDRESS]);
  file.set(code, CODE);
  return file;
}
