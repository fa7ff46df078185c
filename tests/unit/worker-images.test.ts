import { describe, expect, it, vi } from 'vitest';
import { ChunkImageStore, LocalLocks, MemoryChunkDatabase, WakingImages } from '../../src/emu/index.ts';
import { ImageService } from '../../src/workers/image-service.ts';

function setUp() {
  let id = 0;
  const store = new ChunkImageStore({
    database: new MemoryChunkDatabase(),
    locks: new LocalLocks(),
    newId: () => `id${++id}`,
    onStorageError: () => {},
  });
  const onChange = vi.fn();
  return { store, onChange, images: new ImageService(Promise.resolve(store), onChange) };
}

const FILE = new Blob([new Uint8Array(1000).fill(7)]);

describe('ImageService', () => {
  it('uploads with progress and gives the bytes back', async () => {
    const { images, onChange } = setUp();
    const onProgress = vi.fn();
    expect(await images.upload(1, '/tmp/a.img', FILE, onProgress)).toEqual({ ok: true, path: '/tmp/a.img' });
    expect(onProgress).toHaveBeenLastCalledWith(1000);
    expect(onChange).toHaveBeenCalled();
    const reader = images.download('/tmp/a.img');
    let total = 0;
    for (let piece = await reader.read(); piece !== undefined; piece = await reader.read())
      total += piece.length;
    expect(total).toBe(1000);
    expect((await images.list()).images).toMatchObject([
      { path: '/tmp/a.img', sizeBytes: 1000, inUse: false },
    ]);
  });

  it('answers in sentences', async () => {
    const { images, store } = setUp();
    await images.create('/tmp/a.img', 512);
    expect(await images.create('/tmp/a.img', 512)).toMatchObject({
      ok: false,
      reason: 'exists',
      message: 'There is already an image /tmp/a.img. Choose another name, or delete the old one first.',
    });
    await images.create('/tmp/b.img', 512);
    expect(await images.rename('/tmp/b.img', '/tmp/a.img')).toMatchObject({ reason: 'exists' });
    expect(await images.delete('/tmp/none.img')).toMatchObject({
      message: 'Cannot delete /tmp/none.img: there is no such image.',
    });
    expect(await images.create('/', 512)).toMatchObject({ ok: false, reason: 'error' });
    const used = await store.open('/tmp/a.img');
    for (const outcome of [
      await images.delete('/tmp/a.img'),
      await images.rename('/tmp/a.img', '/tmp/c.img'),
    ]) {
      expect(outcome).toMatchObject({ ok: false, message: expect.stringContaining('while it is in use') });
    }
    await used.close();
    expect(await images.delete('/tmp/a.img')).toEqual({ ok: true, path: '/tmp/a.img' });
    await expect(images.download('/tmp/a.img').read()).rejects.toThrow('Cannot download /tmp/a.img');
  });

  it('cancels an upload and leaves nothing', async () => {
    const { images } = setUp();
    const upload = images.upload(5, '/tmp/a.img', FILE, () => images.cancelUpload(5));
    images.cancelUpload(5);
    expect(await upload).toMatchObject({ ok: false, reason: 'canceled' });
    expect((await images.list()).images).toEqual([]);
  });
});

describe('WakingImages', () => {
  it('wakes when an answer comes, well or not, and changes nothing else', async () => {
    const { store } = setUp();
    await store.createEmpty('/tmp/a.img', 4096);
    const wake = vi.fn();
    const image = await new WakingImages(store, wake).open('/tmp/a.img');
    expect(image.sizeBytes).toBe(4096);
    await image.write(0, new Uint8Array([1, 2, 3]));
    expect(wake).toHaveBeenCalledTimes(1);
    const bytes = new Uint8Array(3);
    await image.read(0, bytes);
    expect([...bytes]).toEqual([1, 2, 3]);
    await expect(image.read(4096, bytes)).rejects.toMatchObject({ code: 'EIO' });
    expect(wake).toHaveBeenCalledTimes(3);
    await image.close();
  });
});
