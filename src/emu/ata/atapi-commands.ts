/** The packet commands of a CD-ROM drive. Spec: MMC-6 §6, SFF-8020i. Which there are, and what they answer, is QEMU's. */
import * as disc from '../block/cdrom.ts';
import type { AtaUnit } from './ata-unit.ts';
import { answer, answerBlocks, canAnswer, discBlocks, isInserted, refuse, succeed } from './atapi-answer.ts';
import { RAW_BLOCK_BYTES } from './atapi-raw.ts';
import {
  DATA_PHASE_ERROR,
  ILLEGAL_REQUEST,
  INCOMPATIBLE_MEDIUM,
  INVALID_FIELD,
  NOT_READY,
  OUT_OF_RANGE,
  SAVING_NOT_SUPPORTED,
  UNIT_ATTENTION,
} from './atapi-sense.ts';

const REMOVAL_PREVENTED = 0x53;

export interface AtapiCommand {
  /** `always`: it is answered whatever the drive has to tell; `disc`: there must be one. */
  readonly need: 'always' | 'nothing' | 'disc';
  /** Its answer has data, for which the driver must have room. */
  readonly hasData?: boolean;
  readonly run: (unit: AtaUnit, packet: Uint8Array) => void;
}

const SENSE_BYTES = 18;
const TYPE_ROM = 0x05;
const EVPD = 0x01;
const START = 0x01;
const LOEJ = 0x02;
const POWER_CONDITION = 0xf0;
const MSF = 0x02;
const POLLED = 0x01;
const CLASS_MEDIA = 4;
const SUPPORTED_CLASSES = 1 << CLASS_MEDIA;
const NO_EVENT = 0x80;
const EVENT_EJECT_REQUEST = 1;
const EVENT_NEW_MEDIA = 2;
const MEDIA_TRAY_OPEN = 0x01;
const MEDIA_PRESENT = 0x02;
const PAGE_ERROR_RECOVERY = 0x01;
const PAGE_AUDIO = 0x0e;
const PAGE_CAPABILITIES = 0x2a;
/** QEMU: as the type of a disc that may be any. */
const MEDIUM_TYPE = 0x70;
const READ_10 = 0x28;
const CONFIGURATION_MAX = 512;

const u16 = (bytes: Uint8Array, at: number): number => bytes[at] * 256 + bytes[at + 1];
const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) * 65_536 + u16(bytes, at + 2);
const put16 = (value: number): readonly number[] => [value >> 8, value & 0xff];

function ascii(text: string, length: number): readonly number[] {
  const bytes = new Uint8Array(length).fill(0x20);
  bytes.set(new TextEncoder().encode(text).subarray(0, length));
  return [...bytes];
}

function tell(unit: AtaUnit, bytes: Iterable<number>, most: number): void {
  answer(unit, Uint8Array.from(bytes), most);
}

function requestSense(unit: AtaUnit, packet: Uint8Array): void {
  const { s } = unit;
  const bytes = new Uint8Array(SENSE_BYTES);
  bytes[0] = 0xf0;
  bytes[2] = s.senseKey;
  bytes[7] = SENSE_BYTES - 8;
  bytes[12] = s.asc;
  if (s.senseKey === UNIT_ATTENTION) s.senseKey = 0;
  tell(unit, bytes, packet[4]);
}

function inquiry(unit: AtaUnit, packet: Uint8Array): void {
  const { properties } = unit.device ?? {};
  if (properties === undefined) return;
  if ((packet[1] & EVPD) !== 0) {
    vitalPage(unit, packet[2], packet[4]);
    return;
  }
  const names = [...ascii('QEMU', 8), ...ascii('QEMU DVD-ROM', 16), ...ascii(properties.version, 4)];
  tell(unit, [TYPE_ROM, 0x80, 0x00, 0x21, 31, 0, 0, 0, ...names], packet[4]);
}

/** Spec: SPC-3 §7.6. QEMU: what does not fit into what was asked for is not begun. */
function vitalPage(unit: AtaUnit, code: number, room: number): void {
  const { properties } = unit.device ?? {};
  if (properties === undefined) return;
  const page = (body: readonly number[]): void => {
    tell(unit, [TYPE_ROM, code, 0, body.length, ...body], room);
  };
  if (code === 0x00) {
    page([0x00, 0x83]);
    return;
  }
  if (code !== 0x83) {
    refuse(unit, INVALID_FIELD);
    return;
  }
  const serial = ascii(properties.serial, 20);
  const body = [0x02, 0x00, 0x00, 20, ...serial];
  if (4 + body.length > room) {
    refuse(unit, DATA_PHASE_ERROR);
    return;
  }
  const named = [0x02, 0x01, 0x00, 68, ...ascii('ATA', 8), ...ascii(properties.model, 40), ...serial];
  if (4 + body.length + named.length <= room) {
    body.push(...named);
    if (properties.wwn !== 0n && 4 + body.length + 12 <= room) {
      const wwn = [56, 48, 40, 32, 24, 16, 8, 0].map((shift) =>
        Number((properties.wwn >> BigInt(shift)) & 0xffn),
      );
      body.push(0x01, 0x03, 0x00, 8, ...wwn);
    }
  }
  page(body);
}

function startStop(unit: AtaUnit, packet: Uint8Array): void {
  const { s } = unit;
  const flags = packet[4];
  if ((flags & POWER_CONDITION) === 0 && (flags & LOEJ) !== 0) {
    const open = (flags & START) === 0;
    if (open && !s.trayOpen && s.trayLocked) {
      refuse(unit, [isInserted(unit) ? NOT_READY : ILLEGAL_REQUEST, REMOVAL_PREVENTED]);
      return;
    }
    unit.moveTray(open);
  }
  succeed(unit);
}

function preventRemoval(unit: AtaUnit, packet: Uint8Array): void {
  unit.s.trayLocked = (packet[4] & 1) !== 0;
  succeed(unit);
}

function readCapacity(unit: AtaUnit): void {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(unit.kept.sectors / 4) - 1);
  view.setUint32(4, disc.DISC_BLOCK_BYTES);
  answer(unit, bytes, 8);
}

/** False: the blocks are not all on the disc, and the driver was told so. */
function onDisc(unit: AtaUnit, block: number, count: number): boolean {
  if (block + count <= discBlocks(unit)) return true;
  refuse(unit, OUT_OF_RANGE);
  return false;
}

function read(unit: AtaUnit, packet: Uint8Array): void {
  const count = packet[0] === READ_10 ? u16(packet, 7) : u32(packet, 6);
  const block = u32(packet, 2);
  if (count === 0) succeed(unit);
  else if (onDisc(unit, block, count)) answerBlocks(unit, block, count, disc.DISC_BLOCK_BYTES);
}

/** READ CD: data alone, or all that is in a sector. */
function readCd(unit: AtaUnit, packet: Uint8Array): void {
  const count = packet[6] * 65_536 + u16(packet, 7);
  const block = u32(packet, 2);
  const fields = packet[9] & 0xf8;
  if (count === 0) {
    succeed(unit);
    return;
  }
  if (!onDisc(unit, block, count)) return;
  if (fields === 0) succeed(unit);
  else if (!canAnswer(unit)) return;
  else if (fields === 0x10) answerBlocks(unit, block, count, disc.DISC_BLOCK_BYTES);
  else if (fields === 0xf8) answerBlocks(unit, block, count, RAW_BLOCK_BYTES);
  else refuse(unit, INVALID_FIELD);
}

function seek(unit: AtaUnit, packet: Uint8Array): void {
  if (u32(packet, 2) < discBlocks(unit)) succeed(unit);
  else refuse(unit, OUT_OF_RANGE);
}

/** QEMU: the format is where SFF-8020i has it. */
function readToc(unit: AtaUnit, packet: Uint8Array): void {
  const inMsf = (packet[1] & MSF) !== 0;
  const toc = disc.tableOfContents(packet[9] >> 6, packet[6], inMsf, discBlocks(unit));
  if (toc === undefined) refuse(unit, INVALID_FIELD);
  else tell(unit, toc, u16(packet, 7));
}

function profileOf({ s, kept }: AtaUnit): number {
  if (s.trayOpen || kept.sectors === 0) return 0;
  return kept.sectors > disc.CD_SECTORS ? disc.PROFILE_DVD_ROM : disc.PROFILE_CD_ROM;
}

function getConfiguration(unit: AtaUnit, packet: Uint8Array): void {
  if (u16(packet, 2) !== 0) {
    refuse(unit, INVALID_FIELD);
    return;
  }
  const current = profileOf(unit);
  const profiles = [disc.PROFILE_DVD_ROM, disc.PROFILE_CD_ROM].flatMap((one) => [
    ...put16(one),
    one === current ? 1 : 0,
    0,
  ]);
  const head = [0, 0, 0, 8 + profiles.length, 0, 0, ...put16(current), 0, 0, 0x03, profiles.length];
  tell(unit, [...head, ...profiles], Math.min(u16(packet, 7), CONFIGURATION_MAX));
}

function getEvents(unit: AtaUnit, packet: Uint8Array): void {
  if ((packet[1] & POLLED) === 0) {
    refuse(unit, INVALID_FIELD);
    return;
  }
  const most = u16(packet, 7);
  if ((packet[4] & SUPPORTED_CLASSES) === 0) {
    tell(unit, [0, 0, NO_EVENT, SUPPORTED_CLASSES], most);
    return;
  }
  const isOpen = unit.s.trayOpen;
  const present = isInserted(unit) ? MEDIA_PRESENT : 0;
  const event = isOpen ? 0 : takeEvent(unit);
  tell(unit, [0, 4, CLASS_MEDIA, SUPPORTED_CLASSES, event, isOpen ? MEDIA_TRAY_OPEN : present, 0, 0], most);
}

function takeEvent({ kept }: AtaUnit): number {
  if (kept.newMedium) {
    kept.newMedium = false;
    return EVENT_NEW_MEDIA;
  }
  const asked = kept.ejectRequested;
  kept.ejectRequested = false;
  return asked ? EVENT_EJECT_REQUEST : 0;
}

function readDiscInformation(unit: AtaUnit, packet: Uint8Array): void {
  if ((packet[1] & 7) !== 0) refuse(unit, INVALID_FIELD);
  else tell(unit, disc.DISC_INFORMATION, u16(packet, 7));
}

function modePage(code: number, trayLocked: boolean): readonly number[] | undefined {
  if (code === PAGE_ERROR_RECOVERY) return [0x00, 0x05, 0, 0, 0, 0];
  if (code === PAGE_AUDIO) return new Array<number>(14).fill(0);
  if (code !== PAGE_CAPABILITIES) return undefined;
  // CD-R, CD-RW, DVD; sound, for drivers that look for it; sessions, tray, eject, lock; four times the speed of a CD.
  const flags = [0x3b, 0x00, 0x71, 0x60, 0x29 | (trayLocked ? 0x02 : 0), 0x00];
  return [...flags, ...put16(704), 0, 2, ...put16(512), ...put16(704), 0, 0, 0, 0, 0, 0];
}

function modeSense(unit: AtaUnit, packet: Uint8Array): void {
  const [control, code] = [packet[2] >> 6, packet[2] & 0x3f];
  const body = control === 0 ? modePage(code, unit.s.trayLocked) : undefined;
  if (control === 3) refuse(unit, SAVING_NOT_SUPPORTED);
  else if (body === undefined) refuse(unit, INVALID_FIELD);
  else {
    const head = [...put16(8 + body.length), MEDIUM_TYPE, 0, 0, 0, 0, 0, code, body.length];
    tell(unit, [...head, ...body], u16(packet, 7));
  }
}

/** QEMU: the layer is not looked at. */
function readDvdStructure(unit: AtaUnit, packet: Uint8Array): void {
  const [media, format, most] = [packet[1], packet[7], u16(packet, 8)];
  if (format < disc.DVD_LIST && profileOf(unit) !== disc.PROFILE_DVD_ROM) {
    refuse(unit, INCOMPATIBLE_MEDIUM);
    return;
  }
  const isDvd = media === 0 && (format < 0x80 || format === disc.DVD_LIST);
  const bytes = format === disc.DVD_LIST ? disc.DVD_STRUCTURES : disc.dvdStructure(format, unit.kept.sectors);
  if (!isDvd || bytes === undefined) refuse(unit, INVALID_FIELD);
  else tell(unit, bytes, most);
}

function mechanismStatus(unit: AtaUnit, packet: Uint8Array): void {
  tell(unit, disc.MECHANISM_STATUS, u16(packet, 8));
}

/** By operation code. */
export const ATAPI_COMMANDS: ReadonlyMap<number, AtapiCommand> = new Map<number, AtapiCommand>([
  [0x00, { need: 'disc', run: succeed }],
  [0x03, { need: 'always', hasData: true, run: requestSense }],
  [0x12, { need: 'always', hasData: true, run: inquiry }],
  [0x1b, { need: 'nothing', run: startStop }],
  [0x1e, { need: 'nothing', run: preventRemoval }],
  [0x25, { need: 'disc', hasData: true, run: readCapacity }],
  [READ_10, { need: 'disc', hasData: true, run: read }],
  [0x2b, { need: 'disc', run: seek }],
  [0x43, { need: 'disc', hasData: true, run: readToc }],
  [0x46, { need: 'always', hasData: true, run: getConfiguration }],
  [0x4a, { need: 'always', hasData: true, run: getEvents }],
  [0x51, { need: 'disc', hasData: true, run: readDiscInformation }],
  [0x5a, { need: 'nothing', hasData: true, run: modeSense }],
  [0xa8, { need: 'disc', hasData: true, run: read }],
  [0xad, { need: 'disc', hasData: true, run: readDvdStructure }],
  [0xbb, { need: 'nothing', run: succeed }],
  [0xbd, { need: 'nothing', hasData: true, run: mechanismStatus }],
  [0xbe, { need: 'disc', run: readCd }],
]);
