/**
 * How the 82078 moves sectors: through its DMA channel, or byte by byte through the FIFO. QEMU serves both while the driver waits; here the
 * image may take its time, and meanwhile the driver finds RQM clear.
 */
import { hasRoom, type Portion } from '../core/bottom-half.ts';
import * as r from './fdc-registers.ts';
import { SECTOR_BYTES } from './floppy-drive.ts';
import type { FloppyTasks } from './floppy-tasks.ts';
import type { FdcDirection, I82078 } from './i82078.ts';

const MAX_SIZE_CODE = 7;
const SMALLEST_SECTOR = 128;

export class FdcTransfer {
  readonly #fdc: I82078;
  readonly #tasks: FloppyTasks;

  constructor(fdc: I82078, tasks: FloppyTasks) {
    this.#fdc = fdc;
    this.#tasks = tasks;
  }

  /** All parameters of a command are in the FIFO: finds the sector, and asks for the channel or for the driver. */
  begin(direction: FdcDirection): void {
    const fdc = this.#fdc;
    const { s } = fdc;
    const [, unit = 0, track = 0, head = 0, sector = 0] = s.fifo;
    fdc.select(unit);
    const refused = this.#find() ?? this.#measure();
    if (refused !== undefined) {
      fdc.endTransfer(r.ST0_ABNORMAL, refused, 0);
      s.fifo.set([track, head, sector], 3);
      return;
    }
    s.direction = direction;
    s.position = 0;
    if ((s.dor & r.DOR_DMA) === 0) {
      s.msr |= r.MSR_NON_DMA | r.MSR_RQM | (direction === 'write' ? 0 : r.MSR_DIO);
      fdc.raiseIrq();
      if (direction !== 'write') this.#fetch(fdc.drive.offset);
      return;
    }
    s.msr &= ~r.MSR_RQM;
    if (direction === 'verify') {
      this.#startChunks(s.length);
      fdc.work();
    } else fdc.channel.hold();
  }

  /** Moves the heads to where the command begins. @returns what the second byte of the result says when they cannot */
  #find(): number | undefined {
    const { s, drive } = this.#fdc;
    const [, , track = 0, head = 0, sector = 0] = s.fifo;
    // QEMU: the heads move whether or not CONFIGURE has allowed it.
    const found = drive.seek(head, track, sector);
    if (found === 'no track') return 0;
    if (found === 'no sector') return r.ST1_END_OF_CYLINDER;
    if (found === 'other track') s.status0 |= r.ST0_SEEK_END;
    return (s.dsr & r.DSR_RATE) === drive.media.rate ? undefined : r.ST1_MISSING_MARK;
  }

  /** How many bytes the command is about. @returns as `#find` */
  #measure(): number | undefined {
    const { s } = this.#fdc;
    const [command = 0, , , , sector = 0, size = 0, end = 0, , bytes = 0] = s.fifo;
    s.multiTrack = (command & r.MULTI_TRACK) !== 0;
    if (size === 0) s.length = bytes;
    else {
      const sectors = end - sector + 1;
      if (sectors < 0) return r.ST1_MISSING_MARK;
      s.length = (SMALLEST_SECTOR << Math.min(size, MAX_SIZE_CODE)) * (sectors + (s.multiTrack ? end : 0));
    }
    s.endOfTrack = end;
    return undefined;
  }

  /** The channel is granted for so many bytes. @returns undefined: it is told later how many have moved */
  granted(size: number): number | undefined {
    const fdc = this.#fdc;
    const { s } = fdc;
    if ((s.msr & (r.MSR_RQM | r.MSR_NON_DMA)) !== 0) return 0;
    if (s.step !== 'none') return undefined;
    if (fdc.drive.unit === undefined) {
      fdc.endTransfer(r.ST0_ABNORMAL | (s.direction === 'write' ? r.ST0_SEEK_END : 0), 0, 0);
      return 0;
    }
    s.throughChannel = true;
    this.#startChunks(Math.min(size, s.length));
    fdc.work();
    return undefined;
  }

  /** Does what the portion allows. @returns there is more of it to do */
  work(portion: Portion): boolean {
    const { s, drive } = this.#fdc;
    while (s.step !== 'none') {
      if (!hasRoom(portion)) return true;
      portion.bytes -= SECTOR_BYTES;
      portion.descriptors--;
      const { unit } = drive;
      const isGood =
        s.offset === null || unit === undefined || (s.step === 'write' && drive.media.readOnly)
          ? false
          : this.#tasks.move(unit, s.step, s.fifo, s.offset, portion);
      if (isGood === undefined) return false;
      this.ended(isGood);
    }
    return false;
  }

  /** A sector was read or written, or could not be. */
  ended(isGood: boolean): void {
    const { s } = this.#fdc;
    const { step } = s;
    s.step = 'none';
    // QEMU: what cannot be read is read as zeros.
    if (step === 'read' && !isGood) s.fifo.fill(0);
    const byFifo = (s.msr & r.MSR_NON_DMA) !== 0;
    if (byFifo && step === 'read') s.msr |= r.MSR_RQM;
    else if (byFifo) this.#sectorStored(isGood);
    else if (step === 'read') this.#chunkRead();
    else if (isGood) this.#chunkMoved();
    else this.#endChunks(this.#chunkBytes, r.ST0_ABNORMAL | r.ST0_SEEK_END, 0);
  }

  /** The next thing to be done is to read or to write a sector; where, undefined: it is beyond the diskette. */
  #order(step: 'read' | 'write', offset = this.#fdc.drive.offset): void {
    const { s } = this.#fdc;
    s.step = step;
    s.offset = offset ?? null;
  }

  // Through the channel: a chunk is what is moved of one sector.

  #startChunks(end: number): void {
    const { s } = this.#fdc;
    s.chunksFrom = s.position;
    s.chunksEnd = end;
    this.#nextChunk();
  }

  get #chunkBytes(): number {
    const { position, chunksEnd } = this.#fdc.s;
    return Math.min(chunksEnd - position, SECTOR_BYTES - (position % SECTOR_BYTES));
  }

  #nextChunk(): void {
    const { s } = this.#fdc;
    const length = this.#chunkBytes;
    if (length <= 0) this.#chunksEnded();
    else if (s.direction !== 'write' || length < SECTOR_BYTES) this.#order('read');
    else this.#chunkRead();
  }

  /** What the sector holds is in the FIFO, or does not matter. */
  #chunkRead(): void {
    const { s, drive, channel } = this.#fdc;
    const from = s.position % SECTOR_BYTES;
    const chunk = s.fifo.subarray(from, from + this.#chunkBytes);
    if (s.direction === 'write') {
      if (drive.media.readOnly) {
        this.#endChunks(chunk.length, r.ST0_ABNORMAL | r.ST0_SEEK_END, r.ST1_NOT_WRITABLE);
        return;
      }
      channel.read(s.position, chunk);
      this.#order('write');
      return;
    }
    if (s.direction === 'read') channel.write(s.position, chunk);
    else if (s.direction !== 'verify' && this.#scanEnds(chunk)) {
      this.#chunksEnded();
      return;
    }
    this.#chunkMoved();
  }

  /** The driver's bytes and those of the sector are as they were to be. */
  #scanEnds(chunk: Uint8Array): boolean {
    const { s, channel } = this.#fdc;
    const wanted = new Uint8Array(chunk.length);
    channel.read(s.position, wanted);
    const at = wanted.findIndex((byte, n) => byte !== chunk[n]);
    if (at < 0) return true;
    const isLow = (wanted[at] ?? 0) < (chunk[at] ?? 0);
    return s.direction === (isLow ? 'scan low' : 'scan high');
  }

  #chunkMoved(): void {
    const { s } = this.#fdc;
    s.position += this.#chunkBytes;
    if (s.position % SECTOR_BYTES === 0 && !this.#toNextSector()) this.#chunksEnded();
    else this.#nextChunk();
  }

  #chunksEnded(): void {
    const { s } = this.#fdc;
    const isScan = s.direction === 'scan equal' || s.direction === 'scan low' || s.direction === 'scan high';
    const moved = s.position - s.chunksFrom;
    s.length = Math.max(0, s.length - moved);
    // QEMU: a scan always hits.
    this.#endChunks(moved, 0, 0, isScan ? r.ST2_SCAN_HIT : 0);
  }

  #endChunks(moved: number, status0: number, status1: number, status2 = 0): void {
    const { s, channel } = this.#fdc;
    const isAsked = s.throughChannel;
    s.throughChannel = false;
    this.#fdc.endTransfer(status0, status1, status2);
    if (isAsked) channel.moved(moved);
  }

  // Through the FIFO.

  /** The driver reads a byte. */
  readByte(): number {
    const fdc = this.#fdc;
    const { s } = fdc;
    const at = s.position % SECTOR_BYTES;
    if (at === 0 && s.position !== 0 && !this.#toNextSector()) {
      this.#fetchNext();
      return 0;
    }
    const value = s.fifo[at] ?? 0;
    s.position = (s.position + 1) >>> 0;
    if (s.position === s.length) fdc.endTransfer(0, 0, 0);
    else if (s.position % SECTOR_BYTES === 0) this.#fetchNext();
    return value;
  }

  /** The driver writes a byte; RQM is clear. */
  writeByte(value: number): void {
    const { s } = this.#fdc;
    const at = s.position % SECTOR_BYTES;
    s.fifo[at] = value;
    s.position = (s.position + 1) >>> 0;
    if (at === SECTOR_BYTES - 1 || s.position === s.length) {
      this.#order('write');
      this.#fdc.work();
    } else if (s.position < s.length) s.msr |= r.MSR_RQM;
  }

  /** QEMU: what cannot be written, and the last sector of a track that is not followed by another one, leave the command unfinished. */
  #sectorStored(isGood: boolean): void {
    const { s } = this.#fdc;
    if (s.position < s.length) s.msr |= r.MSR_RQM;
    if (isGood && this.#toNextSector() && s.position === s.length) this.#fdc.endTransfer(0, 0, 0);
  }

  /** A sector comes into the FIFO, and the driver waits for it. */
  #fetch(offset: number | undefined): void {
    this.#fdc.s.msr &= ~r.MSR_RQM;
    this.#order('read', offset);
    this.#fdc.work();
  }

  /** The sector that the next byte is of: the heads are there only when that is read. */
  #fetchNext(): void {
    const { s, drive } = this.#fdc;
    const { status0 } = s;
    const heads = { ...drive.heads };
    const { changed } = drive.media;
    const isThere = this.#toNextSector();
    const { offset } = drive;
    drive.heads = heads;
    drive.media.changed = changed;
    s.status0 = status0;
    if (isThere) this.#fetch(offset);
  }

  /** On to the next sector, perhaps of the other side or of the next track. @returns false: the command has no more of them */
  #toNextSector(): boolean {
    const { s, drive } = this.#fdc;
    const { heads, media } = drive;
    let { track, head, sector } = heads;
    let goesOn = true;
    if (sector >= media.lastSector || sector === s.endOfTrack) {
      sector = 1;
      if (s.multiTrack && head === 0 && media.doubleSided) head = 1;
      else {
        if (s.multiTrack) head = 0;
        track++;
        s.status0 |= r.ST0_SEEK_END;
        goesOn = s.multiTrack && media.doubleSided;
      }
    } else sector++;
    drive.seek(head, track, sector);
    return goesOn;
  }
}
