/** MODE SENSE and MODE SELECT. Spec: SPC-4 §6.11, §7.5; SBC-3 §6.4; MMC-6 §7. The values are QEMU's. */
import { blockCount, type DiskFacts, isReadOnly, sectorsOf } from './scsi-facts.ts';
import {
  INVALID_FIELD,
  INVALID_PARAMETER,
  INVALID_PARAMETER_LENGTH,
  SAVING_NOT_SUPPORTED,
  type Sense,
} from './scsi-sense.ts';

const PAGE_VENDOR = 0x00;
const PAGE_ERROR_RECOVERY = 0x01;
const PAGE_RIGID_GEOMETRY = 0x04;
const PAGE_FLEXIBLE_GEOMETRY = 0x05;
export const PAGE_CACHING = 0x08;
const PAGE_AUDIO = 0x0e;
const PAGE_CAPABILITIES = 0x2a;
const PAGE_APPLE = 0x30;
const ALL_PAGES = 0x3f;

const DBD = 0x08;
const CHANGEABLE = 1;
const SAVED = 3;
const DESCRIPTOR_BYTES = 8;
const DPOFUA = 0x10;
const WRITE_PROTECT = 0x80;
const WCE = 0x04;
const AWRE = 0x80;
const READ_RETRIES = 0x20;
const ROTATIONS_A_MINUTE = 5400;
/** Kilobytes a second of a CD-ROM at single speed. */
const SINGLE_SPEED = 176;

type PageBody = (disk: DiskFacts, changeable: boolean) => Uint8Array | undefined;

function body(length: number, fill: (bytes: Uint8Array, view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  fill(bytes, new DataView(bytes.buffer));
  return bytes;
}

const put24 = (view: DataView, at: number, value: number): void => {
  view.setUint8(at, (value >> 16) & 0xff);
  view.setUint16(at + 1, value & 0xffff);
};

const rigidGeometry: PageBody = ({ properties }, changeable) =>
  body(22, (_bytes, view) => {
    if (changeable) return;
    const { cylinders, heads } = properties.geometry;
    put24(view, 0, cylinders);
    view.setUint8(3, heads & 0xff);
    put24(view, 4, cylinders);
    put24(view, 7, cylinders);
    view.setUint16(10, 200);
    put24(view, 12, 0xff_ffff);
    view.setUint16(18, ROTATIONS_A_MINUTE);
  });

const flexibleGeometry: PageBody = ({ properties, blockBytes }, changeable) =>
  body(30, (bytes, view) => {
    if (changeable) return;
    const { cylinders, heads, sectors } = properties.geometry;
    view.setUint16(0, 5000);
    bytes.set([heads & 0xff, sectors & 0xff], 2);
    view.setUint16(4, blockBytes & 0xffff);
    for (const at of [6, 8, 10]) view.setUint16(at, cylinders & 0xffff);
    bytes.set([0, 1, 1, 0, 1, 1, 1], 12);
    view.setUint16(26, ROTATIONS_A_MINUTE);
  });

const capabilities: PageBody = ({ trayLocked }, changeable) =>
  body(20, (bytes, view) => {
    if (changeable) return;
    // CD-R, CD-RW, fixed packets, DVD-ROM; then all that a drive of sound does; then tray, eject and lock.
    bytes.set([0x3b, 0x00, 0x7f, 0xff, trayLocked ? 0x2f : 0x2d, 0x00]);
    for (const [at, value] of [
      [6, 50 * SINGLE_SPEED],
      [8, 2],
      [10, 2048],
      [12, 16 * SINGLE_SPEED],
      [16, 16 * SINGLE_SPEED],
      [18, 16 * SINGLE_SPEED],
    ] as const) {
      view.setUint16(at, value);
    }
  });

const apple: PageBody = ({ properties }, changeable) => {
  if (!properties.applePage) return undefined;
  return body(30, (bytes) => {
    if (!changeable) bytes.set(new TextEncoder().encode('APPLE COMPUTER, INC   '), 8);
  });
};

/** In the order in which all of them are told. */
const PAGES: ReadonlyMap<number, PageBody> = new Map<number, PageBody>([
  [PAGE_VENDOR, () => undefined],
  [
    PAGE_ERROR_RECOVERY,
    ({ properties }, changeable) =>
      body(10, (bytes) => {
        // QEMU: a ROM says of one bit that it can be changed.
        if (!changeable || properties.isRom) bytes[0] = AWRE;
        if (!changeable && properties.isRom) bytes[1] = READ_RETRIES;
      }),
  ],
  [
    PAGE_RIGID_GEOMETRY,
    (disk, changeable) => (disk.properties.isRom ? undefined : rigidGeometry(disk, changeable)),
  ],
  [
    PAGE_FLEXIBLE_GEOMETRY,
    (disk, changeable) => (disk.properties.isRom ? undefined : flexibleGeometry(disk, changeable)),
  ],
  [
    PAGE_CACHING,
    ({ writeCache }, changeable) => body(18, (bytes) => bytes.set([changeable || writeCache ? WCE : 0])),
  ],
  [PAGE_AUDIO, ({ properties }) => (properties.isRom ? new Uint8Array(14) : undefined)],
  [
    PAGE_CAPABILITIES,
    (disk, changeable) => (disk.properties.isRom ? capabilities(disk, changeable) : undefined),
  ],
  [PAGE_APPLE, apple],
]);

function pageBytes(disk: DiskFacts, code: number, changeable: boolean): readonly number[] {
  const bytes = PAGES.get(code)?.(disk, changeable);
  return bytes === undefined ? [] : [code, bytes.length, ...bytes];
}

/** Answers MODE SENSE (6) or (10); or what is wrong with it. */
export function modeSense(disk: DiskFacts, cdb: Uint8Array, isLong: boolean): Uint8Array | Sense {
  const [code, control] = [cdb[2] & 0x3f, cdb[2] >> 6];
  if (control === SAVED) return SAVING_NOT_SUPPORTED;
  const codes = code === ALL_PAGES ? [...PAGES.keys()] : [code];
  const pages = codes.flatMap((one) => pageBytes(disk, one, control === CHANGEABLE));
  if (pages.length === 0) return INVALID_FIELD;
  const descriptor = blockDescriptor(disk, (cdb[1] & DBD) !== 0);
  const { isRom, dpofua } = disk.properties;
  const specific = isRom ? 0 : (dpofua ? DPOFUA : 0) | (isReadOnly(disk) ? WRITE_PROTECT : 0);
  const header = isLong
    ? [0, 0, 0, specific, 0, 0, 0, descriptor.length]
    : [0, 0, specific, descriptor.length];
  const bytes = Uint8Array.from([...header, ...descriptor, ...pages]);
  if (isLong) new DataView(bytes.buffer).setUint16(0, bytes.length - 2);
  else bytes[0] = bytes.length - 1;
  return bytes;
}

/** QEMU: a ROM has none, unless a quirk says so. */
function blockDescriptor(disk: DiskFacts, disabled: boolean): readonly number[] {
  const { isRom, romDescriptor } = disk.properties;
  if (disabled || (isRom && !romDescriptor) || sectorsOf(disk) === 0) return [];
  const blocks = blockCount(disk);
  const bytes = new Uint8Array(DESCRIPTOR_BYTES);
  const view = new DataView(bytes.buffer);
  put24(view, 1, blocks > 0xff_ffff ? 0 : blocks);
  put24(view, 5, disk.blockBytes);
  return [...bytes];
}

/** What MODE SELECT changes. */
export interface ModeChanges {
  readonly writeCache?: boolean;
  readonly blockBytes?: number;
}

/** Reads the parameters of MODE SELECT (6) or (10): all of them, before anything changes. */
export function modeSelect(disk: DiskFacts, bytes: Uint8Array, isLong: boolean): ModeChanges | Sense {
  const header = isLong ? 8 : 4;
  if (bytes.length < header) return INVALID_PARAMETER_LENGTH;
  const descriptor = isLong ? bytes[6] * 256 + bytes[7] : bytes[3];
  if (descriptor !== 0 && descriptor !== DESCRIPTOR_BYTES) return INVALID_PARAMETER;
  if (bytes.length < header + descriptor) return INVALID_PARAMETER_LENGTH;
  const changes: { writeCache?: boolean; blockBytes?: number } = {};
  const wanted = descriptor === 0 ? 0 : selectedBlock(bytes.subarray(header));
  if (wanted !== 0) changes.blockBytes = wanted;
  for (let at = header + descriptor; at < bytes.length; ) {
    const length = selectedPage(disk, bytes.subarray(at), changes);
    if (typeof length !== 'number') return length;
    at += length;
  }
  return changes;
}

/** QEMU: the size of a block that a descriptor asks for, where it can be had; else 0. */
function selectedBlock(descriptor: Uint8Array): number {
  const bytes = (descriptor[5] << 16) | (descriptor[6] << 8) | descriptor[7];
  return (bytes & ~0xfe00) === 0 ? bytes : 0;
}

/** The length of one page, whose change is noted; or what is wrong with it. */
function selectedPage(disk: DiskFacts, bytes: Uint8Array, changes: { writeCache?: boolean }): number | Sense {
  const code = bytes[0] & 0x3f;
  const isLongPage = (bytes[0] & 0x40) !== 0;
  const header = isLongPage ? 4 : 2;
  if (bytes.length < header) return INVALID_PARAMETER_LENGTH;
  const length = isLongPage ? bytes[2] * 256 + bytes[3] : bytes[1];
  if (isLongPage && bytes[1] !== 0) return INVALID_PARAMETER;
  if (bytes.length < header + length) return INVALID_PARAMETER_LENGTH;
  const [now, may] = [false, true].map((changeable) => PAGES.get(code)?.(disk, changeable));
  if (now === undefined || may === undefined || now.length !== length) return INVALID_PARAMETER;
  const given = bytes.subarray(header, header + length);
  if (given.some((byte, at) => ((byte ^ now[at]) & ~may[at]) !== 0)) return INVALID_PARAMETER;
  if (code === PAGE_CACHING) changes.writeCache = (given[0] & WCE) !== 0;
  return header + length;
}
