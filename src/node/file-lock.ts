import { rmSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlockError, type ImageLockMode, type ImageLocks } from '../emu/index.ts';
import { hostErrorCode, hostErrorText } from './host-errors.ts';

/** One for all users of the computer, whatever their TMPDIR says: else they would not see each other's locks. */
const DIRECTORY = join(process.platform === 'win32' ? tmpdir() : '/tmp', 'hotslot-locks');
/** As /tmp itself: everybody makes files, nobody takes away another's. */
const SHARED_MODE = 0o1777;

let counter = 0;

/**
 * Locks among the Hotslot processes of this computer: one small file `NAME.MODE.PID.START.N` per lock.
 * As QEMU does with lock bytes, each first says what it holds and then looks whether others are in the way;
 * of two at the same time both may fail, never both succeed. A lock of a process that is gone counts for nothing.
 * The directory is open to every user, so that what lies in it is not trusted: nothing is written through a file or
 * a link that is there already. Another user can claim an image that he does not use, and no more than that.
 * Not modelled: the fcntl lock bytes by which QEMU itself excludes others; Node cannot take them.
 */
export class FileLocks implements ImageLocks {
  readonly #directory: string;

  constructor(directory: string = DIRECTORY) {
    this.#directory = directory;
  }

  acquire(name: string, mode: ImageLockMode): Promise<(() => void) | undefined> {
    return this.#explain(() => this.#acquire(name, mode));
  }

  isHeld(name: string): Promise<boolean> {
    return this.#explain(async () => {
      await this.#openDirectory();
      return (await this.#holders(`${encodeURIComponent(name)}.`)).length > 0;
    });
  }

  async #acquire(name: string, mode: ImageLockMode): Promise<(() => void) | undefined> {
    await this.#openDirectory();
    const prefix = `${encodeURIComponent(name)}.`;
    const mine = `${prefix}${mode}.${process.pid}.${(await startTime(process.pid)) ?? ''}.${counter++}`;
    // `wx` makes a new file or fails: it follows no link that somebody has planted under this name.
    await writeFile(join(this.#directory, mine), '', { flag: 'wx' });
    const release = () => {
      rmSync(join(this.#directory, mine), { force: true });
    };
    for (const other of await this.#holders(prefix)) {
      if (other.file === mine || (mode === 'read' && other.mode === 'read')) continue;
      await rm(join(this.#directory, mine), { force: true });
      return undefined;
    }
    return release;
  }

  /** Makes the directory, or checks that it is one which all users share. */
  async #openDirectory(): Promise<void> {
    await mkdir(this.#directory).catch((error: unknown) => {
      if (hostErrorCode(error) !== 'EEXIST') throw error;
    });
    const found = await lstat(this.#directory);
    if (!found.isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    const isOurs = found.uid === process.geteuid?.();
    // Not by `mkdir`, whose mode the umask narrows.
    if (isOurs && (found.mode & 0o7777) !== SHARED_MODE) await chmod(this.#directory, SHARED_MODE);
  }

  /** What the host refuses, in words instead of Node's. */
  async #explain<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const reason = hostErrorText(error);
      const code = hostErrorCode(error) === 'ENOSPC' ? 'ENOSPC' : 'EACCES';
      throw new BlockError(code, `Could not lock images in '${this.#directory}': ${reason}`);
    }
  }

  /** The locks whose files begin so; those of processes that are gone are taken away. */
  async #holders(prefix: string): Promise<{ file: string; mode: string | undefined }[]> {
    const holders: { file: string; mode: string | undefined }[] = [];
    for (const file of await readdir(this.#directory)) {
      if (!file.startsWith(prefix)) continue;
      const [mode, pid, start] = file.slice(prefix.length).split('.');
      if (await isAlive(Number(pid), start)) holders.push({ file, mode });
      // Another user's file stays where it is; it counts for nothing all the same.
      else await rm(join(this.#directory, file), { force: true }).catch(() => {});
    }
    return holders;
  }
}

async function isAlive(pid: number, start: string | undefined): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (hostErrorCode(error) === 'ESRCH') return false;
  }
  const now = await startTime(pid);
  return now === undefined || start === undefined || start === '' || now === start;
}

/** When a process began, so that another with the same number is not taken for it; undefined where unknown. */
async function startTime(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // Spec: proc(5), field 22; field 2 may hold spaces and ends with the last parenthesis.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
