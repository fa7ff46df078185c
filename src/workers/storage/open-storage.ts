import {
  type BlockError,
  type ChunkDatabase,
  ChunkImageStore,
  type ImageLocks,
  type ImageStore,
  LocalLocks,
  MemoryChunkDatabase,
} from '../../emu/index.ts';
import { hasOpaqueOrigin } from '../opaque-origin.ts';
import { IndexedDbChunks } from './indexeddb-chunks.ts';
import { WebLocks } from './web-locks.ts';

export interface StorageNotice {
  readonly kind: 'memory-only' | 'storage-error';
  /** A sentence for the user. */
  readonly message: string;
}

export interface StorageListeners {
  onNotice(notice: StorageNotice): void;
  /** An image is used from now on, or no longer. */
  onUseChange?(): void;
  /** A machine's writes were stored. */
  onStored?(): void;
}

/** More than this in one tab and the browser may end it. */
const MEMORY_BYTES = 2 ** 30;

/** What the browser gives; the fields are undefined or throw where it does not. */
export interface StorageEnvironment {
  readonly locks?: Pick<LockManager, 'request' | 'query'> | undefined;
  readonly storage?: Pick<StorageManager, 'estimate'> | undefined;
}

/**
 * The images of this browser. Without IndexedDB or Web Locks (sandboxed frame, page without https, private mode of
 * some browsers) they are kept in memory, and a notice says so. Never rejects.
 */
export async function openStorage(
  listeners: StorageListeners,
  environment: StorageEnvironment = navigator,
): Promise<ImageStore> {
  const { onNotice } = listeners;
  const { database, locks } = await findStorage(onNotice, environment);
  const store = new ChunkImageStore({
    database,
    locks,
    newId,
    onUseChange: () => listeners.onUseChange?.(),
    onStored: () => listeners.onStored?.(),
    onStorageError: (path, error) =>
      onNotice({ kind: 'storage-error', message: storageErrorText(path, error) }),
  });
  await store.sweep().catch(() => {});
  return store;
}

async function findStorage(
  onNotice: (notice: StorageNotice) => void,
  environment: StorageEnvironment,
): Promise<{ database: ChunkDatabase; locks: ImageLocks }> {
  try {
    if (environment.locks == null) throw new Error('this page may not use Web Locks');
    const locks = new WebLocks(environment.locks);
    const probe = await locks.acquire('probe', 'read');
    probe?.();
    return { database: await IndexedDbChunks.open('hotslot', environment.storage), locks };
  } catch (error) {
    onNotice({ kind: 'memory-only', message: memoryOnlyText(error) });
    return { database: new MemoryChunkDatabase(MEMORY_BYTES), locks: new LocalLocks() };
  }
}

function memoryOnlyText(error: unknown): string {
  const what = 'Disk images are kept in memory and are gone when this page closes';
  // The browsers' own words for it name an interface and no cause.
  if (hasOpaqueOrigin()) return `Nothing is kept in this sandboxed frame. ${what}.`;
  const reason = error instanceof Error || error instanceof DOMException ? error.message : String(error);
  return `${what} (${reason}).`;
}

function storageErrorText(path: string, error: BlockError): string {
  if (error.code === 'ENOENT') {
    return `${path} is gone: ${error.message}. The guest gets I/O errors; what it has written since is lost when this page closes.`;
  }
  const full = error.code === 'ENOSPC';
  const what = full ? 'the browser has no room left for it' : error.message;
  const when = full ? 'when there is room' : 'as soon as the browser takes it';
  return `Could not store ${path}: ${what}. The guest got an I/O error; what it wrote is kept in memory and stored ${when}.`;
}

/** Not crypto.randomUUID: that needs a secure context. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
