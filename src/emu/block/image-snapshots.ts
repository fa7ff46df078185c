/** Snapshots kept as images beside the disks, so that a user sees, downloads, uploads and deletes them like these. */
import { SnapshotError } from '../core/snapshot-error.ts';
import { type SnapshotStore, snapshotFileName, tagOfFileName } from '../core/snapshot-store.ts';
import { BlockError } from './block-backend.ts';
import { IMAGE_DIRECTORY } from './image-names.ts';
import type { ImageStore } from './image-store.ts';

/** Behind the name of one that is being written. */
const UNFINISHED = '.part';

export class ImageSnapshots implements SnapshotStore {
  readonly #images: ImageStore;
  readonly #onChange: () => void;

  /** @param onChange the list of images may be another now */
  constructor(images: ImageStore, onChange: () => void = () => {}) {
    this.#images = images;
    this.#onChange = onChange;
  }

  async list(): Promise<readonly string[]> {
    return [...(await this.#paths().catch(refuse)).keys()];
  }

  async *read(tag: string): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#images.download(await this.#pathOf(tag));
    } catch (error) {
      refuse(error);
    }
  }

  async write(tag: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const path = await this.#pathOf(tag).catch(refuse);
    const unfinished = path + UNFINISHED;
    try {
      // What a tab left that died while it wrote.
      await this.#remove(unfinished);
      await this.#images.upload(unfinished, pieces);
      await this.#remove(path);
      await this.#images.rename(unfinished, path);
    } catch (error) {
      await this.#remove(unfinished).catch(() => {});
      refuse(error);
    } finally {
      this.#onChange();
    }
  }

  async delete(tag: string): Promise<void> {
    try {
      await this.#remove(await this.#pathOf(tag));
    } catch (error) {
      refuse(error);
    } finally {
      this.#onChange();
    }
  }

  /** Paths by tag. Where two folders have the same, the first one counts. */
  async #paths(): Promise<ReadonlyMap<string, string>> {
    const paths = new Map<string, string>();
    for (const { path } of await this.#images.list()) {
      const tag = tagOfFileName(path.slice(path.lastIndexOf('/') + 1));
      if (tag !== undefined && !paths.has(tag)) paths.set(tag, path);
    }
    return paths;
  }

  async #pathOf(tag: string): Promise<string> {
    return (await this.#paths()).get(tag) ?? `${IMAGE_DIRECTORY}/${snapshotFileName(tag)}`;
  }

  async #remove(path: string): Promise<void> {
    await this.#images.delete(path).catch((error: unknown) => {
      if (!(error instanceof BlockError && error.code === 'ENOENT')) throw error;
    });
  }
}

function refuse(error: unknown): never {
  if (error instanceof BlockError) throw new SnapshotError(`Could not keep the snapshot: ${error.message}`);
  throw error;
}
