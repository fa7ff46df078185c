/** The commands that devices take. Spec: ATA/ATAPI-6 §8. Which of them there are, and what they leave undone, is QEMU's. */
import { setSector, takeCount } from './ata-address.ts';
import { changeCache, changeTransferMode, identify } from './ata-identify.ts';
import { askForData, sectorRead } from './ata-pio.ts';
import * as r from './ata-registers.ts';
import { smart } from './ata-smart.ts';
import type { DmaKind } from './ata-state.ts';
import type { AtaUnit } from './ata-unit.ts';

type Kind = AtaUnit['kind'];

/** Done, well or not; or it goes on, and tells the driver itself. */
type Course = 'done' | 'goes on';

export interface AtaCommand {
  readonly kinds: readonly Kind[];
  /** The device tells of it as of a seek that is complete. */
  readonly seeks: boolean;
  readonly run: (unit: AtaUnit, code: number) => Course;
}

const SECURITY_FREEZE_LOCK = 0xf5;
const READ_SECTORS_EXT = 0x24;
const READ_DMA_EXT = 0x25;
const READ_NATIVE_MAX_EXT = 0x27;
const READ_MULTIPLE_EXT = 0x29;
const WRITE_SECTORS_EXT = 0x34;
const WRITE_DMA_EXT = 0x35;
const WRITE_MULTIPLE_EXT = 0x39;
const VERIFY_EXT = 0x42;
/** Those whose registers have 48 bits of an address. */
const EXT = new Set([
  ...[READ_SECTORS_EXT, READ_DMA_EXT, READ_NATIVE_MAX_EXT, READ_MULTIPLE_EXT],
  ...[WRITE_SECTORS_EXT, WRITE_DMA_EXT, WRITE_MULTIPLE_EXT, VERIFY_EXT],
]);
const TRIM = 0x01;
const PACKET_DMA = 0x01;
const PACKET_OVERLAPPED = 0x02;

/** SET FEATURES. */
const CACHE_ON = 0x02;
const TRANSFER_MODE = 0x03;
const REVERT_OFF = 0x66;
const CACHE_OFF = 0x82;
const REVERT_ON = 0xcc;
/** Power and noise management, look-ahead, and what QEMU takes without a word. */
const FEATURES_WITHOUT_EFFECT = new Set([0x05, 0x42, 0x55, 0x67, 0x69, 0x85, 0x96, 0x9a, 0xaa, 0xc2]);

function refused(unit: AtaUnit): Course {
  unit.abort();
  return 'done';
}

const nothing = (): Course => 'done';

function read(unit: AtaUnit, code: number, block: number): Course {
  takeCount(unit, EXT.has(code));
  unit.s.block = block;
  sectorRead(unit);
  return 'goes on';
}

function write(unit: AtaUnit, code: number, block: number): Course {
  takeCount(unit, EXT.has(code));
  unit.s.block = block;
  unit.s.status = r.DRDY | r.DSC;
  askForData(unit);
  return 'goes on';
}

function readSectors(unit: AtaUnit, code: number): Course {
  if (unit.kind === 'cd') {
    unit.setSignature();
    return refused(unit);
  }
  return unit.device === undefined ? refused(unit) : read(unit, code, 1);
}

function writeSectors(unit: AtaUnit, code: number): Course {
  return unit.device === undefined ? refused(unit) : write(unit, code, 1);
}

function readMultiple(unit: AtaUnit, code: number): Course {
  const { multiple } = unit.s;
  return unit.device === undefined || multiple === 0 ? refused(unit) : read(unit, code, multiple);
}

function writeMultiple(unit: AtaUnit, code: number): Course {
  const { multiple } = unit.s;
  return unit.device === undefined || multiple === 0 ? refused(unit) : write(unit, code, multiple);
}

function dma(unit: AtaUnit, code: number, kind: DmaKind): Course {
  if (unit.device === undefined) return refused(unit);
  takeCount(unit, EXT.has(code));
  return startDma(unit, kind);
}

function startDma(unit: AtaUnit, kind: DmaKind): Course {
  unit.s.status = r.DRDY | r.DSC | r.DRQ;
  unit.startDma(kind);
  return 'goes on';
}

function dataSetManagement(unit: AtaUnit): Course {
  if (unit.s.feature !== TRIM || unit.device === undefined) return refused(unit);
  return startDma(unit, 'trim');
}

function deviceReset(unit: AtaUnit): Course {
  unit.cancel();
  unit.reset();
  unit.s.status = 0;
  return 'goes on';
}

function readNativeMax(unit: AtaUnit, code: number): Course {
  if (unit.kept.sectors === 0) return refused(unit);
  takeCount(unit, EXT.has(code));
  setSector(unit, unit.kept.sectors - 1);
  return 'done';
}

function verify(unit: AtaUnit, code: number): Course {
  takeCount(unit, EXT.has(code));
  return 'done';
}

function diagnose(unit: AtaUnit): Course {
  unit.diagnose();
  return 'goes on';
}

function initializeParameters(unit: AtaUnit): Course {
  if (unit.device === undefined) return refused(unit);
  unit.kept.heads = (unit.s.device & r.DEVICE_HEAD) + 1;
  unit.kept.trackSectors = unit.s.count & 0xff;
  return 'done';
}

function checkPowerMode({ s }: AtaUnit): Course {
  s.count = 0xff;
  return 'done';
}

function setMultiple(unit: AtaUnit): Course {
  const count = unit.s.count & 0xff;
  if (count > r.MAX_MULTIPLE || (count & (count - 1)) !== 0) return refused(unit);
  unit.s.multiple = count;
  return 'done';
}

function flush(unit: AtaUnit): Course {
  unit.flush();
  return 'goes on';
}

function tellIdentity(unit: AtaUnit): Course {
  unit.s.status = r.DRDY | r.DSC;
  unit.transfer(identify(unit, unit.host.queues), 'stop');
  unit.host.interrupt();
  return 'goes on';
}

function identifyDevice(unit: AtaUnit): Course {
  if (unit.device !== undefined && unit.kind === 'hd') return tellIdentity(unit);
  if (unit.kind === 'cd') unit.setSignature();
  return refused(unit);
}

function packet(unit: AtaUnit): Course {
  const { s } = unit;
  if ((s.feature & PACKET_OVERLAPPED) !== 0) return refused(unit);
  s.status = r.DRDY | r.DSC;
  const byDma = (s.feature & PACKET_DMA) !== 0;
  s.packet = { ...s.packet, byDma };
  s.count = 1;
  unit.transfer(unit.host.takePacket() ?? new Uint8Array(r.PACKET_BYTES), 'packet');
  return 'goes on';
}

function setFeatures(unit: AtaUnit): Course {
  const { s, kept } = unit;
  if (unit.device === undefined) return refused(unit);
  switch (s.feature) {
    case CACHE_ON:
      kept.writeCache = true;
      changeCache(unit);
      return 'done';
    case CACHE_OFF:
      kept.writeCache = false;
      changeCache(unit);
      unit.flush();
      return 'goes on';
    case REVERT_ON:
    case REVERT_OFF:
      kept.reverts = s.feature === REVERT_ON;
      return 'done';
    case TRANSFER_MODE:
      return changeTransferMode(unit, s.count & 0xff) ? 'done' : refused(unit);
    default:
      return FEATURES_WITHOUT_EFFECT.has(s.feature) ? 'done' : refused(unit);
  }
}

/** QEMU: the driver may freeze what is locked nowhere. */
function freezeLock({ s }: AtaUnit): Course {
  s.count = 0;
  return 'done';
}

const HD = ['hd'] as const;
const CD = ['cd'] as const;
const BOTH = ['hd', 'cd'] as const;

type Row = readonly [
  codes: readonly number[],
  kinds: readonly Kind[],
  run: AtaCommand['run'],
  seeks?: 'seeks',
];

const ROWS: readonly Row[] = [
  [[0x06], HD, dataSetManagement],
  [[0x08], CD, deviceReset],
  [[0x10, 0x70], HD, nothing, 'seeks'],
  [[0x20], BOTH, readSectors],
  [[0x21, READ_SECTORS_EXT], HD, readSectors],
  [[READ_DMA_EXT, 0xc8, 0xc9], HD, (unit, code) => dma(unit, code, 'read')],
  [[READ_NATIVE_MAX_EXT, 0xf8], HD, readNativeMax, 'seeks'],
  [[READ_MULTIPLE_EXT, 0xc4], HD, readMultiple],
  [[0x30, 0x31, WRITE_SECTORS_EXT, 0x3c], HD, writeSectors],
  [[WRITE_DMA_EXT, 0xca, 0xcb], HD, (unit, code) => dma(unit, code, 'write')],
  [[WRITE_MULTIPLE_EXT, 0xc5], HD, writeMultiple],
  [[0x40, 0x41, VERIFY_EXT], HD, verify, 'seeks'],
  [[0x90], BOTH, diagnose],
  [[0x91], HD, initializeParameters, 'seeks'],
  // Standby, idle and sleep.
  [[0x94, 0x95, 0x96, 0x97, 0x99, 0xe0, 0xe1, 0xe2, 0xe3, 0xe6], HD, nothing],
  [[0x98, 0xe5], HD, checkPowerMode, 'seeks'],
  [[0xa0], CD, packet],
  [[0xa1], CD, tellIdentity],
  [[0xb0], HD, smart, 'seeks'],
  [[0xc6], HD, setMultiple, 'seeks'],
  [[0xe7], BOTH, flush],
  [[0xea], HD, flush],
  [[0xec], BOTH, identifyDevice],
  [[0xef], BOTH, setFeatures, 'seeks'],
  [[SECURITY_FREEZE_LOCK], HD, freezeLock, 'seeks'],
];

/** By code. */
export const ATA_COMMANDS: ReadonlyMap<number, AtaCommand> = new Map(
  ROWS.flatMap(([codes, kinds, run, seeks]) =>
    codes.map((code): [number, AtaCommand] => [code, { kinds, run, seeks: seeks !== undefined }]),
  ),
);
