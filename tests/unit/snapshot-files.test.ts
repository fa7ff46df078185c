/** Snapshots as files: whole ones only, however many programs write into one folder, and whatever else is in it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SnapshotError } from '../../src/emu/core/snapshot-error.ts';
import { snapshotFiles } from '../../src/node/snapshot-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hotslot-snapshots-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function* pieces(byte: number, count: number): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < count; n++) {
    yield new Uint8Array(1000).fill(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function bytesOf(tag: string): Promise<Buffer> {
  const read: Uint8Array[] = [];
  for await (const piece of snapshotFiles(folder).read(tag)) read.push(piece);
  return Buffer.concat(read);
}

it('two that are written at once under one tag are one of them, whole', async () => {
  const [one, other] = [snapshotFiles(folder), snapshotFiles(folder)];
  await Promise.all([one.write('k', pieces(1, 300)), other.write('k', pieces(2, 200))]);
  const bytes = await bytesOf('k');
  expect(bytes.every((byte) => byte === bytes[0])).toBe(true);
  expect(bytes.length).toBe(bytes[0] === 1 ? 300_000 : 200_000);
  expect(readdirSync(folder)).toEqual(['k.hotslot-snapshot']);
});

it('one that fails leaves the one that was there, and nothing else', async () => {
  const store = snapshotFiles(folder);
  await store.write('k', pieces(1, 1));
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10);
    throw new SnapshotError('no more');
  }
  await expect(store.write('k', failing())).rejects.toThrow('no more');
  expect((await bytesOf('k')).length).toBe(1000);
  expect(readdirSync(folder)).toEqual(['k.hotslot-snapshot']);
});

it('only files are snapshots: a pipe would wait for ever', async () => {
  execFileSync('mkfifo', [join(folder, 'pipe.hotslot-snapshot')]);
  mkdirSync(join(folder, 'folder.hotslot-snapshot'));
  symlinkSync('nowhere', join(folder, 'dangling.hotslot-snapshot'));
  symlinkSync('/dev/zero', join(folder, 'zero.hotslot-snapshot'));
  writeFileSync(join(folder, 'file'), '');
  symlinkSync('file', join(folder, 'link.hotslot-snapshot'));
  const store = snapshotFiles(folder);
  expect(await store.list()).toEqual(['link']);
  const all = readdirSync(folder);
  for (const tag of ['pipe', 'folder', 'dangling', 'zero', 'none']) await store.delete(tag);
  expect(readdirSync(folder)).toEqual(all);
});

it('needs a tag', async () => {
  await expect(snapshotFiles(folder).write('', pieces(1, 1))).rejects.toThrow('A snapshot needs a tag');
  expect(readdirSync(folder)).toEqual([]);
});
