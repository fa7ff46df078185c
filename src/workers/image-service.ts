import { BlockError, type ImageStore, imagePath, imagePathForFile } from '../emu/index.ts';
import type { DownloadReader, ImageList, ImageOutcome } from './protocol.ts';
import { bytesOf } from './storage/byte-streams.ts';
import { errorText } from './user-error.ts';

/** The images panel's wishes, answered in sentences. */
export class ImageService {
  readonly #store: Promise<ImageStore>;
  readonly #onChange: () => void;
  readonly #uploads = new Map<number, AbortController>();

  /** @param onChange the list may be another now */
  constructor(store: Promise<ImageStore>, onChange: () => void) {
    this.#store = store;
    this.#onChange = onChange;
  }

  async list(): Promise<ImageList> {
    const store = await this.#store;
    const images = await store.list();
    const { usedBytes, quotaBytes } = await store.estimate();
    return {
      images: images.map(({ path, sizeBytes, storedBytes, inUse }) => ({
        path,
        sizeBytes,
        storedBytes,
        inUse,
      })),
      persistent: store.persistent,
      usedBytes,
      quotaBytes,
    };
  }

  pathForFile(fileName: string): string {
    return imagePathForFile(fileName);
  }

  async upload(
    uploadId: number,
    path: string,
    file: Blob,
    onProgress: (doneBytes: number) => void,
  ): Promise<ImageOutcome> {
    const controller = new AbortController();
    this.#uploads.set(uploadId, controller);
    const { signal } = controller;
    try {
      return await this.#attempt('store', path, async (store, name) => {
        await store.upload(name, bytesOf(file, signal), { sizeBytes: file.size, onProgress, signal });
      });
    } finally {
      this.#uploads.delete(uploadId);
    }
  }

  cancelUpload(uploadId: number): void {
    this.#uploads.get(uploadId)?.abort();
  }

  create(path: string, sizeBytes: number): Promise<ImageOutcome> {
    return this.#attempt('create', path, (store, name) => store.createEmpty(name, sizeBytes));
  }

  rename(from: string, to: string): Promise<ImageOutcome> {
    return this.#attempt('rename', to, (store, name) => store.rename(from, name), from);
  }

  delete(path: string): Promise<ImageOutcome> {
    return this.#attempt('delete', path, (store, name) => store.delete(name));
  }

  download(path: string): DownloadReader {
    const iterator = this.#pieces(path);
    return {
      read: async () => {
        const { done, value } = await iterator.next();
        return done === true ? undefined : value;
      },
      cancel: async () => {
        await iterator.return(undefined);
      },
    };
  }

  async flush(): Promise<void> {
    await (await this.#store).flush();
  }

  async *#pieces(path: string): AsyncGenerator<Uint8Array, void> {
    try {
      yield* (await this.#store).download(path);
    } catch (error) {
      throw new Error(sentence('download', path, error));
    }
  }

  async #attempt(
    what: Deed,
    path: string,
    deed: (store: ImageStore, path: string) => Promise<void>,
    subject = path,
  ): Promise<ImageOutcome> {
    try {
      const name = imagePath(path);
      await deed(await this.#store, name);
      return { ok: true, path: name };
    } catch (error) {
      const code = error instanceof BlockError ? error.code : undefined;
      const reason = code === 'EEXIST' ? 'exists' : code === 'ECANCELED' ? 'canceled' : 'error';
      return { ok: false, reason, message: sentence(what, code === 'EEXIST' ? path : subject, error) };
    } finally {
      this.#onChange();
    }
  }
}

type Deed = 'store' | 'create' | 'rename' | 'delete' | 'download';

function sentence(what: Deed, path: string, error: unknown): string {
  const code = error instanceof BlockError ? error.code : undefined;
  switch (code) {
    case 'EEXIST':
      return `There is already an image ${path}. Choose another name, or delete the old one first.`;
    case 'EBUSY':
      return `Cannot ${what} ${path} while it is in use. Unplug it first: device_del in the monitor, or close the other tab that uses it.`;
    case 'ENOSPC':
      return `Cannot ${what} ${path}: the browser has no room left for it. Delete images or free space on this computer.`;
    case 'ENOENT':
      return `Cannot ${what} ${path}: there is no such image.`;
    case 'ECANCELED':
      return `The upload of ${path} was cancelled; nothing was stored.`;
    default:
      return `Cannot ${what} ${path}: ${errorText(error)}.`;
  }
}
