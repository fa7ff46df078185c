import { isZero } from './zeros.ts';

/** Chunks in one transaction of an upload. */
const UPLOAD_CHUNKS = 8;

/** Collects an upload's bytes; memory stays at one batch whatever the length. */
export class UploadBatch {
  readonly #chunkBytes: number;
  readonly #commit: (put: ReadonlyMap<number, Uint8Array>) => Promise<void>;
  readonly #put = new Map<number, Uint8Array>();
  #chunk: Uint8Array;
  #filled = 0;
  #index = 0;

  constructor(chunkBytes: number, commit: (put: ReadonlyMap<number, Uint8Array>) => Promise<void>) {
    this.#chunkBytes = chunkBytes;
    this.#commit = commit;
    this.#chunk = new Uint8Array(chunkBytes);
  }

  async add(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      const length = Math.min(this.#chunkBytes - this.#filled, piece.length - at);
      this.#chunk.set(piece.subarray(at, at + length), this.#filled);
      this.#filled += length;
      at += length;
      if (this.#filled === this.#chunkBytes) this.#endChunk();
      if (this.#put.size === UPLOAD_CHUNKS) await this.#store();
    }
  }

  async end(): Promise<void> {
    this.#chunk.fill(0, this.#filled);
    if (this.#filled > 0) this.#endChunk();
    if (this.#put.size > 0) await this.#store();
  }

  #endChunk(): void {
    if (!isZero(this.#chunk)) {
      this.#put.set(this.#index, this.#chunk);
      this.#chunk = new Uint8Array(this.#chunkBytes);
    }
    this.#index++;
    this.#filled = 0;
  }

  async #store(): Promise<void> {
    await this.#commit(this.#put);
    this.#put.clear();
  }
}
