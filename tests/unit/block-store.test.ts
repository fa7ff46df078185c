import 'fake-indexeddb/auto';
import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { BlockError } from '../../src/emu/block/block-backend.ts';
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  type ChunkDatabase,
  type ImageChange,
  MemoryChunkDatabase,
} from '../../src/emu/block/chunk-database.ts';
import { ChunkImageStore } from '../../src/emu/block/chunk-image-store.ts';
import { type ImageLocks, LocalLocks } from '../../src/emu/block/image-locks.ts';
import { imagePath, imagePathForFile } from '../../src/emu/block/image-names.ts';
import type { ImageStore } from '../../src/emu/block/image-store.ts';
import { bytesOf, streamOf } from '../../src/workers/storage/byte-streams.ts';
import { IndexedDbChunks } from '../../src/workers/storage/indexeddb-chunks.ts';
import { openStorage, type StorageNotice } from '../../src/workers/storage/open-storage.ts';
import { WebLocks } from '../../src/workers/storage/web-locks.ts';
import { FakeLockManager } from '../support/lock-manager.ts';

const GIB = 1024 ** 3;
let serial = 0;

function storeOver(database: ChunkDatabase, locks: ImageLocks = new LocalLocks()): ChunkImageStore {
  return new ChunkImageStore({ database, locks, newId: () => `id${serial++}` });
}

/** Bytes that do not repeat with any power of two. */
function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let x = seed;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function sha256(source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of source) hash.update(piece);
  return hash.digest('hex');
}

const databases: readonly [string, () => Promise<ChunkDatabase>][] = [
  ['memory', async () => new MemoryChunkDatabase()],
  ['IndexedDB', () => IndexedDbChunks.open(`store-${serial++}`)],
];

describe.each(databases)('image store in %s', (_name, open) => {
  it('gives back by download what was uploaded, whatever its length', async () => {
    const database = await open();
    const store = storeOver(database);
    for (const length of [0, 1, 511, CHUNK_BYTES, 3 * CHUNK_BYTES + 777]) {
      const bytes = noise(length, length + 1);
      bytes.fill(0, CHUNK_BYTES, 2 * CHUNK_BYTES);
      const path = `/tmp/${length}.img`;
      const progress: number[] = [];
      const info = await store.upload(path, pieces(bytes, 100_000), {
        sizeBytes: length,
        onProgress: (done) => progress.push(done),
      });
      expect(info).toMatchObject({ path, sizeBytes: length, inUse: false });
      expect(progress.at(-1) ?? 0).toBe(length);
      expect(await sha256(store.download(path))).toBe(await sha256(pieces(bytes, 4096)));
    }
    expect((await store.stat(`/tmp/${3 * CHUNK_BYTES + 777}.img`)).storedBytes).toBe(3 * CHUNK_BYTES);
    expect(await database.uploads()).toEqual([]);
  });

  it('leaves nothing of an upload that was cancelled, broke off, or has the wrong length', async () => {
    const database = await open();
    const store = storeOver(database);
    const abort = new AbortController();
    const bytes = noise(5 * CHUNK_BYTES);
    const cancelled = store.upload('/tmp/a', pieces(bytes, CHUNK_BYTES), {
      signal: abort.signal,
      onProgress: (done) => done >= 3 * CHUNK_BYTES && abort.abort(),
    });
    await expect(cancelled).rejects.toMatchObject({ code: 'ECANCELED' });
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* pieces(noise(9 * CHUNK_BYTES), CHUNK_BYTES);
      throw new Error('network');
    }
    await expect(store.upload('/tmp/a', broken())).rejects.toMatchObject({ code: 'EIO', message: 'network' });
    const short = store.upload('/tmp/a', pieces(bytes, 5000), { sizeBytes: bytes.length + 1 });
    await expect(short).rejects.toMatchObject({ code: 'EINVAL' });
    const long = store.upload('/tmp/a', pieces(bytes, 5000), { sizeBytes: bytes.length - 1 });
    await expect(long).rejects.toMatchObject({ code: 'EINVAL' });
    expect(await store.list()).toEqual([]);
    expect(await database.uploads()).toEqual([]);
    for (let id = 0; id < serial; id++) expect(await database.countChunks(`id${id}`)).toBe(0);
  });

  it('sweeps what a tab that died left of its upload, not what another is uploading', async () => {
    const database = await open();
    const locks = new LocalLocks();
    await database.commit({ id: 'dead', upload: 'begin' });
    await database.commit({ id: 'dead', put: new Map([[0, noise(CHUNK_BYTES)]]) });
    await database.commit({ id: 'alive', upload: 'begin' });
    await database.commit({ id: 'alive', put: new Map([[0, noise(CHUNK_BYTES)]]) });
    await locks.acquire('upload/alive', 'write');
    await storeOver(database, locks).sweep();
    expect(await database.uploads()).toEqual(['alive']);
    expect([await database.countChunks('dead'), await database.countChunks('alive')]).toEqual([0, 1]);
  });

  it('holds an 8 GiB disk of zeros in no room, and its far end', async () => {
    const store = storeOver(await open());
    await store.createEmpty('/tmp/big.img', 8 * GIB);
    const disk = await store.open('/tmp/big.img');
    expect(disk.sizeBytes).toBe(8 * GIB);
    expect(disk.readSync(5 * GIB, new Uint8Array(4096))).toBe(true);
    await disk.discard(0, 8 * GIB);
    await disk.write(8 * GIB - 512, noise(512));
    await disk.write(4 * GIB - 256, noise(512, 2));
    await disk.close();
    const { storedBytes } = await store.stat('/tmp/big.img');
    expect(storedBytes).toBeGreaterThanOrEqual((3 * CHUNK_BYTES) / CHUNK_PAGES);
    expect(storedBytes).toBeLessThanOrEqual(3 * CHUNK_BYTES);
    const again = await store.open('/tmp/big.img', { readOnly: true });
    const target = new Uint8Array(512);
    await again.read(4 * GIB - 256, target);
    expect(target).toEqual(noise(512, 2));
    await again.read(8 * GIB - 512, target);
    expect(target).toEqual(noise(512));
  });

  it('renames and deletes, but not what is in use', async () => {
    const database = await open();
    const store = storeOver(database);
    await store.upload('/tmp/a', pieces(noise(1000), 1000));
    await store.createEmpty('/tmp/b', 512);
    const disk = await store.open('/tmp/a');
    expect((await store.list()).map(({ path, inUse }) => [path, inUse])).toEqual([
      ['/tmp/a', true],
      ['/tmp/b', false],
    ]);
    await expect(store.delete('/tmp/a')).rejects.toMatchObject({
      code: 'EBUSY',
      message: "'/tmp/a' is in use: first remove its drive from the machine, or close the tab that has it",
    });
    await expect(store.rename('/tmp/a', '/tmp/c')).rejects.toMatchObject({ code: 'EBUSY' });
    await disk.close();
    await expect(store.rename('/tmp/a', '/tmp/b')).rejects.toMatchObject({
      code: 'EEXIST',
      message: "'/tmp/b' already exists",
    });
    await expect(store.createEmpty('/tmp/b', 1)).rejects.toMatchObject({ code: 'EEXIST' });
    await store.rename('/tmp/a', '/tmp/c');
    await store.rename('/tmp/c', '/tmp/c');
    expect(await sha256(store.download('/tmp/c'))).toBe(await sha256(pieces(noise(1000), 10)));
    await store.delete('/tmp/c');
    await expect(store.open('/tmp/c')).rejects.toMatchObject({
      code: 'ENOENT',
      message: "Could not open '/tmp/c': No such file or directory",
    });
    expect((await store.list()).map(({ path }) => path)).toEqual(['/tmp/b']);
  });

  it('lets one tab write, as QEMU does, and shows what it wrote to the next', async () => {
    const database = await open();
    const manager = new FakeLockManager().tab();
    const [here, there] = [
      storeOver(database, new WebLocks(manager)),
      storeOver(database, new WebLocks(manager)),
    ];
    await here.createEmpty('/tmp/d', CHUNK_BYTES);
    expect((await there.stat('/tmp/d')).inUse).toBe(false);
    // To ask whether an image is in use keeps nobody from opening it.
    const [, mine, , yours] = await Promise.all([
      there.list(),
      here.open('/tmp/d'),
      here.list(),
      there.open('/tmp/d'),
    ]);
    expect((await there.stat('/tmp/d')).inUse).toBe(true);
    const reader = await there.open('/tmp/d', { readOnly: true });
    await mine.lock('write');
    const hint = 'Is another process using the image [/tmp/d]?';
    await expect(yours.lock('write')).rejects.toMatchObject({
      message: 'Failed to get "write" lock',
      hint,
    });
    await expect(reader.lock('read')).rejects.toMatchObject({
      message: 'Failed to get shared "write" lock',
      hint,
    });
    await expect(yours.write(0, noise(1))).rejects.toMatchObject({ code: 'EACCES' });
    await expect(there.open('/tmp/d', { lock: true })).rejects.toMatchObject({ code: 'EACCES' });
    expect(yours.writeSync(0, noise(1))).toBe(false);
    await mine.write(100, noise(512));
    await mine.resize(2 * CHUNK_BYTES);
    await mine.unlock();
    await Promise.all([reader.lock('read'), yours.lock('read')]);
    expect(reader.sizeBytes).toBe(2 * CHUNK_BYTES);
    const target = new Uint8Array(512);
    await reader.read(100, target);
    expect(target).toEqual(noise(512));
    await expect(mine.lock('write')).rejects.toMatchObject({ message: 'Failed to get "write" lock' });
    await reader.close();
    await yours.close();
    await mine.write(0, noise(10));
    await mine.close();
    await there.delete('/tmp/d');
  });

  it('downloads what the machine in this tab has flushed and written so far', async () => {
    const store = storeOver(await open());
    await store.createEmpty('/tmp/e', 1000);
    const disk = await store.open('/tmp/e');
    await disk.write(0, noise(1000));
    expect(await sha256(store.download('/tmp/e'))).toBe(await sha256(pieces(noise(1000), 1000)));
    await disk.write(0, noise(1000, 5));
    expect(store.dirtyBytes).toBe(CHUNK_BYTES);
    await store.flush();
    expect(store.dirtyBytes).toBe(0);
    const cut = store.download('/tmp/e')[Symbol.asyncIterator]();
    await cut.next();
    await cut.return?.(undefined);
    await disk.close();
    await store.delete('/tmp/e');
  });
});

describe('storage of a browser', () => {
  it('keeps images from one page to the next', async () => {
    const environment = { locks: new FakeLockManager().tab() };
    const notices: StorageNotice[] = [];
    const open = (): Promise<ImageStore> =>
      openStorage({ onNotice: (notice) => notices.push(notice) }, environment);
    const first = await open();
    expect(first.persistent).toBe(true);
    await first.upload('test.img', bytesOf(new Blob([noise(3000)] as BlobPart[])));
    const second = await open();
    expect(await sha256(bytesOf(streamOf(second.download('/tmp/test.img'))))).toBe(
      await sha256(pieces(noise(3000), 9)),
    );
    expect(notices).toEqual([]);
  });

  it('falls back to memory with a notice', async () => {
    const refused = { request: () => Promise.reject(new DOMException('denied', 'SecurityError')) };
    for (const locks of [undefined, refused as unknown as Pick<LockManager, 'request' | 'query'>]) {
      const notices: StorageNotice[] = [];
      const store = await openStorage({ onNotice: (notice) => notices.push(notice) }, { locks });
      expect(store.persistent).toBe(false);
      expect(notices.map(({ kind }) => kind)).toEqual(['memory-only']);
      await store.createEmpty('/tmp/x', 1024);
      const disk = await store.open('/tmp/x');
      await disk.write(0, noise(1024));
      await disk.flush();
    }
  });

  it('stops an upload whose source stalls', async () => {
    const store = storeOver(new MemoryChunkDatabase());
    const abort = new AbortController();
    let cancelled = false;
    const stalled = new ReadableStream<Uint8Array>({
      pull: () => new Promise(() => {}),
      cancel: () => {
        cancelled = true;
      },
    });
    const upload = store.upload('/tmp/s', bytesOf(stalled, abort.signal), { signal: abort.signal });
    await new Promise(setImmediate);
    abort.abort();
    await expect(upload).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(cancelled).toBe(true);
  });

  it('tells of a full storage, gives the guest an error, and keeps the data', async () => {
    class Full extends MemoryChunkDatabase {
      full = true;
      override commit(change: ImageChange): Promise<void> {
        return this.full && change.put !== undefined
          ? Promise.reject(new BlockError('ENOSPC'))
          : super.commit(change);
      }
    }
    const database = new Full();
    const told: string[] = [];
    const store = new ChunkImageStore({
      database,
      locks: new LocalLocks(),
      newId: () => 'full',
      onStorageError: (path, error) => told.push(`${path} ${error.code}`),
    });
    await store.createEmpty('/tmp/f', CHUNK_BYTES);
    const disk = await store.open('/tmp/f');
    await disk.write(0, noise(512));
    await expect(disk.flush()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(told).toEqual(['/tmp/f ENOSPC']);
    await expect(store.upload('/tmp/g', pieces(noise(512), 512))).rejects.toMatchObject({ code: 'ENOSPC' });
    database.full = false;
    await disk.close();
    expect((await store.stat('/tmp/f')).storedBytes).toBe(CHUNK_BYTES);
  });
});

describe('IndexedDB chunks', () => {
  it('opens strict transactions, all of a change in one', async () => {
    const database = await IndexedDbChunks.open('strict');
    const seen: [IDBTransactionMode, string | undefined][] = [];
    const transaction = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (names, mode = 'readonly', options = {}) {
      seen.push([mode, options.durability]);
      return transaction.call(this, names, mode, options);
    };
    try {
      const put = new Map([0, 1, 2, 3].map((index) => [index, noise(8)]));
      await database.commit({ id: 'a', put, remove: [9], upload: 'begin' });
    } finally {
      IDBDatabase.prototype.transaction = transaction;
    }
    expect(seen).toEqual([['readwrite', 'strict']]);
  });

  it('takes the change or nothing of it', async () => {
    const database = await IndexedDbChunks.open('atomic');
    const record = { id: 'r', path: '/tmp/r', sizeBytes: 1, chunkBytes: 8 };
    await database.commit({ id: 'r', add: record });
    const put = new Map([[0, noise(8)]]);
    await expect(
      database.commit({ id: 'q', put, upload: 'begin', add: { ...record, id: 'q' } }),
    ).rejects.toMatchObject({ code: 'EEXIST' });
    const unclonable = new Map([
      [0, noise(8)],
      [1, { slice: () => () => {} } as unknown as Uint8Array],
    ]);
    await expect(database.commit({ id: 'q', put: unclonable })).rejects.toMatchObject({ code: 'EIO' });
    expect([await database.countChunks('q'), await database.uploads()]).toEqual([0, []]);
    expect(await database.find('/tmp/r')).toEqual(record);
  });

  it('lays pages over their chunk, or over zeros, until the chunk is stored or removed', async () => {
    const database = await IndexedDbChunks.open('pages');
    const page = (seed: number) => noise(2, seed);
    await database.commit({ id: 'a', put: new Map([[0, noise(128)]]) });
    const pages = new Map([
      [0, new Map([[3, page(5)]])],
      [7, new Map([[63, page(6)]])],
    ]);
    await database.commit({ id: 'a', pages });
    expect([...(await database.storedChunks('a'))].sort()).toEqual([0, 7]);
    expect(await database.pagedChunks('a')).toEqual([0, 7]);
    expect(await database.countChunks('a')).toBe(1 + 2 / 64);
    const merged = noise(128);
    merged.set(page(5), 6);
    const alone = new Uint8Array(128);
    alone.set(page(6), 126);
    expect(await database.load('a', [7, 1, 0])).toEqual([alone, undefined, merged]);
    expect(await database.load('a', [0], new Set([0]))).toEqual([merged]);
    await database.commit({ id: 'a', put: new Map([[0, noise(128, 9)]]), remove: [7], paged: [0, 7] });
    expect(await database.load('a', [0, 7])).toEqual([noise(128, 9), undefined]);
    await database.commit({ id: 'a', pages });
    await database.commit({ id: 'a', removeAll: true });
    expect([await database.countChunks('a'), await database.load('a', [0, 7])]).toEqual([
      0,
      [undefined, undefined],
    ]);
  });

  it('connects again when the browser has closed the connection, with the bytes of the call', async () => {
    const database = await IndexedDbChunks.open('lost');
    await database.commit({ id: 'a', upload: 'begin' });
    database.close();
    const bytes = noise(8);
    const commit = database.commit({ id: 'a', put: new Map([[0, bytes]]) });
    bytes.fill(0);
    await commit;
    expect(await database.load('a', [0, 1])).toEqual([noise(8), undefined]);
  });

  /** The connection of the next transaction. */
  async function connectionOf(database: IndexedDbChunks): Promise<IDBDatabase> {
    const spy = vi.spyOn(IDBDatabase.prototype, 'transaction');
    await database.find('/none');
    const connection = spy.mock.contexts[0] as IDBDatabase;
    spy.mockRestore();
    return connection;
  }

  it('connects again before it hears that the connection was closed', async () => {
    const database = await IndexedDbChunks.open('closed');
    await database.commit({ id: 'a', put: new Map([[0, noise(8)]]), upload: 'begin' });
    const first = await connectionOf(database);
    first.close();
    const bytes = noise(8, 2);
    const [loaded] = [database.load('a', [0])];
    expect(await loaded).toEqual([noise(8)]);
    (await connectionOf(database)).close();
    const commit = database.commit({ id: 'a', put: new Map([[1, bytes]]) });
    bytes.fill(0);
    await commit;
    expect(await database.load('a', [0, 1])).toEqual([noise(8), noise(8, 2)]);
    // The event of the old connection, when it comes, is none of the new one's.
    first.onclose?.(new Event('close'));
    const second = await connectionOf(database);
    expect(await connectionOf(database)).toBe(second);
  });

  it('reads again what was cut off, and leaves no rejection alone', async () => {
    const database = await IndexedDbChunks.open('aborted');
    await database.commit({ id: 'a', put: new Map([[0, noise(8)]]), upload: 'begin' });
    const alone: unknown[] = [];
    const hear = (reason: unknown) => alone.push(reason);
    process.on('unhandledRejection', hear);
    const { transaction } = IDBDatabase.prototype;
    let cuts = 0;
    IDBDatabase.prototype.transaction = function (this: IDBDatabase, ...args) {
      const cut = transaction.apply(this, args);
      if (cuts-- > 0) queueMicrotask(() => cut.abort());
      return cut;
    };
    try {
      for (const read of [
        () => database.load('a', [0, 1, 2], new Set([0, 1, 2])),
        () => database.load('a', [0, 1, 2], new Set()),
        () => database.countChunks('a'),
        () => database.records(),
      ]) {
        cuts = 1;
        await read();
        cuts = 2;
        await expect(read()).rejects.toMatchObject({ code: 'EIO' });
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(alone).toEqual([]);
    } finally {
      IDBDatabase.prototype.transaction = transaction;
      process.off('unhandledRejection', hear);
    }
  });

  /** Cuts off the next transactions that write, as the browser does when it closes a connection. */
  function cutOff(
    times: number,
    when: (cut: IDBTransaction) => void = (cut) => queueMicrotask(() => cut.abort()),
  ) {
    const { transaction } = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = function (this: IDBDatabase, ...args) {
      const cut = transaction.apply(this, args);
      if (args[1] === 'readwrite' && times-- > 0) when(cut);
      return cut;
    };
    return () => {
      IDBDatabase.prototype.transaction = transaction;
    };
  }

  it('stores again what was cut off, once, with the bytes of the call and over a new connection', async () => {
    const database = await IndexedDbChunks.open('cut');
    const record = { id: 'a', path: '/tmp/a', sizeBytes: 512, chunkBytes: 8 };
    await database.commit({ id: 'a', add: record });
    const first = await connectionOf(database);
    let mend = cutOff(1);
    const bytes = noise(8);
    const commit = database.commit({
      id: 'a',
      put: new Map([[0, bytes]]),
      update: { ...record, sizeBytes: 8 },
    });
    bytes.fill(0);
    await commit;
    mend();
    expect(await database.load('a', [0])).toEqual([noise(8)]);
    expect((await database.find('/tmp/a'))?.sizeBytes).toBe(8);
    expect(await connectionOf(database)).not.toBe(first);
    mend = cutOff(2);
    await expect(database.commit({ id: 'a', remove: [0] })).rejects.toMatchObject({ code: 'EIO' });
    mend();
    expect(await database.load('a', [0])).toEqual([noise(8)]);
    await database.commit({ id: 'a', remove: [0] });
    expect(await database.countChunks('a')).toBe(0);
  });

  it('takes what a flush of the guest had stored through the end of a connection, and stores nothing without its image', async () => {
    const locks = new LocalLocks();
    const errors: string[] = [];
    const database = await IndexedDbChunks.open('deleted');
    const store = new ChunkImageStore({
      database,
      locks,
      newId: () => `id${serial++}`,
      onStorageError: (path, { code }) => errors.push(`${path} ${code}`),
    });
    await store.createEmpty('/tmp/a', GIB);
    const disk = await store.open('/tmp/a', { lock: true });
    await disk.write(0, noise(4096));
    let mend = cutOff(1);
    await disk.flush();
    mend();
    expect(errors).toEqual([]);
    const other = await IndexedDbChunks.open('deleted');
    const [chunk] = await other.load((await other.find('/tmp/a'))?.id ?? '', [0]);
    expect(chunk?.subarray(0, 4096)).toEqual(noise(4096));
    // The browser deletes everything, and another tab is the first to make the database again.
    other.close();
    await disk.write(0, noise(4096, 2));
    mend = cutOff(1, (cut) => {
      cut.abort();
      cut.db.close();
      indexedDB.deleteDatabase('deleted');
    });
    await expect(disk.flush()).rejects.toMatchObject({ code: 'ENOENT' });
    mend();
    await expect(disk.flush()).rejects.toMatchObject({ code: 'ENOENT' });
    expect(errors).toEqual(['/tmp/a ENOENT', '/tmp/a ENOENT']);
    const later = await IndexedDbChunks.open('deleted');
    expect(await later.storedChunks('id')).toEqual([]);
    expect(await later.records()).toEqual([]);
    // What is new is stored.
    await store.createEmpty('/tmp/b', 512);
    const fresh = await store.open('/tmp/b', { lock: true });
    await fresh.write(0, noise(512));
    await fresh.close();
    expect((await store.list()).map(({ path }) => path)).toEqual(['/tmp/b']);
  });

  it('maps the quota error', async () => {
    const database = await IndexedDbChunks.open('quota');
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    try {
      await expect(database.commit({ id: 'a', upload: 'begin' })).rejects.toMatchObject({ code: 'ENOSPC' });
    } finally {
      IDBObjectStore.prototype.put = put;
    }
  });
});

describe('image names', () => {
  it('are absolute paths of the host', () => {
    expect(imagePath('/tmp//a/./b/../c.img')).toBe('/tmp/a/c.img');
    expect(imagePath('test.img')).toBe('/tmp/test.img');
    expect(imagePath('file:/tmp/x')).toBe('/tmp/x');
    for (const bad of [
      '',
      '/',
      '/tmp/',
      'a\0',
      '  ',
      '/tmp/ ',
      'a'.repeat(256),
      '日'.repeat(86),
      `${'a/'.repeat(2048)}b`,
    ]) {
      expect(() => imagePath(bad), bad.slice(0, 9)).toThrow(BlockError);
    }
    expect(imagePath('a'.repeat(255))).toBe(`/tmp/${'a'.repeat(255)}`);
    expect(imagePathForFile('C:\\My disk, (1).img')).toBe('/tmp/My-disk-1-.img');
    expect(imagePathForFile('..')).toBe('/tmp/disk.img');
  });
});
