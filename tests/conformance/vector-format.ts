/**
 * Recorded instruction vectors: what one instruction did on a real processor (docs/conformance.md).
 *
 * State is an array of 32-bit words:
 *
 * | word | holds |
 * |---|---|
 * | 0–31 | RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8–R15, low word first |
 * | 32–95 | XMM0–15, 4 words each |
 * | 96–119 | ST0–7 in stack order: mantissa low, mantissa high, sign and exponent |
 * | 120–124 | RFLAGS, MXCSR, FCW, FSW, FTW (abridged: bit n set = physical register n is valid) |
 * | 125–126 | RIP |
 *
 * The initial state is derived from a seed, then overridden word by word; the result is a list of changed words and bytes.
 * Memory is one array: two data pages, then one stack page.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import { Rng, randomValue64, randomXmm } from './random-state.ts';

export const WORD_XMM = 32;
export const WORD_ST = 96;
export const WORD_FLAGS = 120;
export const WORD_MXCSR = 121;
export const WORD_FCW = 122;
export const WORD_FSW = 123;
export const WORD_FTW = 124;
export const WORD_RIP = 125;
export const STATE_WORDS = 127;

export const CODE_ADDRESS = 0x400000;
export const DATA_ADDRESS = 0x500000;
export const DATA_SIZE = 0x2000;
export const STACK_ADDRESS = 0x600000;
export const STACK_SIZE = 0x1000;
export const MEMORY_SIZE = DATA_SIZE + STACK_SIZE;
export const INITIAL_RSP = STACK_ADDRESS + 0x800;
export const FS_BASE = 0x123456789000n;
export const GS_BASE = 0x2000n;
/** CF PF AF ZF SF DF OF. */
export const FLAGS_COMPARED = 0xcd5;
export const NO_FAULT = 0xff;

/** How exact results are: approximations differ between processors. */
export const EXACT = 0;
/** Single-precision lanes of XMM registers within 2^-10. */
export const APPROXIMATE_SINGLE = 1;
/** x87 registers within 2^-50, relative. */
export const APPROXIMATE_X87 = 2;
export type Tolerance = typeof EXACT | typeof APPROXIMATE_SINGLE | typeof APPROXIMATE_X87;

/** How random registers and memory look. */
export const FLAVOUR_INTEGER = 0;
export const FLAVOUR_SINGLE = 1;
export const FLAVOUR_DOUBLE = 2;
export const FLAVOUR_EXTENDED = 3;
export type Flavour =
  | typeof FLAVOUR_INTEGER
  | typeof FLAVOUR_SINGLE
  | typeof FLAVOUR_DOUBLE
  | typeof FLAVOUR_EXTENDED;

export interface FormInfo {
  readonly name: string;
  readonly tolerance: Tolerance;
}

export interface MemoryBytes {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface Vector {
  /** Index into the file's forms. */
  readonly form: number;
  readonly seed: number;
  readonly flavour: Flavour;
  readonly codeOffset: number;
  readonly code: Uint8Array;
  /** Word index, value, … */
  readonly overrides: readonly number[];
  readonly patches: readonly MemoryBytes[];
  /** RFLAGS and FSW bits that the instruction defines. */
  readonly flagsMask: number;
  readonly fswMask: number;
  /** Offset and length of memory whose content the architecture leaves open. */
  readonly memoryIgnored: readonly number[];
  /** Exception vector or NO_FAULT; error code (0 without); CR2 of a page fault. */
  readonly fault: number;
  readonly error: number;
  readonly cr2Lo: number;
  readonly cr2Hi: number;
  /** Word index, value, … */
  readonly changes: readonly number[];
  readonly memoryChanges: readonly MemoryBytes[];
}

export interface VectorFile {
  readonly forms: readonly FormInfo[];
  readonly vectors: readonly Vector[];
}

const PAGES_PER_FLAVOUR = 16;
const memoryPool = new Map<number, Uint8Array>();

/** Initial memory of all vectors whose seed ends in the same 4 bits. Not to be written to. */
export function initialMemory(seed: number, flavour: Flavour): Uint8Array {
  const key = flavour * PAGES_PER_FLAVOUR + (seed & (PAGES_PER_FLAVOUR - 1));
  const known = memoryPool.get(key);
  if (known !== undefined) return known;
  const memory = new Uint32Array(MEMORY_SIZE / 4);
  const rng = new Rng(key + 1);
  const out = new Uint32Array(4);
  for (let i = 0; i < memory.length; i += 4) {
    randomXmm(rng, flavour, out);
    memory.set(out, i);
  }
  const bytes = new Uint8Array(memory.buffer);
  memoryPool.set(key, bytes);
  return bytes;
}

/** Registers before the instruction, without the vector's overrides. */
export function initialWords(seed: number, flavour: Flavour, codeOffset: number): Uint32Array {
  const words = new Uint32Array(STATE_WORDS);
  const rng = new Rng(seed);
  const out = new Uint32Array(4);
  for (let i = 0; i < 16; i++) {
    randomValue64(rng, out);
    words[2 * i] = out[0];
    words[2 * i + 1] = out[1];
  }
  words[8] = INITIAL_RSP;
  words[9] = 0;
  for (let i = 0; i < 16; i++) {
    randomXmm(rng, flavour, out);
    words.set(out, WORD_XMM + 4 * i);
  }
  for (let i = 0; i < 8; i++) {
    randomXmm(rng, flavour === FLAVOUR_INTEGER ? FLAVOUR_INTEGER : FLAVOUR_EXTENDED, out);
    words[WORD_ST + 3 * i] = out[0];
    words[WORD_ST + 3 * i + 1] = out[1];
    words[WORD_ST + 3 * i + 2] = out[2] & 0xffff;
  }
  /* IF, bit 1, and random arithmetic flags. */
  words[WORD_FLAGS] = 0x202 | (rng.next() & 0x8d5);
  words[WORD_MXCSR] = 0x1f80;
  words[WORD_FCW] = 0x37f;
  words[WORD_RIP] = CODE_ADDRESS + codeOffset;
  return words;
}

/** All registers before the instruction. */
export function wordsBefore(vector: Vector): Uint32Array {
  const words = initialWords(vector.seed, vector.flavour, vector.codeOffset);
  applyPairs(words, vector.overrides);
  return words;
}

export function applyPairs(words: Uint32Array, pairs: readonly number[]): void {
  for (let i = 0; i < pairs.length; i += 2) words[pairs[i]] = pairs[i + 1];
}

export function applyBytes(memory: Uint8Array, patches: readonly MemoryBytes[]): void {
  for (const patch of patches) memory.set(patch.bytes, patch.offset);
}

const MAGIC = 0x31565348;

class Writer {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  #room(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, at + length));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#at = at + length;
    return at;
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  raw(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  pairs(values: readonly number[]): void {
    this.u8(values.length / 2);
    for (let i = 0; i < values.length; i += 2) {
      this.u8(values[i]);
      this.u32(values[i + 1]);
    }
  }

  patches(values: readonly MemoryBytes[]): void {
    this.u16(values.length);
    for (const { offset, bytes } of values) {
      this.u16(offset);
      this.u16(bytes.length);
      this.raw(bytes);
    }
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  u8(): number {
    return this.#view.getUint8(this.#at++);
  }

  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2, true);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  raw(length: number): Uint8Array {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  pairs(): number[] {
    const values: number[] = [];
    for (let n = this.u8(); n > 0; n--) values.push(this.u8(), this.u32());
    return values;
  }

  patches(): MemoryBytes[] {
    const values: MemoryBytes[] = [];
    for (let n = this.u16(); n > 0; n--) {
      const offset = this.u16();
      values.push({ offset, bytes: this.raw(this.u16()) });
    }
    return values;
  }
}

function readVector(reader: Reader): Vector {
  const form = reader.u16();
  const seed = reader.u32();
  const flavour = reader.u8() as Flavour;
  const codeOffset = reader.u16();
  const code = reader.raw(reader.u8());
  const overrides = reader.pairs();
  const patches = reader.patches();
  const flagsMask = reader.u32();
  const fswMask = reader.u16();
  const memoryIgnored: number[] = [];
  for (let n = reader.u8(); n > 0; n--) memoryIgnored.push(reader.u16());
  const fault = reader.u8();
  const error = fault === NO_FAULT ? 0 : reader.u32();
  const isPageFault = fault === 14;
  const cr2Lo = isPageFault ? reader.u32() : 0;
  const cr2Hi = isPageFault ? reader.u32() : 0;
  const changes = reader.pairs();
  const memoryChanges = reader.patches();
  return {
    ...{ form, seed, flavour, codeOffset, code, overrides, patches, flagsMask, fswMask, memoryIgnored },
    ...{ fault, error, cr2Lo, cr2Hi, changes, memoryChanges },
  };
}

function writeVector(writer: Writer, vector: Vector): void {
  writer.u16(vector.form);
  writer.u32(vector.seed);
  writer.u8(vector.flavour);
  writer.u16(vector.codeOffset);
  writer.u8(vector.code.length);
  writer.raw(vector.code);
  writer.pairs(vector.overrides);
  writer.patches(vector.patches);
  writer.u32(vector.flagsMask);
  writer.u16(vector.fswMask);
  writer.u8(vector.memoryIgnored.length);
  for (const value of vector.memoryIgnored) writer.u16(value);
  writer.u8(vector.fault);
  if (vector.fault !== NO_FAULT) writer.u32(vector.error);
  if (vector.fault === 14) {
    writer.u32(vector.cr2Lo);
    writer.u32(vector.cr2Hi);
  }
  writer.pairs(vector.changes);
  writer.patches(vector.memoryChanges);
}

/** The bytes of a `.bin.gz` file. */
export function encodeVectors(file: VectorFile): Uint8Array {
  const writer = new Writer();
  writer.u32(MAGIC);
  writer.u16(file.forms.length);
  for (const form of file.forms) {
    const name = new TextEncoder().encode(form.name);
    writer.u8(name.length);
    writer.raw(name);
    writer.u8(form.tolerance);
  }
  writer.u32(file.vectors.length);
  for (const vector of file.vectors) writeVector(writer, vector);
  return gzipSync(writer.finish(), { level: 9 });
}

/** Throws when `bytes` is not a vector file. */
export function decodeVectors(bytes: Uint8Array): VectorFile {
  const reader = new Reader(gunzipSync(bytes));
  if (reader.u32() !== MAGIC) throw new Error('not a vector file');
  const forms: FormInfo[] = [];
  for (let n = reader.u16(); n > 0; n--) {
    const name = new TextDecoder().decode(reader.raw(reader.u8()));
    forms.push({ name, tolerance: reader.u8() as Tolerance });
  }
  const vectors: Vector[] = [];
  for (let n = reader.u32(); n > 0; n--) vectors.push(readVector(reader));
  return { forms, vectors };
}
