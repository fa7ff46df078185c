/**
 * Decoded code. A block is a run of instructions from one address to the next branch or the end of the page, as records of
 * 8 words in one array; it is found by its place in the arena and mode, so that all vCPUs and address spaces share it.
 *
 * | word of the array | holds |
 * |---|---|
 * | 0–7 | the `exit` record, where record number 0 leads |
 * | header (8 words) | start, mode, first word after the block, next block of the page, next of the second page, second page, kind of the first record and number of its region while it is compiled |
 * | records | kind, six fields, position (offset in page, length << 13, number in the block << 20) |
 *
 * A page that was decoded from is marked in `memory.codePages`; a write to it turns its blocks' records into `stale`.
 */
import type { RamOffset } from '../../memory/addresses.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import type { CpuFeatures } from '../cpu-features.ts';
import { decode } from '../decode/decode.ts';
import { DECODED, Instruction, NEED_MORE, RECORD } from '../decode/instruction.ts';
import { opNumber } from '../semantics/table.ts';
import { MODE_TRAP } from '../state.ts';
import { INDEX_SHIFT } from './position.ts';

const PAGE_SHIFT = 12;
const PAGE_MASK = 4095;
/** The longest instruction, in bytes. */
const MAX_LENGTH = 15;
/** A mode bit of the cache's own: blocks of one instruction, for exact counts. */
export const MODE_SINGLE = 256;
/** Longest block in instructions. */
export const MAX_BLOCK = 64;
/** Space that a block may need at most: header, MAX_BLOCK instructions of up to 6 records, the jump at its end. */
const MAX_BLOCK_WORDS = RECORD * (2 + MAX_BLOCK * 6);
const CACHE_WORDS = 1 << 23;
const HASH_ENTRIES = 1 << 19;

/** Kind of the records of a dropped block. */
export const STALE = opNumber('stale');
const JMP = opNumber('jmp');
const REGION = opNumber('region');
/** What the word before the first record of a region's block holds: region << BLOCK_BITS | block. */
export const BLOCK_BITS = 6;
export const BLOCK_MASK = (1 << BLOCK_BITS) - 1;

/** What `find` answers besides a record number. */
export const NEEDS_NEXT_PAGE = -1;

export class BlockCache {
  readonly C = new Int32Array(CACHE_WORDS);
  /** Called when all records were dropped: links from outside (jump caches) are void. */
  onFlush: () => void = () => {};
  /** Called when a page's blocks were dropped. */
  onDrop: () => void = () => {};
  /** Called when a page is decoded from for the first time: nobody may write it unseen any more. */
  onCodePage: (page: number) => void = () => {};
  /** Given the bytes of each block that is decoded, while somebody reads them. RIP is the address of the first one then. */
  onDecode: ((code: Uint8Array) => void) | undefined = undefined;
  readonly #memory: GuestMemory;
  readonly #instruction: Instruction;
  /** Pairs: place in the arena, mode; and the first record (0: dropped). */
  readonly #keys = new Int32Array(HASH_ENTRIES * 2).fill(-1);
  readonly #records = new Int32Array(HASH_ENTRIES);
  #used = 0;
  #free = RECORD;
  /** First block (header) of each page, 0 for none. */
  readonly #pageBlocks: Int32Array;
  readonly #window = new Uint8Array(32);

  constructor(memory: GuestMemory, features: CpuFeatures) {
    this.#memory = memory;
    this.#instruction = new Instruction(this.C, features);
    this.#pageBlocks = new Int32Array(memory.codePages.length);
    memory.onCodeWrite((page) => this.dropPage(page));
  }

  /** First record of the block at `start`, decoded if need be. NEEDS_NEXT_PAGE: it crosses into a page that `next` must name. */
  find(start: RamOffset, mode: number, next: RamOffset | -1): number {
    const slot = this.#slot(start, mode);
    const record = this.#records[slot];
    if (record !== 0) {
      const second = this.C[record - RECORD + 5];
      if (second === 0) return record;
      if (next < 0) return NEEDS_NEXT_PAGE;
      if (second === next >>> PAGE_SHIFT) return record;
    }
    return this.#translate(start, mode, next);
  }

  /** First record of the block at `start` when it was decoded and lies in one page, else 0. */
  peek(start: RamOffset, mode: number): number {
    const record = this.#records[this.#slot(start, mode)];
    return record !== 0 && !this.crosses(record) ? record : 0;
  }

  /** True when the block's one instruction lies in two pages: its links depend on the mapping of the second. */
  crosses(record: number): boolean {
    return this.C[record - RECORD + 5] !== 0;
  }

  /** Instructions of the block at `record`. */
  lengthOf(record: number): number {
    return (this.C[this.C[record - RECORD + 2] - 1] >>> INDEX_SHIFT) + 1;
  }

  /** The kind of the record at `at`, seen through a `region` mark. */
  kindAt(at: number): number {
    const kind = this.C[at];
    return kind === REGION ? this.C[at - RECORD + 6] : kind;
  }

  /** The block at `record` is interpreted again. */
  clearRegion(record: number): void {
    const { C } = this;
    if (C[record] === REGION) C[record] = C[record - RECORD + 6];
  }

  isRegion(record: number): boolean {
    return this.C[record] === REGION;
  }

  /** From now on the block at `record` is run by compiled code; `region` is the engine's number for it. */
  setRegion(record: number, region: number): void {
    const { C } = this;
    if (C[record] !== REGION) C[record - RECORD + 6] = C[record];
    C[record - RECORD + 7] = region;
    C[record] = REGION;
  }

  /** True: decoding much more may drop everything. */
  isNearlyFull(): boolean {
    return this.#free + 64 * MAX_BLOCK_WORDS > CACHE_WORDS || this.#used + 64 > HASH_ENTRIES / 2;
  }

  /** False: the block was dropped since its record was remembered. */
  isLive(record: number): boolean {
    return this.C[record] !== STALE;
  }

  /** True: `record` is the first one of a block in one page that was decoded from `start` for `mode`, and is not dropped. */
  isBlockAt(record: number, start: RamOffset, mode: number): boolean {
    const { C } = this;
    const header = record - RECORD;
    return C[header] === start && C[header + 1] === mode && C[header + 5] === 0 && C[record] !== STALE;
  }

  /** Drops the blocks of a page that was written. */
  dropPage(page: number): void {
    const { C } = this;
    let header = this.#pageBlocks[page];
    this.#pageBlocks[page] = 0;
    this.#memory.codePages[page] = 0;
    this.onDrop();
    while (header !== 0) {
      const end = C[header + 2];
      for (let at = header + RECORD; at < end; at += RECORD) C[at] = STALE;
      const slot = this.#slot(C[header], C[header + 1]);
      if (this.#records[slot] === header + RECORD) this.#records[slot] = 0;
      header = C[header + 5] === page ? C[header + 4] : C[header + 3];
    }
  }

  /** Drops everything. */
  flush(): void {
    this.#keys.fill(-1);
    this.#records.fill(0);
    this.#pageBlocks.fill(0);
    this.#memory.codePages.fill(0);
    this.#used = 0;
    this.#free = RECORD;
    this.onFlush();
  }

  /** Words of records in use, for statistics. */
  get usedWords(): number {
    return this.#free;
  }

  #slot(start: number, mode: number): number {
    const keys = this.#keys;
    let slot = (Math.imul(start ^ (mode << 23), -1640531535) >>> 13) & (HASH_ENTRIES - 1);
    for (;;) {
      const key = keys[slot * 2];
      if (key === -1 || (key === start && keys[slot * 2 + 1] === mode)) return slot;
      slot = (slot + 1) & (HASH_ENTRIES - 1);
    }
  }

  #translate(start: RamOffset, mode: number, next: RamOffset | -1): number {
    if (this.#free + MAX_BLOCK_WORDS > CACHE_WORDS || this.#used > HASH_ENTRIES / 2) this.flush();
    const { C } = this;
    const header = this.#free;
    const instruction = this.#instruction;
    const bytes = this.#memory.arena.bytes;
    const pageEnd = (start | PAGE_MASK) + 1;
    const single = (mode & (MODE_SINGLE | MODE_TRAP)) !== 0;
    const limit = single ? 1 : MAX_BLOCK;
    let count = 0;
    let position: number = start;
    let second = 0;
    let ended = false;
    instruction.at = header + RECORD;
    while (count < limit && position < pageEnd) {
      const window = Math.min(pageEnd, position + 15);
      instruction.begin(bytes, position, window, position & PAGE_MASK, count, mode);
      const outcome = decode(instruction);
      if (outcome === DECODED) {
        count++;
        position = instruction.position;
        ended = instruction.ends;
        if (ended) break;
        continue;
      }
      if (outcome === NEED_MORE) {
        // The instruction lies in two pages: it gets a block of its own.
        if (count > 0) break;
        if (next < 0) return NEEDS_NEXT_PAGE;
        second = next >>> PAGE_SHIFT;
        position = this.#decodeAcross(position, pageEnd, next, mode);
        ended = instruction.ends;
        count = 1;
        break;
      }
      if (count > 0) break;
      instruction.begin(bytes, position, window, position & PAGE_MASK, 0, mode);
      this.#tooLong();
      ended = true;
      count = 1;
      break;
    }
    if (!ended) {
      const offset = position - (start & ~PAGE_MASK);
      instruction.begin(bytes, position, position, offset, count, mode);
      instruction.emit(JMP, 0, 0, offset, offset, 0, count);
      C[instruction.at - 1] = offset | (count << 20);
    }
    this.#enter(header, start, mode, instruction.at, second);
    this.onDecode?.(this.#codeOf(start, position, next));
    return header + RECORD;
  }

  #decodeAcross(position: number, pageEnd: number, next: number, mode: number): number {
    const first = pageEnd - position;
    const window = this.#window;
    window.set(this.#memory.arena.bytes.subarray(position, pageEnd));
    window.set(this.#memory.arena.bytes.subarray(next, next + 15 - first), first);
    const instruction = this.#instruction;
    instruction.begin(window, 0, 15, position & PAGE_MASK, 0, mode);
    if (decode(instruction) === DECODED) return position + instruction.position;
    instruction.begin(window, 0, 15, position & PAGE_MASK, 0, mode);
    this.#tooLong();
    return position;
  }

  /** The bytes of a block, of which those behind the page's end lie in page `next`. QEMU: an instruction that is too long has one byte too many. */
  #codeOf(start: RamOffset, end: number, next: number): Uint8Array {
    const { bytes } = this.#memory.arena;
    const pageEnd = (start | PAGE_MASK) + 1;
    const length = end === start ? MAX_LENGTH + 1 : end - start;
    const first = bytes.subarray(start, Math.min(start + length, pageEnd));
    const more = next < 0 ? 0 : length - first.length;
    return Uint8Array.of(...first, ...bytes.subarray(next, next + more));
  }

  /** An instruction of more than 15 bytes is #GP(0). */
  #tooLong(): void {
    const from = this.#instruction.at;
    this.#instruction.emitHelperEnd('gp0', 0);
    this.#instruction.finish(from);
  }

  #watch(page: number): void {
    if (this.#memory.codePages[page] !== 0) return;
    this.#memory.codePages[page] = 1;
    this.onCodePage(page);
  }

  #enter(header: number, start: RamOffset, mode: number, end: number, second: number): void {
    const { C } = this;
    const page = start >>> PAGE_SHIFT;
    C.fill(0, header, header + RECORD);
    C[header] = start;
    C[header + 1] = mode;
    C[header + 2] = end;
    C[header + 3] = this.#pageBlocks[page];
    this.#pageBlocks[page] = header;
    this.#watch(page);
    if (second !== 0) {
      C[header + 4] = this.#pageBlocks[second];
      C[header + 5] = second;
      this.#pageBlocks[second] = header;
      this.#watch(second);
    }
    const slot = this.#slot(start, mode);
    if (this.#keys[slot * 2] === -1) {
      this.#keys[slot * 2] = start;
      this.#keys[slot * 2 + 1] = mode;
      this.#used++;
    }
    this.#records[slot] = header + RECORD;
    this.#free = end;
  }
}
