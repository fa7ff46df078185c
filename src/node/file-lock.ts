import { rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageLockMode, ImageLocks } from '../emu/index.ts';

let counter = 0;

/**
 * Locks among the Hotslot processes of this computer: one small file `NAME.MODE.PID.START.N` per lock.
 * As QEMU does with lock bytes, each first says what it holds and then looks whether others are in the way;
 * of two at the same time both may fail, never both succeed. A lock of a process that is gone counts for nothing.
 * Not modelled: the fcntl lock bytes by which QEMU itself excludes others; Node cannot take them.
 */
export class FileLocks implements ImageLocks {
  readonly #directory: string;

  constructor(directory: string = join(tmpdir(), 'hotslot-locks')) {
    this.#directory = directory;
  }

  async acquire(name: string, mode: ImageLockMode): Promise<(() => void) | undefined> {
    await mkdir(this.#directory, { recursive: true, mode: 0o1777 });
    const prefix = `${encodeURIComponent(name)}.`;
    const mine = `${prefix}${mode}.${process.pid}.${(await startTime(process.pid)) ?? ''}.${counter++}`;
    await writeFile(join(this.#directory, mine), '');
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

  async isHeld(name: string): Promise<boolean> {
    await mkdir(this.#directory, { recursive: true, mode: 0o1777 });
    return (await this.#holders(`${encodeURIComponent(name)}.`)).length > 0;
  }

  /** The locks whose files begin so; those of processes that are gone are taken away. */
  async #holders(prefix: string): Promise<{ file: string; mode: string | undefined }[]> {
    const holders: { file: string; mode: string | undefined }[] = [];
    for (const file of await readdir(this.#directory)) {
      if (!file.startsWith(prefix)) continue;
      const [mode, pid, start] = file.slice(prefix.length).split('.');
      if (await isAlive(Number(pid), start)) holders.push({ file, mode });
      else await rm(join(this.#directory, file), { force: true });
    }
    return holders;
  }
}

async function isAlive(pid: number, start: string | undefined): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
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
