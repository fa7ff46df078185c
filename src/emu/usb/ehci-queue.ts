/**
 * A queue of an EHCI driver in guest memory: its head, with the transfer that is under way in it, and those that wait. Spec: EHCI 1.0 §3.5,
 * §3.6, §4.10. QEMU: hw/usb/hcd-ehci.c of 7.2.
 */
import type { DmaPort } from '../memory/dma-port.ts';
import { readWords, writeWords } from './dma-words.ts';
import { PID_IN, PID_OUT, PID_SETUP, UsbPacket } from './usb-packet.ts';

const HEAD_WORDS = 12;
const TRANSFER_WORDS = 8;
/** Of the head's copy of a transfer. */
const OVERLAY = 4;
const CURRENT = 3;

export const LINK_TERMINATE = 1;
export const LINK_ADDRESS = 0xffff_ffe0;

const CHARACTERISTICS_TOGGLE = 1 << 14;
export const CHARACTERISTICS_HEAD = 1 << 15;
const SPEED_SHIFT = 12;
const SPEED_HIGH = 2;
const NAK_RELOAD_SHIFT = 28;
const NAK_COUNT = 0x1e;

export const TOKEN_PING = 1 << 0;
export const TOKEN_ERROR = 1 << 3;
export const TOKEN_BABBLE = 1 << 4;
export const TOKEN_HALTED = 1 << 6;
export const TOKEN_ACTIVE = 1 << 7;
const TOKEN_PID_SHIFT = 8;
export const TOKEN_ERRORS = 3 << 10;
const TOKEN_PAGE_SHIFT = 12;
const TOKEN_PAGE = 7 << TOKEN_PAGE_SHIFT;
export const TOKEN_INTERRUPT = 1 << 15;
const TOKEN_BYTES_SHIFT = 16;
const TOKEN_BYTES = 0x7fff << TOKEN_BYTES_SHIFT;
const TOKEN_TOGGLE = 2 ** 31;
const PAGES = 5;
const PAGE_BYTES = 4096;
const BYTES_MAX = PAGES * PAGE_BYTES;
const PAGE_ADDRESS = 0xffff_f000;
const OFFSET = 0xfff;
const PIDS = [PID_OUT, PID_IN, PID_SETUP];

export class EhciQueue {
  readonly address: number;
  readonly #dma: DmaPort;
  readonly #words: Uint32Array;

  constructor(dma: DmaPort, address: number) {
    this.#dma = dma;
    this.address = address;
    this.#words = readWords(dma, address, HEAD_WORDS);
  }

  /** The link to the next queue. */
  get link(): number {
    return this.#words[0] ?? 0;
  }

  get characteristics(): number {
    return this.#words[1] ?? 0;
  }

  get device(): number {
    return this.characteristics & 0x7f;
  }

  get endpoint(): number {
    return (this.characteristics >>> 8) & 0xf;
  }

  /** Where the transfer is that the head has a copy of. */
  get current(): number {
    return (this.#words[CURRENT] ?? 0) & LINK_ADDRESS;
  }

  get token(): number {
    return this.#words[OVERLAY + 2] ?? 0;
  }

  set token(value: number) {
    this.#words[OVERLAY + 2] = value;
  }

  get bytes(): number {
    return (this.token & TOKEN_BYTES) >>> TOKEN_BYTES_SHIFT;
  }

  set bytes(value: number) {
    this.token = (this.token & ~TOKEN_BYTES) | (value << TOKEN_BYTES_SHIFT);
  }

  /** The address of the transfer that is next; undefined: there is none, or the queue is halted. */
  next(): number | undefined {
    if ((this.token & TOKEN_HALTED) !== 0) return undefined;
    const [, , , current = 0, next = 0, alternate = 0] = this.#words;
    if ((this.token & TOKEN_ACTIVE) !== 0 && current !== 0 && (current & LINK_TERMINATE) === 0) {
      return (current & LINK_ADDRESS) >>> 0;
    }
    if (this.bytes !== 0 && (alternate & LINK_TERMINATE) === 0) return (alternate & LINK_ADDRESS) >>> 0;
    return (next & LINK_TERMINATE) === 0 ? (next & LINK_ADDRESS) >>> 0 : undefined;
  }

  /** The head gets a copy of the transfer there; false: it is not active. */
  load(address: number): boolean {
    const transfer = readWords(this.#dma, address, TRANSFER_WORDS);
    const token = transfer[2] ?? 0;
    if ((token & TOKEN_ACTIVE) === 0) return false;
    const before = this.token;
    const { characteristics } = this;
    const words = this.#words;
    words[CURRENT] = address;
    words.set(transfer, OVERLAY);
    const isHigh = ((characteristics >>> SPEED_SHIFT) & 3) === SPEED_HIGH;
    if (isHigh) this.token = (this.token & ~TOKEN_PING) | (before & TOKEN_PING);
    const naks = ((characteristics >>> NAK_RELOAD_SHIFT) & 0xf) << 1;
    words[OVERLAY + 1] = ((words[OVERLAY + 1] ?? 0) & ~NAK_COUNT) | naks;
    if ((characteristics & CHARACTERISTICS_TOGGLE) === 0) {
      this.token = (this.token & ~TOKEN_TOGGLE) | (before & TOKEN_TOGGLE);
    }
    words[OVERLAY + 4] = (words[OVERLAY + 4] ?? 0) & ~0xff;
    words[OVERLAY + 5] = (words[OVERLAY + 5] ?? 0) & ~0x1f;
    this.flush();
    return true;
  }

  /** The packet of the copy; undefined: there can be none like it. */
  packet(): UsbPacket | undefined {
    const pid = PIDS[(this.token >>> TOKEN_PID_SHIFT) & 3];
    if (pid === undefined || this.bytes > BYTES_MAX) return undefined;
    const data = new Uint8Array(this.bytes);
    if (pid !== PID_IN) this.#pieces(data, (address, piece) => this.#dma.read(address, piece));
    return new UsbPacket(pid, this.endpoint, data);
  }

  /** What a device gave goes to the pages of the transfer. */
  store({ data, actual }: UsbPacket): void {
    this.#pieces(data.subarray(0, actual), (address, piece) => this.#dma.write(address, piece));
  }

  /** So many bytes have moved. */
  advance(bytes: number): void {
    const first = this.#words[OVERLAY + 3] ?? 0;
    const end = (first & OFFSET) + bytes;
    const page = ((this.token & TOKEN_PAGE) >>> TOKEN_PAGE_SHIFT) + Math.floor(end / PAGE_BYTES);
    this.token = (this.token & ~TOKEN_PAGE) | ((page << TOKEN_PAGE_SHIFT) & TOKEN_PAGE);
    this.#words[OVERLAY + 3] = (first & PAGE_ADDRESS) | (end & OFFSET);
  }

  toggle(): void {
    this.token ^= TOKEN_TOGGLE;
  }

  /** The device had nothing to say: its counter is down. */
  naked(): void {
    this.#words[OVERLAY + 1] = (this.#words[OVERLAY + 1] ?? 0) & ~NAK_COUNT;
    this.flush();
  }

  /** What the controller keeps in the head is written there. */
  flush(): void {
    writeWords(this.#dma, this.address + 4 * CURRENT, this.#words.subarray(CURRENT));
  }

  /** The copy goes back to where it came from. */
  writeBack(): void {
    writeWords(this.#dma, this.current >>> 0, this.#words.subarray(OVERLAY));
    this.flush();
  }

  #pieces(data: Uint8Array, move: (address: number, piece: Uint8Array) => void): void {
    let page = (this.token & TOKEN_PAGE) >>> TOKEN_PAGE_SHIFT;
    let offset = (this.#words[OVERLAY + 3] ?? 0) & OFFSET;
    for (let at = 0; at < data.length && page < PAGES; page++) {
      const piece = data.subarray(at, at + PAGE_BYTES - offset);
      move((((this.#words[OVERLAY + 3 + page] ?? 0) & PAGE_ADDRESS) >>> 0) + offset, piece);
      at += piece.length;
      offset = 0;
    }
  }
}
