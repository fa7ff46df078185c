import { type BlockBackend, BlockError, checkRange, type ImageLockMode } from './block-backend.ts';

/** QEMU: BDRV_SECTOR_SIZE. */
export const SECTOR_BYTES = 512;

/** Answers whether bytes at the start of an image look like another format. */
export type ForeignStart = (start: Uint8Array) => boolean;

/**
 * The raw format: the file's bytes.
 * QEMU: the size is rounded up to whole sectors; what the file lacks reads as zeros, a write there makes it longer.
 */
export class RawFormat implements BlockBackend {
  readonly #file: BlockBackend;
  readonly #foreign: ForeignStart | undefined;

  /** @param foreign given when the format was guessed: writes to sector 0 that it recognises fail with EPERM */
  constructor(file: BlockBackend, foreign?: ForeignStart) {
    this.#file = file;
    this.#foreign = foreign;
  }

  get readOnly(): boolean {
    return this.#file.readOnly;
  }

  get allocatedBytes(): number {
    return this.#file.allocatedBytes;
  }

  get sizeBytes(): number {
    return Math.ceil(this.#file.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES;
  }

  readSync(offset: number, target: Uint8Array): boolean {
    return this.#file.readSync(offset, target);
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    if (this.#foreign !== undefined && offset < SECTOR_BYTES) return false;
    return this.#file.writeSync(offset, source);
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    checkRange(this.sizeBytes, offset, target.length);
    const there = Math.max(0, Math.min(target.length, this.#file.sizeBytes - offset));
    target.fill(0, there);
    if (there > 0) await this.#file.read(offset, there < target.length ? target.subarray(0, there) : target);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    if (this.#foreign !== undefined && offset < SECTOR_BYTES) await this.#refuseForeign(offset, source);
    await this.#reach(offset, source.length);
    await this.#file.write(offset, source);
  }

  flush(): Promise<void> {
    return this.#file.flush();
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.#reach(offset, length);
    await this.#file.discard(offset, length);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.#reach(offset, length);
    await this.#file.writeZeroes(offset, length);
  }

  resize(sizeBytes: number): Promise<void> {
    return this.#file.resize(sizeBytes);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  lock(mode: ImageLockMode): Promise<void> {
    return this.#file.lock(mode);
  }

  unlock(): Promise<void> {
    return this.#file.unlock();
  }

  /** Makes the file long enough for a write into its last sector. */
  async #reach(offset: number, length: number): Promise<void> {
    checkRange(this.sizeBytes, offset, length);
    if (this.readOnly || offset + length <= this.#file.sizeBytes) return;
    await this.resize(this.sizeBytes);
  }

  async #refuseForeign(offset: number, source: Uint8Array): Promise<void> {
    const start = new Uint8Array(SECTOR_BYTES);
    await this.read(0, start.subarray(0, Math.min(SECTOR_BYTES, this.sizeBytes)));
    start.set(source.subarray(0, SECTOR_BYTES - offset), offset);
    if (this.#foreign?.(start) === true) throw new BlockError('EPERM');
  }
}
