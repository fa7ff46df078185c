/** Bits of a record's last word: offset of the instruction in its page, its length, its number in the block. */
export const OFFSET_MASK = 0x1fff;
export const LENGTH_SHIFT = 13;
export const INDEX_SHIFT = 20;
