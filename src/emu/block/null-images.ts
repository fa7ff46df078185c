/** Images that are no files of anybody's: `null-co://` and `null-aio://` keep nothing. All others are those below. */
import type { BlockBackend } from './block-backend.ts';
import type { ImageOpener, OpenOptions } from './image-store.ts';
import { NullBackend } from './null-backend.ts';

/** QEMU: where nobody says how large. */
const NULL_BYTES = 2 ** 30;
const NULL_FILE = /^null-(?:co|aio):\/\/$/;

/** Whether a `file=` names nothing. */
export function isNullFile(file: string | undefined): boolean {
  return file !== undefined && NULL_FILE.test(file);
}

export class NullImages implements ImageOpener {
  readonly #images: ImageOpener;

  constructor(images: ImageOpener) {
    this.#images = images;
  }

  /** QEMU reads what was in memory before, unless it is told `file.read-zeroes=on`; here zeros are read. */
  async open(path: string, options?: OpenOptions): Promise<BlockBackend> {
    return isNullFile(path) ? new NullBackend(NULL_BYTES, true) : this.#images.open(path, options);
  }
}
