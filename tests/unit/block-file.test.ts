import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileBackend } from '../../src/node/file-backend.ts';
import { FileLocks } from '../../src/node/file-lock.ts';

let directory = '';
let path = '';
const locks = () => new FileLocks(join(directory, 'locks'));
const open = (options = {}) => FileBackend.open(path, options, locks());

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotslot-file-'));
  path = join(directory, 'disk.img');
  await writeFile(path, '');
});
afterEach(() => rm(directory, { recursive: true }));

describe('file back end', () => {
  it('reads and writes the file', async () => {
    await truncate(path, 4096);
    const disk = await open({ lock: true });
    await disk.write(1000, new TextEncoder().encode('hello'));
    expect(disk.writeSync(1005, new TextEncoder().encode(' you'))).toBe(true);
    const target = new Uint8Array(9);
    expect(disk.readSync(1000, target)).toBe(true);
    await disk.flush();
    expect((await readFile(path)).toString('latin1', 1000, 1009)).toBe('hello you');
    await disk.discard(1002, 3);
    await disk.read(1000, target);
    expect(new TextDecoder().decode(target)).toBe('he\0\0\0 you');
    await disk.resize(5000);
    expect((await readFile(path)).length).toBe(5000);
    await expect(disk.read(4999, target)).rejects.toMatchObject({ code: 'EIO' });
    expect(disk.readSync(4999, target)).toBe(false);
    await disk.close();
    await expect(disk.flush()).rejects.toMatchObject({ code: 'EIO' });
  });

  it('reaches beyond 4 GiB without filling what lies before', async () => {
    await truncate(path, 2 ** 34);
    const disk = await open();
    await disk.write(2 ** 34 - 512, new Uint8Array(512).fill(7));
    const target = new Uint8Array(512);
    await disk.read(2 ** 34 - 512, target);
    expect(target).toEqual(new Uint8Array(512).fill(7));
    await disk.close();
  });

  it('opens or refuses in QEMU’s words', async () => {
    await expect(FileBackend.open('/tmp/nonexistent.img')).rejects.toMatchObject({
      message: "Could not open '/tmp/nonexistent.img': No such file or directory",
    });
    for (const readOnly of [false, true]) {
      await expect(FileBackend.open(directory, { readOnly })).rejects.toMatchObject({
        message: `'file' driver requires '${directory}' to be a regular file`,
      });
    }
    const disk = await open({ readOnly: true });
    await expect(disk.write(0, new Uint8Array(0))).rejects.toMatchObject({ code: 'EROFS' });
  });

  it('has one writer or many readers', async () => {
    const [one, two] = [await open(), await open()];
    await Promise.all([one.lock('write'), one.lock('write')]);
    await expect(two.lock('write')).rejects.toMatchObject({
      message: 'Failed to get "write" lock',
      hint: `Is another process using the image [${path}]?`,
    });
    await expect(two.lock('read')).rejects.toMatchObject({ message: 'Failed to get shared "write" lock' });
    await one.unlock();
    await two.lock('read');
    await one.lock('read');
    await one.close();
    await two.close();
    expect(await readdir(join(directory, 'locks'))).toEqual([]);
  });

  it('takes no notice of the lock of a process that is gone', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.on('exit', resolve));
    await (await locks().acquire('x', 'read'))?.();
    await writeFile(join(directory, 'locks', `x.write.${child.pid}.1.0`), '');
    await writeFile(join(directory, 'locks', `x.write.${process.pid}.1.0`), '');
    expect(await locks().acquire('x', 'write')).toBeDefined();
    expect(await locks().acquire('x', 'write')).toBeUndefined();
  });
});
