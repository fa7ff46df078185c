/** The checksum of the Internet's protocols. Spec: RFC 1071. */

/** The sum of 16-bit words, not folded yet. */
export function sumWords(bytes: Uint8Array, start = 0): number {
  let sum = start;
  const even = bytes.length & ~1;
  for (let at = 0; at < even; at += 2) sum += (bytes[at] << 8) | bytes[at + 1];
  if (even < bytes.length) sum += bytes[even] << 8;
  return sum;
}

/** The checksum of what was summed up; 0 where a sum with its checksum in it is right. */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = Math.floor(folded / 0x1_0000) + (folded % 0x1_0000);
  return ~folded & 0xffff;
}

/**
 * Puts the checksum of a part of a packet where it belongs, as a card does; what is there already is part of the sum. Does nothing where
 * that is outside of the packet.
 * @param end of the last byte that counts; 0: the packet's last
 */
export function putChecksum(packet: Uint8Array, at: number, start: number, end: number): void {
  const length = end !== 0 && end < packet.length ? end + 1 : packet.length;
  if (at >= length - 1) return;
  const sum = foldSum(sumWords(packet.subarray(start, length)));
  // In UDP a sum of zero would say that there is none.
  new DataView(packet.buffer, packet.byteOffset).setUint16(at, sum === 0 ? 0xffff : sum);
}
