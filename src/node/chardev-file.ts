import { closeSync, openSync, writeSync } from 'node:fs';
import type { Channel, ChannelUser } from './chardev.ts';

/** Writes to a file, which is emptied first; nothing comes from it. */
export class FileChannel implements Channel {
  readonly queuedBytes = 0;
  readonly filename = 'file';
  #fd: number | undefined;

  /** Throws Node's error when the file cannot be opened. */
  constructor(path: string) {
    this.#fd = openSync(path, 'w');
  }

  connect(user: ChannelUser): void {
    user.opened();
  }

  /** QEMU: what a full disk does not take is lost. */
  write(bytes: Uint8Array): void {
    if (this.#fd === undefined) return;
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
    } catch {
      return;
    }
  }

  hold(): void {}

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
