/** The guest's root file system while it is put together, in memory. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';

export type Entry =
  | { readonly kind: 'directory'; readonly mode: number }
  | { readonly kind: 'file'; readonly mode: number; readonly data: Uint8Array }
  | { readonly kind: 'symlink'; readonly mode: number; readonly target: string }
  | { readonly kind: 'character'; readonly mode: number; readonly major: number; readonly minor: number };

const DIRECTORY: Entry = { kind: 'directory', mode: 0o755 };

/** A tree of entries by path, without a leading slash; parents appear by themselves. */
export class Rootfs {
  readonly #entries = new Map<string, Entry>();

  /** All entries, each parent before its children. */
  entries(): [path: string, entry: Entry][] {
    return [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  directory(path: string, mode = 0o755): void {
    this.#put(path, { kind: 'directory', mode });
  }

  file(path: string, data: Uint8Array | string, mode = 0o644): void {
    this.#put(path, { kind: 'file', mode, data: typeof data === 'string' ? Buffer.from(data) : data });
  }

  symlink(path: string, target: string): void {
    this.#put(path, { kind: 'symlink', mode: 0o777, target });
  }

  character(path: string, mode: number, major: number, minor: number): void {
    this.#put(path, { kind: 'character', mode, major, minor });
  }

  /** Copies every file below a directory of the host; executable stays executable. */
  copyTree(hostDirectory: string): void {
    for (const path of readdirSync(hostDirectory, { recursive: true, encoding: 'utf8' }).sort()) {
      const hostPath = join(hostDirectory, path);
      const { mode } = statSync(hostPath);
      if (statSync(hostPath).isFile())
        this.file(path, readFileSync(hostPath), (mode & 0o100) === 0 ? 0o644 : 0o755);
    }
  }

  #put(path: string, entry: Entry): void {
    const parent = posix.dirname(path);
    if (parent !== '.' && !this.#entries.has(parent)) this.#put(parent, DIRECTORY);
    this.#entries.set(path, entry);
  }
}
