import 'fake-indexeddb/auto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BlockBackend, BlockError } from '../../src/emu/block/block-backend.ts';
import { ChunkCache, type ChunkStore } from '../../src/emu/block/chunk-cache.ts';
import {
  type ChunkDatabase,
  type ImageChange,
  type IndexSet,
  MemoryChunkDatabase,
  withPages,
} from '../../src/emu/block/chunk-database.ts';
import { ChunkImageStore } from '../../src/emu/block/chunk-image-store.ts';
import { LocalLocks } from '../../src/emu/block/image-locks.ts';
import { IndexedDbChunks } from '../../src/workers/storage/indexeddb-chunks.ts';
import { BlockModel } from '../support/block-model.ts';

const CHUNK = 1024;
const SIZE = 24 * CHUNK + 512;
const PAGE = CHUNK / 64;

/** One life of a tab: what it commits after its death does not happen. */
class Life implements ChunkDatabase {
  readonly persistent = true;
  dead = false;
  failures = 0;
  commits = 0;
  loads = 0;
  readonly #under: ChunkDatabase;

  constructor(under: ChunkDatabase) {
    this.#under = under;
  }

  records = () => this.#under.records();
  find = (path: string) => this.#under.find(path);
  storedChunks = (id: string) => this.#under.storedChunks(id);
  pagedChunks = (id: string) => this.#under.pagedChunks(id);
  countChunks = (id: string) => this.#under.countChunks(id);
  uploads = () => this.#under.uploads();
  estimate = () => this.#under.estimate();

  async load(
    id: string,
    indices: readonly number[],
    paged?: IndexSet,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    // Sometimes slower than a commit that begins later.
    const answer = this.#under.load(id, indices, paged);
    for (let n = this.loads++ % 5; n >= 0; n--) await new Promise(setImmediate);
    return answer;
  }

  async commit(change: ImageChange): Promise<void> {
    this.commits++;
    const put = new Map([...(change.put ?? [])].map(([index, bytes]) => [index, bytes.slice()]));
    await new Promise(setImmediate);
    if (this.dead) return new Promise(() => {});
    if (this.failures > 0) {
      this.failures--;
      throw new BlockError('ENOSPC');
    }
    await this.#under.commit({ ...change, put });
    await new Promise(setImmediate);
    if (this.dead) return new Promise(() => {});
  }
}

type SectorStep =
  | { readonly do: 'write' | 'read'; readonly sector: number; readonly count: number; readonly byte: number }
  | { readonly do: 'discard'; readonly sector: number; readonly count: number };
type Step =
  | SectorStep
  | { readonly do: 'small'; readonly offset: number; readonly length: number; readonly byte: number }
  | { readonly do: 'pages'; readonly page: number; readonly count: number; readonly byte: number }
  | { readonly do: 'race'; readonly sector: number; readonly byte: number }
  | { readonly do: 'fail'; readonly times: number }
  | { readonly do: 'flush' | 'crash' | 'crash-in-flush' };

const sector = fc.nat(SIZE / 512 - 1);
const count = fc.integer({ min: 1, max: 20 });
const byte = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 255 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), sector, count, byte }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), sector, count, byte }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('small' as const),
      offset: fc.nat(SIZE - 1),
      length: fc.integer({ min: 1, max: 3000 }),
      byte,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('pages' as const),
      page: fc.nat((SIZE * 64) / CHUNK - 1),
      count: fc.integer({ min: 1, max: 100 }),
      byte,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('discard' as const), sector, count }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('race' as const), sector, byte }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fail' as const), times: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'crash-in-flush' as const) }) },
);

/** Bytes that tell their place apart, or zeros. */
function pattern(length: number, value: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (value === 0 ? 0 : (value + (i >>> 9) * 7 + (i & 3)) & 255));
}

class Run {
  readonly model = new BlockModel(SIZE);
  readonly #database: ChunkDatabase;
  life: Life;
  disk: BlockBackend | undefined;

  constructor(database: ChunkDatabase) {
    this.#database = database;
    this.life = new Life(database);
  }

  async boot(create = false): Promise<BlockBackend> {
    this.life = new Life(this.#database);
    const store = new ChunkImageStore({
      database: this.life,
      locks: new LocalLocks(),
      newId: () => 'disk',
      chunkBytes: CHUNK,
      cache: { dirtyBudgetBytes: 8 * CHUNK, cleanBudgetBytes: 8 * CHUNK },
    });
    if (create) await store.createEmpty('/tmp/disk.img', SIZE);
    this.disk = await store.open('/tmp/disk.img');
    return this.disk;
  }

  async crash(): Promise<void> {
    this.life.dead = true;
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const disk = await this.boot();
    const found = new Uint8Array(SIZE);
    await disk.read(0, found);
    this.model.settle(found);
    this.model.flushed();
  }

  async change(disk: BlockBackend, offset: number, source: Uint8Array): Promise<void> {
    this.model.change(offset, source);
    try {
      if (disk.writeSync(offset, source) !== true) await disk.write(offset, source);
    } catch (error) {
      await this.#failed(disk, error);
    }
  }

  async discard(disk: BlockBackend, offset: number, length: number): Promise<void> {
    this.model.change(offset, new Uint8Array(length));
    try {
      await disk.discard(offset, length);
    } catch (error) {
      await this.#failed(disk, error);
    }
  }

  async #failed(disk: BlockBackend, error: unknown): Promise<void> {
    expect(error).toBeInstanceOf(BlockError);
    expect(error).toHaveProperty('code', 'ENOSPC');
    const found = new Uint8Array(SIZE);
    await disk.read(0, found);
    this.model.settle(found);
  }

  /** Sectors side by side, mostly in one chunk, whole chunks that are being loaded, and a flush, all at the same time. */
  async race(disk: BlockBackend, sector: number, byte: number): Promise<void> {
    const offsets = [0, 1, 2, 3].map((i) => ((sector + i) * 512) % SIZE);
    const far = ((Math.floor(sector / 2) + 9) % 23) * CHUNK;
    const jobs = [disk.read(far, new Uint8Array(CHUNK)), disk.read(0, new Uint8Array(SIZE))];
    for (const [i, offset] of offsets.entries()) jobs.push(this.change(disk, offset, pattern(512, byte + i)));
    if (offsets.every((offset) => offset + 512 <= far || offset >= far + CHUNK)) {
      jobs.push(
        byte % 2 === 0 ? this.discard(disk, far, CHUNK) : this.change(disk, far, pattern(CHUNK, byte)),
      );
    }
    jobs.push(disk.flush().catch(() => {}));
    await Promise.all(jobs);
  }

  /** Whole pages, while their chunk may be on its way; some are read back. */
  async pages(disk: BlockBackend, offset: number, source: Uint8Array): Promise<void> {
    const part = source.subarray(0, SIZE - offset);
    const jobs = [this.change(disk, offset, part)];
    if (source.length % 32 === 0) jobs.unshift(disk.read(offset - (offset % CHUNK), new Uint8Array(PAGE)));
    if (source.length % 48 === 0) jobs.push(disk.flush().catch(() => {}));
    await Promise.all(jobs);
    if (source.length % 64 !== 0) return;
    const target = new Uint8Array(part.length);
    await disk.read(offset, target);
    expect(target).toEqual(this.model.bytes.slice(offset, offset + part.length));
  }

  async sectors(disk: BlockBackend, step: SectorStep): Promise<void> {
    const offset = step.sector * 512;
    const length = Math.min(step.count * 512, SIZE - offset);
    if (step.do === 'write') return this.change(disk, offset, pattern(length, step.byte));
    if (step.do === 'discard') return this.discard(disk, offset, length);
    const target = pattern(length, 99);
    if (disk.readSync(offset, target) !== true) await disk.read(offset, target);
    expect(Buffer.compare(target, this.model.bytes.subarray(offset, offset + length))).toBe(0);
  }

  async step(step: Step): Promise<void> {
    const disk = this.disk ?? (await this.boot(true));
    switch (step.do) {
      case 'write':
      case 'read':
      case 'discard':
        return this.sectors(disk, step);
      case 'small':
        return this.change(disk, step.offset, pattern(Math.min(step.length, SIZE - step.offset), step.byte));
      case 'pages':
        return this.pages(disk, step.page * PAGE, pattern(step.count * PAGE, step.byte));
      case 'race':
        return this.race(disk, step.sector, step.byte);
      case 'fail':
        this.life.failures = step.times;
        return;
      case 'flush':
        try {
          await disk.flush();
          this.model.flushed();
        } catch (error) {
          expect(error).toHaveProperty('code', 'ENOSPC');
        }
        return;
      case 'crash':
        return this.crash();
      case 'crash-in-flush':
        disk.flush().catch(() => {});
        await Promise.resolve();
        return this.crash();
    }
  }
}

async function check(database: ChunkDatabase, steps: readonly Step[]): Promise<void> {
  const run = new Run(database);
  for (const one of steps) await run.step(one);
  const disk = run.disk ?? (await run.boot(true));
  run.life.failures = 0;
  await disk.close();
  run.model.flushed();
  const found = new Uint8Array(SIZE);
  await (await run.boot()).read(0, found);
  run.model.settle(found);
}

describe('what was flushed is there after a crash, the rest is old or new', () => {
  it('over memory', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), (steps) =>
        check(new MemoryChunkDatabase(), steps),
      ),
      { numRuns: 300 },
    );
  }, 120_000);

  it('over IndexedDB', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const database = await IndexedDbChunks.open(`cache-${run++}`);
        await check(database, steps);
        database.close();
      }),
      { numRuns: 30 },
    );
  }, 120_000);
});

/** A store that counts, and waits until told. */
function countingStore(sizeBytes: number, chunkBytes = CHUNK) {
  const chunks = new Map<number, Uint8Array>();
  const log = {
    loads: [] as (readonly number[])[],
    commits: [] as number[],
    pages: [] as number[],
    gate: Promise.resolve(),
  };
  const store: ChunkStore = {
    chunkBytes,
    state: async () => ({ sizeBytes, stored: [...chunks.keys()], paged: [] }),
    async load(indices) {
      log.loads.push([...indices]);
      return indices.map((index) => chunks.get(index)?.slice());
    },
    async commit({ put, pages, remove }) {
      const copies = [...put].map(([index, bytes]) => [index, bytes.slice()] as const);
      log.commits.push(copies.length);
      log.pages.push([...pages.values()].reduce((sum, ofChunk) => sum + ofChunk.size, 0));
      await log.gate;
      for (const [index, bytes] of copies) chunks.set(index, bytes);
      for (const [index, ofChunk] of pages) {
        const whole = withPages(chunks.get(index), ofChunk);
        if (whole !== undefined) chunks.set(index, whole);
      }
      for (const index of remove) chunks.delete(index);
    },
  };
  return { store, chunks, log };
}

describe('chunk cache', () => {
  it('stores nothing for zeros and for what was discarded', async () => {
    const { store, chunks, log } = countingStore(64 * CHUNK);
    const disk = await ChunkCache.open(store);
    await disk.write(0, new Uint8Array(8 * CHUNK));
    await disk.flush();
    expect(log.commits).toEqual([]);
    await disk.write(0, pattern(8 * CHUNK, 1));
    await disk.flush();
    expect(chunks.size).toBe(8);
    await disk.discard(512, 7 * CHUNK);
    await disk.writeZeroes(7 * CHUNK, CHUNK);
    await disk.flush();
    expect([...chunks.keys()]).toEqual([0]);
    expect(log.loads).toEqual([]);
  });

  it('completes a flush only after the commit that holds its data', async () => {
    const { store, log } = countingStore(64 * CHUNK);
    let open = () => {};
    log.gate = new Promise((resolve) => {
      open = resolve;
    });
    const disk = await ChunkCache.open(store);
    await disk.write(0, pattern(CHUNK, 1));
    let done = 0;
    const first = disk.flush().then(() => done++);
    await new Promise(setImmediate);
    await disk.write(CHUNK, pattern(CHUNK, 1));
    const second = disk.flush().then(() => done++);
    const third = disk.flush().then(() => done++);
    await new Promise(setImmediate);
    expect(done).toBe(0);
    expect(log.commits).toEqual([1]);
    open();
    await Promise.all([first, second, third]);
    expect(log.commits).toEqual([1, 1]);
  });

  it('keeps dirty and clean chunks within their budgets', async () => {
    const { store, log } = countingStore(1024 * CHUNK);
    const disk = await ChunkCache.open(store, { dirtyBudgetBytes: 32 * CHUNK, cleanBudgetBytes: 8 * CHUNK });
    for (let i = 0; i < 1024; i++) {
      await disk.write(i * CHUNK, pattern(CHUNK, 1 + (i % 9)));
      expect(disk.dirtyBytes).toBeLessThanOrEqual(32 * CHUNK);
    }
    expect(Math.max(...log.commits)).toBeLessThanOrEqual(16);
    await disk.flush();
    expect(disk.dirtyBytes).toBe(0);
    expect(disk.readSync(0, new Uint8Array(512))).toBe(false);
    expect(disk.readSync(1023 * CHUNK, new Uint8Array(512))).toBe(true);
  });

  it('refuses a write that has no room, keeps what it has, and stores it when there is room again', async () => {
    const { store, chunks } = countingStore(64 * CHUNK);
    const commit = store.commit;
    let full = true;
    store.commit = (changes, sizeBytes) =>
      full ? Promise.reject(new BlockError('ENOSPC')) : commit(changes, sizeBytes);
    const told: string[] = [];
    const disk = await ChunkCache.open(store, {
      dirtyBudgetBytes: 8 * CHUNK,
      onError: (error) => told.push(error.code),
    });
    for (let i = 0; i < 8; i++) await disk.write(i * CHUNK, pattern(CHUNK, 5));
    await expect(disk.write(8 * CHUNK, pattern(CHUNK, 5))).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(disk.flush()).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(disk.close()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(told.length).toBeGreaterThan(0);
    full = false;
    await disk.flush();
    expect(chunks.size).toBe(8);
    await disk.write(8 * CHUNK, pattern(CHUNK, 5));
    await disk.close();
    expect(chunks.size).toBe(9);
    await expect(disk.read(0, new Uint8Array(1))).rejects.toMatchObject({ code: 'EIO' });
  });

  it('stores single pages by themselves, and the chunk when they are many', async () => {
    const { store, chunks, log } = countingStore(8 * CHUNK);
    const disk = await ChunkCache.open(store);
    await disk.write(0, pattern(CHUNK, 1));
    await disk.flush();
    await disk.write(3 * PAGE + 1, pattern(PAGE, 2));
    await disk.write(CHUNK + 5, pattern(1, 3));
    await disk.flush();
    expect([log.commits, log.pages]).toEqual([
      [1, 0],
      [0, 3],
    ]);
    await disk.write(0, pattern(9 * PAGE, 4));
    await disk.flush();
    expect([log.commits[2], log.pages[2]]).toEqual([1, 0]);
    for (let n = 0; n < 40; n++) {
      await disk.write(n * PAGE, pattern(PAGE, n + 5));
      await disk.flush();
    }
    expect(log.commits.slice(3).reduce((sum, one) => sum + one)).toBe(1);
    const whole = new Uint8Array(CHUNK);
    await disk.read(0, whole);
    expect(chunks.get(0)).toEqual(whole);
  });

  it('takes whole pages of a chunk that it has not loaded, and lays them over it when it has', async () => {
    const { store, chunks, log } = countingStore(8 * CHUNK);
    const first = await ChunkCache.open(store);
    await first.write(0, pattern(CHUNK, 1));
    await first.close();
    const disk = await ChunkCache.open(store);
    expect(disk.writeSync(2 * PAGE, pattern(PAGE, 2))).toBe(true);
    expect(disk.writeSync(2 * PAGE + 3, pattern(5, 3))).toBe(true);
    expect(disk.writeSync(3 * PAGE + 3, pattern(5, 3))).toBe(false);
    expect(disk.writeSync(CHUNK - PAGE / 2, pattern(PAGE, 3))).toBe(false);
    await disk.flush();
    expect([log.loads, log.pages]).toEqual([[], [0, 1]]);
    expect(disk.readSync(2 * PAGE, new Uint8Array(1))).toBe(false);
    expect(disk.writeSync(5 * PAGE, pattern(PAGE, 4))).toBe(true);
    const whole = new Uint8Array(CHUNK);
    await disk.read(0, whole);
    const wanted = pattern(CHUNK, 1);
    wanted.set(pattern(PAGE, 2), 2 * PAGE);
    wanted.set(pattern(5, 3), 2 * PAGE + 3);
    wanted.set(pattern(PAGE, 4), 5 * PAGE);
    expect(whole).toEqual(wanted);
    await disk.flush();
    expect([chunks.get(0), log.loads, log.pages]).toEqual([wanted, [[0]], [0, 1, 1]]);

    const again = await ChunkCache.open(store);
    expect(again.writeSync(0, pattern(60 * PAGE, 5))).toBe(true);
    expect(again.writeSync(60 * PAGE, pattern(4 * PAGE, 6))).toBe(true);
    await again.flush();
    expect([log.loads, log.commits.at(-1), log.pages.at(-1)]).toEqual([[[0]], 1, 0]);
    expect(chunks.get(0)?.subarray(0, 60 * PAGE)).toEqual(pattern(60 * PAGE, 5));
  });

  it('stores pages again that a failed commit has not', async () => {
    const { store, chunks } = countingStore(8 * CHUNK);
    const commit = store.commit;
    let full = false;
    store.commit = (changes, sizeBytes) =>
      full ? Promise.reject(new BlockError('ENOSPC')) : commit(changes, sizeBytes);
    const disk = await ChunkCache.open(store);
    await disk.write(0, pattern(CHUNK, 1));
    await disk.flush();
    full = true;
    await disk.write(0, pattern(4, 9));
    const failing = disk.flush();
    await Promise.resolve();
    await disk.write(512, pattern(4, 9));
    await expect(failing).rejects.toMatchObject({ code: 'ENOSPC' });
    full = false;
    await disk.flush();
    const whole = new Uint8Array(CHUNK);
    await disk.read(0, whole);
    expect(chunks.get(0)).toEqual(whole);
    expect(whole.subarray(0, 4)).toEqual(pattern(4, 9));
  });

  it('loads ahead of a sequential reader', async () => {
    const { store, log } = countingStore(64 * CHUNK);
    const writer = await ChunkCache.open(store);
    await writer.write(0, pattern(64 * CHUNK, 3));
    await writer.close();
    const disk = await ChunkCache.open(store);
    for (let i = 0; i < 64; i++) await disk.read(i * CHUNK, new Uint8Array(CHUNK));
    expect(log.loads.length).toBeLessThan(20);
  });

  it('loads while a sequential reader is busy with what it has, and not for others', async () => {
    const { store, log } = countingStore(64 * CHUNK);
    const writer = await ChunkCache.open(store);
    await writer.write(0, pattern(64 * CHUNK, 3));
    await writer.close();
    const disk = await ChunkCache.open(store);
    for (const index of [40, 10, 30, 20]) await disk.read(index * CHUNK, new Uint8Array(CHUNK));
    expect(log.loads).toEqual([[40], [10], [30], [20]]);
    await disk.read(21 * CHUNK, new Uint8Array(CHUNK));
    await new Promise(setImmediate);
    for (const index of [22, 23, 24, 25])
      expect(disk.readSync(index * CHUNK, new Uint8Array(CHUNK))).toBe(true);
  });

  it('answers a request beyond the end and on a read-only image as QEMU does', async () => {
    const { store } = countingStore(4 * CHUNK);
    const disk = await ChunkCache.open(store, { readOnly: true });
    await expect(disk.read(4 * CHUNK - 1, new Uint8Array(2))).rejects.toMatchObject({ code: 'EIO' });
    await expect(disk.write(0, new Uint8Array(2))).rejects.toMatchObject({ code: 'EROFS' });
    expect(disk.readSync(4 * CHUNK, new Uint8Array(1))).toBe(false);
    expect(disk.writeSync(0, new Uint8Array(1))).toBe(false);
  });
});

it('has so many chunks loaded at once, however many places are read', async () => {
  let underWay = 0;
  let most = 0;
  const store: ChunkStore = {
    chunkBytes: CHUNK,
    state: async () => ({
      sizeBytes: 4000 * CHUNK,
      stored: Array.from({ length: 4000 }, (_, n) => n),
      paged: [],
    }),
    async load(indices) {
      most = Math.max(most, ++underWay);
      await new Promise(setImmediate);
      underWay--;
      return indices.map((index) => new Uint8Array(CHUNK).fill(index));
    },
    commit: async () => {},
  };
  const cache = await ChunkCache.open(store);
  const reads = Array.from({ length: 400 }, async (_, n) => {
    const target = new Uint8Array(1);
    await cache.read(n * 10 * CHUNK, target);
    return target[0];
  });
  expect(await Promise.all(reads)).toEqual(reads.map((_, n) => (n * 10) & 0xff));
  expect(most).toBe(16);
});
