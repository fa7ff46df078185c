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

/** Spec: Indexed Database API 3.0, close a database connection, forced. Safari calls it UnknownError. */
const CUT_OFF = ['AbortError', 'InvalidStateError', 'TransactionInactiveError', 'UnknownError'];

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
  #connectedBefore = false;
  /**
   * Images that were seen since the connection was made again; undefined with the first one. The browser may have closed that because
   * it deleted all that was stored: then chunks without their image would be stored, and the guest told that they are safe.
   */
  #seen: Set<string> | undefined;

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

  async commit(change: ImageChange): Promise<void> {
    // Without a connection, or when one is lost, the puts come later than this call, when the caller may have changed the bytes.
    return this.#guard(this.#commit({ ...change, ...copyOf(change) }));
  }

  /** A change that the end of a connection has cut off is made again, once: its transaction was aborted, nothing of it is stored. */
  async #commit(change: ImageChange): Promise<void> {
    const store = this.#begin('readwrite');
    try {
      await (store === undefined ? this.#commitAnew(change) : this.#apply(store, change));
    } catch (error) {
      if (!isCutOff(error)) throw error;
      // It may be closing still, and cut off the next transaction too.
      store?.transaction.db.close();
      if (store !== undefined) this.#lost(store.transaction.db);
      await this.#commitAnew(change);
    }
  }

  #commitAnew(change: ImageChange): Promise<void> {
    return this.#use('readwrite', (store) => this.#apply(store, change));
  }

  async #apply(store: IDBObjectStore, change: ImageChange): Promise<void> {
    const seen = this.#seen;
    const { id, add, upload } = change;
    const isNew = add !== undefined || upload !== undefined;
    if (seen === undefined || isNew || seen.has(id)) return applyAll(store, change);
    await applyAll(store, change, () => isThere(store, id));
    seen.add(id);
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
    if (this.#connectedBefore) this.#seen = new Set();
    this.#connectedBefore = true;
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

/**
 * All or nothing. When it rejects, the transaction was aborted.
 * @param allowed asked in the same transaction, before anything is changed; else ENOENT
 */
async function applyAll(
  store: IDBObjectStore,
  change: ImageChange,
  allowed?: () => Promise<boolean>,
): Promise<void> {
  const end = endOf(store.transaction);
  try {
    if (allowed !== undefined && !(await allowed())) {
      throw new BlockError('ENOENT', 'the browser has deleted what this page had stored');
    }
    apply(store, change);
  } catch (error) {
    // Else what was already put would be committed alone.
    abort(store.transaction);
    await end.catch(() => {});
    throw error;
  }
  return end;
}

/** It may have been aborted by the browser before. */
function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch (error) {
    if (!isNamed(error, 'InvalidStateError')) throw error;
  }
}

/** The image, or the upload of it. */
async function isThere(store: IDBObjectStore, id: string): Promise<boolean> {
  const [records, upload] = await Promise.all([
    promisifyRequest<ImageRecord[]>(store.getAll(within('record'))),
    promisifyRequest(store.count(uploadKey(id))),
  ]);
  return upload > 0 || records.some((record) => record.id === id);
}

function copyOf({ put }: ImageChange): Pick<ImageChange, 'put'> {
  if (put === undefined) return {};
  return { put: new Map([...put].map(([index, bytes]) => [index, bytes.slice()])) };
}

function isNamed(error: unknown, name: string): boolean {
  return (error instanceof DOMException || error instanceof Error) && error.name === name;
}

/** What the end of a connection does to a transaction; not what is wrong with the change, or full. */
function isCutOff(error: unknown): boolean {
  return CUT_OFF.some((name) => isNamed(error, name));
}

/** Unlike idb-keyval's `promisifyRequest` it waits for `abort` after a failed request: only then the reason is known. */
function endOf(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () =>
      reject(transaction.error ?? new DOMException('The transaction was aborted', 'AbortError'));
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
