import { execFileSync, spawn } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawFormat } from '../../src/emu/block/raw.ts';
import { WakingImages } from '../../src/emu/index.ts';
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

  it('grows by a write to the last, partial sector, through all that a machine puts before it', async () => {
    await writeFile(path, 'x'.repeat(1000));
    const images = new WakingImages({ open }, () => {});
    const disk = new RawFormat(await images.open(path));
    await disk.write(512, new Uint8Array(512).fill(0x55));
    await disk.close();
    expect((await readFile(path)).subarray(510)).toEqual(
      Buffer.from([120, 120, ...new Array(512).fill(0x55)]),
    );
  });

  it('takes as much room as the file system says', async () => {
    await truncate(path, 2 ** 20);
    const disk = await open({ lock: true });
    expect(disk.allocatedBytes).toBe((await stat(path)).blocks * 512);
    const before = disk.allocatedBytes;
    await disk.write(4096, new Uint8Array(8192).fill(1));
    await disk.flush();
    expect(disk.allocatedBytes).toBe((await stat(path)).blocks * 512);
    expect(disk.allocatedBytes).toBeGreaterThan(before);
    await disk.close();
  });

  it('opens or refuses in QEMU’s words', async () => {
    await expect(FileBackend.open('/tmp/nonexistent.img')).rejects.toMatchObject({
      message: "Could not open '/tmp/nonexistent.img': No such file or directory",
    });
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const noFile = (name: string): string => `'file' driver requires '${name}' to be a regular file`;
    const noSize = 'Could not refresh total sector count: Invalid argument';
    for (const [name, readOnly, message] of [
      [directory, false, `Could not open '${directory}': Is a directory`],
      [directory, true, noFile(directory)],
      [pipe, false, noFile(pipe)],
      [pipe, true, noFile(pipe)],
      ['/dev/null', false, noFile('/dev/null')],
      ['/proc/self/mem', false, noSize],
      ['/proc/version', true, noSize],
      [`${path}/x`, true, `Could not open '${path}/x': Not a directory`],
      ['a\0b', true, "Could not open 'a\0b': No such file or directory"],
    ] as const) {
      await expect(FileBackend.open(name, { readOnly })).rejects.toMatchObject({ message });
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

  it('is written beside its writer by one that asks for no lock', async () => {
    await truncate(path, 4096);
    const writer = await open({ lock: true });
    const other = await open({ isUnlocked: true });
    await other.write(0, Uint8Array.of(1));
    expect(other.writeSync(1, Uint8Array.of(2))).toBe(true);
    await other.unlock();
    await writer.write(2, Uint8Array.of(3));
    expect([...(await readFile(path)).subarray(0, 3)]).toEqual([1, 2, 3]);
    await other.close();
    await expect(open({ lock: true })).rejects.toThrow('Failed to get "write" lock');
    await writer.close();
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

describe('the directory of locks', () => {
  const folder = () => join(directory, 'locks');
  /** Does `act` as another user of this computer. */
  async function asOther<T>(uid: number, act: () => Promise<T>): Promise<T> {
    process.seteuid?.(uid);
    try {
      return await act();
    } finally {
      process.seteuid?.(0);
    }
  }

  it('is open to every user and keeps their files apart, whatever the umask', async () => {
    const umask = process.umask(0o077);
    try {
      await locks().acquire('x', 'read');
    } finally {
      process.umask(umask);
    }
    expect((await stat(folder())).mode & 0o7777).toBe(0o1777);
    await chmod(folder(), 0o1755);
    await locks().acquire('x', 'read');
    expect((await stat(folder())).mode & 0o7777).toBe(0o1777);
  });

  it.runIf(process.geteuid?.() === 0)('lets two users of the computer exclude each other', async () => {
    await chmod(directory, 0o755);
    const release = await asOther(12345, () => locks().acquire('x', 'write').catch(String));
    expect(release).toContain("Could not lock images in '");
    await locks().acquire('other', 'write');
    const mine = await asOther(12345, () => locks().acquire('x', 'write'));
    expect(mine).toBeDefined();
    expect(await locks().acquire('x', 'read')).toBeUndefined();
    expect(await asOther(54321, () => locks().acquire('x', 'read'))).toBeUndefined();
    mine?.();
    // A lock of a process that is gone, which another user cannot take away.
    await writeFile(join(folder(), `x.write.${process.pid}.1.0`), '');
    expect(await asOther(54321, () => locks().acquire('x', 'write'))).toBeDefined();
  });

  it.runIf(process.geteuid?.() === 0)(
    'says so in words where it belongs to somebody who shares nothing',
    async () => {
      await mkdir(folder(), { mode: 0o755 });
      await chmod(directory, 0o755);
      await expect(asOther(12345, () => locks().acquire('x', 'write'))).rejects.toMatchObject({
        name: 'BlockError',
        message: `Could not lock images in '${folder()}': Permission denied`,
      });
    },
  );

  it('writes through no link that somebody has planted', async () => {
    const target = join(directory, 'target');
    await mkdir(target);
    await symlink(target, folder());
    const refused = `Could not lock images in '${folder()}': Not a directory`;
    await expect(locks().acquire('x', 'write')).rejects.toMatchObject({ message: refused });
    await expect(locks().isHeld('x')).rejects.toMatchObject({ message: refused });
    expect(await readdir(target)).toEqual([]);
  });
});
