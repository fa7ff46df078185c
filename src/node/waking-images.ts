import type { BlockBackend, ImageLockMode, ImageOpener, OpenOptions } from '../emu/index.ts';

/** Images whose every answer wakes the run loop: a guest that waits for its disk sleeps until then. */
export class WakingImages implements ImageOpener {
  readonly #images: ImageOpener;
  readonly #wake: () => void;

  constructor(images: ImageOpener, wake: () => void) {
    this.#images = images;
    this.#wake = wake;
  }

  async open(path: string, options?: OpenOptions): Promise<BlockBackend> {
    return new WakingBackend(await this.#images.open(path, options), this.#wake);
  }
}

class WakingBackend implements BlockBackend {
  readonly #disk: BlockBackend;
  readonly #wake: () => void;

  constructor(disk: BlockBackend, wake: () => void) {
    this.#disk = disk;
    this.#wake = wake;
  }

  get sizeBytes(): number {
    return this.#disk.sizeBytes;
  }

  get readOnly(): boolean {
    return this.#disk.readOnly;
  }

  readSync(offset: number, target: Uint8Array): boolean {
    return this.#disk.readSync?.(offset, target) ?? false;
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    return this.#disk.writeSync?.(offset, source) ?? false;
  }

  read(offset: number, target: Uint8Array): Promise<void> {
    return this.#disk.read(offset, target).finally(this.#wake);
  }

  write(offset: number, source: Uint8Array): Promise<void> {
    return this.#disk.write(offset, source).finally(this.#wake);
  }

  flush(): Promise<void> {
    return this.#disk.flush().finally(this.#wake);
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#disk.discard(offset, length).finally(this.#wake);
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    return this.#disk.writeZeroes(offset, length).finally(this.#wake);
  }

  async lock(mode: ImageLockMode): Promise<void> {
    await this.#disk.lock?.(mode);
  }

  async unlock(): Promise<void> {
    await this.#disk.unlock?.();
  }

  close(): Promise<void> {
    return this.#disk.close();
  }
}
