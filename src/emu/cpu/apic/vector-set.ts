/** 256 interrupt vectors as eight 32-bit words: IRR, ISR, TMR. */

export function setBit(words: Uint32Array, vector: number): void {
  words[vector >> 5] |= 1 << (vector & 31);
}

export function clearBit(words: Uint32Array, vector: number): void {
  words[vector >> 5] &= ~(1 << (vector & 31));
}

export function testBit(words: Uint32Array, vector: number): boolean {
  return (words[vector >> 5] & (1 << (vector & 31))) !== 0;
}

/** The highest vector in the set, or -1. */
export function highestBit(words: Uint32Array): number {
  for (let i = 7; i >= 0; i--) {
    if (words[i] !== 0) return 32 * i + 31 - Math.clz32(words[i]);
  }
  return -1;
}
