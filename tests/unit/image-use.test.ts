import { afterEach, describe, expect, it, vi } from 'vitest';
import { MemoryChunkDatabase } from '../../src/emu/block/chunk-database.ts';
import { ChunkImageStore } from '../../src/emu/block/chunk-image-store.ts';
import { type ImageLocks, LocalLocks } from '../../src/emu/block/image-locks.ts';
import { OtherTabs } from '../../src/workers/storage/other-tabs.ts';
import { WebLocks } from '../../src/workers/storage/web-locks.ts';
import { FakeLockManager } from '../support/lock-manager.ts';

const PATH = '/tmp/a.img';

/** A store, and what a list says that is read whenever the store tells of a change of use. */
async function watchedStore(locks: ImageLocks, database = new MemoryChunkDatabase()) {
  const seen: Promise<boolean | undefined>[] = [];
  const stored = vi.fn();
  let id = 0;
  const store: ChunkImageStore = new ChunkImageStore({
    database,
    locks,
    newId: () => `id${++id}`,
    onUseChange: () => seen.push(store.list().then((images) => images[0]?.inUse)),
    onStored: stored,
  });
  await store.createEmpty(PATH, 1 << 20);
  return { store, stored, database, seen: () => Promise.all(seen) };
}

const LOCKS: readonly (readonly [string, () => ImageLocks])[] = [
  ['local locks', () => new LocalLocks()],
  ['web locks', () => new WebLocks(new FakeLockManager().tab())],
];

describe.each(LOCKS)('an image is used, by %s', (_, makeLocks) => {
  it('tells when it is opened and when it is closed, and by then it is so', async () => {
    const { store, seen } = await watchedStore(makeLocks());
    expect(await seen()).toEqual([]);
    const image = await store.open(PATH);
    expect(await seen()).toEqual([true]);
    await image.close();
    await vi.waitFor(async () => expect(await seen()).toEqual([true, false]));
  });

  it('tells of downloads too, finished or broken off', async () => {
    const { store, seen } = await watchedStore(makeLocks());
    for await (const _piece of store.download(PATH)) break;
    await vi.waitFor(async () => expect(await seen()).toEqual([true, false]));
  });

  it('does not tell of an image that could not be opened', async () => {
    const { store, seen } = await watchedStore(makeLocks());
    await expect(store.open('/tmp/none.img')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await seen()).toEqual([]);
  });
});

it('tells when writes are stored, and knows what is not', async () => {
  const { store, stored } = await watchedStore(new LocalLocks());
  const image = await store.open(PATH);
  expect(store.hasUnstored).toBe(false);
  await image.write(0, Uint8Array.of(1));
  expect(store.hasUnstored).toBe(true);
  expect(stored).not.toHaveBeenCalled();
  await image.flush();
  expect(store.hasUnstored).toBe(false);
  expect(stored).toHaveBeenCalledTimes(1);
  await image.discard(0, 1 << 20);
  expect(store.dirtyBytes).toBe(0);
  expect(store.hasUnstored).toBe(true);
  await image.close();
  expect(store.hasUnstored).toBe(false);
});

it('memory takes no more than it is given, and what is deleted makes room', async () => {
  const { store } = await watchedStore(new LocalLocks(), new MemoryChunkDatabase(1 << 20));
  async function* bytes(length: number): AsyncGenerator<Uint8Array> {
    for (let done = 0; done < length; done += 1 << 16) yield new Uint8Array(1 << 16).fill(7);
  }
  await expect(store.upload('/tmp/b.img', bytes(3 << 20))).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(await store.estimate()).toEqual({ usedBytes: 0, quotaBytes: 1 << 20 });
  await store.upload('/tmp/b.img', bytes(1 << 20));
  const image = await store.open(PATH);
  await image.write(0, Uint8Array.of(1));
  await expect(image.flush()).rejects.toMatchObject({ code: 'ENOSPC' });
  await store.delete('/tmp/b.img');
  await image.flush();
  expect(await store.estimate()).toEqual({ usedBytes: 1 << 18, quotaBytes: 1 << 20 });
});

describe('other tabs', () => {
  const tabs: { close(): void }[] = [];
  afterEach(() => {
    for (const tab of tabs.splice(0)) tab.close();
  });

  function open(manager: FakeLockManager) {
    const locks = manager.tab();
    const onChange = vi.fn();
    const tab = new OtherTabs(locks, onChange);
    tabs.push(tab);
    return { locks, onChange, tab };
  }

  it('hear of a change, and the teller does not', async () => {
    const manager = new FakeLockManager();
    const [one, two] = [open(manager), open(manager)];
    one.tab.tell();
    await vi.waitFor(() => expect(two.onChange).toHaveBeenCalledTimes(1));
    expect(one.onChange).not.toHaveBeenCalled();
  });

  it('see that a tab is gone that never said anything, opened before or after them', async () => {
    const manager = new FakeLockManager();
    const first = open(manager);
    const second = open(manager);
    const third = open(manager);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(first.onChange).not.toHaveBeenCalled();
    second.locks.kill();
    for (const { onChange } of [first, third]) {
      await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
    }
    first.locks.kill();
    const before = third.onChange.mock.calls.length;
    await vi.waitFor(() => expect(third.onChange.mock.calls.length).toBeGreaterThan(before));
  });
});
