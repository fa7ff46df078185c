import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { ChunkImageStore, LocalLocks, MemoryChunkDatabase, WakingImages } from '../../src/emu/index.ts';
import { ImageService } from '../../src/workers/image-service.ts';
import type { UploadProgress, UploadRequest } from '../../src/workers/protocol.ts';

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

function request(id: number, unpack?: UploadRequest['unpack']): UploadRequest {
  return { id, path: '/tmp/a.img', unpack };
}

const FILE = new Blob([new Uint8Array(1000).fill(7)]);

describe('ImageService', () => {
  it('uploads with progress and gives the bytes back', async () => {
    const { images, onChange } = setUp();
    const onProgress = vi.fn();
    expect(await images.upload(request(1), FILE, onProgress)).toEqual({ ok: true, path: '/tmp/a.img' });
    expect(onProgress).toHaveBeenLastCalledWith({ readBytes: 1000, storedBytes: 1000 });
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
    const upload = images.upload(request(5), FILE, () => images.cancelUpload(5));
    images.cancelUpload(5);
    expect(await upload).toMatchObject({ ok: false, reason: 'canceled' });
    expect((await images.list()).images).toEqual([]);
  });
});

const TEXT = new Uint8Array(3 << 20).map((_, at) => (at >> 8) ^ at);
const GZIP = new Blob([gzipSync(TEXT)]);
const qcow2 = (): Uint8Array =>
  Buffer.concat([Buffer.from('QFI\xfb\0\0\0\x03', 'latin1'), new Uint8Array(1000)]);

describe('what an arriving file is', () => {
  const lookAt = (bytes: Uint8Array, name: string) =>
    setUp().images.lookAt(new Blob([new Uint8Array(bytes)]), name);

  it('a raw image is taken under its name, an ISO too', async () => {
    for (const name of ['disk.img', 'debian.iso', 'empty.img']) {
      const bytes = new Uint8Array(name === 'empty.img' ? 0 : 40_000);
      const path = `/tmp/${name}`;
      expect(await lookAt(bytes, name)).toEqual({
        path,
        unpackedPath: path,
        packing: undefined,
        problem: undefined,
      });
    }
  });

  it('names the format, and the command that makes a raw image of it', async () => {
    expect(await lookAt(qcow2(), "my 'disk'.qcow2")).toMatchObject({
      path: '/tmp/my-disk-.qcow2',
      packing: undefined,
      problem: {
        text: "my 'disk'.qcow2 is a qcow2 disk image.",
        command: `qemu-img convert -f qcow2 -O raw 'my '\\''disk'\\''.qcow2' 'my '\\''disk'\\''.img'`,
        mayUnpack: false,
      },
    });
    const vhd = Buffer.concat([new Uint8Array(4096), Buffer.from('conectix'), new Uint8Array(504)]);
    expect((await lookAt(vhd, '-fixed.vhd')).problem?.command).toBe(
      'qemu-img convert -f vpc -O raw ./-fixed.vhd ./-fixed.img',
    );
    const xz = Buffer.concat([Buffer.from('fd377a585a000004', 'hex'), new Uint8Array(100)]);
    expect((await lookAt(xz, 'disk.img.xz')).problem).toMatchObject({
      text: 'disk.img.xz is packed with xz.',
      command: 'unxz -k disk.img.xz',
    });
    // The guest can open it.
    expect((await lookAt(Buffer.from('LUKS\xba\xbe\0\x01', 'latin1'), 'luks.img')).problem).toBe(undefined);
  });

  it('gzip and zstd lose their ending; what is inside is looked at too', async () => {
    const gzip = new Uint8Array(await GZIP.arrayBuffer());
    expect(await lookAt(gzip, 'disk.img.GZ')).toEqual({
      path: '/tmp/disk.img.GZ',
      unpackedPath: '/tmp/disk.img',
      packing: 'gzip',
      problem: undefined,
    });
    const zstd = Buffer.from('28b52ffd200421000061626364', 'hex');
    expect(await lookAt(zstd, 'disk.zst')).toMatchObject({ unpackedPath: '/tmp/disk', packing: 'zstd' });
    expect(await lookAt(gzipSync(qcow2()), 'disk.qcow2.gz')).toMatchObject({
      problem: {
        text: 'What is packed in disk.qcow2.gz is a qcow2 disk image. Unpack it to disk.qcow2 first.',
        command: 'qemu-img convert -f qcow2 -O raw disk.qcow2 disk.img',
      },
    });
    expect((await lookAt(gzip, 'disk.img')).problem).toMatchObject({
      text: 'disk.img is packed with gzip, though its name does not say so.',
      mayUnpack: true,
    });
  });
});

describe('unpacking an upload', () => {
  it('stores what is inside; progress counts the file', async () => {
    const { images, store } = setUp();
    const progress: UploadProgress[] = [];
    const outcome = await images.upload(request(1, 'gzip'), GZIP, (done) => progress.push(done));
    expect(outcome).toEqual({ ok: true, path: '/tmp/a.img' });
    expect((await store.stat('/tmp/a.img')).sizeBytes).toBe(TEXT.length);
    expect(progress.at(-1)).toEqual({ readBytes: GZIP.size, storedBytes: TEXT.length });
    let at = 0;
    for await (const piece of store.download('/tmp/a.img')) {
      expect(Buffer.compare(piece, TEXT.subarray(at, at + piece.length))).toBe(0);
      at += piece.length;
    }
  });

  it('damaged data leave no image, and are said', async () => {
    const { images } = setUp();
    const outcome = await images.upload(request(1, 'gzip'), GZIP.slice(0, GZIP.size - 100), () => {});
    expect(outcome).toEqual({
      ok: false,
      reason: 'error',
      message: expect.stringContaining(
        'Cannot store /tmp/a.img: its gzip data are damaged, cut off, or followed',
      ),
    });
    expect((await images.list()).images).toEqual([]);
  });

  it('is cancelled without a trace', async () => {
    const { images } = setUp();
    const outcome = await images.upload(request(4, 'gzip'), GZIP, () => images.cancelUpload(4));
    expect(outcome).toMatchObject({ ok: false, reason: 'canceled' });
    expect((await images.list()).images).toEqual([]);
  });

  it('says that an image which came out is a fixed VHD', async () => {
    const { images } = setUp();
    const vhd = Buffer.concat([new Uint8Array(4096), Buffer.from('conectix'), new Uint8Array(504)]);
    expect(await images.upload(request(1, 'gzip'), new Blob([gzipSync(vhd)]), () => {})).toMatchObject({
      ok: true,
      warning: expect.stringContaining('its end says that it is a VHD'),
    });
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
