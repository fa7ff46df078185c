/** A chip's bytes on their way to its image: what changes is stored soon, and once however often it has changed meanwhile. */
import { asBlockError, type BlockBackend, type BlockError } from '../block/block-backend.ts';

/** QEMU: what is stored are whole sectors. */
const SECTOR = 512;
/** Sectors of one request, at most. */
const RUN = 128;

export interface FlashImageWiring {
  readonly backend: Pick<BlockBackend, 'write'>;
  readonly sizeBytes: number;
  /** Gives bytes of the chip as they are now. */
  readonly read: (offset: number, target: Uint8Array) => void;
  readonly onError: (error: BlockError) => void;
}

export class FlashImage {
  readonly #wiring: FlashImageWiring;
  /** By sector: it has changed since it was last stored. */
  readonly #changed: Uint8Array;
  #storing: Promise<void> | undefined;

  constructor(wiring: FlashImageWiring) {
    this.#wiring = wiring;
    this.#changed = new Uint8Array(wiring.sizeBytes / SECTOR);
  }

  /** Bytes of the chip have changed. */
  store(offset: number, length: number): void {
    const end = Math.min(offset + length, this.#wiring.sizeBytes);
    this.#changed.fill(1, Math.floor(offset / SECTOR), Math.ceil(end / SECTOR));
    this.#storing ??= this.#storeAll().finally(() => {
      this.#storing = undefined;
    });
  }

  /** Resolves when all is stored that has changed; undefined: it is. */
  drained(): Promise<void> | undefined {
    return this.#storing;
  }

  async #storeAll(): Promise<void> {
    for (let first = this.#changed.indexOf(1); first >= 0; first = this.#changed.indexOf(1)) {
      let end = first + 1;
      while (end - first < RUN && this.#changed[end] === 1) end++;
      this.#changed.fill(0, first, end);
      const bytes = new Uint8Array((end - first) * SECTOR);
      this.#wiring.read(first * SECTOR, bytes);
      await this.#wiring.backend
        .write(first * SECTOR, bytes)
        .catch((error: unknown) => this.#wiring.onError(asBlockError(error)));
    }
  }
}
