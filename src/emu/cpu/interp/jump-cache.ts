/**
 * The jump cache: from the address of code to its record, 8 words an entry: address low, high, tag, record, address of the
 * page low, high, 1 when direct branches may be linked to the record. Each vCPU has a part of it, from S[JUMP_BASE] on: one part for
 * all would be lost and filled again with every turn.
 */
const JUMP_ENTRIES = 16384;
/** Words of one part, and their number as a power of two. */
export const JUMP_WORDS_BITS = 17;
export const JUMP_WORDS = JUMP_ENTRIES * 8;

/** First word of the entry for an address, in its part. */
export function jumpIndex(lo: number): number {
  return ((lo ^ (lo >>> 13)) & (JUMP_ENTRIES - 1)) << 3;
}

/** The same as text, for an address in variable `lo`, in the part that begins at `base`. */
export function jumpIndexText(lo: string, base: string): string {
  return `(((${lo}^${lo}>>>13)&${JUMP_ENTRIES - 1})<<3)+${base}`;
}
