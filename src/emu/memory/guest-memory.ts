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

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 1 << PAGE_SHIFT;
/** Spec: Intel 440FX datasheet §4.1: legacy video area. */
export const VGA_HOLE_START = 0xa0000;
export const VGA_HOLE_END = 0xc0000;

export class GuestMemory {
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

  /** True when all of `length` bytes at `gpa` are RAM. */
  isRam(gpa: number, length: number): boolean {
    if (gpa < 0 || length < 0 || gpa + length > this.size) return false;
    return gpa >= VGA_HOLE_END || gpa + length <= VGA_HOLE_START;
  }

  /** Fills `target` from guest memory; false (and zeros) when a part of it is not RAM. */
  read(gpa: number, target: Uint8Array): boolean {
    if (!this.isRam(gpa, target.length)) {
      target.fill(0);
      return false;
    }
    target.set(this.bytes.subarray(gpa, gpa + target.length));
    return true;
  }

  /** Writes `source` to guest memory; false (and nothing written) when a part of it is not RAM. */
  write(gpa: number, source: Uint8Array): boolean {
    if (!this.isRam(gpa, source.length)) return false;
    this.bytes.set(source, gpa);
    this.changed(gpa, source.length);
    return true;
  }

  /** To be called after writing through the views: drops instructions decoded from the changed bytes. */
  changed(gpa: number, length: number): void {
    if (length === 0) return;
    const last = (gpa + length - 1) >>> PAGE_SHIFT;
    for (let page = gpa >>> PAGE_SHIFT; page <= last; page++) {
      if (this.codePages[page] !== 0) this.#onCodeWrite(page);
    }
  }
}
