/** The mechanics of one floppy drive: where its heads are, and what diskette is below them. */
import type { DiskDrive } from '../block/disk-drive.ts';
import { BOOLEAN, BYTE, integer, record } from '../core/state-fields.ts';
import { type FloppyType, formatOf } from './floppy-formats.ts';

export const SECTOR_BYTES = 512;
const MAX_RATE = 3;
/** QEMU: how many sectors and tracks an empty drive has, and one that takes no diskette. */
const UNKNOWN = 0xff;

/** A drive as it is plugged into a controller. */
export interface FloppyUnit {
  readonly type: FloppyType;
  readonly drive: DiskDrive;
}

export type HeadsState = { readonly track: number; readonly head: number; readonly sector: number };
export const HEADS_STATE = record<HeadsState>({ track: BYTE, head: BYTE, sector: BYTE });
const HEADS_AT_RESET: HeadsState = { track: 0, head: 0, sector: 1 };

/** What was seen of the diskette when it came, and what the driver has said of it. QEMU: it stays when the diskette leaves. */
export type MediaState = {
  readonly lastSector: number;
  readonly maxTrack: number;
  readonly doubleSided: boolean;
  readonly rate: number;
  readonly readOnly: boolean;
  /** The disk change line: no head has moved over this diskette yet. */
  readonly changed: boolean;
  readonly perpendicular: number;
};
export const MEDIA_STATE = record<MediaState>({
  lastSector: BYTE,
  maxTrack: BYTE,
  doubleSided: BOOLEAN,
  rate: integer(0, MAX_RATE),
  readOnly: BOOLEAN,
  changed: BOOLEAN,
  perpendicular: integer(0, 15),
});
const NO_MEDIA: MediaState = {
  ...{ lastSector: 0, maxTrack: 0, doubleSided: false, rate: 0, readOnly: true, changed: true },
  perpendicular: 0,
};

/** How the way to a sector ends. */
export type SeekResult = 'there' | 'other track' | 'no track' | 'no sector';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class FloppyDrive {
  unit: FloppyUnit | undefined;
  heads: Mutable<HeadsState> = { ...HEADS_AT_RESET };
  media: Mutable<MediaState> = { ...NO_MEDIA };
  readonly #fallback: FloppyType;
  #hadMedium = false;

  /** @param fallback for a diskette of a size that no format has */
  constructor(fallback: FloppyType) {
    this.#fallback = fallback;
  }

  /** A drive comes, before the machine runs; undefined: it leaves with its controller. */
  attach(unit: FloppyUnit | undefined): void {
    this.unit = unit;
    this.heads = { ...HEADS_AT_RESET };
    this.media = { ...NO_MEDIA };
    this.#look();
  }

  /** A diskette has come, or has left. */
  mediumChanged(): void {
    // QEMU: of an empty drive nothing can be taken out.
    if (!this.isInserted && !this.#hadMedium) return;
    this.media.changed = true;
    this.#look();
  }

  get isInserted(): boolean {
    return this.unit?.drive.medium !== undefined;
  }

  get sides(): 1 | 2 {
    return this.media.doubleSided ? 2 : 1;
  }

  /** The sector below the head, counted from the start of the diskette; it may be none that there is. */
  get sectorNumber(): number {
    const { track, head, sector } = this.heads;
    return this.#number(track, head, sector);
  }

  /** Where its bytes are in the image; undefined: not in it. */
  get offset(): number | undefined {
    const offset = this.sectorNumber * SECTOR_BYTES;
    const size = this.unit?.drive.medium?.backend.sizeBytes ?? 0;
    return offset < 0 || offset + SECTOR_BYTES > size ? undefined : offset;
  }

  #number(track: number, head: number, sector: number): number {
    return (track * this.sides + head) * this.media.lastSector + sector - 1;
  }

  /** Moves the heads; what cannot be leaves them where they are. */
  seek(head: number, track: number, sector: number): SeekResult {
    const { heads, media } = this;
    if (track > media.maxTrack || (head !== 0 && !media.doubleSided)) return 'no track';
    if (sector > media.lastSector) return 'no sector';
    let result: SeekResult = 'there';
    if (this.#number(track, head, sector) !== this.sectorNumber) {
      heads.head = head;
      if (heads.track !== track) {
        if (this.isInserted) media.changed = false;
        result = 'other track';
      }
      heads.track = track;
      heads.sector = sector;
    }
    return this.isInserted ? result : 'no track';
  }

  recalibrate(): void {
    this.seek(0, 0, 1);
  }

  /** The next sector passes the head. */
  turn(): void {
    const { heads, media } = this;
    if (media.lastSector !== 0) heads.sector = (heads.sector % media.lastSector) + 1;
  }

  #look(): void {
    const { unit, media } = this;
    this.#hadMedium = this.isInserted;
    const medium = unit?.drive.medium;
    media.readOnly = medium === undefined || medium.backend.readOnly;
    if (unit === undefined) return;
    const sectors = Math.floor((medium?.backend.sizeBytes ?? 0) / SECTOR_BYTES);
    const format = medium && formatOf(unit.type, sectors, this.#fallback);
    if (format === undefined) {
      media.lastSector = UNKNOWN;
      media.maxTrack = UNKNOWN;
      return;
    }
    media.lastSector = format.sectors;
    media.maxTrack = format.tracks;
    media.doubleSided = format.sides === 2;
    media.rate = format.rate;
  }
}
