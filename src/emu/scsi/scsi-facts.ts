/** What a SCSI disk is, and what it is like now: what its commands are answered from. */
import type { BlockBackend } from '../block/block-backend.ts';
import type { Geometry } from './scsi-geometry.ts';

export const SECTOR_BYTES = 512;

/** Spec: SPC-4 §6.4.2, peripheral device type. */
export const TYPE_DISK = 0x00;
export const TYPE_ROM = 0x05;

/** QEMU's properties, with its names in camel case. Sizes in bytes. */
export interface ScsiDiskProperties {
  readonly isRom: boolean;
  readonly removable: boolean;
  readonly logicalBlockSize: number;
  readonly physicalBlockSize: number;
  readonly minIoSize: number;
  readonly optIoSize: number;
  /** 0: nothing can be given back. */
  readonly discardGranularity: number;
  readonly writeCache: boolean;
  readonly vendor: string;
  readonly product: string;
  readonly version: string;
  readonly serial: string;
  readonly deviceId: string;
  readonly wwn: bigint;
  readonly portWwn: bigint;
  readonly portIndex: number;
  readonly maxUnmapSize: number;
  readonly maxIoSize: number;
  readonly rotationRate: number;
  readonly scsiVersion: number;
  readonly dpofua: boolean;
  readonly geometry: Geometry;
  /** quirk_mode_page_apple_vendor */
  readonly applePage: boolean;
  /** quirk_mode_sense_rom_use_dbd */
  readonly romDescriptor: boolean;
}

export const SCSI_DISK_DEFAULTS: ScsiDiskProperties = {
  ...{ isRom: false, removable: false, logicalBlockSize: 512, physicalBlockSize: 512, minIoSize: 0 },
  ...{ optIoSize: 0, discardGranularity: 4096, writeCache: true, vendor: 'QEMU', product: 'QEMU HARDDISK' },
  ...{ version: '2.5+', serial: '', deviceId: '', wwn: 0n, portWwn: 0n, portIndex: 0 },
  ...{ maxUnmapSize: 2 ** 30, maxIoSize: 2 ** 31 - 1, rotationRate: 0, scsiVersion: 5, dpofua: false },
  ...{ geometry: { cylinders: 2, heads: 16, sectors: 63 }, applePage: false, romDescriptor: false },
};

/** The disk as a command finds it. */
export interface DiskFacts {
  readonly properties: ScsiDiskProperties;
  /** What is in the drive, whether its tray is open or not. */
  readonly inserted: BlockBackend | undefined;
  readonly trayOpen: boolean;
  readonly trayLocked: boolean;
  readonly writeCache: boolean;
  readonly blockBytes: number;
  /** Its controller gives commands tags. */
  readonly hasTags: boolean;
}

/** Sectors of 512 bytes; 0 without a medium. */
export function sectorsOf({ inserted }: Pick<DiskFacts, 'inserted'>): number {
  return Math.floor((inserted?.sizeBytes ?? 0) / SECTOR_BYTES);
}

/** Logical blocks. */
export function blockCount(disk: Pick<DiskFacts, 'inserted' | 'blockBytes'>): number {
  return Math.floor(sectorsOf(disk) / (disk.blockBytes / SECTOR_BYTES));
}

/** A ROM's medium is never written. */
export function isReadOnly({ properties, inserted }: DiskFacts): boolean {
  return properties.isRom || (inserted?.readOnly ?? false);
}
