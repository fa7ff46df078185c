/** Sectors of a data disc as they are on it. Spec: ECMA-130 §14: sync, header, data; QEMU: no codes for errors. */
import { DISC_BLOCK_BYTES, minutesOf } from '../block/cdrom.ts';

export const RAW_BLOCK_BYTES = 2352;
const HEADER_AT = 12;
const DATA_AT = 16;
const MODE_1 = 1;

/** @param first number of the first of the blocks */
export function rawBlocks(blocks: Uint8Array, first: number): Uint8Array {
  const count = Math.floor(blocks.length / DISC_BLOCK_BYTES);
  const raw = new Uint8Array(count * RAW_BLOCK_BYTES);
  for (let n = 0; n < count; n++) {
    const sector = raw.subarray(n * RAW_BLOCK_BYTES, (n + 1) * RAW_BLOCK_BYTES);
    sector.fill(0xff, 1, 11);
    sector.set([...minutesOf(first + n), MODE_1], HEADER_AT);
    sector.set(blocks.subarray(n * DISC_BLOCK_BYTES, (n + 1) * DISC_BLOCK_BYTES), DATA_AT);
  }
  return raw;
}
