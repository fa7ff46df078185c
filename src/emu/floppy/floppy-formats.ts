/** How diskettes are formatted, and which format an image of some size has. The table is QEMU's, as its answers show it. */

/** What a drive takes: 3.5" with 1.44 MB or 2.88 MB, 5.25" with 1.2 MB. QEMU: FdcDriveType. */
export const FLOPPY_TYPES = ['144', '288', '120', 'none', 'auto'] as const;
export type FloppyType = (typeof FLOPPY_TYPES)[number];
export type RealFloppyType = Exclude<FloppyType, 'none' | 'auto'>;

/** Data rates, as DSR and CCR choose them. Spec: Intel 82078 datasheet, table 2-4. */
const RATE_500K = 0;
const RATE_300K = 1;
const RATE_250K = 2;
const RATE_1M = 3;

export interface FloppyFormat {
  readonly type: RealFloppyType;
  /** Of each track. */
  readonly sectors: number;
  readonly tracks: number;
  readonly sides: 1 | 2;
  readonly rate: number;
}

type Row = readonly [
  type: RealFloppyType,
  rate: number,
  sides: 1 | 2,
  sizes: readonly (readonly [sectors: number, tracks: number])[],
];

/** Sectors of a track, and tracks. Of several formats that would do the first counts. */
const ROWS: readonly Row[] = [
  [
    '144',
    RATE_500K,
    2,
    [
      [18, 80],
      [20, 80],
      [21, 80],
      [21, 82],
      [21, 83],
      [22, 80],
      [23, 80],
      [24, 80],
    ],
  ],
  [
    '288',
    RATE_1M,
    2,
    [
      [36, 80],
      [39, 80],
      [40, 80],
      [44, 80],
      [48, 80],
    ],
  ],
  [
    '144',
    RATE_250K,
    2,
    [
      [9, 80],
      [10, 80],
      [10, 82],
      [10, 83],
      [13, 80],
      [14, 80],
    ],
  ],
  [
    '120',
    RATE_500K,
    2,
    [
      [15, 80],
      [18, 80],
      [18, 82],
      [18, 83],
      [20, 80],
    ],
  ],
  [
    '120',
    RATE_250K,
    2,
    [
      [9, 80],
      [11, 80],
    ],
  ],
  ['120', RATE_300K, 2, [[9, 40]]],
  ['120', RATE_300K, 1, [[9, 40]]],
  [
    '120',
    RATE_300K,
    2,
    [
      [10, 41],
      [10, 42],
    ],
  ],
  ['120', RATE_250K, 2, [[8, 40]]],
  ['120', RATE_250K, 1, [[8, 40]]],
  ['144', RATE_250K, 1, [[9, 80]]],
];

const FORMATS: readonly FloppyFormat[] = ROWS.flatMap(([type, rate, sides, sizes]) =>
  sizes.map(([sectors, tracks]) => ({ type, sectors, tracks, sides, rate })),
);

function isLarge(type: FloppyType): boolean {
  return type === '120';
}

/**
 * The format of a diskette in a drive: one of its size for the drive, else one of its size for diskettes as wide, else the drive's usual one.
 * @param sectors of the whole diskette
 * @param fallback what a drive of type `auto` is taken for where no format has that size
 */
export function formatOf(type: FloppyType, sectors: number, fallback: FloppyType): FloppyFormat | undefined {
  if (type === 'none') return undefined;
  const fits = FORMATS.filter((one) => one.sectors * one.tracks * one.sides === sectors);
  return (
    fits.find((one) => type === 'auto' || one.type === type) ??
    fits.find((one) => isLarge(one.type) === isLarge(type)) ??
    FORMATS.find((one) => one.type === (type === 'auto' ? fallback : type))
  );
}

/** The type of a drive of which the user has said `auto`. @param sectors of the diskette in it; undefined: there is none */
export function chosenType(type: FloppyType, sectors: number | undefined, fallback: FloppyType): FloppyType {
  if (type !== 'auto') return type;
  return (sectors === undefined ? undefined : formatOf(type, sectors, fallback)?.type) ?? fallback;
}

/** As CMOS tells it to firmware. */
export function cmosFloppyType(type: FloppyType | undefined): number {
  switch (type) {
    case '144':
      return 4;
    case '288':
      return 5;
    case '120':
      return 2;
    default:
      return 0;
  }
}
