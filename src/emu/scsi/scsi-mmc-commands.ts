/** Commands of MMC: what a CD-ROM drive has besides those of a disk. Spec: MMC-6 §6. The answers are QEMU's. */
import * as disc from '../block/cdrom.ts';
import { check, type ScsiAction } from './scsi-action.ts';
import type { ScsiCommand } from './scsi-cdb.ts';
import { blockCount, type DiskFacts, sectorsOf } from './scsi-facts.ts';
import { INCOMPATIBLE_MEDIUM, INVALID_FIELD } from './scsi-sense.ts';

const MSF = 0x02;

const POLLED = 0x01;
const CLASS_MEDIA = 4;
const NO_EVENT = 0x80;
const SUPPORTED_CLASSES = 1 << CLASS_MEDIA;
const MEDIA_TRAY_OPEN = 0x01;
const MEDIA_PRESENT = 0x02;

function isDvd(disk: DiskFacts): boolean {
  return !disk.trayOpen && sectorsOf(disk) > disc.CD_SECTORS;
}

function answer(...bytes: readonly number[]): ScsiAction {
  return { kind: 'answer', bytes: Uint8Array.from(bytes) };
}

export function readToc(disk: DiskFacts, { cdb }: ScsiCommand): ScsiAction {
  const toc = disc.tableOfContents(cdb[2] & 0x0f, cdb[6], (cdb[1] & MSF) !== 0, blockCount(disk));
  return toc === undefined ? check(INVALID_FIELD) : answer(...toc);
}

export function readDiscInformation({ properties }: DiskFacts, { cdb }: ScsiCommand): ScsiAction {
  if (!properties.isRom || (cdb[1] & 7) !== 0) return check(INVALID_FIELD);
  return answer(...disc.DISC_INFORMATION);
}

/** Profiles and features: core, removable medium. */
export function getConfiguration(disk: DiskFacts): ScsiAction {
  if (!disk.properties.isRom) return check(INVALID_FIELD);
  const isEmpty = disk.trayOpen || sectorsOf(disk) === 0;
  const current = isEmpty ? 0 : isDvd(disk) ? disc.PROFILE_DVD_ROM : disc.PROFILE_CD_ROM;
  const profile = (number: number): readonly number[] => [0, number, current === number ? 1 : 0, 0];
  const features = [
    ...[0, 0, 0, current],
    ...[0, 0, 0x03, 8, ...profile(disc.PROFILE_DVD_ROM), ...profile(disc.PROFILE_CD_ROM)],
    ...[0, 1, 0x0b, 8, 0, 0, 0, 1, 1, 0, 0, 0],
    ...[0, 3, 0x0b, 4, 0x39, 0, 0, 0],
  ];
  return answer(0, 0, 0, features.length, ...features);
}

/** @param takeEvent what has happened to the medium since it was asked last */
export function getEventStatus(disk: DiskFacts, { cdb }: ScsiCommand, takeEvent: () => number): ScsiAction {
  if (!disk.properties.isRom || (cdb[1] & POLLED) === 0) return check(INVALID_FIELD);
  if ((cdb[4] & SUPPORTED_CLASSES) === 0) return answer(0, 0, NO_EVENT, SUPPORTED_CLASSES);
  const present = disk.inserted === undefined ? 0 : MEDIA_PRESENT;
  const event = disk.trayOpen ? 0 : takeEvent();
  return answer(0, 4, CLASS_MEDIA, SUPPORTED_CLASSES, event, disk.trayOpen ? MEDIA_TRAY_OPEN : present, 0, 0);
}

export function mechanismStatus({ properties }: DiskFacts): ScsiAction {
  return properties.isRom ? answer(...disc.MECHANISM_STATUS) : check(INVALID_FIELD);
}

/** Spec: MMC-6 §6.22. */
export function readDvdStructure(disk: DiskFacts, { cdb }: ScsiCommand): ScsiAction {
  const [media, layer, format] = [cdb[1] & 0x0f, cdb[6], cdb[7]];
  if (!disk.properties.isRom || media !== 0) return check(INVALID_FIELD);
  if (format === disc.DVD_LIST) return answer(...disc.DVD_STRUCTURES);
  if (!isDvd(disk)) return check(INCOMPATIBLE_MEDIUM);
  const bytes = layer === 0 ? disc.dvdStructure(format, sectorsOf(disk)) : undefined;
  return bytes === undefined ? check(INVALID_FIELD) : { kind: 'answer', bytes };
}
