/**
 * The commands of the 82078 but for those that move data. Spec: Intel 82078 datasheet (290475-006), chapter 5. QEMU: which bits of a command
 * byte count, FORMAT TRACK and deleted data, of which there are none, are as on QEMU.
 */
import * as r from './fdc-registers.ts';
import type { I82078 } from './i82078.ts';

export interface FdcCommand {
  readonly name: string;
  /** Bytes that follow the command byte. */
  readonly parameters: number;
  readonly run: (fdc: I82078, fifo: Uint8Array) => void;
}

type Entry = readonly [name: string, code: number, mask: number, parameters: number, run: FdcCommand['run']];

function lock(fdc: I82078, fifo: Uint8Array): void {
  fdc.s.lock = (fifo[0] & 0x80) !== 0;
  fdc.answer(fdc.s.lock ? 0x10 : 0);
}

function dumpRegisters(fdc: I82078): void {
  const { s, drive } = fdc;
  const [a, b] = fdc.drives;
  const dma = (s.dor & r.DOR_DMA) !== 0 ? 1 : 0;
  fdc.answer(
    ...[a.heads.track, b.heads.track, 0, 0, s.timer0, (s.timer1 << 1) | dma, drive.media.lastSector],
    ...[lockByte(fdc), s.config, s.precompensation],
  );
}

function lockByte({ s, drive }: I82078): number {
  return (s.lock ? 0x80 : 0) | (drive.media.perpendicular << 2);
}

function save(fdc: I82078): void {
  const { s, drive } = fdc;
  const [a, b] = fdc.drives;
  fdc.answer(
    ...[0, 0, a.heads.track, b.heads.track, 0, 0, s.timer0, s.timer1, drive.media.lastSector],
    ...[lockByte(fdc), s.config, s.precompensation, s.powerDown, 0, 0],
  );
}

function restore(fdc: I82078, fifo: Uint8Array): void {
  const { s, drive } = fdc;
  const [a, b] = fdc.drives;
  a.heads.track = fifo[3];
  b.heads.track = fifo[4];
  s.timer0 = fifo[7];
  s.timer1 = fifo[8];
  drive.media.lastSector = fifo[9];
  s.lock = (fifo[10] & 0x80) !== 0;
  drive.media.perpendicular = (fifo[10] >> 2) & 15;
  s.config = fifo[11];
  s.precompensation = fifo[12];
  s.powerDown = fifo[13];
  fdc.awaitCommand();
}

function readId(fdc: I82078, fifo: Uint8Array): void {
  fdc.drive.heads.head = (fifo[1] >> 2) & 1;
  fdc.readIdLater();
}

/** QEMU: nothing is formatted; the drive only takes over how many sectors a track is to have. */
function formatTrack(fdc: I82078, fifo: Uint8Array): void {
  fdc.select(fifo[1]);
  fdc.s.multiTrack = (fifo[0] & r.MULTI_TRACK) !== 0;
  fdc.drive.media.lastSector = fifo[3];
  fdc.endTransfer(0, 0, 0);
}

function specify(fdc: I82078, fifo: Uint8Array): void {
  const { s } = fdc;
  s.timer0 = fifo[1] >> 4;
  s.timer1 = fifo[2] >> 1;
  if ((fifo[2] & 1) !== 0) s.dor &= ~r.DOR_DMA;
  else s.dor |= r.DOR_DMA;
  fdc.awaitCommand();
}

function senseDrive(fdc: I82078, fifo: Uint8Array): void {
  fdc.select(fifo[1]);
  const { heads, media } = fdc.drive;
  heads.head = (fifo[1] >> 2) & 1;
  const onTrack0 = heads.track === 0 ? r.ST3_TRACK0 : 0;
  const isProtected = media.readOnly ? r.ST3_PROTECTED : 0;
  fdc.answer(isProtected | r.ST3_ALWAYS | onTrack0 | (heads.head << 2) | fdc.s.selected);
}

/** The heads have moved, or could not: the driver is told to ask. */
function seekEnded(fdc: I82078): void {
  fdc.awaitCommand();
  fdc.s.status0 |= r.ST0_SEEK_END;
  fdc.raiseIrq();
}

function recalibrate(fdc: I82078, fifo: Uint8Array): void {
  fdc.select(fifo[1]);
  fdc.drive.recalibrate();
  seekEnded(fdc);
}

function seekTo(fdc: I82078, track: number): void {
  const { heads } = fdc.drive;
  fdc.drive.seek(heads.head, track, heads.sector);
  seekEnded(fdc);
}

function seek(fdc: I82078, fifo: Uint8Array): void {
  fdc.select(fifo[1]);
  seekTo(fdc, fifo[2]);
}

function seekIn(fdc: I82078, fifo: Uint8Array): void {
  fdc.select(fifo[1]);
  const { heads, media } = fdc.drive;
  const track = heads.track + fifo[2];
  seekTo(fdc, track >= media.maxTrack ? media.maxTrack - 1 : track);
}

function seekOut(fdc: I82078, fifo: Uint8Array): void {
  fdc.select(fifo[1]);
  seekTo(fdc, Math.max(0, fdc.drive.heads.track - fifo[2]));
}

function senseInterrupt(fdc: I82078): void {
  const { s } = fdc;
  if (s.resetSenses > 0) {
    const status = r.ST0_READY_CHANGED + RESET_SENSES - s.resetSenses;
    s.resetSenses--;
    answerSense(fdc, status);
  } else if (!s.interrupting) fdc.answer(r.ST0_INVALID);
  else answerSense(fdc, (s.status0 & ~(r.ST0_HEAD | r.ST0_SELECT)) | s.selected);
}

/** After a reset the driver asks for each of four drives. */
export const RESET_SENSES = 4;

function answerSense(fdc: I82078, status: number): void {
  fdc.answer(status, fdc.drive.heads.track);
  fdc.lowerIrq();
  fdc.s.status0 = r.ST0_READY_CHANGED;
}

function perpendicular(fdc: I82078, fifo: Uint8Array): void {
  if ((fifo[1] & 0x80) !== 0) fdc.drive.media.perpendicular = fifo[1] & 7;
  fdc.awaitCommand();
}

function configure(fdc: I82078, fifo: Uint8Array): void {
  fdc.s.config = fifo[2];
  fdc.s.precompensation = fifo[3];
  fdc.awaitCommand();
}

function powerDown(fdc: I82078, fifo: Uint8Array): void {
  fdc.s.powerDown = fifo[1];
  fdc.answer(fifo[1]);
}

/** QEMU: all five bytes are taken at once; without the bit that says that they are the last ones, only a reset helps. */
function driveSpecification(fdc: I82078, fifo: Uint8Array): void {
  const last = fifo[5];
  if ((last & 0x80) === 0) fdc.guestError('fdc: drive specification without an end');
  else if ((last & 0x40) === 0) fdc.awaitCommand();
  else fdc.answer(fifo[1], fifo[1], 0, 0);
}

function invalid(fdc: I82078, fifo: Uint8Array): void {
  fdc.guestError('fdc: unimplemented command 0x%02x', fifo[0]);
  fdc.answer(r.ST0_INVALID);
}

/** Of several entries that fit a command byte the first counts. */
const ENTRIES: readonly Entry[] = [
  ['READ', 0x06, 0x1f, 8, (fdc) => fdc.transfer.begin('read')],
  ['WRITE', 0x05, 0x3f, 8, (fdc) => fdc.transfer.begin('write')],
  ['SEEK', 0x0f, 0xff, 2, seek],
  ['SENSE INTERRUPT STATUS', 0x08, 0xff, 0, senseInterrupt],
  ['RECALIBRATE', 0x07, 0xff, 1, recalibrate],
  ['FORMAT TRACK', 0x0d, 0xbf, 5, formatTrack],
  ['READ TRACK', 0x02, 0xbf, 8, (fdc) => fdc.transfer.begin('read')],
  ['RESTORE', 0x4e, 0xff, 17, restore],
  ['SAVE', 0x2e, 0xff, 0, save],
  ['READ DELETED DATA', 0x0c, 0x1f, 8, (fdc) => fdc.endTransfer(r.ST0_ABNORMAL | r.ST0_SEEK_END, 0, 0)],
  ['SCAN EQUAL', 0x11, 0x1f, 8, (fdc) => fdc.transfer.begin('scan equal')],
  ['VERIFY', 0x16, 0x1f, 8, (fdc) => fdc.transfer.begin('verify')],
  ['SCAN LOW OR EQUAL', 0x19, 0x1f, 8, (fdc) => fdc.transfer.begin('scan low')],
  ['SCAN HIGH OR EQUAL', 0x1d, 0x1f, 8, (fdc) => fdc.transfer.begin('scan high')],
  ['WRITE DELETED DATA', 0x09, 0x3f, 8, (fdc) => fdc.endTransfer(r.ST0_ABNORMAL | r.ST0_SEEK_END, 0, 0)],
  ['READ ID', 0x0a, 0xbf, 1, readId],
  ['SPECIFY', 0x03, 0xff, 2, specify],
  ['SENSE DRIVE STATUS', 0x04, 0xff, 1, senseDrive],
  ['PERPENDICULAR MODE', 0x12, 0xff, 1, perpendicular],
  ['CONFIGURE', 0x13, 0xff, 3, configure],
  ['POWERDOWN MODE', 0x17, 0xff, 2, powerDown],
  ['OPTION', 0x33, 0xff, 1, (fdc) => fdc.awaitCommand()],
  ['DRIVE SPECIFICATION', 0x8e, 0xff, 5, driveSpecification],
  ['RELATIVE SEEK OUT', 0x8f, 0xff, 2, seekOut],
  ['FORMAT AND WRITE', 0xcd, 0xff, 10, invalid],
  ['RELATIVE SEEK IN', 0xcf, 0xff, 2, seekIn],
  ['LOCK', 0x14, 0x7f, 0, lock],
  ['DUMPREG', 0x0e, 0xff, 0, dumpRegisters],
  ['VERSION', 0x10, 0xff, 0, (fdc) => fdc.answer(r.VERSION_82078)],
  ['PART ID', 0x18, 0xff, 0, (fdc) => fdc.answer(r.PART_82078)],
  // QEMU: not in the datasheet; what BeOS 4.5 gives for WRITE.
  ['WRITE', 0x05, 0x1f, 8, (fdc) => fdc.transfer.begin('write')],
];

const INVALID: FdcCommand = { name: 'unknown', parameters: 0, run: invalid };

const BY_CODE: readonly FdcCommand[] = Array.from({ length: 256 }, (_, code) => {
  const entry = ENTRIES.find(([, wanted, mask]) => (code & mask) === wanted);
  if (entry === undefined) return INVALID;
  const [name, , , parameters, run] = entry;
  return { name, parameters, run };
});

export function commandOf(code: number): FdcCommand {
  return BY_CODE[code] ?? INVALID;
}
