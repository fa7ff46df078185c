/** The bus master of an IDE channel: moves data of a command through a list of buffers. Spec: Programming Interface for Bus Master IDE Controller 1.0. */
import { RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { BOOLEAN, DWORD, integer, mask, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { Segment } from '../memory/segments.ts';
import type { DmaBuffers } from './ata-host.ts';

export const BM_BYTES = 8;
const COMMAND = 0;
const STATUS = 2;
const ADDRESS = 4;

const START = 0x01;
const TO_MEMORY = 0x08;
const ACTIVE = 0x01;
const ERROR = 0x02;
const INTERRUPT = 0x04;
/** Drive 0 and 1 capable of DMA: plain memory for software. */
const CAPABLE = 0x60;

/** QEMU: no more of a list is read. */
const LIST_BYTES = 4096;
const ENTRY_BYTES = 8;
const ENTRY_SIZE = 0xfffe;
const ENTRY_MAX = 0x1_0000;
const ENTRY_LAST = 0x8000_0000;

export type BusMasterState = {
  readonly command: number;
  readonly status: number;
  readonly address: number;
  /** Where the list of the transfer begins that is under way, and where it goes on. */
  readonly list: number;
  readonly next: number;
  /** What is left of the buffer that is used, whether it is the last, and where it goes on. */
  readonly left: number;
  readonly isLast: boolean;
  readonly buffer: number;
};

export const BUS_MASTER_STATE = record<BusMasterState>({
  command: mask(START | TO_MEMORY),
  status: mask(CAPABLE | ACTIVE | ERROR | INTERRUPT),
  address: DWORD,
  list: DWORD,
  next: DWORD,
  left: integer(0, ENTRY_MAX),
  isLast: BOOLEAN,
  buffer: integer(0, 2 ** 33),
});

export const BUS_MASTER_POWER_ON: BusMasterState = {
  ...{ command: 0, status: 0, address: 0, list: 0, next: 0, left: 0, isLast: false, buffer: 0 },
};

/** Who has a transfer for the bus master. */
export interface BusMasterClient {
  /** The driver has started it. */
  started(): void;
  /** The driver has stopped it. */
  stopped(): void;
}

export class BusMaster {
  static readonly registers = new RegisterTable<BusMaster>(
    {
      name: 'piix-bmdma',
      title: 'Bus masters of the IDE controller',
      place: 'BAR 4 of piix3-ide, ports, one block for each channel',
      spec: 'Programming Interface for Bus Master IDE Controller 1.0',
    },
    [
      register(COMMAND, 1, 'BMICX', 'starts, and says which way data goes', {
        read: (master) => master.#s.command,
        write: (master, value) => master.#writeCommand(value),
      }),
      register(STATUS, 1, 'BMISX', 'active, error, interrupt; the latter two are cleared by ones', {
        read: (master) => master.#s.status,
        write: (master, value) => master.#writeStatus(value),
      }),
      register(ADDRESS, 4, 'BMIDTPX', 'address of the list of buffers', {
        read: (master) => master.#s.address,
        write: (master, value) => master.#writeAddress(value, 4, 0),
      }),
    ],
  );
  readonly #memory: DmaPort;
  readonly #client: BusMasterClient;
  readonly #trace: Trace;
  #s: { -readonly [K in keyof BusMasterState]: BusMasterState[K] } = { ...BUS_MASTER_POWER_ON };

  constructor(memory: DmaPort, client: BusMasterClient, trace: Trace) {
    this.#memory = memory;
    this.#client = client;
    this.#trace = trace;
  }

  get isActive(): boolean {
    return (this.#s.status & ACTIVE) !== 0;
  }

  /** QEMU: COMMAND and STATUS are read by bytes only, and what is beside them is open bus. */
  read(offset: number, size: AccessSize): number {
    if (offset >= ADDRESS) {
      return ((this.#s.address >>> (8 * (offset - ADDRESS))) & OPEN_BUS[size]) >>> 0;
    }
    if (size !== 1) return OPEN_BUS[size];
    const value = BusMaster.registers.read(this, this.#trace, offset, size) ?? OPEN_BUS[1];
    if (this.#trace.on) this.#trace.event('bmdma_read', offset, value);
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset >= ADDRESS) this.#writeAddress(value, size, offset - ADDRESS);
    else if (size === 1) {
      if (this.#trace.on) this.#trace.event('bmdma_write', offset, value);
      BusMaster.registers.write(this, this.#trace, offset, size, value);
    }
  }

  /** The device's interrupt passes by. */
  interrupted(): void {
    this.#s.status |= INTERRUPT;
  }

  /** The transfer is over. @param staysActive the list describes more than has moved */
  ended(staysActive: boolean): void {
    if (staysActive) this.#s.status |= ACTIVE;
    else this.#s.status &= ~ACTIVE;
  }

  /** A transfer has begun. */
  rewind(): void {
    Object.assign(this.#s, { left: 0, isLast: false, next: this.#s.list });
  }

  /** The whole list, of which no more than `bytes` are used. */
  all(bytes: number): DmaBuffers {
    this.rewind();
    const segments: Segment[] = [];
    let used = 0;
    let described = 0;
    while (this.#nextEntry()) {
      const { left, buffer } = this.#s;
      const length = Math.min(left, bytes - used);
      if (length > 0) segments.push({ gpa: buffer, length });
      used += length;
      described += left;
      this.#use(left);
    }
    return { segments, described };
  }

  /** The next buffers, as far as the list reaches. */
  take(bytes: number): readonly Segment[] {
    const segments: Segment[] = [];
    for (let wanted = bytes; wanted > 0 && this.#nextEntry(); ) {
      const length = Math.min(this.#s.left, wanted);
      segments.push({ gpa: this.#s.buffer, length });
      this.#use(length);
      wanted -= length;
    }
    return segments;
  }

  reset(): void {
    this.#s = { ...BUS_MASTER_POWER_ON };
  }

  save(): BusMasterState {
    return { ...this.#s };
  }

  restore(state: BusMasterState): void {
    this.#s = { ...state };
  }

  /** False: the list has ended. */
  #nextEntry(): boolean {
    const s = this.#s;
    if (s.left > 0) return true;
    // A list that goes round the end of what can be addressed ends there.
    if (s.isLast || s.next < s.list || s.next - s.list >= LIST_BYTES) return false;
    s.buffer = this.#memory.readU32(s.next);
    const size = this.#memory.readU32((s.next + 4) >>> 0);
    s.left = size & ENTRY_SIZE || ENTRY_MAX;
    s.isLast = size >= ENTRY_LAST;
    s.next = (s.next + ENTRY_BYTES) >>> 0;
    return true;
  }

  #use(bytes: number): void {
    this.#s.buffer += bytes;
    this.#s.left -= bytes;
  }

  #writeCommand(value: number): void {
    const s = this.#s;
    if (this.#trace.on) this.#trace.event('bmdma_cmd_writeb', value);
    const start = (value & START) !== 0;
    const was = (s.command & START) !== 0;
    s.command = value & (START | TO_MEMORY);
    if (start === was) return;
    if (!start) {
      this.#client.stopped();
      s.status &= ~ACTIVE;
      return;
    }
    s.list = s.address;
    this.rewind();
    if (this.isActive) return;
    s.status |= ACTIVE;
    this.#client.started();
  }

  #writeStatus(value: number): void {
    const { status } = this.#s;
    this.#s.status = (value & CAPABLE) | (status & ACTIVE) | (status & ~value & (ERROR | INTERRUPT));
  }

  #writeAddress(value: number, size: AccessSize, offset: number): void {
    const shift = 8 * offset;
    const bits = (OPEN_BUS[size] << shift) >>> 0;
    this.#s.address = (((this.#s.address & ~bits) | ((value << shift) & bits)) & ~3) >>> 0;
  }
}
