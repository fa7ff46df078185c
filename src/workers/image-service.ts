import {
  BlockError,
  type ImageKind,
  type ImageStore,
  imageKind,
  imagePath,
  KIND_END_BYTES,
  tagOfFileName,
} from '../emu/index.ts';
import { lookAt } from './arriving-file.ts';
import { makeStick } from './fat/fat-stick.ts';
import { FatVolume } from './fat/fat-volume.ts';
import type {
  ArrivingFile,
  DownloadReader,
  FilesRequest,
  FolderListing,
  ImageList,
  ImageOutcome,
  UploadProgress,
  UploadRequest,
} from './protocol.ts';
import { bytesOf, counted, Tail } from './storage/byte-streams.ts';
import { atMost, unpacked } from './storage/unpack.ts';
import { errorText } from './user-error.ts';

/** Larger than any disk that is worth unpacking in a browser; holes take no room, so that storage alone would not stop a bomb of zeros. */
const UNPACKED_MAX_BYTES = 2 ** 40;

/** What the images panel asks for; failures are answered in sentences. */
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
        snapshotTag: tagOfFileName(path.slice(path.lastIndexOf('/') + 1)),
      })),
      persistent: store.persistent,
      usedBytes,
      quotaBytes,
    };
  }

  lookAt(file: Blob, fileName: string): Promise<ArrivingFile> {
    return lookAt(file, fileName);
  }

  async upload(
    { id, path, unpack }: UploadRequest,
    file: Blob,
    onProgress: (progress: UploadProgress) => void,
  ): Promise<ImageOutcome> {
    const controller = new AbortController();
    this.#uploads.set(id, controller);
    const { signal } = controller;
    let readBytes = 0;
    const source = counted(bytesOf(file, signal), (bytes) => {
      readBytes += bytes;
    });
    const onStored = (storedBytes: number): void => onProgress({ readBytes, storedBytes });
    let end: ImageKind = 'raw';
    try {
      const outcome = await this.#attempt('store', path, async (store, name) => {
        if (unpack === undefined) {
          await store.upload(name, source, { sizeBytes: file.size, onProgress: onStored, signal });
          return;
        }
        const tail = new Tail(atMost(UNPACKED_MAX_BYTES, unpacked(unpack, source)), KIND_END_BYTES);
        await store.upload(name, tail, { onProgress: onStored, signal });
        end = imageKind(new Uint8Array(0), tail.bytes());
      });
      return outcome.ok && end !== 'raw' ? { ...outcome, warning: endWarning(outcome.path, end) } : outcome;
    } finally {
      this.#uploads.delete(id);
    }
  }

  async storeFiles(
    { id, path, files }: FilesRequest,
    onProgress: (progress: UploadProgress) => void,
  ): Promise<ImageOutcome> {
    const controller = new AbortController();
    this.#uploads.set(id, controller);
    const { signal } = controller;
    let readBytes = 0;
    const count = (bytes: number): void => {
      readBytes += bytes;
    };
    const onStick = files.map(({ path: name, file, modifiedMs }) => ({
      path: name,
      sizeBytes: file.size,
      modifiedMs,
      bytes: () => counted(bytesOf(file, signal), count),
    }));
    try {
      return await this.#attempt('store', path, async (store, name) => {
        const [volumeId = 0] = crypto.getRandomValues(new Uint32Array(1));
        const stick = makeStick(onStick, volumeId);
        await store.upload(name, stick.bytes(), {
          sizeBytes: stick.sizeBytes,
          onProgress: (storedBytes) => onProgress({ readBytes, storedBytes }),
          signal,
        });
      });
    } finally {
      this.#uploads.delete(id);
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
    return readerOf(this.#pieces(path));
  }

  async listFiles(path: string, folder: readonly string[]): Promise<FolderListing> {
    try {
      const rows = await this.#withVolume(path, async (volume) => {
        const entry = folder.length === 0 ? undefined : await volume.find(folder);
        if (folder.length > 0 && entry?.isFolder !== true) throw new Error('it has no such folder any more');
        return volume.list(entry);
      });
      return {
        ok: true,
        rows: rows.map(({ name, isFolder, sizeBytes, modifiedMs }) => ({
          ...{ name, isFolder, sizeBytes, modifiedMs },
        })),
      };
    } catch (error) {
      return { ok: false, message: sentence('read', path, error) };
    }
  }

  downloadFile(path: string, names: readonly string[]): DownloadReader {
    return readerOf(this.#filePieces(path, names));
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

  async *#filePieces(path: string, names: readonly string[]): AsyncGenerator<Uint8Array, void> {
    const opened = await this.#openVolume(path).catch((error: unknown) => {
      throw new Error(sentence('read', path, error));
    });
    try {
      const file = await opened.volume.find(names);
      if (file === undefined || file.isFolder) throw new Error('it has no such file any more');
      yield* opened.volume.bytes(file);
    } catch (error) {
      throw new Error(sentence('read', path, error));
    } finally {
      await opened.close();
    }
  }

  async #withVolume<T>(path: string, use: (volume: FatVolume) => Promise<T>): Promise<T> {
    const { volume, close } = await this.#openVolume(path);
    try {
      return await use(volume);
    } finally {
      await close();
    }
  }

  /** What the guest wrote and did not flush is stored before: it may have gone no further than the cache of a disk. */
  async #openVolume(path: string): Promise<{ readonly volume: FatVolume; close(): Promise<void> }> {
    const store = await this.#store;
    await store.flush();
    const image = await store.open(imagePath(path), { readOnly: true });
    try {
      const volume = await FatVolume.find(image);
      if (volume === undefined) throw new Error('there is no FAT file system in it');
      return { volume, close: () => image.close() };
    } catch (error) {
      await image.close();
      throw error;
    }
  }

  async #attempt(
    what: Operation,
    path: string,
    run: (store: ImageStore, path: string) => Promise<void>,
    subject = path,
  ): Promise<ImageOutcome> {
    try {
      const name = imagePath(path);
      await run(await this.#store, name);
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

function endWarning(path: string, kind: ImageKind): string {
  const name = kind === 'vpc' ? 'a VHD' : 'a DMG';
  return `${path} is stored, but its end says that it is ${name}, not a raw disk image: the guest sees the bytes of the file.`;
}

function readerOf(pieces: AsyncGenerator<Uint8Array, void>): DownloadReader {
  return {
    read: async () => {
      const { done, value } = await pieces.next();
      return done === true ? undefined : value;
    },
    cancel: async () => {
      await pieces.return(undefined);
    },
  };
}

type Operation = 'read' | 'store' | 'create' | 'rename' | 'delete' | 'download';

function sentence(what: Operation, path: string, error: unknown): string {
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
