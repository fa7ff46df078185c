/**
 * Guest RAM, and who must know when it changes.
 *
 * | guest-physical | holds |
 * |---|---|
 * | 0 … size | RAM, less the hole 0xa0000–0xbffff (VGA window) where nothing answers |
 *
 * One ArrayBuffer of at most 2 GiB, so that an address fits a non-negative int32.
 * DMA goes through `read` and `write`; the CPU works on the views and keeps `codePages` up to date.
 */

import type { Gpa } from './addresses.ts';
import type { DmaAccess, DmaPort } from './dma-port.ts';

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 1 << PAGE_SHIFT;
/** Spec: Intel 440FX datasheet §4.1: legacy video area. */
export const VGA_HOLE_START = 0xa0000;
export const VGA_HOLE_END = 0xc0000;

export class GuestMemory implements DmaPort {
  /** Bytes of RAM, a multiple of the page size. */
  readonly size: number;
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** 1 for each page from which the CPU has decoded instructions: a write there must call `onCodeWrite`. */
  readonly codePages: Uint8Array;
  #onCodeWrite: (page: number) => void = () => {};

  constructor(size: number) {
    this.size = size;
    this.buffer = new ArrayBuffer(size);
    this.bytes = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.codePages = new Uint8Array(size >>> PAGE_SHIFT);
  }

  /** The CPU's invalidation of decoded instructions of page number `page`. */
  onCodeWrite(listener: (page: number) => void): void {
    this.#onCodeWrite = listener;
  }

  isRam(gpa: Gpa, length: number): boolean {
    if (gpa < 0 || length < 0 || gpa + length > this.size) return false;
    return gpa >= VGA_HOLE_END || gpa + length <= VGA_HOLE_START;
  }

  read(gpa: Gpa, target: Uint8Array): boolean {
    if (!this.isRam(gpa, target.length)) {
      target.fill(0);
      return false;
    }
    target.set(this.bytes.subarray(gpa, gpa + target.length));
    return true;
  }

  write(gpa: Gpa, source: Uint8Array): boolean {
    if (!this.isRam(gpa, source.length)) return false;
    this.bytes.set(source, gpa);
    this.changed(gpa, source.length);
    return true;
  }

  fill(gpa: Gpa, length: number, value: number): boolean {
    if (!this.isRam(gpa, length)) return false;
    this.bytes.fill(value, gpa, gpa + length);
    this.changed(gpa, length);
    return true;
  }

  readU8(gpa: Gpa): number {
    return this.isRam(gpa, 1) ? this.view.getUint8(gpa) : 0;
  }

  readU16(gpa: Gpa): number {
    return this.isRam(gpa, 2) ? this.view.getUint16(gpa, true) : 0;
  }

  readU32(gpa: Gpa): number {
    return this.isRam(gpa, 4) ? this.view.getUint32(gpa, true) : 0;
  }

  readU64(gpa: Gpa): number {
    if (!this.isRam(gpa, 8)) return 0;
    return this.view.getUint32(gpa, true) + this.view.getUint32(gpa + 4, true) * 2 ** 32;
  }

  writeU8(gpa: Gpa, value: number): boolean {
    if (!this.isRam(gpa, 1)) return false;
    this.view.setUint8(gpa, value);
    this.changed(gpa, 1);
    return true;
  }

  writeU16(gpa: Gpa, value: number): boolean {
    if (!this.isRam(gpa, 2)) return false;
    this.view.setUint16(gpa, value, true);
    this.changed(gpa, 2);
    return true;
  }

  writeU32(gpa: Gpa, value: number): boolean {
    if (!this.isRam(gpa, 4)) return false;
    this.view.setUint32(gpa, value, true);
    this.changed(gpa, 4);
    return true;
  }

  writeU64(gpa: Gpa, value: number): boolean {
    if (!this.isRam(gpa, 8)) return false;
    this.view.setUint32(gpa, value % 2 ** 32, true);
    this.view.setUint32(gpa + 4, Math.floor(value / 2 ** 32), true);
    this.changed(gpa, 8);
    return true;
  }

  forEachPiece(gpa: Gpa, length: number, access: DmaAccess, use: (bytes: Uint8Array) => boolean): boolean {
    if (!this.isRam(gpa, length)) return false;
    if (length === 0) return true;
    const done = use(this.bytes.subarray(gpa, gpa + length));
    if (access === 'write') this.changed(gpa, length);
    return done;
  }

  /** To be called after writing through the views: drops instructions decoded from the changed bytes. */
  changed(gpa: Gpa, length: number): void {
    if (length === 0) return;
    const last = (gpa + length - 1) >>> PAGE_SHIFT;
    for (let page = gpa >>> PAGE_SHIFT; page <= last; page++) {
      if (this.codePages[page] !== 0) this.#onCodeWrite(page);
    }
  }
}
