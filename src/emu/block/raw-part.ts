/** A part of a file as a raw disk. QEMU: `offset` and `size` of the driver raw. */
import { MonitorError } from '../core/monitor-error.ts';
import type { JsonObject } from '../qapi/json-value.ts';
import { type BlockBackend, BlockError, checkRange, type ImageLockMode } from './block-backend.ts';
import { RawFormat, SECTOR_BYTES } from './raw.ts';

interface PartOptions {
  readonly offset?: number | bigint | undefined;
  readonly size?: number | bigint | undefined;
}

/** The whole file, or the part of it that the options name. Throws QEMU's error. */
export function rawDisk(file: BlockBackend, { offset, size }: PartOptions): BlockBackend {
  if (offset === undefined && size === undefined) return new RawFormat(file);
  for (const [name, value] of [
    ['offset', offset],
    ['size', size],
  ] as const) {
    if (value !== undefined && value < 0) {
      throw sizeError(name);
    }
  }
  const there = Math.ceil(file.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES;
  const start = offset ?? 0;
  if (start > there) {
    throw new MonitorError(`Offset (${start}) cannot be greater than size of the containing file (${there})`);
  }
  if (size !== undefined && BigInt(size) > BigInt(there) - BigInt(start)) {
    throw new MonitorError(
      `The sum of offset (${start}) and size (${size}) has to be smaller or equal to the  actual size of the containing file (${there})`,
    );
  }
  if (size !== undefined && Number(size) % SECTOR_BYTES !== 0) {
    throw new MonitorError(`Specified size is not multiple of ${SECTOR_BYTES}`);
  }
  return new RawPart(new RawFormat(file), Number(start), size === undefined ? undefined : Number(size));
}

/** QEMU's error for an option that is no size. */
export function sizeError(name: string): MonitorError {
  return new MonitorError(
    `Parameter '${name}' expects a non-negative number below 2^64`,
    'GenericError',
    'Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.',
  );
}

/** What of the options says which part it is. */
export function partSource({ offset, size }: PartOptions): JsonObject {
  return {
    ...(offset === undefined ? {} : { offset }),
    ...(size === undefined ? {} : { size }),
  };
}

class RawPart implements BlockBackend {
  readonly #disk: BlockBackend;
  readonly #start: number;
  readonly #length: number | undefined;

  /** @param length undefined: up to the end of the file. Not modelled: the rest of a sector there, when the part begins within one */
  constructor(disk: BlockBackend, start: number, length: number | undefined) {
    this.#disk = disk;
    this.#start = start;
    this.#length = length;
  }

  get sizeBytes(): number {
    return this.#length ?? Math.max(this.#disk.sizeBytes - this.#start, 0);
  }

  /** QEMU: that of the whole file. */
  get allocatedBytes(): number {
    return this.#disk.allocatedBytes;
  }

  get readOnly(): boolean {
    return this.#disk.readOnly;
  }

  readSync(offset: number, target: Uint8Array): boolean {
    return this.#has(offset, target.length) && this.#disk.readSync(this.#start + offset, target);
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    return this.#has(offset, source.length) && this.#disk.writeSync(this.#start + offset, source);
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    await this.#disk.read(this.#place(offset, target.length), target);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    await this.#disk.write(this.#place(offset, source.length), source);
  }

  flush(): Promise<void> {
    return this.#disk.flush();
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.#disk.discard(this.#place(offset, length), length);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.#disk.writeZeroes(this.#place(offset, length), length);
  }

  async resize(sizeBytes: number): Promise<void> {
    if (this.#length !== undefined) {
      throw new BlockError('EINVAL', 'Cannot resize fixed-size raw disks');
    }
    await this.#disk.resize(this.#start + sizeBytes);
  }

  close(): Promise<void> {
    return this.#disk.close();
  }

  lock(mode: ImageLockMode): Promise<void> {
    return this.#disk.lock(mode);
  }

  unlock(): Promise<void> {
    return this.#disk.unlock();
  }

  #has(offset: number, length: number): boolean {
    return offset >= 0 && offset + length <= this.sizeBytes;
  }

  /** EIO outside of the part. */
  #place(offset: number, length: number): number {
    checkRange(this.sizeBytes, offset, length);
    return this.#start + offset;
  }
}
