/** What guest memory is to a program, byte by byte and without any cache: the reference for tests of layouts. */
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import type { Region } from '../../src/emu/memory/region.ts';

/** What a device answers at `gpa`, where there is no memory. */
export function deviceByte(gpa: number): number {
  return (Math.imul(gpa % 2 ** 32, 0x9e3779b1) >>> 24) ^ (Math.floor(gpa / 2 ** 32) & 0xff);
}

export class MemoryModel {
  readonly #regions: readonly Region[];
  /** Bytes that are not zero, by address. */
  readonly #bytes = new Map<number, number>();
  /** Bytes that were written where there is no memory, in their order. */
  readonly device: string[] = [];

  constructor(regions: readonly Region[]) {
    this.#regions = regions;
  }

  regionAt(gpa: number): Region | undefined {
    return this.#regions.find(({ gpa: start, end }) => gpa >= start && gpa < end);
  }

  isRam(gpa: number, length: number): boolean {
    for (let n = 0; n < length; n++) if (this.regionAt(gpa + n) === undefined) return false;
    return true;
  }

  peek(gpa: number): number {
    return this.regionAt(gpa) === undefined ? deviceByte(gpa) : (this.#bytes.get(gpa) ?? 0);
  }

  /** The guest's write. */
  poke(gpa: number, value: number): void {
    const region = this.regionAt(gpa);
    if (region === undefined) this.device.push(`${gpa.toString(16)}=${value}`);
    else if (!region.readOnly) this.#put(gpa, value);
  }

  /** Contents as the machine puts them there, also into what the guest cannot write. */
  load(gpa: number, bytes: Uint8Array): void {
    for (const [n, byte] of bytes.entries()) this.#put(gpa + n, byte);
  }

  read(gpa: number, length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, n) => this.peek(gpa + n));
  }

  write(gpa: number, bytes: Uint8Array): void {
    for (const [n, byte] of bytes.entries()) this.poke(gpa + n, byte);
  }

  /** What was given back reads as zeros. */
  release(gpa: number, length: number): void {
    for (const at of [...this.#bytes.keys()]) {
      if (at >= gpa && at < gpa + length && this.regionAt(at)?.readOnly === false) this.#bytes.delete(at);
    }
  }

  /** The first byte of a region that differs, or undefined. */
  difference(memory: GuestMemory): string | undefined {
    for (const { gpa, size } of this.#regions) {
      const want = new Uint8Array(size);
      for (const [at, value] of this.#bytes) if (at >= gpa && at < gpa + size) want[at - gpa] = value;
      const got = new Uint8Array(size);
      memory.read(gpa, got);
      if (Buffer.compare(got, want) === 0) continue;
      const at = got.findIndex((byte, n) => byte !== want[n]);
      return `byte at ${(gpa + at).toString(16)} is ${got[at]}, not ${want[at]}`;
    }
    return undefined;
  }

  #put(gpa: number, value: number): void {
    if (value === 0) this.#bytes.delete(gpa);
    else this.#bytes.set(gpa, value);
  }
}
