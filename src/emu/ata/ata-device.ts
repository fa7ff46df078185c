/** A disk or CD-ROM drive as it is plugged into a controller: what it says of itself, and the drive behind it. */
import type { IoErrorListener } from '../block/block-errors.ts';
import type { DiskDrive, DiskListeners } from '../block/disk-drive.ts';

export interface Geometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectors: number;
}

/** QEMU's properties, with its names in camel case. */
export interface AtaProperties {
  readonly kind: 'hd' | 'cd';
  readonly model: string;
  readonly serial: string;
  readonly version: string;
  /** 0n: none. */
  readonly wwn: bigint;
  readonly rotationRate: number;
  readonly geometry: Geometry;
  /** How firmware tells the geometry to old programs: 0 as it is, 1 LBA, 2 LARGE, 3 revised. */
  readonly translation: number;
  /** Blocks can be given back. */
  readonly discards: boolean;
  /** Logical blocks of a physical one, as a power of two. */
  readonly physicalBlockExponent: number;
  readonly writeCache: boolean;
}

export class AtaDevice {
  readonly properties: AtaProperties;
  readonly drive: DiskDrive;
  readonly onIoError: IoErrorListener;
  readonly onTrayMoved: (open: boolean) => void;

  constructor(properties: AtaProperties, drive: DiskDrive, listeners: DiskListeners = {}) {
    this.properties = properties;
    this.drive = drive;
    this.onIoError = listeners.onIoError ?? (() => 'report');
    this.onTrayMoved = listeners.onTrayMoved ?? (() => {});
  }

  /** Whole sectors of what is in the drive. */
  get sectors(): number {
    return Math.floor((this.drive.medium?.backend.sizeBytes ?? 0) / 512);
  }
}
