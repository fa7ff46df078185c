import { get, getMany, promisifyRequest, type UseStore } from 'idb-keyval';
import {
  BlockError,
  CHUNK_PAGES,
  type ChunkDatabase,
  type ImageChange,
  type ImageRecord,
  type IndexSet,
  type StorageEstimate,
  withPages,
} from '../../emu/index.ts';

const STORE = 'images';
const DURABILITY: IDBTransactionOptions = { durability: 'strict' };

/** Greater than every number and string in a key. Spec: Indexed Database API 3.0, compare two keys. */
const END: IDBValidKey = [];
const within = (...prefix: readonly (string | number)[]) => IDBKeyRange.bound([...prefix], [...prefix, END]);
const recordKey = (path: string): IDBValidKey => ['record', path];
const chunkKey = (id: string, index: number): IDBValidKey => ['chunk', id, index];
const pageKey = (id: string, index: number, page: number): IDBValidKey => ['page', id, index, page];
const uploadKey = (id: string): IDBValidKey => ['upload', id];

/**
 * Images in IndexedDB, all in one object store, so that one transaction can hold an image's chunks and its record.
 *
 * | key | value |
 * |---|---|
 * | `['record', path]` | `ImageRecord` |
 * | `['chunk', id, index]` | `Uint8Array` of the image's `chunkBytes` |
 * | `['page', id, index, page]` | `StoredPage`: newer than the chunk, which may be absent |
 * | `['upload', id]` | true while the upload is under way |
 */
export class IndexedDbChunks implements ChunkDatabase {
  readonly persistent = true;
  readonly #name: string;
  readonly #storage: Pick<StorageManager, 'estimate'> | undefined;
  #connection: IDBDatabase | undefined;
  #opening: Promise<IDBDatabase> | undefined;

  private constructor(name: string, storage: Pick<StorageManager, 'estimate'> | undefined) {
    this.#name = name;
    this.#storage = storage;
  }

  /** Rejects when the browser gives this page no IndexedDB. */
  static async open(name = 'hotslot', storage?: Pick<StorageManager, 'estimate'>): Promise<IndexedDbChunks> {
    const database = new IndexedDbChunks(name, storage);
    await database.#connect();
    return database;
  }

  async records(): Promise<readonly ImageRecord[]> {
    return this.#ask((store) => promisifyRequest<ImageRecord[]>(store.getAll(within('record'))));
  }

  async find(path: string): Promise<ImageRecord | undefined> {
    return this.#guard(this.#read(() => get<ImageRecord>(recordKey(path), this.#use)));
  }

  async storedChunks(id: string): Promise<readonly number[]> {
    return [...new Set([...(await this.#indices('chunk', id)), ...(await this.pagedChunks(id))])];
  }

  async pagedChunks(id: string): Promise<readonly number[]> {
    return [...new Set(await this.#indices('page', id))];
  }

  async countChunks(id: string): Promise<number> {
    return this.#ask(async (store) => {
      const [chunks, pages] = await Promise.all([
        promisifyRequest(store.count(within('chunk', id))),
        promisifyRequest(store.count(within('page', id))),
      ]);
      return chunks + pages / CHUNK_PAGES;
    });
  }

  async load(
    id: string,
    indices: readonly number[],
    paged?: IndexSet,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    const withThem = indices.filter((index) => paged?.has(index) ?? true);
    if (withThem.length === 0) {
      const keys = indices.map((index) => chunkKey(id, index));
      return this.#guard(this.#read(() => getMany<Uint8Array>(keys, this.#use)));
    }
    // One transaction: a commit may move pages into their chunk.
    return this.#ask(async (store) => {
      const chunks = indices.map((index) =>
        promisifyRequest<Uint8Array | undefined>(store.get(chunkKey(id, index))),
      );
      const pages = withThem.map((index) =>
        promisifyRequest<StoredPage[]>(store.getAll(within('page', id, index))),
      );
      // All at once: when the transaction is aborted every one of them rejects, and none may be left alone with that.
      const [bytes, newer] = await Promise.all([Promise.all(chunks), Promise.all(pages)]);
      return indices.map((index, at) =>
        withPages(
          bytes[at],
          (newer[withThem.indexOf(index)] ?? []).map((stored) => [stored.page, stored.bytes]),
        ),
      );
    });
  }

  /** Not modelled: a commit that was under way when the connection was lost is not tried again; its caller has the bytes and may. */
  async commit(change: ImageChange): Promise<void> {
    return this.#guard(this.#commit(change));
  }

  async #commit(change: ImageChange): Promise<void> {
    const store = this.#begin('readwrite');
    if (store !== undefined) return applyAll(store, change);
    // Without a connection the puts come later than this call, when the caller may have changed the bytes.
    const mine = { ...change, ...copyOf(change) };
    return this.#use('readwrite', (later) => applyAll(later, mine));
  }

  async uploads(): Promise<readonly string[]> {
    const keys = await this.#ask((store) => promisifyRequest(store.getAllKeys(within('upload'))));
    return keys.map((key) => String(Array.isArray(key) ? key[1] : key));
  }

  async estimate(): Promise<StorageEstimate> {
    const estimate = await this.#storage?.estimate();
    return { usedBytes: estimate?.usage, quotaBytes: estimate?.quota };
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /**
   * For idb-keyval's functions, in place of its `createStore`, which cannot ask for durability and calls back
   * only after a wait.
   * Spec: Indexed Database API 3.0, durability hint: `strict` completes when the data is on the medium.
   */
  readonly #use: UseStore = async (mode, callback) => {
    const store = this.#begin(mode);
    if (store !== undefined) return callback(store);
    const connection = await this.#connect();
    return callback(connection.transaction(STORE, mode, DURABILITY).objectStore(STORE));
  };

  /** A transaction at once; undefined where a connection must be made first. */
  #begin(mode: IDBTransactionMode): IDBObjectStore | undefined {
    const connection = this.#connection;
    if (connection === undefined) return undefined;
    try {
      return connection.transaction(STORE, mode, DURABILITY).objectStore(STORE);
    } catch (error) {
      // Spec: Indexed Database API 3.0, `transaction` throws so from when the connection is closed; the event comes later.
      if (!isNamed(error, 'InvalidStateError')) throw error;
      this.#lost(connection);
      return undefined;
    }
  }

  async #indices(what: 'chunk' | 'page', id: string): Promise<readonly number[]> {
    const keys = await this.#ask((store) => promisifyRequest(store.getAllKeys(within(what, id))));
    return keys.map((key) => Number(Array.isArray(key) ? key[2] : Number.NaN));
  }

  #ask<T>(question: (store: IDBObjectStore) => Promise<T>): Promise<T> {
    return this.#guard(this.#read(() => this.#use('readonly', question)));
  }

  /** A read that the end of a connection has cut off is done again, once: it changes nothing. */
  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (!isNamed(error, 'AbortError')) throw error;
      return read();
    }
  }

  async #guard<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw storageError(error);
    }
  }

  #connect(): Promise<IDBDatabase> {
    this.#opening ??= this.#openDatabase().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openDatabase(): Promise<IDBDatabase> {
    const request = indexedDB.open(this.#name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    const connection = await promisifyRequest(request);
    // The browser may close it (site data cleared, Safari at will); another tab may want to upgrade or delete it.
    connection.onclose = () => this.#lost(connection);
    connection.onversionchange = () => {
      connection.close();
      this.#lost(connection);
    };
    this.#connection = connection;
    return connection;
  }

  #lost(connection: IDBDatabase): void {
    if (this.#connection === connection) this.#connection = undefined;
  }
}

/** Part of a chunk, changed since the chunk was stored. */
interface StoredPage {
  readonly page: number;
  readonly bytes: Uint8Array;
}

function apply(store: IDBObjectStore, change: ImageChange): void {
  const { id, add, update, drop, upload } = change;
  if (drop !== undefined) store.delete(recordKey(drop));
  if (add !== undefined) store.add(add, recordKey(add.path));
  if (update !== undefined) store.put(update, recordKey(update.path));
  if (change.removeAll === true) for (const what of ['chunk', 'page']) store.delete(within(what, id));
  if (upload === 'begin') store.put(true, uploadKey(id));
  if (upload === 'end') store.delete(uploadKey(id));
  applyChunks(store, change);
}

function applyChunks(store: IDBObjectStore, { id, put, remove, pages, paged }: ImageChange): void {
  for (const index of paged ?? []) store.delete(within('page', id, index));
  for (const index of remove ?? []) store.delete(chunkKey(id, index));
  for (const [index, bytes] of put ?? []) store.put(bytes, chunkKey(id, index));
  for (const [index, ofChunk] of pages ?? []) {
    for (const [page, bytes] of ofChunk)
      store.put({ page, bytes } satisfies StoredPage, pageKey(id, index, page));
  }
}

/** All or nothing. */
function applyAll(store: IDBObjectStore, change: ImageChange): Promise<void> {
  const end = endOf(store.transaction);
  try {
    apply(store, change);
  } catch (error) {
    // Else what was already put would be committed alone.
    store.transaction.abort();
    return end.catch(() => Promise.reject(error));
  }
  return end;
}

function copyOf({ put }: ImageChange): Pick<ImageChange, 'put'> {
  if (put === undefined) return {};
  return { put: new Map([...put].map(([index, bytes]) => [index, bytes.slice()])) };
}

function isNamed(error: unknown, name: string): boolean {
  return (error instanceof DOMException || error instanceof Error) && error.name === name;
}

/** Unlike idb-keyval's `promisifyRequest` it waits for `abort` after a failed request: only then the reason is known. */
function endOf(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new BlockError('EIO', 'Storage gave up a write'));
  });
}

function storageError(error: unknown): BlockError {
  if (error instanceof BlockError) return error;
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  const message = error instanceof Error || error instanceof DOMException ? error.message : String(error);
  if (name === 'QuotaExceededError') return new BlockError('ENOSPC');
  if (name === 'ConstraintError') return new BlockError('EEXIST');
  return new BlockError('EIO', `Browser storage failed: ${message === '' ? name : message}`);
}
