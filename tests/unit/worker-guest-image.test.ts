import { createHash, webcrypto } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { loadGuest } from '../../src/workers/guest-image-loader.ts';
import { parseManifest } from '../../src/workers/guest-manifest.ts';
import type { BootProgress } from '../../src/workers/protocol.ts';

const KERNEL = new Uint8Array(100_000).map((_, at) => at * 7);
const INITRD = new Uint8Array(50_000).map((_, at) => at >> 3);

function describeFile(file: string, raw: Uint8Array) {
  return {
    file,
    compressedBytes: gzipSync(raw).length,
    rawBytes: raw.length,
    rawSha256: createHash('sha256').update(raw).digest('hex'),
  };
}

const MANIFEST = JSON.stringify({
  name: 'test',
  kernelRelease: '6.1',
  append: 'console=ttyS0',
  memoryMiB: 256,
  machine: '-m 256',
  files: { kernel: describeFile('vmlinux.gz', KERNEL), initrd: describeFile('initrd.gz', INITRD) },
});

type Files = Readonly<Record<string, BodyInit | number>>;
const GOOD: Files = {
  'manifest.json': MANIFEST,
  'vmlinux.gz': gzipSync(KERNEL),
  'initrd.gz': gzipSync(INITRD),
};

async function load(files: Files, subtle: Pick<SubtleCrypto, 'digest'> | undefined = webcrypto.subtle) {
  const progress: BootProgress[] = [];
  const fetch = async (url: string): Promise<Response> => {
    const body = files[url.slice('base/'.length)];
    return typeof body === 'number' || body === undefined
      ? new Response('', { status: body ?? 404 })
      : new Response(body);
  };
  const guest = await loadGuest('base/', (step) => progress.push(step), undefined, { fetch, subtle });
  return { guest, progress };
}

describe('loadGuest', () => {
  it('downloads, unpacks and checks', async () => {
    const { guest, progress } = await load(GOOD);
    expect(guest.kernel).toEqual(KERNEL);
    expect(guest.initrd).toEqual(INITRD);
    expect(guest.manifest.append).toBe('console=ttyS0');
    const steps = progress.map(({ step, what }) => `${step} ${what}`);
    expect(new Set(steps)).toEqual(
      new Set([
        'download Linux kernel',
        'unpack Linux kernel',
        'check Linux kernel',
        'download root file system',
        'unpack root file system',
        'check root file system',
      ]),
    );
    for (const { doneBytes, totalBytes } of progress) expect(doneBytes).toBeLessThanOrEqual(totalBytes);
  });

  it('copes with a server that had the browser unpack already', async () => {
    const { guest } = await load({ ...GOOD, 'vmlinux.gz': KERNEL, 'initrd.gz': INITRD });
    expect(guest.kernel).toEqual(KERNEL);
  });

  it('works without SHA-256, outside of a secure context', async () => {
    const { guest } = await load(GOOD, undefined);
    expect(guest.initrd).toEqual(INITRD);
  });

  it.each<[string, Files, RegExp]>([
    [
      'manifest missing',
      { ...GOOD, 'manifest.json': 404 },
      /^The guest image is missing: base\/manifest\.json/,
    ],
    [
      'page instead of manifest',
      { ...GOOD, 'manifest.json': '<!doctype html>' },
      /^The guest image is missing or damaged/,
    ],
    ['file missing', { ...GOOD, 'vmlinux.gz': 404 }, /^The guest image is missing: base\/vmlinux\.gz/],
    ['server error', { ...GOOD, 'initrd.gz': 503 }, /^The server refused base\/initrd\.gz: HTTP status 503/],
    ['too short', { ...GOOD, 'vmlinux.gz': gzipSync(KERNEL.subarray(1)) }, /shorter than its manifest/],
    ['too long', { ...GOOD, 'vmlinux.gz': gzipSync(new Uint8Array(200_000)) }, /longer than its manifest/],
    ['cut off', { ...GOOD, 'vmlinux.gz': gzipSync(KERNEL).subarray(0, 500) }, /broke off/],
    ['other bytes', { ...GOOD, 'initrd.gz': gzipSync(new Uint8Array(50_000)) }, /is damaged: its SHA-256/],
  ])('says what is wrong: %s', async (_, files, message) => {
    await expect(load(files)).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(message),
    });
  });

  it('says what to do', async () => {
    await expect(load({})).rejects.toMatchObject({ detail: expect.stringContaining('npm run images') });
  });
});

describe('parseManifest', () => {
  it.each([
    'null',
    '[]',
    '{}',
    '{"name":1}',
    '{"name":"a","kernelRelease":"b","append":"","memoryMiB":-1,"machine":"","files":{}}',
  ])('refuses %s', (text) => {
    expect(() => parseManifest(text)).toThrow(/manifest\.json cannot be read/);
  });
});
