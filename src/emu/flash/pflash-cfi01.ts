/**
 * Parallel flash as firmware lies in: reads give its bytes until a command is written, and bytes are changed by sequences of writes. QEMU: cfi.pflash01, one
 * chip with a bus of 8 bits. Spec: JEDEC JESD68.01, Common Flash Interface; Intel StrataFlash (28FxxxJ3) datasheet, command set and status register.
 *
 * What is written takes effect at once: the chip is never busy. QEMU: programming sets bits as well as it clears them, a block is erased by the first of the
 * two writes that order it, and only the command that reads the array ends query mode.
 */
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import { BYTE, DWORD, integer, record, typedArray } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { cfiQuery, WRITE_BUFFER_BYTES } from './cfi-query.ts';

/** Bytes of an erase block. QEMU: of the pc board's flash. */
export const FLASH_BLOCK = 4096;

const READ_ARRAY = 0xff;
const READ_ID = 0x90;
const READ_QUERY = 0x98;
const READ_STATUS = 0x70;
const CLEAR_STATUS = 0x50;
const PROGRAM = [0x10, 0x40];
const ERASE = 0x20;
const LOCK = 0x60;
const BUFFERED_WRITE = 0xe8;
const CONFIRM = 0xd0;
const SET_LOCK = 0x01;
/** Commands that lead back to the array. QEMU: 0 too, which is no command, and that by which drivers look for another maker's chip. */
const TO_ARRAY = [0x00, 0xf0, READ_ARRAY];
/** Commands that more writes follow. */
const SEQUENCES = [ERASE, BUFFERED_WRITE, LOCK, READ_QUERY, ...PROGRAM];

const STATUS_READY = 0x80;
const STATUS_ERASE_ERROR = 0x20;
const STATUS_PROGRAM_ERROR = 0x10;

/** What the next write is. */
const COMMAND = 0;
const FIRST = 1;
const BUFFER_DATA = 2;
const BUFFER_CONFIRM = 3;

/** QEMU: in place of a command, the array is read. */
const ARRAY = 0;

export type PflashState = {
  /** The last command, or 0: the guest reads the array. */
  readonly command: number;
  /** How many writes of its sequence have come. */
  readonly cycle: number;
  readonly status: number;
  /** Writes that are still to come of a buffered one, but for one. */
  readonly left: number;
  /** Where the piece of the array begins that a buffered write may change. */
  readonly start: number;
  /** What it is to be. */
  readonly buffer: Uint8Array;
};

/** No chip of the board is larger. */
const OFFSET = integer(0, 0x7fff_ffff);

const PFLASH_STATE = record<PflashState>({
  command: BYTE,
  cycle: integer(COMMAND, BUFFER_CONFIRM),
  status: BYTE,
  left: DWORD,
  start: OFFSET,
  buffer: typedArray(Uint8Array, WRITE_BUFFER_BYTES),
});

/** The bytes of the chip. */
export interface FlashArray {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  read(offset: number, target: Uint8Array): void;
  /** Changes bytes of a chip that may be changed. */
  write(offset: number, source: Uint8Array): void;
  /** These bytes are to be stored. */
  store(offset: number, length: number): void;
  /** From now on the guest finds the bytes at the chip's address, or else asks the chip. */
  show(isShown: boolean): void;
}

const powerOn = () => ({
  ...{ command: ARRAY, cycle: COMMAND, status: STATUS_READY, left: 0, start: 0 },
  buffer: new Uint8Array(WRITE_BUFFER_BYTES),
});

/** The lower bytes of a number, lowest first. */
function bytesOf(value: number, count: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24).subarray(0, count);
}

export class PflashCfi01 implements Device<PflashState>, IoHandler {
  readonly vmstate = { name: 'pflash_cfi01', version: 1, fields: PFLASH_STATE };
  readonly #array: FlashArray;
  readonly #trace: Trace;
  readonly #query: Uint8Array;
  #s: { -readonly [K in keyof PflashState]: PflashState[K] } = powerOn();

  constructor(array: FlashArray, trace: Trace) {
    this.#array = array;
    this.#trace = trace;
    this.#query = cfiQuery(array.sizeBytes, FLASH_BLOCK);
  }

  reset(): void {
    this.#s = powerOn();
    this.#array.show(true);
  }

  save(): PflashState {
    return structuredClone(this.#s);
  }

  restore(state: PflashState): void {
    this.#s = structuredClone(state);
    this.#array.show(this.#isArray);
  }

  read(offset: number, size: AccessSize): number {
    const { command, status } = this.#s;
    if (command === READ_ID) return 0;
    if (command === READ_QUERY) return this.#query[offset & 0xff] ?? 0;
    // QEMU: two chips on a bus of 32 bits would each give theirs.
    if (!this.#isArray) return size === 4 ? (status << 16) | status : status;
    const bytes = new Uint8Array(4);
    this.#array.read(offset, bytes.subarray(0, Math.min(size, this.#array.sizeBytes - offset)));
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  write(offset: number, size: AccessSize, value: number): void {
    const s = this.#s;
    if (s.cycle === COMMAND) this.#command(offset, value & 0xff);
    else if (s.cycle === FIRST) this.#first(offset, size, value);
    else if (s.cycle === BUFFER_DATA) this.#bufferData(offset, size, value);
    else this.#confirmBuffer(value & 0xff);
    this.#array.show(this.#isArray);
  }

  get #isArray(): boolean {
    return this.#s.command === ARRAY;
  }

  #command(offset: number, command: number): void {
    const s = this.#s;
    if (TO_ARRAY.includes(command)) this.#toArray();
    else if (command === CLEAR_STATUS) {
      s.status = 0;
      this.#toArray();
    } else if (command === READ_STATUS || command === READ_ID) s.command = command;
    else if (SEQUENCES.includes(command)) this.#beginSequence(offset, command);
    else this.#refuse(offset, command);
  }

  #beginSequence(offset: number, command: number): void {
    const s = this.#s;
    if (command === ERASE) this.#erase(offset);
    else if (command === BUFFERED_WRITE) {
      this.#trace.unimplemented('pflash_write: Write to buffer emulation is flawed');
      s.status |= STATUS_READY;
    }
    s.command = command;
    s.cycle = FIRST;
  }

  /** The write after the command. */
  #first(offset: number, size: AccessSize, value: number): void {
    const { command } = this.#s;
    const low = value & 0xff;
    const confirms = low === CONFIRM || (command === LOCK && low === SET_LOCK);
    if (command === BUFFERED_WRITE) this.#beginBuffer(offset, low);
    else if (PROGRAM.includes(command)) {
      this.#program(offset, size, value);
      this.#store(offset, size);
      this.#done();
    } else if (command !== READ_QUERY && confirms) this.#done();
    else if (command === LOCK || low === READ_ARRAY) this.#toArray();
    else if (command === ERASE) this.#refuse(offset, low);
  }

  /** @param left how many writes of data come, less one */
  #beginBuffer(offset: number, left: number): void {
    const s = this.#s;
    s.left = left;
    s.start = offset - (offset % WRITE_BUFFER_BYTES);
    this.#array.read(s.start, s.buffer);
    s.cycle = BUFFER_DATA;
  }

  /** QEMU: data for another piece of the array is an error, which shows when the write is confirmed. */
  #bufferData(offset: number, size: AccessSize, value: number): void {
    const s = this.#s;
    const at = offset - s.start;
    if (this.#array.readOnly || at < 0 || at + size > WRITE_BUFFER_BYTES) s.status |= STATUS_PROGRAM_ERROR;
    else s.buffer.set(bytesOf(value, size), at);
    s.status |= STATUS_READY;
    if (s.left === 0) s.cycle = BUFFER_CONFIRM;
    s.left = (s.left - 1) >>> 0;
  }

  #confirmBuffer(value: number): void {
    const s = this.#s;
    if (value !== CONFIRM || (s.status & STATUS_PROGRAM_ERROR) !== 0) {
      this.#toArray();
      return;
    }
    this.#array.write(s.start, s.buffer);
    this.#store(s.start, WRITE_BUFFER_BYTES);
    this.#done();
  }

  #program(offset: number, size: AccessSize, value: number): void {
    if (this.#array.readOnly) {
      this.#s.status |= STATUS_PROGRAM_ERROR;
      return;
    }
    this.#array.write(offset, bytesOf(value, Math.min(size, this.#array.sizeBytes - offset)));
  }

  #erase(offset: number): void {
    const s = this.#s;
    const start = offset - (offset % FLASH_BLOCK);
    if (this.#array.readOnly) s.status |= STATUS_ERASE_ERROR;
    else {
      this.#array.write(start, new Uint8Array(FLASH_BLOCK).fill(0xff));
      this.#store(start, FLASH_BLOCK);
    }
    s.status |= STATUS_READY;
  }

  #store(offset: number, length: number): void {
    if (!this.#array.readOnly) this.#array.store(offset, length);
  }

  /** The sequence of writes has ended: reads give the status. */
  #done(): void {
    this.#s.cycle = COMMAND;
    this.#s.status |= STATUS_READY;
  }

  #toArray(): void {
    this.#s.cycle = COMMAND;
    this.#s.command = ARRAY;
  }

  #refuse(offset: number, value: number): void {
    const { cycle, command } = this.#s;
    this.#trace.unimplemented(
      'pflash_write: Unimplemented flash cmd sequence (offset %016x, wcycle 0x%x cmd 0x%x value 0x%x)',
      offset,
      cycle,
      command,
      value,
    );
    this.#toArray();
  }
}
