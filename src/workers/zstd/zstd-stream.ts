/**
 * Unpacks Zstandard data while it arrives. Spec: RFC 8878.
 * One frame, without dictionary; its checksum, if it has one, is skipped: who needs one has it inside.
 */
import { decodeStream, type HuffmanTable, readHuffman } from './huffman.ts';
import { newSequenceMemory, runSequences, type SequenceMemory } from './sequences.ts';
import { ensure } from './zstd-error.ts';

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const;
const BLOCK_MAX = 128 * 1024;
/** The window of `zstd --ultra -22`; more is nobody's who makes files for a page. */
const WINDOW_MAX = 128 * 1024 * 1024;
/** Magic and descriptor, which says how much follows. */
const HEADER_MIN = 5;
const CHECKSUM_SIZE = 4;

const BLOCK_RAW = 0;
const BLOCK_RUN = 1;
const BLOCK_COMPRESSED = 2;

const LITERALS_RAW = 0;
const LITERALS_RUN = 1;
const LITERALS_TREELESS = 3;

/** True: the data may be a Zstandard frame. */
export function isZstd(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, at) => bytes[at] === byte);
}

export class ZstdStream {
  readonly #output: (bytes: Uint8Array) => void;
  #input = new Uint8Array(0);
  #window: Uint8Array | undefined;
  #windowSize = 0;
  /** Where the next byte goes in the window. */
  #at = 0;
  #huffman: HuffmanTable | undefined;
  #sequences: SequenceMemory = newSequenceMemory();
  readonly #literals = new Uint8Array(BLOCK_MAX);
  #checksum = false;
  #lastBlock = false;

  /** @param output gets the bytes in order; they are its own only until it returns */
  constructor(output: (bytes: Uint8Array) => void) {
    this.#output = output;
  }

  /** The next packed bytes. Throws a ZstdError, and what `output` throws. */
  push(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#input.length > 0) {
      bytes = new Uint8Array(this.#input.length + chunk.length);
      bytes.set(this.#input);
      bytes.set(chunk, this.#input.length);
    }
    let at = 0;
    for (let taken = -1; taken !== 0; at += taken) taken = this.#take(bytes.subarray(at));
    this.#input = bytes.slice(at);
  }

  /** No more bytes come. Throws a ZstdError when some are missing or too many. */
  finish(): void {
    ensure(this.#lastBlock && this.#input.length === (this.#checksum ? CHECKSUM_SIZE : 0));
  }

  /** Does what can be done with the bytes so far; gives how many of them are done with. */
  #take(bytes: Uint8Array): number {
    if (this.#lastBlock) return 0;
    if (this.#window === undefined) return this.#takeHeader(bytes);
    if (bytes.length < 3) return 0;
    const header = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16);
    const type = (header >> 1) & 3;
    const size = header >>> 3;
    const stored = type === BLOCK_RUN ? 1 : size;
    ensure(size <= BLOCK_MAX);
    if (bytes.length < 3 + stored) return 0;
    this.#block(type, size, bytes.subarray(3, 3 + stored), this.#window);
    this.#lastBlock = (header & 1) !== 0;
    return 3 + stored;
  }

  #takeHeader(bytes: Uint8Array): number {
    if (bytes.length < HEADER_MIN) return 0;
    ensure(isZstd(bytes));
    const descriptor = bytes[4] ?? 0;
    const single = (descriptor & 0x20) !== 0;
    // No reserved bit, no dictionary.
    ensure((descriptor & 0x0b) === 0);
    this.#checksum = (descriptor & 4) !== 0;
    const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
    let at = HEADER_MIN;
    if (bytes.length < at + (single ? 0 : 1) + sizeBytes) return 0;
    if (!single) {
      const window = bytes[at++] ?? 0;
      const base = 2 ** (10 + (window >> 3));
      this.#windowSize = base + (base / 8) * (window & 7);
    }
    if (single) {
      let size = sizeBytes === 2 ? 256 : 0;
      for (let byte = 0; byte < sizeBytes; byte++) size += (bytes[at + byte] ?? 0) * 256 ** byte;
      this.#windowSize = size;
    }
    ensure(this.#windowSize <= WINDOW_MAX);
    // Twice the window, so that it is moved seldom.
    this.#window = new Uint8Array(2 * this.#windowSize + BLOCK_MAX);
    return at + sizeBytes;
  }

  #block(type: number, size: number, bytes: Uint8Array, window: Uint8Array): void {
    if (this.#at + BLOCK_MAX > window.length) {
      window.copyWithin(0, this.#at - this.#windowSize, this.#at);
      this.#at = this.#windowSize;
    }
    const start = this.#at;
    const room = window.subarray(0, start + BLOCK_MAX);
    if (type === BLOCK_RAW) room.set(bytes, start);
    else if (type === BLOCK_RUN) room.fill(bytes[0] ?? 0, start, start + size);
    ensure(type <= BLOCK_COMPRESSED);
    this.#at = type === BLOCK_COMPRESSED ? this.#compressed(bytes, room, start) : start + size;
    this.#output(window.subarray(start, this.#at));
  }

  #compressed(bytes: Uint8Array, window: Uint8Array, start: number): number {
    const header = bytes[0] ?? 0;
    const kind = header & 3;
    const format = (header >> 2) & 3;
    const word = header | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16);
    if (kind > LITERALS_RUN) return this.#huffmanBlock(bytes, window, start, kind === LITERALS_TREELESS);
    const [at, size] =
      format === 3 ? [3, word >> 4] : format === 1 ? [2, (word & 0xffff) >> 4] : [1, header >> 3];
    ensure(size <= BLOCK_MAX);
    const end = at + (kind === LITERALS_RAW ? size : 1);
    ensure(end <= bytes.length);
    const literals = this.#literals.subarray(0, size);
    if (kind === LITERALS_RAW) literals.set(bytes.subarray(at, end));
    else literals.fill(bytes[at] ?? 0);
    return runSequences(bytes.subarray(end), literals, this.#sequences, window, start);
  }

  #huffmanBlock(bytes: Uint8Array, window: Uint8Array, start: number, treeless: boolean): number {
    const format = ((bytes[0] ?? 0) >> 2) & 3;
    const bits = [10, 10, 14, 18][format] ?? 10;
    const headerSize = [3, 3, 4, 5][format] ?? 3;
    ensure(bytes.length >= headerSize);
    let value = 0;
    for (let at = headerSize - 1; at >= 0; at--) value = value * 256 + (bytes[at] ?? 0);
    const sizes = Math.floor(value / 16);
    const size = sizes % 2 ** bits;
    const end = headerSize + Math.floor(sizes / 2 ** bits);
    ensure(size <= BLOCK_MAX && end <= bytes.length);
    let at = headerSize;
    if (!treeless) {
      const { table, length } = readHuffman(bytes.subarray(at, end));
      this.#huffman = table;
      at += length;
    }
    const table = this.#huffman;
    ensure(table !== undefined);
    const literals = this.#literals.subarray(0, size);
    if (format === 0) decodeStream(table, bytes.subarray(at, end), literals);
    else decodeFour(table, bytes.subarray(at, end), literals);
    return runSequences(bytes.subarray(end), literals, this.#sequences, window, start);
  }
}

/** Four streams, each for a quarter of the literals. */
function decodeFour(table: HuffmanTable, bytes: Uint8Array, literals: Uint8Array): void {
  const quarter = (literals.length + 3) >> 2;
  ensure(bytes.length > 6 && 3 * quarter <= literals.length);
  let at = 6;
  for (let stream = 0; stream < 4; stream++) {
    const length = (bytes[2 * stream] ?? 0) | ((bytes[2 * stream + 1] ?? 0) << 8);
    const end = stream === 3 ? bytes.length : at + length;
    ensure(end <= bytes.length);
    const from = stream * quarter;
    const to = stream === 3 ? literals.length : from + quarter;
    decodeStream(table, bytes.subarray(at, end), literals.subarray(from, to));
    at = end;
  }
}
