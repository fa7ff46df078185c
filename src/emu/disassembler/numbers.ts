/** Numbers as QEMU's disassembly shows them. QEMU: those of one digit are decimal, others hexadecimal. */

const LAST_DIGIT = 9n;

/** A number that is never negative. */
export function unsignedText(value: bigint): string {
  return value > LAST_DIGIT ? `0x${value.toString(16)}` : value.toString();
}

/** A number with its sign. */
export function signedText(value: bigint): string {
  return value < 0n ? `-${unsignedText(-value)}` : unsignedText(value);
}
