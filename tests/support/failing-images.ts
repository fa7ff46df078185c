/** Images whose storage fails or takes its time when the test says so. */

import { BlockFilter } from '../../src/emu/block/block-filter.ts';
import {
  type BlockBackend,
  BlockError,
  type BlockErrorCode,
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

class FailingBackend extends BlockFilter {
  readonly #control: FailingImages;

  constructor(disk: BlockBackend, control: FailingImages) {
    super(disk);
    this.#control = control;
  }

  override readSync(offset: number, target: Uint8Array): boolean {
    return this.#slow('read') ? false : super.readSync(offset, target);
  }

  override writeSync(offset: number, source: Uint8Array): boolean {
    return this.#slow('write') ? false : super.writeSync(offset, source);
  }

  protected async request(kind: 'read' | 'write' | 'control', act: () => Promise<void>): Promise<void> {
    if (kind !== 'control') await this.#delayOrFail(kind);
    return act();
  }

  #failsNow(kind: 'read' | 'write'): boolean {
    return this.#control.error !== undefined && (this.#control.fails === 'all' || kind === 'write');
  }

  #slow(kind: 'read' | 'write'): boolean {
    return this.#control.delayMs !== undefined || this.#failsNow(kind);
  }

  async #delayOrFail(kind: 'read' | 'write'): Promise<void> {
    const { delayMs, error } = this.#control;
    if (delayMs !== undefined) {
      await new Promise((resolve) => {
        setTimeout(resolve, delayMs);
      });
    }
    if (error !== undefined && this.#failsNow(kind)) throw new BlockError(error);
  }
}
