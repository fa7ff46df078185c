/** A disk that fails as rules tell it to, and that takes requests of certain sizes only. QEMU: blkdebug. */
import { MonitorError } from '../core/monitor-error.ts';
import {
  BLKDEBUG_SIZES,
  type BlkdebugIoType,
  type BlkdebugOptions,
  type BlkdebugSize,
} from './blkdebug-options.ts';
import type { BlkdebugRules } from './blkdebug-rules.ts';
import { type BlockBackend, checkRange, type ImageLockMode } from './block-backend.ts';
import { BlockFilter } from './block-filter.ts';
import { sizeError } from './raw-part.ts';

const INT_MAX = 2 ** 31 - 1;
/** Not modelled: larger units, of which QEMU reads one for each request within it. */
const ALIGN_MAX = 16 << 20;
/** Zeros that are written where the request is too small to be one of zeros. */
const ZERO_BYTES = 1 << 20;

/** In bytes; 0: none. */
export type BlkdebugLimits = Readonly<Record<BlkdebugSize, number>>;

/** Throws QEMU's error for a size that is none. */
export function checkBlkdebugSizes(options: BlkdebugOptions): void {
  for (const name of BLKDEBUG_SIZES) {
    if ((options[name] ?? 0) >= 0) continue;
    throw sizeError(name);
  }
}

/** Throws QEMU's error where the sizes do not fit each other. */
export function blkdebugLimits(options: BlkdebugOptions): BlkdebugLimits {
  const sizeOf = (name: BlkdebugSize): number => Number(options[name] ?? 0);
  const fail = (name: BlkdebugSize): never => {
    throw new MonitorError(`Cannot meet constraints with ${name} ${options[name]}`);
  };
  const align = sizeOf('align');
  if (align > ALIGN_MAX || (align & (align - 1)) !== 0) fail('align');
  const multiple = (name: BlkdebugSize, ...units: readonly number[]): number => {
    const size = sizeOf(name);
    return size >= INT_MAX || size % Math.max(1, ...units) !== 0 ? fail(name) : size;
  };
  const maxTransfer = multiple('max-transfer', align);
  const zeroes = multiple('opt-write-zero', align);
  const maxZeroes = multiple('max-write-zero', align, zeroes);
  const discards = multiple('opt-discard', align);
  return {
    ...{ align, 'max-transfer': maxTransfer, 'opt-write-zero': zeroes, 'max-write-zero': maxZeroes },
    ...{ 'opt-discard': discards, 'max-discard': multiple('max-discard', align, discards) },
  };
}

/** A part of a request, in bytes. */
interface Piece {
  readonly offset: number;
  readonly length: number;
}

/** @param most bytes of a piece; 0: any number */
function* inPieces(offset: number, length: number, most: number): Generator<Piece> {
  const step = most === 0 ? length : most;
  for (let done = 0; done < length; done += step) {
    yield { offset: offset + done, length: Math.min(step, length - done) };
  }
}

/** What is before a multiple of the unit, the multiples in pieces, and the rest. */
function* byUnit(offset: number, length: number, unit: number, most: number): Generator<Piece> {
  const end = offset + length;
  const first = Math.min(Math.ceil(offset / unit) * unit, end);
  const last = Math.max(Math.floor(end / unit) * unit, first);
  if (first > offset) yield { offset, length: first - offset };
  yield* inPieces(first, last - first, most);
  if (end > last) yield { offset: last, length: end - last };
}

/** Whether something was written since the last flush: QEMU leaves out a flush of nothing. */
class Changes {
  #made = 0;
  #flushed = 0;

  add(): void {
    this.#made++;
  }

  /** What to call once all is flushed that was written until now; undefined: there is nothing. */
  toFlush(): (() => void) | undefined {
    const made = this.#made;
    if (made === this.#flushed) return undefined;
    return () => {
      this.#flushed = made;
    };
  }
}

export class BlkdebugBackend implements BlockBackend {
  readonly rules: BlkdebugRules;
  readonly #image: BlockBackend;
  readonly #limits: BlkdebugLimits;
  readonly #changes = new Changes();

  constructor(image: BlockBackend, rules: BlkdebugRules, limits: BlkdebugLimits) {
    this.#image = image;
    this.rules = rules;
    this.#limits = limits;
  }

  get sizeBytes(): number {
    return this.#image.sizeBytes;
  }

  get allocatedBytes(): number {
    return this.#image.allocatedBytes;
  }

  get readOnly(): boolean {
    return this.#image.readOnly;
  }

  readSync(): boolean {
    return false;
  }

  writeSync(): boolean {
    return false;
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    checkRange(this.sizeBytes, offset, target.length);
    const { start, end } = this.#aligned(offset, target.length);
    if (end - start === target.length) return this.#readPieces(offset, target);
    const whole = new Uint8Array(end - start);
    await this.#readPieces(start, whole);
    target.set(whole.subarray(offset - start, offset - start + target.length));
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    checkRange(this.sizeBytes, offset, source.length);
    const { start, end } = this.#aligned(offset, source.length);
    const bytes = end - start === source.length ? source : await this.#widened(offset, source, start, end);
    await this.#changing('pwritev', () => this.#writePieces(start, bytes));
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    checkRange(this.sizeBytes, offset, length);
    for (const piece of byUnit(offset, length, Math.max(this.#limits.align, 1), 0)) {
      const isWhole = piece.length >= this.#limits.align;
      if (isWhole) await this.#changing('pwritev_zero', () => this.#zeroPieces(piece));
      else await this.write(piece.offset, new Uint8Array(piece.length));
    }
  }

  async discard(offset: number, length: number): Promise<void> {
    const { align, 'opt-discard': best, 'max-discard': most } = this.#limits;
    const unit = Math.max(align, best, 1);
    this.#changes.add();
    for (const piece of byUnit(offset, length, unit, most)) {
      this.#check('discard', piece);
      await this.#image.discard(piece.offset, piece.length);
    }
  }

  async flush(): Promise<void> {
    const flushed = this.#changes.toFlush();
    if (flushed !== undefined) this.rules.check('flush', 0, 0);
    await this.#image.flush();
    flushed?.();
  }

  resize(sizeBytes: number): Promise<void> {
    return this.#image.resize(sizeBytes);
  }

  close(): Promise<void> {
    return this.#image.close();
  }

  lock(mode: ImageLockMode): Promise<void> {
    return this.#image.lock(mode);
  }

  unlock(): Promise<void> {
    return this.#image.unlock();
  }

  /** The units that a request touches, as far as the image goes. */
  #aligned(offset: number, length: number): { readonly start: number; readonly end: number } {
    const unit = Math.max(this.#limits.align, 1);
    const end = offset + length;
    return {
      start: offset - (offset % unit),
      end: Math.max(end, Math.min(Math.ceil(end / unit) * unit, this.sizeBytes)),
    };
  }

  /** What is around the bytes in their units is read, to be written with them. Not modelled: QEMU goes on when that fails, with what was in memory. */
  async #widened(
    offset: number,
    source: Uint8Array,
    start: number,
    end: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { align } = this.#limits;
    const last = Math.floor((end - 1) / align) * align;
    const hasHead = offset > start;
    const hasTail = offset + source.length < end;
    const whole = new Uint8Array(end - start);
    const fill = (at: number): Promise<void> =>
      this.#readPieces(at, whole.subarray(at - start, Math.min(at + align, end) - start));
    if (hasHead) {
      this.rules.happened('pwritev_rmw_head');
      if (hasTail && last === start) this.rules.happened('pwritev_rmw_tail');
      await fill(start);
      this.rules.happened('pwritev_rmw_after_head');
    } else if (hasTail) this.rules.happened('pwritev_rmw_tail');
    if (hasTail) {
      if (hasHead && last !== start) this.rules.happened('pwritev_rmw_tail');
      if (!hasHead || last !== start) await fill(last);
      this.rules.happened('pwritev_rmw_after_tail');
    }
    whole.set(source, offset - start);
    return whole;
  }

  async #changing(event: 'pwritev' | 'pwritev_zero', act: () => Promise<void>): Promise<void> {
    this.#changes.add();
    this.rules.happened(event);
    try {
      await act();
    } finally {
      this.rules.happened('pwritev_done');
    }
  }

  async #readPieces(offset: number, target: Uint8Array): Promise<void> {
    for (const piece of inPieces(offset, target.length, this.#limits['max-transfer'])) {
      this.#check('read', piece);
      const at = piece.offset - offset;
      await this.#image.read(piece.offset, target.subarray(at, at + piece.length));
    }
  }

  async #writePieces(offset: number, source: Uint8Array): Promise<void> {
    for (const piece of inPieces(offset, source.length, this.#limits['max-transfer'])) {
      this.#check('write', piece);
      const at = piece.offset - offset;
      await this.#image.write(piece.offset, source.subarray(at, at + piece.length));
    }
  }

  /** QEMU: what is less than a unit is written as bytes. */
  async #zeroPieces({ offset, length }: Piece): Promise<void> {
    const { align, 'opt-write-zero': best, 'max-write-zero': most } = this.#limits;
    const unit = Math.max(align, best, 1);
    for (const piece of byUnit(offset, length, unit, most)) {
      if (piece.length >= unit) {
        this.#check('write-zeroes', piece);
        await this.#image.writeZeroes(piece.offset, piece.length);
        continue;
      }
      for (const part of inPieces(piece.offset, piece.length, ZERO_BYTES)) {
        await this.#writePieces(part.offset, new Uint8Array(part.length));
      }
    }
  }

  #check(type: BlkdebugIoType, { offset, length }: Piece): void {
    this.rules.check(type, offset, length);
  }
}

/** A disk of that kind as a node above has it: what that node is about to do are events. */
class WatchedBackend extends BlockFilter {
  readonly #rules: BlkdebugRules;
  readonly #isOfFormat: boolean;
  readonly #changes = new Changes();

  constructor(disk: BlockBackend, rules: BlkdebugRules, isOfFormat: boolean) {
    super(disk);
    this.#rules = rules;
    this.#isOfFormat = isOfFormat;
  }

  override read(offset: number, target: Uint8Array): Promise<void> {
    if (this.#isOfFormat) this.#rules.happened('read_aio');
    return super.read(offset, target);
  }

  override write(offset: number, source: Uint8Array): Promise<void> {
    if (this.#isOfFormat) this.#rules.happened('write_aio');
    return super.write(offset, source);
  }

  override async flush(): Promise<void> {
    this.#rules.happened('flush_to_os');
    const flushed = this.#changes.toFlush();
    if (flushed !== undefined) this.#rules.happened('flush_to_disk');
    await this.disk.flush();
    flushed?.();
  }

  protected request(kind: string, act: () => Promise<void>): Promise<void> {
    if (kind === 'write') this.#changes.add();
    return act();
  }
}

/**
 * What a node works on that has `image` below it.
 * @param disk the bytes of the node below
 * @param image what its driver makes them of
 * @param isOfFormat the node is one of a format, not another `blkdebug`
 */
export function watched(disk: BlockBackend, image: BlockBackend, isOfFormat: boolean): BlockBackend {
  return image instanceof BlkdebugBackend ? new WatchedBackend(disk, image.rules, isOfFormat) : disk;
}
