/** A driver of a UHCI controller as lines of qtest, which a real QEMU and this machine are given alike. Spec: UHCI 1.1. */
import { hex, hexBytes, UsbDriver } from './usb-driver.ts';

/** Where the controller's registers are put. */
export const UHCI_BASE = 0xc000;
const FRAME_LIST = 0x10_0000;
export const QUEUE = 0x11_0000;
export const TDS = 0x12_0000;
const BUFFERS = 0x13_0000;
const TD_BYTES = 16;
/** QEMU takes and gives all of a transfer in one packet. */
const MAX_PACKET = 1024;
const FRAMES = 1024;

export const TD_ACTIVE = 1 << 23;
export const TD_IOC = 1 << 24;
export const TD_SHORT = 1 << 29;
export const SETUP = 0x2d;
export const IN = 0x69;
export const OUT = 0xe1;
export const TERMINATE = 1;
export const IS_QH = 2;
export const DEPTH_FIRST = 4;

export interface Td {
  readonly pid: number;
  readonly address: number;
  readonly endpoint: number;
  readonly toggle: number;
  /** Bytes at most; 0 for none. */
  readonly length: number;
  readonly data?: readonly number[];
  readonly control?: number;
  /** In the place of the next one. */
  readonly link?: number;
}

export class UhciDriver extends UsbDriver {
  /** Registers decode, and the controller masters the bus. */
  open(): void {
    this.config(0x20, 'l', UHCI_BASE);
    this.config(0x04, 'w', 5);
  }

  read(register: number, size: 'b' | 'w' | 'l' = 'w'): void {
    this.say(`in${size} ${hex(UHCI_BASE + register)}`);
  }

  write(register: number, value: number, size: 'b' | 'w' | 'l' = 'w'): void {
    this.say(`out${size} ${hex(UHCI_BASE + register)} ${hex(value)}`);
  }

  /** All registers. */
  readAll(): void {
    for (const register of [0, 2, 4, 6, 0x10, 0x12]) this.read(register);
    this.read(8, 'l');
    this.read(0x0c, 'b');
  }

  /** Every frame begins with the one queue, which is empty. */
  start(): void {
    this.dword(QUEUE, TERMINATE);
    this.dword(QUEUE + 4, TERMINATE);
    const entry = [0, 8, 16, 24].map((shift) => ((QUEUE | IS_QH) >>> shift) & 0xff);
    const list = Array.from({ length: FRAMES }, () => entry).flat();
    this.say(`write ${hex(FRAME_LIST)} ${hex(list.length)} ${hexBytes(list)}`);
    this.write(8, FRAME_LIST, 'l');
    this.write(4, 0xf);
    this.write(0, 1);
  }

  /** A reset as a hub driver does it, and the port is enabled. */
  resetPort(port: number): void {
    const register = 0x10 + 2 * port;
    this.read(register);
    this.write(register, 0x200);
    this.step(1);
    this.write(register, 0);
    this.write(register, 0x0e);
    this.read(register);
  }

  /** Puts transfers into the queue, lets frames pass, and looks at what became of them. */
  run(tds: readonly Td[], frames = 1): void {
    const at = (index: number): number => TDS + TD_BYTES * index;
    const buffer = (index: number): number => BUFFERS + 0x800 * index;
    for (const [index, td] of tds.entries()) {
      const next = index + 1 < tds.length ? at(index + 1) | DEPTH_FIRST : TERMINATE;
      this.dword(at(index), td.link ?? next);
      this.dword(at(index) + 4, (td.control ?? TD_ACTIVE | TD_IOC) | (3 << 27));
      const length = (td.length - 1) & 0x7ff;
      this.dword(
        at(index) + 8,
        (length << 21) | (td.toggle << 19) | (td.endpoint << 15) | (td.address << 8) | td.pid,
      );
      this.dword(at(index) + 12, buffer(index));
      if (td.data !== undefined && td.data.length > 0) {
        this.say(`write ${hex(buffer(index))} ${hex(td.data.length)} ${hexBytes(td.data)}`);
      } else if (td.length > 0) this.say(`memset ${hex(buffer(index))} ${hex(td.length)} 0xee`);
    }
    this.dword(QUEUE + 4, at(0));
    this.step(frames);
    this.say(`readl ${hex(QUEUE + 4)}`);
    this.read(2);
    for (const [index, td] of tds.entries()) {
      this.say(`readl ${hex(at(index) + 4)}`);
      if (td.pid === IN && td.length > 0) this.say(`read ${hex(buffer(index))} ${hex(td.length)}`);
    }
    // In this order: a TD that was done interrupts again in each frame that finds it.
    this.dword(QUEUE + 4, TERMINATE);
    this.write(2, 0x3f);
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
    const common = { address, endpoint: 0 };
    const tds: Td[] = [{ ...common, pid: SETUP, toggle: 0, length: 8, data: setup }];
    const isIn = (type & 0x80) !== 0;
    for (let done = 0; done < length; done += MAX_PACKET) {
      const size = Math.min(MAX_PACKET, length - done);
      const bytes = typeof data === 'number' ? {} : { data: data.slice(done, done + size) };
      const toggle = tds.length & 1;
      tds.push({ ...common, pid: isIn ? IN : OUT, toggle, length: size, ...bytes });
    }
    tds.push({ ...common, pid: isIn ? OUT : IN, toggle: 1, length: 0 });
    this.run(tds, 2);
  }

  /** What an interrupt or bulk endpoint has to say. */
  poll(address: number, endpoint: number, length: number, toggle = 0): void {
    this.run([{ address, endpoint, pid: IN, toggle, length, control: TD_ACTIVE | TD_IOC | TD_SHORT }]);
  }
}
