/**
 * zstd, unpacked block by block, so that a few bytes can never become more than a block at once. fzstd decodes the blocks;
 * frames, limits and checksums, of which it knows nothing, are looked after here. Spec: RFC 8878.
 */
import { Decompress } from 'fzstd';
import { BlockError } from '../../emu/index.ts';
import { Xxh64 } from './xxh64.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const BLOCK_MAX_BYTES = 128 * 1024;
/** What zstd itself takes without --long=31: 3.1.1.1.2. */
const WINDOW_MAX_BYTES = 128 * 2 ** 20;
const WINDOW_MIN_BYTES = 1024;
const SKIP_BYTES = 64 * 1024;

const SINGLE_SEGMENT = 0x20;
const RESERVED = 0x08;
const CHECKSUM = 0x04;
const DICTIONARY = 0x03;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

interface FrameHeader {
  readonly windowBytes: number;
  readonly contentBytes: number | undefined;
  readonly checksum: boolean;
}

/** EINVAL with a sentence's end when the data are damaged, cut off, or need more memory than is sensible. */
export async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = new ByteReader(source);
  try {
    for (;;) {
      const start = await input.takeOrEnd(4);
      if (start === undefined) return;
      const magic = numberOf(start);
      if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC) await skipFrame(input);
      else if (magic === MAGIC) yield* frame(input, await frameHeader(input));
      else throw damaged();
    }
  } finally {
    await input.end();
  }
}

async function skipFrame(input: ByteReader): Promise<void> {
  for (let left = numberOf(await input.take(4)); left > 0; ) {
    left -= (await input.take(Math.min(left, SKIP_BYTES))).length;
  }
}

async function frameHeader(input: ByteReader): Promise<FrameHeader> {
  const [descriptor = 0] = await input.take(1);
  const single = (descriptor & SINGLE_SEGMENT) !== 0;
  if ((descriptor & RESERVED) !== 0) throw damaged();
  if ((descriptor & DICTIONARY) !== 0) throw new BlockError('EINVAL', 'it needs a zstd dictionary');
  const window = single ? undefined : windowOf(await input.take(1));
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? Number(single) : 2 ** sizeFlag;
  const contentBytes = numberOf(await input.take(sizeBytes)) + (sizeFlag === 1 ? 256 : 0);
  const windowBytes = window ?? contentBytes;
  if (windowBytes > WINDOW_MAX_BYTES) {
    const mebibytes = Math.ceil(windowBytes / 2 ** 20);
    throw new BlockError(
      'EINVAL',
      `unpacking takes a window of ${mebibytes} MiB, more than the 128 MiB that zstd allows by default; pack it without --long or --ultra`,
    );
  }
  const known = sizeBytes > 0 ? contentBytes : undefined;
  return { windowBytes, contentBytes: known, checksum: (descriptor & CHECKSUM) !== 0 };
}

function windowOf([descriptor = 0]: Uint8Array): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

async function* frame(
  input: ByteReader,
  { windowBytes, contentBytes, checksum }: FrameHeader,
): AsyncGenerator<Uint8Array> {
  const sum = new Xxh64();
  let blocks: Uint8Array[] = [];
  let doneBytes = 0;
  const decoder = new Decompress((bytes) => blocks.push(bytes));
  decoder.push(plainHeader(windowBytes), false);
  for (let last = false; !last; ) {
    const header = await input.take(3);
    const fields = numberOf(header);
    last = (fields & 1) !== 0;
    const type = (fields >> 1) & 3;
    const size = fields >> 3;
    if (type === RESERVED_BLOCK || size > BLOCK_MAX_BYTES) throw damaged();
    const body = await input.take(type === RLE_BLOCK ? 1 : size);
    decode(decoder, joined(header, body), last);
    for (const bytes of blocks) {
      doneBytes += bytes.length;
      if (bytes.length > BLOCK_MAX_BYTES || doneBytes > (contentBytes ?? Infinity)) throw damaged();
      if (checksum) sum.update(bytes);
      if (bytes.length > 0) yield bytes;
    }
    blocks = [];
  }
  if (contentBytes !== undefined && doneBytes !== contentBytes) throw damaged();
  if (checksum && numberOf(await input.take(4)) !== sum.low32()) throw damaged();
}

function decode(decoder: Decompress, bytes: Uint8Array, last: boolean): void {
  try {
    decoder.push(bytes, last);
  } catch {
    throw damaged();
  }
}

/** A header without content size or checksum: fzstd counts sizes in 32 bits. */
function plainHeader(windowBytes: number): Uint8Array {
  const needed = Math.max(windowBytes, WINDOW_MIN_BYTES);
  let descriptor = 0;
  while (windowOf(Uint8Array.of(descriptor)) < needed) descriptor++;
  return Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, descriptor);
}

function damaged(): BlockError {
  return new BlockError('EINVAL', 'its zstd data are damaged or cut off');
}

/** Little-endian; exact to 2^53. */
function numberOf(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

/** Bytes by count from pieces of any length. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async take(count: number): Promise<Uint8Array> {
    const bytes = await this.takeOrEnd(count);
    if (bytes === undefined && count > 0) throw damaged();
    return bytes ?? new Uint8Array(0);
  }

  /** Undefined when the source has ended before the first of them. */
  async takeOrEnd(count: number): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(count);
    for (let done = 0; done < count; ) {
      if (this.#at === this.#piece.length && !(await this.#next())) {
        if (done > 0) throw damaged();
        return undefined;
      }
      const part = this.#piece.subarray(this.#at, this.#at + count - done);
      bytes.set(part, done);
      done += part.length;
      this.#at += part.length;
    }
    return bytes;
  }

  async end(): Promise<void> {
    await this.#source.return?.();
  }

  async #next(): Promise<boolean> {
    const { done, value } = await this.#source.next();
    if (done === true) return false;
    this.#piece = value;
    this.#at = 0;
    return true;
  }
}
