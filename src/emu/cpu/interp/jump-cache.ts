/**
 * The jump cache: from the address of code to its record, 8 words an entry: address low, high, tag, record, address of the
 * page low, high, 1 when direct branches may be linked to the record.
 */
const JUMP_ENTRIES = 16384;
/** Words of the cache. */
export const JUMP_WORDS = JUMP_ENTRIES * 8;

/** First word of the entry for an address. */
export function jumpIndex(lo: number): number {
  return ((lo ^ (lo >>> 13)) & (JUMP_ENTRIES - 1)) << 3;
}

/** The same as text, for an address in variable `lo`. */
export function jumpIndexText(lo: string): string {
  return `((${lo}^${lo}>>>13)&${JUMP_ENTRIES - 1})<<3`;
}
