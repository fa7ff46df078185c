/** What a flash chip says of itself in query mode. Spec: JEDEC JESD68.01, Common Flash Interface; Intel's command set (1). */

const TABLE_BYTES = 0x52;
/** Bytes that one buffered write may have, as a power of two. */
const WRITE_BUFFER_LOG2 = 8;
export const WRITE_BUFFER_BYTES = 1 << WRITE_BUFFER_LOG2;
/** A size of erase blocks is told in this unit. */
const BLOCK_UNIT = 256;

/** Its bytes, each at the offset that the standard gives it. @param size of the chip in bytes, of whole blocks */
export function cfiQuery(size: number, blockBytes: number): Uint8Array {
  const table = new Uint8Array(TABLE_BYTES);
  const put = (offset: number, ...bytes: readonly number[]): void => table.set(bytes, offset);
  const word = (value: number): readonly [number, number] => [value & 0xff, (value >> 8) & 0xff];
  const blocks = size / blockBytes - 1;
  const text = (letters: string): readonly number[] => [...letters].map((letter) => letter.charCodeAt(0));
  put(0x10, ...text('QRY'));
  // Command set and where its own part of the table is; there is no second one.
  put(0x13, ...word(0x0001), ...word(0x0031), ...word(0), ...word(0));
  // Voltages, and times as powers of two: typical ones, then how many times longer they may be.
  put(0x1b, 0x45, 0x55, 0, 0, 7, 7, 10, 0, 4, 4, 4, 0);
  // QEMU: the power of two that divides it, for a size that is none.
  put(0x27, Math.log2(size & -size));
  put(0x28, ...word(0x0002), ...word(WRITE_BUFFER_LOG2));
  put(0x2c, 1, ...word(blocks), ...word(blockBytes / BLOCK_UNIT));
  // QEMU: the primary table tells its version, and one region of protection.
  put(0x31, ...text('PRI10'));
  put(0x3f, 1);
  return table;
}
