/** A drive's bytes as a device holds them: they can be taken away at any time, and then every request fails. */
import { type BlockBackend, BlockError, type ImageLockMode } from './block-backend.ts';

export class DriveBackend implements BlockBackend {
  readonly #onRequest: () => void;
  #disk: BlockBackend | undefined;
  #busy = 0;
  readonly #idle: (() => void)[] = [];
  /** Requests that may not begin yet; undefined: all may. */
  #stopped: (() => void)[] | undefined;

  /** @param onRequest told of each request that is not done at once */
  constructor(disk: BlockBackend, onRequest: () => void = () => {}) {
    this.#onRequest = onRequest;
    this.#disk = disk;
  }

  get readOnly(): boolean {
    return this.#disk?.readOnly ?? false;
  }

  /** 0 once the medium is gone. */
  get sizeBytes(): number {
    return this.#disk?.sizeBytes ?? 0;
  }

  get allocatedBytes(): number {
    return this.#disk?.allocatedBytes ?? 0;
  }

  /** Takes the medium away from the device; the caller gives it up once `drained` resolves. */
  eject(): void {
    this.#disk = undefined;
  }

  /** Puts back what was ejected. */
  insert(disk: BlockBackend): void {
    this.#disk = disk;
  }

  /** Lets no request begin, and resolves when none is under way. */
  stop(): Promise<void> {
    this.#stopped ??= [];
    return this.drained();
  }

  /** Requests may begin again. */
  go(): void {
    const waiting = this.#stopped ?? [];
    this.#stopped = undefined;
    for (const begin of waiting) begin();
  }

  /** A request is under way. */
  get busy(): boolean {
    return this.#busy > 0;
  }

  /** Resolves when no request is under way. */
  drained(): Promise<void> {
    if (this.#busy === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  readSync(offset: number, target: Uint8Array): boolean {
    return this.#stopped === undefined && (this.#disk?.readSync(offset, target) ?? false);
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    return this.#stopped === undefined && (this.#disk?.writeSync(offset, source) ?? false);
  }

  read(offset: number, target: Uint8Array): Promise<void> {
    return this.#with((disk) => disk.read(offset, target));
  }

  write(offset: number, source: Uint8Array): Promise<void> {
    return this.#with((disk) => disk.write(offset, source));
  }

  flush(): Promise<void> {
    return this.#with((disk) => disk.flush());
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#with((disk) => disk.discard(offset, length));
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    return this.#with((disk) => disk.writeZeroes(offset, length));
  }

  async close(): Promise<void> {
    await this.#disk?.close();
  }

  resize(sizeBytes: number): Promise<void> {
    return this.#with((disk) => disk.resize(sizeBytes));
  }

  async lock(mode: ImageLockMode): Promise<void> {
    await this.#disk?.lock(mode);
  }

  async unlock(): Promise<void> {
    await this.#disk?.unlock();
  }

  async #with(request: (disk: BlockBackend) => Promise<void>): Promise<void> {
    while (this.#stopped !== undefined) {
      const stopped = this.#stopped;
      await new Promise<void>((resolve) => stopped.push(resolve));
    }
    if (this.#disk === undefined) throw new BlockError('EIO');
    this.#busy++;
    this.#onRequest();
    try {
      await request(this.#disk);
    } finally {
      this.#busy--;
      if (this.#busy === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }
}
