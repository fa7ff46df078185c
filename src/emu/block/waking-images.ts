import type { BlockBackend } from './block-backend.ts';
import { BlockFilter } from './block-filter.ts';
import { type ImageOpener, type OpenOptions, readImageText } from './image-store.ts';

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

  readText(path: string): Promise<string> {
    return readImageText(this.#images, path);
  }
}

class WakingBackend extends BlockFilter {
  readonly #wake: () => void;

  constructor(disk: BlockBackend, wake: () => void) {
    super(disk);
    this.#wake = wake;
  }

  protected request(_kind: string, act: () => Promise<void>): Promise<void> {
    return act().finally(this.#wake);
  }
}
