/** A disk that keeps nothing. QEMU: null-co, null-aio. */
import { type BlockBackend, BlockError, checkRange } from './block-backend.ts';

/** The driver of a file name that names nothing: `null-co://`. */
export function nullDriverOf(file: string): 'null-co' | 'null-aio' | undefined {
  return (['null-co', 'null-aio'] as const).find((driver) => file === `${driver}://`);
}

export class NullBackend implements BlockBackend {
  readonly readOnly = false;
  readonly sizeBytes: number;
  readonly allocatedBytes = 0;
  readonly #readsZeroes: boolean;

  /** @param readsZeroes else a read leaves the reader's memory as it is */
  constructor(sizeBytes: number, readsZeroes: boolean) {
    this.sizeBytes = sizeBytes;
    this.#readsZeroes = readsZeroes;
  }

  readSync(offset: number, target: Uint8Array): boolean {
    if (offset + target.length > this.sizeBytes) return false;
    if (this.#readsZeroes) target.fill(0);
    return true;
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    return offset + source.length <= this.sizeBytes;
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    checkRange(this.sizeBytes, offset, target.length);
    if (this.#readsZeroes) target.fill(0);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    checkRange(this.sizeBytes, offset, source.length);
  }

  async flush(): Promise<void> {}

  async discard(): Promise<void> {}

  async writeZeroes(): Promise<void> {}

  async resize(): Promise<void> {
    throw new BlockError('EINVAL', 'Image format driver does not support resize');
  }

  async close(): Promise<void> {}

  /** Nobody else can have it. */
  async lock(): Promise<void> {}

  async unlock(): Promise<void> {}
}
