/**
 * Guest memory: regions of guest-physical addresses, whose contents lie in chunks of one arena. A chunk is handed out when memory is first
 * written; until then reads see zeros. What no region covers is not memory: a device, or a hole where nothing answers.
 *
 * Devices use the DMA port. The CPU asks where an address lies in the arena (`locate`, `toWrite`, `toFetch`), keeps that in its TLB, and keeps
 * `codePages` up to date; whoever keeps an offset listens to `MemoryListener`.
 */
import { assert } from '../core/assert.ts';
import type { Gpa, RamOffset } from './addresses.ts';
import {
  Arena,
  ArenaFullError,
  type BufferMaker,
  CHUNK_SIZE,
  NO_CHUNK,
  SCRATCH,
  SCRATCH_SIZE,
  ZEROS,
  ZEROS_SIZE,
} from './arena.ts';
import type { DmaAccess, DmaPort } from './dma-port.ts';
import { EmptyChunks } from './empty-chunks.ts';
import { type MemoryWindow, viewOf } from './memory-windows.ts';
import { CHUNK_MASK, frameOf, Region, type RegionOptions } from './region.ts';

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_SIZE - 1;
/** What it costs as a rule to see whether anything is left in a chunk. */
const LOOK_BYTES = 2 * PAGE_SIZE;

/** Guest-physical addresses are below this. QEMU: 40 physical address bits. */
export const GPA_END = 2 ** 40;

/** In place of an offset: the address is in no region. */
export const NO_RAM = -1;
/** In place of an offset to write at: the region ignores writes. */
export const READ_ONLY = -2;

/** For whoever remembers where in the arena an address lies. */
export interface MemoryListener {
  /** Memory that read as zeros got a place of its own: forget where the zeros were. */
  chunkMapped(): void;
  /** Memory went away, or was given back: forget all places. */
  unmapped(): void;
}

export class GuestMemory implements DmaPort {
  readonly arena: Arena;
  /** By page of the arena: 1 when the CPU has decoded instructions from it, so that a write there must call `codeWritten`. */
  readonly codePages: Uint8Array;
  /** After `locate` and `toWrite`: bytes of that page may be written at the offset without asking `toWrite`, except for `codePages`. */
  isWritable = false;
  /** Ascending, without overlap. */
  #regions: Region[] = [];
  /** What is found at an address: the same regions, or parts of them and what covers other parts. Ascending, without overlap. */
  #view: readonly Region[] = [];
  #windows: readonly MemoryWindow[] = [];
  /** By frame: the chunk, when the frame lies whole in one region that may be written, and is mapped; else 0. */
  #chunkOfFrame = new Int32Array(0);
  readonly #listeners: MemoryListener[] = [];
  readonly #emptyChunks: EmptyChunks;
  #onCodeWrite: (page: number) => void = () => {};
  #onFull: () => void = () => {
    throw new ArenaFullError(this.arena.capacity);
  };
  /** Where `#piece` found the last piece. */
  #at = 0;

  /** @param chunks how many the arena should have (chunksFor); the host may give fewer */
  constructor(chunks: number, makeBuffer?: BufferMaker) {
    this.arena = new Arena(chunks, makeBuffer);
    this.codePages = new Uint8Array(this.arena.bytes.length >>> PAGE_SHIFT);
    this.#emptyChunks = new EmptyChunks(this.arena);
  }

  /** All memory, be it covered or not. */
  get regions(): readonly Region[] {
    return this.#regions;
  }

  /** What is found at each address. */
  get view(): readonly Region[] {
    return this.#view;
  }

  /** Changes what is found in parts of the memory. The windows lie in regions, ascend, and replace earlier ones. */
  setWindows(windows: readonly MemoryWindow[]): void {
    this.#windows = windows;
    this.#look();
    this.#unmapped();
  }

  /** Whether the guest finds a region. */
  show(region: Region, isShown: boolean): void {
    if (region.isShown === isShown) return;
    region.isShown = isShown;
    this.#look();
    this.#unmapped();
  }

  #look(): void {
    this.#view = viewOf(this.#regions, this.#windows);
  }

  /** Puts memory at `gpa`; address and size are multiples of the page size, and no other region is there. */
  add(name: string, gpa: Gpa, size: number, options: RegionOptions = {}): Region {
    assert(gpa % PAGE_SIZE === 0 && size % PAGE_SIZE === 0 && size > 0, `region ${name}: not whole pages`);
    assert(gpa >= 0 && gpa + size <= GPA_END, `region ${name}: beyond the address space`);
    const clash = this.#regions.find((other) => gpa < other.end && gpa + size > other.gpa);
    assert(clash === undefined, `region ${name}: overlaps ${clash?.name}`);
    const region = new Region(name, gpa, size, options);
    this.#regions.push(region);
    this.#regions.sort((a, b) => a.gpa - b.gpa);
    this.#look();
    const frames = frameOf(gpa + size - 1) + 1;
    if (frames > this.#chunkOfFrame.length) {
      const longer = new Int32Array(frames);
      longer.set(this.#chunkOfFrame);
      this.#chunkOfFrame = longer;
    }
    return region;
  }

  /** Takes a region away; its contents are gone. */
  remove(region: Region): void {
    const at = this.#regions.indexOf(region);
    assert(at >= 0, `region ${region.name}: not there`);
    this.#giveBack(region, region.gpa, region.end);
    this.#regions.splice(at, 1);
    this.#look();
    // Also where there was no chunk: what reads its zeros must find no memory there.
    this.#unmapped();
  }

  /** The region that covers all of `length` bytes at `gpa`, at least one. */
  find(gpa: Gpa, length: number): Region | undefined {
    const regions = this.#view;
    let low = 0;
    let high = regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (regions[middle].end <= gpa) low = middle + 1;
      else high = middle;
    }
    const region = regions[low];
    return region !== undefined && region.gpa <= gpa && gpa + length <= region.end ? region : undefined;
  }

  /**
   * Gives memory back to the host: it reads as zeros then, and a chunk in which nothing else is left goes back to the arena. Parts that are
   * not RAM are passed over.
   * @returns a measure of the work, in bytes, for who bounds it: of what is asked for alone. What has a chunk, and where it was looked at last, is another in
   * a machine that was restored, whose virtual time must be the same.
   */
  release(gpa: Gpa, length: number): number {
    let work = 0;
    for (const region of this.#regions) {
      const start = Math.max(gpa, region.gpa);
      const end = Math.min(gpa + length, region.end);
      if (start < end && !region.readOnly) work += this.#giveBack(region, start, end);
    }
    return work;
  }

  /** Gives all RAM back, as after a power cycle. */
  releaseAll(): void {
    for (const { gpa, size } of this.#regions) this.release(gpa, size);
  }

  listen(listener: MemoryListener): void {
    this.#listeners.push(listener);
  }

  /** The CPU's invalidation of instructions decoded from page number `page` of the arena. */
  onCodeWrite(listener: (page: number) => void): void {
    this.#onCodeWrite = listener;
  }

  /** Called when the guest writes and the arena is full. It may throw; when it does not, a DMA transfer moves nothing. */
  onFull(listener: () => void): void {
    this.#onFull = listener;
  }

  /** Where the byte at `gpa` can be read, up to the end of its page; or NO_RAM. Sets `isWritable`. */
  locate(gpa: Gpa): RamOffset {
    const chunk = this.#chunkOfFrame[Math.floor(gpa / CHUNK_SIZE)];
    if (chunk > 0) {
      this.isWritable = true;
      return (chunk + (gpa & CHUNK_MASK)) as RamOffset;
    }
    return this.#locateInRegion(gpa);
  }

  /** Where the byte at `gpa` can be written, up to the end of its page; or NO_RAM, as for a ROM device; or READ_ONLY. Takes a chunk when there is none. */
  toWrite(gpa: Gpa): RamOffset {
    const offset = this.locate(gpa);
    if (this.isWritable || offset < 0) return offset;
    const region = this.find(gpa, 1);
    if (region?.isRomDevice === true) return NO_RAM as RamOffset;
    if (region === undefined || region.readOnly) return READ_ONLY as RamOffset;
    const taken = this.#offsetIn(region, gpa);
    this.isWritable = taken >= 0;
    return taken;
  }

  /** Where instructions at `gpa` can be decoded from, up to the end of the page; or NO_RAM. Takes a chunk, so that a page has one place for good. */
  toFetch(gpa: Gpa): RamOffset {
    const offset = this.locate(gpa);
    if (this.isWritable || offset < 0) return offset;
    const region = this.find(gpa, 1);
    return region === undefined ? (NO_RAM as RamOffset) : this.#offsetIn(region, gpa);
  }

  /** To be called for writes through the arena's views: drops instructions decoded from the changed bytes. */
  codeWritten(offset: RamOffset, length: number): void {
    const last = (offset + length - 1) >>> PAGE_SHIFT;
    for (let page = offset >>> PAGE_SHIFT; page <= last; page++) {
      if (this.codePages[page] !== 0) this.#onCodeWrite(page);
    }
  }

  /** Puts contents into a region, read-only or not; false when the arena is full. */
  load(region: Region, at: number, source: Uint8Array): boolean {
    assert(at >= 0 && at + source.length <= region.size, `region ${region.name}: contents beyond its end`);
    for (let done = 0; done < source.length; ) {
      const gpa = region.gpa + at + done;
      const length = Math.min(source.length - done, CHUNK_SIZE - (gpa & CHUNK_MASK));
      const offset = this.#offsetIn(region, gpa);
      if (offset < 0) return false;
      this.arena.bytes.set(source.subarray(done, done + length), offset);
      this.codeWritten(offset, length);
      done += length;
    }
    return true;
  }

  /** Contents of a region, from `at` on, whatever covers them. */
  peek(region: Region, at: number, target: Uint8Array): void {
    for (let done = 0; done < target.length; ) {
      const gpa = region.gpa + at + done;
      const length = Math.min(target.length - done, CHUNK_SIZE - (gpa & CHUNK_MASK));
      const chunk = region.chunkAt(gpa);
      const from = chunk + (gpa & CHUNK_MASK);
      if (chunk === NO_CHUNK) target.fill(0, done, done + length);
      else target.set(this.arena.bytes.subarray(from, from + length), done);
      done += length;
    }
  }

  /** Runs `use` while the only memory of the address space is SCRATCH, at address 0. */
  withScratch(use: () => void): void {
    const [view, chunks] = [this.#view, this.#chunkOfFrame];
    const scratch = new Region('scratch', 0, SCRATCH_SIZE);
    scratch.chunks[0] = SCRATCH;
    this.#view = [scratch];
    this.#chunkOfFrame = new Int32Array(0);
    try {
      use();
    } finally {
      this.#view = view;
      this.#chunkOfFrame = chunks;
    }
  }

  isRam(gpa: Gpa, length: number): boolean {
    for (let at = gpa; at < gpa + length; ) {
      const region = this.find(at, 1);
      if (region === undefined) return false;
      at = region.end;
    }
    return length >= 0;
  }

  read(gpa: Gpa, target: Uint8Array): boolean {
    if (!this.isRam(gpa, target.length)) {
      target.fill(0);
      return false;
    }
    for (let done = 0; done < target.length; ) {
      const length = this.#piece(gpa + done, target.length - done, 'read');
      target.set(this.arena.bytes.subarray(this.#at, this.#at + length), done);
      done += length;
    }
    return true;
  }

  write(gpa: Gpa, source: Uint8Array): boolean {
    if (!this.#reserve(gpa, source.length)) return false;
    for (let done = 0; done < source.length; ) {
      const length = this.#piece(gpa + done, source.length - done, 'write');
      if (this.#at >= 0) {
        this.arena.bytes.set(source.subarray(done, done + length), this.#at);
        this.codeWritten(this.#at as RamOffset, length);
      }
      done += length;
    }
    return true;
  }

  /** Zeros take no chunk. */
  fill(gpa: Gpa, length: number, value: number): boolean {
    if (value === 0) return this.#clear(gpa, length);
    return this.forEachPiece(gpa, length, 'write', (bytes) => {
      bytes.fill(value);
      return true;
    });
  }

  readU8(gpa: Gpa): number {
    const offset = this.locate(gpa);
    return offset < 0 ? 0 : this.arena.bytes[offset];
  }

  readU16(gpa: Gpa): number {
    if ((gpa & PAGE_MASK) > PAGE_SIZE - 2) return this.#readAcross(gpa, 2);
    const offset = this.locate(gpa);
    return offset < 0 ? 0 : this.arena.view.getUint16(offset, true);
  }

  readU32(gpa: Gpa): number {
    if ((gpa & PAGE_MASK) > PAGE_SIZE - 4) return this.#readAcross(gpa, 4);
    const offset = this.locate(gpa);
    return offset < 0 ? 0 : this.arena.view.getUint32(offset, true);
  }

  readU64(gpa: Gpa): number {
    if ((gpa & PAGE_MASK) > PAGE_SIZE - 8) return this.#readAcross(gpa, 8);
    const offset = this.locate(gpa);
    if (offset < 0) return 0;
    const { view } = this.arena;
    return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
  }

  writeU8(gpa: Gpa, value: number): boolean {
    return this.#writeNumber(gpa, 1, value);
  }

  writeU16(gpa: Gpa, value: number): boolean {
    return this.#writeNumber(gpa, 2, value);
  }

  writeU32(gpa: Gpa, value: number): boolean {
    return this.#writeNumber(gpa, 4, value);
  }

  writeU64(gpa: Gpa, value: number): boolean {
    return this.#writeNumber(gpa, 8, value);
  }

  forEachPiece(gpa: Gpa, length: number, access: DmaAccess, use: (bytes: Uint8Array) => boolean): boolean {
    if (access === 'write' ? !this.#reserve(gpa, length) : !this.isRam(gpa, length)) return false;
    const { bytes } = this.arena;
    for (let done = 0; done < length; ) {
      const size = this.#piece(gpa + done, length - done, access);
      const at = this.#at;
      // What goes to a ROM is written where nobody reads it.
      const goesOn = use(at < 0 ? new Uint8Array(size) : bytes.subarray(at, at + size));
      if (access === 'write' && at >= 0) this.codeWritten(at as RamOffset, size);
      if (!goesOn) return false;
      done += size;
    }
    return true;
  }

  #locateInRegion(gpa: Gpa): RamOffset {
    this.isWritable = false;
    const region = this.find(gpa, 1);
    if (region === undefined) return NO_RAM as RamOffset;
    const chunk = region.chunkAt(gpa);
    if (chunk === NO_CHUNK) return (ZEROS + (gpa & PAGE_MASK)) as RamOffset;
    this.isWritable = !region.readOnly;
    return (chunk + (gpa & CHUNK_MASK)) as RamOffset;
  }

  /** The place of `gpa` in a chunk of the region's, which is taken when there is none; NO_RAM when the arena is full. */
  #offsetIn(region: Region, gpa: Gpa): RamOffset {
    let chunk = region.chunkAt(gpa);
    if (chunk === NO_CHUNK) {
      chunk = this.arena.allocate();
      if (chunk === NO_CHUNK) {
        this.#onFull();
        return NO_RAM as RamOffset;
      }
      const frame = frameOf(gpa);
      region.chunks[frame - region.firstFrame] = chunk;
      if (!region.readOnly && region.coversFrame(frame)) this.#chunkOfFrame[frame] = chunk;
      for (const listener of this.#listeners) listener.chunkMapped();
    }
    return (chunk + (gpa & CHUNK_MASK)) as RamOffset;
  }

  /** Empties a part of a region. Gives what that costs, in bytes. */
  #giveBack(region: Region, start: Gpa, end: Gpa): number {
    let work = 0;
    let isUnmapped = false;
    for (let frame = frameOf(start); frame <= frameOf(end - 1); frame++) {
      const chunk = region.chunks[frame - region.firstFrame] as RamOffset;
      const from = Math.max(start, frame * CHUNK_SIZE);
      const to = Math.min(end, (frame + 1) * CHUNK_SIZE);
      const isWhole =
        from === Math.max(region.gpa, frame * CHUNK_SIZE) &&
        to === Math.min(region.end, (frame + 1) * CHUNK_SIZE);
      work += isWhole ? PAGE_SIZE : to - from + LOOK_BYTES;
      if (chunk === NO_CHUNK) continue;
      if (!isWhole) {
        const offset = (chunk + (from & CHUNK_MASK)) as RamOffset;
        this.arena.bytes.fill(0, offset, offset + to - from);
        this.codeWritten(offset, to - from);
        if (!this.#emptyChunks.isEmpty(chunk)) continue;
      }
      this.codeWritten(chunk, CHUNK_SIZE);
      region.chunks[frame - region.firstFrame] = NO_CHUNK;
      if (region.coversFrame(frame)) this.#chunkOfFrame[frame] = NO_CHUNK;
      this.arena.free(chunk);
      isUnmapped = true;
    }
    if (isUnmapped) this.#unmapped();
    return work;
  }

  #unmapped(): void {
    for (const listener of this.#listeners) listener.unmapped();
  }

  /** True when all of it is RAM, and every part that may be written has a chunk. */
  #reserve(gpa: Gpa, length: number): boolean {
    if (!this.isRam(gpa, length)) return false;
    for (let at = gpa; at < gpa + length; ) {
      if (this.toWrite(at) === NO_RAM) return false;
      const region = this.find(at, 1);
      at = Math.min((frameOf(at) + 1) * CHUNK_SIZE, region?.end ?? GPA_END);
    }
    return true;
  }

  /** The next piece, at most `left` bytes at `gpa`, which is RAM: its length; `#at` is where, or negative for what ignores writes. */
  #piece(gpa: Gpa, left: number, access: DmaAccess): number {
    const region = this.find(gpa, 1);
    if (region === undefined) return left;
    const limit = Math.min(left, region.end - gpa);
    const chunk = region.chunkAt(gpa);
    if (access === 'write' && region.readOnly) {
      this.#at = READ_ONLY;
      return limit;
    }
    let length = Math.min(limit, CHUNK_SIZE - (gpa & CHUNK_MASK));
    if (chunk === NO_CHUNK) {
      this.#at = ZEROS;
      return Math.min(length, ZEROS_SIZE);
    }
    this.#at = chunk + (gpa & CHUNK_MASK);
    // Chunks that were taken one after the other often follow each other.
    while (length < limit && region.chunkAt(gpa + length) === this.#at + length) {
      length = Math.min(limit, length + CHUNK_SIZE);
    }
    return length;
  }

  #clear(gpa: Gpa, length: number): boolean {
    if (!this.isRam(gpa, length)) return false;
    for (let done = 0; done < length; ) {
      const size = this.#piece(gpa + done, length - done, 'write');
      if (this.#at >= CHUNK_SIZE) {
        this.arena.bytes.fill(0, this.#at, this.#at + size);
        this.codeWritten(this.#at as RamOffset, size);
      }
      done += size;
    }
    return true;
  }

  #readAcross(gpa: Gpa, size: number): number {
    const bytes = new Uint8Array(8);
    this.read(gpa, bytes.subarray(0, size));
    const view = new DataView(bytes.buffer);
    return view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  }

  #writeNumber(gpa: Gpa, size: 1 | 2 | 4 | 8, value: number): boolean {
    if ((gpa & PAGE_MASK) <= PAGE_SIZE - size) {
      const offset = this.toWrite(gpa);
      if (offset < 0) return offset === READ_ONLY;
      this.#put(this.arena.view, offset, size, value);
      this.codeWritten(offset, size);
      return true;
    }
    const bytes = new Uint8Array(size);
    this.#put(new DataView(bytes.buffer), 0, size, value);
    return this.write(gpa, bytes);
  }

  #put(view: DataView, at: number, size: 1 | 2 | 4 | 8, value: number): void {
    if (size === 1) view.setUint8(at, value);
    else if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value % 2 ** 32, true);
    if (size === 8) view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  }
}
