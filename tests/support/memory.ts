/** Guest memory as tests look at it. */
import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { DmaPort } from '../../src/emu/memory/dma-port.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { RamImage } from '../../src/emu/memory/ram-image.ts';

const ZEROS = Buffer.alloc(4096);

/** A copy of `length` bytes at `gpa`, all of which must be RAM. */
export function bytesAt(memory: DmaPort, gpa: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (!memory.read(gpa, bytes)) throw new Error(`no RAM at 0x${gpa.toString(16)}`);
  return bytes;
}

/** A number for all of RAM, the same wherever in the arena it lies and whether its zeros were ever written. */
export function ramDigest(memory: GuestMemory): string {
  const hash: Hash = createHash('sha256');
  for (const { gpa, size } of memory.regions) hash.update(`${gpa} ${size}\n`);
  for (const { at, bytes } of new RamImage(memory).pieces()) {
    for (let start = 0; start < bytes.length; start += ZEROS.length) {
      const page = bytes.subarray(start, start + ZEROS.length);
      // Most of a machine's memory is zeros, and looking for them is much quicker than digesting them.
      if (ZEROS.compare(page, 0, page.length, 0, page.length) !== 0)
        hash.update(`${at + start}\n`).update(page);
    }
  }
  return hash.digest('hex');
}
