/** A disk as a plain array, and what a crash may have left of it. */
import { expect } from 'vitest';

const SECTOR = 512;

export class BlockModel {
  bytes: Uint8Array;
  /** For each sector every content it had since the last flush, the flushed one first. */
  #past = new Map<number, Uint8Array[]>();

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
  }

  change(offset: number, source: Uint8Array): void {
    this.#remember(offset, source.length);
    this.bytes.set(source, offset);
    this.#remember(offset, source.length);
  }

  flushed(): void {
    this.#past.clear();
  }

  /** What is on the disk after a crash (or a failed write) must be old or new, sector by sector; it is then the truth. */
  settle(found: Uint8Array): void {
    for (let at = 0; at < found.length; at += SECTOR) {
      const is = found.slice(at, at + SECTOR);
      const allowed = this.#past.get(at / SECTOR) ?? [this.bytes.slice(at, at + SECTOR)];
      if (!allowed.some((one) => Buffer.compare(one, is) === 0)) {
        expect.fail(`sector ${at / SECTOR} is neither old nor new (${allowed.length} contents allowed)`);
      }
    }
    this.bytes = found.slice();
  }

  #remember(offset: number, length: number): void {
    for (let s = Math.floor(offset / SECTOR); s < Math.ceil((offset + length) / SECTOR); s++) {
      const past = this.#past.get(s) ?? [];
      past.push(this.bytes.slice(s * SECTOR, (s + 1) * SECTOR));
      this.#past.set(s, past);
    }
  }
}
