/** What a CD-ROM or DVD drive says of its disc, whatever bus it is on. Spec: MMC-6 §6.26, §6.22. The answers are QEMU's: any disc has one track. */

/** Blocks of this size are what a disc is made of. */
export const DISC_BLOCK_BYTES = 2048;
/** Sectors of 512 bytes of the longest CD, of 80 minutes; what has more is a DVD. */
export const CD_SECTORS = (80 * 60 * 75 * DISC_BLOCK_BYTES) / 512;
export const PROFILE_CD_ROM = 0x0008;
export const PROFILE_DVD_ROM = 0x0010;

const LEAD_OUT = 0xaa;
/** Data track, digital copies prohibited; as ADR and CONTROL. */
const DATA_TRACK = 0x14;
const LEAD_OUT_TRACK = 0x16;
const LEAD_IN_FRAMES = 150;
const FRAMES_A_SECOND = 75;

const DVD_PHYSICAL = 0x00;
const DVD_COPYRIGHT = 0x01;
const DVD_BCA = 0x03;
const DVD_MANUFACTURING = 0x04;
export const DVD_LIST = 0xff;
const DVD_BYTES = 2052;

/** Spec: MMC-6 §4.5.5: minutes, seconds and frames of a block. */
export function minutesOf(block: number): readonly [minutes: number, seconds: number, frames: number] {
  const frames = block + LEAD_IN_FRAMES;
  const seconds = Math.floor(frames / FRAMES_A_SECOND);
  return [Math.floor(seconds / 60) & 0xff, seconds % 60, frames % FRAMES_A_SECOND];
}

function addressOf(block: number, inMsf: boolean): readonly number[] {
  if (!inMsf) return [(block / 2 ** 24) & 0xff, (block >> 16) & 0xff, (block >> 8) & 0xff, block & 0xff];
  return [0, ...minutesOf(block)];
}

/**
 * The table of contents in one of its formats: tracks, sessions, raw; undefined: there is none.
 * @param first the track from which on tracks are told
 * @param end blocks of the disc
 */
export function tableOfContents(
  format: number,
  first: number,
  inMsf: boolean,
  end: number,
): readonly number[] | undefined {
  if (format === 0) return tracks(first, inMsf, end);
  if (format === 1) return [0, 0x0a, 1, 1, ...new Array<number>(8).fill(0)];
  return format === 2 ? rawToc(inMsf, end) : undefined;
}

function tracks(first: number, inMsf: boolean, end: number): readonly number[] | undefined {
  if (first > 1 && first !== LEAD_OUT) return undefined;
  const track = first <= 1 ? [0, DATA_TRACK, 1, 0, ...addressOf(0, inMsf)] : [];
  const leadOut = [0, LEAD_OUT_TRACK, LEAD_OUT, 0, ...addressOf(end, inMsf)];
  const entries = [1, 1, ...track, ...leadOut];
  return [0, entries.length, ...entries];
}

/** QEMU: its last address is one byte too long, which the length does not count. */
function rawToc(inMsf: boolean, end: number): readonly number[] {
  const point = (code: number, address: readonly number[]): readonly number[] => [
    ...[1, DATA_TRACK, 0, code, 0, 0, 0],
    ...address,
  ];
  const entries = [
    ...[1, 1],
    ...point(0xa0, [0, 1, 0, 0]),
    ...point(0xa1, [0, 1, 0, 0]),
    ...point(0xa2, addressOf(end, inMsf)),
    ...point(0x01, addressOf(0, inMsf)),
  ];
  return [0, entries.length, ...entries];
}

/** Spec: MMC-6 §6.22.2: a disc that is complete, with one session. */
export const DISC_INFORMATION: readonly number[] = [
  ...[0, 0x20, 0x0e, 1, 1, 1, 1, 0x20],
  ...new Array<number>(26).fill(0),
];

/** Spec: MMC-6 §6.29: a closed tray with one slot. */
export const MECHANISM_STATUS: readonly number[] = [0, 0, 0, 0, 0, 1, 0, 0];

/** Which structures a DVD has. */
export const DVD_STRUCTURES: readonly number[] = [
  ...[0, 18, 0, 0],
  ...[DVD_PHYSICAL, 0x40, 0x08, 0x04],
  ...[DVD_COPYRIGHT, 0x40, 0, 0x08],
  ...[DVD_BCA, 0x40, 0, 0xc0],
  ...[DVD_MANUFACTURING, 0x40, 0x08, 0x04],
];

/** One of them; undefined: it is not there. @param sectors of 512 bytes on the disc */
export function dvdStructure(format: number, sectors: number): Uint8Array | undefined {
  if (format === DVD_COPYRIGHT) return Uint8Array.of(0, 6, 0, 0, 0, 0, 0, 0);
  if (format !== DVD_PHYSICAL && format !== DVD_MANUFACTURING) return undefined;
  const bytes = new Uint8Array(DVD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, DVD_BYTES - 2);
  if (format === DVD_MANUFACTURING) return bytes;
  // DVD-ROM, 120 mm, one layer, read-only.
  bytes.set([0x01, 0x0f, 0x01, 0x00], 4);
  const last = Math.floor(sectors / 4) - 1;
  view.setUint32(12, last);
  view.setUint32(16, last);
  return bytes;
}
