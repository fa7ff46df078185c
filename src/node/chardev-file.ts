import { closeSync, openSync, writeSync } from 'node:fs';
import { MonitorError } from '../emu/index.ts';
import type { Channel, ChannelUser } from './chardev.ts';
import { hostErrorText } from './host-errors.ts';

/** A file that grows. */
export class OutputFile {
  #fd: number | undefined;

  /**
   * Throws MonitorError when the file cannot be opened.
   * @param append what is in it stays
   * @param failed what QEMU says, before the file's name
   */
  constructor(path: string, append: boolean, failed: string) {
    try {
      this.#fd = openSync(path, append ? 'a' : 'w');
    } catch (error) {
      throw new MonitorError(`${failed} '${path}': ${hostErrorText(error)}`);
    }
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

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Writes to a file; nothing comes from it. */
export class FileChannel implements Channel {
  readonly queuedBytes = 0;
  readonly filename = 'file';
  readonly #file: OutputFile;

  /** Throws MonitorError when the file cannot be opened. */
  constructor(path: string, append: boolean) {
    this.#file = new OutputFile(path, append, 'Could not open');
  }

  connect(user: ChannelUser): void {
    user.opened();
  }

  write(bytes: Uint8Array): void {
    this.#file.write(bytes);
  }

  hold(): void {}

  close(): void {
    this.#file.close();
  }
}
