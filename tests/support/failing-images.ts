/** Images whose storage fails or takes its time when the test says so. */
import {
  type BlockBackend,
  BlockError,
  type BlockErrorCode,
  type ImageLockMode,
  type ImageOpener,
  type OpenOptions,
} from '../../src/emu/index.ts';

export class FailingImages implements ImageOpener {
  /** What every request answers; undefined: they succeed. */
  error: BlockErrorCode | undefined;
  /** Which requests fail. */
  fails: 'all' | 'write' = 'all';
  /** Milliseconds that each request takes; undefined: as the image behind it. */
  delayMs: number | undefined;
  readonly #images: ImageOpener;

  constructor(images: ImageOpener) {
    this.#images = images;
  }

  async open(path: string, options?: OpenOptions): Promise<BlockBackend> {
    return new FailingBackend(await this.#images.open(path, options), this);
  }
}

class FailingBackend implements BlockBackend {
  readonly #disk: BlockBackend;
  readonly #control: FailingImages;

  constructor(disk: BlockBackend, control: FailingImages) {
    this.#disk = disk;
    this.#control = control;
  }

  get sizeBytes(): number {
    return this.#disk.sizeBytes;
  }

  get readOnly(): boolean {
    return this.#disk.readOnly;
  }

  readSync(offset: number, target: Uint8Array): boolean {
    return this.#slow('read') ? false : (this.#disk.readSync?.(offset, target) ?? false);
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    return this.#slow('write') ? false : (this.#disk.writeSync?.(offset, source) ?? false);
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    await this.#request('read');
    return this.#disk.read(offset, target);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    await this.#request('write');
    return this.#disk.write(offset, source);
  }

  async flush(): Promise<void> {
    await this.#request('write');
    return this.#disk.flush();
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.#request('write');
    return this.#disk.discard(offset, length);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.#request('write');
    return this.#disk.writeZeroes(offset, length);
  }

  async close(): Promise<void> {
    await this.#disk.close();
  }

  async lock(mode: ImageLockMode): Promise<void> {
    await this.#disk.lock?.(mode);
  }

  async unlock(): Promise<void> {
    await this.#disk.unlock?.();
  }

  #failsNow(kind: 'read' | 'write'): boolean {
    return this.#control.error !== undefined && (this.#control.fails === 'all' || kind === 'write');
  }

  #slow(kind: 'read' | 'write'): boolean {
    return this.#control.delayMs !== undefined || this.#failsNow(kind);
  }

  async #request(kind: 'read' | 'write'): Promise<void> {
    const { delayMs, error } = this.#control;
    if (delayMs !== undefined) {
      await new Promise((resolve) => {
        setTimeout(resolve, delayMs);
      });
    }
    if (error !== undefined && this.#failsNow(kind)) throw new BlockError(error);
  }
}
