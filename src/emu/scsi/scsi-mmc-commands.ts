/** Commands of MMC: what a CD-ROM drive has besides those of a disk. Spec: MMC-6 §6. The answers are QEMU's. */
import { check, type ScsiAction } from './scsi-action.ts';
import type { ScsiCommand } from './scsi-cdb.ts';
import { blockCount, type DiskFacts, sectorsOf } from './scsi-facts.ts';
import { INCOMPATIBLE_MEDIUM, INVALID_FIELD } from './scsi-sense.ts';

const MSF = 0x02;
const LEAD_OUT = 0xaa;
/** Data track, digital copies prohibited; as ADR and CONTROL. */
const DATA_TRACK = 0x14;
const LEAD_OUT_TRACK = 0x16;
const PROFILE_CD_ROM = 0x0008;
const PROFILE_DVD_ROM = 0x0010;
/** Frames of 2048 bytes in 80 minutes. */
const CD_SECTORS = (80 * 60 * 75 * 2048) / 512;
const LEAD_IN_FRAMES = 150;
const FRAMES_A_SECOND = 75;

const POLLED = 0x01;
const CLASS_MEDIA = 4;
const NO_EVENT = 0x80;
const SUPPORTED_CLASSES = 1 << CLASS_MEDIA;
const MEDIA_TRAY_OPEN = 0x01;
const MEDIA_PRESENT = 0x02;

const DVD_PHYSICAL = 0x00;
const DVD_COPYRIGHT = 0x01;
const DVD_BCA = 0x03;
const DVD_MANUFACTURING = 0x04;
const DVD_LIST = 0xff;
const DVD_BYTES = 2052;

function isDvd(disk: DiskFacts): boolean {
  return !disk.trayOpen && sectorsOf(disk) > CD_SECTORS;
}

function answer(...bytes: readonly number[]): ScsiAction {
  return { kind: 'answer', bytes: Uint8Array.from(bytes) };
}

/** Spec: MMC-6 §4.5.5: minutes, seconds and frames. */
function addressOf(block: number, inMsf: boolean): readonly number[] {
  if (!inMsf) return [(block / 2 ** 24) & 0xff, (block >> 16) & 0xff, (block >> 8) & 0xff, block & 0xff];
  const frames = block + LEAD_IN_FRAMES;
  const seconds = Math.floor(frames / FRAMES_A_SECOND);
  return [0, Math.floor(seconds / 60) & 0xff, seconds % 60, frames % FRAMES_A_SECOND];
}

/** QEMU: any disk has one track. */
export function readToc(disk: DiskFacts, { cdb }: ScsiCommand): ScsiAction {
  const inMsf = (cdb[1] & MSF) !== 0;
  const end = blockCount(disk);
  switch (cdb[2] & 0x0f) {
    case 0:
      return toc(cdb[6], inMsf, end);
    case 1:
      return answer(0, 0x0a, 1, 1, ...new Array<number>(8).fill(0));
    case 2:
      return rawToc(inMsf, end);
    default:
      return check(INVALID_FIELD);
  }
}

function toc(first: number, inMsf: boolean, end: number): ScsiAction {
  if (first > 1 && first !== LEAD_OUT) return check(INVALID_FIELD);
  const track = first <= 1 ? [0, DATA_TRACK, 1, 0, ...addressOf(0, inMsf)] : [];
  const leadOut = [0, LEAD_OUT_TRACK, LEAD_OUT, 0, ...addressOf(end, inMsf)];
  const entries = [1, 1, ...track, ...leadOut];
  return answer(0, entries.length, ...entries);
}

/** QEMU: its last address is one byte too long, which the length does not count. */
function rawToc(inMsf: boolean, end: number): ScsiAction {
  const point = (code: number, address: readonly number[]): readonly number[] => [
    1,
    DATA_TRACK,
    0,
    code,
    0,
    0,
    0,
    ...address,
  ];
  const entries = [
    ...[1, 1],
    ...point(0xa0, [0, 1, 0, 0]),
    ...point(0xa1, [0, 1, 0, 0]),
    ...point(0xa2, addressOf(end, inMsf)),
    ...point(0x01, addressOf(0, inMsf)),
  ];
  return answer(0, entries.length, ...entries);
}

export function readDiscInformation({ properties }: DiskFacts, { cdb }: ScsiCommand): ScsiAction {
  if (!properties.isRom || (cdb[1] & 7) !== 0) return check(INVALID_FIELD);
  return answer(0, 0x20, 0x0e, 1, 1, 1, 1, 0x20, ...new Array<number>(26).fill(0));
}

/** Profiles and features: core, removable medium. */
export function getConfiguration(disk: DiskFacts): ScsiAction {
  if (!disk.properties.isRom) return check(INVALID_FIELD);
  const current = disk.trayOpen || sectorsOf(disk) === 0 ? 0 : isDvd(disk) ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
  const profile = (number: number): readonly number[] => [0, number, current === number ? 1 : 0, 0];
  const features = [
    ...[0, 0, 0, current],
    ...[0, 0, 0x03, 8, ...profile(PROFILE_DVD_ROM), ...profile(PROFILE_CD_ROM)],
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
  return properties.isRom ? answer(0, 0, 0, 0, 0, 1, 0, 0) : check(INVALID_FIELD);
}

/** Spec: MMC-6 §6.22. */
export function readDvdStructure(disk: DiskFacts, { cdb }: ScsiCommand): ScsiAction {
  const [media, layer, format] = [cdb[1] & 0x0f, cdb[6], cdb[7]];
  if (!disk.properties.isRom || media !== 0) return check(INVALID_FIELD);
  if (format === DVD_LIST) {
    const formats = [DVD_PHYSICAL, 0x40, 0x08, 0x04, DVD_COPYRIGHT, 0x40, 0, 0x08, DVD_BCA, 0x40, 0, 0xc0];
    return answer(0, 18, 0, 0, ...formats, DVD_MANUFACTURING, 0x40, 0x08, 0x04);
  }
  if (!isDvd(disk)) return check(INCOMPATIBLE_MEDIUM);
  return layer === 0 ? dvdPage(disk, format) : check(INVALID_FIELD);
}

function dvdPage(disk: DiskFacts, format: number): ScsiAction {
  const bytes = new Uint8Array(DVD_BYTES);
  const view = new DataView(bytes.buffer);
  const action: ScsiAction = { kind: 'answer', bytes };
  view.setUint16(0, DVD_BYTES - 2);
  if (format === DVD_PHYSICAL) {
    // DVD-ROM, 120 mm, one layer, read-only.
    bytes.set([0x01, 0x0f, 0x01, 0x00], 4);
    const last = Math.floor(sectorsOf(disk) / 4) - 1;
    view.setUint32(12, last);
    view.setUint32(16, last);
    return action;
  }
  if (format === DVD_COPYRIGHT) return answer(0, 6, 0, 0, 0, 0, 0, 0);
  return format === DVD_MANUFACTURING ? action : check(INVALID_FIELD);
}
