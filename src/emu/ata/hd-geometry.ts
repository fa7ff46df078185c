/** Cylinders, heads and sectors of a disk that has none, and how a BIOS tells them to old programs. The rules are QEMU's: hw/block/hd-geometry. */
import type { Geometry } from './ata-device.ts';

/** In the order of their numbers. */
export const TRANSLATIONS = ['auto', 'none', 'lba', 'large', 'rechs'] as const;
export type Translation = (typeof TRANSLATIONS)[number];

const HEADS = 16;
const SECTORS = 63;
const MIN_CYLINDERS = 2;
const MAX_CYLINDERS = 16383;
/** What a BIOS can say without a translation. */
const BIOS_CYLINDERS = 1024;
/** Above that the heads of a translation by LARGE are too many. */
const LARGE_MAX = 131_072;

export const BOOT_RECORD_BYTES = 512;
const SIGNATURE_AT = 510;
const PARTITIONS_AT = 446;
const PARTITION_BYTES = 16;
const END_HEAD = 5;
const END_SECTOR = 6;
const LENGTH = 12;

export interface ChosenGeometry {
  readonly geometry: Geometry;
  readonly translation: Exclude<Translation, 'auto'>;
}

export function translationFor({ cylinders, heads, sectors }: Geometry): 'none' | 'lba' {
  return cylinders <= BIOS_CYLINDERS && heads <= HEADS && sectors <= SECTORS ? 'none' : 'lba';
}

/** The geometry of a disk of so many sectors of 512 bytes. */
export function standardGeometry(total: number): Geometry {
  const cylinders = Math.floor(total / (HEADS * SECTORS));
  return {
    cylinders: Math.min(MAX_CYLINDERS, Math.max(MIN_CYLINDERS, cylinders)),
    heads: HEADS,
    sectors: SECTORS,
  };
}

/** @param bootRecord the disk's first sector, whose partitions end where cylinders do */
export function guessGeometry(bootRecord: Uint8Array, total: number): ChosenGeometry {
  const told = partitionGeometry(bootRecord, total);
  const standard = standardGeometry(total);
  if (told === undefined) return { geometry: standard, translation: translationFor(standard) };
  if (told.heads <= HEADS) return { geometry: told, translation: 'none' };
  const isLarge = standard.cylinders * standard.heads <= LARGE_MAX;
  return { geometry: standard, translation: isLarge ? 'large' : 'lba' };
}

function partitionGeometry(record: Uint8Array, total: number): Geometry | undefined {
  if (record[SIGNATURE_AT] !== 0x55 || record[SIGNATURE_AT + 1] !== 0xaa) return undefined;
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  for (let n = 0; n < 4; n++) {
    const at = PARTITIONS_AT + PARTITION_BYTES * n;
    const endHead = view.getUint8(at + END_HEAD);
    if (view.getUint32(at + LENGTH, true) === 0 || endHead === 0) continue;
    const heads = endHead + 1;
    const sectors = view.getUint8(at + END_SECTOR) & 63;
    const cylinders = sectors === 0 ? 0 : Math.floor(total / (heads * sectors));
    if (cylinders >= 1 && cylinders <= MAX_CYLINDERS) return { cylinders, heads, sectors };
  }
  return undefined;
}
