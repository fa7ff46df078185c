/** A driver of an EHCI controller as lines of qtest. Spec: EHCI 1.0. */
import { hex, UsbDriver } from './usb-driver.ts';

const BAR = 0xe000_0000;
const FRAME_LIST = 0x10_0000;
export const HEAD = 0x11_0000;
export const QUEUE = 0x11_0080;
export const PERIODIC = 0x11_0100;
const TRANSFERS = 0x12_0000;
const BUFFERS = 0x13_0000;
const TRANSFER_BYTES = 0x40;
const FRAMES = 1024;

export const OUT = 0;
export const IN = 1;
export const SETUP = 2;
const IS_QUEUE = 2;
export const TERMINATE = 1;
export const ACTIVE = 1 << 7;
export const INTERRUPT = 1 << 15;
const ERRORS_3 = 3 << 10;

export interface Transfer {
  readonly pid: number;
  readonly length: number;
  readonly toggle?: number;
  readonly data?: readonly number[];
  readonly token?: number;
  /** In the place of the next transfer, and after a short packet. */
  readonly next?: number;
  readonly alternate?: number;
  /** Where in its first page the data begin. */
  readonly offset?: number;
}

export class EhciDriver extends UsbDriver {
  /** Registers decode, and the controller masters the bus. */
  open(): void {
    this.config(0x10, 'l', BAR);
    this.config(0x04, 'w', 6);
  }

  read(offset: number, size: 'b' | 'w' | 'l' = 'l'): void {
    this.say(`read${size} ${hex(BAR + offset)}`);
  }

  write(offset: number, value: number, size: 'b' | 'w' | 'l' = 'l'): void {
    this.say(`write${size} ${hex(BAR + offset)} ${hex(value >>> 0)}`);
  }

  port(port: number, value?: number): void {
    if (value === undefined) this.read(0x64 + 4 * port);
    else this.write(0x64 + 4 * port, value);
  }

  /** A queue head for an endpoint. */
  queue(at: number, link: number, characteristics: number, capabilities = 1 << 30): void {
    const words = [link, characteristics, capabilities, 0, TERMINATE, TERMINATE, 0, 0, 0, 0, 0, 0];
    for (const [index, word] of words.entries()) this.dword(at + 4 * index, word);
  }

  /** The ring has its head and one queue; the frames all lead to another, which is empty. */
  start(periodic = true): void {
    this.queue(HEAD, QUEUE | IS_QUEUE, (1 << 15) | (2 << 12));
    this.queue(QUEUE, HEAD | IS_QUEUE, (64 << 16) | (1 << 14) | (2 << 12));
    this.queue(PERIODIC, TERMINATE, (8 << 16) | (2 << 12), (1 << 30) | 0xff);
    const entry = [0, 8, 16, 24].map((shift) => ((PERIODIC | IS_QUEUE) >>> shift) & 0xff);
    this.bytes(FRAME_LIST, Array.from({ length: FRAMES }, () => entry).flat());
    this.write(0x34, FRAME_LIST);
    this.write(0x38, HEAD);
    this.write(0x28, 0x37);
    this.write(0x60, 1);
    this.write(0x20, 0x8_0021 | (periodic ? 0x10 : 0));
    this.step(2);
  }

  /** A reset as a hub driver does it. */
  resetPort(port: number): void {
    this.port(port, 0x1100);
    this.port(port);
    this.port(port, 0x1000);
    this.port(port);
    this.port(port, 0x1002);
    this.port(port);
  }

  bufferAt(index: number): number {
    return BUFFERS + 0x5000 * index;
  }

  transferAt(index: number): number {
    return TRANSFERS + TRANSFER_BYTES * index;
  }

  /** Puts transfers into a queue, and looks at what became of them. */
  run(queue: number, characteristics: number, transfers: readonly Transfer[], ms = 12): void {
    for (const [index, transfer] of transfers.entries()) {
      const { pid, length, toggle = index & 1, offset = 0 } = transfer;
      const next = index + 1 < transfers.length ? this.transferAt(index + 1) : TERMINATE;
      const buffer = this.bufferAt(index) + offset;
      const token = (transfer.token ?? ACTIVE | INTERRUPT | ERRORS_3) | (pid << 8) | (length << 16);
      const pages = [buffer, ...[1, 2, 3, 4].map((page) => this.bufferAt(index) + 0x1000 * page)];
      const words = [transfer.next ?? next, transfer.alternate ?? TERMINATE, (token | (toggle << 31)) >>> 0];
      for (const [at, word] of [...words, ...pages].entries()) {
        this.dword(this.transferAt(index) + 4 * at, word);
      }
      if (transfer.data !== undefined) this.bytes(buffer, transfer.data);
      else if (length > 0) this.say(`memset ${hex(buffer)} ${hex(length)} 0xee`);
    }
    // So that the list of frames does not begin again meanwhile, which would be told.
    this.write(0x2c, 0);
    this.write(0x24, 8);
    this.dword(queue + 4, characteristics);
    this.dword(queue + 0x14, TERMINATE);
    this.dword(queue + 0x18, 0);
    this.dword(queue + 0x10, this.transferAt(0));
    this.step(ms);
    this.dump(queue + 12, 36);
    this.read(0x24);
    for (const [index, { pid, length, offset = 0 }] of transfers.entries()) {
      this.dump(this.transferAt(index), 32);
      if (pid === IN && length > 0) this.dump(this.bufferAt(index) + offset, length);
    }
    this.write(0x24, 0x3f);
  }

  /** A control transfer on endpoint 0. */
  control(
    address: number,
    request: readonly [type: number, request: number, value: number, index: number],
    data: number | readonly number[] = 0,
  ): void {
    const [type, number, value, index] = request;
    const length = typeof data === 'number' ? data : data.length;
    const word = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff];
    const setup = [type, number, ...word(value), ...word(index), ...word(length)];
    const isIn = (type & 0x80) !== 0;
    const transfers: Transfer[] = [{ pid: SETUP, length: 8, data: setup }];
    if (length > 0) {
      const bytes = typeof data === 'number' ? {} : { data };
      transfers.push({ pid: isIn ? IN : OUT, length, toggle: 1, alternate: this.transferAt(2), ...bytes });
    }
    transfers.push({ pid: isIn ? OUT : IN, length: 0, toggle: 1 });
    this.run(QUEUE, (64 << 16) | (1 << 14) | (2 << 12) | address, transfers);
  }

  /** An interrupt endpoint of a device. */
  poll(address: number, endpoint: number, length: number, toggle = 0): void {
    const characteristics = (8 << 16) | (1 << 14) | (2 << 12) | (endpoint << 8) | address;
    this.run(PERIODIC, characteristics, [{ pid: IN, length, toggle }]);
  }
}
