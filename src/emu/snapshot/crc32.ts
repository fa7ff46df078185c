/** CRC-32 as gzip and zip have it, eight bytes a step. Spec: ISO 3309; RFC 1952 §8. */

const POLYNOMIAL = 0xedb88320;
const SLICES = 8;

/** Slice n gives the effect of a byte that n more bytes follow. */
const TABLES = new Int32Array(SLICES * 256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  TABLES[byte] = crc;
}
for (let at = 256; at < TABLES.length; at++) {
  const before = TABLES[at - 256];
  TABLES[at] = (before >>> 8) ^ TABLES[before & 0xff];
}

/** Unsigned 32-bit; `crc` continues one that was begun. */
export function crc32(bytes: Uint8Array, crc = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const whole = bytes.length & ~(SLICES - 1);
  let value = ~crc;
  let at = 0;
  for (; at < whole; at += SLICES) {
    const first = view.getInt32(at, true) ^ value;
    const second = view.getInt32(at + 4, true);
    value =
      TABLES[1792 + (first & 0xff)] ^
      TABLES[1536 + ((first >>> 8) & 0xff)] ^
      TABLES[1280 + ((first >>> 16) & 0xff)] ^
      TABLES[1024 + (first >>> 24)] ^
      TABLES[768 + (second & 0xff)] ^
      TABLES[512 + ((second >>> 8) & 0xff)] ^
      TABLES[256 + ((second >>> 16) & 0xff)] ^
      TABLES[second >>> 24];
  }
  for (; at < bytes.length; at++) value = (value >>> 8) ^ TABLES[(value ^ bytes[at]) & 0xff];
  return ~value >>> 0;
}
